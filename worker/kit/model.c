/* model.c - see model.h: a model's functions and their defaults. */
#include "worker/kit/model.h"

#include <string.h>

#include "worker/math/gemm.h"
#include "worker/math/narrow.h"

plt_status_t plt_model_check_given_features(const plt_config_t *config, const plt_model_t *model, const char *key,
                                            const char *does, const char *which) {
  static const char trains[] = "model.train_features";
  if (!model->ops->uses_features)
    return plt_fail(PLT_ERR_USAGE, "%s: %s: model %s reads no features%s", plt_config_origin(config, key), key,
                    model->ops->name, which);
  if (plt_config_knows(config, trains) && plt_config_bool(config, trains))
    return plt_fail(PLT_ERR_USAGE, "%s: %s %s features as they are given, and %s trains them: one of the two",
                    plt_config_origin(config, key), key, does, trains);
  return PLT_OK;
}

plt_status_t plt_model_check_products(const plt_model_t *model) {
  char label[PLT_GEMM_LABEL_MAX];
  if (!model->narrow || plt_narrow_is_there()) return PLT_OK;
  plt_gemm_label(label);
  return plt_fail(
      PLT_ERR_USAGE,
      "model.projection: bf16 needs a processor with AMX and oneDNN, which may use it (ONEDNN_MAX_CPU_ISA); "
      "here is %s: train there, or set f32",
      label);
}

bool plt_model_follows(const plt_model_t *model, const char *kind) {
  for (size_t i = 0; i < model->place->n_before; i++)
    if (strcmp(model->place->before[i], kind) == 0) return true;
  return false;
}

size_t plt_model_first_table(const plt_model_t *model, plt_side_t side) {
  size_t t = 0;
  while (plt_entity_side(model->tables[t].entity) != side) t++;
  return t;
}

plt_var_t plt_model_state(const plt_model_t *model, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const plt_state_t *of = &model->programme.state[number];
  if (of->computes) return model->ops->state(model, nodes, number, product);
  return of->relation == PLT_ALONE ? plt_nodes_table(nodes, plt_model_first_table(model, nodes->side)) : product;
}

plt_var_t plt_model_product(const plt_model_t *model, const plt_sparse_t *hop, const plt_nodes_t *at,
                            const plt_nodes_t *from, size_t number, plt_var_t x) {
  const plt_csr_t *matrix = &hop->matrix;
  plt_edges_t edges = {
      .n = matrix->offset[matrix->rows], .matrix = hop, .neighbour = matrix->index, .at = at, .from = from};
  if (!model->programme.state[number].weighs) return plt_op_propagate(at->tape, hop, x);
  uint32_t *target = plt_tape_index(at->tape, edges.n);
  for (uint32_t r = 0; r < matrix->rows; r++)
    for (uint64_t e = matrix->offset[r]; e < matrix->offset[r + 1]; e++) target[e] = r;
  edges.target = target;
  return plt_op_attend(at->tape, hop, model->ops->weights(model, &edges, number), x);
}

plt_var_t plt_model_vectors(const plt_model_t *model, const plt_nodes_t *nodes) {
  plt_var_t (*make)(const plt_model_t *, const plt_nodes_t *) =
      nodes->side == PLT_SIDE_USER ? model->ops->users : model->ops->items;
  return make != NULL ? make(model, nodes) : plt_nodes_table(nodes, plt_model_first_table(model, nodes->side));
}
