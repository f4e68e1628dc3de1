/* forward.h - how a worker asks a fault proxy to stand before a server.
 *
 *   worker ── "FORWARD 10.0.0.7:40123\n" ──▶ proxy     where the server listens
 *          ◀── "40555\n", or a reason ──               the proxy's port that leads there from now on
 *
 * Threads    any; asking blocks.
 * Errors     asking: PLT_ERR_PEER with the proxy's reason, PLT_ERR_USAGE for an address that is none. */
#ifndef PLT_LAUNCH_FAULT_FORWARD_H
#define PLT_LAUNCH_FAULT_FORWARD_H

#include <stddef.h>

#include "launch/host/host_port.h"

enum { PLT_FORWARD_LINE_MAX = 320, PLT_FORWARD_ENDPOINT_MAX = PLT_HOST_PORT_MAX + 8 };

/* The worker's side: `proxy` is HOST:PORT, `endpoint` "tcp://ADDRESS:PORT" of a server; *out is what to connect to
 * instead, "tcp://HOST:PORT". Waits 10 s at most. */
plt_status_t plt_fault_forward_ask(const char *proxy, const char *endpoint, char out[PLT_FORWARD_ENDPOINT_MAX]);

/* The proxy's side: the address in a line without its end. PLT_ERR_USAGE for any other line. */
plt_status_t plt_fault_forward_parse(const char *line, struct sockaddr_storage *to, socklen_t *bytes);

#endif
