/* invrl.h - the models of InvRL's stages, for the kinds of stages that read and write their tables beside batches, and
 * for models that have the same stages (docs/methods/invrl.md).
 *
 * Threads    as models. */
#ifndef PLT_WORKER_MODELS_INVRL_H
#define PLT_WORKER_MODELS_INVRL_H

#include "worker/kit/ultra.h"

/* Of the model of a stage `environments`, behind those of the model of one environment. */
enum {
  PLT_ENVIRONMENTS_MASK = PLT_ULTRA_TABLES, /* 1 x F, frozen */
  PLT_ENVIRONMENTS_LABEL,                   /* environment, pairs x 1: of each training pair, as a float */
  PLT_ENVIRONMENTS_BEST,                    /* environment_best, pairs x 1: the highest score so far in a round */
  PLT_ENVIRONMENTS_NEXT                     /* environment_next, pairs x 1: whose it is */
};

/* Of the model of a stage `mask`. */
enum {
  PLT_MASK_W,     /* mask_w, F x f */
  PLT_MASK_MU,    /* mask_mu, 1 x F */
  PLT_MASK_USER,  /* user, as it was pre-trained */
  PLT_MASK_ITEM,  /* item, the same */
  PLT_MASK_LABEL, /* environment */
  PLT_MASK_MASK   /* mask, 1 x F: what comes out */
};

/* Of either model: appends its tables. self->features and self->codes are set. */
void plt_environment_add_tables(plt_ultra_t *self, const plt_dataset_t *data);
void plt_mask_add_tables(plt_ultra_t *self, const plt_dataset_t *data);
/* The loss of an environment's model. */
plt_var_t plt_environment_loss(const plt_model_t *self, const plt_samples_t *samples);

#endif
