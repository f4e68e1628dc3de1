/* meet.c - libplateau: sums, barriers, checkpoints. See state.h. */
#include <inttypes.h>
#include <stdio.h>

#include "worker/library/state.h"

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

plt_status_t plt_library_publish(plateau_t *job, bool wait) {
  bool all;
  PLT_TRY(plt_pending_poll(&job->pending, job->client, wait, &all));
  if (!all) return PLT_OK;
  PLT_TRY(plt_client_publish(job->client, job->pending.clock, job->pending.parts));
  plt_pending_end(&job->pending);
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
  plt_pending_begin(&job->pending, result.clock, job->card.servers);
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
