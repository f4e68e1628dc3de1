/* epochs.c - see epochs.h. */
#include "worker/train/epochs.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "common/time.h"
#include "worker/train/alone.h"
#include "worker/train/save.h"
#include "worker/train/together.h"

static void begin_epoch(plt_trainer_t *t) {
  t->p.epoch_closed = false;
  t->epoch_ns = plt_time_ns();
  t->sample_ns = t->compute_ns = 0;
  t->samples = 0;
  t->count = plt_client_count(t->session->client);
}

static plt_status_t report_epoch(plt_trainer_t *t, bool validates) {
  double seconds = plt_time_seconds(plt_time_ns() - t->epoch_ns);
  plt_client_count_t now = plt_client_count(t->session->client);
  double bytes[2] = {(double)(now.wire.bytes_in - t->count.wire.bytes_in),
                     (double)(now.wire.bytes_out - t->count.wire.bytes_out)};
  char at[64], name[96];
  snprintf(at, sizeof at, "bytes of epoch %" PRIu32 " at %" PRIu64, t->p.epoch, t->clock);
  plt_trainer_name(t, at, name);
  PLT_TRY(plt_client_sum(t->session->client, name, bytes, 2));
  if (t->journal == NULL) return PLT_OK;
  plt_epoch_report_t report = {.epoch = t->p.epoch,
                               .loss = t->p.loss_sum / t->batches,
                               .seconds = seconds,
                               .samples = t->samples,
                               .gradients = t->p.gradients,
                               .pull_bytes = (uint64_t)bytes[0],
                               .push_bytes = (uint64_t)bytes[1],
                               .sample_s = plt_time_seconds(t->sample_ns),
                               .compute_s = plt_time_seconds(t->compute_ns),
                               .exchange_s = plt_time_seconds(now.exchange_ns - t->count.exchange_ns),
                               .wait_s = plt_time_seconds(now.wait_ns - t->count.wait_ns),
                               .validates = validates};
  return plt_journal_epoch(t->journal, &report);
}

/* A stop during an evaluation of which only this worker knows. In bsp all have made the epoch's last step: it is
 * kept. */
static plt_status_t stop_here(plt_trainer_t *t, plt_status_t status) {
  plt_failure_t failure = {0};
  plt_failure_keep(&failure, status);
  plt_failure_keep(&failure, t->plan->alone ? PLT_OK : plt_trainer_save(t, false));
  return plt_failure_restore(&failure); /* it is published with what else is under way (rescue) */
}

/* Evaluates on the validation part and remembers the best epoch; the same on all workers. */
static plt_status_t validate(plt_trainer_t *t, bool *is_best) {
  const plt_plan_t *plan = t->plan;
  bool wanted[PLT_PARTS] = {[PLT_PART_VALID] = true};
  plt_metrics_t metrics[PLT_PARTS];
  char at[64], name[96];
  snprintf(at, sizeof at, "evaluation of epoch %" PRIu32, t->p.epoch);
  plt_trainer_name(t, at, name);
  plt_lap_t lap = plt_lap_begin(&t->view);
  plt_status_t status = plt_evaluate(t->session, name, wanted, plt_journal_watch(t->journal), metrics);
  if (status == PLT_ERR_STOPPED) return stop_here(t, status);
  PLT_TRY(status);
  double seconds = plt_lap_end(&t->view, &lap, PLT_VIEW_EVALUATION);
  double value = metrics[PLT_PART_VALID].value[plt_metric_index(&plan->topk, plan->metric)];
  *is_best = !t->p.has_best || value > t->p.best;
  if (*is_best) {
    t->p.has_best = true;
    t->p.best = value;
    t->p.best_epoch = t->p.epoch;
    t->p.best_clock = t->clock;
    t->p.bad_evals = 0;
  } else {
    t->p.bad_evals++;
  }
  if (t->journal == NULL) return PLT_OK;
  return plt_journal_eval(t->journal, t->p.epoch, PLT_PART_VALID, &metrics[PLT_PART_VALID], &t->p, seconds);
}

/* What somebody measures of the tables, beside the ranking. */
static plt_status_t look(plt_trainer_t *t) {
  char at[64], name[96];
  snprintf(at, sizeof at, "look after epoch %" PRIu32, t->p.epoch);
  plt_trainer_name(t, at, name);
  plt_lap_t lap = plt_lap_begin(&t->view);
  plt_status_t status = t->look(t->session, name, t->journal, t->p.epoch);
  if (status == PLT_ERR_STOPPED) return stop_here(t, status);
  plt_lap_end(&t->view, &lap, PLT_VIEW_EVALUATION);
  return status;
}

static plt_status_t close_epoch(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  uint32_t epoch = t->p.epoch;
  bool is_best = false;
  bool has_valid = plan->data->part[PLT_PART_VALID].n > 0;
  bool on_time = plan->eval_every != 0 && ((epoch + 1) % plan->eval_every == 0 || epoch + 1 == plan->epochs);
  bool validates = on_time && has_valid;
  PLT_TRY(report_epoch(t, validates));
  if (validates) PLT_TRY(validate(t, &is_best));
  if (on_time && t->look != NULL) PLT_TRY(look(t));
  t->p.epoch++;
  t->p.batch = t->p.phase = 0;
  t->p.loss_sum = 0;
  t->p.epoch_closed = true;
  if (plan->patience != 0 && t->p.bad_evals >= plan->patience) {
    t->p.finished = true;
    if (plt_trainer_is_first(t))
      plt_log(PLT_LOG_NOTE,
              "stopped after epoch %" PRIu32 ": no better %s for %" PRIu32 " evaluations, best was epoch %" PRIu32,
              epoch, plan->metric, plan->patience, t->p.best_epoch);
  }
  bool due = plan->checkpoint_every_epochs != 0 && (epoch + 1) % plan->checkpoint_every_epochs == 0;
  if (!is_best && !due) return PLT_OK;
  PLT_TRY(plt_trainer_save(t, is_best));
  return plan->alone ? plt_trainer_barrier(t, "epoch saved") : PLT_OK;
}

/* What the epoch that ends, whole or not, took. */
static void count_epoch(plt_trainer_t *t) {
  t->view.ns[PLT_VIEW_SAMPLE] += t->sample_ns;
  t->view.ns[PLT_VIEW_COMPUTE] += t->compute_ns;
  plt_trace_rare(t->view.trace, "epoch", "epoch", t->p.epoch, t->epoch_ns, plt_time_ns());
}

/* Of a run that was resumed though it had come to its end: why, and what would take it further. */
static void say_nothing_left(const plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  if (!t->session->resumed || !plt_trainer_is_first(t) || (plan->procedure != NULL && plan->procedure->n_legs > 1))
    return;
  if (t->p.finished)
    plt_log(PLT_LOG_NOTE,
            "nothing is left to train: stopped early after epoch %" PRIu32 ", the best was epoch %" PRIu32
            "; a larger eval.patience than %" PRIu32 " goes on",
            t->p.epoch - 1, t->p.best_epoch, plan->patience);
  else if (plt_trainer_is_used_up(t))
    plt_log(PLT_LOG_NOTE, "nothing is left to train: all %" PRIu64 " steps are done; a larger train.max_steps goes on",
            plan->max_steps);
  else if (t->p.epoch >= plan->epochs)
    plt_log(PLT_LOG_NOTE, "nothing is left to train: all %" PRIu32 " epochs are done; --epochs N with more goes on",
            plan->epochs);
}

/* An epoch whose last batch was made is closed in any case, as it is where nothing stops between the two. */
static bool goes_on(const plt_trainer_t *t) {
  if (t->p.epoch >= t->plan->epochs || t->p.finished) return false;
  return t->p.batch == t->batches || !plt_trainer_is_used_up(t);
}

static plt_status_t run(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  /* A resumed run may have been given more epochs. */
  t->p.finished = plan->patience != 0 && t->p.bad_evals >= plan->patience;
  if (!goes_on(t)) say_nothing_left(t);
  while (goes_on(t)) {
    begin_epoch(t);
    if (t->p.batch < t->batches) /* else the checkpoint was made after the last batch */
      PLT_TRY(plan->alone ? plt_trainer_run_alone(t) : plt_trainer_run_together(t));
    count_epoch(t);
    if (t->p.batch < t->batches) break; /* max_steps */
    PLT_TRY(close_epoch(t));
  }
  return PLT_OK;
}

plt_status_t plt_trainer_run_epochs_of(plt_trainer_t *t, const plt_steps_t *steps) {
  PLT_TRY(plt_model_check_products(t->plan->model));
  t->steps = steps;
  t->batches = steps->batches;
  t->batch = plt_batch_create();
  t->next = plt_batch_create();
  t->ahead = plt_batch_create();
  t->frozen = plt_frozen_create(t->plan);
  plt_status_t status = run(t);
  plt_frozen_destroy(&t->frozen);
  plt_batch_destroy(&t->batch);
  plt_batch_destroy(&t->next);
  plt_batch_destroy(&t->ahead);
  return status;
}

static void make_batch(void *context, uint32_t epoch, uint32_t number, plt_batch_t *batch) {
  plt_batch_make(((const plt_trainer_t *)context)->maker, epoch, number, batch);
}

static plt_status_t compute(void *context, const plt_batch_t *batch, const float *values, uint32_t phase, double eta,
                            plt_gradients_t *out) {
  return plt_compute_gradients(((const plt_trainer_t *)context)->compute, batch, values, phase, eta, out);
}

plt_status_t plt_trainer_run_epochs(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  const plt_session_t *session = t->session;
  plt_steps_t steps = {t, plt_sampler_batches(plan->sampler), make_batch, compute};
  t->maker =
      plt_batch_maker_create(plan, plan->alone ? 0 : session->worker, plan->alone ? 1 : plan->workers, session->crew);
  t->compute = plt_compute_create(plan, session->crew);
  plt_status_t status = plt_trainer_run_epochs_of(t, &steps);
  plt_compute_destroy(&t->compute);
  plt_batch_maker_destroy(&t->maker);
  return status;
}
