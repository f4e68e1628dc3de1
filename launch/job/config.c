/* config.c - see config.h. */
#include "launch/job/config.h"

#include <float.h>
#include <string.h>

#include "common/mem.h"
#include "launch/job/choices.h"
#include "proto/message.h"
#include "ps/optimizers/registry.h"
#include "worker/kit/augment.h"
#include "worker/models/registry.h"
#include "worker/procedures/registry.h"
#include "worker/session/procedure.h"
#include "worker/strategies/registry.h"

#define ANY_UINT 0, 4294967295.0
#define POSITIVE .min = 0, .max = DBL_MAX, .above_min = true
#define NOT_NEGATIVE .min = 0, .max = DBL_MAX
#define TABLE(title, rows) \
  { title, rows, sizeof(rows) / sizeof *(rows) }

static const plt_option_t run_rows[] = {
    {.key = "run.dir",
     .type = PLT_OPT_PATH,
     .aka = "output_dir|save_dir|checkpoint_dir|log_dir",
     .help = "Run directory; default runs/<configuration>-<time>.",
     .resumable = true},
    {.key = "run.seed",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 0,
     .max = 9e15,
     .aka = "random_seed",
     .help = "Every random number of a run is a function of it."},
    {.key = "run.log_view",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "When training has ended, a table of where time went, by phase over all workers (train --log-view).",
     .resumable = true},
    {.key = "run.trace",
     .type = PLT_OPT_PATH,
     .help = "Where to write what each worker did when, for Perfetto or chrome://tracing (train --trace).",
     .resumable = true},
};
static const plt_option_t step_rows[] = {
    {.key = "optimizer.lr",
     .type = PLT_OPT_REAL,
     .fallback = "0.001",
     POSITIVE,
     .aka = "learning_rate",
     .help = "Learning rate.",
     .resumable = true},
    {.key = "optimizer.clip_norm",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     NOT_NEGATIVE,
     .aka = "clip_grad_norm|max_grad_norm",
     .help = "Largest norm of what a leaf hands over; 0: no limit."},
    {.key = "optimizer.schedule",
     .type = PLT_OPT_REALS,
     .fallback = "[1.0, 50]",
     POSITIVE,
     .aka = "learning_rate_scheduler|lr_scheduler",
     .help = "[s0, s1]: the learning rate of an epoch is lr * s0^(epoch / s1)."},
    {.key = "optimizer.tables",
     .type = PLT_OPT_MAP,
     .help =
         "Tables that are updated otherwise: {NAME: {name: adagrad, lr: 0.01}}, or PREFIX* for all that begin so; keys "
         "that are not given are those of optimizer. The longest name counts."},
};
static const plt_option_t train_rows[] = {
    {.key = "train.epochs",
     .type = PLT_OPT_INT,
     .fallback = "100",
     ANY_UINT,
     .aka = "n_epochs|num_epochs|max_epochs",
     .help = "Epochs at most; 0 evaluates the initial tables.",
     .resumable = true},
    {.key = "train.batch_size",
     .type = PLT_OPT_INT,
     .fallback = "2048",
     .min = 1,
     .max = 16777216,
     .unit = "samples",
     .aka = "train_batch_size|batchsize|bs",
     .help = "Samples of one optimizer step, over all workers."},
    {.key = "train.micro_batch",
     .type = PLT_OPT_INT,
     .min = 1,
     .max = 16777216,
     .unit = "samples",
     .help = "Samples of a leaf: the unit of BSAM's perturbation, of clip_norm and of what losses take over a batch, "
             "the norms of model.reg, uniformity and contrasts; default: batch_size over the number of workers, "
             "rounded up to a power of two."},
    {.key = "train.replay",
     .type = PLT_OPT_PATH,
     .help =
         "Batches from a .npy file [batches, batch_size, 2 + negatives]; of a procedure: from NAME.npy of each stage "
         "in that directory."},
    {.key = "train.log_every",
     .type = PLT_OPT_INT,
     .fallback = "0",
     ANY_UINT,
     .unit = "batches",
     .help = "Distance of step events in metrics.jsonl; 0: none.",
     .resumable = true},
    {.key = "train.max_steps",
     .type = PLT_OPT_INT,
     .fallback = "0",
     .min = 0,
     .max = 9e15,
     .help = "Optimizer steps of the whole run at most; 0: no limit. A batch of a sequential mirror makes two, and the "
             "run may stop, and go on, between them.",
     .resumable = true},
    {.key = "train.until",
     .type = PLT_OPT_TEXT,
     .help = "Stage of the procedure behind which the run stops, for --resume to go on later: its name, in a loop also "
             "NAME:ROUND (train --until). Not given: the last.",
     .resumable = true},
};
static const plt_option_t eval_rows[] = {
    {.key = "eval.every",
     .type = PLT_OPT_INT,
     .fallback = "1",
     ANY_UINT,
     .unit = "epochs",
     .aka = "eval_step",
     .help = "Distance of evaluations on the validation part; the last epoch has one too. 0: never.",
     .resumable = true},
    {.key = "eval.topk",
     .type = PLT_OPT_INTS,
     .fallback = "[5, 10, 20, 50]",
     .min = 1,
     .max = 1000,
     .help = "Cut-offs of the metrics."},
    {.key = "eval.metric",
     .type = PLT_OPT_TEXT,
     .fallback = "recall@20",
     .aka = "valid_metric|monitor",
     .help = "Chooses the best epoch: recall, ndcg, precision, map, hit or mrr at a cut-off of eval.topk."},
    {.key = "eval.metrics",
     .type = PLT_OPT_TEXTS,
     .help = "The metrics that tables show. Not given: recall, ndcg, precision, map and that of eval.metric. JSON and "
             "metrics.jsonl have all, hit and mrr too.",
     .resumable = true},
    {.key = "eval.mask",
     .type = PLT_OPT_CHOICE,
     .fallback = "train",
     .choices = "train|train+valid",
     .help = "Items of a user that the rankings of the test and shift parts leave out: those of training, as MMRec, or "
             "those of validation, too. The validation part is ranked without those of training alone.",
     .resumable = true},
    {.key = "eval.cold",
     .type = PLT_OPT_INT,
     .fallback = "5",
     ANY_UINT,
     .unit = "training pairs",
     .help = "Users and items with at most so many are the slices cold_users and cold_items.",
     .resumable = true},
    {.key = "eval.sharpness",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "Also how much the training loss rises around the tables, as plateau sharpness measures it.",
     .resumable = true},
    {.key = "eval.sharpness_rho",
     .type = PLT_OPT_REALS,
     .fallback = "[0.05, 0.5]",
     POSITIVE,
     .help = "Distances from the tables for that.",
     .resumable = true},
    {.key = "eval.sharpness_batches",
     .type = PLT_OPT_INT,
     .fallback = "10",
     ANY_UINT,
     .help = "Batches of an epoch for that; 0: all of them.",
     .resumable = true},
    {.key = "eval.patience",
     .type = PLT_OPT_INT,
     .fallback = "20",
     ANY_UINT,
     .unit = "evaluations",
     .aka = "stopping_step|early_stopping|early_stop",
     .help = "Evaluations without a better one before training stops; 0: no early stopping.",
     .resumable = true},
    {.key = "eval.users",
     .type = PLT_OPT_INT,
     .fallback = "0",
     ANY_UINT,
     .unit = "users",
     .help = "Users that an evaluation ranks, drawn once by run.seed, the same in every epoch; 0: all. Metrics are "
             "means over them."},
    {.key = "eval.final",
     .type = PLT_OPT_CHOICE,
     .fallback = "all",
     .choices = PLT_PART_CHOICES "|none",
     .help = "The parts that are ranked when training has ended, with the best tables or the last. all: those that the "
             "data have of valid, test and shift; both: valid and test.",
     .resumable = true},
};
static const plt_option_t init_rows[] = {
    {.key = "init.from",
     .type = PLT_OPT_PATH,
     .aka = "checkpoint|pretrained|warm_start|resume_from",
     .help = "What the tables start from: a run or one of its checkpoints (RUN, RUN/checkpoints/last), with users and "
             "items that are new since then; or a directory of TABLE.npy files."},
    {.key = "init.optimizer",
     .type = PLT_OPT_CHOICE,
     .fallback = "continue",
     .choices = "continue|fresh",
     .help = "Of a run: whether the states of its optimizers are taken over, where they are the same, or begin anew."},
    {.key = "init.missing",
     .type = PLT_OPT_CHOICE,
     .fallback = "error",
     .choices = "error|fresh",
     .help = "What a table is that init.from does not have: an error, or born fresh."},
};
static const plt_option_t cluster_rows[] = {
    {.key = "cluster.workers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = PLT_WORKERS_MAX,
     .aka = "n_workers|num_workers|world_size",
     .help = "Workers.",
     .resumable = true},
    {.key = "cluster.servers",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 1,
     .max = PLT_SERVERS_MAX,
     .help = "Servers.",
     .resumable = true},
    {.key = "cluster.threads",
     .type = PLT_OPT_INT,
     .min = 1,
     .max = PLT_THREADS_MAX,
     .aka = "n_threads|num_threads",
     .help = "Threads of each worker and of each server, which takes 8 at most; default: the cores of this machine "
             "over the workers.",
     .resumable = true},
    {.key = "cluster.consistency",
     .type = PLT_OPT_CHOICE,
     .fallback = "bsp",
     .choices = "bsp|ssp|asp",
     .help = "bsp: the workers share every step. ssp: every worker steps alone, at most cluster.staleness steps ahead "
             "of the slowest. asp: as far ahead as it comes.",
     .resumable = true},
    {.key = "cluster.staleness",
     .type = PLT_OPT_INT,
     .min = 0,
     .max = 1e9,
     .unit = "steps",
     .help = "ssp: a worker's rows hold at least all steps that the others made up to so many before its own; "
             "default: 3.",
     .resumable = true},
    {.key = "cluster.prefetch",
     .type = PLT_OPT_INT,
     .min = 0,
     .max = PLT_PREFETCH_MAX,
     .unit = "batches",
     .help = "ssp, asp: rows are pulled so many of a worker's batches ahead, while it computes; at most "
             "cluster.staleness, asp at most 1; default: 0.",
     .resumable = true},
    {.key = "cluster.transport",
     .type = PLT_OPT_CHOICE,
     .fallback = "auto",
     .choices = "auto|ipc|tcp",
     .help = "auto: inproc within one process.",
     .resumable = true},
    {.key = "cluster.shared_memory",
     .type = PLT_OPT_CHOICE,
     .fallback = "auto",
     .choices = "auto|off",
     .help =
         "auto: where ipc leads from a worker to a server, values lie in memory that both have mapped, and messages "
         "carry the rest.",
     .resumable = true},
    {.key = "cluster.security",
     .type = PLT_OPT_CHOICE,
     .fallback = "token",
     .choices = "token|curve|none",
     .help = "Who may speak to servers over tcp and ipc: token: processes that hold the job's secret; curve: the same, "
             "encrypted; none: anybody who reaches the port.",
     .resumable = true},
    {.key = "cluster.interface",
     .type = PLT_OPT_TEXT,
     .help = "Network of the servers between machines: a name, an address or a CIDR; default: the first that is up.",
     .resumable = true},
    {.key = "cluster.proxy",
     .type = PLT_OPT_TEXT,
     .help = "HOST:PORT of a plateau fault-proxy that stands between workers and servers; makes auto mean tcp.",
     .resumable = true},
    {.key = "cluster.max_restarts",
     .type = PLT_OPT_INT,
     .fallback = "5",
     ANY_UINT,
     .help = "Restarts after lost processes, without a new checkpoint in between, before the job gives up.",
     .resumable = true},
    {.key = "cluster.wire",
     .type = PLT_OPT_CHOICE,
     .fallback = "f32",
     .choices = "f32|bf16",
     .help = "Type of values on the wire; bf16 halves the traffic and gives up exactness.",
     .resumable = true},
    {.key = "cluster.deadline_s",
     .type = PLT_OPT_REAL,
     .fallback = "120",
     .min = 1,
     .max = 1e6,
     .unit = "s",
     .help = "Longest wait for a peer without a sign of life.",
     .resumable = true},
};
static const plt_option_t checkpoint_rows[] = {
    {.key = "checkpoint.every_s",
     .type = PLT_OPT_REAL,
     .fallback = "600",
     NOT_NEGATIVE,
     .unit = "s",
     .help = "Time between checkpoints; 0: not by time.",
     .resumable = true},
    {.key = "checkpoint.every_epochs",
     .type = PLT_OPT_INT,
     .fallback = "0",
     ANY_UINT,
     .unit = "epochs",
     .help = "Epochs between checkpoints; 0: only by time and for a new best.",
     .resumable = true},
    {.key = "checkpoint.keep",
     .type = PLT_OPT_INT,
     .fallback = "2",
     .min = 1,
     .max = 1000000,
     .help = "Newest checkpoints to keep, beside best.",
     .resumable = true},
};

static const plt_option_t procedure_rows[] = {
    {.key = "procedure",
     .type = PLT_OPT_LIST,
     .help = "Training in stages, one after the other; without it a run is one stage. An entry is a stage or a loop. A "
             "stage has model, strategy, optimizer, train, eval and init as on top, key by key over what stands there; "
             "--set procedure.0.train.epochs=3 reaches into it (docs/procedures.md)."},
};
static const plt_option_t loop_rows[] = {
    {.key = "repeat", .type = PLT_OPT_INT, .min = 1, .max = PLT_REPEAT_MAX, .help = "How often the stages are run."},
    {.key = "stages", .type = PLT_OPT_LIST, .help = "Stages, as entries of procedure; loops do not nest."},
};

static const plt_option_table_t run_table = TABLE("run", run_rows);
static const plt_option_table_t step_table = TABLE("steps", step_rows);
static const plt_option_table_t procedure_table = TABLE("procedure", procedure_rows);
static const plt_option_table_t train_table = TABLE("train", train_rows);
static const plt_option_table_t eval_table = TABLE("eval", eval_rows);
static const plt_option_table_t init_table = TABLE("init", init_rows);
static const plt_option_table_t cluster_table = TABLE("cluster", cluster_rows);
static const plt_option_table_t checkpoint_table = TABLE("checkpoint", checkpoint_rows);

/* The last rows of train_rows are of the whole run. */
enum { TRAIN_OF_RUN = 2, TRAIN_OF_STAGE = sizeof train_rows / sizeof *train_rows - TRAIN_OF_RUN };
static const plt_option_table_t train_of_run = {"train", train_rows + TRAIN_OF_STAGE, TRAIN_OF_RUN};
static const plt_option_table_t train_of_stage = {"train", train_rows, TRAIN_OF_STAGE};

const plt_option_table_t *const plt_config_tables[] = {&run_table,
                                                       &plt_dataset_options,
                                                       &plt_model_options,
                                                       &plt_augment_options,
                                                       &plt_strategy_options,
                                                       &plt_optimizer_options,
                                                       &plt_optimizer_common,
                                                       &step_table,
                                                       &train_table,
                                                       &eval_table,
                                                       &init_table,
                                                       &cluster_table,
                                                       &checkpoint_table,
                                                       &procedure_table,
                                                       NULL};
const plt_option_table_t *const plt_config_run_tables[] = {
    &run_table, &plt_dataset_options, &cluster_table, &checkpoint_table, &train_of_run, &procedure_table, NULL};
const plt_option_table_t *const plt_config_stage_tables[] = {&plt_model_options,    &plt_augment_options,
                                                             &plt_strategy_options, &plt_optimizer_options,
                                                             &plt_optimizer_common, &step_table,
                                                             &train_of_stage,       &eval_table,
                                                             &init_table,           NULL};
static const plt_option_table_t lr_table = {"optimizer", step_rows, 1};
const plt_option_table_t *const plt_config_optimizer_tables[] = {&plt_optimizer_options, &plt_optimizer_common,
                                                                 &lr_table, NULL};
const plt_option_table_t plt_config_loop_table = {"loop (an entry of procedure)", loop_rows,
                                                  sizeof loop_rows / sizeof *loop_rows};

const plt_option_table_t **plt_config_all_tables(bool of_entries, size_t *n) {
  const plt_option_table_t **tables = NULL;
  size_t capacity = 0;
  *n = 0;
#define ADD(table)                      \
  do {                                  \
    PLT_MEM_GROW(tables, *n, capacity); \
    tables[(*n)++] = (table);           \
  } while (0)
  for (size_t i = 0; plt_config_tables[i] != NULL; i++) ADD(plt_config_tables[i]);
  plt_choice_t choice;
  for (size_t c = 0; c < plt_n_choices; c++) {
    bool is_entry = strcmp(plt_choices[c].key, "stage") == 0;
    if (is_entry && !of_entries) continue;
    if (is_entry) ADD(&plt_stage_options);
    for (size_t i = 0; plt_choices[c].at(i, &choice); i++) ADD(choice.options);
    if (is_entry) ADD(&plt_config_loop_table);
  }
#undef ADD
  return tables;
}
