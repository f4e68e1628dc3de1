/* zap.h - for the files of this folder: the secret of a job on ZeroMQ's side. Sets the options of sockets that take
 * part in it, and answers libzmq's question whether a peer may come in (ZAP).
 *
 * Life       create -> [set] -> open, once per ZeroMQ context, before the first socket that listens binds -> destroy.
 * Threads    set before there are others; open, socket and answer: one thread; the secure calls from any.
 * Source     ZeroMQ RFC 24 (PLAIN), 26 (CurveZMQ), 27 (ZAP). */
#ifndef PLT_PROTO_WIRE_ZAP_H
#define PLT_PROTO_WIRE_ZAP_H

#include <stdint.h>

#include "proto/wire/security.h"

typedef struct plt_zap plt_zap_t;

/* cluster.security none until a secret is set. */
plt_zap_t *plt_zap_create(void);
/* Wipes the secret. */
void plt_zap_destroy(plt_zap_t **zap);
/* Copies the secret. */
void plt_zap_set(plt_zap_t *zap, const plt_secret_t *secret);

/* Options of a ZeroMQ socket before zmq_bind, or zmq_connect. 0, or another number with errno set. */
int plt_zap_secure_server(const plt_zap_t *zap, void *socket);
int plt_zap_secure_client(const plt_zap_t *zap, void *socket);

/* Takes the questions of a context. 0, or -1 with errno set. */
int plt_zap_open(plt_zap_t *zap, void *context);
void plt_zap_close(plt_zap_t *zap);
/* The ZeroMQ socket where questions come in, for a poll. */
void *plt_zap_socket(const plt_zap_t *zap);
/* Answers what has come in; returns how many peers it refused. */
uint64_t plt_zap_answer(plt_zap_t *zap);

#endif
