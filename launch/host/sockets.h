/* sockets.h - listening sockets made by a supervisor and handed down to its child, so that a server's address stays
 * the same however often the server is started again; and which network they are on.
 *
 * Ownership  a socket is the caller's.
 * Threads    any; nothing is shared.
 * Errors     PLT_ERR_CREATE; PLT_ERR_USAGE for a cluster.interface that this machine does not have. */
#ifndef PLT_LAUNCH_HOST_SOCKETS_H
#define PLT_LAUNCH_HOST_SOCKETS_H

#include <stddef.h>

#include "common/status.h"

enum { PLT_ENDPOINT_MAX = 128 };

/* The IPv4 address to bind and publish: of cluster.interface (a name, an address or a CIDR), else loopback when all
 * ranks share one machine, else the first network that is up. */
plt_status_t plt_socket_address(const char *interface, int one_machine, char out[64]);
/* Listens at address with a port of the system's choice; `endpoint` is "tcp://address:port". */
plt_status_t plt_socket_tcp(const char *address, int *out, char endpoint[PLT_ENDPOINT_MAX]);
/* Listens at DIR/NAME; `endpoint` is "ipc://DIR/NAME". */
plt_status_t plt_socket_ipc(const char *dir, const char *name, int *out, char endpoint[PLT_ENDPOINT_MAX]);

#endif
