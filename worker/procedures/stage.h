/* stage.h - a kind of stage as a table of functions: for the authors of kinds. The list of them is registry.h.
 *
 * A stage has a model, a strategy, an optimizer, a sampler and an end; its plan holds them (session/plan.h). What a
 * kind adds is how many slots a leg of it takes, and how they are run: the epochs of a slot are
 * plt_trainer_run_epochs(). A new kind is one file and one row in list.h.
 *
 * Threads    a kind is read-only.
 * Errors     run: those of plt_trainer_run_epochs() and of what else it does.
 * Source     docs/decisions/procedures.md. */
#ifndef PLT_WORKER_PROCEDURES_STAGE_H
#define PLT_WORKER_PROCEDURES_STAGE_H

#include "common/options/options.h"
#include "worker/train/state.h"

/* Required are name, summary and run. */
typedef struct plt_stage_ops {
  const char *name;
  const char *summary;        /* half a sentence, for help */
  plt_option_table_t options; /* keys of an entry of `procedure` beside model, strategy, optimizer, train, eval, init */
  bool of_models;             /* only for names of models that stand for a procedure (plt_model_ops_t.of_stage) */
  bool in_step;               /* needs cluster.consistency bsp */
  bool is_unranked;           /* nothing is evaluated in it, whatever eval says */
  bool names_tables;          /* among its options are `frozen` and `fresh`, lists of tables */
  bool own_draws;             /* its samplers and replays are its own: the stage's knows no file */
  bool per_modality;          /* run for one modality after the other: as many stages, one behind the other */
  const char *replay;         /* what its replay files are called if it has no name; default: as the kind */
  const char *numbers;        /* beside a replay NAME.npy there may be NAME.this.npy: a number for each leaf */
  size_t size;                /* of its settings, which are handed to init zeroed; 0: there are none */
  /* When a job is made, once per process, in its main thread. Default: nothing. PLT_ERR_USAGE. */
  plt_status_t (*init)(void *settings, const plt_config_t *config);
  /* Once there are data: that they have what the stage needs. Default: nothing. PLT_ERR_DATA. */
  plt_status_t (*check)(const void *settings, const plt_dataset_t *data);
  /* After init: whether own_draws holds with these settings. Default: own_draws. */
  bool (*draws)(const void *settings);
  /* After init: the slots of a leg. Default: 1. */
  uint32_t (*slots)(const void *settings);
  /* After init: how often a leg of so many epochs goes over the training pairs, at most. Default: epochs. */
  double (*passes)(const void *settings, uint32_t epochs);
  /* By all workers of a job, each in its own thread: runs the slots of a leg from where t->p stands, the first of them
   * is begun. Returns early when the steps of the job are used up; decides nothing that the others do not decide
   * alike. */
  plt_status_t (*run)(plt_trainer_t *t);
} plt_stage_ops_t;

#endif
