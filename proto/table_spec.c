/* table_spec.c - see table_spec.h. */
#include "proto/table_spec.h"

#include <math.h>
#include <string.h>

#include "common/normal.h"

static bool sparse_equal(const plt_sparse_keys_t *a, const plt_sparse_keys_t *b) {
  return a->declared == b->declared && a->admit_pushes == b->admit_pushes && a->admit_share == b->admit_share &&
         a->max_age == b->max_age && a->max_rows == b->max_rows;
}

bool plt_table_spec_equal(const plt_table_spec_t *a, const plt_table_spec_t *b) {
  if (strcmp(a->name, b->name) != 0 || a->rows != b->rows || a->cols != b->cols) return false;
  if (a->init.kind != b->init.kind || a->init.scale != b->init.scale || a->seed != b->seed) return false;
  if (a->frozen != b->frozen || a->temporary != b->temporary || a->lr_scale != b->lr_scale) return false;
  if (a->decay != b->decay || strcmp(a->born_as, b->born_as) != 0) return false;
  if (!sparse_equal(&a->sparse, &b->sparse)) return false;
  return strcmp(a->optimizer, b->optimizer) == 0 && strcmp(a->settings, b->settings) == 0;
}

static void draw_uniform(plt_rng_key_t rng, uint64_t key, uint32_t cols, double scale, float *out) {
  for (uint32_t column = 0; column < cols; column += 4) {
    plt_rng_block_t block = plt_rng_draw(rng, (uint32_t)key, (uint32_t)(key >> 32), column / 4, 0);
    for (uint32_t i = 0; i < 4 && column + i < cols; i++)
      out[column + i] = (float)((2 * plt_rng_open01(block.word[i]) - 1) * scale);
  }
}

static void draw_normal(plt_rng_key_t rng, uint64_t key, uint32_t cols, double scale, float *out) {
  plt_normal_row(rng, (uint32_t)key, (uint32_t)(key >> 32), cols, out);
  for (uint32_t column = 0; column < cols; column++) out[column] = (float)(out[column] * scale);
}

static void take_softmax(float *x, uint32_t n) {
  double largest = -INFINITY, sum = 0;
  for (uint32_t i = 0; i < n; i++) largest = fmax(largest, x[i]);
  for (uint32_t i = 0; i < n; i++) sum += exp(x[i] - largest);
  for (uint32_t i = 0; i < n; i++) x[i] = (float)(exp(x[i] - largest) / sum);
}

void plt_table_spec_birth(const plt_table_spec_t *spec, uint64_t salt, uint64_t key, float *out) {
  if (spec->init.kind == PLT_INIT_ZERO) {
    memset(out, 0, spec->cols * sizeof *out);
    return;
  }
  char purpose[sizeof "row " + PLT_TABLE_NAME_MAX] = "row ";
  memcpy(purpose + 4, spec->born_as[0] == '\0' ? spec->name : spec->born_as, sizeof spec->name);
  plt_rng_key_t rng = plt_rng_key(spec->seed, purpose, salt);
  /* Every value is a function of its column alone, whatever the width of the table. */
  if (spec->init.kind == PLT_INIT_UNIFORM)
    draw_uniform(rng, key, spec->cols, spec->init.scale, out);
  else
    draw_normal(rng, key, spec->cols, spec->init.scale, out);
  if (spec->init.kind == PLT_INIT_SOFTMAX) take_softmax(out, spec->cols);
}
