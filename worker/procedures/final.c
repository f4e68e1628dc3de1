/* final.c - the last stage of a procedure of invariant learning: the model on masked features
 * (docs/methods/invrl.md 4). */
#include "worker/procedures/stage.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_final;

const plt_stage_ops_t plt_stage_final = {
    .name = "final",
    .summary = "train the model on masked features, from fresh tables",
    .of_models = true,
    .run = plt_trainer_run_epochs,
};
