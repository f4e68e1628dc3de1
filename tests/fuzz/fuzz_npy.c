/* fuzz_npy.c - .npy files, as arrays and as features. Whatever opens can be read to its last element. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/npy.h"
#include "common/mem.h"
#include "tests/fuzz/fuzz.h"
#include "worker/data/features.h"

static void read_all(const plt_npy_t *npy, size_t file_bytes) {
  size_t size = plt_npy_type_size(npy->type), data_bytes = (size_t)(npy->rows * npy->cols) * size;
  FUZZ_CHECK(npy->dims >= 1 && npy->dims <= 3);
  FUZZ_CHECK(data_bytes <= file_bytes - 10);
  FUZZ_CHECK((const char *)npy->data + data_bytes == (const char *)npy->map + npy->map_bytes);
  if (data_bytes == 0) return;
  if (npy->type == PLT_NPY_I4 || npy->type == PLT_NPY_I8) {
    int64_t sum = 0;
    for (uint64_t r = 0; r < npy->rows; r++)
      for (uint64_t c = 0; c < npy->cols; c++) sum |= plt_npy_int(npy, r, c);
    FUZZ_CHECK(npy->type == PLT_NPY_I8 || (sum >= INT32_MIN && sum <= INT32_MAX));
    return;
  }
  float *row = plt_mem_alloc(npy->cols * sizeof *row);
  for (uint64_t r = 0; r < npy->rows; r++) plt_npy_row_f32(npy, r, row);
  free(row);
}

/* As a feature: every value finite, or all of a row NaN, or the row is named. */
static void read_feature(void) {
  plt_feature_t feature;
  if (plt_feature_open(fuzz_folder(), "f_feat.npy", &feature) != PLT_OK) return;
  const plt_npy_t *array = &feature.array;
  FUZZ_CHECK(array->dims == 2 && array->rows > 0 && array->cols > 0 && strcmp(feature.name, "f") == 0);
  plt_missing_t missing;
  FUZZ_CHECK(array->rows <= UINT32_MAX &&
             plt_feature_check(&feature, (uint32_t)array->rows + 1, &missing, NULL) != PLT_OK);
  bool whole = true;
  uint32_t empty = 0;
  float *row = plt_mem_alloc(array->cols * sizeof *row);
  for (uint64_t r = 0; r < array->rows; r++) {
    plt_npy_row_f32(array, r, row);
    uint64_t finite = 0, nan = 0;
    for (uint64_t c = 0; c < array->cols; c++) finite += isfinite(row[c]) != 0, nan += isnan(row[c]) != 0;
    whole = whole && (finite == array->cols || nan == array->cols);
    empty += nan == array->cols;
  }
  free(row);
  FUZZ_CHECK((plt_feature_check(&feature, (uint32_t)array->rows, &missing, NULL) == PLT_OK) == whole);
  FUZZ_CHECK(!whole || missing.n == empty);
  plt_feature_close(&feature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  plt_npy_t npy;
  if (plt_npy_open(fuzz_write("f_feat.npy", data, n), &npy) == PLT_OK) {
    read_all(&npy, n);
    plt_npy_close(&npy);
    read_feature();
  }
  return 0;
}
