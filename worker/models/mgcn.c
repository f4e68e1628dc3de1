/* mgcn.c - features gated by items' own rows before they spread: what a modality says of an item is multiplied with the
 * item's row, goes over that modality's graph of items and to their users, and is mixed by attention and by what each
 * node prefers (docs/methods/models.md 13; Yu et al., "MGCN", MM 2023).
 *
 *   content C      mean of the layers
 *   per modality   e = item ⊙ σ(gate of x^m)  ─▶ S_m^K e, items' E^m ─▶ A E^m, users' E^m
 *   side           attention's mix of the E^m, and again each E^m's rest, gated by C
 *   the result is C + side */
#include "worker/kit/kit.h"

typedef struct mgcn {
  plt_model_t base;
  size_t modalities, order[PLT_MODALITIES_MAX]; /* of the segments */
  uint32_t d;
  float reg, weight, tau;
  size_t of_items[PLT_MODALITIES_MAX], of_users[PLT_MODALITIES_MAX]; /* states, by modality: its E */
  size_t made[PLT_MODALITIES_MAX];                                   /* e */
} mgcn_t;

enum { USER, ITEM, QUERY1_W, QUERY1_B, QUERY2_W, OF_MODALITIES }; /* tables; then of each modality: */
enum { GATE_W, GATE_B, PREFER_W, PREFER_B, PER_MODALITY };        /* and after those the projections */

static const plt_option_t rows[] = {
    PLT_MODEL_LAYERS_OPTIONS("2"),
    PLT_MODEL_REG_OPTION("0.0001", "the squares of the batch's final vectors in the loss."),
    PLT_MODEL_KNN_OPTION,
    {.key = "model.item_layers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = 4,
     .help = "Hops over the graphs of items, one graph per modality."},
    PLT_MODEL_CONTRAST_OPTION(
        "0.01", "the contrast between what features and what pairs say of a node, among the nodes of a leaf."),
    PLT_MODEL_TAU_OPTION,
    PLT_MODEL_TRAIN_FEATURES_OPTION,
    PLT_MODEL_SEGMENTS_OPTION,
};

/* ---- init ---- */

static void add_states(const plt_config_t *config, const plt_dataset_t *data, mgcn_t *mgcn) {
  plt_model_t *model = &mgcn->base;
  uint32_t d = mgcn->d, k = (uint32_t)plt_config_int(config, "model.knn");
  plt_model_add_propagation(model, &(plt_state_t){.cols = d}, 0);
  for (size_t m = 0; m < mgcn->modalities; m++) {
    plt_relation_plan_t likes = {.kind = PLT_RELATION_ITEM_ITEM, .items = {.k = k, .by_cosine = true}};
    likes.items.share[m] = 1;
    mgcn->made[m] =
        plt_model_add_state(model, (plt_state_t){.relation = PLT_ALONE,
                                                 .sides = PLT_ITEMS,
                                                 .computes = true,
                                                 .inputs = 1, /* items' rows */
                                                 .cols = d,
                                                 .floats = (uint32_t)data->features[m].array.cols + 12 * d});
    mgcn->of_items[m] = plt_model_add_item_hops(model, plt_model_add_relation(model, &likes), mgcn->made[m],
                                                (size_t)plt_config_int(config, "model.item_layers"));
    mgcn->of_users[m] = plt_model_add_state(model, (plt_state_t){.relation = 0, /* that of the layers */
                                                                 .from = (uint8_t)mgcn->of_items[m],
                                                                 .sides = PLT_USERS,
                                                                 .cols = d});
    plt_model_add_output(model, mgcn->of_users[m]);
  }
}

static void add_tables(const plt_config_t *config, const plt_dataset_t *data, mgcn_t *mgcn) {
  plt_model_t *model = &mgcn->base;
  uint32_t d = mgcn->d;
  plt_init_t linear = plt_init_linear(d, d);
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  plt_model_add_table(model, "query1_w", PLT_ENTITY_DENSE, d, d, linear);
  plt_model_add_table(model, "query1_b", PLT_ENTITY_DENSE, 1, d, linear);
  plt_model_add_table(model, "query2_w", PLT_ENTITY_DENSE, d, 1, linear);
  for (size_t m = 0; m < mgcn->modalities; m++) {
    const plt_feature_t *feature = &data->features[m];
    plt_model_add_modality_table(model, "gate_w", feature, PLT_ENTITY_DENSE, d, d, linear);
    plt_model_add_modality_table(model, "gate_b", feature, PLT_ENTITY_DENSE, 1, d, linear);
    plt_model_add_modality_table(model, "prefer_w", feature, PLT_ENTITY_DENSE, d, d, linear);
    plt_model_add_modality_table(model, "prefer_b", feature, PLT_ENTITY_DENSE, 1, d, linear);
  }
  plt_model_add_projections(config, data, model, plt_init_linear, mgcn->made);
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  mgcn_t *mgcn = (mgcn_t *)model;
  mgcn->d = (uint32_t)plt_config_int(config, "model.dim");
  mgcn->modalities = data->n_features;
  mgcn->reg = (float)plt_config_real(config, "model.reg");
  mgcn->weight = (float)plt_config_real(config, "model.cl_weight");
  mgcn->tau = (float)plt_config_real(config, "model.tau");
  model->negatives = 1;
  model->contrasts.leaf = mgcn->weight > 0 ? 2 : 0;
  model->score_cols = mgcn->d;
  model->own_floats = 2 * (uint32_t)(9 * mgcn->modalities + 5) * mgcn->d;
  PLT_TRY(plt_model_check_modalities(data, model));
  PLT_TRY(plt_model_read_segments(config, data, mgcn->order));
  PLT_TRY(plt_model_read_layers(config, model));
  add_states(config, data, mgcn);
  add_tables(config, data, mgcn);
  return PLT_OK;
}

/* ---- states ---- */

static size_t table_of(size_t m, size_t which) { return OF_MODALITIES + m * PER_MODALITY + which; }

static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const mgcn_t *mgcn = (const mgcn_t *)self;
  plt_tape_t *t = nodes->tape;
  size_t m = 0;
  (void)product;
  while (mgcn->made[m] != number) m++;
  plt_var_t projected = plt_nodes_projection(self, nodes, table_of(mgcn->modalities, 0), m);
  plt_var_t gate = plt_op_linear(t, projected, plt_nodes_table(nodes, table_of(m, GATE_W)),
                                 plt_nodes_table(nodes, table_of(m, GATE_B)));
  return plt_op_mul(t, nodes->state[0], plt_op_sigmoid(t, gate));
}

/* ---- representations ---- */

typedef struct vectors {
  plt_var_t content, side, both;
} vectors_t;

/* How much each modality counts at each node, [n, M]. */
static plt_var_t attention(const mgcn_t *mgcn, const plt_nodes_t *nodes, const plt_var_t *e) {
  plt_tape_t *t = nodes->tape;
  plt_var_t score[PLT_MODALITIES_MAX];
  for (size_t s = 0; s < mgcn->modalities; s++) {
    plt_var_t asked = plt_op_linear(t, e[s], plt_nodes_table(nodes, QUERY1_W), plt_nodes_table(nodes, QUERY1_B));
    score[s] = plt_op_matmul(t, plt_op_tanh(t, asked), plt_nodes_table(nodes, QUERY2_W));
  }
  return plt_op_softmax(t, plt_op_concat(t, score, mgcn->modalities));
}

static vectors_t vectors_of(const plt_model_t *self, const plt_nodes_t *nodes) {
  const mgcn_t *mgcn = (const mgcn_t *)self;
  const size_t *states = nodes->side == PLT_SIDE_USER ? mgcn->of_users : mgcn->of_items;
  plt_tape_t *t = nodes->tape;
  plt_var_t e[PLT_MODALITIES_MAX], common = {0}, content = plt_nodes_mean_of_layers(self, nodes);
  for (size_t s = 0; s < mgcn->modalities; s++) e[s] = nodes->state[states[mgcn->order[s]]];
  plt_var_t weights = attention(mgcn, nodes, e);
  for (size_t s = 0; s < mgcn->modalities; s++) {
    plt_var_t part = plt_op_mul(t, e[s], plt_op_columns(t, weights, s, 1));
    common = s == 0 ? part : plt_op_add(t, common, part);
  }
  plt_var_t side = common;
  for (size_t s = 0; s < mgcn->modalities; s++) {
    plt_var_t prefers = plt_op_linear(t, content, plt_nodes_table(nodes, table_of(mgcn->order[s], PREFER_W)),
                                      plt_nodes_table(nodes, table_of(mgcn->order[s], PREFER_B)));
    side = plt_op_add(t, side, plt_op_mul(t, plt_op_sigmoid(t, prefers), plt_op_sub(t, e[s], common)));
  }
  side = plt_op_scale(t, side, 1 / (float)(1 + mgcn->modalities));
  return (vectors_t){content, side, plt_op_add(t, content, side)};
}

static plt_var_t vectors(const plt_model_t *self, const plt_nodes_t *nodes) { return vectors_of(self, nodes).both; }

/* ---- loss ---- */

/* The contrast of side and content at rows `index` [n]. */
static plt_var_t contrast(const mgcn_t *mgcn, const plt_samples_t *samples, const vectors_t *of,
                          const uint32_t *index) {
  plt_tape_t *t = samples->nodes->tape;
  return plt_loss_nce(t, plt_op_gather(t, of->side, index, samples->n),
                      plt_op_gather(t, of->content, index, samples->n), mgcn->tau);
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const mgcn_t *mgcn = (const mgcn_t *)self;
  plt_tape_t *t = samples->nodes->tape;
  vectors_t users = vectors_of(self, &samples->nodes[PLT_SIDE_USER]);
  vectors_t items = vectors_of(self, &samples->nodes[PLT_SIDE_ITEM]);
  plt_var_t loss = plt_samples_rank_loss(samples, plt_op_gather(t, users.both, samples->user, samples->n), items.both);
  plt_var_t squares = plt_loss_mean_square(t, users.both, samples->user, samples->n);
  squares = plt_op_add(t, squares, plt_loss_mean_square(t, items.both, samples->positive, samples->n));
  squares = plt_op_add(t, squares, plt_loss_mean_square(t, items.both, samples->negative, samples->n));
  loss = plt_op_add(t, loss, plt_op_scale(t, squares, mgcn->reg * (float)mgcn->d / 2));
  if (mgcn->weight == 0) return loss;
  plt_var_t contrasts =
      plt_op_add(t, contrast(mgcn, samples, &items, samples->positive), contrast(mgcn, samples, &users, samples->user));
  return plt_op_add(t, loss, plt_op_scale(t, contrasts, mgcn->weight));
}

const plt_model_ops_t plt_model_mgcn = {
    .name = "mgcn",
    .summary = "features gated by items' own rows, over a graph of items per modality, mixed by attention",
    .grid =
        "model.cl_weight 0.001, 0.01, 0.1; optimizer.lr 0.001, optimizer.schedule [0.96, 50] (its authors, in MMRec)",
    .found = "model.cl_weight 0.01, data.scale standard; lfm2k: optimizer.lr 0.001; tiktok: 0.0005 (docs/results.md)",
    .options = {"model mgcn", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(mgcn_t),
    .init = init,
    .state = state,
    .users = vectors,
    .items = vectors,
    .loss = loss,
    .rank = plt_model_rank,
};
