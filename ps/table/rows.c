/* rows.c - rows of a table found, stepped and read: see table.h.
 *
 *   a push, the keys of a read ─▶ pieces of some rows ─▶ lanes of the crew (common/threads.h)
 *
 * What takes time is memory: rows lie anywhere, so loops over keys have them fetched ahead of their turn. A row is a
 * function of its own past, so any thread may have it. Before threads step rows their owner has seen to it that there
 * is memory for them and that an image has what it still needs: they change nothing but rows and lanes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "proto/shard.h"
#include "ps/table/state.h"
#include "ps/table/table.h"

enum {
  FETCH_ROWS = 8,           /* ahead of the one at work: each is some cache misses */
  FETCH_LINES = 16,         /* of each; wider rows are left to the processor from there */
  PIECE_FLOATS = 32 * 1024, /* of value and state: what a thread takes at a time */
  EXACT_FLOATS = 16 * 1024  /* read before they are encoded: 64 KiB, which stay in the first caches */
};

/* To read from; .row is NULL, or *last 0: it is not stored. */
static plt_place_t find(const plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_sparse_rows_find(table->sparse, key, table->t);
  return plt_slabs_find(table->slabs, plt_table_local(table, key));
}

/* A row that the step under way pushes; .row is NULL: it is not admitted. */
static plt_place_t pushed_row(plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_sparse_rows_push(table->sparse, key, table->t);
  return plt_slabs_open(table->slabs, plt_table_local(table, key));
}

/* Where a row probably is. */
static plt_place_t guess(const plt_table_t *table, uint64_t key) {
  if (table->sparse != NULL) return plt_hashed_guess(&table->sparse->rows, key);
  return plt_slabs_find(table->slabs, plt_table_local(table, key));
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

/* Whether so many rows are the crew's; sparse ones are the owner's alone: storing one moves others. */
static bool is_shared(const plt_table_t *table, size_t rows) {
  return table->crew != NULL && rows * table->stride >= PLT_TABLE_SHARED_FLOATS;
}

static size_t piece_rows(const plt_table_t *table) { return PIECE_FLOATS / table->stride + 1; }

/* ---- steps ---- */

/* gradient: cols values, unaligned; NULL for zeros. */
static void step_row(plt_table_t *table, plt_lane_t *lane, uint64_t key, const char *gradient, plt_wire_type_t type) {
  plt_place_t place = pushed_row(table, key);
  if (place.row == NULL) return;
  uint64_t last = *place.last - 1;
  if (*place.last == 0) { /* as if it had stood there from the first step */
    plt_table_spec_birth(&table->spec, table->salt, key, place.row);
    plt_table_birth_state(table, place.row);
    last = 0;
    lane->born++;
  }
  if (gradient != NULL) {
    plt_shard_decode(gradient, table->cols, type, lane->gradient);
  } else {
    memset(lane->gradient, 0, table->cols * sizeof(float));
  }
  lane->optimizer->ops->apply(lane->optimizer, place.row, place.row + table->cols, last, lane->gradient);
  *place.last = table->t + 1;
}

static void step_rows(plt_table_t *table, plt_lane_t *lane, const plt_rows_t *push, plt_wire_type_t type) {
  const char *gradient = push->values;
  size_t bytes = table->cols * plt_shard_value_bytes(type);
  for (size_t i = 0; i < push->n; i++) {
    fetch_ahead(table, push->keys, push->n, i, table->stride);
    step_row(table, lane, push->keys[i], gradient + i * bytes, type);
  }
}

/* The first key of a push from `key` on: its piece, and its number there. */
static size_t seek(const plt_rows_t *push, size_t pieces, uint64_t key, size_t *number) {
  size_t piece = 0;
  while (piece < pieces && (push[piece].n == 0 || push[piece].keys[push[piece].n - 1] < key)) piece++;
  *number = piece < pieces ? plt_keys_below(push[piece].keys, push[piece].n, key) : 0;
  return piece;
}

/* Dense: every row of the shard from `local` to `end`, stored from the first step on. */
static void step_span(plt_table_t *table, plt_lane_t *lane, uint64_t local, uint64_t end, const plt_rows_t *push,
                      size_t pieces, plt_wire_type_t type) {
  size_t next, bytes = table->cols * plt_shard_value_bytes(type);
  size_t piece = seek(push, pieces, local * table->servers + table->number, &next);
  for (; local < end; local++) {
    uint64_t key = local * table->servers + table->number;
    for (; piece < pieces && next == push[piece].n; piece++) next = 0;
    bool pushed = piece < pieces && push[piece].keys[next] == key;
    step_row(table, lane, key, pushed ? (const char *)push[piece].values + next * bytes : NULL, type);
    next += pushed;
  }
}

/* A step that the crew makes. */
typedef struct stepping {
  plt_table_t *table;
  const plt_rows_t *push;
  size_t pieces, rows; /* rows: of a piece of dense work */
  plt_wire_type_t type;
} stepping_t;

/* plt_piece_fn */
static void step_cut(void *context, size_t piece, size_t lane) {
  const stepping_t *job = context;
  step_rows(job->table, &job->table->lanes[lane], &job->table->cuts[piece], job->type);
}

/* plt_piece_fn */
static void step_span_cut(void *context, size_t piece, size_t lane) {
  const stepping_t *job = context;
  uint64_t first = piece * job->rows, end = first + job->rows, all = job->table->local_rows;
  step_span(job->table, &job->table->lanes[lane], first, end < all ? end : all, job->push, job->pieces, job->type);
}

/* Sees to the memory of the rows of a push, and to what an image needs of them; cuts it into table->cuts. */
static void cut(plt_table_t *table, const plt_rows_t *push, size_t bytes) {
  size_t some = piece_rows(table);
  for (size_t i = 0; i < push->n; i++) plt_slabs_open(table->slabs, plt_table_local(table, push->keys[i]));
  for (size_t first = 0; first < push->n; first += some) {
    PLT_MEM_GROW(table->cuts, table->n_cuts, table->cuts_capacity);
    table->cuts[table->n_cuts++] = (plt_rows_t){.keys = push->keys + first,
                                                .values = (const char *)push->values + first * bytes,
                                                .n = push->n - first < some ? push->n - first : some};
  }
}

static void step_dense(plt_table_t *table, const plt_rows_t *push, size_t pieces, plt_wire_type_t type) {
  if (!is_shared(table, (size_t)table->local_rows)) {
    step_span(table, table->lanes, 0, table->local_rows, push, pieces, type);
    return;
  }
  stepping_t job = {.table = table, .push = push, .pieces = pieces, .rows = piece_rows(table), .type = type};
  for (uint64_t local = 0; local < table->local_rows; local++) plt_slabs_open(table->slabs, local);
  plt_crew_run(table->crew, ((size_t)table->local_rows + job.rows - 1) / job.rows, step_span_cut, &job);
}

static void step_pushed(plt_table_t *table, const plt_rows_t *push, size_t pieces, plt_wire_type_t type) {
  size_t rows = 0;
  for (size_t i = 0; i < pieces; i++) rows += push[i].n;
  if (!is_shared(table, rows)) {
    for (size_t i = 0; i < pieces; i++) step_rows(table, table->lanes, &push[i], type);
    return;
  }
  table->n_cuts = 0;
  for (size_t i = 0; i < pieces; i++) cut(table, &push[i], table->cols * plt_shard_value_bytes(type));
  plt_crew_run(table->crew, table->n_cuts, step_cut, &(stepping_t){.table = table, .type = type});
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
    plt_shard_decode(gradient, table->cols, type, table->lanes->gradient);
    for (size_t c = 0; c < table->cols; c++) out[c] = table->lanes->gradient[c] + factor * out[c];
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
  plt_table_begin(table);
  (table->dense ? step_dense : step_pushed)(table, push, pieces, type);
  for (size_t i = 0; i < table->n_lanes; i++) {
    table->slabs->stored += table->lanes[i].born;
    table->lanes[i].born = 0;
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

size_t plt_table_missing(const plt_table_t *table, const uint64_t *keys, size_t n) {
  size_t missing = 0;
  for (size_t i = 0; i < n; i++) {
    plt_place_t place = find(table, keys[i]);
    missing += place.row == NULL || *place.last == 0;
  }
  return missing;
}

/* ---- reads ---- */

/* A row that is not stored, now: its birth, and what the steps since then made of it. */
static void read_unborn(const plt_table_t *table, plt_lane_t *lane, uint64_t key, float *out) {
  const plt_optimizer_ops_t *ops = lane->optimizer->ops;
  if (ops->value == NULL) {
    plt_table_spec_birth(&table->spec, table->salt, key, out);
  } else {
    plt_table_spec_birth(&table->spec, table->salt, key, lane->unborn);
    ops->value(lane->optimizer, lane->unborn, lane->unborn + table->cols, 0, out);
  }
}

static void read_rows(const plt_table_t *table, plt_lane_t *lane, const uint64_t *keys, size_t n, float *out) {
  const plt_optimizer_ops_t *ops = lane->optimizer->ops;
  size_t needed = ops->value != NULL ? table->stride : table->cols; /* floats of a row */
  for (size_t i = 0; i < n; i++, out += table->cols) {
    fetch_ahead(table, keys, n, i, needed);
    plt_place_t place = find(table, keys[i]);
    if (place.row == NULL || *place.last == 0) {
      read_unborn(table, lane, keys[i], out);
    } else if (ops->value != NULL) {
      ops->value(lane->optimizer, place.row, place.row + table->cols, *place.last - 1, out);
    } else {
      memcpy(out, place.row, table->cols * sizeof *out);
    }
  }
}

/* As many rows at a time as stay in the first caches between reading and encoding. */
static void read_encoded(const plt_table_t *table, plt_lane_t *lane, const uint64_t *keys, size_t n,
                         plt_wire_type_t type, char *out) {
  size_t rows = EXACT_FLOATS / table->cols + 1, bytes = table->cols * plt_shard_value_bytes(type);
  if (lane->exact == NULL) lane->exact = plt_mem_alloc(rows * table->cols * sizeof *lane->exact);
  for (size_t first = 0; first < n; first += rows) {
    size_t some = n - first < rows ? n - first : rows;
    read_rows(table, lane, keys + first, some, lane->exact);
    plt_shard_encode(lane->exact, some * table->cols, type, out + first * bytes);
  }
}

/* A read that the crew may share. */
typedef struct reading {
  plt_table_t *table;
  const uint64_t *keys;
  size_t n, rows; /* rows: of a piece */
  plt_wire_type_t type;
  char *out;
} reading_t;

/* plt_piece_fn */
static void read_cut(void *context, size_t piece, size_t lane) {
  const reading_t *job = context;
  plt_lane_t *own = &job->table->lanes[lane];
  size_t first = piece * job->rows, n = job->n - first < job->rows ? job->n - first : job->rows;
  char *out = job->out + first * job->table->cols * plt_shard_value_bytes(job->type);
  if (job->type == PLT_WIRE_F32)
    read_rows(job->table, own, job->keys + first, n, (float *)out);
  else
    read_encoded(job->table, own, job->keys + first, n, job->type, out);
}

void plt_table_read_as(plt_table_t *table, const uint64_t *keys, size_t n, plt_wire_type_t type, void *out) {
  reading_t job = {.table = table, .keys = keys, .n = n, .rows = n, .type = type, .out = out};
  bool shared = is_shared(table, n);
  if (n == 0) return;
  if (shared) job.rows = piece_rows(table);
  plt_crew_run(shared ? table->crew : NULL, (n + job.rows - 1) / job.rows, read_cut, &job);
}

void plt_table_read(plt_table_t *table, const uint64_t *keys, size_t n, float *out) {
  plt_table_read_as(table, keys, n, PLT_WIRE_F32, out);
}
