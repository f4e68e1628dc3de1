/* served.c - see served.h. */
#include "launch/tasks/served.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"
#include "ps/checkpoint/ordered.h"

enum { MEMORY_BYTES = 256 << 20, BLOCK_BYTES = 4 << 20 };

typedef struct served {
  plt_checkpoint_part_t **parts; /* [n_parts] */
  size_t n_parts;
  plt_table_spec_t *specs; /* [n_tables], as they were declared */
  size_t n_tables;
  const char *directory;
  bool all;
} served_t;

/* One table on its way. */
typedef struct flow {
  const served_t *served;
  const plt_table_spec_t *spec;
  plt_ordered_t *rows;
  size_t block; /* rows at a time */
  uint64_t *keys;
  float *values;
  plt_npy_writer_t *of_values, *of_keys; /* of_keys NULL: row = key */
} flow_t;

/* ---- the checkpoint ---- */

static plt_status_t open_parts(served_t *served, const plt_restore_t *restore) {
  served->parts = plt_mem_zalloc(restore->manifest.n_parts, sizeof *served->parts);
  for (; served->n_parts < restore->manifest.n_parts; served->n_parts++) {
    char path[PLT_PATH_MAX];
    PLT_TRY(plt_path_join(restore->dir, restore->manifest.parts[served->n_parts].file, path));
    PLT_TRY(plt_checkpoint_open(path, &served->parts[served->n_parts]));
  }
  return PLT_OK;
}

/* All parts have the tables of the first, at the same step. */
static plt_status_t read_specs(served_t *served) {
  uint64_t steps, stored, steps_there;
  plt_table_spec_t there;
  served->n_tables = plt_checkpoint_tables(served->parts[0]);
  served->specs = plt_mem_zalloc(served->n_tables + 1, sizeof *served->specs);
  for (size_t t = 0; t < served->n_tables; t++) {
    plt_table_spec_t *spec = &served->specs[t];
    PLT_TRY(plt_checkpoint_table(served->parts[0], t, spec, &steps, &stored));
    for (size_t p = 1; p < served->n_parts; p++) {
      PLT_TRY(plt_checkpoint_table(served->parts[p], t, &there, &steps_there, &stored));
      if (!plt_table_spec_equal(spec, &there) || steps != steps_there)
        return plt_fail(PLT_ERR_CHECKPOINT, "table %s is another one in part %zu than in part 0", spec->name, p);
    }
  }
  return PLT_OK;
}

/* Names may have dots. */
static plt_status_t check_names(const served_t *served) {
  static const char suffix[] = ".keys";
  for (size_t a = 0; a < served->n_tables; a++)
    for (size_t b = 0; b < served->n_tables; b++) {
      const char *name = served->specs[a].name, *other = served->specs[b].name;
      size_t length = strlen(name);
      if (strncmp(name, other, length) == 0 && strcmp(other + length, suffix) == 0)
        return plt_fail(PLT_ERR_USAGE, "export: tables %s and %s: keys of the one would be values of the other", name,
                        other);
    }
  return PLT_OK;
}

/* ---- a table ---- */

static plt_status_t copy_stored(flow_t *flow) {
  for (size_t n = 1; n > 0;) {
    PLT_TRY(plt_ordered_next(flow->rows, flow->block, flow->keys, flow->values, &n));
    PLT_TRY(plt_npy_writer_append_keys(flow->of_keys, flow->keys, n));
    PLT_TRY(plt_npy_writer_append(flow->of_values, flow->values, n));
  }
  return PLT_OK;
}

static plt_status_t copy_all(flow_t *flow) {
  size_t cols = flow->spec->cols, n = 0, next = 0;
  float *out = flow->values + flow->block * cols; /* behind those that are stored */
  bool more = true;
  for (uint64_t key = 0; key < flow->spec->rows;) {
    size_t got = 0;
    for (; got < flow->block && key < flow->spec->rows; got++, key++) {
      if (next == n && more) {
        PLT_TRY(plt_ordered_next(flow->rows, flow->block, flow->keys, flow->values, &n));
        next = 0;
        more = n > 0;
      }
      if (next < n && flow->keys[next] == key)
        memcpy(out + got * cols, flow->values + next++ * cols, cols * sizeof *out);
      else
        plt_ordered_unborn(flow->rows, key, out + got * cols);
    }
    PLT_TRY(plt_npy_writer_append(flow->of_values, out, got));
  }
  return PLT_OK;
}

/* Both files, or none that was not there. */
static plt_status_t write_files(flow_t *flow) {
  char path[PLT_PATH_MAX];
  const char *directory = flow->served->directory, *name = flow->spec->name;
  bool whole = flow->served->all && flow->spec->rows > 0;
  uint64_t n = whole ? flow->spec->rows : plt_ordered_stored(flow->rows);
  PLT_TRY(plt_path_file(directory, name, ".npy", path));
  PLT_TRY(plt_npy_writer_create(path, n, flow->spec->cols, &flow->of_values));
  if (!whole) PLT_TRY(plt_path_file(directory, name, ".keys.npy", path));
  if (!whole) PLT_TRY(plt_npy_writer_create_keys(path, n, &flow->of_keys));
  PLT_TRY(whole ? copy_all(flow) : copy_stored(flow));
  if (!whole) PLT_TRY(plt_npy_writer_close(&flow->of_keys));
  PLT_TRY(plt_npy_writer_close(&flow->of_values));
  if (!whole) printf("%s/%s.keys.npy  %" PRIu64 "\n", directory, name, n);
  printf("%s/%s.npy  %" PRIu64 " x %" PRIu32 "\n", directory, name, n, flow->spec->cols);
  return PLT_OK;
}

static plt_status_t export_table(const served_t *served, const plt_table_spec_t *spec) {
  char path[PLT_PATH_MAX];
  size_t row_bytes = spec->cols * sizeof(float);
  flow_t flow = {.served = served, .spec = spec, .block = BLOCK_BYTES / row_bytes + 1};
  PLT_TRY(plt_path_file(served->directory, spec->name, ".sorted", path));
  char *scratch = plt_path_temporary(path);
  plt_status_t status =
      plt_ordered_create(served->parts, served->n_parts, spec->name, scratch, MEMORY_BYTES, &flow.rows);
  free(scratch);
  if (status != PLT_OK) return status;
  flow.keys = plt_mem_alloc(flow.block * sizeof *flow.keys);
  flow.values = plt_mem_alloc(2 * flow.block * row_bytes);
  status = write_files(&flow);
  plt_npy_writer_abandon(&flow.of_keys);
  plt_npy_writer_abandon(&flow.of_values);
  plt_ordered_destroy(&flow.rows);
  free(flow.keys);
  free(flow.values);
  return status;
}

static plt_status_t export_tables(served_t *served, const plt_restore_t *restore) {
  PLT_TRY(open_parts(served, restore));
  PLT_TRY(read_specs(served));
  if (!served->all) PLT_TRY(check_names(served));
  PLT_TRY(plt_dir_create(served->directory));
  for (size_t t = 0; t < served->n_tables; t++) PLT_TRY(export_table(served, &served->specs[t]));
  return PLT_OK;
}

plt_status_t plt_served_export(const plt_restore_t *restore, const char *directory, bool all) {
  served_t served = {.directory = directory, .all = all};
  plt_status_t status = export_tables(&served, restore);
  for (size_t i = 0; i < served.n_parts; i++) plt_checkpoint_close(&served.parts[i]);
  free(served.parts);
  free(served.specs);
  return status;
}
