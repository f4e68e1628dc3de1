/* ultra.h - what UltraGCN is made of, for the models that are one or have one in them: its weights of pairs, tables,
 * item vectors and loss (docs/methods/models.md 4). Its features x are those of the data, each modality of length 1, or
 * what frozen encoders make of them (codes.h).
 *
 * Threads    as models: read-only once made.
 * Errors     init: PLT_ERR_USAGE for too many modalities.
 * Source     Mao et al. 2021, in the form of Du et al. 2022. */
#ifndef PLT_WORKER_KIT_ULTRA_H
#define PLT_WORKER_KIT_ULTRA_H

#include "worker/kit/codes.h"

/* A model's own object begins with this. */
typedef struct plt_ultra {
  plt_model_t base;
  uint32_t dim, feat_dim;
  float w1, w2, w3, w4;
  double wd_embedding, wd_item, wd_projection;
  float *of_user, *of_item; /* beta: by training degree */
  size_t features;          /* columns of x */
  const plt_codes_t *codes; /* x is r of these, its own object's; NULL: x are the features of the data */
} plt_ultra_t;

#define PLT_ULTRA_WEIGHT(name, default_, text) \
  { .key = "model." name, .type = PLT_OPT_REAL, .fallback = default_, .min = 0, .max = INFINITY, .help = text }

/* Rows of the option table. */
#define PLT_ULTRA_OPTIONS                                                                           \
  {.key = "model.feat_dim",                                                                         \
   .type = PLT_OPT_INT,                                                                             \
   .fallback = "64",                                                                                \
   .min = 1,                                                                                        \
   .max = 4096,                                                                                     \
   .aka = "feat_embed_dim",                                                                         \
   .help = "Columns of the projected features, beside model.dim of the item's own."},               \
      {.key = "model.negatives",                                                                    \
       .type = PLT_OPT_INT,                                                                         \
       .fallback = "50",                                                                            \
       .min = 1,                                                                                    \
       .max = 1000,                                                                                 \
       .aka = "negative_num|num_negatives|n_negs|neg_sampling",                                     \
       .help = "Items drawn per pair, of all items, those that the user has among them."},          \
      PLT_ULTRA_WEIGHT("w1", "1", "Weight of a positive pair."),                                    \
      PLT_ULTRA_WEIGHT("w2", "1", "The same, times the pair's weight in the graph."),               \
      PLT_ULTRA_WEIGHT("w3", "1", "Weight of a negative pair."),                                    \
      PLT_ULTRA_WEIGHT("w4", "1", "The same, times the pair's weight in the graph."),               \
      PLT_ULTRA_WEIGHT("wd_embedding", "1e-4",                                                      \
                       "Decay of users and items: the servers add twice this times the row to the " \
                       "gradient of each row that is pushed, once per step. No part of the loss."), \
      PLT_ULTRA_WEIGHT("wd_item_factor", "1", "Of the items in that, against the users."),          \
      PLT_ULTRA_WEIGHT("wd_projection", "0.01", "The same of the projection.")

/* Its tables, in this order, the first ones of a model that calls plt_ultra_add_tables(). */
enum { PLT_ULTRA_USER, PLT_ULTRA_ITEM, PLT_ULTRA_PROJ_W, PLT_ULTRA_PROJ_B, PLT_ULTRA_TABLES };

/* Reads the options and weighs pairs and features; adds no tables. */
plt_status_t plt_ultra_init(plt_ultra_t *self, const plt_config_t *config, const plt_dataset_t *data);
/* Appends prefix + "user", "item", "proj_w", "proj_b" + suffix, with their decay; proj_w has self->features rows. */
void plt_ultra_add_tables(plt_ultra_t *self, const plt_dataset_t *data, const char *prefix, const char *suffix);
void plt_ultra_clear(plt_model_t *model);

/* x of own items, [n, F], a constant. */
plt_var_t plt_ultra_x(const plt_ultra_t *self, const plt_nodes_t *nodes);
/* [item_i ; x_i w + b], [n, d + f], w [F, f]. */
plt_var_t plt_ultra_items(const plt_nodes_t *nodes, plt_var_t x, plt_var_t w);
/* For models' tables of functions. items: x projected by proj_w; loss: of a leaf, a sum, without decay, by the model's
 * own items and the users of its table. */
plt_var_t plt_ultra_items_as_they_are(const plt_model_t *model, const plt_nodes_t *nodes);
plt_var_t plt_ultra_loss(const plt_model_t *model, const plt_samples_t *samples);
/* The same loss by these users and items, [own nodes, cols]. */
plt_var_t plt_ultra_loss_of(const plt_ultra_t *self, const plt_samples_t *samples, plt_var_t users, plt_var_t items);

#endif
