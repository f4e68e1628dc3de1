/* table.c - see table.h.
 *
 * Rows 0 .. rows - 1 are found by arithmetic, those under sparse keys by hashing. */
#include "ps/table/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "proto/shard.h"
#include "ps/optimizers/registry.h"
#include "ps/table/image.h"
#include "ps/table/state.h"

/* Names become HDF5 groups and file names. */
static bool is_name(const char *name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
  return name[0] != '\0' && name[0] != '.' && name[strspn(name, allowed)] == '\0';
}

/* Checks a declaration and makes its optimizer. */
static plt_status_t check_spec(const plt_table_spec_t *spec, uint32_t servers, plt_optimizer_t **optimizer) {
  if (!is_name(spec->name))
    return plt_fail(PLT_ERR_USAGE, "table \"%s\": a name has letters, digits, _ - and, not first, dots", spec->name);
  if (spec->cols == 0 || spec->cols > PLT_TABLE_COLS_MAX)
    return plt_fail(PLT_ERR_USAGE, "table %s: %u columns, but 1 to %d are possible", spec->name, spec->cols,
                    PLT_TABLE_COLS_MAX);
  PLT_TRY(plt_sparse_rows_check(spec, servers));
  PLT_TRY(plt_optimizer_create(spec, optimizer));
  if (!spec->sparse.declared || !(*optimizer)->dense) return PLT_OK;
  plt_optimizer_destroy(optimizer);
  return plt_fail(PLT_ERR_USAGE,
                  "table %s: optimizer.sweep dense moves every row in every step, and rows under sparse "
                  "keys have no end: leave sweep lazy",
                  spec->name);
}

static uint64_t rows_of_shard(uint64_t rows, uint32_t number, uint32_t servers) {
  return rows > number ? (rows - number - 1) / servers + 1 : 0;
}

static uint64_t row_bytes(const plt_table_spec_t *spec, size_t floats) {
  if (spec->sparse.declared) return plt_sparse_row_bytes(&spec->sparse, floats);
  return floats * sizeof(float) + sizeof(uint64_t);
}

plt_status_t plt_table_expect(const plt_table_spec_t *spec, uint32_t number, uint32_t servers, uint64_t *bytes) {
  plt_optimizer_t *optimizer;
  PLT_TRY(check_spec(spec, servers, &optimizer));
  uint64_t row = row_bytes(spec, spec->cols + plt_optimizer_state_floats(optimizer));
  plt_optimizer_destroy(&optimizer);
  uint64_t rows = spec->sparse.declared ? plt_hashed_most_rows(spec->sparse.max_rows, number, servers)
                                        : rows_of_shard(spec->rows, number, servers);
  *bytes = rows > UINT64_MAX / row ? UINT64_MAX : rows * row;
  return PLT_OK;
}

static void open_lane(const plt_table_t *table, plt_lane_t *lane, plt_optimizer_t *optimizer) {
  *lane = (plt_lane_t){.optimizer = optimizer,
                       .gradient = plt_mem_zalloc(table->cols, sizeof *lane->gradient),
                       .unborn = plt_mem_zalloc(table->stride, sizeof *lane->unborn)};
  plt_table_birth_state(table, lane->unborn);
}

static void close_lane(plt_lane_t *lane) {
  free(lane->gradient);
  free(lane->unborn);
  free(lane->exact);
  plt_optimizer_destroy(&lane->optimizer);
}

plt_status_t plt_table_create(const plt_table_spec_t *spec, uint32_t number, uint32_t servers, plt_table_t **out) {
  plt_optimizer_t *optimizer;
  assert(servers > 0 && number < servers);
  PLT_TRY(check_spec(spec, servers, &optimizer));

  plt_table_t *table = plt_mem_zalloc(1, sizeof *table);
  table->spec = *spec;
  table->number = number;
  table->servers = servers;
  table->optimizer = optimizer;
  table->cols = spec->cols;
  table->stride = table->cols + plt_optimizer_state_floats(optimizer);
  table->local_rows = rows_of_shard(spec->rows, number, servers);
  table->slabs = &table->arithmetic;
  if (spec->sparse.declared) {
    table->sparse = plt_mem_zalloc(1, sizeof *table->sparse);
    plt_sparse_rows_init(table->sparse, spec, table->stride, number, servers);
    table->slabs = &table->sparse->rows.slabs;
  } else if (!plt_slabs_init(&table->arithmetic, table->local_rows, table->stride, false)) {
    plt_status_t status = plt_fail(PLT_ERR_USAGE, "table %s: %llu rows of %zu floats are more than a server can hold",
                                   spec->name, (unsigned long long)table->local_rows, table->stride);
    plt_table_destroy(&table);
    return status;
  }
  table->dense = optimizer->dense && !spec->frozen;
  table->eta_scale = spec->lr_scale == 0 ? 1 : spec->lr_scale;
  table->lanes = plt_mem_alloc(sizeof *table->lanes);
  table->n_lanes = 1;
  open_lane(table, &table->lanes[0], optimizer);
  plt_table_begin(table);
  *out = table;
  return PLT_OK;
}

void plt_table_destroy(plt_table_t **table) {
  plt_table_t *self = *table;
  if (self == NULL) return;
  plt_slabs_destroy(&self->arithmetic);
  if (self->sparse != NULL) plt_sparse_rows_destroy(self->sparse);
  free(self->sparse);
  if (self->n_lanes == 0) plt_optimizer_destroy(&self->optimizer);
  for (size_t i = 0; i < self->n_lanes; i++) close_lane(&self->lanes[i]);
  free(self->lanes);
  free(self->cuts);
  free(self->decayed);
  plt_eta_history_clear(&self->history);
  free(self);
  *table = NULL;
}

void plt_table_share(plt_table_t *table, plt_crew_t *crew) {
  size_t size = plt_crew_size(crew);
  if (table->sparse != NULL || table->spec.frozen || table->crew != NULL || size == 1) return;
  table->lanes = plt_mem_resize(table->lanes, size, sizeof *table->lanes);
  for (; table->n_lanes < size; table->n_lanes++) {
    plt_optimizer_t *optimizer;
    if (plt_optimizer_create(&table->spec, &optimizer) != PLT_OK) return; /* cannot be: the first was made by it */
    open_lane(table, &table->lanes[table->n_lanes], optimizer);
  }
  plt_table_begin(table);
  table->crew = crew;
}

const plt_table_spec_t *plt_table_spec(const plt_table_t *table) { return &table->spec; }

static bool owns(const plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_shard_of(key, true, table->servers) == table->number;
  return key - plt_table_local(table, key) * table->servers == table->number;
}

plt_status_t plt_table_check_keys(const plt_table_t *table, const uint64_t *keys, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned long long key = keys[i];
    if (key >= table->spec.rows && table->sparse == NULL)
      return plt_fail(PLT_ERR_PROTOCOL, "table %s: key %llu, but there are %llu rows", table->spec.name, key,
                      (unsigned long long)table->spec.rows);
    if (i > 0 && key <= keys[i - 1])
      return plt_fail(PLT_ERR_PROTOCOL, "table %s: key %llu after %llu: keys must ascend", table->spec.name, key,
                      (unsigned long long)keys[i - 1]);
    if (!owns(table, key))
      return plt_fail(PLT_ERR_PROTOCOL, "table %s: key %llu is not of server %u of %u", table->spec.name, key,
                      table->number, table->servers);
  }
  return PLT_OK;
}

/* To write to. */
static plt_place_t open_row(plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_sparse_rows_open(table->sparse, key);
  return plt_slabs_open(table->slabs, plt_table_local(table, key));
}

void plt_table_assign(plt_table_t *table, const uint64_t *keys, size_t n, const void *values) {
  const char *value = values;
  size_t bytes = table->cols * sizeof(float);
  for (size_t i = 0; i < n; i++, value += bytes) {
    plt_place_t place = open_row(table, keys[i]);
    memcpy(place.row, value, bytes);
    plt_table_birth_state(table, place.row);
    table->slabs->stored += *place.last == 0;
    *place.last = table->t + 1;
  }
}

static void set_salt(plt_table_t *table, uint64_t salt) {
  table->salt = salt;
  if (table->sparse != NULL) plt_sparse_rows_salt(table->sparse, &table->spec, salt);
}

void plt_table_reset(plt_table_t *table, uint64_t salt) {
  if (table->sparse != NULL)
    plt_sparse_rows_clear(table->sparse);
  else
    plt_slabs_clear(table->slabs);
  plt_eta_history_clear(&table->history);
  table->t = 0;
  set_salt(table, salt);
  plt_table_begin(table);
}

plt_table_state_t plt_table_state(const plt_table_t *table) {
  return (plt_table_state_t){.t = table->t, .salt = table->salt, .history = &table->history};
}

size_t plt_table_state_floats(const plt_table_t *table) { return table->stride - table->cols; }

uint64_t plt_table_stored(const plt_table_t *table) { return table->slabs->stored; }

uint64_t plt_table_row_bytes(const plt_table_t *table) { return row_bytes(&table->spec, table->stride); }

size_t plt_table_bytes(const plt_table_t *table) {
  return sizeof *table + (table->sparse != NULL ? plt_sparse_rows_bytes(table->sparse) : plt_slabs_bytes(table->slabs));
}

static plt_image_t *image_of(plt_table_t *table, plt_slabs_t *slabs, const plt_table_spec_t *spec) {
  return plt_image_take(slabs, spec, table->number, table->servers, plt_table_state(table));
}

plt_image_t *plt_table_image(plt_table_t *table) {
  if (table->sparse != NULL) plt_sparse_rows_purge(table->sparse, table->t);
  plt_image_t *image = image_of(table, table->slabs, &table->spec);
  if (table->sparse != NULL && plt_sparse_keys_counts(&table->spec.sparse)) {
    plt_table_spec_t of_counts = table->spec;
    of_counts.cols = 1;
    plt_image_add_counted(image, image_of(table, &table->sparse->counted.slabs, &of_counts));
  }
  return image;
}

void plt_table_restore_rows(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last,
                            const float *values, const float *state) {
  size_t state_floats = table->stride - table->cols;
  for (size_t i = 0; i < n; i++) {
    if (!owns(table, keys[i])) continue;
    plt_place_t place = open_row(table, keys[i]);
    memcpy(place.row, values + i * table->cols, table->cols * sizeof *values);
    memcpy(place.row + table->cols, state + i * state_floats, state_floats * sizeof *state);
    table->slabs->stored += *place.last == 0;
    *place.last = last[i] + 1;
  }
}

void plt_table_restore_state(plt_table_t *table, plt_table_state_t state) {
  plt_eta_history_t copy = {0}; /* state.history may be the table's own */
  for (size_t i = 0; i < state.history->n; i++)
    plt_eta_history_append(&copy, state.history->runs[i].first, state.history->runs[i].eta);
  plt_eta_history_clear(&table->history);
  table->history = copy;
  table->t = state.t;
  set_salt(table, state.salt);
  plt_table_begin(table);
}

void plt_table_restore_counts(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last,
                              const float *counts) {
  for (size_t i = 0; i < n; i++)
    if (owns(table, keys[i])) plt_sparse_rows_restore_count(table->sparse, keys[i], last[i], counts[i]);
}
