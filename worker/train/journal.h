/* journal.h - what a run tells: metrics.jsonl and the progress line. Worker 0 keeps it.
 *
 * On a terminal one live line is redrawn (epoch, loss, samples/s, MB/s, time left); elsewhere one plain line per
 * epoch. Events: docs/metrics.md, "metrics.jsonl"; those that a recovery or a resume takes back: undone.h.
 *
 * Ownership  copies the plan that it is given, not what that points to.
 * Threads    one owner, in a process one at a time: the line on the terminal is the process's.
 *            plt_journal_recovery(): the conductor's.
 * Units      *_bytes in bytes, *_s and seconds in seconds.
 * Errors     PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE for metrics.jsonl.
 * Source     docs/metrics.md, "metrics.jsonl". */
#ifndef PLT_WORKER_TRAIN_JOURNAL_H
#define PLT_WORKER_TRAIN_JOURNAL_H

#include "worker/rank/evaluate.h"
#include "worker/session/procedure.h"
#include "worker/train/view.h"

typedef struct plt_journal plt_journal_t;

/* Appends to RUN/metrics.jsonl, of which half a last line is cut off. quiet: no progress. */
plt_status_t plt_journal_open(const plt_plan_t *plan, bool quiet, plt_journal_t **out);
/* What follows is told of another stage. */
void plt_journal_enter(plt_journal_t *journal, const plt_plan_t *plan);
/* *clock, how many pushes the tables have seen, is told with every event from here on; NULL: no more. */
void plt_journal_follow(plt_journal_t *journal, const uint64_t *clock);
/* Closes it, if it is open, and returns `status`, how the work that it tells of ended; PLT_ERR_IO when that went well
 * but the last lines could not be written. */
plt_status_t plt_journal_close(plt_journal_t **journal, plt_status_t status);

typedef struct plt_epoch_report {
  uint32_t epoch;
  double loss;    /* mean over batches */
  double seconds; /* without evaluation and checkpoints */
  uint64_t samples;
  uint64_t gradients;                             /* gradient evaluations since the run began, in batches */
  uint64_t pull_bytes, push_bytes;                /* all workers */
  double sample_s, compute_s, exchange_s, wait_s; /* worker 0 */
  bool validates;                                 /* an evaluation follows: it is told on the same line */
} plt_epoch_report_t;

void plt_journal_step(plt_journal_t *journal, uint32_t epoch, uint64_t step, double loss);
/* After every batch, for the live line, or a plain one now and then: `done` of `batches` of the epoch. */
void plt_journal_progress(plt_journal_t *journal, uint32_t epoch, uint32_t done, uint32_t batches, double loss_sum);
plt_status_t plt_journal_epoch(plt_journal_t *journal, const plt_epoch_report_t *report);
/* For the evaluation that begins: tells how far it is. NULL for no journal. */
const plt_eval_watch_t *plt_journal_watch(plt_journal_t *journal);
/* p: of a training that goes on, what is the best so far; or NULL. seconds: that worker 0 gave to it; negative: not
 * known of this part alone. */
plt_status_t plt_journal_eval(plt_journal_t *journal, uint32_t epoch, plt_part_t part, const plt_metrics_t *metrics,
                              const plt_progress_t *p, double seconds);
/* How flat the minimum is after an epoch; `write` adds what was measured to the event. */
plt_status_t plt_journal_sharpness(plt_journal_t *journal, uint32_t epoch,
                                   void (*write)(const void *context, plt_json_t *event), const void *context);
/* A checkpoint that was published. */
typedef struct plt_journal_checkpoint {
  uint64_t clock;
  uint32_t epochs; /* done by then */
  bool is_best;
  double write_s;      /* from its order until it was published */
  double checkpoint_s; /* that worker 0 gave to checkpoints since the event before */
} plt_journal_checkpoint_t;
void plt_journal_checkpoint(plt_journal_t *journal, const plt_journal_checkpoint_t *checkpoint);
/* The environments of the training pairs after a round: how many pairs changed theirs, and how many each has. */
plt_status_t plt_journal_labels(plt_journal_t *journal, uint64_t changed, const uint64_t *sizes, uint32_t environments);
/* A mask as a stage leaves it: n blocks of columns one behind the other. */
typedef struct plt_mask_block {
  const char *name;
  size_t cols;
} plt_mask_block_t;
plt_status_t plt_journal_mask(plt_journal_t *journal, const float *mask, const plt_mask_block_t *blocks, size_t n);
/* The weights of the modalities' models in the score, in the order of data.features. */
plt_status_t plt_journal_fusion(plt_journal_t *journal, const float *weights);
/* Hands all events to the system, where a killed process does not lose them; before a checkpoint is published, which
 * a resumed run starts from. */
plt_status_t plt_journal_flush(plt_journal_t *journal);
/* Where the time of this start went. */
void plt_journal_view(plt_journal_t *journal, const plt_view_t *view);
/* The end: where training stands, and metrics of the best tables (or the last), which took eval_s. parts[p] tells which
 * are there. Before it, the slices of each. */
plt_status_t plt_journal_final(plt_journal_t *journal, bool has_best, const plt_progress_t *progress, double eval_s,
                               const bool parts[PLT_PARTS], const plt_metrics_t metrics[PLT_PARTS],
                               const plt_breakdown_t breakdowns[PLT_PARTS]);

/* A restart, told by whoever conducts the job, while no journal is open. Failures are logged, not returned: a run goes
 * on without the line. */
void plt_journal_recovery(const char *run_dir, const char *what, uint32_t generation, uint64_t clock, double seconds);

#endif
