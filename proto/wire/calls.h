/* calls.h - for the files of this folder: calls of libzmq that a signal may cut short. They first look for what other
 * threads have told the socket, and a signal ends that look with EINTR, though it takes no time, before anything is
 * done: they are made again. plt_zmq_connect() and the others are else those of libzmq.
 *
 * Threads    as of the socket.
 * Source     docs/mechanisms.md 2. */
#ifndef PLT_PROTO_WIRE_CALLS_H
#define PLT_PROTO_WIRE_CALLS_H

#include <errno.h>
#include <zmq.h>

#define PLT_ZMQ_CALL(name, parameters, arguments) \
  static inline int plt_##name parameters {       \
    int done;                                     \
    do done = name arguments;                     \
    while (done != 0 && errno == EINTR);          \
    return done;                                  \
  }
PLT_ZMQ_CALL(zmq_bind, (void *socket, const char *endpoint), (socket, endpoint))
PLT_ZMQ_CALL(zmq_connect, (void *socket, const char *endpoint), (socket, endpoint))
PLT_ZMQ_CALL(zmq_disconnect, (void *socket, const char *endpoint), (socket, endpoint))
PLT_ZMQ_CALL(zmq_socket_monitor, (void *socket, const char *endpoint, int events), (socket, endpoint, events))
PLT_ZMQ_CALL(zmq_ctx_term, (void *context), (context)) /* until then its threads may have frames in use */
#undef PLT_ZMQ_CALL

#endif
