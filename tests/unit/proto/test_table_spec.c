/* Births are a function of seed, name, salt, key and column alone; specs compare and are asked. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "proto/table_spec.h"

static plt_table_spec_t spec_of(plt_init_kind_t kind, double scale, uint32_t cols) {
  plt_table_spec_t spec = {.name = "user",
                           .rows = 1000,
                           .cols = cols,
                           .init = {kind, scale},
                           .seed = 7,
                           .optimizer = "adam",
                           .settings = "beta1: 0.8\neps: 1e-6\n"};
  return spec;
}

Test(table_spec, birth_depends_on_everything_named_and_on_nothing_else) {
  plt_table_spec_t spec = spec_of(PLT_INIT_NORMAL, 0.1, 8), other = spec;
  float a[8], b[8];
  plt_table_spec_birth(&spec, 0, 5, a);
  plt_table_spec_birth(&spec, 0, 5, b);
  cr_assert_arr_eq(a, b, sizeof a);
  plt_table_spec_birth(&spec, 1, 5, b);
  cr_assert_neq(a[0], b[0], "salt");
  plt_table_spec_birth(&spec, 0, 5 + (UINT64_C(1) << 32), b);
  cr_assert_neq(a[0], b[0], "high half of the key");
  other.seed = 8;
  plt_table_spec_birth(&other, 0, 5, b);
  cr_assert_neq(a[0], b[0], "seed");
  other = spec;
  strcpy(other.name, "item");
  plt_table_spec_birth(&other, 0, 5, b);
  cr_assert_neq(a[0], b[0], "name");
  strcpy(other.born_as, "user");
  plt_table_spec_birth(&other, 0, 5, b);
  cr_assert_arr_eq(a, b, sizeof a);
  other = spec;
  other.rows = 5000;
  strcpy(other.optimizer, "sgd");
  plt_table_spec_birth(&other, 0, 5, b);
  cr_assert_arr_eq(a, b, sizeof a);
}

Test(table_spec, a_narrow_table_has_the_first_columns_of_a_wide_one) {
  plt_init_kind_t kinds[] = {PLT_INIT_NORMAL, PLT_INIT_UNIFORM};
  for (int k = 0; k < 2; k++) {
    plt_table_spec_t wide = spec_of(kinds[k], 0.1, 9);
    float a[9], b[9];
    plt_table_spec_birth(&wide, 3, 11, a);
    for (uint32_t cols = 1; cols < 9; cols++) {
      plt_table_spec_t narrow = spec_of(kinds[k], 0.1, cols);
      plt_table_spec_birth(&narrow, 3, 11, b);
      cr_assert_arr_eq(a, b, cols * sizeof *a);
    }
  }
}

Test(table_spec, births_have_the_asked_distribution) {
  enum { ROWS = 4000, COLS = 10 };
  float row[COLS];
  double sum = 0, squares = 0, fourth = 0, low = 1, high = -1;
  plt_table_spec_t normal = spec_of(PLT_INIT_NORMAL, 0.5, COLS), uniform = spec_of(PLT_INIT_UNIFORM, 0.25, COLS);
  for (uint64_t key = 0; key < ROWS; key++) {
    plt_table_spec_birth(&normal, 0, key, row);
    for (int i = 0; i < COLS; i++) {
      sum += row[i];
      squares += row[i] * row[i];
      fourth += pow(row[i], 4);
    }
  }
  double n = ROWS * COLS, variance = squares / n;
  cr_assert_lt(fabs(sum / n), 4 * 0.5 / sqrt(n));
  cr_assert_float_eq(variance, 0.25, 0.01);
  cr_assert_float_eq(fourth / n / (variance * variance), 3, 0.15);
  sum = 0;
  for (uint64_t key = 0; key < ROWS; key++) {
    plt_table_spec_birth(&uniform, 0, key, row);
    for (int i = 0; i < COLS; i++) {
      sum += row[i];
      low = fmin(low, row[i]);
      high = fmax(high, row[i]);
    }
  }
  cr_assert_lt(fabs(sum / n), 4 * 0.25 / sqrt(3 * n));
  cr_assert(low >= -0.25 && low < -0.249 && high <= 0.25 && high > 0.249);
}

Test(table_spec, zero_births_are_zero) {
  plt_table_spec_t spec = spec_of(PLT_INIT_ZERO, 3, 5);
  float row[6] = {1, 1, 1, 1, 1, 1}, want[6] = {0, 0, 0, 0, 0, 1};
  plt_table_spec_birth(&spec, 0, 1, row);
  cr_assert_arr_eq(row, want, sizeof want);
}

Test(table_spec, equality) {
  plt_table_spec_t a = spec_of(PLT_INIT_NORMAL, 0.1, 8), b = a;
  cr_assert(plt_table_spec_equal(&a, &b));
  strcpy(b.settings, "beta1: 0.8\n");
  cr_assert_not(plt_table_spec_equal(&a, &b));
  b = a;
  strcpy(b.optimizer, "sgd");
  cr_assert_not(plt_table_spec_equal(&a, &b));
  b = a;
  b.temporary = true;
  cr_assert_not(plt_table_spec_equal(&a, &b));
  b = a;
  b.frozen = true;
  cr_assert_not(plt_table_spec_equal(&a, &b));
  b = a;
  b.init.scale = 0.2;
  cr_assert_not(plt_table_spec_equal(&a, &b));
  b = a;
  b.decay = 0.5;
  cr_assert_not(plt_table_spec_equal(&a, &b));
  b = a;
  strcpy(b.born_as, "item");
  cr_assert_not(plt_table_spec_equal(&a, &b));
}
