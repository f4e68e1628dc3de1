/* dualgnn.c - preferences per modality over the graph of pairs, added up by each user's weights of them, then over a
 * graph of users who like the same (dyadic.h; docs/methods/models.md 12; Wang et al., "DualGNN", IEEE Transactions on
 * Multimedia 25, 2023). */
#include "worker/kit/dyadic.h"

static const plt_option_t rows[] = {PLT_DYADIC_OPTIONS};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  return plt_dyadic_init((plt_dyadic_t *)model, config, data, true);
}

static plt_var_t items(const plt_model_t *self, const plt_nodes_t *nodes) {
  return nodes->state[((const plt_dyadic_t *)self)->mixed];
}

const plt_model_ops_t plt_model_dualgnn = {
    .name = "dualgnn",
    .summary = "preferences per modality, weighed by each user, over graphs of pairs and of alike users",
    .grid = "model.reg 0.1, 0.01, 0.001, 1e-4, 1e-5; optimizer.lr the same (MMRec)",
    .found = "data.scale standard; lfm2k: optimizer.lr 0.0005, model.reg 0.001; tiktok: 0.001, 1e-4 (docs/results.md)",
    .options = {"model dualgnn", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(plt_dyadic_t),
    .init = init,
    .state = plt_dyadic_state,
    .users = plt_dyadic_users,
    .items = items,
    .loss = plt_dyadic_loss,
    .rank = plt_model_rank,
};
