/* Optimizers against their formulas in double, settings and their ranges, the history of learning rates. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "ps/optimizers/registry.h"
#include "ps/table/table.h"

enum { COLS = 6, STEPS = 120 };

static plt_table_spec_t spec_of(const char *optimizer) {
  plt_table_spec_t spec = {.name = "item", .rows = 3, .cols = COLS, .init = {PLT_INIT_UNIFORM, 0.5}, .seed = 1};
  strcpy(spec.optimizer, optimizer);
  return spec;
}

static void set(plt_table_spec_t *spec, const char *name, const char *value) {
  size_t used = strlen(spec->settings);
  snprintf(spec->settings + used, sizeof spec->settings - used, "%s: %s\n", name, value);
}

/* One row's twin: element i of value and gradient, its state a, b and the learning rate of its last push. */
typedef struct twin {
  double w[COLS], a[COLS], b[COLS], eta_before;
} twin_t;
typedef void (*twin_fn)(twin_t *row, const double *g, double eta, int t);

static void twin_sgd(twin_t *row, const double *g, double eta, int t) {
  (void)t;
  for (int i = 0; i < COLS; i++) row->w[i] -= eta * (g[i] + 0.01 * row->w[i]);
}
static void twin_momentum(twin_t *row, const double *g, double eta, int t) {
  (void)t;
  for (int i = 0; i < COLS; i++) {
    row->a[i] = 0.9 * row->a[i] + g[i] + 0.01 * row->w[i];
    row->w[i] -= eta * row->a[i];
  }
}
static void twin_adagrad(twin_t *row, const double *g, double eta, int t) {
  for (int i = 0; i < COLS; i++) {
    double d = g[i] + 0.01 * row->w[i];
    if (t == 1) row->a[i] = 0.1;
    row->a[i] += d * d;
    row->w[i] -= eta * d / (sqrt(row->a[i]) + 1e-10);
  }
}
static void twin_rowwise_adagrad(twin_t *row, const double *g, double eta, int t) {
  double sum = 0, d[COLS];
  for (int i = 0; i < COLS; i++) {
    d[i] = g[i] + 0.01 * row->w[i];
    sum += d[i] * d[i];
  }
  if (t == 1) row->a[0] = 0.1;
  row->a[0] += sum / COLS;
  for (int i = 0; i < COLS; i++) row->w[i] -= eta * d[i] / (sqrt(row->a[0]) + 1e-10);
}
/* l1 = l2 = 0: gradient descent with steps eta / (beta + root of the sum of squares). */
static void twin_ftrl_without_l1(twin_t *row, const double *g, double eta, int t) {
  (void)t;
  for (int i = 0; i < COLS; i++) {
    double d = g[i] + 0.01 * row->w[i];
    row->a[i] += d * d;
    row->w[i] -= eta * d / (0.5 + sqrt(row->a[i]));
  }
}
/* The paper's form: w minimises (sum of g - sigma w) w + l1 |w| + ((beta + root n) / alpha + l2) w^2 / 2. The
 * value born is the minimum before the first step. */
static void twin_ftrl(twin_t *row, const double *g, double eta, int t) {
  const double beta = 1, l1 = 0.3, l2 = 2;
  double before = t == 1 ? eta : row->eta_before;
  for (int i = 0; i < COLS; i++) {
    double *z = &row->a[i], *n = &row->b[i], w = row->w[i];
    if (t == 1) *z = -(beta / eta + l2) * w - l1 * (w > 0 ? 1 : -1);
    double more = *n + g[i] * g[i];
    *z += g[i] - ((beta + sqrt(more)) / eta - (beta + sqrt(*n)) / before) * w;
    *n = more;
    row->w[i] = *z > l1    ? -(*z - l1) / ((beta + sqrt(more)) / eta + l2)
                : *z < -l1 ? -(*z + l1) / ((beta + sqrt(more)) / eta + l2)
                           : 0;
  }
}
static void twin_lazy_adam(twin_t *row, const double *g, double eta, int t) {
  for (int i = 0; i < COLS; i++) {
    double d = g[i] + 0.01 * row->w[i];
    row->a[i] = 0.8 * row->a[i] + 0.2 * d;
    row->b[i] = 0.99 * row->b[i] + 0.01 * d * d;
    row->w[i] -= eta / (1 - pow(0.8, t)) * row->a[i] / (sqrt(row->b[i]) / sqrt(1 - pow(0.99, t)) + 1e-6);
  }
}

/* Row 1 is pushed in two steps of three, row 0 never: it stays as born. */
static void compare(const plt_table_spec_t *spec, twin_fn twin) {
  plt_table_t *table;
  twin_t row = {0};
  float born[2][COLS], now[2][COLS], gradient[COLS];
  double exact[COLS];
  uint64_t keys[] = {0, 1};
  cr_assert_eq(plt_table_create(spec, 0, 1, &table), PLT_OK, "%s", plt_fail_text());
  plt_table_read(table, keys, 2, born[0]);
  for (int i = 0; i < COLS; i++) row.w[i] = born[1][i];
  for (int t = 1; t <= STEPS; t++) {
    bool pushed = t == 1 || t % 3 != 0;
    double eta = t < 50 ? 0.05 : 0.02;
    for (uint32_t i = 0; i < COLS; i++) {
      gradient[i] = (float)(plt_rng_unit(plt_rng_draw(plt_rng_key(4, "g", 0), (uint32_t)t, i, 0, 0).word[0]) - 0.4);
      exact[i] = gradient[i];
    }
    if (pushed) {
      twin(&row, exact, eta, t);
      row.eta_before = eta;
    }
    plt_table_step(table, eta, (plt_rows_t){&keys[1], gradient, pushed});
  }
  plt_table_read(table, keys, 2, now[0]);
  cr_assert_arr_eq(born[0], now[0], sizeof now[0]);
  for (int i = 0; i < COLS; i++)
    cr_assert_float_eq(now[1][i], row.w[i], 2e-6, "column %d: %g, not %g", i, now[1][i], row.w[i]);
  plt_table_destroy(&table);
}

Test(optimizer, sgd_follows_its_formula) {
  plt_table_spec_t spec = spec_of("sgd");
  set(&spec, "weight_decay", "0.01");
  compare(&spec, twin_sgd);
}

Test(optimizer, momentum_follows_its_formula) {
  plt_table_spec_t spec = spec_of("momentum");
  set(&spec, "weight_decay", "0.01");
  compare(&spec, twin_momentum);
}

Test(optimizer, rowwise_adagrad_follows_its_formula) {
  plt_table_spec_t spec = spec_of("rowwise_adagrad");
  set(&spec, "weight_decay", "0.01");
  set(&spec, "initial_accumulator", "0.1");
  compare(&spec, twin_rowwise_adagrad);
}

Test(optimizer, ftrl_follows_its_formula) {
  plt_table_spec_t spec = spec_of("ftrl");
  set(&spec, "l1", "0.3");
  set(&spec, "l2", "2");
  compare(&spec, twin_ftrl);
}

Test(optimizer, ftrl_without_l1_and_l2_is_gradient_descent_whatever_the_schedule) {
  plt_table_spec_t spec = spec_of("ftrl");
  set(&spec, "beta", "0.5");
  set(&spec, "weight_decay", "0.01");
  compare(&spec, twin_ftrl_without_l1);
}

/* Gradients that add up to less than l1 leave nothing of an element that begins at zero; a pushed row of zeros and
 * an element without gradient stay. */
Test(optimizer, ftrl_l1_makes_zeros) {
  plt_table_spec_t spec = spec_of("ftrl");
  plt_table_t *table;
  float gradient[COLS] = {0.1f, -0.1f, 2, -2, 0, 0}, values[COLS] = {0, 0, 0, 0, 0, 0.7f}, now[COLS];
  uint64_t key = 2;
  set(&spec, "l1", "1");
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK, "%s", plt_fail_text());
  plt_table_assign(table, &key, 1, values);
  for (int t = 1; t <= 5; t++) plt_table_step(table, 0.1, (plt_rows_t){&key, gradient, 1});
  plt_table_read(table, &key, 1, now);
  cr_assert(now[0] == 0 && now[1] == 0 && now[2] < 0 && now[3] > 0 && now[4] == 0 && now[5] == 0.7f);
  cr_assert_float_eq(now[2], -now[3], 0);
  plt_table_destroy(&table);
}

/* A learning rate of 0, or one whose inverse no float holds, moves nothing; what comes then goes on from there. */
Test(optimizer, ftrl_stands_still_at_rate_0) {
  plt_table_t *table[2];
  plt_table_spec_t spec = spec_of("ftrl");
  const float gradient[COLS] = {0.1f, -0.1f, 2, -2, 0, 0.4f}, values[COLS] = {0, 0.3f, 0.2f, -0.5f, 0.6f, 0};
  float now[2][COLS];
  uint64_t key = 2;
  set(&spec, "l1", "0.3");
  for (int t = 0; t < 2; t++) {
    cr_assert_eq(plt_table_create(&spec, 0, 1, &table[t]), PLT_OK, "%s", plt_fail_text());
    plt_table_assign(table[t], &key, 1, values);
  }
  for (int step = 0; step < 6; step++) {
    const double stands[] = {0, 1e-45, 0};
    for (int t = 0; t < 2; t++) plt_table_step(table[t], 0.1, (plt_rows_t){&key, gradient, 1});
    plt_table_step(table[1], stands[step % 3], (plt_rows_t){&key, gradient, 1});
    for (int t = 0; t < 2; t++) plt_table_read(table[t], &key, 1, now[t]);
    for (int i = 0; i < COLS; i++)
      cr_assert_float_eq(now[1][i], now[0][i], 1e-5, "step %d, column %d: %g, not %g", step, i, now[1][i], now[0][i]);
  }
  for (int t = 0; t < 2; t++) plt_table_destroy(&table[t]);
}

Test(optimizer, adagrad_follows_its_formula) {
  plt_table_spec_t spec = spec_of("adagrad");
  set(&spec, "weight_decay", "0.01");
  set(&spec, "initial_accumulator", "0.1");
  compare(&spec, twin_adagrad);
}

Test(optimizer, lazy_adam_follows_its_formula) {
  plt_table_spec_t spec = spec_of("lazy_adam");
  set(&spec, "weight_decay", "0.01");
  set(&spec, "beta1", "0.8");
  set(&spec, "beta2", "0.99");
  set(&spec, "eps", "1e-6");
  compare(&spec, twin_lazy_adam);
}

Test(optimizer, only_state_that_is_used_is_kept) {
  plt_table_spec_t spec = spec_of("sgd");
  const char *names[] = {"sgd", "momentum", "adagrad", "rowwise_adagrad", "ftrl", "adam", "adamw", "lazy_adam"};
  const size_t want[] = {0, COLS, COLS, 1, 2 * COLS, 2 * COLS, 2 * COLS, 2 * COLS}, n = sizeof want / sizeof *want;
  plt_optimizer_t *optimizer;
  for (size_t i = 0; i < n; i++) {
    strcpy(spec.optimizer, names[i]);
    cr_assert_eq(plt_optimizer_create(&spec, &optimizer), PLT_OK);
    cr_assert_eq(plt_optimizer_state_floats(optimizer), want[i]);
    plt_optimizer_destroy(&optimizer);
  }
}

static plt_status_t try_setting(const char *optimizer, const char *name, const char *value) {
  plt_table_spec_t spec = spec_of(optimizer);
  plt_optimizer_t *made = NULL;
  set(&spec, name, value);
  plt_status_t status = plt_optimizer_create(&spec, &made);
  cr_assert_eq(made == NULL, status != PLT_OK);
  plt_optimizer_destroy(&made);
  return status;
}

Test(optimizer, settings_out_of_range_are_refused) {
  cr_assert_eq(try_setting("adagrada", "eps", "1e-8"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "eps", "1e-8"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "momentum", "0.5"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("momentum", "momentum", "1"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("momentum", "momentum", "nan"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("ftrl", "l1", "-1"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "weight_decay", "-0.1"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adagrad", "initial_accumulator", "-1"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "beta1", "1"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "beta2", "0"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "eps", "0"), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "weight_decay", "0"), PLT_OK);
  cr_assert_eq(try_setting("adam", "weight_decay", "0.1"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "adamw") != NULL);
  cr_assert_eq(try_setting("lazy_adam", "weight_decay", "0.1"), PLT_OK);
  cr_assert_eq(try_setting("adamw", "weight_decay", "0.1"), PLT_OK);
  cr_assert_eq(try_setting("sgd", "sweep", "dense"), PLT_OK);
  cr_assert_eq(try_setting("sgd", "sweep", "2"), PLT_ERR_USAGE);
}

Test(optimizer, every_optimizer_can_be_made_by_its_defaults) {
  for (size_t i = 0; plt_optimizers[i] != NULL; i++) {
    const plt_optimizer_ops_t *ops = plt_optimizers[i];
    plt_table_spec_t spec = spec_of(ops->name);
    plt_optimizer_t *made;
    for (size_t k = 0; k < ops->options.n_rows; k++)
      cr_assert_eq(strncmp(ops->options.rows[k].key, "optimizer.", 10), 0, "%s", ops->options.rows[k].key);
    cr_assert_eq(plt_optimizer_create(&spec, &made), PLT_OK, "%s", plt_fail_text());
    cr_assert(made->weight_decay == 0 && !made->dense);
    plt_optimizer_destroy(&made);
  }
}

/* ---- options of every type, from a configuration to the object that a server makes ---- */

static const plt_option_t whole_rows[] = {
    {.key = "optimizer.nesterov", .type = PLT_OPT_BOOL, .fallback = "false"},
    {.key = "optimizer.period", .type = PLT_OPT_INT, .fallback = "1", .min = 1, .max = 9e15},
    {.key = "optimizer.rate", .type = PLT_OPT_REAL, .fallback = "0.5", .min = 0, .max = 1},
    {.key = "optimizer.label", .type = PLT_OPT_TEXT},
    {.key = "optimizer.file", .type = PLT_OPT_PATH},
    {.key = "optimizer.form", .type = PLT_OPT_CHOICE, .fallback = "a", .choices = "a|b"},
    {.key = "optimizer.steps", .type = PLT_OPT_INTS, .fallback = "[1, 2]"},
    {.key = "optimizer.betas", .type = PLT_OPT_REALS, .fallback = "[]"},
    {.key = "optimizer.groups", .type = PLT_OPT_TEXTS},
    {.key = "optimizer.weights", .type = PLT_OPT_WEIGHTS},
    {.key = "optimizer.inner.rate", .type = PLT_OPT_REAL, .fallback = "0.25"},
};
static char *seen; /* what init() found */

static plt_status_t see(plt_optimizer_t *self, const plt_config_t *config) {
  cr_assert_eq(self->cols, COLS);
  seen = plt_config_dump(config);
  return PLT_OK;
}

static const plt_optimizer_ops_t whole = {
    .name = "whole", .options = {"whole", whole_rows, sizeof whole_rows / sizeof *whole_rows}, .init = see};

static plt_config_t *configuration(const char *text) {
  plt_config_t *config = plt_config_create();
  cr_assert_eq(plt_config_add(config, "optimizer", text, "test"), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_config_apply(config, &plt_optimizer_common), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_config_apply(config, &whole.options), PLT_OK, "%s", plt_fail_text());
  return config;
}

static void expect_same_there(const char *text) {
  plt_config_t *config = configuration(text);
  plt_table_spec_t spec = spec_of("");
  plt_optimizer_t *made;
  char *here = plt_config_dump(config);
  cr_assert_eq(plt_optimizer_write(&whole, config, &spec), PLT_OK, "%s", plt_fail_text());
  cr_assert_str_eq(spec.optimizer, "whole");
  cr_assert_eq(plt_optimizer_make(&whole, &spec, &made), PLT_OK, "%s", plt_fail_text());
  cr_assert_str_eq(seen, here);
  plt_optimizer_destroy(&made);
  plt_config_destroy(&config);
  free(seen);
  free(here);
}

Test(optimizer, options_of_every_type_reach_the_servers) {
  expect_same_there("{}");
  expect_same_there(
      "{nesterov: true, period: 9000000000000000, rate: 0.30000000000000004, label: \"a: \\\"b\\\"\\n# c\", file: "
      "/tmp/x y,"
      " form: b, steps: [], betas: [0.9, 1e-300], groups: ['yes', '1', ''], weights: {image: 0.1, text: 0.9},"
      " inner: {rate: 0.125}, weight_decay: 0.1, sweep: dense}");
}

Test(optimizer, faults_of_settings_name_the_table_and_the_option) {
  const char *const bad[][2] = {{"nesterov: 1", "table item:1:11: optimizer.nesterov: \"1\" is not true or false"},
                                {"form: c", "optimizer.form: \"c\" is not one of a, b"},
                                {"rate: 2", "optimizer.rate: 2 must be in [0, 1]"},
                                {"ratte: 1", "optimizer.ratte: unknown option, did you mean optimizer.rate?"},
                                {"[1", "table item"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    plt_table_spec_t spec = spec_of("whole");
    plt_optimizer_t *made = NULL;
    strcpy(spec.settings, bad[i][0]);
    cr_assert_eq(plt_optimizer_make(&whole, &spec, &made), PLT_ERR_USAGE, "%s", bad[i][0]);
    cr_assert(strstr(plt_fail_text(), bad[i][1]) != NULL, "%s", plt_fail_text());
    cr_assert_null(made);
  }
  char text[PLT_SETTINGS_MAX + 100] = "label: ";
  memset(text + strlen(text), 'x', PLT_SETTINGS_MAX);
  plt_config_t *config = configuration(text);
  plt_table_spec_t spec = spec_of("");
  cr_assert_eq(plt_optimizer_write(&whole, config, &spec), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "settings of optimizer whole take") != NULL, "%s", plt_fail_text());
  plt_config_destroy(&config);
}

Test(optimizer, eta_history_keeps_runs) {
  plt_eta_history_t history = {0};
  for (uint64_t t = 1; t <= 100; t++) plt_eta_history_append(&history, t, (double)((t - 1) / 10));
  cr_assert_eq(history.n, 10);
  for (uint64_t t = 1; t <= 100; t++) cr_assert_float_eq(plt_eta_history_at(&history, t), (double)((t - 1) / 10), 0);
  cr_assert_float_eq(plt_eta_history_at(&history, 1000), 9, 0);
  plt_eta_history_clear(&history);
  cr_assert(history.n == 0 && history.runs == NULL);
}
