/* state.h - what the files of the server share; for them only.
 *
 *   server.c   the loop, admission, DECLARE, READ, ASSIGN, RESET, DROP, ENTER, LEND
 *   step.c     STEP: pushes are counted, steps are made, pulls wait for their clock
 *   gather.c   requests that come in parts
 *   lent.c     memory that workers on the same machine lend
 *   sum.c      SUM
 *   peers.c    HELLO, BYE: who is who, and what if somebody is gone
 *   publish.c  PUBLISH
 *   answer.c   answers, refusals, messages that are kept until they can be answered
 *
 * Threads    the server's loop alone.
 * Errors     what ends the server: PLT_ERR_BUG of the listener (proto/wire/wire.h). A peer's mistake is refused, and
 *            ends nothing. */
#ifndef PLT_PS_SERVER_STATE_H
#define PLT_PS_SERVER_STATE_H

#include "proto/frame.h"
#include "proto/wire/region.h"
#include "ps/checkpoint/saver.h"
#include "ps/server/clock.h"
#include "ps/server/round.h"
#include "ps/server/server.h"
#include "ps/server/tableset.h"

/* A received message with everything it decodes to. */
typedef struct plt_inbox plt_inbox_t;
struct plt_inbox {
  plt_parcel_t *parcel;
  plt_arena_t *arena;
  plt_header_t header;
  plt_route_t route;
  int64_t wait_at_ns; /* kept: when its sender is told next that it waits */
  /* A request in parts: what has come of it, in the first n_parts places: n_got of them. */
  uint32_t n_parts, n_got;
  uint64_t gathered;                 /* the request's number */
  plt_inbox_t *parts[PLT_PARTS_MAX]; /* NULL where none has come */
};

/* What the server knows of a worker: state per worker, not per connection. */
typedef struct plt_peer {
  bool greeted;
  uint64_t mark;                    /* of the process that has greeted */
  uint64_t start;                   /* the clock that it was welcomed with */
  uint64_t floor;                   /* its requests have higher numbers; lower ones are of a process before it */
  uint32_t sums_since;              /* SUMs since its last push */
  uint64_t request;                 /* the last one, of those that come one at a time */
  uint64_t changed;                 /* the last ASSIGN, RESET, DROP or ENTER that was carried out */
  bool counted;                     /* bsp: its push is in the round */
  plt_inbox_t *kept[PLT_STEPS_MAX]; /* the first n_kept: STEPs, or a SUM, that wait for the others, oldest first */
  size_t n_kept;
  plt_inbox_t *gather; /* a request that comes in parts */
  /* Memory that it lends; mapped until the server ends: what came may point into it. */
  plt_region_t *regions[PLT_REGIONS_MAX];
  uint32_t n_regions;
  int64_t heard_ns;
  double *sums; /* its contribution to the SUM under way */
  size_t n_sums;
} plt_peer_t;

typedef struct plt_sum {
  char name[PLT_TEXT_MAX];
  double *values; /* once it is done */
  size_t n;
  bool done;
} plt_sum_t;

typedef struct plt_server {
  const plt_server_config_t *config;
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_tableset_t *tables;
  plt_clock_t *clock;
  plt_round_t *round;
  uint64_t now;   /* clock of the tables: steps applied */
  uint64_t start; /* the first of it */
  uint64_t meet;  /* ssp, asp: the last clock at which workers were called together; 0: none */
  uint64_t lead;  /* most that an answered pull was ahead of the slowest worker */
  plt_peer_t *peers;
  plt_inbox_t *spare;  /* the next message is received into this one */
  plt_inbox_t **empty; /* n_empty inboxes for parts */
  size_t n_empty, empty_capacity;
  bool declares_wait; /* for rows that are being read */
  uint32_t flags;     /* of the round under way */
  double eta;

  uint32_t decided;        /* flags of the last completed clock */
  double loss;             /* of the last completed clock */
  plt_progress_t progress; /* as worker 0 told it with its last STEP */
  plt_progress_t restored; /* what the checkpoint said: all workers are welcomed with that, however late they come */
  bool is_restored;

  plt_sum_t sum;        /* under way, or last done */
  plt_sum_t sum_before; /* whose answer may have been lost: no worker is further behind */

  plt_saver_t *saver;
  uint64_t save_request; /* of the last bare STEP that ordered a checkpoint */

  plt_status_t failed; /* a worker's failure, told to the others */
  char failed_text[PLT_TEXT_MAX];
  int64_t failed_ns;
  int64_t round_ns; /* of the loop over messages */

  plt_manifest_t manifest; /* of the checkpoint that is being published */
  size_t n_manifest;       /* parts of it that are known */

  plt_parcel_t *out;
  plt_arena_t *out_arena;
  uint64_t refused, late;
  uint64_t strangers; /* as told last */
  int64_t strangers_told_ns;
} plt_server_t;

/* ---- answer.c ---- */
plt_inbox_t *plt_inbox_create(void);
void plt_inbox_destroy(plt_inbox_t *inbox);
plt_status_t plt_server_answer(plt_server_t *s, const plt_inbox_t *to, plt_header_t *header);
plt_status_t plt_server_answer_done(plt_server_t *s, const plt_inbox_t *to);
/* The rows that a message asks for, as they are. */
plt_status_t plt_server_answer_rows(plt_server_t *s, const plt_inbox_t *to);
plt_status_t plt_server_refuse(plt_server_t *s, const plt_inbox_t *to, plt_status_t why, const char *text);
/* bsp: the round points into the message of a push until its clock is complete, so nothing else may be kept for its
 * worker. PLT_ERR_PROTOCOL if there is one. */
plt_status_t plt_server_check_idle(const plt_server_t *s, uint32_t w);
/* Keeps the message that was just received until it can be answered. The caller sees to it that there is room. */
void plt_server_keep(plt_server_t *s, plt_peer_t *peer);
/* The i-th kept message came again: the answer takes the new way, and a WAIT says at once that it is here. */
void plt_server_keep_again(plt_server_t *s, plt_peer_t *peer, size_t i);
/* The parts of a request are not needed any more. */
void plt_server_release_parts(plt_server_t *s, plt_inbox_t *inbox);
/* The i-th kept message has been answered. */
void plt_server_release(plt_server_t *s, plt_peer_t *peer, size_t i);

/* ---- gather.c ---- */
/* A part of a request has come. *whole: it was the last one, and the request is in s->spare. */
plt_status_t plt_server_gather(plt_server_t *s, uint32_t w, bool *whole);

/* ---- lent.c ---- */
/* Maps what a LEND offers. PLT_ERR_PROTOCOL, PLT_ERR_CREATE: it is not taken. */
plt_status_t plt_server_take_lent(plt_server_t *s, uint32_t w);
/* Finds the values of a message, and the places for its answer, in what the worker lends. PLT_ERR_PROTOCOL: they are
 * not there. */
plt_status_t plt_server_find_lent(plt_server_t *s, uint32_t w, const plt_header_t *header);
/* The region where the answer to a request goes, claimed; NULL: it goes in frames. */
plt_region_t *plt_server_claim_lent(plt_server_t *s, const plt_header_t *asked);
void plt_server_free_lent(plt_peer_t *peer);

/* ---- step.c ---- */
plt_status_t plt_server_on_step(plt_server_t *s, uint32_t w);
/* Somebody left: what waited for nobody else goes on. */
plt_status_t plt_server_go_on(plt_server_t *s);

/* ---- sum.c ---- */
plt_status_t plt_server_on_sum(plt_server_t *s, uint32_t w);
/* Answers the SUM under way if all live workers have sent theirs. */
plt_status_t plt_server_finish_sum(plt_server_t *s);
bool plt_server_sum_is_open(const plt_server_t *s);

/* ---- peers.c ---- */
plt_status_t plt_server_on_hello(plt_server_t *s, uint32_t w);
plt_status_t plt_server_on_bye(plt_server_t *s, uint32_t w);
/* Whether the server ends although workers are left, as linger_s and idle_s say; *why: by which failure. */
bool plt_server_gives_up(plt_server_t *s, plt_status_t *why);

/* ---- publish.c ---- */
plt_status_t plt_server_on_publish(plt_server_t *s, uint32_t w);

#endif
