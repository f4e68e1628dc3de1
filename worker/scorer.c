/* scorer.c - see scorer.h. */
#include "worker/scorer.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/block.h"
#include "worker/kernels.h"

struct plt_scorer {
  plt_session_t *session;
  plt_inference_t *inference;
  plt_block_reader_t *reader;
  float *items;  /* [items, score_cols] */
  float *scores; /* [256, items] */
};

/* What the model makes of a block: [n, score_cols], until the next call. */
static plt_status_t represent(plt_scorer_t *scorer, plt_side_t side, const uint32_t *ids, size_t n, const float **out) {
  const plt_model_t *model = scorer->session->plan->model;
  plt_pass_t pass;
  PLT_TRY(plt_block_begin(scorer->reader, side, ids, n, &pass));
  if (scorer->inference != NULL) {
    size_t cols = model->base_cols;
    plt_rows_of_layers_t rows = {.base = plt_block_scratch(scorer->reader, n * cols),
                                 .sum = plt_block_scratch(scorer->reader, n * cols),
                                 .spread = plt_block_scratch(scorer->reader, n * cols)};
    PLT_TRY(plt_inference_read(scorer->inference, side, ids, n, rows));
    pass.base[side] = plt_tape_constant(pass.tape, n, cols, rows.base);
    pass.sum[side] = plt_tape_constant(pass.tape, n, cols, rows.sum);
    if (side == PLT_SIDE_ITEM) pass.spread = plt_tape_constant(pass.tape, n, cols, rows.spread);
  }
  plt_var_t represented = side == PLT_SIDE_USER ? model->ops->users(model, &pass) : model->ops->items(model, &pass);
  *out = plt_tape_value(pass.tape, represented);
  return PLT_OK;
}

static plt_status_t represent_items(plt_scorer_t *scorer) {
  const plt_plan_t *plan = scorer->session->plan;
  size_t cols = plan->model->score_cols;
  uint32_t ids[PLT_SCORER_ITEMS];
  for (uint32_t first = 0; first < plan->data->items; first += PLT_SCORER_ITEMS) {
    size_t n = plan->data->items - first < PLT_SCORER_ITEMS ? plan->data->items - first : PLT_SCORER_ITEMS;
    const float *items;
    for (size_t k = 0; k < n; k++) ids[k] = first + (uint32_t)k;
    PLT_TRY(represent(scorer, PLT_SIDE_ITEM, ids, n, &items));
    memcpy(scorer->items + (size_t)first * cols, items, n * cols * sizeof *items);
  }
  return PLT_OK;
}

plt_status_t plt_scorer_create(plt_session_t *session, plt_inference_t *inference, plt_scorer_t **out) {
  const plt_plan_t *plan = session->plan;
  plt_scorer_t *scorer = plt_mem_zalloc(1, sizeof *scorer);
  scorer->session = session;
  scorer->inference = inference;
  scorer->items = plt_mem_alloc((size_t)plan->data->items * plan->model->score_cols * sizeof *scorer->items);
  scorer->scores = plt_mem_alloc((size_t)plan->data->items * PLT_SCORER_USERS * sizeof *scorer->scores);
  plt_status_t status = plt_block_reader_create(session, &scorer->reader);
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
  free((*scorer)->items);
  free((*scorer)->scores);
  plt_block_reader_destroy(&(*scorer)->reader);
  free(*scorer);
  *scorer = NULL;
}

plt_status_t plt_scorer_score(plt_scorer_t *scorer, const uint32_t *users, size_t n, const float **scores) {
  const plt_plan_t *plan = scorer->session->plan;
  const float *represented;
  PLT_TRY(represent(scorer, PLT_SIDE_USER, users, n, &represented));
  plt_kernel_scores(scorer->session->crew, n, plan->data->items, plan->model->score_cols, represented, scorer->items,
                    scorer->scores);
  *scores = scorer->scores;
  return PLT_OK;
}
