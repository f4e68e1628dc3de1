/* host_port.h - "HOST:PORT" as people write it: 127.0.0.1:1080, [::1]:1080, node7:1080.
 *
 * Threads    any; nothing is shared.
 * Errors     PLT_ERR_USAGE, naming the option that `option` says the text is of. */
#ifndef PLT_LAUNCH_HOST_HOST_PORT_H
#define PLT_LAUNCH_HOST_HOST_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/status.h"

enum { PLT_HOST_MAX = 256, PLT_HOST_PORT_MAX = PLT_HOST_MAX + 10 };

typedef struct plt_host_port {
  char host[PLT_HOST_MAX]; /* without brackets */
  bool is_ipv6;            /* it was in brackets */
  uint16_t port;
} plt_host_port_t;

plt_status_t plt_host_port_parse(const char *text, const char *option, plt_host_port_t *out);
/* The address to bind, of a host that is a number. */
plt_status_t plt_host_port_resolve(const plt_host_port_t *place, const char *option, struct sockaddr_storage *out,
                                   socklen_t *bytes);

#endif
