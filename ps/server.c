/* server.c - see server.h for the life of a server and its invariants. */
#include "ps/server.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/time.h"
#include "proto/frame.h"
#include "ps/clock.h"
#include "ps/round.h"
#include "ps/tableset.h"

enum { POLL_MS = 200, REFUSALS_TOLD = 1000 };
#define STRANGERS_INTERVAL_NS (10 * PLT_NS_PER_S)
#define WAIT_INTERVAL_NS PLT_NS_PER_S

/* A received message with everything it decodes to. */
typedef struct inbox {
  plt_parcel_t *parcel;
  plt_arena_t *arena;
  plt_header_t header;
  plt_route_t route;
  int64_t waited_ns; /* kept: when its sender was last told that it waits */
} inbox_t;

/* What the server knows of a worker: state per worker, not per connection. */
typedef struct peer {
  bool greeted;
  bool counted;                 /* bsp: its push is in the round */
  inbox_t *kept[PLT_STEPS_MAX]; /* the first n_kept: STEPs, or a SUM, that wait for the others, oldest first */
  size_t n_kept;
  int64_t heard_ns;
  double *sums; /* its contribution to the SUM under way */
  size_t n_sums;
} peer_t;

typedef struct server {
  const plt_server_config_t *config;
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_tableset_t *tables;
  plt_clock_t *clock;
  plt_round_t *round;
  uint64_t now;  /* clock of the tables: steps applied */
  uint64_t meet; /* ssp, asp: the last clock at which workers were called together; 0: none */
  uint64_t lead; /* most that an answered pull was ahead of the slowest worker */
  peer_t *peers;
  inbox_t *spare; /* the next message is received into this one */
  uint32_t flags; /* of the round under way */
  double eta;

  uint32_t decided;        /* flags of the last completed clock */
  double loss;             /* of the last completed clock */
  plt_progress_t progress; /* as worker 0 told it with its last STEP */
  plt_progress_t restored; /* what the checkpoint said: all workers are welcomed with that, however late they come */
  bool is_restored;

  char sum_name[PLT_TEXT_MAX]; /* of the SUM under way or last done */
  double *sum;
  size_t n_sum;
  bool sum_done;

  plt_manifest_part_t saved; /* the last checkpoint */
  uint64_t saved_clock, save_request;
  plt_status_t saved_status;
  char saved_text[PLT_TEXT_MAX];

  plt_status_t failed; /* a worker's failure, told to the others */
  char failed_text[PLT_TEXT_MAX];

  plt_parcel_t *out;
  plt_arena_t *out_arena;
  uint64_t refused;
  uint64_t strangers; /* as told last */
  int64_t strangers_told_ns;
} server_t;

static inbox_t *inbox_create(void) {
  inbox_t *inbox = plt_mem_zalloc(1, sizeof *inbox);
  inbox->parcel = plt_parcel_create();
  inbox->arena = plt_arena_create();
  return inbox;
}

static void inbox_destroy(inbox_t *inbox) {
  if (inbox == NULL) return;
  plt_parcel_destroy(&inbox->parcel);
  plt_arena_destroy(&inbox->arena);
  free(inbox);
}

/* ---- answers ---- */

static plt_status_t answer(server_t *s, const inbox_t *to, plt_header_t *header) {
  header->version = PLT_PROTOCOL_VERSION;
  header->job = s->config->job;
  header->generation = s->config->generation;
  header->role = PLT_ROLE_SERVER;
  header->number = s->config->number;
  header->request = to->header.request;
  plt_parcel_clear(s->out);
  plt_status_t status = plt_frame_encode(header, plt_wire_pool(s->wire), s->out_arena, s->out);
  if (status == PLT_OK) status = plt_listener_send(s->listener, &to->route, s->out);
  plt_parcel_clear(s->out);
  plt_arena_reset(s->out_arena);
  return status;
}

static plt_status_t answer_done(server_t *s, const inbox_t *to) {
  return answer(s, to, &(plt_header_t){.verb = PLT_VERB_DONE, .clock = s->now});
}

static plt_status_t refuse(server_t *s, const inbox_t *to, plt_status_t why, const char *text) {
  plt_header_t header = {.verb = PLT_VERB_REFUSED, .status = why};
  snprintf(header.text, sizeof header.text, "%s", text);
  s->refused++;
  if (s->refused <= REFUSALS_TOLD || (s->refused & (s->refused - 1)) == 0) /* peers shall not fill a disk */
    plt_log(PLT_LOG_INFO, "refused %s of worker %" PRIu32 ": %s%s", plt_verb_name(to->header.verb), to->header.number,
            text, s->refused == REFUSALS_TOLD ? " (further ones are counted, few are told)" : "");
  return answer(s, to, &header);
}

static plt_status_t answer_rows(server_t *s, const inbox_t *to) {
  plt_header_t header = {.verb = PLT_VERB_ROWS,
                         .clock = s->now,
                         .flags = s->decided,
                         .meet = s->meet,
                         .loss = s->loss,
                         .has_loss = !s->config->alone && s->config->number == 0 && to->header.verb == PLT_VERB_STEP};
  header.sections = plt_tableset_read(s->tables, &to->header, plt_wire_pool(s->wire), s->out_arena, &header.n_sections);
  return answer(s, to, &header);
}

/* Keeps the message that was just received until it can be answered. The caller sees to it that there is room. */
static void keep(server_t *s, peer_t *peer) {
  inbox_t **place = &peer->kept[peer->n_kept++];
  inbox_t *received = s->spare;
  s->spare = *place == NULL ? inbox_create() : *place;
  *place = received;
  received->waited_ns = plt_time_ns();
}

/* The i-th kept message has been answered. */
static void release(peer_t *peer, size_t i) {
  inbox_t *answered = peer->kept[i];
  peer->n_kept--;
  for (; i < peer->n_kept; i++) peer->kept[i] = peer->kept[i + 1];
  peer->kept[i] = answered;
}

/* ---- checkpoints ---- */

static void save(server_t *s) {
  plt_checkpoint_head_t head = {.job = s->config->job,
                                .generation = s->config->generation,
                                .clock = s->now,
                                .server = s->config->number,
                                .servers = s->config->servers,
                                .progress = s->progress};
  char dir[PLT_PATH_MAX];
  int64_t begin = plt_time_ns();
  s->saved_clock = s->now;
  s->saved_status = s->config->run_dir == NULL
                        ? plt_fail(PLT_ERR_USAGE, "this job has no run directory to write a checkpoint to")
                        : plt_manifest_part_dir(s->config->run_dir, s->now, false, dir);
  if (s->saved_status == PLT_OK) s->saved_status = plt_tableset_save(s->tables, dir, &head, &s->saved);
  if (s->saved_status != PLT_OK) snprintf(s->saved_text, sizeof s->saved_text, "%s", plt_fail_text());
  plt_log(PLT_LOG_INFO, "checkpoint of clock %" PRIu64 ": %s, %.3f s", s->now,
          s->saved_status == PLT_OK ? "written" : s->saved_text, plt_time_seconds(plt_time_ns() - begin));
}

/* ---- STEP ---- */

static bool has_pulls(const plt_header_t *step) {
  for (size_t i = 0; i < step->n_sections; i++)
    if (step->sections[i].kind == PLT_SECTION_PULL) return true;
  return false;
}

/* Whether a kept STEP can be answered: the rule of clock.h. */
static bool may_answer(server_t *s, uint32_t w, const plt_header_t *step) {
  uint64_t wanted = step->clock + step->pushes + step->ahead;
  uint32_t who = w;
  if (!s->config->alone) return wanted <= s->now && plt_clock_admits(s->clock, w, wanted, &who);
  if (!has_pulls(step)) { /* nothing to wait for */
    plt_clock_told(s->clock, w, step->clock + step->pushes);
    return true;
  }
  if (!plt_clock_admits(s->clock, w, wanted, &who)) return false;
  uint64_t lead = plt_clock_lead(s->clock, w, wanted);
  if (lead > s->lead) s->lead = lead;
  plt_clock_told(s->clock, w, wanted + 1);
  return true;
}

/* Whether a push has not been counted yet. */
static bool is_early(const server_t *s, uint32_t w, const plt_header_t *step) {
  return step->pushes && step->clock >= plt_clock_of(s->clock, w);
}

/* Answers every kept STEP whose clock has come. */
static plt_status_t answer_steps(server_t *s) {
  for (uint32_t w = 0; w < s->config->workers; w++) {
    peer_t *peer = &s->peers[w];
    for (size_t i = 0; i < peer->n_kept;) {
      inbox_t *kept = peer->kept[i];
      if (kept->header.verb != PLT_VERB_STEP || is_early(s, w, &kept->header) || !may_answer(s, w, &kept->header)) {
        i++;
        continue;
      }
      PLT_TRY(answer_rows(s, kept));
      release(peer, i);
    }
  }
  return PLT_OK;
}

/* Takes note of where training stands. A bare STEP can order a checkpoint: once, however often it arrives. */
static void obey(server_t *s, const plt_header_t *step, bool again) {
  if (step->has_progress && !again) s->progress = step->progress;
  if (step->pushes || !(step->flags & PLT_FLAG_CHECKPOINT) || step->request <= s->save_request) return;
  s->save_request = step->request;
  save(s);
}

/* ---- bsp: the pushes of a clock are one step ---- */

/* All live workers have pushed: one optimizer step (invariant 1). */
static void complete_clock(server_t *s) {
  plt_round_apply(s->round, plt_tableset_tables(s->tables), plt_tableset_size(s->tables), s->eta);
  s->loss = plt_round_loss(s->round);
  s->progress.loss_sum += s->loss;
  s->now++;
  s->decided = s->flags;
  s->flags = 0;
  plt_round_clear(s->round);
  for (uint32_t w = 0; w < s->config->workers; w++) s->peers[w].counted = false;
  if (s->decided & PLT_FLAG_CHECKPOINT) save(s);
}

static bool round_is_full(const server_t *s) {
  bool any = false;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    if (!plt_clock_is_live(s->clock, w)) continue;
    if (!s->peers[w].counted) return false;
    any = true;
  }
  return any;
}

/* The round points into the message of a push until its clock is complete: nothing else is kept for its worker. */
static plt_status_t check_idle(const server_t *s, uint32_t w) {
  if (!s->peers[w].counted) return PLT_OK;
  return plt_fail(PLT_ERR_PROTOCOL, "worker %" PRIu32 " has a push of clock %" PRIu64 " under way", w, s->now);
}

static bool round_is_open(const server_t *s) {
  for (uint32_t w = 0; w < s->config->workers; w++)
    if (s->peers[w].counted) return true;
  return false;
}

static plt_status_t join_push(server_t *s, uint32_t w, bool *again) {
  const plt_header_t *step = &s->spare->header;
  uint64_t clock = plt_clock_of(s->clock, w);
  *again = clock > 0 && step->clock == clock - 1; /* a second delivery (invariant 2) */
  if (*again) return PLT_OK;
  if (clock != step->clock || s->peers[w].counted)
    return plt_fail(PLT_ERR_PROTOCOL, "push of clock %" PRIu64 ", expected %" PRIu64, step->clock,
                    s->peers[w].counted ? clock - 1 : clock);
  if (!isfinite(step->eta) || (round_is_open(s) && step->eta != s->eta))
    return plt_fail(PLT_ERR_PROTOCOL, "push of clock %" PRIu64 " with learning rate %g, the others have %g",
                    step->clock, step->eta, s->eta);
  PLT_TRY(plt_round_add(s->round, step));
  plt_clock_advance(s->clock, w);
  s->peers[w].n_kept = 0; /* whatever was asked before is asked no more */
  s->peers[w].counted = true;
  s->flags |= step->flags;
  s->eta = step->eta;
  return PLT_OK;
}

static plt_status_t step_together(server_t *s, uint32_t w) {
  const plt_header_t *step = &s->spare->header;
  peer_t *peer = &s->peers[w];
  bool again = false;
  plt_status_t status = PLT_OK;
  if (!step->pushes && step->clock != s->now)
    status =
        plt_fail(PLT_ERR_PROTOCOL, "bare step at clock %" PRIu64 ", the tables are at %" PRIu64, step->clock, s->now);
  if (status == PLT_OK && !step->pushes) status = check_idle(s, w);
  if (status == PLT_OK && step->pushes) status = join_push(s, w, &again);
  if (status != PLT_OK) return refuse(s, s->spare, status, plt_fail_text());
  if (peer->n_kept > 0 && peer->counted && step->pushes) { /* the round points into the first delivery */
    peer->kept[0]->route = s->spare->route;
    peer->kept[0]->header.request = step->request;
    return PLT_OK;
  }
  obey(s, step, again);
  peer->n_kept = 0;
  keep(s, peer);
  if (round_is_full(s)) complete_clock(s);
  return answer_steps(s);
}

/* ---- ssp, asp: every push is a step ---- */

/* The push of worker w's clock: one optimizer step. A flag calls the workers together, unless they are on their way
 * to a meeting already; server 0 tells where. */
static plt_status_t apply_push(server_t *s, uint32_t w, const plt_header_t *step) {
  if (!isfinite(step->eta))
    return plt_fail(PLT_ERR_PROTOCOL, "push of clock %" PRIu64 " with learning rate %g", step->clock, step->eta);
  PLT_TRY(plt_round_add(s->round, step));
  plt_round_apply(s->round, plt_tableset_tables(s->tables), plt_tableset_size(s->tables), step->eta);
  plt_round_clear(s->round);
  s->now++;
  plt_clock_advance(s->clock, w);
  if (step->flags != 0 && s->config->number == 0 && s->meet <= step->clock) s->meet = plt_clock_meeting(s->clock);
  return PLT_OK;
}

/* Whether the message asks again for what is kept already: its answer then takes the new way. */
static bool asks_again(server_t *s, peer_t *peer) {
  for (size_t i = 0; i < peer->n_kept; i++) {
    if (peer->kept[i]->header.request != s->spare->header.request) continue;
    peer->kept[i]->route = s->spare->route;
    return true;
  }
  return false;
}

/* Counts the kept pushes whose turn has come; a bad one is refused. */
static plt_status_t apply_kept(server_t *s, uint32_t w) {
  peer_t *peer = &s->peers[w];
  for (size_t i = 0; i < peer->n_kept;) {
    inbox_t *kept = peer->kept[i];
    if (!kept->header.pushes || kept->header.clock != plt_clock_of(s->clock, w)) {
      i++;
      continue;
    }
    plt_status_t status = apply_push(s, w, &kept->header);
    if (status != PLT_OK) {
      release(peer, i);
      return refuse(s, kept, status, plt_fail_text());
    }
    i = 0; /* one that came before this one may be next */
  }
  return PLT_OK;
}

static plt_status_t step_alone(server_t *s, uint32_t w) {
  const plt_header_t *step = &s->spare->header;
  peer_t *peer = &s->peers[w];
  if (asks_again(s, peer)) return PLT_OK;
  if (peer->n_kept == PLT_STEPS_MAX) return refuse(s, s->spare, PLT_ERR_PROTOCOL, "too many steps wait already");
  if (!step->pushes) plt_clock_place(s->clock, w, step->clock);
  obey(s, step, step->request <= s->save_request);
  keep(s, peer);
  PLT_TRY(apply_kept(s, w)); /* at a second delivery there is nothing to count (invariant 2) */
  return answer_steps(s);
}

static plt_status_t on_step(server_t *s, uint32_t w) {
  plt_tableset_settled(s->tables);
  plt_status_t status = plt_tableset_check(s->tables, &s->spare->header);
  if (status == PLT_OK && s->spare->header.ahead > PLT_PREFETCH_MAX)
    status = plt_fail(PLT_ERR_PROTOCOL, "rows are asked for %" PRIu32 " clocks ahead", s->spare->header.ahead);
  if (status != PLT_OK) return refuse(s, s->spare, status, plt_fail_text());
  return s->config->alone ? step_alone(s, w) : step_together(s, w);
}

/* ---- SUM: server 0 adds in worker order and answers all ---- */

static bool sum_is_open(const server_t *s) { return s->sum_name[0] != '\0' && !s->sum_done; }

static plt_status_t answer_sum(server_t *s, const inbox_t *to) {
  plt_header_t header = {.verb = PLT_VERB_SUM, .sums = s->sum, .n_sums = s->n_sum};
  snprintf(header.text, sizeof header.text, "%s", s->sum_name);
  return answer(s, to, &header);
}

static plt_status_t finish_sum(server_t *s) {
  for (uint32_t w = 0; w < s->config->workers; w++)
    if (plt_clock_is_live(s->clock, w) && s->peers[w].sums == NULL) return PLT_OK;
  s->sum = plt_mem_resize(s->sum, s->n_sum, sizeof *s->sum);
  for (size_t i = 0; i < s->n_sum; i++) s->sum[i] = 0;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    if (s->peers[w].sums == NULL) continue;
    for (size_t i = 0; i < s->n_sum; i++) s->sum[i] += s->peers[w].sums[i];
    free(s->peers[w].sums);
    s->peers[w].sums = NULL;
  }
  s->sum_done = true;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    peer_t *peer = &s->peers[w];
    for (size_t i = 0; i < peer->n_kept;) {
      if (peer->kept[i]->header.verb != PLT_VERB_SUM) {
        i++;
        continue;
      }
      PLT_TRY(answer_sum(s, peer->kept[i]));
      release(peer, i);
    }
  }
  return PLT_OK;
}

static plt_status_t on_sum(server_t *s, uint32_t w) {
  const plt_header_t *sum = &s->spare->header;
  bool same = strcmp(sum->text, s->sum_name) == 0;
  plt_status_t status = check_idle(s, w);
  if (status == PLT_OK && (sum->text[0] == '\0' || sum->sums == NULL))
    status = plt_fail(PLT_ERR_PROTOCOL, "a sum needs a name and numbers");
  if (status == PLT_OK && !same && sum_is_open(s))
    status = plt_fail(PLT_ERR_PROTOCOL, "sum of \"%.400s\", but \"%.400s\" is under way", sum->text, s->sum_name);
  if (status == PLT_OK && same && sum->n_sums != s->n_sum)
    status = plt_fail(PLT_ERR_PROTOCOL, "workers sum vectors of different lengths: %zu and %zu", sum->n_sums, s->n_sum);
  if (status != PLT_OK) return refuse(s, s->spare, status, plt_fail_text());
  if (same && s->sum_done) return answer_sum(s, s->spare); /* asked again */
  if (!same) {
    memcpy(s->sum_name, sum->text, sizeof s->sum_name);
    s->n_sum = sum->n_sums;
    s->sum_done = false;
  }
  peer_t *peer = &s->peers[w];
  for (size_t i = peer->n_kept; i-- > 0;) /* asked again, or anew */
    if (peer->kept[i]->header.verb == PLT_VERB_SUM) release(peer, i);
  if (peer->n_kept == PLT_STEPS_MAX) return refuse(s, s->spare, PLT_ERR_PROTOCOL, "too many requests wait already");
  free(peer->sums);
  peer->sums = plt_mem_alloc(s->n_sum * sizeof *peer->sums);
  memcpy(peer->sums, sum->sums, s->n_sum * sizeof *peer->sums);
  keep(s, peer);
  return finish_sum(s);
}

/* ---- the other verbs ---- */

static plt_status_t on_hello(server_t *s, uint32_t w) {
  s->peers[w].greeted = true;
  return answer(
      s, s->spare,
      &(plt_header_t){
          .verb = PLT_VERB_WELCOME, .clock = s->now, .has_progress = s->is_restored, .progress = s->restored});
}

static plt_status_t on_declare(server_t *s) {
  const plt_header_t *declare = &s->spare->header;
  if (!declare->has_spec) return refuse(s, s->spare, PLT_ERR_PROTOCOL, "a declaration without a table");
  plt_status_t status = plt_tableset_declare(s->tables, declare->table, &declare->spec);
  if (status != PLT_OK) return refuse(s, s->spare, status, plt_fail_text());
  return answer_done(s, s->spare);
}

static plt_status_t on_read(server_t *s) {
  plt_status_t status = plt_tableset_check(s->tables, &s->spare->header);
  if (status != PLT_OK) return refuse(s, s->spare, status, plt_fail_text());
  return answer_rows(s, s->spare);
}

static plt_status_t on_assign(server_t *s) {
  const plt_header_t *assign = &s->spare->header;
  plt_status_t status = plt_tableset_check(s->tables, assign);
  if (status != PLT_OK) return refuse(s, s->spare, status, plt_fail_text());
  for (size_t i = 0; i < assign->n_sections; i++) {
    const plt_section_t *rows = &assign->sections[i];
    if (rows->kind != PLT_SECTION_PUSH || rows->type != PLT_WIRE_F32)
      return refuse(s, s->spare, PLT_ERR_PROTOCOL, "rows are assigned as float32 with keys");
  }
  for (size_t i = 0; i < assign->n_sections; i++) {
    const plt_section_t *rows = &assign->sections[i];
    plt_table_assign(plt_tableset_table(s->tables, rows->table), rows->keys, rows->n, rows->values);
  }
  return answer_done(s, s->spare);
}

static plt_status_t on_reset(server_t *s) {
  plt_table_t *table = plt_tableset_table(s->tables, s->spare->header.table);
  if (table == NULL) return refuse(s, s->spare, PLT_ERR_PROTOCOL, "table was not declared");
  plt_table_reset(table, s->spare->header.salt);
  return answer_done(s, s->spare);
}

static plt_status_t on_checkpointed(server_t *s) {
  plt_header_t header = {.verb = PLT_VERB_CHECKPOINTED, .clock = s->saved_clock, .bytes = s->saved.bytes};
  if (s->spare->header.clock != s->saved_clock)
    return refuse(s, s->spare, PLT_ERR_PROTOCOL, "no checkpoint of that clock was ordered");
  if (s->saved_status != PLT_OK) return refuse(s, s->spare, s->saved_status, s->saved_text);
  snprintf(header.text, sizeof header.text, "%s", s->saved.file);
  memcpy(header.hash, s->saved.hash, sizeof header.hash);
  return answer(s, s->spare, &header);
}

/* Somebody left: what waited for nobody else goes on. */
static plt_status_t go_on(server_t *s) {
  if (round_is_full(s)) complete_clock(s);
  PLT_TRY(answer_steps(s));
  return sum_is_open(s) ? finish_sum(s) : PLT_OK;
}

static plt_status_t on_bye(server_t *s, uint32_t w) {
  const plt_header_t *bye = &s->spare->header;
  s->peers[w].n_kept = 0;
  plt_clock_leave(s->clock, w);
  PLT_TRY(answer_done(s, s->spare));
  bool orderly = bye->status == PLT_OK || bye->status == PLT_ERR_PREEMPTED; /* all leave at the same clock */
  if (s->failed != PLT_OK) return PLT_OK;
  if (orderly) return go_on(s);
  s->failed = PLT_ERR_PEER;
  snprintf(s->failed_text, sizeof s->failed_text, "worker %" PRIu32 " gave up: %.900s", w, bye->text);
  for (uint32_t other = 0; other < s->config->workers; other++) {
    peer_t *peer = &s->peers[other];
    for (size_t i = 0; i < peer->n_kept; i++) PLT_TRY(refuse(s, peer->kept[i], s->failed, s->failed_text));
    peer->n_kept = 0;
  }
  return PLT_OK;
}

static plt_status_t dispatch(server_t *s, uint32_t w) {
  switch (s->spare->header.verb) {
    case PLT_VERB_HELLO: return on_hello(s, w);
    case PLT_VERB_DECLARE: return on_declare(s);
    case PLT_VERB_STEP: return on_step(s, w);
    case PLT_VERB_READ: return on_read(s);
    case PLT_VERB_ASSIGN: return on_assign(s);
    case PLT_VERB_RESET: return on_reset(s);
    case PLT_VERB_SUM: return on_sum(s, w);
    case PLT_VERB_CHECKPOINTED: return on_checkpointed(s);
    case PLT_VERB_BYE: return on_bye(s, w);
    default: return refuse(s, s->spare, PLT_ERR_PROTOCOL, "a server does not answer this verb");
  }
}

/* Whether the sender belongs to this job; else it is told why not. */
static plt_status_t admit(server_t *s, bool *admitted) {
  const plt_header_t *header = &s->spare->header;
  const char *why = NULL;
  if (header->version != PLT_PROTOCOL_VERSION)
    why = "another version of the protocol: all processes of a job need the same plateau";
  else if (header->job != s->config->job)
    why = "another job";
  else if (header->generation != s->config->generation)
    why = "another generation of this job";
  else if (header->role != PLT_ROLE_WORKER || header->number >= s->config->workers)
    why = "no worker of this job";
  else if (header->verb != PLT_VERB_HELLO && !s->peers[header->number].greeted)
    why = "no HELLO came first";
  else if (!plt_clock_is_live(s->clock, header->number) && header->verb != PLT_VERB_BYE)
    why = "this worker has said goodbye";
  *admitted = why == NULL;
  if (why != NULL) return refuse(s, s->spare, PLT_ERR_PROTOCOL, why);
  if (s->failed != PLT_OK && header->verb != PLT_VERB_BYE) {
    *admitted = false;
    return refuse(s, s->spare, s->failed, s->failed_text);
  }
  return PLT_OK;
}

static plt_status_t on_message(server_t *s) {
  inbox_t *in = s->spare;
  plt_arena_reset(in->arena);
  plt_status_t status = plt_frame_decode(in->parcel, in->arena, &in->header);
  if (status != PLT_OK) in->header = (plt_header_t){.verb = PLT_VERB_NONE};
  /* Nobody knows whose it was, but whoever is behind this connection may want to ask again. */
  if (status == PLT_ERR_DAMAGED) return answer(s, in, &(plt_header_t){.verb = PLT_VERB_AGAIN});
  if (status != PLT_OK) return refuse(s, in, PLT_ERR_PROTOCOL, plt_fail_text());
  bool admitted;
  PLT_TRY(admit(s, &admitted));
  if (!admitted) return PLT_OK;
  uint32_t w = in->header.number;
  s->peers[w].heard_ns = plt_time_ns();
  return dispatch(s, w);
}

/* For whom a worker waits: in a sum for the first who has not sent theirs, in a step for whoever is furthest behind. */
static uint32_t waited_for(const server_t *s, uint32_t w, plt_verb_t verb) {
  uint32_t who = w;
  if (verb != PLT_VERB_SUM) {
    plt_clock_admits(s->clock, w, UINT64_MAX, &who);
    return who;
  }
  for (uint32_t other = s->config->workers; other-- > 0;)
    if (plt_clock_is_live(s->clock, other) && s->peers[other].sums == NULL) who = other;
  return who;
}

/* Whoever waits is told once a second for whom (invariant 3). */
static plt_status_t send_waits(server_t *s) {
  int64_t now = plt_time_ns();
  for (uint32_t w = 0; w < s->config->workers; w++) {
    for (size_t i = 0; i < s->peers[w].n_kept; i++) {
      inbox_t *kept = s->peers[w].kept[i];
      if (now - kept->waited_ns < WAIT_INTERVAL_NS) continue;
      plt_header_t header = {.verb = PLT_VERB_WAIT, .who = waited_for(s, w, kept->header.verb)};
      header.age_ms = (uint64_t)((now - s->peers[header.who].heard_ns) / PLT_NS_PER_MS);
      kept->waited_ns = now;
      PLT_TRY(answer(s, kept, &header));
    }
  }
  return PLT_OK;
}

/* Says what strangers did at the ports of this process since the last time. */
static void tell_strangers(server_t *s, bool at_once) {
  int64_t now = plt_time_ns();
  if (!at_once && now - s->strangers_told_ns < STRANGERS_INTERVAL_NS) return;
  plt_guard_count_t count = plt_wire_guard_count(s->wire);
  /* Workers that come and go within a moment look like strangers. */
  uint64_t ended = count.ended > s->config->workers ? count.ended : 0;
  uint64_t strangers = count.refused + count.dropped + count.closures + ended;
  s->strangers_told_ns = now;
  if (strangers == s->strangers) return;
  s->strangers = strangers;
  plt_log(PLT_LOG_WARN,
          "strangers at the ports of this process so far: %" PRIu64 " connections ended before a proof, %" PRIu64
          " of them for a wrong secret, %" PRIu64 " more were dropped; ports shut %" PRIu64
          " times for too many newcomers (%" PRIu32 " open, %" PRIu32 " at most)",
          count.ended, count.refused, count.dropped, count.closures, count.open, count.peak);
}

static plt_status_t serve(server_t *s) {
  while (plt_clock_live(s->clock) > 0) {
    if (s->config->stop != NULL && atomic_load(s->config->stop)) return PLT_OK;
    bool got;
    PLT_TRY(plt_listener_receive(s->listener, POLL_MS, &s->spare->route, s->spare->parcel, &got));
    if (got) PLT_TRY(on_message(s));
    PLT_TRY(send_waits(s));
    tell_strangers(s, false);
  }
  return PLT_OK;
}

plt_status_t plt_server_run(plt_wire_t *wire, plt_listener_t *listener, const plt_server_config_t *config) {
  server_t server = {.config = config,
                     .wire = wire,
                     .listener = listener,
                     .saved_clock = UINT64_MAX,
                     .saved_status = PLT_ERR_PROTOCOL,
                     .saved_text = "no checkpoint was ordered"};
  server_t *s = &server;
  plt_checkpoint_head_t head = {0};
  plt_status_t status;
  PLT_TRY(
      plt_tableset_create(config->number, config->servers, config->restore_dir, config->restore, &head, &s->tables));
  plt_tableset_limit(s->tables, config->memory_bytes);
  s->is_restored = config->restore_dir != NULL && config->number == 0;
  s->progress = s->restored = head.progress;
  s->now = head.clock;
  s->clock = config->alone ? plt_clock_create(config->workers, config->staleness, 0) /* bare pulls place the workers */
                           : plt_clock_create(config->workers, 0, head.clock);
  s->round = plt_round_create();
  s->peers = plt_mem_zalloc(config->workers, sizeof *s->peers);
  for (uint32_t w = 0; w < config->workers; w++) s->peers[w].heard_ns = plt_time_ns();
  s->spare = inbox_create();
  s->out = plt_parcel_create();
  s->out_arena = plt_arena_create();
  plt_log(PLT_LOG_INFO, "server %" PRIu32 " of %" PRIu32 " serves %" PRIu32 " workers at %s, clock %" PRIu64,
          config->number, config->servers, config->workers, plt_listener_address(listener), s->now);

  status = serve(s);
  tell_strangers(s, true);

  plt_wire_count_t count = plt_listener_count(listener);
  plt_log(PLT_LOG_INFO,
          "server %" PRIu32 " ends at clock %" PRIu64 ": %" PRIu64 " messages in (%" PRIu64 " bytes), %" PRIu64
          " out (%" PRIu64 " bytes), %" PRIu64 " damaged, %" PRIu64 " refused",
          config->number, s->now, count.messages_in, count.bytes_in, count.messages_out, count.bytes_out,
          count.damaged_in, s->refused);
  if (config->alone)
    plt_log(PLT_LOG_INFO, "rows went out at most %" PRIu64 " clocks ahead of the slowest worker", s->lead);
  plt_parcel_destroy(&s->out);
  plt_arena_destroy(&s->out_arena);
  inbox_destroy(s->spare);
  for (uint32_t w = 0; w < config->workers; w++) {
    for (size_t i = 0; i < PLT_STEPS_MAX; i++) inbox_destroy(s->peers[w].kept[i]);
    free(s->peers[w].sums);
  }
  free(s->peers);
  free(s->sum);
  plt_round_destroy(&s->round);
  plt_clock_destroy(&s->clock);
  plt_tableset_destroy(&s->tables);
  return status;
}
