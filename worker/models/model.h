/* model.h - a recommender as a table of functions: its tables, its loss, its representations.
 *
 * A model never sees a message or a table of the server. It is given a *pass*: one leaf's rows as tape variables.
 * All its learned numbers are tables; a table belongs to users (its rows are keyed by user id, a leaf touches
 * those of its users), to items, or is dense (every leaf touches all rows).
 *
 * Score of (u, i) = <users()[u], items()[i]>, both [n, score_cols]: training, evaluation and recommend share it.
 *
 * A graph model (layers > 0) has its first representation, layer 0, propagated over the graph of training pairs for
 * it: it finds layer 0 in pass->base and the sum of all layers in pass->sum, whether they come over a leaf's subgraph
 * (training) or from the tables that inference made (evaluation).
 *
 * A new model is one file and one row in list.h; registry.h has them by name.
 * Threads    a model is read-only after create and shared by the workers of a process.
 * Source     METHODS 4. */
#ifndef PLT_WORKER_MODELS_MODEL_H
#define PLT_WORKER_MODELS_MODEL_H

#include <math.h>

#include "common/options/options.h"
#include "proto/table_spec.h"
#include "worker/graph/item_graph.h"
#include "worker/graph/subgraph.h"
#include "worker/tape/tape.h"

/* OWN_USER, OWN_ITEM: of graph models, tables of which a leaf touches the rows of its own nodes only, and not those of
 * all nodes around them. */
typedef enum {
  PLT_ENTITY_USER,
  PLT_ENTITY_ITEM,
  PLT_ENTITY_DENSE,
  PLT_ENTITY_OWN_USER,
  PLT_ENTITY_OWN_ITEM
} plt_entity_t;

typedef struct plt_model_table {
  char name[PLT_TABLE_NAME_MAX];
  plt_entity_t entity;
  uint64_t rows;
  uint32_t cols;
  plt_init_t init;
  const plt_feature_t *initial; /* the rows start as these; NULL: as init says */
  bool loss_only;               /* evaluation does not read them */
} plt_model_table_t;

/* One forward pass over one leaf (or, in evaluation, over a block of users or items). */
typedef struct plt_pass {
  plt_tape_t *tape;
  const plt_dataset_t *data;
  const plt_var_t *table; /* the model's tables, in order: rows of `users`, of `items`, or all rows */
  const uint32_t *users;  /* distinct ids, ascending; row k of a user table is users[k]; graph models: of layer 0 */
  size_t n_users;
  const uint32_t *items; /* distinct ids, ascending; row k of an item table is items[k] */
  size_t n_items;
  plt_frontier_t own; /* the leaf's own nodes, in evaluation those at hand: what the samples refer to */
  /* Graph models only. */
  const plt_subgraph_t *graph; /* NULL in evaluation: users and items are the nodes at hand themselves */
  plt_var_t base[PLT_SIDES];   /* layer 0 at users and items */
  plt_var_t sum[PLT_SIDES];    /* layers 0 .. L added up, at the own nodes of the leaf, or at users and items */
  plt_var_t spread;            /* with a graph of items: S^K times layer 0 or the sum, at the same items */
  float share;                 /* of the batch's samples: for what is of a batch and not of a sample */
  uint64_t seed;               /* of the run; with the three below what a draw in training is a function of */
  uint32_t epoch, batch, leaf;
  /* Samples: positions within users and items, those of a graph model within the leaf's own nodes. */
  size_t n, negatives;
  const uint32_t *user;     /* [n] */
  const uint32_t *positive; /* [n] */
  const uint32_t *negative; /* [n * negatives], those of sample s from s * negatives */
  const float *features; /* [n_featured, feature_cols] of `items` or own items (ops), NULL when the model uses none */
  size_t n_featured;
} plt_pass_t;

typedef struct plt_model plt_model_t; /* a model's own object begins with this */

typedef struct plt_model_ops {
  const char *name;
  const char *summary;
  plt_option_table_t options; /* rows "model.<key>" beyond model.name and model.dim */
  bool loss_is_mean;          /* over the batch; false: a sum (DESIGN 4, leaves) */
  bool uses_features;
  bool features_of_own; /* only the loss reads features, of the own items: evaluation has none; false: of all items */
  /* Reads its options, fills tables, n_tables, negatives, score_cols. PLT_ERR_USAGE, PLT_ERR_DATA. */
  plt_status_t (*create)(const plt_config_t *config, const plt_dataset_t *data, plt_model_t **out);
  void (*destroy)(plt_model_t *self); /* NULL: free() */
  /* Graph models: layer 0 of one side at pass->users or pass->items, [n, c], the same c for both. NULL: the rows of
   * the first table that belongs to the side. */
  plt_var_t (*base)(const plt_model_t *self, const plt_pass_t *pass, plt_side_t side);
  /* [n, score_cols] at the users or items at hand, of graph models at the own nodes. NULL: the rows of the first table
   * that belongs to the side, of graph models the mean of the layers. */
  plt_var_t (*users)(const plt_model_t *self, const plt_pass_t *pass);
  plt_var_t (*items)(const plt_model_t *self, const plt_pass_t *pass);
  plt_var_t (*loss)(const plt_model_t *self, const plt_pass_t *pass); /* [1, 1] */
} plt_model_ops_t;

enum { PLT_MODEL_TABLES_MAX = 32 };

struct plt_model {
  const plt_model_ops_t *ops;
  plt_model_table_t tables[PLT_MODEL_TABLES_MAX];
  size_t n_tables;
  size_t negatives;      /* per positive pair */
  bool negatives_of_all; /* drawn from all items, the user's own among them (sampler.h) */
  size_t score_cols;
  plt_subgraph_plan_t graph;   /* layers 0: not a graph model */
  uint32_t base_cols;          /* of layer 0 */
  size_t base_floats;          /* of tape, about, that ops->base takes per item */
  plt_item_graph_plan_t items; /* of graph.item_graph, which is set before the first pass; k 0: the model has none */
};

/* The first table that belongs to a side. */
uint32_t plt_model_base_table(const plt_model_t *model, plt_side_t side);
/* Layer 0 of one side at the pass's users or items. */
plt_var_t plt_model_base(const plt_model_t *model, const plt_pass_t *pass, plt_side_t side);
/* What is scored, of one side: [n, score_cols] (ops->users, ops->items). */
plt_var_t plt_model_vectors(const plt_model_t *model, const plt_pass_t *pass, plt_side_t side);
/* The loss of a leaf, [1, 1]; of a graph model after propagation over pass->graph. */
plt_var_t plt_model_loss(const plt_model_t *model, const plt_pass_t *pass);

/* ---- for model files ---- */
/* Appends a table. */
void plt_model_add_table(plt_model_t *model, const char *name, plt_entity_t entity, uint64_t rows, uint32_t cols,
                         plt_init_t init);
/* Rows of a graph model's option table, read by plt_model_read_graph(). */
#define PLT_MODEL_GRAPH_OPTIONS(layers)                                                                  \
  {.key = "model.layers",                                                                                \
   .type = PLT_OPT_INT,                                                                                  \
   .fallback = layers,                                                                                   \
   .min = 1,                                                                                             \
   .max = PLT_LAYERS_MAX,                                                                                \
   .help = "Layers of propagation over the graph of users and items."},                                  \
  {                                                                                                      \
    .key = "model.fanout", .type = PLT_OPT_TEXTS, .fallback = "exact",                                   \
    .help =                                                                                              \
        "exact: a batch brings all nodes within `layers` hops. [f1, f2, ...], one number per layer: at " \
        "most f1 neighbours of each of the batch's nodes, f2 of each of those, and so on, drawn anew "   \
        "for each batch (docs/graph-models.md)."                                                         \
  }
/* Row model.reg, a weight of which `what` says what it weighs. */
#define PLT_MODEL_REG_OPTION(default_, what)                                                   \
  {                                                                                            \
    .key = "model.reg", .type = PLT_OPT_REAL, .fallback = default_, .min = 0, .max = INFINITY, \
    .help = "Weight of " what                                                                  \
  }
/* Fills model->graph from model.layers and model.fanout. PLT_ERR_USAGE. */
plt_status_t plt_model_read_graph(const plt_config_t *config, plt_model_t *model);
plt_init_t plt_init_xavier_uniform(uint64_t rows, uint64_t cols);
plt_init_t plt_init_xavier_normal(uint64_t rows, uint64_t cols);
plt_init_t plt_init_normal(double deviation);
plt_init_t plt_init_zero(void);
/* Rows of the option table of a model with a graph of items, read by plt_model_read_item_graph(). */
#define PLT_MODEL_ITEM_GRAPH_OPTIONS                                                                        \
  {.key = "model.knn",                                                                                      \
   .type = PLT_OPT_INT,                                                                                     \
   .fallback = "10",                                                                                        \
   .min = 1,                                                                                                \
   .max = 1000,                                                                                             \
   .help = "Neighbours of an item in the graph of items, by the cosine of its features, itself included."}, \
  {                                                                                                         \
    .key = "model.item_graph_weights", .type = PLT_OPT_WEIGHTS, .min = 0, .max = INFINITY,                  \
    .help =                                                                                                 \
        "Share of each modality in the graph of items, by the name of its feature file: {image: 0.1, "      \
        "text: 0.9}. Not given: the same for all."                                                          \
  }
/* Fills model->items from model.knn and model.item_graph_weights, and the hops. PLT_ERR_USAGE. */
plt_status_t plt_model_read_item_graph(const plt_config_t *config, const plt_dataset_t *data, size_t hops,
                                       plt_model_t *model);
/* Row of models that project raw features, for plt_model_add_projections(). */
#define PLT_MODEL_TRAIN_FEATURES_OPTION                                                                         \
  {                                                                                                             \
    .key = "model.train_features", .type = PLT_OPT_BOOL, .fallback = "false",                                   \
    .help = "The raw features are trained too, as in MMRec; one wide row per item then travels with its batch." \
  }
/* Tables trs_w_m [F_m, d], trs_b_m and, if model.train_features, feat_m of every modality, after those there are. */
void plt_model_add_projections(const plt_config_t *config, const plt_dataset_t *data, plt_model_t *model,
                               plt_init_t (*weights)(uint64_t inputs, uint64_t d));
/* Own items' features of modality m projected by these tables, the first of which is `first`: [n, d]. */
plt_var_t plt_pass_projection(const plt_model_t *model, const plt_pass_t *pass, size_t first, size_t m);
/* A table whose name is that of a modality after `prefix`. */
void plt_model_add_modality_table(plt_model_t *model, const char *prefix, const plt_feature_t *feature,
                                  plt_entity_t entity, uint64_t rows, uint32_t cols, plt_init_t init);
/* What torch.nn.Linear starts its weights and biases with; d means nothing. */
plt_init_t plt_init_linear(uint64_t inputs, uint64_t d);
/* The columns of modality m of the pass's features, a constant [n_featured, F_m]. */
plt_var_t plt_pass_modality(const plt_pass_t *pass, size_t m);
/* x [n, c] with each element 0 at a chance of `rate`, else divided by 1 - rate; ids [n] are the nodes of the rows. The
 * draws are a function of the batch, `purpose`, node and column: every pass sees the same. rate 0: x itself. */
plt_var_t plt_pass_dropout(const plt_pass_t *pass, plt_var_t x, const uint32_t *ids, double rate, const char *purpose);
/* The pass's features as a constant [n_featured, feature_cols]. */
plt_var_t plt_pass_features(const plt_pass_t *pass);
/* BPR + reg * Emb over the samples' rows of users [n_users, c] and items [n_items, c]; one negative each (METHODS 4). */
plt_var_t plt_pass_bpr_loss(const plt_pass_t *pass, plt_var_t users, plt_var_t items, float reg);
/* The same with Emb over other representations of the same nodes than those that are scored. */
plt_var_t plt_pass_bpr_loss_over(const plt_pass_t *pass, plt_var_t users, plt_var_t items, plt_var_t emb_users,
                                 plt_var_t emb_items, float reg);
/* Rows of layer 0's nodes of one side, [n, c] -> those of the leaf's own nodes; in evaluation x itself. For what else
 * belongs to users or items: other tables' rows, features. */
plt_var_t plt_pass_own(const plt_pass_t *pass, plt_side_t side, plt_var_t x);
/* The mean of layers 0 .. L of one side: pass->sum over their number. */
plt_var_t plt_pass_mean_of_layers(const plt_model_t *model, const plt_pass_t *pass, plt_side_t side);
/* Emb(a, b, c) = (|a| + |b| + |c|) / rows(c), Frobenius norms, -> [1, 1] (METHODS 4). */
plt_var_t plt_loss_embedding(plt_tape_t *tape, plt_var_t a, plt_var_t b, plt_var_t c);

#endif
