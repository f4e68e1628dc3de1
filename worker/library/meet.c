/* meet.c - libplateau: sums, barriers, checkpoints. See state.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/mem.h"
#include "common/time.h"
#include "worker/library/state.h"

#define FIRST_PAUSE_NS (2 * PLT_NS_PER_MS) /* until the servers are asked; doubled up to the last */
#define LAST_PAUSE_NS (200 * PLT_NS_PER_MS)

/* ---- sums ---- */

/* The name is the same at all workers, and no other sum's: in bsp also at one that took another's place. */
static plt_status_t sum(plateau_t *job, double *values, size_t n) {
  char name[64];
  if (job->card.alone)
    snprintf(name, sizeof name, "sum %" PRIu32, job->sums);
  else
    snprintf(name, sizeof name, "sum %" PRIu32 " of clock %" PRIu64, job->sums, job->clock);
  job->sums++;
  return plt_client_sum(job->client, name, values, n);
}

static plt_status_t meet(plateau_t *job) {
  double nothing = 0;
  return sum(job, &nothing, 1);
}

int plateau_sum(plateau_t *job, double *values, size_t n) {
  plt_status_t status = plt_library_ready(job);
  if (status == PLT_OK && (n == 0 || n > PLT_SUMS_MAX || values == NULL))
    status = plt_fail(PLT_ERR_USAGE, "plateau_sum: %zu values%s: 1 to %d are possible", n,
                      values == NULL ? " at NULL" : "", PLT_SUMS_MAX);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  return plt_library_answer(job, sum(job, values, n), true);
}

int plateau_barrier(plateau_t *job) {
  plt_status_t status = plt_library_ready(job);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  return plt_library_answer(job, meet(job), true);
}

/* ---- checkpoints ---- */

/* Asks the servers once. */
static plt_status_t ask(plateau_t *job) {
  plt_pending_t *pending = &job->pending;
  double deadline_s = plt_client_deadline_s(job->client);
  bool all;
  uint64_t moves;
  PLT_TRY(plt_client_checkpointed(job->client, pending->clock, pending->parts, &all, &moves));
  if (all) {
    pending->under_way = false;
    return plt_client_publish(job->client, pending->clock, pending->parts);
  }
  int64_t now = plt_time_ns();
  pending->pause_ns = 2 * pending->pause_ns < LAST_PAUSE_NS ? 2 * pending->pause_ns : LAST_PAUSE_NS;
  pending->ask_ns = now + pending->pause_ns;
  bool was_away =
      plt_time_seconds(plt_time_missed(&pending->round_ns)) > deadline_s; /* stopped, say, with the servers */
  if (moves != pending->moves || was_away) {
    pending->moves = moves;
    pending->moved_ns = now;
  }
  if (plt_time_seconds(now - pending->moved_ns) <= deadline_s) return PLT_OK;
  return plt_fail(PLT_ERR_IO, "the servers have written nothing of their checkpoint for %g s (deadline_s)", deadline_s);
}

plt_status_t plt_library_publish(plateau_t *job, bool wait) {
  while (job->pending.under_way) {
    int64_t left = job->pending.ask_ns - plt_time_ns();
    if (left <= 0) {
      PLT_TRY(ask(job));
    } else if (wait) {
      nanosleep(&(struct timespec){.tv_sec = left / PLT_NS_PER_S, .tv_nsec = left % PLT_NS_PER_S}, NULL);
    } else {
      break;
    }
  }
  return PLT_OK;
}

/* Worker 0. The servers' clock counts the pushes of all in ssp and asp, and names the checkpoint. */
static plt_status_t order(plateau_t *job) {
  plt_progress_t progress = {.epoch = (uint32_t)(job->clock >> 32), .batch = (uint32_t)job->clock};
  plt_step_t step = {.clock = job->clock, .flags = PLT_FLAG_CHECKPOINT, .progress = &progress};
  plt_step_result_t result;
  if (job->has_saved && job->saved == job->clock) return PLT_OK;
  PLT_TRY(plt_library_publish(job, true));
  PLT_TRY(plt_client_step(job->client, &step, &result));
  int64_t now = plt_time_ns();
  free(job->pending.parts);
  job->pending = (plt_pending_t){.under_way = true,
                                 .clock = result.clock,
                                 .parts = plt_mem_zalloc(job->card.servers, sizeof(plt_manifest_part_t)),
                                 .ask_ns = now + FIRST_PAUSE_NS,
                                 .pause_ns = FIRST_PAUSE_NS,
                                 .moved_ns = now};
  job->has_saved = true;
  job->saved = job->clock;
  return PLT_OK;
}

int plateau_checkpoint(plateau_t *job) {
  plt_status_t status = plt_library_ready(job);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  bool meets = job->card.alone && job->card.workers > 1; /* in bsp nobody gets beyond worker 0's clock */
  if (meets) status = meet(job);
  if (status == PLT_OK && job->worker == 0) status = order(job);
  if (status == PLT_OK && meets) status = meet(job);
  return plt_library_answer(job, status, true);
}

int plateau_checkpoint_wait(plateau_t *job, uint64_t *clock) {
  plt_status_t status = plt_library_ready(job);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  status = plt_library_publish(job, true);
  if (status == PLT_OK && clock != NULL) *clock = job->has_saved ? job->saved : job->start;
  return plt_library_answer(job, status, true);
}
