/* wire.h - being written. */
#ifndef PLT_PROTO_WIRE_H
#define PLT_PROTO_WIRE_H
typedef int plt_placeholder_wire;
#endif
