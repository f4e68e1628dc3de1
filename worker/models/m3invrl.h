/* m3invrl.h - the models of M3-InvRL's stages, for the kinds of stages that read and write their tables beside batches
 * (docs/methods/m3invrl.md).
 *
 * Threads    as models. */
#ifndef PLT_WORKER_MODELS_M3INVRL_H
#define PLT_WORKER_MODELS_M3INVRL_H

#include "worker/kit/ultra.h"

/* The object of each of its models; what a stage has not is 0. */
typedef struct plt_m3 {
  plt_ultra_t ultra; /* first: plt_ultra_t * and plt_model_t * are this */
  plt_codes_t codes;
  size_t modality; /* of stages that are run for one after the other */
  bool has_mask;
  size_t mask; /* its table */
  /* encoders */
  bool aligns, has_bound, correlates;
  float a_con, tau, a_mi;
  size_t bound; /* the first table of q; PLT_M3_BOUND_TABLES a modality */
  /* merge */
  size_t parts; /* the first of user_m, item_m of every m, aside; of the first modality's stage only */
  /* fusion */
  bool is_merged, learns;
  size_t weights; /* table 1 x M: the models' weights, or what they are the softmax of */
} plt_m3_t;

enum { PLT_M3_BOUND_TABLES = 8 };

#endif
