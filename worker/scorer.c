/* scorer.c - see scorer.h. */
#include "worker/scorer.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/kernels.h"

struct plt_scorer {
  plt_session_t *session;
  plt_tape_t *tape;
  plt_arena_t *arena;                 /* of one block */
  float *dense[PLT_MODEL_TABLES_MAX]; /* all rows of the dense tables, NULL for others */
  float *items;                       /* [items, score_cols] */
  float *scores;                      /* [256, items] */
};

static plt_status_t pull_dense(plt_scorer_t *scorer) {
  const plt_model_t *model = scorer->session->plan->model;
  for (uint32_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    if (table->entity != PLT_ENTITY_DENSE) continue;
    uint64_t *keys = plt_mem_alloc(table->rows * sizeof *keys);
    for (uint64_t k = 0; k < table->rows; k++) keys[k] = k;
    scorer->dense[t] = plt_mem_alloc(table->rows * table->cols * sizeof(float));
    plt_pull_t pull = {t, table->cols, keys, table->rows, scorer->dense[t]};
    plt_status_t status = plt_client_read(scorer->session->client, &pull, 1);
    free(keys);
    PLT_TRY(status);
  }
  return PLT_OK;
}

/* A pass over users or items (the other is empty), with their rows and the dense tables as constants. */
static plt_status_t begin_pass(plt_scorer_t *scorer, plt_entity_t entity, const uint32_t *ids, size_t n,
                               plt_var_t *tables, plt_pass_t *pass) {
  const plt_model_t *model = scorer->session->plan->model;
  plt_arena_reset(scorer->arena);
  plt_tape_reset(scorer->tape);
  uint64_t *keys = plt_arena_alloc(scorer->arena, n * sizeof *keys);
  for (size_t k = 0; k < n; k++) keys[k] = ids[k];
  for (uint32_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    size_t rows = table->entity == PLT_ENTITY_DENSE ? table->rows : table->entity == entity ? n : 0;
    float *values = scorer->dense[t];
    if (values == NULL) values = plt_arena_alloc(scorer->arena, rows * table->cols * sizeof *values);
    if (table->entity == entity) {
      plt_pull_t pull = {t, table->cols, keys, n, values};
      PLT_TRY(plt_client_read(scorer->session->client, &pull, 1));
    }
    tables[t] = plt_tape_constant(scorer->tape, rows, table->cols, values);
  }
  *pass = (plt_pass_t){.tape = scorer->tape, .data = scorer->session->plan->data, .table = tables};
  return PLT_OK;
}

static plt_status_t represent_items(plt_scorer_t *scorer) {
  const plt_plan_t *plan = scorer->session->plan;
  const plt_model_t *model = plan->model;
  uint32_t ids[PLT_SCORER_ITEMS];
  for (uint32_t first = 0; first < plan->data->items; first += PLT_SCORER_ITEMS) {
    size_t n = plan->data->items - first < PLT_SCORER_ITEMS ? plan->data->items - first : PLT_SCORER_ITEMS;
    plt_var_t tables[PLT_MODEL_TABLES_MAX];
    plt_pass_t pass;
    for (size_t k = 0; k < n; k++) ids[k] = first + (uint32_t)k;
    PLT_TRY(begin_pass(scorer, PLT_ENTITY_ITEM, ids, n, tables, &pass));
    pass.items = ids;
    pass.n_items = n;
    if (model->ops->uses_features) {
      float *features = plt_arena_alloc(scorer->arena, n * plt_dataset_feature_cols(plan->data) * sizeof *features);
      plt_dataset_features(plan->data, ids, n, features);
      pass.features = features;
    }
    plt_var_t items = model->ops->items(model, &pass);
    memcpy(scorer->items + (size_t)first * model->score_cols, plt_tape_value(scorer->tape, items),
           n * model->score_cols * sizeof *scorer->items);
  }
  return PLT_OK;
}

plt_status_t plt_scorer_create(plt_session_t *session, plt_scorer_t **out) {
  const plt_plan_t *plan = session->plan;
  plt_scorer_t *scorer = plt_mem_zalloc(1, sizeof *scorer);
  scorer->session = session;
  scorer->tape = plt_tape_create(session->crew);
  scorer->arena = plt_arena_create();
  scorer->items = plt_mem_alloc((size_t)plan->data->items * plan->model->score_cols * sizeof *scorer->items);
  scorer->scores = plt_mem_alloc((size_t)plan->data->items * PLT_SCORER_USERS * sizeof *scorer->scores);
  plt_status_t status = pull_dense(scorer);
  if (status == PLT_OK) status = represent_items(scorer);
  if (status != PLT_OK) {
    plt_scorer_destroy(&scorer);
    return status;
  }
  *out = scorer;
  return PLT_OK;
}

void plt_scorer_destroy(plt_scorer_t **scorer) {
  if (*scorer == NULL) return;
  for (size_t t = 0; t < PLT_MODEL_TABLES_MAX; t++) free((*scorer)->dense[t]);
  free((*scorer)->items);
  free((*scorer)->scores);
  plt_tape_destroy(&(*scorer)->tape);
  plt_arena_destroy(&(*scorer)->arena);
  free(*scorer);
  *scorer = NULL;
}

plt_status_t plt_scorer_score(plt_scorer_t *scorer, const uint32_t *users, size_t n, const float **scores) {
  const plt_model_t *model = scorer->session->plan->model;
  plt_var_t tables[PLT_MODEL_TABLES_MAX];
  plt_pass_t pass;
  PLT_TRY(begin_pass(scorer, PLT_ENTITY_USER, users, n, tables, &pass));
  pass.users = users;
  pass.n_users = n;
  plt_var_t represented = model->ops->users(model, &pass);
  plt_kernel_scores(scorer->session->crew, n, scorer->session->plan->data->items, model->score_cols,
                    plt_tape_value(scorer->tape, represented), scorer->items, scorer->scores);
  *scores = scorer->scores;
  return PLT_OK;
}
