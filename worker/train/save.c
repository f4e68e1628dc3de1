/* save.c - see save.h. */
#include "worker/train/save.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "common/time.h"
#include "worker/math/gemm.h"

static bool is_interrupted(const plt_trainer_t *t) {
  return t->plan->interrupted != NULL && atomic_load(t->plan->interrupted) != 0;
}

uint32_t plt_trainer_flags(const plt_trainer_t *t) {
  if (!plt_trainer_is_first(t) || t->plan->run_dir == NULL || t->order.pending.under_way) return 0;
  if (is_interrupted(t)) return PLT_FLAG_CHECKPOINT | PLT_FLAG_STOP;
  double since = plt_time_seconds(plt_time_ns() - t->saved_ns);
  return t->plan->checkpoint_every_s > 0 && since >= t->plan->checkpoint_every_s ? PLT_FLAG_CHECKPOINT : 0;
}

void plt_trainer_ordered(plt_trainer_t *t, bool is_best) {
  if (!plt_trainer_is_first(t)) return;
  plt_order_t *order = &t->order;
  plt_pending_begin(&order->pending, t->clock, t->plan->servers);
  order->is_best = is_best;
  order->has_best = t->p.has_best;
  order->epoch = t->p.epoch;
  order->begin_ns = plt_time_ns();
  t->saved_clock = t->clock;
  t->saved_closed = t->p.epoch_closed;
  t->saved_slot = t->p.stage;
}

static plt_status_t publish(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  uint64_t clock = t->order.pending.clock;
  plt_manifest_t manifest = {.clock = clock,
                             .job = t->session->job,
                             .generation = t->session->generation,
                             .epoch = t->order.epoch,
                             .parts = t->order.pending.parts,
                             .n_parts = plan->servers};
  _Static_assert(sizeof manifest.products >= PLT_GEMM_LABEL_MAX, "a label fits");
  plt_gemm_label(manifest.products);
  if (t->journal != NULL) PLT_TRY(plt_journal_flush(t->journal));
  PLT_TRY(plt_manifest_publish(plan->run_dir, &manifest, t->order.is_best));
  if (!t->order.has_best) PLT_TRY(plt_manifest_unlink_best(plan->run_dir)); /* that of a stage before has had its day */
  PLT_TRY(plt_manifest_prune(plan->run_dir, plan->checkpoint_keep));
  plt_log(PLT_LOG_INFO, "checkpoint of clock %" PRIu64 " published%s", clock, t->order.is_best ? " (best)" : "");
  t->published = clock;
  plt_pending_end(&t->order.pending);
  t->saved_ns = plt_time_ns();
  plt_trace_checkpoint(t->view.trace, clock, t->order.begin_ns, t->saved_ns);
  t->has_news = true;
  t->news = (plt_journal_checkpoint_t){.clock = clock,
                                       .epochs = t->order.epoch,
                                       .is_best = t->order.is_best,
                                       .write_s = plt_time_seconds(t->saved_ns - t->order.begin_ns)};
  return PLT_OK;
}

static plt_status_t publish_due(plt_trainer_t *t, bool wait) {
  bool all;
  wait = wait || is_interrupted(t); /* the last checkpoint can be ordered then */
  PLT_TRY(plt_pending_poll(&t->order.pending, t->session->client, wait, &all));
  return all ? publish(t) : PLT_OK;
}

static plt_status_t order(plt_trainer_t *t, bool is_best) {
  bool is_saved = t->saved_clock == t->clock && t->saved_closed == t->p.epoch_closed && t->saved_slot == t->p.stage;
  if (is_saved && !is_best) return PLT_OK;
  PLT_TRY(publish_due(t, true));
  plt_step_t step = {.clock = t->plan->alone ? t->round : t->clock, .flags = PLT_FLAG_CHECKPOINT, .progress = &t->p};
  plt_step_result_t result;
  t->p.seconds = t->begin_seconds + plt_time_seconds(plt_time_ns() - t->begin_ns);
  PLT_TRY(plt_client_step(t->session->client, &step, &result));
  plt_trainer_ordered(t, is_best);
  return PLT_OK;
}

/* Once what worker 0 did for it is counted. */
static void end_lap(plt_trainer_t *t, const plt_lap_t *lap) {
  plt_lap_end(&t->view, lap, PLT_VIEW_CHECKPOINT);
  if (!t->has_news || t->journal == NULL) return;
  t->has_news = false;
  t->news.checkpoint_s = plt_time_seconds(t->view.ns[PLT_VIEW_CHECKPOINT] - t->told_ns);
  t->told_ns = t->view.ns[PLT_VIEW_CHECKPOINT];
  plt_journal_checkpoint(t->journal, &t->news);
}

plt_status_t plt_trainer_publish(plt_trainer_t *t, bool wait) {
  if (!t->order.pending.under_way) return PLT_OK;
  plt_lap_t lap = plt_lap_begin(&t->view);
  plt_status_t status = publish_due(t, wait);
  end_lap(t, &lap);
  return status;
}

plt_status_t plt_trainer_save(plt_trainer_t *t, bool is_best) {
  if (!plt_trainer_is_first(t) || t->plan->run_dir == NULL) return PLT_OK;
  plt_lap_t lap = plt_lap_begin(&t->view);
  plt_status_t status = order(t, is_best);
  end_lap(t, &lap);
  return status;
}

plt_status_t plt_trainer_rescue(plt_trainer_t *t, plt_status_t status) {
  plt_failure_t failure = {0};
  plt_failure_keep(&failure, status);
  if (plt_trainer_publish(t, true) != PLT_OK) plt_log(PLT_LOG_WARN, "%s", plt_fail_text());
  return plt_failure_restore(&failure);
}

plt_status_t plt_trainer_mend_links(const plt_trainer_t *t) {
  if (!plt_trainer_is_first(t) || !t->session->resumed || t->plan->run_dir == NULL) return PLT_OK;
  return plt_manifest_mend_links(t->plan->run_dir, t->clock, t->p.has_best ? &t->p.best_clock : NULL);
}

plt_status_t plt_trainer_stop(plt_trainer_t *t) {
  PLT_TRY(plt_trainer_publish(t, true));
  return plt_fail(PLT_ERR_PREEMPTED,
                  "stopped by request at epoch %" PRIu32 ", clock %" PRIu64
                  "; a checkpoint was made: plateau train %s --resume goes on",
                  t->p.epoch, t->clock, t->plan->run_dir);
}
