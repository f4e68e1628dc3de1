/* encoders.c - the first stage of M3-InvRL: codes of each modality, those they have in common and those of each alone,
 * together with the model that environments and masks start from (docs/methods/m3invrl.md 1). The options are read by
 * its model. */
#include "worker/procedures/stage.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_encoders;

static const plt_option_t rows[] = {
    {.key = "alignment",
     .type = PLT_OPT_BOOL,
     .fallback = "true",
     .help = "Common codes of an item are drawn together, those of others apart."},
    {.key = "a_con",
     .type = PLT_OPT_REAL,
     .fallback = "0.1",
     .min = 0,
     .max = INFINITY,
     .help = "Weight of that in the loss."},
    {.key = "tau",
     .type = PLT_OPT_REAL,
     .fallback = "0.2",
     .min = 1e-3,
     .max = INFINITY,
     .help = "Its temperature: the smaller, the more the nearest others count."},
    {.key = "mi",
     .type = PLT_OPT_CHOICE,
     .fallback = "vclub",
     .choices = "vclub|cross_correlation|none",
     .help = "What keeps a specific code from saying what the common one says: a learned bound of what they tell of "
             "each other, their correlations, or nothing."},
    {.key = "a_mi",
     .type = PLT_OPT_REAL,
     .fallback = "0.01",
     .min = 0,
     .max = INFINITY,
     .help = "Weight of that in the loss."},
};

const plt_stage_ops_t plt_stage_encoders = {
    .name = "encoders",
    .summary = "learn what modalities say in common and what each says alone",
    .options = {"stage encoders", rows, sizeof rows / sizeof *rows},
    .of_models = true,
    .numbers = "shift",
    .run = plt_trainer_run_epochs,
};
