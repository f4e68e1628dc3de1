/* together.c - see together.h. */
#include "worker/train/together.h"

#include "common/mem.h"
#include "common/time.h"
#include "worker/train/save.h"

static void make_batch(plt_trainer_t *t, uint32_t number, plt_batch_t *batch) {
  int64_t before = plt_time_ns();
  t->steps->make(t->steps->context, t->p.epoch, number, batch);
  plt_trainer_count(t, PLT_VIEW_SAMPLE, before, &t->sample_ns);
}

static bool is_ahead(const plt_trainer_t *t, uint32_t number) {
  return t->ahead->leaves != NULL && t->ahead->epoch == t->p.epoch && t->ahead->batch == number;
}

/* Samples and closures depend on no rows: those of the batch after the wanted one are made while its rows travel. */
static void make_ahead(plt_trainer_t *t) {
  uint32_t number = t->p.batch + 1;
  if (number < t->batches && !is_ahead(t, number)) make_batch(t, number, t->ahead);
}

/* Batch `number` as the next one. */
static plt_batch_t *take_next(plt_trainer_t *t, uint32_t number) {
  if (is_ahead(t, number)) {
    plt_batch_t *made = t->ahead;
    t->ahead = t->next;
    t->next = made;
  } else {
    make_batch(t, number, t->next);
  }
  return t->next;
}

/* The exchange, and the batch after the next one made meanwhile. */
static plt_status_t send_and_receive(plt_trainer_t *t, const plt_step_t *step, bool goes_on,
                                     plt_step_result_t *result) {
  plt_trace_t *trace = t->view.trace;
  plt_exchange_t *under_way;
  int64_t begin_ns = plt_time_ns();
  PLT_TRY(plt_client_step_begin(t->session->client, step, &under_way));
  plt_trace_span(trace, "send", begin_ns, plt_time_ns());
  if (goes_on) make_ahead(t);
  begin_ns = plt_time_ns();
  PLT_TRY(plt_client_step_finish(t->session->client, &under_way, result));
  plt_trace_span(trace, "receive", begin_ns, plt_time_ns());
  return PLT_OK;
}

/* Pulls the rows of `wanted` (NULL: none), pushing `gradients` (NULL: nothing) on the way. */
static plt_status_t exchange(plt_trainer_t *t, const plt_gradients_t *gradients, double eta, plt_batch_t *wanted,
                             plt_step_result_t *result) {
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  plt_frozen_wants_t wants;
  plt_step_t step = {.clock = t->clock, .progress = plt_trainer_is_first(t) ? &t->p : NULL};
  float *values = NULL;
  if (wanted != NULL) {
    values = plt_arena_alloc(wanted->arena, wanted->floats * sizeof *values);
    size_t n = plt_batch_pulls(t->plan, wanted, values, pulls);
    step.n_pull = plt_frozen_pulls(t->frozen, &wants, pulls, n, wanted->arena);
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
  PLT_TRY(send_and_receive(t, &step, wanted != NULL, result));
  if (wanted != NULL) plt_frozen_fill(t->frozen, &wants);
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
  plt_journal_t *journal = t->journal;
  const plt_plan_t *plan = t->plan;
  t->p.loss_sum += result->loss;
  if (journal != NULL && phase == 0) {
    if (plan->log_every != 0 && batch % plan->log_every == 0)
      plt_journal_step(journal, t->p.epoch, (uint64_t)t->p.epoch * t->batches + batch, result->loss);
    plt_journal_progress(journal, t->p.epoch, batch + 1, t->batches, t->p.loss_sum);
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
  PLT_TRY(t->steps->gradients(t->steps->context, t->batch, t->values, phase, eta, &gradients));
  plt_trainer_count(t, PLT_VIEW_COMPUTE, before, &t->compute_ns);
  if (phase > 0) gradients.n_losses = 0; /* the batch's loss was told with its first push */
  t->samples += phase == 0 ? t->batch->samples : 0;
  t->p.gradients += plt_strategy_passes(plan->strategy, batch, phase);
  t->p.seconds = t->begin_seconds + plt_time_seconds(plt_time_ns() - t->begin_ns);
  advance(t);
  bool goes_on = t->p.batch < t->batches && !(plan->max_steps != 0 && t->clock + 1 >= plan->max_steps);
  plt_batch_t *wanted = !goes_on ? NULL : t->p.batch == batch ? t->batch : take_next(t, t->p.batch);
  PLT_TRY(exchange(t, &gradients, eta, wanted, &result));
  return after_push(t, batch, phase, &result);
}

plt_status_t plt_trainer_run_together(plt_trainer_t *t) {
  plt_step_result_t result;
  make_batch(t, t->p.batch, t->batch);
  PLT_TRY(exchange(t, NULL, 0, t->batch, &result)); /* a bare pull */
  while (t->p.batch < t->batches && !plt_trainer_is_used_up(t)) PLT_TRY(run_step(t));
  return PLT_OK;
}
