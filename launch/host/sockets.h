/* sockets.h - listening sockets made by a supervisor and handed down to its child, so that a server's address stays
 * the same however often the server is started again; and which network they are on.
 *
 * Ownership  a socket is the caller's.
 * Threads    any; nothing is shared.
 * Errors     PLT_ERR_CREATE; PLT_ERR_USAGE for a cluster.interface that this machine does not have. */
#ifndef PLT_LAUNCH_HOST_SOCKETS_H
#define PLT_LAUNCH_HOST_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

enum { PLT_ENDPOINT_MAX = 128 };

enum { PLT_ADDRESS_MAX = 64, PLT_NETWORKS_MAX = 16 };

/* IPv4 addresses to bind and publish, with the names of their networks, in the system's order. */
typedef struct plt_networks {
  uint32_t n;
  char address[PLT_NETWORKS_MAX][PLT_ADDRESS_MAX], name[PLT_NETWORKS_MAX][PLT_ADDRESS_MAX];
} plt_networks_t;
/* Those that cluster.interface means (a name, an address or a CIDR), else all but loopback that are up and connected.
 * At least one. */
plt_status_t plt_socket_networks(const char *interface, plt_networks_t *out);
bool plt_networks_have(const plt_networks_t *networks, const char *address);
/* Listens at address with a port of the system's choice; `endpoint` is "tcp://address:port". */
plt_status_t plt_socket_tcp(const char *address, int *out, char endpoint[PLT_ENDPOINT_MAX]);
/* Listens at DIR/NAME; `endpoint` is "ipc://DIR/NAME". */
plt_status_t plt_socket_ipc(const char *dir, const char *name, int *out, char endpoint[PLT_ENDPOINT_MAX]);

#endif
