/* proxy.h - stands between workers and servers, relays their ZMTP streams and does to the messages what a script
 * says.
 *
 * Life       open -> run, until INT or TERM -> close.
 * Threads    one, in one epoll loop; one proxy per process, which takes over INT and TERM.
 * Errors     opening: PLT_ERR_USAGE (not an address), PLT_ERR_CREATE (cannot listen); running: PLT_ERR_IO, and what
 *            plt_file_publish() says of the report. What peers do never ends the proxy.
 * Source     docs/fault-proxy.md. */
#ifndef PLT_LAUNCH_FAULT_PROXY_H
#define PLT_LAUNCH_FAULT_PROXY_H

#include "launch/fault/tally.h"

typedef struct plt_fault_proxy plt_fault_proxy_t;

/* `listen` is ADDRESS:PORT with a numeric address ([::1]:0 for IPv6); port 0: one of the system's choice. The script
 * is copied. `report` is a file for the tally, written once a second; NULL: none. */
plt_status_t plt_fault_proxy_open(const char *listen, const plt_fault_script_t *script, const char *report,
                                  plt_fault_proxy_t **out);
/* "127.0.0.1:40123". */
const char *plt_fault_proxy_address(const plt_fault_proxy_t *proxy);
plt_status_t plt_fault_proxy_run(plt_fault_proxy_t *proxy);
/* What was done so far, as one line; free it. */
char *plt_fault_proxy_tally(const plt_fault_proxy_t *proxy);
void plt_fault_proxy_close(plt_fault_proxy_t **proxy);

#endif
