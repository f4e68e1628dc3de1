/* augment.h - what training changes in the data that a model sees: features of items with others mixed in, with noise,
 * or with elements left out, for each batch; edges of users and items left out, for each epoch (docs/methods/models.md
 * 17).
 *
 * Draws      a function of (seed, epoch, batch) and of item, modality and column: the same wherever a batch reads them,
 *            in all leaves, passes and workers. Evaluation draws nothing.
 * Threads    read-only; rows are made by several at once.
 * Errors     PLT_ERR_USAGE for a model that has nothing of what is to be changed.
 * Source     dropout of features: Srivastava et al., JMLR 15, 2014; mixing: Zhang et al., "mixup", ICLR 2018; dropout
 *            of edges: Wu et al., "SGL", SIGIR 2021. */
#ifndef PLT_WORKER_KIT_AUGMENT_H
#define PLT_WORKER_KIT_AUGMENT_H

#include "worker/kit/model.h"

/* Rows "augment.<key>". */
extern const plt_option_table_t plt_augment_options;

/* Takes the options for a model whose init has been called. */
plt_status_t plt_augment_read(const plt_config_t *config, plt_model_t *model);

/* The features `rows` of own items, n modalities from `first` on, as a batch sees them; x: as they are. All that is
 * given stays. */
plt_lazy_t plt_augment_features(const plt_nodes_t *nodes, size_t first, size_t n, const float *const *scale,
                                const plt_lazy_t *x);

#endif
