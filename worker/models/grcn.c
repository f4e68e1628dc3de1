/* grcn.c - edges that are refined: what a user likes of each modality is found by routing over her items, and how much
 * a message counts follows from how well both ends agree (docs/methods/models.md 11; Wei et al., "GRCN", MM 2020).
 *
 *   per modality   f = features' projection, p = preference; both of length 1
 *     routing      p ← norm(p + Σ softmax_i⟨p, f_i⟩ f_i), some times
 *     content      each end plus its neighbours, weighed by the softmax of ⟨p, f⟩ over them
 *   id part        z' = W z, W_ui = relu(max over modalities of that softmax times the sender's confidence); Σ z
 *   the result is [id part | content of each modality] */
#include "worker/kit/kit.h"

typedef struct grcn {
  plt_model_t base;
  size_t modalities, order[PLT_MODALITIES_MAX];
  float reg;
  bool prunes;
  size_t routing;
  size_t per_modality; /* states of a modality */
  size_t first_id, last_id;
} grcn_t;

enum { USER, ITEM, CONF_USER, CONF_ITEM, OF_MODALITIES }; /* tables; then of each modality: */
enum { PREF, MLP_W, MLP_B, PER_MODALITY };

static const float leak = 0.01f;

static const plt_option_t rows[] = {
    {.key = "model.layers",
     .type = PLT_OPT_INT,
     .fallback = "2",
     .min = 1,
     .max = PLT_LAYERS_MAX,
     .help = "Layers of propagation over the graph of users and items."},
    PLT_MODEL_EXACT_FANOUT_OPTION,
    PLT_MODEL_REG_OPTION("0.001", "the mean squares of the batch's users, items and preferences."),
    {.key = "model.routing",
     .type = PLT_OPT_INT,
     .fallback = "3",
     .min = 0,
     .max = 8,
     .help = "Times that a user's preferences are drawn to her items; 0 is what the public code computes."},
    {.key = "model.latent",
     .type = PLT_OPT_INT,
     .fallback = "64",
     .min = 1,
     .max = 4096,
     .help = "Columns of preferences and projected features of a modality."},
    {.key = "model.prune",
     .type = PLT_OPT_BOOL,
     .fallback = "true",
     .help = "Edges with a negative weight are left out."},
    PLT_MODEL_SEGMENTS_OPTION,
};

/* ---- init ---- */

/* States of a modality: its own, one per routing, both ends, content. */
static size_t state_base(const grcn_t *grcn, size_t m) { return m * grcn->per_modality; }
static size_t state_ends(const grcn_t *grcn, size_t m) { return state_base(grcn, m) + grcn->routing + 1; }
static size_t state_content(const grcn_t *grcn, size_t m) { return state_ends(grcn, m) + 1; }

static uint64_t bit(size_t state) { return (uint64_t)1 << state % PLT_STATES_MAX; }

static void add_modality(grcn_t *grcn, size_t relation, uint32_t f, uint32_t cols) {
  plt_model_t *model = &grcn->base;
  plt_state_t hop = {.relation = (uint8_t)relation,
                     .sides = PLT_BOTH,
                     .computes = true,
                     .weighs = true,
                     .cols = cols,
                     .floats = 6 * cols};
  plt_state_t alone = {.relation = PLT_ALONE, .sides = PLT_BOTH, .computes = true, .cols = cols, .floats = 2 * cols};
  plt_state_t projected = alone;
  projected.item_floats = f + 4 * cols;
  size_t base = plt_model_add_state(model, projected), last = base;
  for (size_t r = 0; r < grcn->routing; r++) {
    plt_state_t route = hop;
    route.sides = PLT_USERS;
    route.from = (uint8_t)base;
    route.inputs = bit(last);
    last = plt_model_add_state(model, route);
  }
  alone.inputs = bit(base) | bit(last);
  hop.from = (uint8_t)plt_model_add_state(model, alone);
  hop.inputs = bit(hop.from);
  plt_model_add_output(model, plt_model_add_state(model, hop));
}

static void add_id_part(grcn_t *grcn, size_t relation, uint32_t d) {
  plt_model_t *model = &grcn->base;
  plt_state_t hop = {.relation = (uint8_t)relation, .sides = PLT_BOTH, .weighs = true, .cols = d};
  for (size_t m = 0; m < grcn->modalities; m++) hop.inputs |= bit(state_ends(grcn, m));
  hop.sources = hop.inputs;
  size_t last = grcn->first_id = plt_model_add_state(
      model, (plt_state_t){.relation = PLT_ALONE, .sides = PLT_BOTH, .computes = true, .cols = d, .floats = 2 * d});
  plt_model_add_output(model, last);
  for (size_t l = 0; l < model->layers.n; l++) {
    hop.from = (uint8_t)last;
    last = plt_model_add_state(model, hop);
    plt_model_add_output(model, last);
  }
  grcn->last_id = last;
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  grcn_t *grcn = (grcn_t *)model;
  uint32_t d = (uint32_t)plt_config_int(config, "model.dim"), cols = (uint32_t)plt_config_int(config, "model.latent");
  uint64_t users = data->users, items = data->items, both = users + items;
  size_t n = grcn->modalities = data->n_features;
  grcn->reg = (float)plt_config_real(config, "model.reg");
  grcn->prunes = plt_config_bool(config, "model.prune");
  grcn->routing = (size_t)plt_config_int(config, "model.routing");
  grcn->per_modality = grcn->routing + 3;
  model->layers.n = (size_t)plt_config_int(config, "model.layers");
  model->negatives = 1;
  model->score_cols = d + n * cols;
  PLT_TRY(plt_model_check_modalities(data, model));
  PLT_TRY(plt_model_check_exact(config, model, "the weights of edges are a softmax over all of a node"));
  PLT_TRY(plt_model_read_segments(config, data, grcn->order));
  size_t relation = plt_model_add_relation(model, &(plt_relation_plan_t){.kind = PLT_RELATION_USER_ITEM});
  for (size_t m = 0; m < n; m++) add_modality(grcn, relation, (uint32_t)data->features[m].array.cols, cols);
  add_id_part(grcn, relation, d);
  plt_init_t id = plt_init_xavier_normal(both, d), conf = plt_init_xavier_normal(both, n);
  plt_model_add_table(model, "user", PLT_ENTITY_USER, users, d, id)->at = (int)grcn->first_id;
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, items, d, id)->at = (int)grcn->first_id;
  plt_model_add_table(model, "conf_user", PLT_ENTITY_USER, users, (uint32_t)n, conf)->at = (int)grcn->first_id;
  plt_model_add_table(model, "conf_item", PLT_ENTITY_ITEM, items, (uint32_t)n, conf)->at = (int)grcn->first_id;
  for (size_t m = 0; m < n; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols;
    plt_model_add_modality_table(model, "pref", feature, PLT_ENTITY_USER, users, cols,
                                 plt_init_xavier_normal(users, cols))
        ->at = (int)state_base(grcn, m);
    plt_model_add_modality_table(model, "mlp_w", feature, PLT_ENTITY_DENSE, f, cols, plt_init_xavier_normal(f, cols));
    plt_model_add_modality_table(model, "mlp_b", feature, PLT_ENTITY_DENSE, 1, cols, plt_init_linear(f, cols));
  }
  return PLT_OK;
}

/* ---- states ---- */

static plt_var_t base(const plt_nodes_t *nodes, size_t m) {
  plt_tape_t *t = nodes->tape;
  size_t first = OF_MODALITIES + m * PER_MODALITY;
  if (nodes->side == PLT_SIDE_USER) return plt_op_normalise(t, plt_nodes_table(nodes, first + PREF));
  plt_var_t x = plt_op_linear(t, plt_nodes_modality(nodes, m), plt_nodes_table(nodes, first + MLP_W),
                              plt_nodes_table(nodes, first + MLP_B));
  return plt_op_normalise(t, plt_op_leaky_relu(t, x, leak));
}

static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const grcn_t *grcn = (const grcn_t *)self;
  plt_tape_t *t = nodes->tape;
  if (number >= grcn->first_id)
    return plt_op_normalise(t, plt_nodes_table(nodes, nodes->side == PLT_SIDE_USER ? USER : ITEM));
  size_t m = number / grcn->per_modality, part = number % grcn->per_modality;
  if (part == 0) return base(nodes, m);
  if (part <= grcn->routing) return plt_op_normalise(t, plt_op_add(t, nodes->state[number - 1], product));
  if (number == state_ends(grcn, m))
    return nodes->state[nodes->side == PLT_SIDE_USER ? number - 1 : state_base(grcn, m)];
  return plt_op_add(t, nodes->state[state_ends(grcn, m)], product);
}

/* The softmax over each target's neighbours of the product of both ends. */
static plt_var_t agreement(const plt_edges_t *edges, plt_var_t at, plt_var_t from) {
  plt_tape_t *t = edges->at->tape;
  return plt_op_edge_softmax(t, edges->matrix,
                             plt_op_gather_dot(t, at, edges->target, from, edges->neighbour, edges->n));
}

/* The first of the two where they are the same. */
static plt_var_t larger(plt_tape_t *t, plt_var_t a, plt_var_t b) {
  return plt_op_add(t, a, plt_op_leaky_relu(t, plt_op_sub(t, b, a), 0));
}

static plt_var_t weights(const plt_model_t *self, const plt_edges_t *edges, size_t number) {
  const grcn_t *grcn = (const grcn_t *)self;
  plt_tape_t *t = edges->at->tape;
  if (number < grcn->first_id) {
    size_t from = self->programme.state[number].from;
    size_t at = number == state_content(grcn, number / grcn->per_modality) ? from : number - 1;
    return agreement(edges, edges->at->state[at], edges->from->state[from]);
  }
  plt_var_t conf = plt_nodes_table(edges->from, edges->from->side == PLT_SIDE_USER ? CONF_USER : CONF_ITEM);
  plt_var_t sender = plt_op_gather(t, conf, edges->neighbour, edges->n), most = {0};
  for (size_t s = 0; s < grcn->modalities; s++) {
    size_t ends = state_ends(grcn, grcn->order[s]);
    plt_var_t weight = plt_op_mul(t, agreement(edges, edges->at->state[ends], edges->from->state[ends]),
                                  plt_op_columns(t, sender, s, 1));
    most = s == 0 ? weight : larger(t, most, weight);
  }
  return grcn->prunes ? plt_op_leaky_relu(t, most, 0) : most;
}

/* ---- representations and loss ---- */

static plt_var_t vectors(const plt_model_t *self, const plt_nodes_t *nodes) {
  const grcn_t *grcn = (const grcn_t *)self;
  plt_var_t part[PLT_MODALITIES_MAX + 1] = {plt_nodes_sum_of_states(nodes, grcn->first_id, grcn->last_id)};
  for (size_t s = 0; s < grcn->modalities; s++) part[s + 1] = nodes->state[state_content(grcn, grcn->order[s])];
  return plt_op_concat(nodes->tape, part, grcn->modalities + 1);
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const grcn_t *grcn = (const grcn_t *)self;
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t u = plt_op_gather(t, vectors(self, users), samples->user, samples->n);
  plt_var_t loss = plt_samples_rank_loss(samples, u, vectors(self, items));
  plt_var_t penalty = plt_samples_mean_squares(samples, plt_nodes_table(users, USER), plt_nodes_table(items, ITEM));
  for (size_t m = 0; m < grcn->modalities; m++)
    penalty = plt_op_add(t, penalty,
                         plt_loss_mean_square(t, plt_nodes_table(users, OF_MODALITIES + m * PER_MODALITY + PREF),
                                              samples->user, samples->n));
  return plt_op_add(t, loss, plt_op_scale(t, penalty, grcn->reg));
}

const plt_model_ops_t plt_model_grcn = {
    .name = "grcn",
    .summary = "edges refined by how well users' preferences and items' features agree",
    .grid = "model.reg 0.1, 0.01, 0.001, 1e-4, 1e-5; optimizer.lr 1, 0.1, 0.01, 0.001, 1e-4 (MMRec)",
    .found = "lfm2k, tiktok: optimizer.lr 0.0005, model.reg 1e-4, data.scale standard (docs/results.md)",
    .options = {"model grcn", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(grcn_t),
    .init = init,
    .state = state,
    .weights = weights,
    .users = vectors,
    .items = vectors,
    .loss = loss,
    .rank = plt_model_rank,
};
