/* parcel.h - for the files of this folder: how parcels (wire.h) cross a socket.
 *
 * Between processes a message begins with a frame of 8 bytes, the digest of those behind it, which is checked and taken
 * away before anybody sees the message. Over inproc there is none: nothing can happen on the way.
 *
 * Threads    a parcel and a socket each have one owner at a time. */
#ifndef PLT_PROTO_WIRE_PARCEL_H
#define PLT_PROTO_WIRE_PARCEL_H

#include "proto/wire/wire.h"

/* Sends copies of all frames; the contents are shared, not copied. -1 with zmq's errno. */
int plt_parcel_send(void *socket, plt_parcel_t *parcel, bool has_digest, int flags);
/* Receives the rest of a message whose first frame is waiting. -1: there is none, or it had too many frames. A message
 * whose digest is wrong arrives without frames, as damaged. */
int plt_parcel_receive(void *socket, plt_parcel_t *in, bool has_digest);

#endif
