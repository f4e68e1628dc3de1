/* security.h - who may speak to whom: the secret of a job, and the limits that strangers meet.
 *
 *   none    no secret: any process that reaches a port is heard (its messages still have to name job and generation)
 *   token   ZeroMQ PLAIN: 256 random bits prove that a peer belongs to the job. Full speed, nothing is hidden: who can
 *           read the network, or takes over the port of a dead server, learns the token.
 *   curve   CurveZMQ: both ends prove themselves with the job's keys, traffic is encrypted.
 *
 * Sockets of inproc:// need no secret. The secret is given to a wire before its sockets are opened
 * (plt_wire_secure in wire.h). It travels between processes over pipes and MPI, never in arguments, environment or
 * logs; in a file only for workers that are other people's programs (job_card.h), mode 0600.
 *
 * Ownership  plt_secret_destroy() wipes. A wire keeps a copy, wiped with it; libzmq's own copies are not wiped.
 * Threads    any; a secret is not changed once it was made.
 * Errors     PLT_ERR_IO (no random numbers), PLT_ERR_USAGE (libzmq without curve), PLT_ERR_PROTOCOL (not a secret).
 * Source     docs/security.md; ZeroMQ RFC 24 (PLAIN), 26 (CurveZMQ), 27 (ZAP). */
#ifndef PLT_PROTO_WIRE_SECURITY_H
#define PLT_PROTO_WIRE_SECURITY_H

#include <stdint.h>

#include "common/status.h"

typedef enum { PLT_SECURITY_NONE, PLT_SECURITY_TOKEN, PLT_SECURITY_CURVE } plt_security_t;
/* "none", "token", "curve". */
const char *plt_security_name(plt_security_t mode);

enum {
  PLT_TOKEN_HEX = 64,       /* characters of a token */
  PLT_CURVE_TEXT = 40,      /* characters of a curve key (Z85) */
  PLT_SECRET_TEXT_MAX = 256 /* bytes of a secret as text, with the final NUL */
};

/* Texts end with NUL; those that the mode does not use are empty. */
typedef struct plt_secret {
  plt_security_t mode;
  char token[PLT_TOKEN_HEX + 1];
  char server_public[PLT_CURVE_TEXT + 1], server_secret[PLT_CURVE_TEXT + 1]; /* of all servers of the job */
  char client_public[PLT_CURVE_TEXT + 1], client_secret[PLT_CURVE_TEXT + 1]; /* of all workers */
} plt_secret_t;

/* A fresh secret. */
plt_status_t plt_secret_create(plt_security_t mode, plt_secret_t **out);
/* Wipes it too. */
void plt_secret_destroy(plt_secret_t **secret);
/* One line without a line end, for a pipe to a child process; wipe it after use (explicit_bzero). */
void plt_secret_to_text(const plt_secret_t *secret, char text[PLT_SECRET_TEXT_MAX]);
plt_status_t plt_secret_from_text(const char *text, plt_secret_t **out);

/* ---- limits, per process ---- */
enum {
  PLT_FILES_KEPT = 256,       /* descriptors that connections never use: checkpoints, logs, data */
  PLT_CONNECTIONS_MAX = 8192, /* accepted connections at most; fewer where RLIMIT_NOFILE is low */
  PLT_STRANGERS_MAX = 512,    /* of them without a proof (half, where that is fewer); the oldest makes place */
  PLT_STRANGERS_PER_S = 500,  /* newcomers without a proof that are accepted for long; at first as many as above */
  PLT_HANDSHAKE_MS = 5000,    /* a peer that has not proved itself by then is dropped */
  PLT_STRANGER_BYTES = 4096   /* bytes that a peer may send before it has proved itself (read every 50 ms) */
};
/* How many connections this process accepts: a third of RLIMIT_NOFILE less PLT_FILES_KEPT, at most
 * PLT_CONNECTIONS_MAX; the other thirds are for those on their way. */
uint32_t plt_connections_limit(void);

/* What the ports of a wire have seen. */
typedef struct plt_guard_count {
  uint64_t accepted; /* connections over tcp */
  uint64_t refused;  /* peers with a wrong secret */
  uint64_t ended;    /* connections that ended, by themselves or for what they said, before a proof was seen */
  uint64_t dropped;  /* peers that did not prove themselves in time, made place, or sent too much before */
  uint64_t closures; /* times that the ports were closed to newcomers, for too many of them */
  uint32_t open, peak;
} plt_guard_count_t;

#endif
