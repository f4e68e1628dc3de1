/* clock.h - being written. */
#ifndef PLT_PS_CLOCK_H
#define PLT_PS_CLOCK_H
typedef int plt_placeholder_clock;
#endif
