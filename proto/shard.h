/* shard.h - being written. */
#ifndef PLT_PROTO_SHARD_H
#define PLT_PROTO_SHARD_H
typedef int plt_placeholder_shard;
#endif
