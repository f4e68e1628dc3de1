/* model.c - see model.h. */
#include "worker/models/model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plt_model_add_table(plt_model_t *model, const char *name, plt_entity_t entity, uint64_t n_rows, uint32_t cols,
                         plt_init_t init) {
  assert(model->n_tables < PLT_MODEL_TABLES_MAX && strlen(name) < PLT_TABLE_NAME_MAX);
  plt_model_table_t *table = &model->tables[model->n_tables++];
  *table = (plt_model_table_t){.entity = entity, .rows = n_rows, .cols = cols, .init = init};
  snprintf(table->name, sizeof table->name, "%s", name);
}

plt_status_t plt_model_read_graph(const plt_config_t *config, plt_model_t *model) {
  plt_subgraph_plan_t *graph = &model->graph;
  size_t n = plt_config_list_size(config, "model.fanout");
  *graph = (plt_subgraph_plan_t){.layers = (size_t)plt_config_int(config, "model.layers")};
  if (n == 1 && strcmp(plt_config_list_text(config, "model.fanout", 0), "exact") == 0) return PLT_OK;
  if (n != graph->layers)
    return plt_fail(PLT_ERR_USAGE, "%s: model.fanout is exact or a list of %zu numbers, one per layer (model.layers)",
                    plt_config_origin(config, "model.fanout"), graph->layers);
  for (size_t i = 0; i < n; i++) {
    const char *text = plt_config_list_text(config, "model.fanout", i);
    char *end;
    long long value = strtoll(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > PLT_FANOUT_MAX)
      return plt_fail(PLT_ERR_USAGE, "%s: model.fanout: \"%s\" is neither exact nor a whole number from 1 to %d",
                      plt_config_origin(config, "model.fanout"), text, PLT_FANOUT_MAX);
    graph->fanout[graph->n_fanout++] = (uint32_t)value;
  }
  return PLT_OK;
}

plt_init_t plt_init_xavier_uniform(uint64_t n_rows, uint64_t cols) {
  return (plt_init_t){PLT_INIT_UNIFORM, sqrt(6.0 / ((double)n_rows + (double)cols))};
}

plt_init_t plt_init_xavier_normal(uint64_t n_rows, uint64_t cols) {
  return (plt_init_t){PLT_INIT_NORMAL, sqrt(2.0 / ((double)n_rows + (double)cols))};
}

plt_init_t plt_init_normal(double deviation) { return (plt_init_t){PLT_INIT_NORMAL, deviation}; }

plt_init_t plt_init_zero(void) { return (plt_init_t){PLT_INIT_ZERO, 0}; }

plt_var_t plt_pass_features(const plt_pass_t *pass) {
  assert(pass->features != NULL);
  return plt_tape_constant(pass->tape, pass->n_featured, plt_dataset_feature_cols(pass->data), pass->features);
}

plt_var_t plt_pass_bpr_loss(const plt_pass_t *pass, plt_var_t users, plt_var_t items, float reg) {
  plt_tape_t *t = pass->tape;
  plt_var_t u = plt_op_gather(t, users, pass->user, pass->n);
  plt_var_t p = plt_op_gather(t, items, pass->positive, pass->n);
  plt_var_t n = plt_op_gather(t, items, pass->negative, pass->n);
  plt_var_t loss = plt_op_bpr(t, plt_op_row_dot(t, u, p), plt_op_row_dot(t, u, n));
  return reg == 0 ? loss : plt_op_add(t, loss, plt_op_scale(t, plt_loss_embedding(t, u, p, n), reg));
}

plt_var_t plt_pass_bpr_loss_over(const plt_pass_t *pass, plt_var_t users, plt_var_t items, plt_var_t emb_users,
                                 plt_var_t emb_items, float reg) {
  plt_tape_t *t = pass->tape;
  plt_var_t loss = plt_pass_bpr_loss(pass, users, items, 0);
  if (reg == 0) return loss;
  plt_var_t emb = plt_loss_embedding(t, plt_op_gather(t, emb_users, pass->user, pass->n),
                                     plt_op_gather(t, emb_items, pass->positive, pass->n),
                                     plt_op_gather(t, emb_items, pass->negative, pass->n));
  return plt_op_add(t, loss, plt_op_scale(t, emb, reg));
}

plt_var_t plt_loss_embedding(plt_tape_t *t, plt_var_t a, plt_var_t b, plt_var_t c) {
  plt_var_t norms = plt_op_add(t, plt_op_add(t, plt_op_norm(t, a), plt_op_norm(t, b)), plt_op_norm(t, c));
  return plt_op_scale(t, norms, 1.0f / (float)plt_tape_rows(t, c));
}
