/* lgmrec.c - local and global: layers of the rows themselves and of each modality, and a few hyperedges per modality
 * that tie all items and all users together (docs/methods/models.md 15; Guo et al., "LGMRec", AAAI 2024).
 *
 *   content C      mean of the layers
 *   per modality   f = x W, g = mean of f over a user's items ─▶ last layer of [g ; f]: G
 *                  x V (users: its sum over their items) ─▶ softmax: H, how much a node is of each hyperedge
 *                  lat = H_items^T C_items, summed over all items ─▶ H lat: Z
 *   the result is C + Σ G/|G| + alpha ΣZ/|ΣZ|
 *
 * lat is of all items, so a leaf is the whole graph, and no neighbour may be left out. */
#include <stdio.h>
#include <string.h>

#include "worker/kit/kit.h"

/* States of a modality. */
typedef struct chain {
  size_t f, g, both, last;          /* local: items' and users' first rows, both, the last layer */
  size_t of_items, of_users, edges; /* x V, its sums, H */
  size_t spread;                    /* Z */
} chain_t;

typedef struct lgmrec {
  plt_model_t base;
  size_t modalities, order[PLT_MODALITIES_MAX]; /* of the segments */
  float reg, alpha, tau, weight;
  double dropout; /* of H */
  bool noise;
  size_t content; /* state */
  chain_t of[PLT_MODALITIES_MAX];
} lgmrec_t;

enum { USER, ITEM, OF_MODALITIES };       /* tables; then of each modality: */
enum { TRS_W, HYPER_W, PER_MODALITY };    /* and these */
enum { SYMMETRIC, MEAN, SUM, RELATIONS }; /* relations of users and items */

static const plt_option_t rows[] = {
    {.key = "model.layers",
     .type = PLT_OPT_INT,
     .fallback = "2",
     .min = 0,
     .max = PLT_LAYERS_MAX,
     .help = "Layers of propagation of users and items over their graph; 0: none, as in matrix factorisation."},
    PLT_MODEL_EXACT_FANOUT_OPTION,
    {.key = "model.modal_layers",
     .type = PLT_OPT_INT,
     .fallback = "2",
     .min = 1,
     .max = PLT_LAYERS_MAX,
     .help = "The same of features."},
    {.key = "model.hyper_layers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = 4,
     .help = "Times that items are gathered into hyperedges and spread again."},
    {.key = "model.hyper_num",
     .type = PLT_OPT_INT,
     .fallback = "4",
     .min = 1,
     .max = 1024,
     .help = "Hyperedges of a modality."},
    {.key = "model.keep_rate",
     .type = PLT_OPT_REAL,
     .fallback = "0.5",
     .min = 0.001,
     .max = 1,
     .help = "Chance of each node's share in a hyperedge to be kept in a batch; the others are left out, in training."},
    {.key = "model.hyper_noise",
     .type = PLT_OPT_CHOICE,
     .fallback = "gumbel",
     .choices = "gumbel|none",
     .help = "Noise on what these shares are the softmax of, drawn for each batch, in training."},
    {.key = "model.alpha",
     .type = PLT_OPT_REAL,
     .fallback = "0.3",
     .min = 0,
     .max = INFINITY,
     .help = "Weight of what hyperedges say in the representation."},
    PLT_MODEL_TAU_OPTION,
    PLT_MODEL_CONTRAST_OPTION(
        "0.0001", "the contrast between the hyperedges of two modalities: each node is to find itself among all."),
    PLT_MODEL_REG_OPTION("0.000001", "the norms of the batch's final vectors in the loss."),
    PLT_MODEL_SEGMENTS_OPTION,
};

/* ---- init ---- */

static uint64_t bit(size_t state) { return (uint64_t)1 << state % PLT_STATES_MAX; }

/* A state of what a function makes at nodes alone. */
static size_t add_alone(plt_model_t *model, uint8_t sides, uint64_t inputs, uint32_t cols, uint32_t floats) {
  return plt_model_add_state(
      model,
      (plt_state_t){
          .relation = PLT_ALONE, .sides = sides, .computes = true, .inputs = inputs, .cols = cols, .floats = floats});
}

static size_t add_hop(plt_model_t *model, size_t relation, size_t from, uint8_t sides) {
  return plt_model_add_state(model, (plt_state_t){.relation = (uint8_t)relation,
                                                  .from = (uint8_t)from,
                                                  .sides = sides,
                                                  .cols = model->programme.state[from % PLT_STATES_MAX].cols});
}

static void add_local(plt_model_t *model, uint32_t f, uint32_t d, size_t layers, chain_t *chain) {
  chain->f = add_alone(model, PLT_ITEMS, 0, d, f);
  chain->g = add_hop(model, MEAN, chain->f, PLT_USERS);
  chain->both = chain->last = add_alone(model, PLT_BOTH, bit(chain->f) | bit(chain->g), d, 0);
  for (size_t l = 0; l < layers; l++) chain->last = add_hop(model, SYMMETRIC, chain->last, PLT_BOTH);
  plt_model_add_output(model, chain->last);
}

static void add_global(lgmrec_t *lgmrec, uint32_t f, uint32_t edges, size_t layers, chain_t *chain) {
  plt_model_t *model = &lgmrec->base;
  uint32_t d = (uint32_t)model->score_cols;
  chain->of_items = add_alone(model, PLT_ITEMS, 0, edges, f);
  chain->of_users = add_hop(model, SUM, chain->of_items, PLT_USERS);
  chain->edges = add_alone(model, PLT_BOTH, bit(chain->of_items) | bit(chain->of_users), edges, 8 * edges);
  chain->spread = lgmrec->content;
  for (size_t l = 0; l < layers; l++) {
    size_t lat = plt_model_add_pool(model, chain->edges, chain->spread);
    chain->spread = add_alone(model, l + 1 < layers ? PLT_ITEMS : PLT_BOTH, bit(chain->edges) | bit(lat), d, 4 * d);
  }
  plt_model_add_output(model, chain->spread);
  if (lgmrec->weight > 0 && lgmrec->modalities > 1) /* the contrast is with all nodes */
    model->programme.state[chain->spread % PLT_STATES_MAX].whole = PLT_BOTH;
}

static void add_states(const plt_config_t *config, const plt_dataset_t *data, lgmrec_t *lgmrec) {
  plt_model_t *model = &lgmrec->base;
  uint32_t d = (uint32_t)model->score_cols, edges = (uint32_t)plt_config_int(config, "model.hyper_num");
  size_t last = plt_model_add_propagation(model, &(plt_state_t){.cols = d}, 0);
  for (size_t r = MEAN; r < RELATIONS; r++)
    plt_model_add_relation(model, &(plt_relation_plan_t){.kind = PLT_RELATION_USER_ITEM,
                                                         .weight = r == MEAN ? PLT_EDGES_MEAN : PLT_EDGES_SUM});
  lgmrec->content = add_alone(model, PLT_BOTH, ((uint64_t)2 << last) - 1, d, 0);
  model->programme.outputs = bit(lgmrec->content);
  for (size_t m = 0; m < lgmrec->modalities; m++) {
    uint32_t f = (uint32_t)data->features[m].array.cols;
    add_local(model, f, d, (size_t)plt_config_int(config, "model.modal_layers"), &lgmrec->of[m]);
    add_global(lgmrec, f, edges, (size_t)plt_config_int(config, "model.hyper_layers"), &lgmrec->of[m]);
  }
}

static void add_tables(const plt_config_t *config, const plt_dataset_t *data, lgmrec_t *lgmrec) {
  plt_model_t *model = &lgmrec->base;
  uint32_t d = (uint32_t)model->score_cols, edges = (uint32_t)plt_config_int(config, "model.hyper_num");
  plt_model_add_table(model, "user", PLT_ENTITY_USER, data->users, d, plt_init_xavier_uniform(data->users, d));
  plt_model_add_table(model, "item", PLT_ENTITY_ITEM, data->items, d, plt_init_xavier_uniform(data->items, d));
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    uint32_t f = (uint32_t)feature->array.cols;
    plt_model_add_modality_table(model, "trs_w", feature, PLT_ENTITY_DENSE, f, d, plt_init_xavier_uniform(f, d));
    plt_model_add_modality_table(model, "hyper_w", feature, PLT_ENTITY_DENSE, f, edges,
                                 plt_init_xavier_uniform(f, edges));
  }
}

static plt_status_t init(plt_model_t *model, const plt_config_t *config, const plt_dataset_t *data) {
  lgmrec_t *lgmrec = (lgmrec_t *)model;
  lgmrec->modalities = data->n_features;
  lgmrec->reg = (float)plt_config_real(config, "model.reg");
  lgmrec->alpha = (float)plt_config_real(config, "model.alpha");
  lgmrec->tau = (float)plt_config_real(config, "model.tau");
  lgmrec->weight = (float)plt_config_real(config, "model.cl_weight");
  lgmrec->dropout = 1 - plt_config_real(config, "model.keep_rate");
  lgmrec->noise = strcmp(plt_config_text(config, "model.hyper_noise"), "gumbel") == 0;
  model->layers.n = (size_t)plt_config_int(config, "model.layers");
  model->negatives = 1;
  model->score_cols = (size_t)plt_config_int(config, "model.dim");
  if (lgmrec->weight > 0)
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      model->contrasts.all[s] = lgmrec->modalities * (lgmrec->modalities - 1) / 2;
  PLT_TRY(plt_model_check_modalities(data, model));
  PLT_TRY(plt_model_read_segments(config, data, lgmrec->order));
  PLT_TRY(plt_model_check_exact(config, model, "its hyperedges are sums over all items"));
  add_states(config, data, lgmrec);
  add_tables(config, data, lgmrec);
  return PLT_OK;
}

/* ---- states ---- */

/* H of modality m, from what it is the softmax of. */
static plt_var_t shares(const lgmrec_t *lgmrec, const plt_nodes_t *nodes, size_t m, plt_var_t x) {
  plt_tape_t *t = nodes->tape;
  char purpose[32];
  if (nodes->draws != NULL && lgmrec->noise) {
    snprintf(purpose, sizeof purpose, "hyper noise %zu %d", m, nodes->side);
    x = plt_op_add(t, x, plt_nodes_gumbel(nodes, plt_tape_cols(t, x), purpose));
  }
  plt_var_t shares = plt_op_softmax(t, plt_op_scale(t, x, 1 / lgmrec->tau));
  if (nodes->draws == NULL) return shares;
  snprintf(purpose, sizeof purpose, "hyper dropout %zu %d", m, nodes->side);
  return plt_nodes_dropout(nodes, shares, lgmrec->dropout, purpose);
}

static plt_var_t state(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product) {
  const lgmrec_t *lgmrec = (const lgmrec_t *)self;
  plt_tape_t *t = nodes->tape;
  bool of_user = nodes->side == PLT_SIDE_USER;
  size_t m = 0;
  (void)product;
  if (number == lgmrec->content) return plt_nodes_mean_of_layers(self, nodes);
  while (number > lgmrec->of[m].spread) m++;
  const chain_t *chain = &lgmrec->of[m];
  size_t first = OF_MODALITIES + m * PER_MODALITY;
  if (number == chain->f) return plt_op_matmul(t, plt_nodes_modality(nodes, m), plt_nodes_table(nodes, first + TRS_W));
  if (number == chain->both) return nodes->state[of_user ? chain->g : chain->f];
  if (number == chain->of_items)
    return plt_op_matmul(t, plt_nodes_modality(nodes, m), plt_nodes_table(nodes, first + HYPER_W));
  if (number == chain->edges)
    return shares(lgmrec, nodes, m, nodes->state[of_user ? chain->of_users : chain->of_items]);
  return plt_op_matmul(t, nodes->state[chain->edges], nodes->state[number - 1]);
}

/* ---- representations and loss ---- */

static plt_var_t vectors(const plt_model_t *self, const plt_nodes_t *nodes) {
  const lgmrec_t *lgmrec = (const lgmrec_t *)self;
  plt_tape_t *t = nodes->tape;
  plt_var_t sum = nodes->state[lgmrec->content], spread = {0};
  for (size_t s = 0; s < lgmrec->modalities; s++) {
    const chain_t *chain = &lgmrec->of[lgmrec->order[s]];
    sum = plt_op_add(t, sum, plt_op_normalise(t, nodes->state[chain->last]));
    spread = s == 0 ? nodes->state[chain->spread] : plt_op_add(t, spread, nodes->state[chain->spread]);
  }
  return plt_op_add(t, sum, plt_op_scale(t, plt_op_normalise(t, spread), lgmrec->alpha));
}

/* How well rows `index` [n] of a side find themselves, by the first modality, among all nodes by the second. */
static plt_var_t contrast(const lgmrec_t *lgmrec, const plt_samples_t *samples, plt_side_t side, const uint32_t *index,
                          const chain_t *first, const chain_t *second) {
  const plt_nodes_t *nodes = &samples->nodes[side];
  plt_tape_t *t = nodes->tape;
  uint32_t *id = plt_tape_index(t, samples->n);
  for (size_t k = 0; k < samples->n; k++) id[k] = nodes->id[index[k]];
  return plt_loss_nce_among(t, plt_op_gather(t, nodes->state[first->spread], index, samples->n),
                            plt_nodes_whole_state(nodes, second->spread), id, lgmrec->tau);
}

/* Over all pairs of modalities, in the order of the segments; a mean over the leaf's samples. */
static plt_var_t contrasts(const lgmrec_t *lgmrec, const plt_samples_t *samples, plt_var_t loss) {
  plt_tape_t *t = samples->nodes->tape;
  float batch = (float)samples->n / samples->share; /* the code's contrast is a sum over the batch */
  for (size_t a = 0; a < lgmrec->modalities; a++)
    for (size_t b = a + 1; b < lgmrec->modalities; b++) {
      const chain_t *first = &lgmrec->of[lgmrec->order[a]], *second = &lgmrec->of[lgmrec->order[b]];
      plt_var_t pair = plt_op_add(t, contrast(lgmrec, samples, PLT_SIDE_USER, samples->user, first, second),
                                  contrast(lgmrec, samples, PLT_SIDE_ITEM, samples->positive, first, second));
      loss = plt_op_add(t, loss, plt_op_scale(t, pair, lgmrec->weight * batch));
    }
  return loss;
}

static plt_var_t loss(const plt_model_t *self, const plt_samples_t *samples) {
  const lgmrec_t *lgmrec = (const lgmrec_t *)self;
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *t = users->tape;
  plt_var_t i = vectors(self, items), u = plt_op_gather(t, vectors(self, users), samples->user, samples->n);
  plt_var_t loss = plt_samples_rank_loss(samples, u, i);
  plt_var_t norms = plt_loss_embedding(t, u, plt_op_gather(t, i, samples->positive, samples->n),
                                       plt_op_gather(t, i, samples->negative, samples->n));
  loss = plt_op_add(t, loss, plt_op_scale(t, norms, lgmrec->reg));
  return lgmrec->weight > 0 ? contrasts(lgmrec, samples, loss) : loss;
}

const plt_model_ops_t plt_model_lgmrec = {
    .name = "lgmrec",
    .summary = "layers of rows and of features, and hyperedges over all users and items; steps over the whole graph",
    .grid =
        "hyper_layers, hyper_num, keep_rate, alpha by data set: 1, 4, 0.5, 0.3 (baby); 1, 4, 0.4, 0.6 (sports); 2, 64, "
        "0.2, 0.2 (clothing); the rest as here (its authors, in MMRec)",
    .found = "lfm2k: optimizer.lr 0.005, tiktok: 0.001, both model.alpha 0.3, data.scale standard (docs/results.md)",
    .options = {"model lgmrec", rows, sizeof rows / sizeof *rows},
    .loss_is_mean = true,
    .uses_features = true,
    .size = sizeof(lgmrec_t),
    .init = init,
    .state = state,
    .users = vectors,
    .items = vectors,
    .loss = loss,
    .rank = plt_model_rank,
};
