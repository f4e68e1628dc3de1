/* guard.h - for the files of this folder: the door of a process. One thread per wire answers ZeroMQ's
 * authentication requests (ZAP), counts and limits the connections of listening tcp sockets, and notices when a
 * server refuses this process.
 *
 * Life       create -> [secure] -> listen / connect / leave, from any thread -> destroy when all have left. The
 *            thread starts with the first socket that is not inproc.
 * Ownership  sockets are the caller's: call leave before zmq_close.
 * Threads    all functions may be called from any thread; a socket's own functions from its owner's.
 * Errors     PLT_ERR_CREATE.
 * Source     docs/mechanisms.md 2 (what monitors do to a socket); ZeroMQ RFC 27. */
#ifndef PLT_PROTO_WIRE_GUARD_H
#define PLT_PROTO_WIRE_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/wire/security.h"

typedef struct plt_guard plt_guard_t;
/* A socket under guard; NULL for inproc. */
typedef struct plt_watch plt_watch_t;

plt_guard_t *plt_guard_create(void *context);
void plt_guard_destroy(plt_guard_t **guard);
/* Copies the secret. */
void plt_guard_secure(plt_guard_t *guard, const plt_secret_t *secret);
plt_guard_count_t plt_guard_count(plt_guard_t *guard);

/* Prepare a socket before zmq_bind and zmq_connect. */
plt_status_t plt_guard_listen(plt_guard_t *guard, void *socket, const char *const *endpoints, size_t n,
                              plt_watch_t **out);
plt_status_t plt_guard_connect(plt_guard_t *guard, void *socket, const char *endpoint, plt_watch_t **out);
/* The socket is about to be closed. Takes NULL. */
void plt_guard_leave(plt_watch_t **watch);

/* Whether any server has refused this process so far: one atomic load. */
bool plt_guard_any_refusal(const plt_guard_t *guard);
/* How often libzmq gave up a link of this process that stood: one atomic load. */
unsigned plt_guard_breaks(const plt_guard_t *guard);
/* Whether this was one of them; asked once. It has to be connected anew. */
bool plt_watch_take_break(plt_watch_t *watch);
/* Why the server behind this socket refuses this process for good; NULL if it does not. */
const char *plt_watch_refusal(const plt_watch_t *watch);

#endif
