/* scaling.c - see scaling.h. */
#include "worker/data/scaling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"
#include "common/vector.h"
#include "worker/math/kernels.h"

const char *const plt_scale_names[] = {
    [PLT_SCALE_NONE] = "none", [PLT_SCALE_STANDARD] = "standard", [PLT_SCALE_L2] = "l2", [PLT_SCALE_UNIT] = "unit"};

size_t plt_scaling_factors(plt_scale_t scale, size_t cols) {
  return scale == PLT_SCALE_STANDARD ? cols : scale == PLT_SCALE_UNIT ? 1 : 0;
}

plt_scaling_t *plt_scaling_create(plt_scale_t scale, size_t cols) {
  plt_scaling_t *scaling = plt_mem_zalloc(1, sizeof *scaling);
  size_t factors = plt_scaling_factors(scale, cols);
  *scaling = (plt_scaling_t){.scale = scale, .cols = cols, .mean = plt_mem_zalloc(cols, sizeof *scaling->mean)};
  if (factors > 0) scaling->factor = plt_mem_zalloc(factors, sizeof *scaling->factor);
  return scaling;
}

void plt_scaling_destroy(plt_scaling_t **scaling) {
  if (*scaling == NULL) return;
  free((*scaling)->mean);
  free((*scaling)->factor);
  free(*scaling);
  *scaling = NULL;
}

/* ---- measuring ---- */

/* Welford's step: the mean of a constant column stays that constant, and its squares 0, to the bit. */
PLT_VECTOR_CLONES static void add_row(size_t cols, double share, const float *restrict x, double *restrict mean,
                                      double *restrict squares) {
  for (size_t c = 0; c < cols; c++) {
    double step = (double)x[c] - mean[c];
    mean[c] += step * share;
    squares[c] += step * ((double)x[c] - mean[c]);
  }
}

/* Means and sums of squared deviations of the columns. */
static void add_rows(const plt_feature_t *feature, uint32_t items, plt_scaling_t *scaling, double *squares) {
  float *row = plt_mem_alloc(scaling->cols * sizeof *row);
  for (uint32_t i = 0; i < items; i++) {
    plt_npy_row_f32(&feature->array, i, row);
    if (isnan(row[0])) continue; /* all of it is: features.h */
    scaling->measured++;
    add_row(scaling->cols, 1 / (double)scaling->measured, row, scaling->mean, squares);
  }
  free(row);
}

/* 1 / deviation; a column that does not vary becomes 0. */
static void set_columns(plt_scaling_t *scaling, const double *squares) {
  for (size_t c = 0; c < scaling->cols; c++) {
    double factor = 1 / sqrt(squares[c] / (double)scaling->measured);
    scaling->factor[c] = isfinite(factor) ? factor : 0;
  }
}

/* The same of all values together; where none varies they stay. */
static void set_whole(plt_scaling_t *scaling, const double *squares) {
  double mean = 0, sum = 0, n = (double)scaling->measured, cols = (double)scaling->cols;
  for (size_t c = 0; c < scaling->cols; c++) mean += scaling->mean[c] / cols;
  for (size_t c = 0; c < scaling->cols; c++)
    sum += squares[c] + n * (scaling->mean[c] - mean) * (scaling->mean[c] - mean);
  double factor = 1 / sqrt(sum / (n * cols));
  scaling->factor[0] = isfinite(factor) ? factor : 1;
}

plt_scaling_t *plt_scaling_measure(const plt_feature_t *feature, uint32_t items) {
  plt_scaling_t *scaling = plt_scaling_create(feature->scale, feature->array.cols);
  double *squares = plt_mem_zalloc(scaling->cols, sizeof *squares);
  add_rows(feature, items, scaling, squares);
  if (scaling->scale == PLT_SCALE_STANDARD) set_columns(scaling, squares);
  if (scaling->scale == PLT_SCALE_UNIT) set_whole(scaling, squares);
  free(squares);
  return scaling;
}

/* ---- rows ---- */

PLT_VECTOR_CLONES static void standardise(size_t cols, const double *restrict mean, const double *restrict factor,
                                          float *restrict row) {
  for (size_t c = 0; c < cols; c++) row[c] = (float)(((double)row[c] - mean[c]) * factor[c]);
}

PLT_VECTOR_CLONES static void multiply(size_t cols, double factor, float *row) {
  for (size_t c = 0; c < cols; c++) row[c] = (float)((double)row[c] * factor);
}

/* The mean, which standardised is 0, and not the little that float leaves of it. */
static void fill(const plt_scaling_t *scaling, float *row) {
  for (size_t c = 0; c < scaling->cols; c++) row[c] = (float)scaling->mean[c];
}

void plt_scaling_row(const plt_scaling_t *scaling, float *row) {
  const size_t cols = scaling->cols;
  const bool is_missing = isnan(row[0]);
  if (is_missing) fill(scaling, row);
  switch (scaling->scale) {
    case PLT_SCALE_NONE: break;
    case PLT_SCALE_UNIT: multiply(cols, scaling->factor[0], row); break;
    case PLT_SCALE_STANDARD:
      if (is_missing)
        memset(row, 0, cols * sizeof *row);
      else
        standardise(cols, scaling->mean, scaling->factor, row);
      break;
    case PLT_SCALE_L2: {
      double squares = plt_kernel_dot(row, row, cols);
      if (squares > 0) multiply(cols, 1 / sqrt(squares), row);
      break;
    }
  }
}

uint64_t plt_scaling_hash(const plt_scaling_t *scaling, uint64_t seed) {
  uint64_t scale = scaling->scale;
  seed = plt_hash64(seed, &scale, sizeof scale);
  seed = plt_hash64(seed, scaling->mean, scaling->cols * sizeof *scaling->mean);
  size_t factors = plt_scaling_factors(scaling->scale, scaling->cols);
  return factors == 0 ? seed : plt_hash64(seed, scaling->factor, factors * sizeof *scaling->factor);
}
