/* test_invariance.c - what a mask stage minimises: the golden case, and at other sizes a twin in double, whose
 * differences the gradient is compared with. */
#include "tests/unit/worker/golden.h"
#include "tests/unit/worker/naive.h"
#include "worker/math/invariance.h"

enum { ENVIRONMENTS = 3 };

/* A problem: batches by ids, rows of all users and items. */
typedef struct problem {
  plt_invariance_shape_t shape;
  size_t samples[ENVIRONMENTS], each;
  uint32_t *user[ENVIRONMENTS], *item[ENVIRONMENTS];
  float *weight[ENVIRONMENTS], *noise;
  size_t n_users, n_items;
  float *users, *items, *x, *w, *mu;
} problem_t;

static void copy_rows(const void *context, size_t first, size_t rows, float *out) {
  const problem_t *p = context;
  memcpy(out, p->x + first * p->shape.features, rows * p->shape.features * sizeof *out);
}

static plt_invariance_batch_t batch_of(const problem_t *p, size_t e) {
  return (plt_invariance_batch_t){.n = p->samples[e],
                                  .items_each = p->each,
                                  .user = p->user[e],
                                  .item = p->item[e],
                                  .weight = p->weight[e],
                                  .n_users = p->n_users,
                                  .n_items = p->n_items,
                                  .users = p->users,
                                  .items = p->items,
                                  .x = {.rows = p->n_items, .cols = p->shape.features, .make = copy_rows, .context = p},
                                  .noise = p->noise + e * p->shape.features};
}

/* Value and gradient [F f + F]; environments without samples take no part. */
static double evaluate(const problem_t *p, plt_crew_t *crew, float *gradient, float *losses) {
  size_t features = p->shape.features, floats = features * p->shape.f, n = 0;
  plt_invariance_t *self = plt_invariance_create(&p->shape, ENVIRONMENTS, crew);
  float *g = calloc(ENVIRONMENTS * floats, sizeof *g), *by = calloc(floats + features, sizeof *by);
  const float *present[ENVIRONMENTS];
  double value = 0;
  for (size_t e = 0; e < ENVIRONMENTS; e++) {
    plt_invariance_batch_t batch = batch_of(p, e);
    if (batch.n == 0) continue;
    losses[e] = plt_invariance_first(self, e, &batch, p->w, p->mu, g + e * floats);
    value += (double)losses[e];
    present[n++] = g + e * floats;
  }
  memset(gradient, 0, (floats + features) * sizeof *gradient);
  value = value / (double)n + plt_invariance_meet(self, n, present, p->mu, gradient + floats);
  for (size_t e = 0; e < ENVIRONMENTS; e++) {
    plt_invariance_batch_t batch = batch_of(p, e);
    if (batch.n == 0) continue;
    plt_invariance_second(self, e, &batch, p->w, p->mu, g + e * floats, by, by + floats);
    for (size_t k = 0; k < floats + features; k++) gradient[k] += by[k];
  }
  free(g);
  free(by);
  plt_invariance_destroy(&self);
  return value;
}

static void problem_free(problem_t *p) {
  for (size_t e = 0; e < ENVIRONMENTS; e++) free(p->user[e]), free(p->item[e]), free(p->weight[e]);
  free(p->noise), free(p->users), free(p->items), free(p->x), free(p->w), free(p->mu);
}

/* ---- golden ---- */

static float *read_golden(const char *name, uint64_t *rows, uint64_t *cols) {
  golden_t golden = golden_read("invrl-mask", name);
  *rows = golden.rows;
  *cols = golden.cols;
  return golden.value;
}

static void read_batches(problem_t *p, const float *of_user, const float *of_item) {
  char path[4096];
  plt_npy_t npy;
  snprintf(path, sizeof path, "%s/invrl-mask/batches.npy", PLT_GOLDEN_DIR);
  cr_assert_eq(plt_npy_open(path, &npy), PLT_OK, "%s", plt_fail_text());
  enum { SAMPLES = 6, WIDTH = 6 };
  cr_assert(npy.rows == ENVIRONMENTS && npy.cols == SAMPLES * WIDTH);
  p->each = WIDTH - 1;
  for (size_t e = 0; e < ENVIRONMENTS; e++) {
    p->samples[e] = SAMPLES;
    p->user[e] = calloc(SAMPLES, sizeof *p->user[e]);
    p->item[e] = calloc(SAMPLES * p->each, sizeof *p->item[e]);
    p->weight[e] = calloc(SAMPLES * p->each, sizeof *p->weight[e]);
    for (size_t s = 0; s < SAMPLES; s++) {
      p->user[e][s] = (uint32_t)plt_npy_int(&npy, e, s * WIDTH);
      for (size_t k = 0; k < p->each; k++) {
        size_t at = s * p->each + k;
        p->item[e][at] = (uint32_t)plt_npy_int(&npy, e, s * WIDTH + 1 + k);
        p->weight[e][at] = (1 + of_user[p->user[e][s]] * of_item[p->item[e][at]]) / (k == 0 ? 1 : (float)(p->each - 1));
      }
    }
  }
  plt_npy_close(&npy);
}

Test(invariance, golden) {
  static const double losses[] = {9.507593913809034, 10.053335039702876, 11.050457577935138};
  problem_t p = {.shape = {.alpha = 1, .lambda = 0.1f}};
  uint64_t rows, cols;
  float *of_user = read_golden("beta_user", &rows, &cols), *of_item = read_golden("beta_item", &rows, &cols);
  p.noise = read_golden("noise", &rows, &cols);
  p.mu = read_golden("mu", &rows, &cols);
  p.w = read_golden("w", &rows, &cols);
  p.shape.features = rows;
  p.shape.f = cols;
  p.users = read_golden("user", &rows, &cols);
  p.n_users = rows;
  p.items = read_golden("item", &rows, &cols);
  p.n_items = rows;
  p.shape.d = cols;
  p.x = read_golden("x", &rows, &cols);
  read_batches(&p, of_user, of_item);
  float *want_w = read_golden("expect_grad_w", &rows, &cols), *want_mu = read_golden("expect_grad_mu", &rows, &cols);
  size_t floats = p.shape.features * p.shape.f;
  float gradient[64], of[ENVIRONMENTS];
  double value = evaluate(&p, NULL, gradient, of);
  cr_assert(naive_near(value, 10.357121459135215, 1e-6), "%.9g", value);
  for (size_t e = 0; e < ENVIRONMENTS; e++) cr_assert(naive_near((double)of[e], losses[e], 1e-6), "loss %zu", e);
  for (size_t k = 0; k < floats; k++) cr_assert(naive_near((double)gradient[k], (double)want_w[k], 1e-5), "w %zu", k);
  for (size_t k = 0; k < p.shape.features; k++)
    cr_assert(naive_near((double)gradient[floats + k], (double)want_mu[k], 1e-5), "mu %zu", k);
  free(of_user), free(of_item), free(want_w), free(want_mu);
  problem_free(&p);
}

/* ---- the twin ---- */

static double gate(const problem_t *p, const double *mu, size_t e, size_t k) {
  return fmin(fmax(mu[k] + (double)p->noise[e * p->shape.features + k] + 0.5, 0), 1);
}

/* L_e, and g_e [F, f] in closed form. */
static double environment(const problem_t *p, size_t e, const double *w, const double *mu, double *g) {
  size_t features = p->shape.features, f = p->shape.f, d = p->shape.d;
  double loss = 0;
  memset(g, 0, features * f * sizeof *g);
  for (size_t s = 0; s < p->samples[e]; s++) {
    const float *user = p->users + p->user[e][s] * (d + f);
    for (size_t at = s * p->each; at < (s + 1) * p->each; at++) {
      const float *x = p->x + p->item[e][at] * features;
      double score = 0, sign = at == s * p->each ? -1 : 1, weight = (double)p->weight[e][at];
      for (size_t j = 0; j < d; j++) score += (double)user[j] * (double)p->items[p->item[e][at] * d + j];
      for (size_t k = 0; k < features; k++)
        for (size_t j = 0; j < f; j++) score += (double)x[k] * gate(p, mu, e, k) * w[k * f + j] * (double)user[d + j];
      loss += weight * log1p(exp(sign * score));
      double slope = sign * weight / (1 + exp(-sign * score));
      for (size_t k = 0; k < features; k++)
        for (size_t j = 0; j < f; j++) g[k * f + j] += slope * (double)x[k] * gate(p, mu, e, k) * (double)user[d + j];
    }
  }
  return loss;
}

static double twin(const problem_t *p, const double *w, const double *mu) {
  size_t features = p->shape.features, f = p->shape.f, floats = features * f, n = 0;
  double *g = calloc(ENVIRONMENTS * floats, sizeof *g), value = 0;
  for (size_t e = 0; e < ENVIRONMENTS; e++)
    if (p->samples[e] > 0) value += environment(p, e, w, mu, g + n++ * floats);
  value /= (double)n;
  for (size_t k = 0; k < features; k++) {
    double a = mu[k] + 0.5;
    value += (double)p->shape.lambda * mu[k] * mu[k];
    for (size_t j = 0; j < f; j++) {
      double mean = 0, variance = 0;
      for (size_t e = 0; e < n; e++) mean += g[e * floats + k * f + j] / (double)n;
      for (size_t e = 0; e < n; e++) variance += pow(g[e * floats + k * f + j] - mean, 2);
      value += (double)p->shape.alpha * pow(variance * a, 2);
    }
  }
  free(g);
  return value;
}

static problem_t draw_problem(naive_rng_t *rng, bool has_empty) {
  problem_t p = {.shape = {.features = 3 + naive_below(rng, 5),
                           .f = 1 + naive_below(rng, 4),
                           .d = 1 + naive_below(rng, 3),
                           .alpha = 2,
                           .lambda = 0.3f},
                 .each = 2 + naive_below(rng, 3),
                 .n_users = 4,
                 .n_items = 6};
  const plt_invariance_shape_t *s = &p.shape;
  for (size_t e = 0; e < ENVIRONMENTS; e++) {
    size_t n = p.samples[e] = has_empty && e == 1 ? 0 : 1 + naive_below(rng, 6);
    p.user[e] = calloc(n + 1, sizeof *p.user[e]);
    p.item[e] = calloc(n * p.each + 1, sizeof *p.item[e]);
    p.weight[e] = naive_matrix(rng, n * p.each, 0.2, 1.5);
    for (size_t k = 0; k < n; k++) p.user[e][k] = naive_below(rng, (uint32_t)p.n_users);
    for (size_t k = 0; k < n * p.each; k++) p.item[e][k] = naive_below(rng, (uint32_t)p.n_items);
  }
  p.noise = naive_matrix(rng, ENVIRONMENTS * s->features, -0.1, 0.1);
  p.users = naive_matrix(rng, p.n_users * (s->d + s->f), -1, 1);
  p.items = naive_matrix(rng, p.n_items * s->d, -1, 1);
  p.x = naive_matrix(rng, p.n_items * s->features, -1, 1);
  p.w = naive_matrix(rng, s->features * s->f, -1, 1);
  p.mu = naive_matrix(rng, s->features, -0.35, 0.35);
  p.mu[0] = 0.9f; /* gates that are wide open or shut */
  p.mu[1] = -0.9f;
  return p;
}

Test(invariance, gradient_by_differences) {
  naive_rng_t rng = {naive_seed()};
  for (int round = 0; round < 20; round++) {
    problem_t p = draw_problem(&rng, round % 3 == 0);
    size_t features = p.shape.features, floats = p.shape.features * p.shape.f;
    double at[64];
    float gradient[64], losses[ENVIRONMENTS], threaded[64];
    for (size_t k = 0; k < floats; k++) at[k] = (double)p.w[k];
    for (size_t k = 0; k < features; k++) at[floats + k] = (double)p.mu[k];
    plt_crew_t *crew = plt_crew_create(2);
    double value = evaluate(&p, NULL, gradient, losses), want = twin(&p, at, at + floats);
    cr_assert(naive_near(value, want, 1e-5), "%.9g, not %.9g", value, want);
    cr_assert_eq(value, evaluate(&p, crew, threaded, losses));
    cr_assert_arr_eq(gradient, threaded, (floats + features) * sizeof *gradient);
    plt_crew_destroy(&crew);
    for (size_t k = 0; k < floats + features; k++) {
      const double h = 1e-5, kept = at[k];
      at[k] = kept + h;
      double above = twin(&p, at, at + floats);
      at[k] = kept - h;
      double slope = (above - twin(&p, at, at + floats)) / (2 * h);
      at[k] = kept;
      cr_assert(fabs((double)gradient[k] - slope) < 1e-4 * (1 + fabs(slope)), "round %d, %s %zu: %g, not %g", round,
                k < floats ? "w" : "mu", k < floats ? k : k - floats, (double)gradient[k], slope);
    }
    problem_free(&p);
  }
}
