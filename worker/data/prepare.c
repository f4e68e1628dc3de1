/* prepare.c - see prepare.h. */
#include "worker/data/prepare.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/data/features.h"
#include "worker/data/scaling.h"

enum { FORMAT = 1 };
static const size_t file_bytes_max = (size_t)1 << 30;

/* ---- options ---- */

/* "*" first, so that those who are named win. */
static plt_status_t read_scales(const plt_config_t *config, plt_dataset_t *data) {
  static const char key[] = "data.scale";
  size_t n = plt_config_list_size(config, key);
  for (int named = 0; named < 2; named++)
    for (size_t i = 0; i < n; i++) {
      const char *name = plt_config_list_text(config, key, i);
      plt_scale_t scale = (plt_scale_t)plt_config_list_int(config, key, i);
      if ((strcmp(name, "*") != 0) != named) continue;
      for (size_t m = 0; m < data->n_features && !named; m++) data->features[m].scale = scale;
      if (!named) continue;
      size_t m;
      char *where = plt_mem_print("%s: %s", plt_config_origin(config, key), key);
      plt_status_t status = plt_feature_find(data, where, name, &m);
      free(where);
      PLT_TRY(status);
      data->features[m].scale = scale;
    }
  return PLT_OK;
}

/* ---- missing items ---- */

static plt_status_t refuse_missing(const plt_feature_t *feature) {
  return plt_fail(PLT_ERR_DATA,
                  "%s: row %u is NaN throughout: item %u has no %s, one of %u that have none; data.missing: mean gives "
                  "them the mean of the others",
                  feature->path, feature->missing.first, feature->missing.first, feature->name, feature->missing.n);
}

plt_status_t plt_features_complete(const plt_dataset_t *data) {
  for (size_t m = 0; m < data->n_features; m++)
    if (data->features[m].missing.n > 0) return refuse_missing(&data->features[m]);
  return PLT_OK;
}

static plt_status_t admit_missing(const plt_feature_t *feature, uint32_t items) {
  if (feature->missing.n == items)
    return plt_fail(PLT_ERR_DATA, "%s: every row is NaN: no item has %s, so there is no mean to give them",
                    feature->path, feature->name);
  if (feature->missing.n > 0)
    plt_log(PLT_LOG_NOTE, "%s: %u of %u items have none (rows of NaN, the first is %u) and take the mean of the others",
            feature->name, feature->missing.n, items, feature->missing.first);
  return PLT_OK;
}

/* ---- the file ---- */

static void write_feature(plt_json_t *list, const plt_feature_t *feature) {
  const plt_scaling_t *scaling = feature->scaling;
  plt_json_t *json = plt_json_add_object(list, NULL);
  plt_json_text(json, "name", feature->name);
  plt_json_text(json, "scale", plt_scale_names[scaling->scale]);
  plt_json_int(json, "columns", (int64_t)scaling->cols);
  plt_json_int(json, "items", (int64_t)scaling->measured);
  plt_json_reals(json, "mean", scaling->mean, scaling->cols);
  plt_json_reals(json, "factor", scaling->factor, plt_scaling_factors(scaling->scale, scaling->cols));
}

bool plt_features_are_prepared(const plt_dataset_t *data) {
  for (size_t m = 0; m < data->n_features; m++)
    if (data->features[m].scaling != NULL) return true;
  return false;
}

plt_status_t plt_features_keep(const plt_dataset_t *data, const char *directory) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(directory, PLT_KEPT_FILE, path));
  if (!plt_features_are_prepared(data))
    return remove(path) == 0 || errno == ENOENT ? PLT_OK : plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", path);
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "format", FORMAT);
  plt_json_t *list = plt_json_add_list(json, "features");
  for (size_t m = 0; m < data->n_features; m++)
    if (data->features[m].scaling != NULL) write_feature(list, &data->features[m]);
  char *text = plt_json_print(json);
  plt_status_t status = plt_file_publish(path, text, strlen(text));
  free(text);
  plt_json_destroy(&json);
  return status;
}

static plt_status_t read_file(const char *path, plt_json_t **out) {
  uint64_t format = 0;
  if (!plt_path_exists(path)) return PLT_OK;
  PLT_TRY(plt_json_read(path, file_bytes_max, out));
  plt_json_get_uint(plt_json_find(*out, "format"), UINT32_MAX, &format);
  if (format == FORMAT) return PLT_OK;
  plt_json_destroy(out);
  return plt_fail(PLT_ERR_DATA, "%s: is of a format that is not known; %d is", path, FORMAT);
}

static bool read_list(const plt_json_t *list, size_t n, double *out) {
  if (plt_json_length(list) != n) return false;
  for (size_t i = 0; i < n; i++)
    if (!plt_json_get_real(plt_json_item(list, i), &out[i]) || !isfinite(out[i])) return false;
  return true;
}

static const plt_json_t *find_entry(const plt_json_t *json, const char *name) {
  const plt_json_t *list = plt_json_find(json, "features"), *item;
  for (size_t i = 0; (item = plt_json_item(list, i)) != NULL; i++) {
    const char *of = plt_json_get_text(plt_json_find(item, "name"));
    if (of != NULL && strcmp(of, name) == 0) return item;
  }
  return NULL;
}

/* {image: standard, text: l2}: data.scale as the file was made with; free it. */
static char *kept_scales(const plt_json_t *json) {
  const plt_json_t *list = plt_json_find(json, "features"), *item;
  char *all = plt_mem_strdup("{");
  for (size_t i = 0; (item = plt_json_item(list, i)) != NULL; i++) {
    const char *name = plt_json_get_text(plt_json_find(item, "name")),
               *scale = plt_json_get_text(plt_json_find(item, "scale"));
    if (name == NULL || scale == NULL) continue;
    all = plt_mem_append(all, i == 0 ? "" : ", ", name);
    all = plt_mem_append(all, ": ", scale);
  }
  return plt_mem_append(all, "", "}");
}

static plt_status_t refuse_scale(const char *path, const plt_json_t *json, const char *scale,
                                 const plt_feature_t *feature) {
  char *all = kept_scales(json);
  plt_fail(PLT_ERR_USAGE,
           "%s: the tables were trained with data.scale %s of %s, and it is %s now: set it to %s, or train anew", path,
           scale, feature->name, plt_scale_names[feature->scale], all);
  free(all);
  return PLT_ERR_USAGE;
}

/* Whether the figures are for this modality as it is and as it is wanted. */
static plt_status_t check_entry(const char *path, const plt_json_t *json, const plt_json_t *entry,
                                const plt_feature_t *feature) {
  const char *scale = plt_json_get_text(plt_json_find(entry, "scale"));
  uint64_t cols = 0;
  if (scale == NULL || !plt_json_get_uint(plt_json_find(entry, "columns"), UINT32_MAX, &cols))
    return plt_fail(PLT_ERR_DATA, "%s: %s: scale or columns are damaged", path, feature->name);
  if (strcmp(scale, plt_scale_names[feature->scale]) != 0) return refuse_scale(path, json, scale, feature);
  if (cols == feature->array.cols) return PLT_OK;
  return plt_fail(PLT_ERR_DATA, "%s: %s had %llu columns when the tables were trained, %s has %llu", path,
                  feature->name, (unsigned long long)cols, feature->path, (unsigned long long)feature->array.cols);
}

/* *out stays NULL where the file has no figures of the modality. */
static plt_status_t take_kept(const char *path, const plt_json_t *json, const plt_feature_t *feature,
                              plt_scaling_t **out) {
  const plt_json_t *entry = find_entry(json, feature->name);
  if (entry == NULL) return PLT_OK;
  PLT_TRY(check_entry(path, json, entry, feature));
  plt_scaling_t *scaling = plt_scaling_create(feature->scale, feature->array.cols);
  bool fits =
      plt_json_get_uint(plt_json_find(entry, "items"), UINT32_MAX, &scaling->measured) &&
      read_list(plt_json_find(entry, "mean"), scaling->cols, scaling->mean) &&
      read_list(plt_json_find(entry, "factor"), plt_scaling_factors(scaling->scale, scaling->cols), scaling->factor);
  if (fits) {
    *out = scaling;
    return PLT_OK;
  }
  plt_scaling_destroy(&scaling);
  return plt_fail(PLT_ERR_DATA, "%s: the figures of %s are damaged", path, feature->name);
}

/* ---- both ---- */

static plt_status_t prepare(const plt_kept_t *kept, const plt_json_t *json, uint32_t items, plt_feature_t *feature) {
  bool is_scaled = feature->scale != PLT_SCALE_NONE;
  PLT_TRY(admit_missing(feature, items));
  if (json != NULL) PLT_TRY(take_kept(kept->path, json, feature, &feature->scaling));
  if (feature->scaling != NULL || (!is_scaled && feature->missing.n == 0)) return PLT_OK;
  if (is_scaled && kept != NULL && kept->is_whole)
    return plt_fail(PLT_ERR_DATA,
                    "%s: %s by which %s would be scaled (data.scale %s): leave data.scale as the run has it; if that "
                    "is so, the file has been lost and the run cannot be used",
                    kept->path, json == NULL ? "is not there, with the figures" : "has no figures", feature->name,
                    plt_scale_names[feature->scale]);
  feature->scaling = plt_scaling_measure(feature, items);
  return PLT_OK;
}

plt_status_t plt_features_prepare(const plt_config_t *config, const plt_kept_t *kept, plt_dataset_t *data) {
  plt_json_t *json = NULL;
  PLT_TRY(read_scales(config, data));
  if (strcmp(plt_config_text(config, "data.missing"), "error") == 0) PLT_TRY(plt_features_complete(data));
  if (kept != NULL && data->n_features > 0) PLT_TRY(read_file(kept->path, &json));
  plt_status_t status = PLT_OK;
  for (size_t m = 0; m < data->n_features && status == PLT_OK; m++)
    status = prepare(kept, json, data->items, &data->features[m]);
  if (json != NULL) plt_json_destroy(&json);
  return status;
}
