/* step.c - STEP: see state.h.
 *
 *   bsp        pushes of a clock ─▶ round ─▶ (all are in) one step of the tables ─▶ answers
 *   ssp, asp   push ─▶ one step of the tables ─▶ answers, each when its clock has come */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "ps/server/state.h"

/* ---- checkpoints ---- */

/* Begins one of the tables as they are. */
static void save(plt_server_t *s) {
  plt_checkpoint_head_t head = {.job = s->config->job,
                                .generation = s->config->generation,
                                .clock = s->now,
                                .server = s->config->number,
                                .servers = s->config->servers,
                                .progress = s->progress};
  plt_saver_begin(s->saver, &head, plt_tableset_tables(s->tables), plt_tableset_lasting(s->tables));
}

/* ---- pulls ---- */

static bool has_pulls(const plt_header_t *step) {
  for (size_t i = 0; i < step->n_sections; i++)
    if (step->sections[i].kind == PLT_SECTION_PULL) return true;
  return false;
}

/* Whether a kept STEP can be answered: the rule of clock.h. */
static bool may_answer(plt_server_t *s, uint32_t w, const plt_header_t *step) {
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
static bool is_early(const plt_server_t *s, uint32_t w, const plt_header_t *step) {
  return step->pushes && step->clock >= plt_clock_of(s->clock, w);
}

/* Answers every kept STEP whose clock has come. */
static plt_status_t answer_steps(plt_server_t *s) {
  for (uint32_t w = 0; w < s->config->workers; w++) {
    plt_peer_t *peer = &s->peers[w];
    for (size_t i = 0; i < peer->n_kept;) {
      plt_inbox_t *kept = peer->kept[i];
      if (kept->header.verb != PLT_VERB_STEP || is_early(s, w, &kept->header) || !may_answer(s, w, &kept->header)) {
        i++;
        continue;
      }
      PLT_TRY(plt_server_answer_rows(s, kept));
      plt_server_release(s, peer, i);
    }
  }
  return PLT_OK;
}

/* Takes note of where training stands. A bare STEP can order a checkpoint: once, however often it arrives. */
static void obey(plt_server_t *s, const plt_header_t *step, bool again) {
  if (step->has_progress && !again) s->progress = step->progress;
  if (step->pushes || !(step->flags & PLT_FLAG_CHECKPOINT) || step->request <= s->save_request) return;
  s->save_request = step->request;
  save(s);
}

/* ---- bsp: the pushes of a clock are one step ---- */

/* All live workers have pushed: one optimizer step (invariant 1). */
static void complete_clock(plt_server_t *s) {
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

static bool round_is_full(const plt_server_t *s) {
  bool any = false;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    if (!plt_clock_is_live(s->clock, w)) continue;
    if (!s->peers[w].counted) return false;
    any = true;
  }
  return any;
}

static bool round_is_open(const plt_server_t *s) {
  for (uint32_t w = 0; w < s->config->workers; w++)
    if (s->peers[w].counted) return true;
  return false;
}

static plt_status_t join_push(plt_server_t *s, uint32_t w, bool *again) {
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
  s->peers[w].sums_since = 0;
  s->peers[w].n_kept = 0; /* whatever was asked before is asked no more */
  s->peers[w].counted = true;
  s->flags |= step->flags;
  s->eta = step->eta;
  return PLT_OK;
}

/* A worker that came back behind its push asks for nothing but to hear when the step is made. The push itself stays
 * kept: the round points into it. */
static plt_status_t wait_for_round(plt_server_t *s, plt_peer_t *peer) {
  for (size_t i = 1; i < peer->n_kept; i++) {
    if (peer->kept[i]->header.request != s->spare->header.request) continue;
    plt_server_keep_again(s, peer, i);
    return PLT_OK;
  }
  if (peer->n_kept == PLT_STEPS_MAX)
    return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "too many requests wait already");
  plt_server_keep(s, peer);
  return PLT_OK;
}

static plt_status_t step_together(plt_server_t *s, uint32_t w) {
  const plt_header_t *step = &s->spare->header;
  plt_peer_t *peer = &s->peers[w];
  if (!step->pushes && step->flags == 0 && step->n_sections == 0 && peer->counted && step->clock == s->now + 1)
    return wait_for_round(s, peer);
  bool again = false;
  plt_status_t status = PLT_OK;
  if (!step->pushes && step->clock != s->now)
    status =
        plt_fail(PLT_ERR_PROTOCOL, "bare step at clock %" PRIu64 ", the tables are at %" PRIu64, step->clock, s->now);
  if (status == PLT_OK && !step->pushes) status = plt_server_check_idle(s, w);
  if (status == PLT_OK && step->pushes) status = join_push(s, w, &again);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  if (peer->n_kept > 0 && peer->counted && step->pushes) { /* the round points into the first delivery */
    plt_server_keep_again(s, peer, 0);
    return PLT_OK;
  }
  obey(s, step, again);
  peer->n_kept = 0;
  plt_server_keep(s, peer);
  if (round_is_full(s)) complete_clock(s);
  return answer_steps(s);
}

/* ---- ssp, asp: every push is a step ---- */

/* The push of worker w's clock: one optimizer step. A flag calls the workers together, unless they are on their way
 * to a meeting already; server 0 tells where. */
static plt_status_t apply_push(plt_server_t *s, uint32_t w, const plt_header_t *step) {
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
static bool asks_again(plt_server_t *s, plt_peer_t *peer) {
  for (size_t i = 0; i < peer->n_kept; i++) {
    if (peer->kept[i]->header.request != s->spare->header.request) continue;
    plt_server_keep_again(s, peer, i);
    return true;
  }
  return false;
}

/* Counts the kept pushes whose turn has come; a bad one is refused. */
static plt_status_t apply_kept(plt_server_t *s, uint32_t w) {
  plt_peer_t *peer = &s->peers[w];
  for (size_t i = 0; i < peer->n_kept;) {
    plt_inbox_t *kept = peer->kept[i];
    if (!kept->header.pushes || kept->header.clock != plt_clock_of(s->clock, w)) {
      i++;
      continue;
    }
    plt_status_t status = apply_push(s, w, &kept->header);
    if (status != PLT_OK) {
      plt_server_release(s, peer, i);
      return plt_server_refuse(s, kept, status, plt_fail_text());
    }
    i = 0; /* one that came before this one may be next */
  }
  return PLT_OK;
}

static plt_status_t step_alone(plt_server_t *s, uint32_t w) {
  const plt_header_t *step = &s->spare->header;
  plt_peer_t *peer = &s->peers[w];
  if (asks_again(s, peer)) return PLT_OK;
  if (peer->n_kept == PLT_STEPS_MAX)
    return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "too many steps wait already");
  if (!step->pushes) plt_clock_place(s->clock, w, step->clock);
  obey(s, step, step->request <= s->save_request);
  plt_server_keep(s, peer);
  PLT_TRY(apply_kept(s, w)); /* at a second delivery there is nothing to count (invariant 2) */
  return answer_steps(s);
}

plt_status_t plt_server_on_step(plt_server_t *s, uint32_t w) {
  plt_tableset_settled(s->tables);
  plt_status_t status = plt_tableset_check(s->tables, &s->spare->header);
  if (status == PLT_OK && s->spare->header.ahead > PLT_PREFETCH_MAX)
    status = plt_fail(PLT_ERR_PROTOCOL, "rows are asked for %" PRIu32 " clocks ahead", s->spare->header.ahead);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  return s->config->alone ? step_alone(s, w) : step_together(s, w);
}

plt_status_t plt_server_go_on(plt_server_t *s) {
  if (round_is_full(s)) complete_clock(s);
  PLT_TRY(answer_steps(s));
  return plt_server_sum_is_open(s) ? plt_server_finish_sum(s) : PLT_OK;
}
