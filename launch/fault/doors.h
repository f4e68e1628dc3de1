/* doors.h - the ports of a fault proxy: one where it is asked (forward.h), and one for each server that it
 * was asked to stand before. The same server has the same port for all who ask.
 *
 * Ownership  of all its sockets; the epoll descriptor is the caller's, sockets accepted are the caller's.
 * Threads    one owner. No call blocks.
 * Errors     PLT_ERR_USAGE (not an address), PLT_ERR_CREATE (cannot listen). */
#ifndef PLT_LAUNCH_FAULT_DOORS_H
#define PLT_LAUNCH_FAULT_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "launch/host/host_port.h"

typedef struct plt_fault_doors plt_fault_doors_t;

/* `listen` is ADDRESS:PORT with a numeric address; port 0: one of the system's choice. */
plt_status_t plt_fault_doors_open(const char *text, int epoll, plt_fault_doors_t **out);
void plt_fault_doors_close(plt_fault_doors_t **doors);
/* Where the proxy is asked: "127.0.0.1:40123". */
const char *plt_fault_doors_address(const plt_fault_doors_t *doors);

/* Answers those who ask. */
void plt_fault_doors_serve(plt_fault_doors_t *doors, int64_t now_ns);
/* Takes the next client that has come for a server, with the server's address; false if there is none. */
bool plt_fault_doors_take(plt_fault_doors_t *doors, int64_t now_ns, int *client, struct sockaddr_storage *to,
                          socklen_t *bytes);

#endif
