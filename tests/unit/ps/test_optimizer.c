/* Optimizers against their formulas in double, settings and their ranges, the history of learning rates. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "ps/table.h"

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

/* One element's twin: a[], b[] are its state. */
typedef double (*twin_fn)(double w, double g, double *a, double *b, double eta, int t);

static double twin_sgd(double w, double g, double *a, double *b, double eta, int t) {
  (void)a, (void)b, (void)t;
  return w - eta * (g + 0.01 * w);
}
static double twin_momentum(double w, double g, double *a, double *b, double eta, int t) {
  (void)b, (void)t;
  *a = 0.9 * *a + g;
  return w - eta * *a;
}
static double twin_adagrad(double w, double g, double *a, double *b, double eta, int t) {
  (void)b;
  if (t == 1) *a = 0.1;
  g += 0.01 * w;
  *a += g * g;
  return w - eta * g / (sqrt(*a) + 1e-10);
}
static double twin_lazy_adam(double w, double g, double *a, double *b, double eta, int t) {
  g += 0.01 * w;
  *a = 0.8 * *a + 0.2 * g;
  *b = 0.99 * *b + 0.01 * g * g;
  return w - eta / (1 - pow(0.8, t)) * *a / (sqrt(*b) / sqrt(1 - pow(0.99, t)) + 1e-6);
}

/* Row 1 is pushed in two steps of three, row 0 never: it stays as born. */
static void compare(const plt_table_spec_t *spec, twin_fn twin) {
  plt_table_t *table;
  double w[COLS], a[COLS] = {0}, b[COLS] = {0};
  float born[2][COLS], now[2][COLS], gradient[COLS];
  uint64_t keys[] = {0, 1};
  cr_assert_eq(plt_table_create(spec, 0, 1, &table), PLT_OK, "%s", plt_fail_text());
  plt_table_read(table, keys, 2, born[0]);
  for (int i = 0; i < COLS; i++) w[i] = born[1][i];
  for (int t = 1; t <= STEPS; t++) {
    bool pushed = t == 1 || t % 3 != 0;
    double eta = t < 50 ? 0.05 : 0.02;
    for (uint32_t i = 0; i < COLS; i++) {
      gradient[i] = (float)(plt_rng_unit(plt_rng_draw(plt_rng_key(4, "g", 0), (uint32_t)t, i, 0, 0).word[0]) - 0.4);
      if (pushed) w[i] = twin(w[i], gradient[i], &a[i], &b[i], eta, t);
    }
    plt_table_step(table, eta, (plt_rows_t){&keys[1], gradient, pushed});
  }
  plt_table_read(table, keys, 2, now[0]);
  cr_assert_arr_eq(born[0], now[0], sizeof now[0]);
  for (int i = 0; i < COLS; i++) cr_assert_float_eq(now[1][i], w[i], 2e-6, "column %d: %g, not %g", i, now[1][i], w[i]);
  plt_table_destroy(&table);
}

Test(optimizer, sgd_follows_its_formula) {
  plt_table_spec_t spec = spec_of("sgd");
  set(&spec, "weight_decay", 0.01);
  compare(&spec, twin_sgd);
}

Test(optimizer, momentum_follows_its_formula) {
  plt_table_spec_t spec = spec_of("sgd");
  set(&spec, "momentum", 0.9);
  compare(&spec, twin_momentum);
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
  const char *names[] = {"sgd", "adagrad", "adam", "lazy_adam"};
  const size_t want[] = {0, COLS, 2 * COLS, 2 * COLS};
  plt_optimizer_t *optimizer;
  for (size_t i = 0; i < 4; i++) {
    strcpy(spec.optimizer, names[i]);
    cr_assert_str_eq(plt_optimizers[i]->name, names[i]);
    cr_assert_eq(plt_optimizer_create(&spec, &optimizer), PLT_OK);
    cr_assert_eq(optimizer->ops->state_floats(optimizer), want[i]);
    plt_optimizer_destroy(&optimizer);
  }
  cr_assert_null(plt_optimizers[4]);
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
  cr_assert_eq(try_setting("sgd", "momentum", 1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "momentum", NAN), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("sgd", "weight_decay", -0.1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adagrad", "initial_accumulator", -1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "beta1", 1), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "beta2", 0), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "eps", 0), PLT_ERR_USAGE);
  cr_assert_eq(try_setting("adam", "weight_decay", 0), PLT_OK);
  cr_assert_eq(try_setting("adam", "weight_decay", 0.1), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "adamw") != NULL);
  cr_assert_eq(try_setting("lazy_adam", "weight_decay", 0.1), PLT_OK);
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
