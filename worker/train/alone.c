/* alone.c - see alone.h. */
#include "worker/train/alone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "worker/train/save.h"

enum { PLACES = PLT_PREFETCH_MAX + 2 };

typedef struct place {
  plt_batch_t *batch;
  float *values;
  plt_frozen_wants_t wants;
} place_t;

/* What is added over the workers at a meeting, before the losses of single batches. */
enum { SUM_LOSS, SUM_GRADIENTS, SUM_SAMPLES, SUM_FLAGS, SUM_LOSSES };

typedef struct run {
  plt_trainer_t *t;
  uint32_t workers;
  uint32_t limit;  /* batches of the epoch that are done in this run: fewer than there are if steps run out */
  uint64_t base;   /* round of batch 0 */
  uint64_t end;    /* round behind the last batch */
  uint64_t met;    /* round at which all met last */
  uint64_t called; /* round at which the server wants all to meet, as last heard */
  place_t places[PLACES];
  plt_exchange_t *steps[PLT_STEPS_MAX]; /* under way; a ring from `first`, oldest first */
  size_t first, n_steps;
  uint64_t finished; /* steps that were under way: the first pulled the first own batch, and so on */
  double *sums;      /* own, since the last meeting; worker 0's begin with what was before */
  size_t n_sums;
} run_t;

/* ---- steps under way ---- */

static plt_status_t finish_oldest(run_t *run) {
  plt_step_result_t result;
  plt_exchange_t **oldest = &run->steps[run->first];
  run->first = (run->first + 1) % PLT_STEPS_MAX;
  run->n_steps--;
  run->finished++;
  int64_t begin_ns = plt_time_ns();
  PLT_TRY(plt_client_step_finish(run->t->session->client, oldest, &result));
  plt_trace_span(run->t->view.trace, "receive", begin_ns, plt_time_ns());
  if (result.meet > run->called) run->called = result.meet;
  return PLT_OK;
}

static plt_status_t finish_all(run_t *run) {
  while (run->n_steps > 0) PLT_TRY(finish_oldest(run));
  return PLT_OK;
}

/* Adds the rows of the own batch `number` to `step`, in its place. */
static void add_pull(run_t *run, uint32_t number, plt_pull_t *pulls, plt_step_t *step) {
  plt_trainer_t *t = run->t;
  place_t *place = &run->places[number / run->workers % PLACES];
  int64_t before = plt_time_ns();
  plt_batch_make(t->maker, t->p.epoch, number, place->batch);
  place->batch->turn = number / run->workers;
  plt_trainer_count(t, PLT_VIEW_SAMPLE, before, &t->sample_ns);
  place->values = plt_arena_alloc(place->batch->arena, place->batch->floats * sizeof *place->values);
  step->pull = pulls;
  size_t n = plt_batch_pulls(t->plan, place->batch, place->values, pulls);
  step->n_pull = plt_frozen_pulls(t->frozen, &place->wants, pulls, n, place->batch->arena);
}

static plt_status_t begin_step(run_t *run, const plt_step_t *step) {
  size_t last = (run->first + run->n_steps) % PLT_STEPS_MAX;
  int64_t begin_ns = plt_time_ns();
  PLT_TRY(plt_client_step_begin(run->t->session->client, step, &run->steps[last]));
  plt_trace_span(run->t->view.trace, "send", begin_ns, plt_time_ns());
  run->n_steps++;
  return PLT_OK;
}

/* ---- meetings ---- */

static bool is_called(const run_t *run) { return run->called > run->met && run->called < run->end; }

static void begin_sums(run_t *run) {
  memset(run->sums, 0, run->n_sums * sizeof *run->sums);
  if (!plt_trainer_is_first(run->t)) return;
  run->sums[SUM_LOSS] = run->t->p.loss_sum;
  run->sums[SUM_GRADIENTS] = (double)run->t->p.gradients;
}

static void tell_steps(const run_t *run, uint32_t from, uint32_t to) {
  const plt_trainer_t *t = run->t;
  uint32_t every = t->plan->log_every;
  if (t->journal == NULL || every == 0) return;
  for (uint64_t b = ((uint64_t)from + every - 1) / every * every; b < to; b += every)
    plt_journal_step(t->journal, t->p.epoch, (uint64_t)t->p.epoch * t->batches + b, run->sums[SUM_LOSSES + b / every]);
}

/* All workers have done the batches before `to`, and no other. */
static plt_status_t meet(run_t *run, uint32_t to) {
  plt_trainer_t *t = run->t;
  uint32_t from = t->p.batch;
  char at[64], name[96];
  PLT_TRY(finish_all(run));
  snprintf(at, sizeof at, "meeting at epoch %" PRIu32 ", batch %" PRIu32, t->p.epoch, to);
  plt_trainer_name(t, at, name);
  run->sums[SUM_FLAGS] = plt_trainer_flags(t);
  PLT_TRY(plt_client_sum(t->session->client, name, run->sums, run->n_sums));
  uint32_t flags = (uint32_t)run->sums[SUM_FLAGS];
  t->p.loss_sum = run->sums[SUM_LOSS];
  t->p.gradients = (uint64_t)run->sums[SUM_GRADIENTS];
  t->p.batch = to;
  t->clock += to - from;
  t->samples += (uint64_t)run->sums[SUM_SAMPLES];
  tell_steps(run, from, to);
  begin_sums(run);
  run->met = run->called;
  if (flags & PLT_FLAG_CHECKPOINT) {
    PLT_TRY(plt_trainer_save(t, false));
    PLT_TRY(plt_trainer_barrier(t, "saved"));
  }
  return flags & PLT_FLAG_STOP ? plt_trainer_stop(t) : PLT_OK;
}

static plt_status_t meet_as_called(run_t *run) {
  uint64_t to = (run->called - run->base) * run->workers;
  return meet(run, to < run->limit ? (uint32_t)to : run->limit);
}

/* ---- batches ---- */

static void count_batch(run_t *run, const plt_batch_t *batch, const plt_gradients_t *gradients) {
  plt_trainer_t *t = run->t;
  const plt_strategy_t *strategy = t->plan->strategy;
  plt_leaf_span_t spans[PLT_TREE_BLOCKS_MAX];
  double losses[PLT_TREE_BLOCKS_MAX];
  for (size_t i = 0; i < gradients->n_losses; i++) {
    spans[i] = gradients->losses[i].span;
    losses[i] = gradients->losses[i].loss;
  }
  double loss = plt_tree_sum(spans, losses, gradients->n_losses);
  run->sums[SUM_LOSS] += loss;
  run->sums[SUM_GRADIENTS] += plt_strategy_passes(strategy, batch->turn, 0);
  run->sums[SUM_SAMPLES] += batch->samples;
  uint32_t every = t->plan->log_every;
  if (every != 0 && batch->batch % every == 0) run->sums[SUM_LOSSES + batch->batch / every] = loss;
  if (t->journal == NULL) return;
  uint64_t done = (uint64_t)(batch->turn + 1) * run->workers;
  if (done > run->limit) done = run->limit;
  plt_journal_progress(t->journal, t->p.epoch, (uint32_t)done, t->batches, loss * (double)done);
}

/* Gradients of an own batch whose rows are here; its push asks for the rows of the own batch that is due next. */
static plt_status_t do_batch(run_t *run, uint32_t number) {
  plt_trainer_t *t = run->t;
  place_t *place = &run->places[number / run->workers % PLACES];
  double eta = plt_plan_eta(t->plan, t->p.epoch);
  uint64_t next = (uint64_t)number + (uint64_t)(t->plan->prefetch + 1) * run->workers;
  plt_gradients_t gradients;
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  plt_frozen_fill(t->frozen, &place->wants);
  int64_t before = plt_time_ns();
  PLT_TRY(plt_compute_gradients(t->compute, place->batch, place->values, 0, eta, &gradients));
  plt_trainer_count(t, PLT_VIEW_COMPUTE, before, &t->compute_ns);
  count_batch(run, place->batch, &gradients);
  plt_step_t step = {.pushes = true,
                     .clock = t->round,
                     .eta = eta,
                     .flags = plt_trainer_flags(t),
                     .push = gradients.push,
                     .n_push = gradients.n_push,
                     .losses = gradients.losses,
                     .n_losses = gradients.n_losses};
  if (next < run->limit) {
    step.ahead = t->plan->prefetch;
    add_pull(run, (uint32_t)next, pulls, &step);
  }
  PLT_TRY(begin_step(run, &step));
  t->round++;
  return PLT_OK;
}

/* Bare pulls of the first batches. */
static plt_status_t begin_batches(run_t *run, uint32_t first) {
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  run->t->round = run->base + first / run->workers;
  for (uint32_t ahead = 0; ahead <= run->t->plan->prefetch; ahead++) {
    uint64_t number = (uint64_t)first + (uint64_t)ahead * run->workers;
    if (number >= run->limit) break;
    plt_step_t step = {.clock = run->t->round, .ahead = ahead};
    add_pull(run, (uint32_t)number, pulls, &step);
    PLT_TRY(begin_step(run, &step));
  }
  return PLT_OK;
}

/* A worker that has done its batches is placed at the end of the epoch: it holds nobody back. Not before its pushes
 * are in, or they would look like second deliveries. */
static plt_status_t end_batches(run_t *run) {
  plt_trainer_t *t = run->t;
  PLT_TRY(finish_all(run));
  if (is_called(run)) PLT_TRY(meet_as_called(run));
  if (t->round < run->end) {
    t->round = run->end;
    PLT_TRY(begin_step(run, &(plt_step_t){.clock = t->round}));
    PLT_TRY(finish_all(run));
    if (is_called(run)) PLT_TRY(meet_as_called(run));
  }
  run->called = run->end;
  return meet(run, run->limit);
}

static plt_status_t run_own(run_t *run) {
  const plt_trainer_t *t = run->t;
  uint32_t from = t->p.batch, worker = t->session->worker;
  uint64_t first = from + (worker + run->workers - from % run->workers) % run->workers;
  if (first < run->limit) {
    PLT_TRY(begin_batches(run, (uint32_t)first));
    for (uint64_t number = first, own = 0; number < run->limit; number += run->workers, own++) {
      while (run->finished <= own) PLT_TRY(finish_oldest(run)); /* a meeting may have seen to it already */
      if (is_called(run) && t->round >= run->called) PLT_TRY(meet_as_called(run));
      PLT_TRY(do_batch(run, (uint32_t)number));
      PLT_TRY(plt_trainer_publish(run->t, false));
    }
  }
  return end_batches(run);
}

plt_status_t plt_trainer_run_alone(plt_trainer_t *t) {
  const plt_plan_t *plan = t->plan;
  run_t own = {.t = t, .workers = plan->workers, .limit = t->batches}, *run = &own;
  uint32_t rounds = t->batches / plan->workers + (t->batches % plan->workers != 0);
  if (plan->max_steps != 0 && plan->max_steps - t->clock < t->batches - t->p.batch)
    run->limit = t->p.batch + (uint32_t)(plan->max_steps - t->clock);
  run->base = t->p.begin_clock + (uint64_t)t->p.epoch * rounds; /* a slot has no more rounds than steps */
  run->end = run->base + run->limit / plan->workers + (run->limit % plan->workers != 0);
  run->met = run->called = run->base + t->p.batch / plan->workers;
  run->n_sums = SUM_LOSSES + (plan->log_every == 0 ? 0 : (t->batches - 1) / plan->log_every + 1);
  run->sums = plt_mem_alloc(run->n_sums * sizeof *run->sums);
  begin_sums(run);
  for (size_t i = 0; i < PLACES; i++) run->places[i].batch = plt_batch_create();
  plt_status_t status = run_own(run);
  for (size_t i = 0; i < PLACES; i++) plt_batch_destroy(&run->places[i].batch);
  free(run->sums);
  return status;
}
