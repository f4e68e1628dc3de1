/* train.c - a stage that trains a model: what a plain run is, as a stage among others. */
#include "worker/procedures/stage.h"
#include "worker/train/epochs.h"

extern const plt_stage_ops_t plt_stage_train;

static const plt_option_t rows[] = {
    {.key = "frozen",
     .type = PLT_OPT_TEXTS,
     .fallback = "[]",
     .help =
         "Tables that stay as they are: NAME, or PREFIX* for all that begin so. They are no part of what a strategy "
         "perturbs, and never pushed."},
    {.key = "fresh",
     .type = PLT_OPT_TEXTS,
     .fallback = "[]",
     .help = "Tables that are born again, with other values, though a stage before hands them on: NAME or PREFIX*."},
};

const plt_stage_ops_t plt_stage_train = {
    .name = "train",
    .summary = "train a model",
    .options = {"stage train", rows, sizeof rows / sizeof *rows},
    .names_tables = true,
    .run = plt_trainer_run_epochs,
};
