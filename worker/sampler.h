/* sampler.h - being written. */
#ifndef PLT_WORKER_SAMPLER_H
#define PLT_WORKER_SAMPLER_H
typedef int plt_placeholder_sampler;
#endif
