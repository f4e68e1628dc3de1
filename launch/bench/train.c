/* train.c - `bench train` and `bench eval`: whole runs of this program, one server and one worker with all cores,
 * beside what is left of them when everything but the arithmetic goes.
 *
 *   bpr, sgd      a plain loop over arrays: the same samples, one thread, no servers
 *   vbpr, adam    the two products of a batch's features, all cores
 *   lightgcn      none
 *   eval          the product of users and items, all cores
 *
 * A run and its yardstick take turns. Epochs count without their evaluations and checkpoints, the first of a run not
 * at all: it gives birth to the rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "launch/bench/bench.h"
#include "launch/bench/runs.h"
#include "launch/host/limits.h"
#include "worker/data/dataset.h"
#include "worker/data/sampler.h"
#include "worker/math/kernels.h"

enum { BATCH = 2048, DIM = 64, BLOCK = 256, EPOCHS_MAX = 64 };

/* What yardsticks work on. */
typedef struct ground {
  plt_dataset_t *data;
  plt_sampler_t *sampler;
  plt_crew_t *crew;
  uint32_t batch, user[BATCH], item[2 * BATCH]; /* positives, negatives */
  float *users, *items;                         /* rows of DIM */
  float *features, *weights, *projected;        /* [distinct items, cols], [cols, DIM], [distinct items, DIM] */
  uint32_t *seen;                               /* the batch that has an item, + 1 */
  float *scores;
} ground_t;

/* ---- yardsticks ---- */

static uint32_t draw(ground_t *g) {
  uint32_t batch = g->batch++ % plt_sampler_batches(g->sampler), n = plt_sampler_samples(g->sampler, batch);
  plt_sampler_draw(g->sampler, 1, batch, 0, n, g->user, g->item, g->item + n);
  return n;
}

static void bpr_loop(void *context) {
  ground_t *g = context;
  const float eta = 1e-3f;
  uint32_t n = draw(g);
  for (uint32_t s = 0; s < n; s++) {
    float *u = g->users + (size_t)g->user[s] * DIM, *p = g->items + (size_t)g->item[s] * DIM;
    float *q = g->items + (size_t)g->item[n + s] * DIM, x = 0;
    for (size_t c = 0; c < DIM; c++) x += u[c] * (p[c] - q[c]);
    float slope = eta / (1 + expf(x));
    for (size_t c = 0; c < DIM; c++) {
      float du = slope * (p[c] - q[c]), dp = slope * u[c];
      u[c] += du;
      p[c] += dp;
      q[c] -= dp;
    }
  }
}

/* Forward and backward of the projection of a batch's distinct items; the features are gathered already. */
static void feature_products(void *context) {
  ground_t *g = context;
  size_t cols = plt_dataset_feature_cols(g->data), distinct = 0;
  uint32_t n = draw(g);
  for (uint32_t i = 0; i < 2 * n; i++) {
    distinct += g->seen[g->item[i]] != g->batch;
    g->seen[g->item[i]] = g->batch;
  }
  plt_kernel_matmul(g->crew, distinct, cols, DIM, g->features, g->weights, false, g->projected);
  plt_kernel_matmul_at(g->crew, cols, distinct, DIM, g->features, g->projected, false, g->weights);
}

static void score_product(void *context) {
  ground_t *g = context;
  plt_kernel_scores(g->crew, BLOCK, g->data->items, DIM, g->users, g->items, g->scores);
}

static float *filled(size_t n) {
  float *values = plt_mem_alloc(n * sizeof *values);
  for (size_t i = 0; i < n; i++) values[i] = 1e-4f * (float)(i % 101) - 5e-3f;
  return values;
}

static plt_status_t open_ground(const plt_bench_place_t *place, ground_t *g) {
  static const char *const features[] = {"text_feat.npy", "image_feat.npy"};
  plt_sampler_config_t config = {.seed = 1, .batch_size = BATCH, .negatives = 1};
  PLT_TRY(plt_dataset_open(place->data, NULL, features, 2, &g->data));
  PLT_TRY(plt_sampler_create(g->data, &config, &g->sampler));
  size_t cols = plt_dataset_feature_cols(g->data), users = g->data->users < BLOCK ? BLOCK : g->data->users;
  g->crew = plt_crew_create(plt_limits_cores());
  g->users = filled(users * DIM);
  g->items = filled((size_t)g->data->items * DIM);
  g->features = filled((size_t)2 * BATCH * cols);
  g->weights = filled(cols * DIM);
  g->projected = filled((size_t)2 * BATCH * DIM);
  g->scores = filled((size_t)BLOCK * g->data->items);
  g->seen = plt_mem_zalloc(g->data->items, sizeof *g->seen);
  return PLT_OK;
}

static void close_ground(ground_t *g) {
  free(g->seen);
  free(g->scores);
  free(g->projected);
  free(g->weights);
  free(g->features);
  free(g->items);
  free(g->users);
  plt_crew_destroy(&g->crew);
  plt_sampler_destroy(&g->sampler);
  plt_dataset_destroy(&g->data);
}

/* ---- runs ---- */

typedef struct subject {
  const char *name, *yaml;
  plt_bench_step_fn yardstick; /* NULL: none */
  const char *yardstick_name;
  double per_step; /* of what is counted, in a step of the yardstick */
  const char *unit;
  double (*rate)(const plt_bench_place_t *place); /* of a run, a second */
} subject_t;

typedef struct rates {
  double value[EPOCHS_MAX];
  int n;
} rates_t;

static void take_epoch(void *context, const plt_json_t *event) {
  rates_t *rates = context;
  uint64_t epoch;
  if (!plt_json_get_uint(plt_json_find(event, "epoch"), EPOCHS_MAX, &epoch) || epoch == 0) return;
  if (plt_json_get_real(plt_json_find(event, "samples_per_s"), &rates->value[rates->n])) rates->n++;
}

static double samples_per_s(const plt_bench_place_t *place) {
  rates_t rates = {.n = 0};
  plt_bench_place_events(place, "epoch", take_epoch, &rates);
  return rates.n == 0 ? 0 : plt_bench_median_of(rates.value, rates.n);
}

static void take_users(void *context, const plt_json_t *event) {
  plt_json_get_real(plt_json_find(event, "users"), context);
}

static void take_evaluation(void *context, const plt_json_t *event) {
  plt_json_get_real(plt_json_find(plt_json_find(event, "evaluation"), "sum"), context);
}

static double users_per_s(const plt_bench_place_t *place) {
  double users = 0, seconds = 0;
  plt_bench_place_events(place, "eval", take_users, &users);
  plt_bench_place_events(place, "time", take_evaluation, &seconds);
  return seconds > 0 ? users / seconds : 0;
}

static plt_status_t compete(plt_bench_place_t *place, ground_t *ground, const subject_t *subject,
                            const plt_bench_options_t *options, plt_bench_report_t *report) {
  double value[PLT_BENCH_RUNS_MAX], yard[PLT_BENCH_RUNS_MAX], ratio[PLT_BENCH_RUNS_MAX];
  plt_status_t status = PLT_OK;
  for (int run = 0; run < options->runs && status == PLT_OK; run++) {
    status = plt_bench_place_run(place, subject->yaml);
    if (status != PLT_OK) break;
    value[run] = subject->rate(place);
    if (subject->yardstick == NULL) continue;
    subject->yardstick(ground); /* warms */
    yard[run] = subject->per_step * plt_bench_measure(subject->yardstick, ground, options->seconds).per_s;
    ratio[run] = value[run] / yard[run];
  }
  PLT_TRY(status);
  plt_bench_figure_t figure = {.unit = subject->unit,
                               .value = 1e-3 * plt_bench_median_of(value, options->runs),
                               .yardstick = subject->yardstick_name};
  if (subject->yardstick != NULL) figure.ratio = plt_bench_median_of(ratio, options->runs);
  snprintf(figure.name, sizeof figure.name, "%s", subject->name);
  plt_bench_report_add(report, &figure);
  if (subject->yardstick == NULL) return PLT_OK;
  plt_bench_figure_t other = {.unit = subject->unit, .value = 1e-3 * plt_bench_median_of(yard, options->runs)};
  snprintf(other.name, sizeof other.name, "%s", subject->yardstick_name);
  plt_bench_report_add(report, &other);
  return PLT_OK;
}

static bool is_wanted(const subject_t *subject, const plt_bench_options_t *options) {
  size_t length = strcspn(subject->name, ",");
  return options->only == NULL ||
         (strlen(options->only) == length && strncmp(options->only, subject->name, length) == 0);
}

static plt_status_t check_only(const subject_t *subjects, size_t n, const plt_bench_options_t *options,
                               const char *bench) {
  char names[128] = "";
  for (size_t i = 0; i < n; i++) {
    size_t at = strlen(names), length = strcspn(subjects[i].name, ",");
    if (is_wanted(&subjects[i], options)) return PLT_OK;
    snprintf(names + at, sizeof names - at, "%s%.*s", i == 0 ? "" : ", ", (int)length, subjects[i].name);
  }
  return plt_fail(PLT_ERR_USAGE, "bench %s: --only %s: is not measured (%s)", bench, options->only, names);
}

static plt_status_t run_all(const subject_t *subjects, size_t n, const plt_bench_options_t *options,
                            plt_bench_report_t *report) {
  plt_bench_place_t place = {0};
  ground_t ground = {0};
  PLT_TRY(check_only(subjects, n, options, report->bench));
  PLT_TRY(plt_bench_place_make(options->scale, &place));
  plt_status_t status = open_ground(&place, &ground);
  for (size_t i = 0; i < n && status == PLT_OK; i++)
    if (is_wanted(&subjects[i], options)) status = compete(&place, &ground, &subjects[i], options, report);
  close_ground(&ground);
  plt_bench_place_remove(&place);
  return status;
}

#define TRAIN "train: {epochs: 4, batch_size: 2048}\neval: {every: 0, final: none}\ncheckpoint: {every_s: 0}\n"

plt_status_t plt_bench_train(const plt_bench_options_t *options, plt_bench_report_t *report) {
  static const subject_t subjects[] = {
      {"bpr, sgd", "model: {name: bpr, dim: 64}\noptimizer: {name: sgd, lr: 0.001}\n" TRAIN, bpr_loop, "plain loop",
       BATCH, "k samples/s", samples_per_s},
      {"vbpr, adam", "model: {name: vbpr, dim: 64}\noptimizer: {name: adam, lr: 0.001}\n" TRAIN, feature_products,
       "bare products", BATCH, "k samples/s", samples_per_s},
      {"lightgcn, adam", "model: {name: lightgcn, dim: 64, layers: 2}\noptimizer: {name: adam, lr: 0.001}\n" TRAIN,
       NULL, NULL, 0, "k samples/s", samples_per_s},
  };
  return run_all(subjects, sizeof subjects / sizeof *subjects, options, report);
}

plt_status_t plt_bench_eval(const plt_bench_options_t *options, plt_bench_report_t *report) {
  static const subject_t subjects[] = {
      {"bpr, full ranking",
       "model: {name: bpr, dim: 64}\noptimizer: {name: sgd}\ntrain: {epochs: 1, batch_size: 2048}\n"
       "eval: {every: 1, final: none}\ncheckpoint: {every_s: 0}\n",
       score_product, "bare product", BLOCK, "k users/s", users_per_s},
  };
  return run_all(subjects, sizeof subjects / sizeof *subjects, options, report);
}
