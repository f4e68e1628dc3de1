/* trainer.c - see trainer.h. */
#include "worker/train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "worker/train/state.h"

bool plt_trainer_is_first(const plt_trainer_t *t) { return t->session->worker == 0; }

static bool steps_are_used_up(const plt_trainer_t *t) {
  return t->plan->max_steps != 0 && t->clock >= t->plan->max_steps;
}

plt_status_t plt_trainer_barrier(plt_trainer_t *t, const char *what) {
  char name[64];
  snprintf(name, sizeof name, "%s at clock %" PRIu64, what, t->clock);
  return plt_session_barrier(t->session, name);
}

/* ---- batches and exchanges ---- */

static void make_batch(plt_trainer_t *t, uint32_t number, plt_batch_t *batch) {
  int64_t before = plt_time_ns();
  plt_batch_make(t->maker, t->p.epoch, number, batch);
  t->sample_ns += plt_time_ns() - before;
}

size_t plt_trainer_pulls(const plt_trainer_t *t, const plt_batch_t *batch, float *values, plt_pull_t *pulls) {
  const plt_model_t *model = t->plan->model;
  for (uint32_t k = 0; k < model->n_tables; k++) {
    const plt_rows_view_t *rows = &batch->rows[k];
    pulls[k] = (plt_pull_t){k, model->tables[k].cols, rows->keys, rows->n, values + rows->offset};
  }
  return model->n_tables;
}

/* Pulls the rows of `wanted` (NULL: none), pushing `gradients` (NULL: nothing) on the way. */
static plt_status_t exchange(plt_trainer_t *t, const plt_gradients_t *gradients, double eta, plt_batch_t *wanted,
                             plt_step_result_t *result) {
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  plt_step_t step = {.clock = t->clock, .progress = plt_trainer_is_first(t) ? &t->p : NULL};
  float *values = NULL;
  if (wanted != NULL) {
    values = plt_arena_alloc(wanted->arena, wanted->floats * sizeof *values);
    step.n_pull = plt_trainer_pulls(t, wanted, values, pulls);
    step.pull = pulls;
  }
  if (gradients != NULL) {
    step.pushes = true;
    step.eta = eta;
    step.flags = plt_trainer_flags(t);
    step.push = gradients->push;
    step.n_push = gradients->n_push;
    step.losses = gradients->losses;
    step.n_losses = gradients->n_losses;
  }
  PLT_TRY(plt_client_step(t->session->client, &step, result));
  if (gradients != NULL) t->clock++;
  if (wanted != NULL && wanted != t->batch) {
    t->next = t->batch;
    t->batch = wanted;
  }
  if (wanted != NULL) t->values = values;
  return PLT_OK;
}

/* What comes after (batch, phase): another phase, the next batch, or the end of the epoch. */
static void advance(plt_trainer_t *t) {
  if (t->p.phase + 1 < plt_strategy_phases(t->plan->strategy, t->p.batch)) {
    t->p.phase++;
  } else {
    t->p.phase = 0;
    t->p.batch++;
  }
}

/* After a push: its loss, and what its flags ask for. */
static plt_status_t after_push(plt_trainer_t *t, uint32_t batch, uint32_t phase, const plt_step_result_t *result) {
  plt_journal_t *journal = t->training->journal;
  const plt_plan_t *plan = t->plan;
  t->p.loss_sum += result->loss;
  if (journal != NULL && phase == 0) {
    if (plan->log_every != 0 && batch % plan->log_every == 0)
      plt_journal_step(journal, t->p.epoch, (uint64_t)t->p.epoch * t->batches + batch, result->loss);
    plt_wire_count_t wire = plt_client_count(t->session->client).wire;
    plt_journal_progress(journal, t->p.epoch, batch + 1, t->batches, t->p.loss_sum, wire.bytes_in + wire.bytes_out);
  }
  if (result->flags & PLT_FLAG_CHECKPOINT) plt_trainer_ordered(t, false);
  return result->flags & PLT_FLAG_STOP ? plt_trainer_stop(t) : plt_trainer_publish(t, false);
}

/* One push: gradients of the batch at hand, and the rows for what comes next. */
static plt_status_t run_step(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  uint32_t batch = t->p.batch, phase = t->p.phase;
  double eta = plt_plan_eta(plan, t->p.epoch);
  plt_gradients_t gradients;
  plt_step_result_t result;
  int64_t before = plt_time_ns();
  PLT_TRY(plt_compute_gradients(t->compute, t->batch, t->values, phase, eta, &gradients));
  t->compute_ns += plt_time_ns() - before;
  if (phase > 0) gradients.n_losses = 0; /* the batch's loss was told with its first push */
  t->samples += phase == 0 ? t->batch->samples : 0;
  t->p.gradients += plan->strategy->ops->passes(plan->strategy, batch, phase);
  t->p.seconds = t->begin_seconds + plt_time_seconds(plt_time_ns() - t->begin_ns);
  advance(t);
  bool goes_on = t->p.batch < t->batches && !(plan->max_steps != 0 && t->clock + 1 >= plan->max_steps);
  plt_batch_t *wanted = goes_on ? t->batch : NULL;
  if (goes_on && t->p.batch != batch) {
    make_batch(t, t->p.batch, t->next);
    wanted = t->next;
  }
  PLT_TRY(exchange(t, &gradients, eta, wanted, &result));
  return after_push(t, batch, phase, &result);
}

static plt_status_t run_batches(plt_trainer_t *t) {
  plt_step_result_t result;
  if (t->plan->alone) return plt_trainer_run_alone(t);
  make_batch(t, t->p.batch, t->batch);
  PLT_TRY(exchange(t, NULL, 0, t->batch, &result)); /* a bare pull */
  while (t->p.batch < t->batches && !steps_are_used_up(t)) PLT_TRY(run_step(t));
  return PLT_OK;
}

/* ---- the begin and end of an epoch ---- */

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
  char name[64];
  snprintf(name, sizeof name, "bytes of epoch %" PRIu32 " at %" PRIu64, t->p.epoch, t->clock);
  PLT_TRY(plt_client_sum(t->session->client, name, bytes, 2));
  if (t->training->journal == NULL) return PLT_OK;
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
  return plt_journal_epoch(t->training->journal, &report);
}

/* Evaluates on the validation part and remembers the best epoch; the same on all workers. */
static plt_status_t validate(plt_trainer_t *t, bool *is_best) {
  const plt_plan_t *plan = t->plan;
  bool wanted[PLT_PARTS] = {[PLT_PART_VALID] = true};
  plt_metrics_t metrics[PLT_PARTS];
  char name[64];
  snprintf(name, sizeof name, "evaluation of epoch %" PRIu32, t->p.epoch);
  PLT_TRY(plt_evaluate(t->session, name, wanted, metrics));
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
  if (t->training->journal == NULL) return PLT_OK;
  return plt_journal_eval(t->training->journal, t->p.epoch, PLT_PART_VALID, &metrics[PLT_PART_VALID], *is_best);
}

static plt_status_t close_epoch(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  uint32_t epoch = t->p.epoch;
  bool is_best = false;
  bool has_valid = plan->data->part[PLT_PART_VALID].n > 0;
  bool validates = plan->eval_every != 0 && (epoch + 1) % plan->eval_every == 0 && has_valid;
  PLT_TRY(report_epoch(t, validates));
  if (validates) PLT_TRY(validate(t, &is_best));
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

/* ---- the loop ---- */

static plt_status_t run(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  while (t->p.epoch < plan->epochs && !t->p.finished && !steps_are_used_up(t)) {
    begin_epoch(t);
    if (t->p.batch < t->batches) PLT_TRY(run_batches(t)); /* else the checkpoint was made after the last batch */
    if (t->p.batch < t->batches) break;                   /* max_steps */
    PLT_TRY(close_epoch(t));
  }
  PLT_TRY(plt_trainer_save(t, false));
  return plt_trainer_publish(t, true);
}

plt_status_t plt_train(plt_session_t *session, void *context) {
  const plt_plan_t *plan = session->plan;
  plt_trainer_t trainer = {.session = session,
                           .plan = plan,
                           .training = context,
                           .batches = plt_sampler_batches(plan->sampler),
                           .clock = session->clock,
                           .p = session->progress,
                           .saved_clock = session->resumed ? session->clock : UINT64_MAX,
                           .saved_closed = session->progress.epoch_closed,
                           .saved_ns = plt_time_ns(),
                           .begin_ns = plt_time_ns(),
                           .begin_seconds = session->progress.seconds};
  plt_trainer_t *t = &trainer;
  /* A resumed run may have been given more epochs. */
  t->p.finished = plan->patience != 0 && t->p.bad_evals >= plan->patience;
  t->maker =
      plt_batch_maker_create(plan, plan->alone ? 0 : session->worker, plan->alone ? 1 : plan->workers, session->crew);
  t->compute = plt_compute_create(plan, session->crew);
  t->batch = plt_batch_create();
  t->next = plt_batch_create();
  t->training->clock = session->clock;
  plt_status_t status = plt_trainer_mend_links(t);
  /* Before all have been greeted and know where to begin nobody may push. */
  if (status == PLT_OK && plan->alone) status = plt_trainer_barrier(t, "start");
  if (status == PLT_OK) status = run(t);
  if (status != PLT_OK && status != PLT_ERR_PEER) status = plt_trainer_rescue(t, status);
  free(t->order.parts);
  t->training->progress = t->p;
  t->training->progress.seconds = t->begin_seconds + plt_time_seconds(plt_time_ns() - t->begin_ns);
  plt_batch_destroy(&t->batch);
  plt_batch_destroy(&t->next);
  plt_compute_destroy(&t->compute);
  plt_batch_maker_destroy(&t->maker);
  return status;
}
