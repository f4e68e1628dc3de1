/* calibration_file.c - a calibration as JSON: see calibrate.h. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/outfile.h"
#include "launch/sizing/calibrate.h"

enum { FILE_MAX = 1 << 20 };

typedef struct member {
  const char *key;
  size_t at;
} member_t;

#define OF(field) \
  { #field, offsetof(plt_calibration_t, field) }
static const member_t members[] = {OF(batches),        OF(samples),       OF(leaves),        OF(exchanges),
                                   OF(trained_floats), OF(idle_s),        OF(idle_worker_s), OF(idle_out_bytes),
                                   OF(idle_in_bytes),  OF(push_worker_s), OF(push_server_s), OF(step_s),
                                   OF(pull_worker_s),  OF(pull_server_s), OF(key_bytes),     OF(value_bytes)};
#undef OF
#define OF(field) \
  { #field, offsetof(plt_worker_load_t, field) }
static const member_t share_members[] = {OF(leaves),      OF(sample_s),  OF(compute_s),  OF(pull_rows),
                                         OF(pull_floats), OF(push_rows), OF(push_floats)};
#undef OF
enum { MEMBERS = sizeof members / sizeof *members, SHARE_MEMBERS = sizeof share_members / sizeof *share_members };

static void put(const void *from, const member_t *list, size_t n, plt_json_t *to) {
  for (size_t i = 0; i < n; i++) {
    double value;
    memcpy(&value, (const char *)from + list[i].at, sizeof value);
    plt_json_real(to, list[i].key, value);
  }
}

static plt_status_t get(const plt_json_t *from, const char *path, const member_t *list, size_t n, void *to) {
  for (size_t i = 0; i < n; i++) {
    double value;
    if (!plt_json_get_real(plt_json_find(from, list[i].key), &value) || !(value >= 0))
      return plt_fail(PLT_ERR_DATA, "%s: %s is not there, or no number from 0 on: no calibration of plateau plan", path,
                      list[i].key);
    memcpy((char *)to + list[i].at, &value, sizeof value);
  }
  return PLT_OK;
}

void plt_calibration_put(const plt_calibration_t *calibration, plt_json_t *to, const char *key) {
  if (key != NULL) to = plt_json_add_object(to, key);
  plt_json_text(to, "of", calibration->of);
  put(calibration, members, MEMBERS, to);
  plt_json_t *shares = plt_json_add_list(to, "shares");
  for (size_t i = 0; i < calibration->n; i++)
    put(&calibration->share[i], share_members, SHARE_MEMBERS, plt_json_add_object(shares, NULL));
}

plt_status_t plt_calibration_write(const plt_calibration_t *calibration, const char *path) {
  plt_outfile_t out;
  PLT_TRY(plt_outfile_open(path, &out));
  plt_json_t *json = plt_json_create();
  plt_calibration_put(calibration, json, NULL);
  plt_json_write(&json, out.file);
  return plt_outfile_close(&out, PLT_OK);
}

static plt_status_t take(const plt_json_t *json, const char *path, plt_calibration_t *out) {
  const char *of = plt_json_get_text(plt_json_find(json, "of"));
  const plt_json_t *shares = plt_json_find(json, "shares");
  if (of == NULL) return plt_fail(PLT_ERR_DATA, "%s: no calibration of plateau plan", path);
  if (strcmp(of, out->of) != 0)
    return plt_fail(PLT_ERR_USAGE, "%s: is of \"%s\", this is \"%s\": give another file, or remove it", path, of,
                    out->of);
  PLT_TRY(get(json, path, members, MEMBERS, out));
  out->n = plt_json_length(shares);
  if (out->n == 0 || out->n > PLT_SHARES_MAX)
    return plt_fail(PLT_ERR_DATA, "%s: shares: from 1 to %d are wanted", path, PLT_SHARES_MAX);
  for (size_t i = 0; i < out->n; i++) {
    PLT_TRY(get(plt_json_item(shares, i), path, share_members, SHARE_MEMBERS, &out->share[i]));
    if (out->share[i].leaves <= 0) return plt_fail(PLT_ERR_DATA, "%s: a share without leaves", path);
  }
  return PLT_OK;
}

plt_status_t plt_calibration_read(const char *path, plt_calibration_t *out) {
  plt_json_t *json;
  PLT_TRY(plt_json_read(path, FILE_MAX, &json));
  plt_status_t status = take(json, path, out);
  plt_json_destroy(&json);
  return status;
}
