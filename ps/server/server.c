/* server.c - see server.h for the life of a server and its invariants. */
#include "ps/server/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/time.h"
#include "ps/server/state.h"

enum {
  POLL_MS = 200,
  READING_POLL_MS = 2,
  CREW_MAX = 8 /* more threads wait for memory, and each has scratch of some MB a table (ps/optimizers/adam_gap.c) */
};
#define STRANGERS_INTERVAL_NS (10 * PLT_NS_PER_S)
#define NEXT_WAIT_NS (PLT_NEXT_WAIT_MS * PLT_NS_PER_MS)

/* ---- the other verbs ---- */

static plt_status_t on_declare(plt_server_t *s, uint32_t w) {
  const plt_header_t *declare = &s->spare->header;
  plt_peer_t *peer = &s->peers[w];
  bool later;
  if (!declare->has_spec) return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "a declaration without a table");
  plt_status_t status = plt_tableset_declare(s->tables, declare->table, &declare->spec, declare->anew, &later);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  if (!later) return plt_server_answer_done(s, s->spare);
  for (size_t i = peer->n_kept; i-- > 0;) /* asked again */
    if (peer->kept[i]->header.verb == PLT_VERB_DECLARE) plt_server_release(s, peer, i);
  if (peer->n_kept == PLT_STEPS_MAX) return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "too many requests wait");
  plt_server_keep(s, peer);
  s->declares_wait = true;
  return PLT_OK;
}

/* Rows of a table have been read: declarations that waited for them are made again. */
static plt_status_t declare_kept(plt_server_t *s) {
  s->declares_wait = false;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    plt_peer_t *peer = &s->peers[w];
    for (size_t i = peer->n_kept; i-- > 0;) {
      plt_inbox_t *kept = peer->kept[i];
      if (kept->header.verb != PLT_VERB_DECLARE) continue;
      plt_server_release(s, peer, i);
      peer->kept[peer->n_kept] = s->spare;
      s->spare = kept;
      PLT_TRY(on_declare(s, w));
    }
  }
  return PLT_OK;
}

static plt_status_t on_read(plt_server_t *s) {
  plt_status_t status = plt_tableset_check(s->tables, &s->spare->header);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  return plt_server_answer_rows(s, s->spare);
}

/* What sets rows is done once, however often it arrives: others may have changed them since. */
static plt_status_t answer_change(plt_server_t *s, uint32_t w) {
  s->peers[w].changed = s->spare->header.request;
  return plt_server_answer_done(s, s->spare);
}

static plt_status_t on_assign(plt_server_t *s, uint32_t w) {
  const plt_header_t *assign = &s->spare->header;
  if (assign->request == s->peers[w].changed) return plt_server_answer_done(s, s->spare);
  plt_status_t status = plt_tableset_check(s->tables, assign);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  for (size_t i = 0; i < assign->n_sections; i++) {
    const plt_section_t *rows = &assign->sections[i];
    if (rows->kind != PLT_SECTION_PUSH || rows->type != PLT_WIRE_F32)
      return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "rows are assigned as float32 with keys");
  }
  for (size_t i = 0; i < assign->n_sections; i++) {
    const plt_section_t *rows = &assign->sections[i];
    plt_table_assign(plt_tableset_table(s->tables, rows->table), rows->keys, rows->n, rows->values);
  }
  return answer_change(s, w);
}

static plt_status_t on_reset(plt_server_t *s, uint32_t w) {
  if (s->spare->header.request == s->peers[w].changed) return plt_server_answer_done(s, s->spare);
  plt_table_t *table = plt_tableset_table(s->tables, s->spare->header.table);
  if (table == NULL) return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "table was not declared");
  plt_saver_wait(s->saver);
  plt_table_reset(table, s->spare->header.salt);
  return answer_change(s, w);
}

/* Temporary tables are in no image: nothing need be waited for. */
static plt_status_t on_drop(plt_server_t *s, uint32_t w) {
  if (s->spare->header.request == s->peers[w].changed) return plt_server_answer_done(s, s->spare);
  plt_status_t status = plt_tableset_drop(s->tables, s->spare->header.table);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  return answer_change(s, w);
}

/* The tables of another stage are declared next. Nobody may be at work with those there are. */
static plt_status_t enter(plt_server_t *s, const plt_header_t *asked) {
  char name[32], dir[PLT_PATH_MAX];
  plt_manifest_t manifest = {0};
  for (uint32_t w = 0; w < s->config->workers; w++) PLT_TRY(plt_server_check_idle(s, w));
  plt_saver_wait(s->saver);
  if (asked->clock == s->now) return plt_tableset_enter(s->tables, asked->table, NULL, NULL);
  if (s->config->run_dir == NULL)
    return plt_fail(PLT_ERR_USAGE, "this job has no run directory to take tables of an earlier clock from");
  snprintf(name, sizeof name, "%" PRIu64, asked->clock);
  PLT_TRY(plt_manifest_load_verified(s->config->run_dir, name, &manifest, dir)); /* hashes: by who asks */
  plt_status_t status = plt_tableset_enter(s->tables, asked->table, dir, &manifest);
  plt_manifest_clear(&manifest);
  return status;
}

static plt_status_t on_enter(plt_server_t *s, uint32_t w) {
  if (s->spare->header.request == s->peers[w].changed) return plt_server_answer_done(s, s->spare);
  plt_status_t status = enter(s, &s->spare->header);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  return answer_change(s, w);
}

/* The part of the last checkpoint; `bytes` without a hash: still being written, so many moves on. */
static plt_status_t on_checkpointed(plt_server_t *s) {
  plt_saver_report_t report = plt_saver_look(s->saver);
  plt_header_t header = {.verb = PLT_VERB_CHECKPOINTED, .clock = report.clock, .bytes = report.moves};
  if (s->spare->header.clock != report.clock || report.clock == UINT64_MAX)
    return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "no checkpoint of that clock was ordered");
  if (!report.ended) return plt_server_answer(s, s->spare, &header);
  if (report.status != PLT_OK) return plt_server_refuse(s, s->spare, report.status, report.text);
  header.bytes = report.part.bytes;
  snprintf(header.text, sizeof header.text, "%s", report.part.file);
  memcpy(header.hash, report.part.hash, sizeof header.hash);
  return plt_server_answer(s, s->spare, &header);
}

static plt_status_t on_lend(plt_server_t *s, uint32_t w) {
  plt_header_t answer = {.verb = PLT_VERB_LEND, .status = plt_server_take_lent(s, w)};
  if (answer.status != PLT_OK) snprintf(answer.text, sizeof answer.text, "%.900s", plt_fail_text());
  return plt_server_answer(s, s->spare, &answer);
}

/* A worker waits for one answer at a time, but for the STEPs of ssp and asp: what is older than its last request was
 * late on its way, and what it asks may be wrong by now. */
static plt_status_t dispatch(plt_server_t *s, uint32_t w) {
  plt_verb_t verb = s->spare->header.verb;
  uint64_t request = s->spare->header.request, *last = &s->peers[w].request;
  bool in_turn = verb != PLT_VERB_HELLO && verb != PLT_VERB_LEND && !(verb == PLT_VERB_STEP && s->config->alone);
  if (in_turn && request < *last) {
    s->late++;
    return plt_server_answer(s, s->spare,
                             &(plt_header_t){.verb = PLT_VERB_REFUSED,
                                             .status = PLT_ERR_PROTOCOL,
                                             .text = "this worker has asked for something else since"});
  }
  if (in_turn) *last = request;
  plt_status_t status = plt_server_find_lent(s, w, &s->spare->header);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  if (s->spare->header.parts > 1) {
    bool whole;
    if (verb != PLT_VERB_STEP) return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "only a STEP may come in parts");
    PLT_TRY(plt_server_gather(s, w, &whole));
    if (!whole) return PLT_OK;
  }
  switch (verb) {
    case PLT_VERB_HELLO: return plt_server_on_hello(s, w);
    case PLT_VERB_DECLARE: return on_declare(s, w);
    case PLT_VERB_STEP: return plt_server_on_step(s, w);
    case PLT_VERB_READ: return on_read(s);
    case PLT_VERB_ASSIGN: return on_assign(s, w);
    case PLT_VERB_RESET: return on_reset(s, w);
    case PLT_VERB_DROP: return on_drop(s, w);
    case PLT_VERB_ENTER: return on_enter(s, w);
    case PLT_VERB_SUM: return plt_server_on_sum(s, w);
    case PLT_VERB_CHECKPOINTED: return on_checkpointed(s);
    case PLT_VERB_LEND: return on_lend(s, w);
    case PLT_VERB_PUBLISH: return plt_server_on_publish(s, w);
    case PLT_VERB_BYE: return plt_server_on_bye(s, w);
    default: return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "a server does not answer this verb");
  }
}

/* Whether the sender belongs to this job; else it is told why not. */
static plt_status_t admit(plt_server_t *s, bool *admitted) {
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
  else if (header->verb != PLT_VERB_HELLO && header->request <= s->peers[header->number].floor)
    why = "another process has taken the number of this worker since: two processes of a job must not have the same";
  else if (!plt_clock_is_live(s->clock, header->number) && header->verb != PLT_VERB_BYE)
    why = "this worker has said goodbye";
  *admitted = why == NULL;
  if (why != NULL) return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, why);
  if (s->failed != PLT_OK && header->verb != PLT_VERB_BYE) {
    *admitted = false;
    return plt_server_refuse(s, s->spare, s->failed, s->failed_text);
  }
  return PLT_OK;
}

static plt_status_t on_message(plt_server_t *s) {
  plt_inbox_t *in = s->spare;
  plt_arena_reset(in->arena);
  plt_server_release_parts(s, in); /* of an earlier request */
  plt_status_t status = plt_frame_decode(in->parcel, in->arena, &in->header);
  if (status != PLT_OK) in->header = (plt_header_t){.verb = PLT_VERB_NONE};
  /* Nobody knows whose it was, but whoever is behind this connection may want to ask again. */
  if (status == PLT_ERR_DAMAGED) return plt_server_answer(s, in, &(plt_header_t){.verb = PLT_VERB_AGAIN});
  if (status != PLT_OK) return plt_server_refuse(s, in, PLT_ERR_PROTOCOL, plt_fail_text());
  bool admitted;
  PLT_TRY(admit(s, &admitted));
  if (!admitted) return PLT_OK;
  uint32_t w = in->header.number;
  s->peers[w].heard_ns = plt_time_ns();
  return dispatch(s, w);
}

/* For whom a worker waits: in a sum for the first who has not sent theirs, in a step for whoever is furthest behind. */
static uint32_t waited_for(const plt_server_t *s, uint32_t w, plt_verb_t verb) {
  uint32_t who = w;
  if (verb != PLT_VERB_SUM) {
    plt_clock_admits(s->clock, w, UINT64_MAX, &who);
    return who;
  }
  for (uint32_t other = s->config->workers; other-- > 0;)
    if (plt_clock_is_live(s->clock, other) && s->peers[other].sums == NULL) who = other;
  return who;
}

/* Whoever waits is told for whom (invariant 3). Returns how long nobody has to be told again, at most POLL_MS. */
static plt_status_t send_waits(plt_server_t *s, int *patience_ms) {
  int64_t now = plt_time_ns(), next = now + POLL_MS * PLT_NS_PER_MS;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    for (size_t i = 0; i < s->peers[w].n_kept; i++) {
      plt_inbox_t *kept = s->peers[w].kept[i];
      if (now >= kept->wait_at_ns) {
        plt_header_t header = {.verb = PLT_VERB_WAIT, .who = waited_for(s, w, kept->header.verb)};
        header.age_ms = (uint64_t)((now - s->peers[header.who].heard_ns) / PLT_NS_PER_MS);
        kept->wait_at_ns = now + NEXT_WAIT_NS;
        PLT_TRY(plt_server_answer(s, kept, &header));
      }
      if (kept->wait_at_ns < next) next = kept->wait_at_ns;
    }
  }
  *patience_ms = (int)((next - now + PLT_NS_PER_MS - 1) / PLT_NS_PER_MS);
  return PLT_OK;
}

/* Says what strangers did at the ports of this process since the last time. */
static void tell_strangers(plt_server_t *s, bool at_once) {
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

/* While the server worked, or was stopped, it did not listen: silence counts from now. */
static void excuse_silence(plt_server_t *s) {
  if (plt_time_missed(&s->round_ns) == 0) return;
  for (uint32_t w = 0; w < s->config->workers; w++) s->peers[w].heard_ns = s->round_ns;
}

static plt_status_t serve(plt_server_t *s) {
  int patience_ms = 0;
  while (plt_clock_live(s->clock) > 0) {
    plt_status_t why;
    excuse_silence(s);
    if (plt_server_gives_up(s, &why)) return why;
    if (s->config->stop != NULL && atomic_load(s->config->stop)) return PLT_OK;
    bool got;
    if (s->declares_wait) patience_ms = READING_POLL_MS;
    PLT_TRY(plt_listener_receive(s->listener, patience_ms, &s->spare->route, s->spare->parcel, &got));
    if (got) PLT_TRY(on_message(s));
    if (s->declares_wait && !plt_tableset_is_reading(s->tables)) PLT_TRY(declare_kept(s));
    excuse_silence(s);
    PLT_TRY(send_waits(s, &patience_ms));
    plt_saver_look(s->saver); /* gives up the images of a part that is written */
    tell_strangers(s, false);
  }
  if (s->config->linger_s > 0 && s->failed != PLT_OK) return plt_fail(s->failed, "%s", s->failed_text);
  return PLT_OK;
}

/* Of whom nothing has been heard yet. */
static plt_peer_t *await_workers(uint32_t n, uint64_t start) {
  plt_peer_t *peers = plt_mem_zalloc(n, sizeof *peers);
  for (uint32_t w = 0; w < n; w++) {
    peers[w].heard_ns = plt_time_ns();
    peers[w].start = start;
  }
  return peers;
}

plt_status_t plt_server_run(plt_wire_t *wire, plt_listener_t *listener, const plt_server_config_t *config) {
  plt_server_t server = {.config = config, .wire = wire, .listener = listener};
  plt_server_t *s = &server;
  plt_checkpoint_head_t head = {0};
  plt_status_t status;
  PLT_TRY(plt_tableset_create(config->number, config->servers, &config->start, &head, &s->tables));
  plt_tableset_limit(s->tables, config->memory_bytes);
  plt_crew_t *crew = plt_crew_create(config->threads < CREW_MAX ? config->threads : CREW_MAX);
  plt_tableset_share(s->tables, crew);
  s->is_restored = plt_start_goes_on(&config->start) && config->number == 0;
  s->progress = s->restored = head.progress;
  s->now = s->start = head.clock;
  s->clock = config->alone ? plt_clock_create(config->workers, config->staleness, 0) /* bare pulls place the workers */
                           : plt_clock_create(config->workers, 0, head.clock);
  s->saver = plt_saver_create(config->run_dir);
  s->round = plt_round_create(crew);
  s->peers = await_workers(config->workers, s->start);
  s->spare = plt_inbox_create();
  s->out = plt_parcel_create();
  s->out_arena = plt_arena_create();
  plt_log(
      PLT_LOG_INFO, "server %" PRIu32 " of %" PRIu32 " serves %" PRIu32 " workers at %s: %zu threads, clock %" PRIu64,
      config->number, config->servers, config->workers, plt_listener_address(listener), plt_crew_size(crew), s->now);

  status = serve(s);
  plt_saver_destroy(&s->saver);
  tell_strangers(s, true);

  plt_wire_count_t count = plt_listener_count(listener);
  plt_log(PLT_LOG_INFO,
          "server %" PRIu32 " ends at clock %" PRIu64 ": %" PRIu64 " messages in (%" PRIu64 " bytes), %" PRIu64
          " out (%" PRIu64 " bytes), %" PRIu64 " damaged, %" PRIu64 " late, %" PRIu64 " refused",
          config->number, s->now, count.messages_in, count.bytes_in, count.messages_out, count.bytes_out,
          count.damaged_in, s->late, s->refused);
  if (config->alone)
    plt_log(PLT_LOG_INFO, "rows went out at most %" PRIu64 " clocks ahead of the slowest worker", s->lead);
  plt_parcel_destroy(&s->out);
  plt_arena_destroy(&s->out_arena);
  plt_inbox_destroy(s->spare);
  while (s->n_empty > 0) plt_inbox_destroy(s->empty[--s->n_empty]);
  free(s->empty);
  for (uint32_t w = 0; w < config->workers; w++) {
    for (size_t i = 0; i < PLT_STEPS_MAX; i++) plt_inbox_destroy(s->peers[w].kept[i]);
    plt_inbox_destroy(s->peers[w].gather);
    plt_server_free_lent(&s->peers[w]);
    free(s->peers[w].sums);
  }
  free(s->peers);
  free(s->sum.values);
  free(s->sum_before.values);
  plt_manifest_clear(&s->manifest);
  plt_round_destroy(&s->round);
  plt_clock_destroy(&s->clock);
  plt_tableset_destroy(&s->tables);
  plt_crew_destroy(&crew);
  return status;
}
