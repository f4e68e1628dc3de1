/* kit.h - for those who write a model: tables, programmes and options that models share, and what losses are made of.
 *
 * The template is lightgcn.c (a programme of the usual shape) or bpr.c (none).
 * Threads    init() of a model calls what adds and reads, in the main thread; what losses are made of is the tape's
 *            owner's.
 * Errors     PLT_ERR_USAGE for options that rows of a table cannot check, and for data without features.
 * Source     docs/methods/models.md; initial values as MMRec (torch.nn.init, torch.nn.Linear). */
#ifndef PLT_WORKER_KIT_KIT_H
#define PLT_WORKER_KIT_KIT_H

#include <math.h>

#include "worker/kit/model.h"

/* ---- initial values ---- */
plt_init_t plt_init_xavier_uniform(uint64_t rows, uint64_t cols);
plt_init_t plt_init_xavier_normal(uint64_t rows, uint64_t cols);
plt_init_t plt_init_normal(double deviation);
plt_init_t plt_init_zero(void);
/* What torch.nn.Linear starts its weights and biases with; d means nothing. */
plt_init_t plt_init_linear(uint64_t inputs, uint64_t d);

/* ---- tables ---- */
/* Appends a table. The pointer is for setting `at` and `initial`. */
plt_model_table_t *plt_model_add_table(plt_model_t *model, const char *name, plt_entity_t entity, uint64_t rows,
                                       uint32_t cols, plt_init_t init);
/* A table whose name is that of a modality after `prefix`. */
plt_model_table_t *plt_model_add_modality_table(plt_model_t *model, const char *prefix, const plt_feature_t *feature,
                                                plt_entity_t entity, uint64_t rows, uint32_t cols, plt_init_t init);

/* ---- programmes ---- */
/* Appends; returns the number. */
size_t plt_model_add_relation(plt_model_t *model, const plt_relation_plan_t *plan);
size_t plt_model_add_state(plt_model_t *model, plt_state_t state);
/* Representations and loss see this state. */
void plt_model_add_output(plt_model_t *model, size_t state);
/* As many hops over a relation of users and items as model.layers says, the first from state `from`; by fan-out if
 * model.fanout says so. Returns the last state. */
size_t plt_model_add_layers(plt_model_t *model, size_t relation, size_t from);
/* The usual shape, states 0 .. model.layers, all outputs: layer 0 (its cols, computes and floats) and its layers over
 * users and items, of whose edges an epoch drops a share. Returns the last state. */
size_t plt_model_add_propagation(plt_model_t *model, const plt_state_t *layer_0, double edge_dropout);
/* `hops` hops of items from state `from` on; returns the last state, an output. */
size_t plt_model_add_item_hops(plt_model_t *model, size_t relation, size_t from, size_t hops);

/* The sum over all items of by's row^T times from's row, [by's cols, from's cols]; returns the number. */
size_t plt_model_add_pool(plt_model_t *model, size_t by, size_t from);

/* ---- options ---- */
/* Rows of a graph model's option table, read by plt_model_read_layers(). */
#define PLT_MODEL_LAYERS_OPTIONS(layers)                                                                 \
  {.key = "model.layers",                                                                                \
   .type = PLT_OPT_INT,                                                                                  \
   .fallback = layers,                                                                                   \
   .min = 1,                                                                                             \
   .max = PLT_LAYERS_MAX,                                                                                \
   .aka = "n_layers|num_layers|n_ui_layers|gcn_layers",                                                  \
   .help = "Layers of propagation over the graph of users and items."},                                  \
  {                                                                                                      \
    .key = "model.fanout", .type = PLT_OPT_TEXTS, .fallback = "exact",                                   \
    .help =                                                                                              \
        "exact: a batch brings all nodes within `layers` hops. [f1, f2, ...], one number per layer: at " \
        "most f1 neighbours of each of the batch's nodes, f2 of each of those, and so on, drawn anew "   \
        "for each batch (docs/graph-models.md)."                                                         \
  }
/* The same row where no neighbour may be left out, read by plt_model_check_exact(). */
#define PLT_MODEL_EXACT_FANOUT_OPTION                                                                        \
  {                                                                                                          \
    .key = "model.fanout", .type = PLT_OPT_TEXTS, .fallback = "exact",                                       \
    .help = "exact, and nothing else: what this model computes needs all neighbours (docs/graph-models.md)." \
  }
/* The model takes no fan-out: PLT_ERR_USAGE if one is asked for; `reason` follows a colon. */
plt_status_t plt_model_check_exact(const plt_config_t *config, plt_model_t *model, const char *reason);
/* Fills model->layers. PLT_ERR_USAGE. */
plt_status_t plt_model_read_layers(const plt_config_t *config, plt_model_t *model);
/* Row model.reg, a weight of which `what` says what it weighs. */
#define PLT_MODEL_REG_OPTION(default_, what)                                                   \
  {                                                                                            \
    .key = "model.reg", .type = PLT_OPT_REAL, .fallback = default_, .min = 0, .max = INFINITY, \
    .aka = "reg_weight|weight_decay|l2_reg|regularization", .help = "Weight of " what          \
  }
#define PLT_MODEL_KNN_OPTION                                                                                         \
  {                                                                                                                  \
    .key = "model.knn", .type = PLT_OPT_INT, .fallback = "10", .min = 1, .max = 1000, .aka = "knn_k|topk_neighbors", \
    .help = "Neighbours of an item in the graph of items, by the cosine of its features, itself included."           \
  }
/* Rows of the option table of a model with one graph of items, read by plt_model_read_item_graph(). */
#define PLT_MODEL_ITEM_GRAPH_OPTIONS                                                                   \
  PLT_MODEL_KNN_OPTION, {                                                                              \
    .key = "model.item_graph_weights", .type = PLT_OPT_WEIGHTS, .min = 0, .max = INFINITY,             \
    .help =                                                                                            \
        "Share of each modality in the graph of items, by the name of its feature file: {image: 0.1, " \
        "text: 0.9}. Not given: the same for all."                                                     \
  }
/* The relation that model.knn and model.item_graph_weights make; returns its number. PLT_ERR_USAGE. */
plt_status_t plt_model_read_item_graph(const plt_config_t *config, const plt_dataset_t *data, plt_model_t *model,
                                       size_t *relation);
/* Rows of the option table of a model with a graph of users, read by plt_model_read_user_graph(). */
#define PLT_MODEL_USER_GRAPH_OPTIONS                                                                         \
  {.key = "model.user_knn",                                                                                  \
   .type = PLT_OPT_INT,                                                                                      \
   .fallback = "40",                                                                                         \
   .min = 1,                                                                                                 \
   .max = 1000,                                                                                              \
   .help = "Neighbours of a user in the graph of users: those with the most training items in common."},     \
      {.key = "model.user_weights",                                                                          \
       .type = PLT_OPT_CHOICE,                                                                               \
       .fallback = "softmax",                                                                                \
       .choices = "softmax|mean",                                                                            \
       .help = "What they weigh: the softmax of the numbers of common items, or all the same."},             \
  {                                                                                                          \
    .key = "model.user_pad", .type = PLT_OPT_CHOICE, .fallback = "none", .choices = "none|random",           \
    .help =                                                                                                  \
        "random: in each epoch lists shorter than user_knn are filled up with their own entries, drawn one " \
        "after the other, so that some weigh more; the public code does so. Evaluation takes none."          \
  }
/* The relation that these make; returns its number. */
size_t plt_model_read_user_graph(const plt_config_t *config, plt_model_t *model);
/* PLT_ERR_USAGE where the data have more modalities than relations and segments can name. */
plt_status_t plt_model_check_modalities(const plt_dataset_t *data, const plt_model_t *model);
/* The feature file that entry i of a WEIGHTS option names. PLT_ERR_USAGE. */
plt_status_t plt_model_read_modality(const plt_config_t *config, const plt_dataset_t *data, const char *key, size_t i,
                                     const plt_feature_t **out);
/* Row model.cl_weight, a weight of which `what` says what it weighs. */
#define PLT_MODEL_CONTRAST_OPTION(default_, what)                                                    \
  {                                                                                                  \
    .key = "model.cl_weight", .type = PLT_OPT_REAL, .fallback = default_, .min = 0, .max = INFINITY, \
    .help = "Weight of " what                                                                        \
  }
/* Row model.segments, read by plt_model_read_segments(). */
#define PLT_MODEL_SEGMENTS_OPTION                                                                       \
  {                                                                                                     \
    .key = "model.segments", .type = PLT_OPT_TEXTS,                                                     \
    .help = "Order of the modalities in the representation, each once. Not given: as in data.features." \
  }
/* order[s]: the modality of segment s, as data.features numbers them. PLT_ERR_USAGE. */
plt_status_t plt_model_read_segments(const plt_config_t *config, const plt_dataset_t *data,
                                     size_t order[PLT_MODALITIES_MAX]);

/* ---- projections of raw features ---- */
#define PLT_MODEL_TRAIN_FEATURES_OPTION                                                                         \
  {                                                                                                             \
    .key = "model.train_features", .type = PLT_OPT_BOOL, .fallback = "false",                                   \
    .help = "The raw features are trained too, as in MMRec; one wide row per item then travels with its batch." \
  }
/* Tables trs_w_m [F_m, d], trs_b_m and, if model.train_features, feat_m of every modality, after those there are;
 * feat_m is read at the set of state at[m], NULL: at the own nodes. */
void plt_model_add_projections(const plt_config_t *config, const plt_dataset_t *data, plt_model_t *model,
                               plt_init_t (*weights)(uint64_t inputs, uint64_t d), const size_t *at);
/* Items' features of modality m projected by these tables, the first of which is `first`: [n, d]. */
plt_var_t plt_nodes_projection(const plt_model_t *model, const plt_nodes_t *nodes, size_t first, size_t m);

/* ---- at nodes ---- */
/* The columns of modality m of the features, a constant [n, F_m]. */
plt_var_t plt_nodes_modality(const plt_nodes_t *nodes, size_t m);
/* The same, each row of length 1 (none longer where it is 0). */
plt_var_t plt_nodes_unit_modality(const plt_nodes_t *nodes, size_t m);
/* States first .. last added up in their order, [n, cols]. */
plt_var_t plt_nodes_sum_of_states(const plt_nodes_t *nodes, size_t first, size_t last);
/* The mean of states 0 .. model.layers. */
plt_var_t plt_nodes_mean_of_layers(const plt_model_t *model, const plt_nodes_t *nodes);
/* The mean of states first .. first + model.layers. */
plt_var_t plt_nodes_mean_of_chain(const plt_model_t *model, const plt_nodes_t *nodes, size_t first);
/* x w + b */
plt_var_t plt_op_linear(plt_tape_t *tape, plt_var_t x, plt_var_t w, plt_var_t b);
/* x [n, c] with each element 0 at a chance of `rate`, else divided by 1 - rate. The draws are a function of the batch,
 * `purpose`, node and column: every pass sees the same. rate 0: x itself. Training only. */
plt_var_t plt_nodes_dropout(const plt_nodes_t *nodes, plt_var_t x, double rate, const char *purpose);
/* Noise of the Gumbel distribution, location 0 and scale 1, a constant [n, cols]: drawn as those are. Training only. */
plt_var_t plt_nodes_gumbel(const plt_nodes_t *nodes, size_t cols, const char *purpose);

/* ---- losses ---- */
/* Row model.tau of contrasts (plt_loss_nce()). */
#define PLT_MODEL_TAU_OPTION                                                                      \
  {                                                                                               \
    .key = "model.tau", .type = PLT_OPT_REAL, .fallback = "0.2", .min = 0.001, .max = 1000,       \
    .help = "Temperature of the contrast: the smaller, the more the nearest of the others count." \
  }
/* BPR + reg * Emb over the samples' rows of users [n_users, c] and items [n_items, c]; one negative each
 * (docs/methods/models.md 1). */
plt_var_t plt_samples_bpr_loss(const plt_samples_t *samples, plt_var_t users, plt_var_t items, float reg);
/* The same with Emb over other representations of the same nodes than those that are scored. */
plt_var_t plt_samples_bpr_loss_over(const plt_samples_t *samples, plt_var_t users, plt_var_t items, plt_var_t emb_users,
                                    plt_var_t emb_items, float reg);
/* -mean log sigmoid(<u, i+> - <u, i->), one negative each; u [n, c]: the samples' users already. */
plt_var_t plt_samples_rank_loss(const plt_samples_t *samples, plt_var_t u, plt_var_t items);
/* A model's `rank`: that loss of its representations. */
plt_var_t plt_model_rank(const plt_model_t *self, const plt_samples_t *samples);
/* Emb(a, b, c) = (|a| + |b| + |c|) / rows(c), Frobenius norms, -> [1, 1] (docs/methods/models.md 1). */
plt_var_t plt_loss_embedding(plt_tape_t *tape, plt_var_t a, plt_var_t b, plt_var_t c);
/* -mean_k log(exp(s_kk) / sum_l exp(s_kl)), s_kl = <a_k, b_l> / tau of the rows of a and b [n, c] at length 1,
 * -> [1, 1]: each row of a is to find its own of b among all n. 0 for one row. 2 n^2 floats (docs/methods/models.md 1;
 * van den Oord et al., arXiv 1807.03748). */
plt_var_t plt_loss_nce(plt_tape_t *tape, plt_var_t a, plt_var_t b, float tau);
/* The same where each row k of a is to find row own[k] of b [m, c] among all m. 2 n m floats. */
plt_var_t plt_loss_nce_among(plt_tape_t *tape, plt_var_t a, plt_var_t b, const uint32_t *own, float tau);
/* NCE of rows as they are. */
plt_var_t plt_loss_cross_entropy(plt_tape_t *tape, plt_var_t a, plt_var_t b, float tau);
/* The mean of the squares of all entries of rows `index` [n] of x, -> [1, 1]. */
plt_var_t plt_loss_mean_square(plt_tape_t *tape, plt_var_t x, const uint32_t *index, size_t n);
/* 1/2 (2 sq(u) + sq(i+) + sq(i-)), sq the mean of the squares of the samples' rows; one negative each (MMGCN, GRCN). */
plt_var_t plt_samples_mean_squares(const plt_samples_t *samples, plt_var_t users, plt_var_t items);

#endif
