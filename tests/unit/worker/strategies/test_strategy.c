/* test_strategy.c - what each strategy pushes, against the formulas of docs/methods/strategies.md on L(w) = sum a_i
 * w_i^2 / 2, whose gradient is a_i w_i. */
#include <criterion/criterion.h>

#include "tests/unit/worker/naive.h"
#include "worker/strategies/registry.h"

enum { N = 37 };

static const plt_option_t optimizer_rows[] = {
    {.key = "optimizer.name", .type = PLT_OPT_TEXT, .fallback = "sgd", .help = "For the tests."}};
static const plt_option_table_t optimizer_options = {"optimizer", optimizer_rows, 1};

/* A strategy from lines "key=value"; the configuration is returned to be destroyed. */
static plt_status_t make(const char *const *settings, plt_strategy_t **out) {
  plt_config_t *config = plt_config_create();
  for (; *settings != NULL; settings++) cr_assert_eq(plt_config_set(config, *settings), PLT_OK);
  cr_assert_eq(plt_config_apply(config, &optimizer_options), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_config_apply(config, &plt_strategy_options), PLT_OK, "%s", plt_fail_text());
  const plt_strategy_ops_t *ops = plt_strategy_find(plt_config_text(config, "strategy.name"));
  cr_assert_not_null(ops);
  plt_status_t status = plt_config_apply(config, &ops->options);
  if (status == PLT_OK) status = plt_strategy_create(config, out);
  plt_config_destroy(&config);
  return status;
}

#define MAKE(out, ...) make((const char *const[]){__VA_ARGS__, NULL}, out)

typedef struct quadratic {
  float a[N], w[N], point[N], second[N], gradient[N];
  uint32_t calls;
} quadratic_t;

static double gradient_at(void *context, const float *w, float *gradient) {
  quadratic_t *q = context;
  double loss = 0;
  q->calls++;
  for (size_t i = 0; i < N; i++) {
    gradient[i] = q->a[i] * w[i];
    loss += 0.5 * q->a[i] * w[i] * w[i];
  }
  return loss;
}

static quadratic_t make_quadratic(void) {
  quadratic_t q = {.calls = 0};
  naive_rng_t rng = {1};
  for (size_t i = 0; i < N; i++) {
    q.a[i] = naive_between(&rng, 0.5, 2);
    q.w[i] = naive_between(&rng, -1, 1);
  }
  return q;
}

static double g(const quadratic_t *q, size_t i) { return (double)q->a[i] * q->w[i]; }

static double norm_of_g(const quadratic_t *q) {
  double squares = 0;
  for (size_t i = 0; i < N; i++) squares += g(q, i) * g(q, i);
  return sqrt(squares);
}

/* Runs the strategy into q->gradient; the loss must be the one at w, w unchanged, the passes as announced. */
static void run(const plt_strategy_t *strategy, quadratic_t *q, uint32_t batch, uint32_t phase, double eta) {
  plt_objective_t leaf = {gradient_at, q, N, q->w, q->point, q->second, batch, phase, eta, NULL, 0};
  quadratic_t before = *q;
  float scratch[N];
  double want = gradient_at(&before, q->w, scratch);
  q->calls = 0;
  cr_assert_eq(strategy->ops->gradient(strategy, &leaf, q->gradient), want);
  cr_assert_arr_eq(q->w, before.w, sizeof q->w);
  cr_assert_eq(q->calls, plt_strategy_passes(strategy, batch, phase));
}

static void expect(const quadratic_t *q, size_t i, double want) {
  cr_assert(naive_near(q->gradient[i], want, 1e-6), "%zu: %g, not %g", i, (double)q->gradient[i], want);
}

Test(strategy, plain_is_the_default) {
  plt_strategy_t *s;
  quadratic_t q = make_quadratic();
  cr_assert_eq(MAKE(&s, "optimizer.name=adam"), PLT_OK);
  run(s, &q, 0, 0, 0.1);
  for (size_t i = 0; i < N; i++) expect(&q, i, g(&q, i));
  cr_assert_eq(plt_strategy_phases(s, 0), 1);
  plt_strategy_destroy(&s);
  cr_assert_null(s);
  plt_strategy_destroy(&s);
}

Test(strategy, bsam) {
  plt_strategy_t *s;
  quadratic_t q = make_quadratic();
  cr_assert_eq(MAKE(&s, "strategy.name=bsam", "strategy.rho=0.25"), PLT_OK);
  for (uint32_t batch = 0; batch < 4; batch++) {
    run(s, &q, batch, 0, 0.1);
    double length = 0.25 / (norm_of_g(&q) + 1e-12);
    for (size_t i = 0; i < N; i++) expect(&q, i, q.a[i] * (q.w[i] + length * g(&q, i)));
    cr_assert_eq(plt_strategy_phases(s, batch), 1);
  }
  plt_strategy_destroy(&s);
}

Test(strategy, bsam_at_a_flat_point_is_plain) {
  plt_strategy_t *s;
  quadratic_t q = make_quadratic();
  memset(q.w, 0, sizeof q.w);
  cr_assert_eq(MAKE(&s, "strategy.name=bsam"), PLT_OK);
  run(s, &q, 0, 0, 0.1);
  for (size_t i = 0; i < N; i++) expect(&q, i, 0);
  plt_strategy_destroy(&s);
}

Test(strategy, bsam_plus_mixes) {
  plt_strategy_t *s;
  quadratic_t q = make_quadratic();
  cr_assert_eq(MAKE(&s, "strategy.name=bsam+", "strategy.rho=0.25", "strategy.lambda=0.3"), PLT_OK);
  run(s, &q, 1, 0, 0.1);
  double length = 0.25 / (norm_of_g(&q) + 1e-12);
  for (size_t i = 0; i < N; i++) expect(&q, i, 0.7 * g(&q, i) + 0.3 * q.a[i] * (q.w[i] + length * g(&q, i)));
  plt_strategy_destroy(&s);
}

Test(strategy, mirror_with_sgd_is_combined) {
  plt_strategy_t *s;
  quadratic_t q = make_quadratic();
  cr_assert_eq(MAKE(&s, "strategy.name=mirror", "strategy.alpha1=1.2", "strategy.alpha2=0.4", "strategy.beta=2"),
               PLT_OK);
  for (uint32_t batch = 0; batch < 5; batch++) {
    run(s, &q, batch, 0, 0.1);
    cr_assert_eq(plt_strategy_phases(s, batch), 1);
    for (size_t i = 0; i < N; i++) {
      double mirrored = 1.2 * g(&q, i) - 0.4 * q.a[i] * (q.w[i] - 1.2 * 0.1 * g(&q, i));
      expect(&q, i, batch % 2 == 0 ? mirrored : g(&q, i));
    }
  }
  plt_strategy_destroy(&s);
}

/* Tables with learning rates of their own: the point up the slope is where the server's step would lead. */
Test(strategy, mirror_steps_with_the_learning_rate_of_each_table) {
  enum { FIRST = 10, SECOND = 20 };
  const plt_lr_span_t spans[] = {{FIRST, 1}, {SECOND, 0.5}, {N - FIRST - SECOND, 3}};
  plt_strategy_t *s;
  quadratic_t q = make_quadratic();
  cr_assert_eq(MAKE(&s, "strategy.name=mirror", "strategy.alpha1=1.2", "strategy.alpha2=0.4"), PLT_OK);
  plt_objective_t leaf = {gradient_at, &q, N, q.w, q.point, q.second, 0, 0, 0.1, spans, 3};
  s->ops->gradient(s, &leaf, q.gradient);
  for (size_t i = 0; i < N; i++) {
    double eta = 0.1 * (i < FIRST ? 1 : i < FIRST + SECOND ? 0.5 : 3);
    expect(&q, i, 1.2 * g(&q, i) - 0.4 * q.a[i] * (q.w[i] - 1.2 * eta * g(&q, i)));
  }
  plt_strategy_destroy(&s);
}

Test(strategy, mirror_with_adam_is_sequential) {
  plt_strategy_t *s;
  quadratic_t q = make_quadratic();
  cr_assert_eq(MAKE(&s, "strategy.name=mirror", "optimizer.name=adam"), PLT_OK);
  for (uint32_t batch = 0; batch < 7; batch++) {
    cr_assert_eq(plt_strategy_phases(s, batch), batch % 3 == 0 ? 2 : 1, "beta is 3");
    run(s, &q, batch, 0, 0.1);
    for (size_t i = 0; i < N; i++) expect(&q, i, g(&q, i)); /* alpha1 is 1 */
  }
  for (size_t i = 0; i < N; i++) q.w[i] *= 0.9f; /* as pulled after the first step */
  run(s, &q, 3, 1, 0.1);
  for (size_t i = 0; i < N; i++) expect(&q, i, -0.3 * g(&q, i));
  plt_strategy_destroy(&s);
}

Test(strategy, mode_is_taken_as_written) {
  plt_strategy_t *s;
  cr_assert_eq(MAKE(&s, "strategy.name=mirror", "optimizer.name=adam", "strategy.mode=combined"), PLT_OK);
  cr_assert_eq(plt_strategy_phases(s, 0), 1);
  plt_strategy_destroy(&s);
  cr_assert_eq(MAKE(&s, "strategy.name=mirror", "optimizer.name=sgd", "strategy.mode=sequential"), PLT_OK);
  cr_assert_eq(plt_strategy_phases(s, 0), 2);
  plt_strategy_destroy(&s);
}

Test(strategy, values_out_of_range_are_usage_errors) {
  const char *bad[][2] = {
      {"strategy.name=mirror", "strategy.alpha2=1.0"}, {"strategy.name=mirror", "strategy.alpha2=1.5"},
      {"strategy.name=mirror", "strategy.alpha2=0"},   {"strategy.name=mirror", "strategy.alpha1=-1"},
      {"strategy.name=mirror", "strategy.beta=0"},     {"strategy.name=bsam", "strategy.rho=-0.1"},
      {"strategy.name=bsam+", "strategy.lambda=1.1"},  {"strategy.name=bsam+", "strategy.lambda=-0.1"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    plt_strategy_t *s = NULL;
    cr_assert_eq(MAKE(&s, bad[i][0], bad[i][1]), PLT_ERR_USAGE, "%s", bad[i][1]);
    cr_assert_null(s);
  }
  plt_strategy_t *s = NULL;
  cr_assert_eq(MAKE(&s, "strategy.name=mirror", "strategy.alpha1=0.25", "strategy.alpha2=0.75"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "0.25") && strstr(plt_fail_text(), "0.75"), "both values are named");
}

Test(strategy, registry) {
  cr_assert_null(plt_strategy_find("sam"));
  for (size_t i = 0; plt_strategies[i] != NULL; i++) {
    cr_assert_eq(plt_strategy_find(plt_strategies[i]->name), plt_strategies[i]);
    cr_assert_str_eq(plt_strategy_options.rows[0].choice_at(i), plt_strategies[i]->name, "every row can be chosen");
  }
}
