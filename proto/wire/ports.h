/* ports.h - for the files of this folder: the tcp ports of a process and the connections that they accepted. Keeps
 * the limits that strangers meet (security.h).
 *
 * Owner      whoever stands for the ZeroMQ socket that listens: any pointer but NULL.
 * Ownership  descriptors are libzmq's; listening sockets are duplicated.
 * Threads    one at a time, no locks inside.
 * Errors     PLT_ERR_CREATE.
 * Source     docs/mechanisms.md 2, docs/mechanisms.md 4. */
#ifndef PLT_PROTO_WIRE_PORTS_H
#define PLT_PROTO_WIRE_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/wire/security.h"

typedef struct plt_ports plt_ports_t;

plt_status_t plt_ports_create(plt_ports_t **out);
void plt_ports_destroy(plt_ports_t **ports);

/* What libzmq tells of a descriptor: it listens, it was accepted, it has ended. A listening socket that is not of tcp
 * is left alone. */
void plt_ports_listen(plt_ports_t *ports, const void *owner, uint32_t descriptor);
void plt_ports_accept(plt_ports_t *ports, const void *owner, uint32_t descriptor);
void plt_ports_end(plt_ports_t *ports, uint32_t descriptor);
/* The owner's ports and connections are closed. */
void plt_ports_leave(plt_ports_t *ports, const void *owner);

/* Whether plt_ports_sweep has work: connections have not proved themselves, or ports are shut. */
bool plt_ports_is_busy(const plt_ports_t *ports);
/* To be called every 50 ms or so while busy; now_ns as plt_time_ns(). */
void plt_ports_sweep(plt_ports_t *ports, int64_t now_ns);

/* `refused` is 0: who has a wrong secret is known elsewhere. */
plt_guard_count_t plt_ports_count(const plt_ports_t *ports);

#endif
