/* block.c - see block.h. */
#include "worker/rank/block.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct plt_block_reader {
  plt_row_source_t source; /* first: plt_row_source_t * is this */
  plt_session_t *session;
  plt_tape_t *tape;
  plt_arena_t *arena;
  float *dense[PLT_MODEL_TABLES_MAX]; /* all rows of dense tables that were asked for, NULL for others */
  plt_status_t status;
};

/* Row keys[k] of a table -> row k of `out`; zeros after a failure. */
static void read_rows(plt_block_reader_t *reader, uint32_t table, uint32_t cols, const uint64_t *keys, size_t n,
                      float *out) {
  plt_pull_t pull = {table, cols, keys, n, out};
  if (reader->status == PLT_OK) reader->status = plt_client_read(reader->session->client, &pull, 1);
  if (reader->status != PLT_OK) memset(out, 0, n * cols * sizeof *out);
}

plt_var_t plt_block_read(plt_block_reader_t *reader, const plt_nodes_t *nodes, uint32_t table, uint32_t cols) {
  uint64_t *keys = plt_arena_alloc(reader->arena, nodes->n * sizeof *keys);
  float *values = plt_arena_alloc(reader->arena, nodes->n * cols * sizeof *values);
  for (size_t k = 0; k < nodes->n; k++) keys[k] = nodes->id[k];
  read_rows(reader, table, cols, keys, nodes->n, values);
  return plt_tape_constant(reader->tape, nodes->n, cols, values);
}

static const float *dense_rows(plt_block_reader_t *reader, uint32_t t) {
  const plt_model_table_t *table = &reader->session->plan->model->tables[t];
  if (reader->dense[t] != NULL) return reader->dense[t];
  size_t floats = table->rows * table->cols;
  float *rows = reader->dense[t] = plt_mem_alloc(floats * sizeof *rows);
  if (reader->status == PLT_OK)
    reader->status = plt_client_read_table(reader->session->client, t, table->rows, table->cols, rows);
  if (reader->status != PLT_OK) memset(rows, 0, floats * sizeof *rows);
  return rows;
}

static plt_var_t rows_of_table(const plt_row_source_t *source, const plt_nodes_t *nodes, size_t t) {
  plt_block_reader_t *reader = (plt_block_reader_t *)(uintptr_t)source;
  const plt_model_table_t *table = &reader->session->plan->model->tables[t];
  if (table->entity != PLT_ENTITY_DENSE) return plt_block_read(reader, nodes, (uint32_t)t, table->cols);
  return plt_tape_constant(reader->tape, table->rows, table->cols, dense_rows(reader, (uint32_t)t));
}

plt_block_reader_t *plt_block_reader_create(plt_session_t *session) {
  plt_block_reader_t *reader = plt_mem_zalloc(1, sizeof *reader);
  reader->source = (plt_row_source_t){.table = rows_of_table}; /* evaluation has no loss */
  reader->session = session;
  reader->tape = plt_tape_create(session->crew);
  reader->arena = plt_arena_create();
  return reader;
}

void plt_block_reader_destroy(plt_block_reader_t **reader) {
  if (*reader == NULL) return;
  for (size_t t = 0; t < PLT_MODEL_TABLES_MAX; t++) free((*reader)->dense[t]);
  plt_tape_destroy(&(*reader)->tape);
  plt_arena_destroy(&(*reader)->arena);
  free(*reader);
  *reader = NULL;
}

plt_var_t *plt_block_beside(plt_block_reader_t *reader, plt_side_t side, const uint32_t *ids, size_t n,
                            plt_nodes_t *nodes) {
  plt_var_t *states = plt_arena_zalloc(reader->arena, PLT_STATES_MAX * sizeof *states);
  *nodes = (plt_nodes_t){.tape = reader->tape,
                         .data = reader->session->plan->data,
                         .side = side,
                         .id = ids,
                         .n = n,
                         .state = states,
                         .source = &reader->source};
  return states;
}

plt_var_t *plt_block_begin(plt_block_reader_t *reader, plt_side_t side, const uint32_t *ids, size_t n,
                           plt_nodes_t *nodes) {
  plt_arena_reset(reader->arena);
  plt_tape_reset(reader->tape);
  return plt_block_beside(reader, side, ids, n, nodes);
}

void *plt_block_scratch(plt_block_reader_t *reader, size_t bytes) { return plt_arena_alloc(reader->arena, bytes); }

plt_status_t plt_block_end(const plt_block_reader_t *reader) { return reader->status; }
