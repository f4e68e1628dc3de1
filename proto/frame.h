/* frame.h - headers to frames and back: protobuf-c for the control header, raw little-endian arrays behind it.
 *
 * Encode     array values of a section must be a plt_pool_take() buffer and pass to the parcel without a copy;
 *            keys are copied (u32 where they fit).
 * Decode     checks everything that can be checked without knowing the tables: sizes of all frames against the
 *            header, the number of sections, lengths of texts, keys that ascend strictly. Values stay in the
 *            parcel (unaligned); the rest is the arena's. A parcel that does not decode is a peer's fault.
 * Threads    any; arena and parcels are one caller's, a pool may be shared.
 * Errors     PLT_ERR_PROTOCOL with the reason; PLT_ERR_DAMAGED for what is not what the peer sent (wire.h).
 * Source     proto/PROTOCOL.md, "Frames". */
#ifndef PLT_PROTO_FRAME_H
#define PLT_PROTO_FRAME_H

#include "proto/message.h"
#include "proto/wire/wire.h"

/* Puts a message into an empty parcel. Sections' values change owner even when this fails. */
plt_status_t plt_frame_encode(const plt_header_t *header, plt_pool_t *pool, plt_arena_t *arena, plt_parcel_t *out);
/* The result points into parcel and arena. */
plt_status_t plt_frame_decode(const plt_parcel_t *in, plt_arena_t *arena, plt_header_t *header);

/* "protobuf-c 1.4.1", for --version. */
void plt_frame_library(char *out, size_t bytes);

#endif
