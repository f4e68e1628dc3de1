/* golden.h - arrays of golden cases, for unit tests. */
#ifndef PLT_TESTS_UNIT_WORKER_GOLDEN_H
#define PLT_TESTS_UNIT_WORKER_GOLDEN_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/io/npy.h"

typedef struct golden {
  size_t rows, cols;
  float *value;
} golden_t;

static inline golden_t golden_read(const char *folder, const char *name) {
  char path[4096];
  plt_npy_t npy;
  snprintf(path, sizeof path, "%s/%s/%s.npy", PLT_GOLDEN_DIR, folder, name);
  cr_assert_eq(plt_npy_open(path, &npy), PLT_OK, "%s", plt_fail_text());
  golden_t golden = {npy.rows, npy.cols, malloc(npy.rows * npy.cols * sizeof(float))};
  for (uint64_t row = 0; row < npy.rows; row++) plt_npy_row_f32(&npy, row, golden.value + row * npy.cols);
  if (npy.dims == 1) { /* a vector is a row */
    golden.cols = golden.rows * golden.cols;
    golden.rows = 1;
  }
  plt_npy_close(&npy);
  return golden;
}

#endif
