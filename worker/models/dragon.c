/* dragon.c - two graphs beside that of pairs: users who like the same (dyadic.h), items that are alike; modalities side
 * by side (docs/methods/models.md 9; Zhou et al., "DRAGON", ECAI 2023).
 *
 *   items     mixed + S_items^K mixed */
#include "worker/kit/dyadic.h"

typedef struct dragon {
  plt_dyadic_t dyadic;
  size_t of_items; /* state */
} dragon_t;

static const plt_option_t rows[] = {
    PLT_DYADIC_OPTIONS,
    PLT_MODEL_ITEM_GRAPH_OPTIONS,
    {.key = "model.item_layers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 0,
     .max = 4,
     .help = "Hops over the graph of items; 0 adds an item to itself."},
};

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  dragon_t *dragon = (dragon_t *)model;
  size_t alike, hops = (size_t)plt_config_int(config, "model.item_layers");
  PLT_TRY(plt_dyadic_init(&dragon->dyadic, config, data, false));
  PLT_TRY(plt_model_read_item_graph(config, data, model, &alike));
  dragon->of_items = plt_model_add_item_hops(model, alike, dragon->dyadic.mixed, hops);
  return PLT_OK;
}

static plt_var_t items(const plt_model_t *self, const plt_nodes_t *nodes) {
  const dragon_t *dragon = (const dragon_t *)self;
  return plt_op_add(nodes->tape, nodes->state[dragon->dyadic.mixed], nodes->state[dragon->of_items]);
}

const plt_model_ops_t plt_model_dragon = {
    .name = "dragon",
    .summary = "preferences per modality over graphs of pairs, of alike users and of alike items",
    .grid = "model.reg 0.1, 0.01, 0.001, 1e-4, 1e-5; optimizer.lr the same (MMRec)",
    .found = "data.scale standard; lfm2k: optimizer.lr 0.001, model.reg 1e-4; tiktok: 0.0005, 0.001 (docs/results.md)",
    .options = {"model dragon", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(dragon_t),
    .init = init,
    .state = plt_dyadic_state,
    .users = plt_dyadic_users,
    .items = items,
    .loss = plt_dyadic_loss,
    .rank = plt_model_rank,
};
