/* link.h - one connection through a fault proxy: a client's socket, a server's, and a flow for each direction.
 *
 *   connects to the server ──▶ relays ──▶ over
 *
 * Both sockets are closed at once when either fails, by a cut, or when both ends have finished sending. A server that
 * cannot be reached ends the client's connection, too.
 *
 * Ownership  of both sockets; the epoll descriptor is the caller's.
 * Threads    one owner. No call blocks. */
#ifndef PLT_LAUNCH_FAULT_LINK_H
#define PLT_LAUNCH_FAULT_LINK_H

#include <sys/socket.h>

#include "launch/fault/tally.h"

typedef struct plt_fault_link plt_fault_link_t;

/* Takes the socket of a client that was accepted, and the address of its server; `number` counts connections. */
plt_fault_link_t *plt_fault_link_create(int epoll, int client, const struct sockaddr_storage *to, socklen_t bytes,
                                        const plt_fault_script_t *script, uint32_t number, plt_fault_tally_t *tally);
void plt_fault_link_destroy(plt_fault_link_t **link);

/* Moves what can be moved, and nothing before `blocked_until_ns`. Returns when to call again at the latest, whatever
 * epoll says. */
int64_t plt_fault_link_work(plt_fault_link_t *link, int64_t now_ns, int64_t blocked_until_ns);
/* Whether it is over: to be destroyed. */
bool plt_fault_link_is_over(const plt_fault_link_t *link);

#endif
