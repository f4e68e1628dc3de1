/* models.c - a stage of M3-InvRL: a model on each modality's masked codes, one after the other
 * (docs/methods/m3invrl.md 3). */
#include "worker/procedures/stage.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_models;

const plt_stage_ops_t plt_stage_models = {
    .name = "models",
    .summary = "train a model on the masked codes of each modality, one after the other",
    .of_models = true,
    .per_modality = true,
    .replay = "model",
    .run = plt_trainer_run_epochs,
};
