/* wire.h - ZeroMQ in one place: parcels (multipart messages), a server's listener, a worker's links.
 *
 *   worker  plt_links_t (one DEALER per server)  ══ inproc, ipc, tcp ══  plt_listener_t (ROUTER)  server
 *
 * Parcels    own their frames. A frame added from the pool is sent without copying and goes back to the pool when
 *            the last reader (over inproc: the peer) has let go of it. Sending leaves a parcel as it was, so it can
 *            be sent again.
 * Digest     over tcp and ipc every message carries a digest of its frames. One that is not what was sent arrives as
 *            damaged, without frames.
 * Received frames are NOT aligned: load through memcpy.
 * Threads    a listener or a set of links belongs to one thread; the wire itself may be shared.
 * Errors     a listener: PLT_ERR_CREATE (open, inherit), PLT_ERR_BUG where libzmq refuses what cannot be refused, never
 *            because of what a peer sent. Links: PLT_ERR_CREATE (open), PLT_ERR_PEER (open, send, receive).
 * Source     proto/PROTOCOL.md; docs/mechanisms.md 2 for the socket options. */
#ifndef PLT_PROTO_WIRE_WIRE_H
#define PLT_PROTO_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mem.h"
#include "common/status.h"
#include "proto/wire/security.h"

/* A larger frame ends the connection it comes over. */
#define PLT_FRAME_BYTES_MAX (INT64_C(1) << 31)

/* ---- parcels ---- */
typedef struct plt_parcel plt_parcel_t;
plt_parcel_t *plt_parcel_create(void);
void plt_parcel_destroy(plt_parcel_t **parcel);
void plt_parcel_clear(plt_parcel_t *parcel);
/* Adds `bytes` bytes of a plt_pool_take() buffer, whose ownership passes. */
void plt_parcel_add_pooled(plt_parcel_t *parcel, void *buffer, size_t bytes);
/* Appends the frames of `from`, which is empty afterwards. */
void plt_parcel_move(plt_parcel_t *parcel, plt_parcel_t *from);
size_t plt_parcel_frames(const plt_parcel_t *parcel);
const void *plt_parcel_frame(const plt_parcel_t *parcel, size_t i, size_t *bytes);
size_t plt_parcel_bytes(const plt_parcel_t *parcel);
/* A message that came over tcp or ipc and is not what was sent: it has no frames left. */
bool plt_parcel_is_damaged(const plt_parcel_t *parcel);
/* The process of this user that the kernel names as the sender of a message that came over ipc; 0: none. */
int64_t plt_parcel_sender(const plt_parcel_t *parcel);

/* ---- the wire of a process ---- */
typedef struct plt_wire plt_wire_t;
plt_wire_t *plt_wire_create(void);
/* Before the first socket is opened. The secret is copied; without one, cluster.security is none. */
void plt_wire_secure(plt_wire_t *wire, const plt_secret_t *secret);
/* What strangers did at the ports of this process. */
plt_guard_count_t plt_wire_guard_count(plt_wire_t *wire);
/* All sockets must be closed. */
void plt_wire_destroy(plt_wire_t **wire);
/* Buffers for frames. */
plt_pool_t *plt_wire_pool(plt_wire_t *wire);

typedef struct plt_wire_count {
  uint64_t messages_out, bytes_out, messages_in, bytes_in; /* bytes without digests */
  uint64_t damaged_in;                                     /* of the messages that came */
} plt_wire_count_t;

/* ---- server side ---- */
enum { PLT_ROUTE_MAX = 16 };
/* Where an answer goes: opaque, valid while the peer is connected. */
typedef struct plt_route {
  uint8_t bytes[PLT_ROUTE_MAX];
  size_t n;
} plt_route_t;

typedef struct plt_listener plt_listener_t;
/* endpoint: "inproc://name", "ipc:///path" or "tcp://127.0.0.1:*" (the system chooses a port). */
plt_status_t plt_listener_open(plt_wire_t *wire, const char *endpoint, plt_listener_t **out);
/* The same at n endpoints ("tcp://address:port", "ipc:///path"), each with a listening socket that was inherited. */
plt_status_t plt_listener_inherit(plt_wire_t *wire, const char *const *endpoints, const int *sockets, size_t n,
                                  plt_listener_t **out);
void plt_listener_close(plt_listener_t **listener);
/* Returns when a message waits, when `descriptor` (-1: none) is readable, on a signal or after timeout_ms. */
void plt_listener_wait(plt_listener_t *listener, int descriptor, int timeout_ms);
/* What peers connect to. */
const char *plt_listener_address(const plt_listener_t *listener);
/* Waits at most timeout_ms; *got tells whether a message came. Oversized messages and such that have no frames
 * are dropped. */
plt_status_t plt_listener_receive(plt_listener_t *listener, int timeout_ms, plt_route_t *from, plt_parcel_t *in,
                                  bool *got);
/* A peer that is gone or does not read is not waited for: the answer is dropped, the peer asks again. */
plt_status_t plt_listener_send(plt_listener_t *listener, const plt_route_t *to, plt_parcel_t *out);
plt_wire_count_t plt_listener_count(const plt_listener_t *listener);

/* ---- worker side ---- */
typedef struct plt_links plt_links_t;
plt_status_t plt_links_open(plt_wire_t *wire, const char *const *addresses, size_t n, plt_links_t **out);
void plt_links_close(plt_links_t **links);
/* As plt_listener_wait, for the first server. */
void plt_links_wait(plt_links_t *links, int descriptor, int timeout_ms);
/* Whether a server is on this machine: ipc leads to it. */
bool plt_links_are_near(const plt_links_t *links, size_t server);
plt_status_t plt_links_send(plt_links_t *links, size_t server, plt_parcel_t *out);
/* Makes the connection to a server anew: what was sent over the old one may be lost. False over inproc, where there is
 * none. */
bool plt_links_renew(plt_links_t *links, size_t server);
/* Waits at most timeout_ms for a message of any server. PLT_ERR_PEER at once when a server refuses the secret. */
plt_status_t plt_links_receive(plt_links_t *links, int timeout_ms, size_t *server, plt_parcel_t *in, bool *got);
plt_wire_count_t plt_links_count(const plt_links_t *links);

/* "ZeroMQ 4.3.4", for --version. */
void plt_wire_library(char *out, size_t bytes);

#endif
