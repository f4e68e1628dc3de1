/* job_card.h - what the servers of a job tell programs that are to be its workers, as text: who and how many, where the
 * servers are, and the secret.
 *
 *   plateau job 1                                  the format; what follows has a fixed order
 *   job 8d1c... generation 0                       as messages name them (proto/PROTOCOL.md)
 *   workers 4 servers 2 consistency ssp 3          bsp 0, or the staleness
 *   secret plateau-secret-1 token 51fa...          security.h
 *   server node7 tcp://10.0.0.7:40123 ipc:///tmp/plateau-.../server-0      or - where there is none
 *
 * Ownership  plt_job_card_clear() wipes the secret and frees the doors; a zeroed card is empty. A text holds the
 *            secret: wipe it (explicit_bzero).
 * Threads    any; pure functions.
 * Errors     PLT_ERR_PROTOCOL for a text that is none, with its line. */
#ifndef PLT_PROTO_JOB_CARD_H
#define PLT_PROTO_JOB_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/wire/security.h"

enum { PLT_DOOR_TEXT_MAX = 128, PLT_DOORS_MAX = 4096, PLT_JOB_CARD_BYTES_MAX = 2 << 20 };

/* Where one server listens. */
typedef struct plt_door {
  char host[PLT_DOOR_TEXT_MAX];                        /* its machine */
  char tcp[PLT_DOOR_TEXT_MAX], ipc[PLT_DOOR_TEXT_MAX]; /* "": there is none */
} plt_door_t;

typedef struct plt_job_card {
  uint64_t job;
  uint32_t generation, workers, servers;
  bool alone;         /* ssp, asp: as servers are configured (ps/server/server.h) */
  uint64_t staleness; /* the same; UINT64_MAX: asp */
  plt_secret_t *secret;
  plt_door_t *doors; /* [servers] */
} plt_job_card_t;

void plt_job_card_clear(plt_job_card_t *card);
/* Free the text. */
char *plt_job_card_to_text(const plt_job_card_t *card);
/* `name` stands for the text in errors. */
plt_status_t plt_job_card_from_text(const char *text, const char *name, plt_job_card_t *out);

#endif
