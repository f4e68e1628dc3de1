/* table.c - see table.h.
 *
 * Rows 0 .. rows - 1 are found by arithmetic, those under sparse keys by hashing. What takes time is memory: rows lie
 * anywhere, so loops over keys have them fetched ahead of their turn. */
#include "ps/table/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "proto/shard.h"
#include "ps/optimizers/registry.h"
#include "ps/table/image.h"
#include "ps/table/state.h"

enum {
  COLS_MAX = 1 << 20,
  FETCH_ROWS = 8,  /* ahead of the one at work: rows lie anywhere, each is some cache misses */
  FETCH_LINES = 16 /* of each; wider rows are left to the processor from there */
};

static uint64_t local_index(const plt_table_t *table, uint64_t key) {
  if (key <= UINT32_MAX) return (uint32_t)key / table->servers; /* far cheaper than in 64 bits */
  return key / table->servers;
}

static void birth_state(const plt_table_t *table, float *row) {
  const plt_optimizer_ops_t *ops = table->optimizer->ops;
  memset(row + table->cols, 0, (table->stride - table->cols) * sizeof *row);
  if (ops->state_init != NULL) ops->state_init(table->optimizer, row + table->cols);
}

/* Names become HDF5 groups and file names. */
static bool is_name(const char *name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
  return name[0] != '\0' && name[0] != '.' && name[strspn(name, allowed)] == '\0';
}

/* Checks a declaration and makes its optimizer. */
static plt_status_t check_spec(const plt_table_spec_t *spec, uint32_t servers, plt_optimizer_t **optimizer) {
  if (!is_name(spec->name))
    return plt_fail(PLT_ERR_USAGE, "table \"%s\": a name has letters, digits, _ - and, not first, dots", spec->name);
  if (spec->cols == 0 || spec->cols > COLS_MAX)
    return plt_fail(PLT_ERR_USAGE, "table %s: %u columns, but 1 to %d are possible", spec->name, spec->cols, COLS_MAX);
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
  table->gradient = plt_mem_zalloc(table->cols, sizeof *table->gradient);
  table->unborn = plt_mem_zalloc(table->stride, sizeof *table->unborn);
  birth_state(table, table->unborn);
  plt_optimizer_begin(optimizer, 0, &table->history);
  *out = table;
  return PLT_OK;
}

void plt_table_destroy(plt_table_t **table) {
  plt_table_t *self = *table;
  if (self == NULL) return;
  plt_slabs_destroy(&self->arithmetic);
  if (self->sparse != NULL) plt_sparse_rows_destroy(self->sparse);
  free(self->sparse);
  free(self->gradient);
  free(self->unborn);
  free(self->decayed);
  plt_eta_history_clear(&self->history);
  plt_optimizer_destroy(&self->optimizer);
  free(self);
  *table = NULL;
}

const plt_table_spec_t *plt_table_spec(const plt_table_t *table) { return &table->spec; }

static bool owns(const plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_shard_of(key, true, table->servers) == table->number;
  return key - local_index(table, key) * table->servers == table->number;
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

/* To read from; .row is NULL, or *last 0: it is not stored. */
static plt_place_t find(const plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_sparse_rows_find(table->sparse, key, table->t);
  return plt_slabs_find(table->slabs, local_index(table, key));
}

/* To write to. */
static plt_place_t open_row(plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_sparse_rows_open(table->sparse, key);
  return plt_slabs_open(table->slabs, local_index(table, key));
}

/* A row that the step under way pushes; .row is NULL: it is not admitted. */
static plt_place_t pushed_row(plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_sparse_rows_push(table->sparse, key, table->t);
  return plt_slabs_open(table->slabs, local_index(table, key));
}

/* Where a row probably is. */
static plt_place_t guess(const plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_hashed_guess(&table->sparse->rows, key);
  return plt_slabs_find(table->slabs, local_index(table, key));
}

/* Called before row i is at work: has a row some turns later fetched, and before the first also those until then. Into
 * the second cache: the first has a dozen lines under way at most, and the processor would wait for more. Inlined by
 * force: gcc 12 takes a function that only prefetches for one without effect, and drops the call. */
__attribute__((always_inline)) static inline void fetch_ahead(const plt_table_t *table, const uint64_t *keys, size_t n,
                                                              size_t i, size_t floats) {
  size_t bytes = floats * sizeof(float), limit = (size_t)FETCH_LINES * 64;
  if (table->sparse != NULL)
    for (size_t j = i == 0 ? 0 : i + (size_t)2 * FETCH_ROWS; j < n && j <= i + (size_t)2 * FETCH_ROWS; j++)
      plt_hashed_fetch(&table->sparse->rows, keys[j]);
  for (size_t j = i == 0 ? 0 : i + FETCH_ROWS; j < n && j <= i + FETCH_ROWS; j++) {
    plt_place_t place = guess(table, keys[j]);
    if (place.row == NULL) continue;
    __builtin_prefetch(place.last, 0, 2);
    for (size_t at = 0; at < bytes && at < limit; at += 64) __builtin_prefetch((const char *)place.row + at, 0, 2);
  }
}

/* gradient: cols values, unaligned; NULL for zeros. */
static void step_row(plt_table_t *table, uint64_t key, const char *gradient, plt_wire_type_t type) {
  plt_place_t place = pushed_row(table, key);
  if (place.row == NULL) return;
  uint64_t last = *place.last - 1;
  if (*place.last == 0) { /* as if it had stood there from the first step */
    plt_table_spec_birth(&table->spec, table->salt, key, place.row);
    birth_state(table, place.row);
    last = 0;
    table->slabs->stored++;
  }
  if (gradient != NULL) {
    plt_shard_decode(gradient, table->cols, type, table->gradient);
  } else {
    memset(table->gradient, 0, table->cols * sizeof(float));
  }
  table->optimizer->ops->apply(table->optimizer, place.row, place.row + table->cols, last, table->gradient);
  *place.last = table->t + 1;
}

/* Dense: every row of the shard, stored from the first step on. */
static void step_all(plt_table_t *table, const plt_rows_t *push, size_t pieces, plt_wire_type_t type) {
  size_t piece = 0, next = 0, bytes = table->cols * plt_shard_value_bytes(type);
  for (uint64_t local = 0; local < table->local_rows; local++) {
    uint64_t key = local * table->servers + table->number;
    for (; piece < pieces && next == push[piece].n; piece++) next = 0;
    bool pushed = piece < pieces && push[piece].keys[next] == key;
    step_row(table, key, pushed ? (const char *)push[piece].values + next * bytes : NULL, type);
    next += pushed;
  }
}

static void step_rows(plt_table_t *table, const plt_rows_t *push, plt_wire_type_t type) {
  const char *gradient = push->values;
  size_t bytes = table->cols * plt_shard_value_bytes(type);
  for (size_t i = 0; i < push->n; i++) {
    fetch_ahead(table, push->keys, push->n, i, table->stride);
    step_row(table, push->keys[i], gradient + i * bytes, type);
  }
}

void plt_table_step(plt_table_t *table, double eta, plt_rows_t push) {
  plt_table_step_pieces(table, eta, &push, 1, PLT_WIRE_F32);
}

/* The gradients of a push with what decay adds: of the rows as they are before the step. */
static void add_decay(plt_table_t *table, const plt_rows_t *push, plt_wire_type_t type, float *out) {
  const float factor = (float)table->spec.decay;
  const char *gradient = push->values;
  plt_table_read(table, push->keys, push->n, out);
  for (size_t i = 0; i < push->n; i++, out += table->cols, gradient += table->cols * plt_shard_value_bytes(type)) {
    plt_shard_decode(gradient, table->cols, type, table->gradient);
    for (size_t c = 0; c < table->cols; c++) out[c] = table->gradient[c] + factor * out[c];
  }
}

static const plt_rows_t *decay(plt_table_t *table, const plt_rows_t *push, size_t pieces, plt_wire_type_t type,
                               plt_rows_t *out) {
  size_t rows = 0;
  for (size_t i = 0; i < pieces; i++) rows += push[i].n;
  if (rows > table->decayed_capacity) {
    free(table->decayed);
    table->decayed = plt_mem_alloc(rows * table->cols * sizeof *table->decayed);
    table->decayed_capacity = rows;
  }
  float *to = table->decayed;
  for (size_t i = 0; i < pieces; i++) {
    add_decay(table, &push[i], type, to);
    out[i] = (plt_rows_t){.keys = push[i].keys, .values = to, .n = push[i].n};
    to += push[i].n * table->cols;
  }
  return out;
}

static void step(plt_table_t *table, double eta, const plt_rows_t *push, size_t pieces, plt_wire_type_t type) {
  table->t++;
  plt_eta_history_append(&table->history, table->t, eta * table->eta_scale);
  plt_optimizer_begin(table->optimizer, table->t, &table->history);
  if (table->dense) {
    step_all(table, push, pieces, type);
  } else {
    for (size_t i = 0; i < pieces; i++) step_rows(table, &push[i], type);
  }
  if (table->sparse != NULL) plt_sparse_rows_end_step(table->sparse, table->t);
}

void plt_table_step_pieces(plt_table_t *table, double eta, const plt_rows_t *push, size_t pieces,
                           plt_wire_type_t type) {
  for (size_t i = 0; i < pieces; i++) assert(!table->spec.frozen || push[i].n == 0);
  if (table->spec.decay == 0) {
    step(table, eta, push, pieces, type);
    return;
  }
  plt_rows_t *decayed = plt_mem_alloc(pieces * sizeof *decayed);
  step(table, eta, decay(table, push, pieces, type, decayed), pieces, PLT_WIRE_F32);
  free(decayed);
}

/* A row that is not stored, now: its birth, and what the steps since then made of it. */
static void read_unborn(plt_table_t *table, uint64_t key, float *out) {
  const plt_optimizer_ops_t *ops = table->optimizer->ops;
  if (ops->value == NULL) {
    plt_table_spec_birth(&table->spec, table->salt, key, out);
  } else {
    plt_table_spec_birth(&table->spec, table->salt, key, table->unborn);
    ops->value(table->optimizer, table->unborn, table->unborn + table->cols, 0, out);
  }
}

size_t plt_table_missing(const plt_table_t *table, const uint64_t *keys, size_t n) {
  size_t missing = 0;
  for (size_t i = 0; i < n; i++) {
    plt_place_t place = find(table, keys[i]);
    missing += place.row == NULL || *place.last == 0;
  }
  return missing;
}

void plt_table_read(plt_table_t *table, const uint64_t *keys, size_t n, float *out) {
  const plt_optimizer_ops_t *ops = table->optimizer->ops;
  size_t needed = ops->value != NULL ? table->stride : table->cols; /* floats of a row */
  for (size_t i = 0; i < n; i++, out += table->cols) {
    fetch_ahead(table, keys, n, i, needed);
    plt_place_t place = find(table, keys[i]);
    if (place.row == NULL || *place.last == 0) {
      read_unborn(table, keys[i], out);
    } else if (ops->value != NULL) {
      ops->value(table->optimizer, place.row, place.row + table->cols, *place.last - 1, out);
    } else {
      memcpy(out, place.row, table->cols * sizeof *out);
    }
  }
}

void plt_table_assign(plt_table_t *table, const uint64_t *keys, size_t n, const void *values) {
  const char *value = values;
  size_t bytes = table->cols * sizeof(float);
  for (size_t i = 0; i < n; i++, value += bytes) {
    plt_place_t place = open_row(table, keys[i]);
    memcpy(place.row, value, bytes);
    birth_state(table, place.row);
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
  plt_optimizer_begin(table->optimizer, 0, &table->history);
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
  plt_optimizer_begin(table->optimizer, table->t, &table->history);
}

void plt_table_restore_counts(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last,
                              const float *counts) {
  for (size_t i = 0; i < n; i++)
    if (owns(table, keys[i])) plt_sparse_rows_restore_count(table->sparse, keys[i], last[i], counts[i]);
}
