/* calibrate.c - see calibrate.h. */
#include "launch/sizing/calibrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"
#include "common/time.h"
#include "launch/job/embedded.h"
#include "worker/train/compute.h"

enum { DRAWN = 4, ROUNDS = 5 /* the quickest counts: what disturbs only adds */, STEPS_MIN = 3 };
static const double share_s = 0.4, exchange_s = 0.08; /* about, for a share; for an exchange in a round */

typedef enum { EMPTY, PULL, PUSH, PUSH_TWICE, EXCHANGES } kind_t;

/* A batch's pushes, kept. */
typedef struct pushes {
  plt_push_t *once, *none, *twice; /* the same tables; no rows; each for two leaves */
  size_t n;
} pushes_t;

typedef struct work {
  plt_session_t *session;
  plt_calibration_t *out;
  plt_batch_maker_t *maker; /* of the only worker: keys of dense tables are its */
  plt_compute_t *compute;
  plt_arena_t *arena; /* of pulled rows and kept pushes */
  uint64_t clock;
  uint32_t drawn;
  plt_batch_t *batch[DRAWN];
  float *values[DRAWN];
  pushes_t pushes[DRAWN];
} work_t;

/* Of a thread, or of the process. */
static double processor_s(clockid_t whose) {
  struct timespec now;
  clock_gettime(whose, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double elapsed_s(int64_t since_ns) { return plt_time_seconds(plt_time_ns() - since_ns); }

/* Of a worker of one thread its processor time: others on the machine do not count. */
static double now_s(const work_t *work) {
  return plt_crew_size(work->session->crew) == 1 ? processor_s(CLOCK_THREAD_CPUTIME_ID)
                                                 : plt_time_seconds(plt_time_ns());
}

/* The pulls of a batch that come in every step. */
static size_t lasting_pulls(const work_t *work, const plt_batch_t *batch, float *values, plt_pull_t *pulls) {
  const plt_plan_t *plan = work->session->plan;
  size_t n = plt_batch_pulls(plan, batch, values, pulls), kept = 0;
  for (size_t k = 0; k < n; k++)
    if (!plan->specs[pulls[k].table].frozen && pulls[k].n > 0) pulls[kept++] = pulls[k];
  return kept;
}

static plt_status_t pull_all(work_t *work, const plt_batch_t *batch, float *values) {
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  plt_step_result_t result;
  plt_step_t step = {.clock = work->clock, .pull = pulls};
  step.n_pull = plt_batch_pulls(work->session->plan, batch, values, pulls);
  return plt_client_step(work->session->client, &step, &result);
}

/* ---- shares ---- */

static void keep_pushes(work_t *work, const plt_gradients_t *gradients, pushes_t *to) {
  size_t n = gradients->n_push;
  *to = (pushes_t){.once = plt_arena_alloc(work->arena, n * sizeof *to->once),
                   .none = plt_arena_alloc(work->arena, n * sizeof *to->none),
                   .twice = plt_arena_alloc(work->arena, 2 * n * sizeof *to->twice),
                   .n = n};
  for (size_t k = 0; k < n; k++) {
    plt_push_t push = gradients->push[k];
    uint64_t *keys = plt_arena_alloc(work->arena, push.n * sizeof *keys);
    float *values = plt_arena_alloc(work->arena, push.n * push.cols * sizeof *values);
    memcpy(keys, push.keys, push.n * sizeof *keys);
    memcpy(values, push.values, push.n * push.cols * sizeof *values);
    push.keys = keys;
    push.values = values;
    push.span = (plt_leaf_span_t){0, 1};
    to->once[k] = to->twice[2 * k] = to->twice[2 * k + 1] = to->none[k] = push;
    to->none[k].n = 0;
    to->twice[2 * k + 1].span = (plt_leaf_span_t){1, 1};
  }
}

/* All phases of a batch, and what they push. */
static plt_status_t compute_batch(const work_t *work, const plt_batch_t *batch, const float *values,
                                  plt_worker_load_t *share, plt_gradients_t *gradients) {
  const plt_plan_t *plan = work->session->plan;
  uint32_t phases = plt_strategy_phases(plan->strategy, batch->turn);
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  size_t n = lasting_pulls(work, batch, NULL, pulls);
  for (uint32_t phase = phases; phase-- > 0;) { /* the first one last: its gradients are kept */
    double begin_s = now_s(work);
    PLT_TRY(plt_compute_gradients(work->compute, batch, values, phase, plt_plan_eta(plan, 0), gradients));
    share->compute_s += now_s(work) - begin_s;
    for (size_t k = 0; k < gradients->n_push; k++) {
      share->push_rows += (double)gradients->push[k].n;
      share->push_floats += (double)gradients->push[k].n * gradients->push[k].cols;
    }
    for (size_t k = 0; k < n; k++) {
      share->pull_rows += (double)pulls[k].n;
      share->pull_floats += (double)pulls[k].n * pulls[k].cols;
    }
  }
  return PLT_OK;
}

static plt_status_t measure_batch(work_t *work, const plt_batch_maker_t *maker, uint32_t number, plt_batch_t *batch,
                                  plt_worker_load_t *share, plt_gradients_t *gradients) {
  double begin_s = now_s(work);
  plt_batch_make(maker, 0, number, batch);
  share->sample_s += now_s(work) - begin_s;
  share->leaves += (double)batch->n_leaves;
  float *values = plt_arena_alloc(batch->arena, batch->floats * sizeof *values);
  PLT_TRY(pull_all(work, batch, values));
  if (batch == work->batch[number]) work->values[number] = values;
  return compute_batch(work, batch, values, share, gradients);
}

static plt_worker_load_t mean_of(const plt_worker_load_t *sum, double n) {
  return (plt_worker_load_t){.leaves = sum->leaves / n,
                             .sample_s = sum->sample_s / n,
                             .compute_s = sum->compute_s / n,
                             .pull_rows = sum->pull_rows / n,
                             .pull_floats = sum->pull_floats / n,
                             .push_rows = sum->push_rows / n,
                             .push_floats = sum->push_floats / n};
}

/* The part of the first of `workers`. Batches and pushes of the only one are kept. */
static plt_status_t measure_share(work_t *work, uint32_t workers, plt_worker_load_t *share) {
  plt_batch_maker_t *maker =
      workers == 1 ? work->maker : plt_batch_maker_create(work->session->plan, 0, workers, work->session->crew);
  plt_batch_t *own = plt_batch_create();
  plt_status_t status = PLT_OK;
  plt_worker_load_t warm = {0}, sum = {0};
  int64_t start_ns = 0;
  uint32_t cold = workers == 1 ? work->drawn : 1, n = 0; /* the first finds caches and memory cold */
  for (uint32_t turn = 0; status == PLT_OK; turn++) {
    if (turn == cold) start_ns = plt_time_ns();
    if (turn >= cold + STEPS_MIN && elapsed_s(start_ns) >= share_s) break;
    uint32_t number = turn % work->drawn;
    plt_batch_t *batch = workers == 1 ? work->batch[number] : own;
    plt_gradients_t gradients = {0};
    status = measure_batch(work, maker, number, batch, turn < cold ? &warm : &sum, &gradients);
    if (status == PLT_OK && workers == 1 && turn < cold) keep_pushes(work, &gradients, &work->pushes[number]);
    n += turn >= cold;
  }
  if (status == PLT_OK) *share = mean_of(&sum, n);
  plt_batch_destroy(&own);
  if (workers > 1) plt_batch_maker_destroy(&maker);
  return status;
}

/* ---- exchanges ---- */

static plt_status_t exchange(work_t *work, kind_t kind, uint32_t number) {
  const pushes_t *pushes = &work->pushes[number];
  plt_pull_t pulls[PLT_MODEL_TABLES_MAX];
  plt_step_result_t result;
  plt_block_loss_t losses[2] = {{{0, 1}, 0.5}, {{1, 1}, 0.5}};
  plt_step_t step = {.pushes = true,
                     .clock = work->clock++,
                     .eta = plt_plan_eta(work->session->plan, 0),
                     .losses = losses,
                     .n_losses = kind == PUSH_TWICE ? 2 : 1,
                     .push = kind == PUSH         ? pushes->once
                             : kind == PUSH_TWICE ? pushes->twice
                                                  : pushes->none,
                     .n_push = kind == PUSH_TWICE ? 2 * pushes->n : pushes->n,
                     .pull = pulls};
  if (kind == PULL) step.n_pull = lasting_pulls(work, work->batch[number], work->values[number], pulls);
  return plt_client_step(work->session->client, &step, &result);
}

/* wall_s: until the answer. The others are processor time, which those who share the machine do not lengthen. */
typedef struct cost {
  double wall_s, worker_s, server_s, out_bytes, in_bytes;
} cost_t;

static plt_status_t measure_exchange(work_t *work, kind_t kind, cost_t *cost) {
  plt_wire_count_t before = plt_client_count(work->session->client).wire;
  double own_s = processor_s(CLOCK_THREAD_CPUTIME_ID), all_s = processor_s(CLOCK_PROCESS_CPUTIME_ID);
  int64_t begin_ns = plt_time_ns();
  uint32_t n = 0;
  for (; n < STEPS_MIN || elapsed_s(begin_ns) < exchange_s; n++) PLT_TRY(exchange(work, kind, n % work->drawn));
  plt_wire_count_t now = plt_client_count(work->session->client).wire;
  own_s = processor_s(CLOCK_THREAD_CPUTIME_ID) - own_s;
  all_s = processor_s(CLOCK_PROCESS_CPUTIME_ID) - all_s;
  *cost = (cost_t){.wall_s = elapsed_s(begin_ns) / n,
                   .worker_s = own_s / n,
                   .server_s = (all_s - own_s) / n,
                   .out_bytes = (double)(now.bytes_out - before.bytes_out) / n,
                   .in_bytes = (double)(now.bytes_in - before.bytes_in) / n};
  return PLT_OK;
}

static double at_least(double value, double least) { return value > least ? value : least; }

/* What `more` takes beyond `less`, per float. Noise may make a small difference negative: it is nothing then. */
static double beyond(double more, double less, double floats) { return at_least(more - less, 0) / floats; }

static void divide(const cost_t cost[EXCHANGES], plt_calibration_t *out) {
  const plt_worker_load_t *whole = &out->share[0];
  const cost_t *idle = &cost[EMPTY], *pull = &cost[PULL], *once = &cost[PUSH], *twice = &cost[PUSH_TWICE];
  double pulled = at_least(whole->pull_floats / out->exchanges, 1);
  double pushed = at_least(whole->push_floats / out->exchanges, 1);
  out->idle_s = idle->wall_s;
  out->idle_worker_s = idle->worker_s;
  out->idle_out_bytes = idle->out_bytes;
  out->idle_in_bytes = idle->in_bytes;
  out->push_worker_s = beyond(twice->worker_s, once->worker_s, pushed);
  out->push_server_s = beyond(twice->server_s, once->server_s, pushed);
  out->step_s = at_least(beyond(once->server_s, idle->server_s, pushed) - out->push_server_s, 0);
  out->pull_worker_s = beyond(pull->worker_s, idle->worker_s, pulled);
  out->pull_server_s = beyond(pull->server_s, idle->server_s, pulled);
  out->key_bytes = (pull->out_bytes - idle->out_bytes) / at_least(whole->pull_rows / out->exchanges, 1);
  out->value_bytes = (pull->in_bytes - idle->in_bytes) / pulled;
}

static bool quicker(const cost_t *a, const cost_t *b) { return a->worker_s + a->server_s < b->worker_s + b->server_s; }

static plt_status_t measure_exchanges(work_t *work) {
  cost_t least[EXCHANGES], one;
  for (uint32_t i = 0; i < work->drawn; i++) PLT_TRY(exchange(work, PUSH, i)); /* rows and states are born */
  for (int round = 0; round < ROUNDS; round++)
    for (kind_t kind = EMPTY; kind < EXCHANGES; kind++) {
      PLT_TRY(measure_exchange(work, kind, &one));
      double wall_s = round == 0 || one.wall_s < least[kind].wall_s ? one.wall_s : least[kind].wall_s;
      if (round == 0 || quicker(&one, &least[kind])) least[kind] = one;
      least[kind].wall_s = wall_s;
    }
  divide(least, work->out);
  return PLT_OK;
}

/* ---- all of it ---- */

/* The last batch of an epoch may be a small one: it counts by its samples. */
static void describe_step(const plt_plan_t *plan, plt_calibration_t *out) {
  uint32_t batches = plt_sampler_batches(plan->sampler);
  double all = 0;
  out->samples = plt_sampler_samples(plan->sampler, 0);
  for (uint32_t b = 0; b < batches; b++) {
    all += plt_sampler_samples(plan->sampler, b);
    out->exchanges += (double)plt_strategy_phases(plan->strategy, b) / batches;
  }
  out->batches = all / out->samples;
  uint32_t leaves = plan->batch_size / plan->micro_batch + (plan->batch_size % plan->micro_batch != 0);
  out->leaves = leaves;
  for (size_t t = 0; t < plan->model->n_tables; t++)
    if (!plan->specs[t].frozen) out->trained_floats += (double)plan->specs[t].rows * plan->specs[t].cols;
}

static plt_status_t measure(work_t *work) {
  plt_calibration_t *out = work->out;
  describe_step(work->session->plan, out);
  uint32_t full = (uint32_t)out->batches;
  work->drawn = full > DRAWN ? DRAWN : full > 0 ? full : 1;
  for (uint32_t workers = 1; out->n < PLT_SHARES_MAX && (out->n == 0 || out->share[out->n - 1].leaves > 1);
       workers *= 2)
    PLT_TRY(measure_share(work, workers, &out->share[out->n++]));
  return measure_exchanges(work);
}

/* plt_session_fn */
static plt_status_t calibrate(plt_session_t *session, void *context) {
  work_t work = {.session = session, .out = context, .clock = session->clock};
  work.maker = plt_batch_maker_create(session->plan, 0, 1, session->crew);
  work.compute = plt_compute_create(session->plan, session->crew);
  work.arena = plt_arena_create();
  for (uint32_t i = 0; i < DRAWN; i++) work.batch[i] = plt_batch_create();
  plt_status_t status = measure(&work);
  for (uint32_t i = 0; i < DRAWN; i++) plt_batch_destroy(&work.batch[i]);
  plt_arena_destroy(&work.arena);
  plt_compute_destroy(&work.compute);
  plt_batch_maker_destroy(&work.maker);
  return status;
}

void plt_calibration_name(const plt_job_t *job, plt_calibration_t *out) {
  const plt_plan_t *plan = &job->plan;
  snprintf(out->of, sizeof out->of,
           "%s with %s and %s on %" PRIu32 " users, %" PRIu32 " items, %" PRIu64 " pairs; %" PRIu64
           " bytes of tables; batches of %" PRIu32 " in leaves of %" PRIu32 "; %" PRIu32 " thread%s; %s",
           plan->model->ops->name, plan->strategy->ops->name, plan->optimizer, job->data->users, job->data->items,
           job->data->n_train, plt_job_table_bytes(job), plan->batch_size, plan->micro_batch, plan->threads,
           plan->threads == 1 ? "" : "s", plt_transport_names[job->transport]);
}

plt_status_t plt_calibrate(plt_job_t *job, plt_calibration_t *out) {
  uint32_t workers = job->plan.workers, servers = job->plan.servers;
  *out = (plt_calibration_t){0};
  plt_calibration_name(job, out);
  job->plan.workers = job->plan.servers = 1;
  plt_status_t status = plt_embedded_run(job, &job->warm.restore, calibrate, out);
  job->plan.workers = workers;
  job->plan.servers = servers;
  return status;
}
