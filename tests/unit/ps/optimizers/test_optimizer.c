/* Optimizers against their formulas in double, settings and their ranges, the history of learning rates. */
#include <criterion/criterion.h>
#include <math.h>
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

static void set(plt_table_spec_t *spec, const char *name, double value) {
  plt_setting_t *setting = &spec->settings[spec->n_settings++];
  strcpy(setting->name, name);
  setting->value = value;
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
  set(&spec, "weight_decay", 0.01);
  compare(&spec, twin_sgd);
}

Test(optimizer, momentum_follows_its_formula) {
  plt_table_spec_t spec = spec_of("momentum");
  set(&spec, "weight_decay", 0.01);
  compare(&spec, twin_momentum);
}

Test(optimizer, rowwise_adagrad_follows_its_formula) {
  plt_table_spec_t spec = spec_of("rowwise_adagrad");
  set(&spec, "weight_decay", 0.01);
  set(&spec, "initial_accumulator", 0.1);
  compare(&spec, twin_rowwise_adagrad);
}

Test(optimizer, ftrl_follows_its_formula) {
  plt_table_spec_t spec = spec_of("ftrl");
  set(&spec, "l1", 0.3);
  set(&spec, "l2", 2);
  compare(&spec, twin_ftrl);
}

Test(optimizer, ftrl_without_l1_and_l2_is_gradient_descent_whatever_the_schedule) {
  plt_table_spec_t spec = spec_of("ftrl");
  set(&spec, "beta", 0.5);
  set(&spec, "weight_decay", 0.01);
  compare(&spec, twin_ftrl_without_l1);
}

/* Gradients that add up to less than l1 leave nothing of an element that begins at zero; a pushed row of zeros and
 * an element without gradient stay. */
Test(optimizer, ftrl_l1_makes_zeros) {
  plt_table_spec_t spec = spec_of("ftrl");
  plt_table_t *table;
  float gradient[COLS] = {0.1f, -0.1f, 2, -2, 0, 0}, values[COLS] = {0, 0, 0, 0, 0, 0.7f}, now[COLS];
  uint64_t key = 2;
  set(&spec, "l1", 1);
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK, "%s", plt_fail_text());
  plt_table_assign(table, &key, 1, values);
  for (int t = 1; t <= 5; t++) plt_table_step(table, 0.1, (plt_rows_t){&key, gradient, 1});
  plt_table_read(table, &key, 1, now);
  cr_assert(now[0] == 0 && now[1] == 0 && now[2] < 0 && now[3] > 0 && now[4] == 0 && now[5] == 0.7f);
  cr_assert_float_eq(now[2], -now[3], 0);
  plt_table_destroy(&table);
}

Test(optimizer, adagrad_follows_its_formula) {
  plt_table_spec_t spec = spec_of("adagrad");
  set(&spec, "weight_decay", 0.01);
  set(&spec, "initial_accumulator", 0.1);
  compare(&spec, twin_adagrad);
}

Test(optimizer, lazy_adam_follows_its_formula) {
  plt_table_spec_t spec = spec_of("lazy_adam");
  set(&spec, "weight_decay", 0.01);
  set(&spec, "beta1", 0.8);
  set(&spec, "beta2", 0.99);
  set(&spec, "eps", 1e-6);
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

static plt_status_t try_setting(const char *optimizer, const char *name, double value) {
  plt_table_spec_t spec = spec_of(optimizer);
  plt_optimizer_t *made = NULL;
  set(&spec, name, value);
  plt_status_t status = plt_optimizer_create(&spec, &made);
  cr_assert_eq(made == NULL, status != PLT_OK);
  plt_optimizer_destroy(&made);
  return status;
}

Test(optimizer, settings_out_of_range_are_refused) {
  cr_assert_eq(try_setting("adagrada", "eps", 1e-8), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "eps", 1e-8), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "momentum", 0.5), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("momentum", "momentum", 1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("momentum", "momentum", NAN), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("ftrl", "l1", -1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "weight_decay", -0.1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adagrad", "initial_accumulator", -1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "beta1", 1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "beta2", 0), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "eps", 0), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "weight_decay", 0), PLT_OK);
  cr_assert_eq(try_setting("adam", "weight_decay", 0.1), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "adamw") != NULL);
  cr_assert_eq(try_setting("lazy_adam", "weight_decay", 0.1), PLT_OK);
  cr_assert_eq(try_setting("adamw", "weight_decay", 0.1), PLT_OK);
  cr_assert_eq(try_setting("sgd", "sweep", 1), PLT_OK);
  cr_assert_eq(try_setting("sgd", "sweep", 2), PLT_ERR_USAGE);
}

Test(optimizer, every_option_row_has_a_default_inside_its_range) {
  for (size_t i = 0; plt_optimizers[i] != NULL; i++) {
    for (size_t k = 0; k < plt_optimizers[i]->options.n_rows; k++) {
      const plt_option_t *row = &plt_optimizers[i]->options.rows[k];
      double value = strtod(row->fallback, NULL);
      cr_assert(strncmp(row->key, "optimizer.", 10) == 0 && value >= row->min && value <= row->max);
    }
  }
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
