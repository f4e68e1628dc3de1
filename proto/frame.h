/* frame.h - being written. */
#ifndef PLT_PROTO_FRAME_H
#define PLT_PROTO_FRAME_H
typedef int plt_placeholder_frame;
#endif
