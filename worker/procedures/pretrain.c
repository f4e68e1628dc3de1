/* pretrain.c - the first stage of a procedure of invariant learning: the model that its masks are learned on
 * (docs/methods/invrl.md 1). */
#include "worker/procedures/stage.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_pretrain;

const plt_stage_ops_t plt_stage_pretrain = {
    .name = "pretrain",
    .summary = "train the model that environments and masks are learned with",
    .of_models = true,
    .run = plt_trainer_run_epochs,
};
