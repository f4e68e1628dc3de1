/* block.c - see block.h. */
#include "worker/rank/block.h"

#include <stdlib.h>

#include "common/mem.h"

struct plt_block_reader {
  plt_session_t *session;
  plt_tape_t *tape;
  plt_arena_t *arena;
  float *dense[PLT_MODEL_TABLES_MAX]; /* all rows of the dense tables, NULL for others */
  plt_var_t table[PLT_MODEL_TABLES_MAX];
};

static plt_status_t pull_dense(plt_block_reader_t *reader) {
  const plt_model_t *model = reader->session->plan->model;
  for (uint32_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    if (table->entity != PLT_ENTITY_DENSE) continue;
    uint64_t *keys = plt_mem_alloc(table->rows * sizeof *keys);
    for (uint64_t k = 0; k < table->rows; k++) keys[k] = k;
    reader->dense[t] = plt_mem_alloc(table->rows * table->cols * sizeof(float));
    plt_pull_t pull = {t, table->cols, keys, table->rows, reader->dense[t]};
    plt_status_t status = plt_client_read(reader->session->client, &pull, 1);
    free(keys);
    PLT_TRY(status);
  }
  return PLT_OK;
}

plt_status_t plt_block_reader_create(plt_session_t *session, plt_block_reader_t **out) {
  plt_block_reader_t *reader = plt_mem_zalloc(1, sizeof *reader);
  reader->session = session;
  reader->tape = plt_tape_create(session->crew);
  reader->arena = plt_arena_create();
  plt_status_t status = pull_dense(reader);
  if (status == PLT_OK)
    *out = reader;
  else
    plt_block_reader_destroy(&reader);
  return status;
}

void plt_block_reader_destroy(plt_block_reader_t **reader) {
  if (*reader == NULL) return;
  for (size_t t = 0; t < PLT_MODEL_TABLES_MAX; t++) free((*reader)->dense[t]);
  plt_tape_destroy(&(*reader)->tape);
  plt_arena_destroy(&(*reader)->arena);
  free(*reader);
  *reader = NULL;
}

float *plt_block_scratch(plt_block_reader_t *reader, size_t floats) {
  return plt_arena_alloc(reader->arena, floats * sizeof(float));
}

plt_status_t plt_block_begin(plt_block_reader_t *reader, plt_side_t side, const uint32_t *ids, size_t n,
                             plt_pass_t *pass) {
  const plt_plan_t *plan = reader->session->plan;
  const plt_model_t *model = plan->model;
  plt_entity_t entity = side == PLT_SIDE_USER ? PLT_ENTITY_USER : PLT_ENTITY_ITEM;
  plt_entity_t own = side == PLT_SIDE_USER ? PLT_ENTITY_OWN_USER : PLT_ENTITY_OWN_ITEM;
  plt_arena_reset(reader->arena);
  plt_tape_reset(reader->tape);
  uint64_t *keys = plt_arena_alloc(reader->arena, n * sizeof *keys);
  for (size_t k = 0; k < n; k++) keys[k] = ids[k];
  for (uint32_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    bool is_here = (table->entity == entity || table->entity == own) && !table->loss_only;
    size_t rows = table->entity == PLT_ENTITY_DENSE ? table->rows : is_here ? n : 0;
    float *values = reader->dense[t];
    if (values == NULL) values = plt_arena_alloc(reader->arena, rows * table->cols * sizeof *values);
    if (is_here) {
      plt_pull_t pull = {t, table->cols, keys, n, values};
      PLT_TRY(plt_client_read(reader->session->client, &pull, 1));
    }
    reader->table[t] = plt_tape_constant(reader->tape, rows, table->cols, values);
  }
  *pass = (plt_pass_t){.tape = reader->tape, .data = plan->data, .table = reader->table};
  pass->own.id[side] = ids;
  pass->own.n[side] = n;
  if (side == PLT_SIDE_USER) {
    pass->users = ids;
    pass->n_users = n;
    return PLT_OK;
  }
  pass->items = ids;
  pass->n_items = n;
  if (!model->ops->uses_features || model->ops->features_of_own) return PLT_OK;
  float *features = plt_block_scratch(reader, n * plt_dataset_feature_cols(plan->data));
  plt_dataset_features(reader->session->crew, plan->data, ids, n, features);
  pass->features = features;
  pass->n_featured = n;
  return PLT_OK;
}
