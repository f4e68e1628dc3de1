/* bare_wire.h - the yardstick of a training step: a bare ZeroMQ DEALER and ROUTER, one thread each, that exchange
 * the frames of one step and do nothing else.
 *
 *   request  [header 64 B][push keys, n u32][push values, n x 64][pull keys, n u32]
 *   reply    [header 64 B][values, n x 64]                                        values of 4 or 2 bytes
 *
 * Arrays are sent without copying, from buffers made once. Each end copies what it received once, as the least that any
 * use of it costs (over inproc, nothing but pointers would pass otherwise).
 *
 * Threads    one caller; the answering end has a thread of its own.
 * Errors     none is returned: failures end the process (measure.h). */
#ifndef PLT_LAUNCH_BENCH_BARE_WIRE_H
#define PLT_LAUNCH_BENCH_BARE_WIRE_H

#include <stddef.h>

enum { PLT_BARE_COLS = 64 };

typedef struct plt_bare_wire plt_bare_wire_t;

/* transport: "inproc", "ipc" or "tcp". Failures end the program. */
plt_bare_wire_t *plt_bare_wire_open(const char *transport, size_t rows, size_t value_bytes);
void plt_bare_wire_close(plt_bare_wire_t **wire);
/* One request and its reply; the argument is a plt_bare_wire_t. */
void plt_bare_wire_step(void *argument);

/* An endpoint for a transport to bind; for ipc in a fresh private folder, whose name goes to `folder` ("" else). */
void plt_bare_endpoint(const char *transport, char endpoint[256], char folder[64]);
/* Removes that folder and the socket in it. */
void plt_bare_endpoint_remove(const char *folder);

#endif
