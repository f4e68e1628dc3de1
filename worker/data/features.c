/* features.c - see features.h. */
#include "worker/data/features.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "worker/data/disturbance.h"
#include "worker/data/moments.h"
#include "worker/data/scaling.h"
#include "worker/data/source.h"
#include "worker/math/kernels.h"

bool plt_feature_is_name(const char *file) { return plt_path_ends_with(file, PLT_FEATURE_SUFFIX); }

static plt_status_t no_such_file(const char *folder, const char *file) {
  char *there = plt_folder_names(folder, PLT_FEATURE_SUFFIX);
  plt_status_t status = plt_fail(PLT_ERR_DATA, "%s: no feature file %s there; *%s files of the folder: %s", folder,
                                 file, PLT_FEATURE_SUFFIX, there);
  free(there);
  return status;
}

static plt_status_t check_shape(const char *path, const plt_npy_t *array) {
  if (array->type == PLT_NPY_I4 || array->type == PLT_NPY_I8)
    return plt_fail(PLT_ERR_DATA, "%s: holds integers; features must be float16, float32 or float64", path);
  if (array->dims != 2)
    return plt_fail(PLT_ERR_DATA, "%s: is a %d-dimensional array; features must be 2-dimensional, [items, columns]",
                    path, array->dims);
  if (array->rows == 0 || array->cols == 0)
    return plt_fail(PLT_ERR_DATA, "%s: the array is empty (%llu x %llu)", path, (unsigned long long)array->rows,
                    (unsigned long long)array->cols);
  return PLT_OK;
}

/* "text" for "dir/text_feat.npy", "other" for "other.npy". */
static char *modality_name(const char *file) {
  static const char *const suffixes[] = {PLT_FEATURE_SUFFIX, ".npy"};
  const char *slash = strrchr(file, '/');
  char *name = plt_mem_strdup(slash == NULL ? file : slash + 1);
  size_t length = strlen(name);
  for (size_t i = 0; i < 2; i++) {
    size_t tail = strlen(suffixes[i]);
    if (length <= tail || strcmp(name + length - tail, suffixes[i]) != 0) continue;
    name[length - tail] = '\0';
    break;
  }
  return name;
}

plt_status_t plt_feature_open(const char *folder, const char *file, plt_feature_t *out) {
  char path[PLT_PATH_MAX];
  plt_npy_t array;
  PLT_TRY(plt_path_join(folder, file, path));
  if (!plt_path_exists(path) || plt_path_is_dir(path)) return no_such_file(folder, file);
  PLT_TRY(plt_npy_open(path, &array));
  plt_status_t status = check_shape(path, &array);
  if (status != PLT_OK) {
    plt_npy_close(&array);
    return status;
  }
  *out = (plt_feature_t){.name = modality_name(file), .path = plt_mem_strdup(path), .array = array};
  return PLT_OK;
}

void plt_feature_close(plt_feature_t *feature) {
  plt_scaling_destroy(&feature->scaling);
  plt_npy_close(&feature->array);
  free(feature->path);
  free(feature->name);
  *feature = (plt_feature_t){0};
}

/* By bits and without a branch, so that the loop vectorises: good rows are the rule. */
static bool all_finite(const float *row, uint64_t cols) {
  uint32_t bad = 0;
  for (uint64_t c = 0; c < cols; c++) {
    uint32_t bits;
    memcpy(&bits, &row[c], sizeof bits);
    bad |= (bits & 0x7F800000u) == 0x7F800000u;
  }
  return bad == 0;
}

static bool all_nan(const float *row, uint64_t cols) {
  for (uint64_t c = 0; c < cols; c++)
    if (!isnan(row[c])) return false;
  return true;
}

static plt_status_t report_row(const plt_feature_t *feature, uint64_t r, const float *row,
                               const plt_problem_sink_t *sink) {
  uint64_t first = UINT64_MAX, count = 0;
  for (uint64_t c = 0; c < feature->array.cols; c++) {
    if (isfinite(row[c])) continue;
    if (count++ == 0) first = c;
  }
  char more[64] = "";
  if (count > 1) snprintf(more, sizeof more, " (and %llu more in this row)", (unsigned long long)(count - 1));
  return plt_problem_report(sink, PLT_PROBLEM_FEATURE_VALUE, "%s: row %llu, column %llu (from 0): %s%s", feature->path,
                            (unsigned long long)r, (unsigned long long)first,
                            isnan(row[first]) ? "NaN" : "infinite as float32", more);
}

plt_status_t plt_feature_check(const plt_feature_t *feature, uint32_t items, plt_missing_t *missing,
                               const plt_problem_sink_t *sink) {
  const plt_npy_t *array = &feature->array;
  if (array->rows < items)
    PLT_TRY(plt_problem_report(sink, PLT_PROBLEM_FEATURE_ROWS,
                               "%s: has %llu rows, but the largest item id is %u: %u rows are needed", feature->path,
                               (unsigned long long)array->rows, items - 1, items));
  float *row = plt_mem_alloc(array->cols * sizeof *row);
  plt_status_t status = PLT_OK;
  *missing = (plt_missing_t){0};
  for (uint64_t r = 0; r < array->rows && r < items && status == PLT_OK; r++) {
    plt_npy_row_f32(array, r, row);
    if (all_finite(row, array->cols)) continue;
    if (!all_nan(row, array->cols))
      status = report_row(feature, r, row, sink);
    else if (missing->n++ == 0)
      missing->first = (uint32_t)r;
  }
  free(row);
  return status;
}

void plt_feature_row(const plt_feature_t *feature, uint64_t item, float *out) {
  const struct plt_disturbed *disturbed = feature->disturbed;
  plt_npy_row_f32(&feature->array, disturbed == NULL ? item : plt_disturbed_item(disturbed, item), out);
  if (feature->scaling != NULL) plt_scaling_row(feature->scaling, out);
  if (disturbed != NULL) plt_disturbed_row(disturbed, item, feature->array.cols, out);
}

void plt_feature_lengths(const plt_feature_t *feature, uint32_t n, float *out) {
  const size_t cols = feature->array.cols;
  float *row = plt_mem_alloc(cols * sizeof *row);
  for (uint32_t i = 0; i < n; i++) {
    plt_feature_row(feature, i, row);
    out[i] = (float)sqrt(plt_kernel_dot(row, row, cols));
  }
  free(row);
}

double plt_feature_deviation(const plt_feature_t *feature, uint32_t items) {
  enum { ROWS_MAX = 4096 };
  const size_t cols = feature->array.cols;
  const uint64_t n = items < ROWS_MAX ? items : ROWS_MAX;
  plt_moments_t moments = {0};
  float *row = plt_mem_alloc(cols * sizeof *row);
  for (uint64_t i = 0; i < n; i++) {
    plt_feature_row(feature, i * items / n, row);
    plt_moments_add(&moments, row, cols);
  }
  free(row);
  return plt_moments_deviation(&moments);
}

bool plt_feature_scales_differ(const double *deviation, size_t n, size_t *least, size_t *most) {
  const double apart = 10;
  *least = *most = n;
  for (size_t m = 0; m < n; m++) {
    if (!(deviation[m] > 0)) continue;
    if (*least == n || deviation[m] < deviation[*least]) *least = m;
    if (*most == n || deviation[m] > deviation[*most]) *most = m;
  }
  return *least != n && deviation[*most] > apart * deviation[*least];
}

/* ---- rows of items ---- */

static void make_rows(const void *context, size_t first, size_t n, float *out) {
  const plt_feature_rows_t *rows = context;
  for (size_t i = first; i < first + n; i++) {
    uint32_t item = rows->items[i];
    for (size_t f = 0; f < rows->n_features; f++) {
      const size_t cols = rows->feature[f].array.cols;
      plt_feature_row(&rows->feature[f], item, out);
      if (rows->scale != NULL) {
        const float scale = rows->scale[f][item];
        for (size_t j = 0; j < cols; j++) out[j] *= scale;
      }
      out += cols;
    }
  }
}

plt_lazy_t plt_feature_rows(const plt_feature_rows_t *rows, size_t n) {
  size_t cols = 0;
  for (size_t f = 0; f < rows->n_features; f++) cols += rows->feature[f].array.cols;
  return (plt_lazy_t){.rows = n,
                      .cols = cols,
                      .make = make_rows,
                      .context = rows,
                      .sources = {rows->feature, rows->scale},
                      .numbers = rows->items};
}

plt_status_t plt_feature_find(const plt_dataset_t *data, const char *where, const char *name, size_t *out) {
  for (size_t m = 0; m < data->n_features; m++)
    if (strcmp(data->features[m].name, name) == 0) {
      *out = m;
      return PLT_OK;
    }
  char *names = plt_mem_strdup("");
  for (size_t m = 0; m < data->n_features; m++)
    names = plt_mem_append(names, m == 0 ? "" : ", ", data->features[m].name);
  plt_fail(PLT_ERR_USAGE, "%s: data.features has no modality \"%s\"%s%s", where, name,
           data->n_features == 0 ? "; it has none" : "; there are ", names);
  free(names);
  return PLT_ERR_USAGE;
}
