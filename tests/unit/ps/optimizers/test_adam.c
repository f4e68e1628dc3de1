/* Sparse Adam against a plain dense loop in double: every row moves in every step. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "common/vector.h"
#include "ps/optimizers/adam_core.h"
#include "ps/optimizers/registry.h"
#include "ps/table/table.h"

static plt_table_spec_t adam_spec(uint64_t rows, uint32_t cols, double beta1, double beta2, double eps) {
  plt_table_spec_t spec = {
      .name = "user", .rows = rows, .cols = cols, .init = {PLT_INIT_NORMAL, 0.1}, .seed = 3, .optimizer = "adam"};
  snprintf(spec.settings, sizeof spec.settings, "beta1: %.17g\nbeta2: %.17g\neps: %.17g\n", beta1, beta2, eps);
  return spec;
}

static uint32_t draw(uint32_t a, uint32_t b, uint32_t c) {
  return plt_rng_draw(plt_rng_key(11, "test", 0), a, b, c, 0).word[0];
}

/* ---- the closed form by itself ---- */

static double loop(double beta1, double beta2, double decay, const plt_eta_history_t *history, uint64_t last,
                   uint64_t k, double m, double v) {
  const double eps = 1e-8;
  double moved = 0;
  for (uint64_t n = last + 1; n <= last + k; n++) {
    m *= beta1;
    v *= beta2;
    moved *= 1 - decay * plt_eta_history_at(history, n);
    moved -= plt_eta_history_at(history, n) / (1 - pow(beta1, (double)n)) * m /
             (sqrt(v) / sqrt(1 - pow(beta2, (double)n)) + eps);
  }
  return moved;
}

static double by_gap(const plt_adam_move_t *move, double m, double v) {
  double s = sqrt(v), sum = 0;
  for (size_t j = 0; j < move->steps; j++) sum += move->weight[j] / (s + move->root[j]);
  if (move->terms == 0) return -m * sum * move->later;
  double u = (move->shift - s) / (move->shift + s);
  for (size_t p = move->terms; p-- > 0;) sum = sum * u + move->sum[p];
  return -m / (s + move->shift) * sum * move->later;
}

/* The largest error, in learning rates, over roots of v from far below eps to far above. */
static double worst(double beta1, double beta2, double decay, uint64_t last_max, uint64_t gap_max) {
  plt_adam_gap_t *gap;
  plt_eta_history_t history = {0};
  double error = 0, ratio = (1 - beta1) / sqrt((1 - beta2) * (1 - beta1 * beta1 / beta2));
  uint64_t t = last_max + gap_max;
  cr_assert_eq(plt_adam_gap_create(beta1, beta2, 1e-8, decay, &gap), PLT_OK);
  for (uint64_t n = 1; n <= t; n += 70) plt_eta_history_append(&history, n, 1 - 0.3 * (double)(n % 140) / 140);
  plt_adam_gap_begin(gap, t, &history);
  for (uint64_t last = 1; last <= last_max; last += 1 + last / 7) {
    for (uint64_t k = 1; k <= gap_max; k += 1 + k / 3) {
      plt_adam_move_t move = plt_adam_gap_move(gap, last, last + k);
      double kept = 1;
      for (uint64_t n = last + 1; n <= last + k; n++) kept *= 1 - decay * plt_eta_history_at(&history, n);
      cr_assert_float_eq(move.kept, kept, 1e-12);
      for (int e = -120; e <= 0; e += 3) {
        double s = pow(10, e / 10.0), m = ratio * s; /* the most that m can be */
        double miss = by_gap(&move, m, s * s) - loop(beta1, beta2, decay, &history, last, k, m, s * s);
        error = fmax(error, fabs(miss));
      }
    }
  }
  plt_adam_gap_destroy(&gap);
  plt_eta_history_clear(&history);
  return error;
}

Test(adam, closed_form_is_within_a_ten_millionth_of_the_learning_rate) {
  double error = worst(0.9, 0.999, 0, 3000, 1000);
  cr_assert_lt(error, 1.5e-7, "%g", error);
  error = worst(0.9, 0.999, 0.003, 3000, 1000);
  cr_assert_lt(error, 1.5e-7, "with decay: %g", error);
}

Test(adam, closed_form_holds_for_other_betas) {
  const double betas[][2] = {{0.9, 0.99}, {0.95, 0.999}, {0.9, 0.9}, {0.5, 0.999}, {0.0, 0.999}};
  for (size_t i = 0; i < sizeof betas / sizeof *betas; i++) {
    double error = worst(betas[i][0], betas[i][1], i % 2 == 0 ? 0 : 0.1, 400, 600);
    cr_assert_lt(error, 3e-7, "%g %g: %g", betas[i][0], betas[i][1], error);
  }
}

Test(adam, all_three_ways_of_adding_up_are_taken) {
  plt_adam_gap_t *gap;
  uint64_t from_short, from_long;
  cr_assert_eq(plt_adam_gap_create(0.9, 0.999, 1e-8, 0, &gap), PLT_OK);
  plt_adam_gap_reach(gap, &from_short, &from_long);
  cr_assert(from_short > 1 && from_short < 150 && from_long == 1);
  plt_adam_gap_destroy(&gap);
  cr_assert_eq(plt_adam_gap_create(0.95, 0.99, 1e-8, 0, &gap), PLT_OK);
  plt_adam_gap_reach(gap, &from_short, &from_long);
  cr_assert_gt(from_long, 1);
  plt_adam_gap_destroy(&gap);
  cr_assert_eq(plt_adam_gap_create(0.9, 0.8, 1e-8, 0, &gap), PLT_ERR_USAGE);
}

/* A cache that grew step by step and one that is asked once give the same bits, also where the slot is shared by
 * all rows that were not pushed for long. */
Test(adam, sums_are_a_function_of_history_last_and_now) {
  plt_adam_gap_t *grown, *fresh;
  plt_eta_history_t history = {0};
  cr_assert_eq(plt_adam_gap_create(0.5, 0.9, 1e-8, 0, &grown), PLT_OK); /* settles after some 356 steps */
  uint64_t lasts[] = {1, 2, 40, 350, 400, 444, 500, 650, 800};
  for (uint64_t t = 1; t <= 1000; t++) {
    plt_eta_history_append(&history, t, t < 600 ? 0.1 : 0.05);
    plt_adam_gap_begin(grown, t, &history);
    for (size_t i = 0; i < sizeof lasts / sizeof *lasts; i++)
      if (lasts[i] <= t) plt_adam_gap_move(grown, lasts[i], t);
    if (t % 37 != 0) continue;
    cr_assert_eq(plt_adam_gap_create(0.5, 0.9, 1e-8, 0, &fresh), PLT_OK);
    plt_adam_gap_begin(fresh, t, &history);
    for (size_t i = sizeof lasts / sizeof *lasts; i-- > 0;) {
      if (lasts[i] >= t) continue;
      plt_adam_move_t a = plt_adam_gap_move(grown, lasts[i], t), b = plt_adam_gap_move(fresh, lasts[i], t);
      cr_assert(a.terms == b.terms && a.shift == b.shift);
      plt_adam_decay_t left = plt_adam_gap_decay(grown, t - lasts[i]), alike = plt_adam_gap_decay(fresh, t - lasts[i]);
      cr_assert(left.m == alike.m && left.v == alike.v);
      if (a.terms > 0) cr_assert_arr_eq(a.sum, b.sum, a.terms * sizeof *a.sum);
    }
    plt_adam_gap_destroy(&fresh);
  }
  plt_adam_gap_destroy(&grown);
  plt_eta_history_clear(&history);
}

/* ---- its arithmetic ---- */

enum { ELEMENTS = 4099 };

/* An adam of steps 1 .. t with a learning rate of 1, by itself. */
static plt_adam_t *lone_adam(plt_eta_history_t *history, uint64_t t) {
  plt_table_spec_t spec = adam_spec(1, ELEMENTS, 0.9, 0.999, 1e-8);
  plt_optimizer_t *base;
  cr_assert_eq(plt_optimizer_create(&spec, &base), PLT_OK);
  plt_eta_history_append(history, 1, 1);
  for (uint64_t n = 1; n <= t; n++) plt_optimizer_begin(base, n, history);
  return (plt_adam_t *)base;
}

/* Moments of any size, at most as far apart as they can be; the first are zeros and the smallest floats. */
static void draw_state(float *m, float *v) {
  const double ratio = 0.1 / sqrt(0.001 * (1 - 0.81 / 0.999));
  for (uint32_t i = 0; i < ELEMENTS; i++) {
    double s = pow(10, -15 + 17 * plt_rng_unit(draw(i, 1, 0)));
    v[i] = i < 8 ? (float)i * 1e-45f : (float)(s * s);
    m[i] = (float)(ratio * sqrt(v[i]) * (2 * plt_rng_unit(draw(i, 2, 0)) - 1));
  }
}

/* Where a row is, is the float next to what the sums say, or all but: 2e-9 of a movement. */
Test(adam, a_movement_has_more_digits_than_a_float) {
  plt_eta_history_t history = {0};
  plt_adam_t *adam = lone_adam(&history, 3000);
  static float w[ELEMENTS], state[2 * ELEMENTS], now[ELEMENTS];
  const float *m = state, *v = state + ELEMENTS;
  draw_state(state, state + ELEMENTS);
  for (uint32_t i = 0; i < ELEMENTS; i += 2) w[i] = (float)(plt_rng_unit(draw(i, 4, 0)) - 0.5);
  for (uint64_t last = 100; last < 3000; last = last * 5 / 3) {
    plt_adam_value(&adam->base, w, state, last, now);
    plt_adam_move_t move = plt_adam_gap_move(adam->gap, last, 3000);
    cr_assert_eq(move.terms, PLT_ADAM_SHORT);
    for (uint32_t i = 0; i < ELEMENTS; i++) {
      double moved = by_gap(&move, m[i], v[i]), exact = w[i] + moved;
      double half = 0.5 * (nextafterf(fabsf(now[i]), INFINITY) - fabsf(now[i]));
      cr_assert_leq(fabs(now[i] - exact), half + 2e-9 * fabs(moved), "%g %g: %g, not %g", m[i], v[i], now[i], exact);
    }
  }
  plt_optimizer_destroy((plt_optimizer_t **)&adam);
  plt_eta_history_clear(&history);
}

/* What a step keeps of v has more digits than a float: 0.999 as one would make v too large by 1.3e-5 after thousands of
 * pushes. Elements have errors of some 1e-6 by rounding, their mean has not. */
Test(adam, v_is_not_biased) {
  enum { STEPS = 6000 };
  plt_eta_history_t history = {0};
  plt_adam_t *adam = lone_adam(&history, 0);
  static float w[ELEMENTS], state[2 * ELEMENTS], gradient[ELEMENTS];
  static double v[ELEMENTS];
  for (uint32_t t = 1; t <= STEPS; t++) {
    for (uint32_t i = 0; i < ELEMENTS; i++) {
      gradient[i] = (float)(plt_rng_unit(draw(i, 5, t % 97)) - 0.5);
      v[i] = 0.999 * v[i] + (1 - 0.999) * gradient[i] * gradient[i];
    }
    plt_optimizer_begin(&adam->base, t, &history);
    plt_adam_apply(&adam->base, w, state, t - 1, gradient);
  }
  double error = 0;
  for (uint32_t i = 0; i < ELEMENTS; i++) error += (state[ELEMENTS + i] / v[i] - 1) / ELEMENTS;
  cr_assert_lt(fabs(error), 1e-6, "%g", error);
  plt_optimizer_destroy((plt_optimizer_t **)&adam);
  plt_eta_history_clear(&history);
}

/* A processor without fused multiply-add has the same bits. */
Test(adam, bits_do_not_depend_on_instructions) {
  plt_eta_history_t history = {0};
  plt_adam_t *adam = lone_adam(&history, 3000);
  static float w[2][ELEMENTS], state[2][2 * ELEMENTS], now[2][ELEMENTS], gradient[ELEMENTS];
  for (uint32_t i = 0; i < ELEMENTS; i++) gradient[i] = (float)(plt_rng_unit(draw(i, 3, 0)) - 0.5);
  for (uint64_t last = 100; last < 3000; last = last * 5 / 3) {
    for (int turn = 0; turn < 2; turn++) {
      adam->fuses = turn == 0 && plt_vector_fuses();
      draw_state(state[turn], state[turn] + ELEMENTS);
      plt_adam_value(&adam->base, w[turn], state[turn], last, now[turn]);
      plt_adam_apply(&adam->base, w[turn], state[turn], last, gradient);
    }
    cr_assert_arr_eq(now[0], now[1], sizeof now[0]);
    cr_assert_arr_eq(w[0], w[1], sizeof w[0]);
    cr_assert_arr_eq(state[0], state[1], sizeof state[0]);
  }
  plt_optimizer_destroy((plt_optimizer_t **)&adam);
  plt_eta_history_clear(&history);
}

/* ---- the optimizer in a table ---- */

enum { ROWS = 12, COLS = 7 };

typedef struct dense {
  double w[ROWS][COLS], m[ROWS][COLS], v[ROWS][COLS];
  double beta1, beta2, eps;
  double l2, decay; /* PyTorch's weight_decay of Adam and of AdamW */
} dense_t;

static void dense_step(dense_t *d, uint64_t t, double eta, float gradient[ROWS][COLS]) {
  double c1 = 1 - pow(d->beta1, (double)t), c2 = 1 - pow(d->beta2, (double)t);
  for (int r = 0; r < ROWS; r++) {
    for (int i = 0; i < COLS; i++) {
      double g = gradient[r][i] + d->l2 * d->w[r][i];
      d->m[r][i] = d->beta1 * d->m[r][i] + (1 - d->beta1) * g;
      d->v[r][i] = d->beta2 * d->v[r][i] + (1 - d->beta2) * g * g;
      d->w[r][i] *= 1 - eta * d->decay;
      d->w[r][i] -= eta / c1 * d->m[r][i] / (sqrt(d->v[r][i]) / sqrt(c2) + d->eps);
    }
  }
}

/* Which rows are pushed at t, and with what: row r every ~3^(r/2) steps, gradients from 1 down to 1e-12, some of
 * them zero, element 3 always. */
static size_t make_push(uint64_t t, uint64_t keys[ROWS], float packed[ROWS][COLS], float full[ROWS][COLS]) {
  static const double scale[] = {1, 1e-3, 1e-6, 1e-8, 1e-10, 1e-12};
  size_t n = 0;
  memset(full, 0, ROWS * sizeof *full);
  for (uint32_t r = 0; r < ROWS; r++) {
    if (draw((uint32_t)t, r, 0) % (uint32_t)pow(3, r / 2.0) != 0) continue;
    for (uint32_t i = 0; i < COLS; i++) {
      uint32_t bits = draw((uint32_t)t, r, 1 + i);
      bool zero = i == 3 || bits % 5 == 0 || t % 11 == 0; /* whole pushes of zeros too */
      full[r][i] = zero ? 0 : (float)(scale[(r + i) % 6] * (2 * plt_rng_unit(bits) - 0.7));
    }
    memcpy(packed[n], full[r], sizeof full[r]);
    keys[n++] = r;
  }
  return n;
}

static double eta_at(uint64_t t) { return 0.01 * pow(0.9, (double)(t / 100)); }

static plt_table_spec_t variant(const char *optimizer, double beta1, double beta2, double weight_decay, bool sweep) {
  plt_table_spec_t spec = adam_spec(ROWS, COLS, beta1, beta2, 1e-8);
  snprintf(spec.optimizer, sizeof spec.optimizer, "%s", optimizer);
  size_t used = strlen(spec.settings);
  snprintf(spec.settings + used, sizeof spec.settings - used, "weight_decay: %.17g\nsweep: %s\n", weight_decay,
           sweep ? "dense" : "sparse");
  return spec;
}

static void run_spec_against_dense(plt_table_spec_t spec, double beta1, double beta2, double weight_decay,
                                   uint64_t steps) {
  bool sweep = strstr(spec.settings, "dense") != NULL, adamw = strcmp(spec.optimizer, "adamw") == 0;
  plt_table_t *table;
  dense_t d = {.beta1 = beta1, .beta2 = beta2, .eps = 1e-8};
  *(adamw ? &d.decay : &d.l2) = weight_decay;
  uint64_t keys[ROWS], all[ROWS];
  float packed[ROWS][COLS], full[ROWS][COLS], now[ROWS][COLS];
  double allowed[ROWS] = {0};
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  for (uint64_t r = 0; r < ROWS; r++) all[r] = r;
  plt_table_read(table, all, ROWS, now[0]);
  for (int r = 0; r < ROWS; r++)
    for (int i = 0; i < COLS; i++) d.w[r][i] = now[r][i];
  for (uint64_t t = 1; t <= steps; t++) {
    size_t n = make_push(t, keys, packed, full);
    plt_table_step(table, eta_at(t), (plt_rows_t){keys, packed, n});
    dense_step(&d, t, eta_at(t), full);
    /* Each store rounds w, m and v to floats; the method itself may miss 1e-6 of a learning rate. */
    for (size_t k = 0; k < (sweep ? ROWS : n); k++) allowed[sweep ? k : keys[k]] += 2e-6 * eta_at(t) + 3e-8;
    if (t % 13 != 0 && t != steps) continue;
    plt_table_read(table, all, ROWS, now[0]);
    for (int r = 0; r < ROWS; r++) {
      for (int i = 0; i < COLS; i++) {
        double miss = fabs(now[r][i] - d.w[r][i]);
        cr_assert_leq(miss, allowed[r] + 1e-8 + 6e-8 * fabs(d.w[r][i]), "step %d row %d column %d: %g", (int)t, r, i,
                      miss);
      }
    }
  }
  plt_table_destroy(&table);
}

static void run_against_dense(double beta1, double beta2, uint64_t steps) {
  run_spec_against_dense(adam_spec(ROWS, COLS, beta1, beta2, 1e-8), beta1, beta2, 0, steps);
}

static void run_variant_against_dense(const char *optimizer, double beta1, double beta2, double weight_decay,
                                      bool sweep, uint64_t steps) {
  run_spec_against_dense(variant(optimizer, beta1, beta2, weight_decay, sweep), beta1, beta2, weight_decay, steps);
}

Test(adam, equals_a_dense_loop) { run_against_dense(0.9, 0.999, 4000); }

/* Rows of which some wait a thousand steps, and some are not yet born for as long; the learning rate falls. */
Test(adam, adamw_equals_a_dense_loop) {
  run_variant_against_dense("adamw", 0.9, 0.999, 0.5, false, 4000);
  run_variant_against_dense("adamw", 0.9, 0.999, 0.01, false, 1500);
  run_variant_against_dense("adamw", 0.95, 0.99, 0.5, false, 1500);
  run_variant_against_dense("adamw", 0.9, 0.999, 0.5, true, 600);
}

Test(adam, dense_sweep_with_weight_decay_equals_a_dense_loop) {
  run_variant_against_dense("adam", 0.9, 0.999, 0.01, true, 1000);
  run_variant_against_dense("adam", 0.9, 0.999, 0, true, 600);
}

/* A learning rate of 1 / weight_decay and more sets rows to zero instead of turning them over. */
Test(adam, adamw_survives_any_learning_rate) {
  plt_table_spec_t spec = variant("adamw", 0.9, 0.999, 10, false);
  plt_table_t *table;
  uint64_t keys[] = {1, 2};
  float gradient[COLS] = {0}, now[2][COLS];
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  for (int t = 1; t <= 20; t++) plt_table_step(table, t == 7 ? 0.3 : 1e-3, (plt_rows_t){keys, gradient, t % 3 == 0});
  plt_table_read(table, keys, 2, now[0]);
  for (int i = 0; i < COLS; i++) cr_assert(now[0][i] == 0 && now[1][i] == 0);
  plt_table_destroy(&table);
}

/* adamw without decay is adam, to the bit; a dense sweep is within the closed form's error of a sparse one. */
Test(adam, variants_agree_where_they_are_the_same) {
  plt_table_spec_t specs[] = {variant("adam", 0.9, 0.999, 0, false), variant("adamw", 0.9, 0.999, 0, false),
                              variant("adam", 0.9, 0.999, 0, true)};
  plt_table_t *tables[3];
  uint64_t keys[ROWS], all[ROWS];
  float packed[ROWS][COLS], full[ROWS][COLS], now[3][ROWS][COLS];
  double moved = 0;
  for (uint64_t r = 0; r < ROWS; r++) all[r] = r;
  for (int i = 0; i < 3; i++) cr_assert_eq(plt_table_create(&specs[i], 0, 1, &tables[i]), PLT_OK);
  for (uint64_t t = 1; t <= 700; t++) {
    size_t n = make_push(t, keys, packed, full);
    moved += eta_at(t);
    for (int i = 0; i < 3; i++) {
      plt_table_step(tables[i], eta_at(t), (plt_rows_t){keys, packed, n});
      plt_table_read(tables[i], all, ROWS, now[i][0]);
    }
    cr_assert_arr_eq(now[0], now[1], sizeof now[0]);
    for (int r = 0; r < ROWS; r++)
      for (int i = 0; i < COLS; i++)
        cr_assert_float_eq(now[0][r][i], now[2][r][i], 2e-6 * moved + 3e-8 * (double)t, "step %d row %d", (int)t, r);
  }
  cr_assert_eq(plt_table_stored(tables[2]), ROWS);
  for (int i = 0; i < 3; i++) plt_table_destroy(&tables[i]);
}

Test(adam, equals_a_dense_loop_with_other_betas) {
  run_against_dense(0.95, 0.99, 1500);
  run_against_dense(0.0, 0.999, 500);
}

Test(adam, an_element_that_never_had_a_gradient_stays_at_its_birth) {
  plt_table_spec_t spec = adam_spec(ROWS, COLS, 0.9, 0.999, 1e-8);
  plt_table_t *table;
  float birth[COLS], now[COLS], zeros[COLS] = {0};
  uint64_t key = 4;
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  plt_table_read(table, &key, 1, birth);
  for (int t = 0; t < 300; t++) {
    plt_table_step(table, 0.1, (plt_rows_t){&key, zeros, t % 9 == 0});
    plt_table_read(table, &key, 1, now);
    cr_assert_arr_eq(birth, now, sizeof now);
  }
  plt_table_destroy(&table);
}

Test(adam, reads_change_no_later_bit) {
  plt_table_spec_t spec = adam_spec(ROWS, COLS, 0.9, 0.999, 1e-8);
  plt_table_t *quiet, *busy;
  uint64_t keys[ROWS], all[ROWS];
  float packed[ROWS][COLS], full[ROWS][COLS], a[ROWS][COLS], b[ROWS][COLS];
  cr_assert_eq(plt_table_create(&spec, 0, 1, &quiet), PLT_OK);
  cr_assert_eq(plt_table_create(&spec, 0, 1, &busy), PLT_OK);
  for (uint64_t r = 0; r < ROWS; r++) all[r] = r;
  for (uint64_t t = 1; t <= 700; t++) {
    size_t n = make_push(t, keys, packed, full);
    plt_table_step(quiet, eta_at(t), (plt_rows_t){keys, packed, n});
    plt_table_step(busy, eta_at(t), (plt_rows_t){keys, packed, n});
    for (uint32_t i = draw((uint32_t)t, 99, 0) % 4; i > 0; i--) plt_table_read(busy, all + i, ROWS - i, b[0]);
  }
  plt_table_read(quiet, all, ROWS, a[0]);
  plt_table_read(busy, all, ROWS, b[0]);
  cr_assert_arr_eq(a, b, sizeof a);
  plt_table_destroy(&quiet);
  plt_table_destroy(&busy);
}

/* The vector body and the scalar tail of a loop are the same arithmetic. */
Test(adam, bits_of_a_column_do_not_depend_on_the_width) {
  float gradient[9], wide[9], narrow[9];
  uint64_t key = 0;
  plt_table_t *table;
  for (uint32_t cols = 9; cols >= 1; cols--) {
    plt_table_spec_t spec = adam_spec(1, cols, 0.9, 0.999, 1e-8);
    float *now = cols == 9 ? wide : narrow;
    cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
    for (uint32_t t = 1; t <= 400; t++) {
      for (uint32_t i = 0; i < cols; i++) gradient[i] = (float)(plt_rng_unit(draw(t, 5, i)) - 0.5);
      plt_table_step(table, 0.01, (plt_rows_t){&key, gradient, draw(t, 6, 0) % 7 == 0});
    }
    plt_table_step(table, 0.01, (plt_rows_t){0});
    plt_table_read(table, &key, 1, now);
    cr_assert_arr_eq(wide, now, cols * sizeof *now);
    plt_table_destroy(&table);
  }
}
