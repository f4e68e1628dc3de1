/* dyadic.h - what dragon and dualgnn have in common: preferences per modality over the graph of pairs, users' weights
 * of them, and a graph of users with common items (docs/methods/models.md 9, 12).
 *
 *   layer 0   users [pref_m1 ; pref_m2 ..]   items [MLP(x^m1) ; MLP(x^m2) ..]    a segment per modality, of length 1
 *   mixed     the sum of the layers; users: each segment times the user's own weight of it
 *   users     mixed + S_users mixed
 *
 * Threads    as models: read-only once made.
 * Errors     init: PLT_ERR_USAGE.
 * Source     Zhou et al., "DRAGON", ECAI 2023; Wang et al., "DualGNN", IEEE Transactions on Multimedia 25, 2023. */
#ifndef PLT_WORKER_KIT_DYADIC_H
#define PLT_WORKER_KIT_DYADIC_H

#include "worker/kit/kit.h"

/* A model's own object begins with this. */
typedef struct plt_dyadic {
  plt_model_t base;
  size_t modalities, order[PLT_MODALITIES_MAX]; /* of the segments */
  uint32_t d;
  float reg;
  bool adds_up;           /* segments are added up, not put side by side */
  size_t mixed, of_users; /* states, both outputs */
} plt_dyadic_t;

/* Rows of the option table, beside those of the graph of items. */
#define PLT_DYADIC_OPTIONS                                                                              \
  PLT_MODEL_LAYERS_OPTIONS("2"),                                                                        \
      PLT_MODEL_REG_OPTION("0.001", "the mean squares of the batch's users' preferences and weights."), \
      PLT_MODEL_USER_GRAPH_OPTIONS, PLT_MODEL_SEGMENTS_OPTION

/* Reads the options, adds states and tables. */
plt_status_t plt_dyadic_init(plt_dyadic_t *self, const plt_config_t *config, const plt_dataset_t *data, bool adds_up);
/* Functions of a model's table: `state`, `users` and the loss with these vectors of items, [n_items, score_cols]. */
plt_var_t plt_dyadic_state(const plt_model_t *model, const plt_nodes_t *nodes, size_t number, plt_var_t product);
plt_var_t plt_dyadic_users(const plt_model_t *model, const plt_nodes_t *nodes);
plt_var_t plt_dyadic_loss(const plt_model_t *model, const plt_samples_t *samples);

#endif
