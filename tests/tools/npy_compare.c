/* npy_compare.c - npy_compare ACTUAL_DIR EXPECTED_DIR: each .npy of EXPECTED_DIR is in ACTUAL_DIR with the same
 * shape and the same values within an absolute tolerance. Prints the largest difference of each; exit 1 beyond. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "tests/tools/events.h"

typedef struct worst {
  double difference;
  uint64_t row, col;
  float actual, expected;
} worst_t;

/* A difference that is not a number (NaN against anything) is the worst there is. */
static worst_t find_worst(const plt_npy_t *actual, const plt_npy_t *expected, float *a, float *b) {
  worst_t worst = {.difference = -1};
  for (uint64_t row = 0; row < expected->rows; row++) {
    plt_npy_row_f32(actual, row, a);
    plt_npy_row_f32(expected, row, b);
    for (uint64_t col = 0; col < expected->cols; col++) {
      double difference = fabs((double)a[col] - (double)b[col]);
      if (isnan(difference)) difference = INFINITY;
      if (difference > worst.difference) worst = (worst_t){difference, row, col, a[col], b[col]};
    }
  }
  return worst;
}

static bool is_same(const char *name, const plt_npy_t *actual, const plt_npy_t *expected, double tolerance) {
  if (actual->rows != expected->rows || actual->cols != expected->cols) {
    printf("%-16s shape %llu x %llu, expected %llu x %llu\n", name, (unsigned long long)actual->rows,
           (unsigned long long)actual->cols, (unsigned long long)expected->rows, (unsigned long long)expected->cols);
    return false;
  }
  float *rows = calloc(2 * expected->cols + 1, sizeof *rows);
  if (!rows) abort();
  worst_t worst = find_worst(actual, expected, rows, rows + expected->cols);
  bool same = worst.difference <= tolerance;
  printf("%-16s max difference %.3g", name, fmax(worst.difference, 0));
  if (!same)
    printf(" at [%llu, %llu]: %.9g, expected %.9g", (unsigned long long)worst.row, (unsigned long long)worst.col,
           (double)worst.actual, (double)worst.expected);
  printf("\n");
  free(rows);
  return same;
}

static plt_status_t compare(const char *dirs[2], const char *name, double tolerance, bool *same) {
  char path[2][PLT_PATH_MAX];
  plt_npy_t array[2] = {0};
  PLT_TRY(plt_path_join(dirs[0], name, path[0]));
  PLT_TRY(plt_path_join(dirs[1], name, path[1]));
  PLT_TRY(plt_npy_open(path[0], &array[0]));
  plt_status_t status = plt_npy_open(path[1], &array[1]);
  if (status == PLT_OK) {
    *same = is_same(name, &array[0], &array[1], tolerance);
    plt_npy_close(&array[1]);
  }
  plt_npy_close(&array[0]);
  return status;
}

int main(int argc, char **argv) {
  const char *dirs[2];
  double tolerance = compare_arguments(argc, argv, "npy_compare ACTUAL_DIR EXPECTED_DIR [--tolerance 1e-5]", dirs);
  char **names = NULL;
  size_t n = 0, compared = 0;
  if (plt_dir_list(dirs[1], &names, &n) != PLT_OK) return compare_failed("npy_compare");
  int code = 0;
  for (size_t i = 0; i < n; i++) {
    size_t length = strlen(names[i]);
    if (length > 4 && strcmp(names[i] + length - 4, ".npy") == 0) {
      bool same = false;
      if (compare(dirs, names[i], tolerance, &same) != PLT_OK)
        code = compare_failed("npy_compare");
      else if (!same)
        code = 1;
      compared++;
    }
    free(names[i]);
  }
  free(names);
  if (compared > 0) return code;
  fprintf(stderr, "npy_compare: no .npy in %s\n", dirs[1]);
  return 1;
}
