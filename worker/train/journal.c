/* journal.c - see journal.h. */
#include "worker/train/journal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/io/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "worker/math/kernels.h"
#include "worker/train/live.h"

struct plt_journal {
  plt_plan_t plan; /* of the stage that is told of: a copy, which stays when a session ends */
  char stage[96];  /* "stage 2 of 3, round 1 of 2, environment 3 of 10, ", "" in a plain run */
  FILE *file;
  char path[PLT_PATH_MAX], dir[PLT_PATH_MAX];
  plt_path_id_t place; /* of dir when the file was opened */
  bool quiet, live;
  int64_t begin_ns, drawn_ns, epoch_ns; /* epoch_ns: when the epoch on the live line began */
  uint32_t epoch, first_epoch;
  bool has_epoch;
  const uint64_t *clock;            /* NULL: not told */
  char told[160];                   /* an epoch's line, to which its evaluation is still to be added; "" if none */
  double rate;                      /* samples per second in that epoch */
  plt_live_evaluation_t evaluation; /* the one under way */
};

/* Cuts off the last line where a killed process left half of one. */
static plt_status_t drop_torn_line(const char *path) {
  FILE *file = fopen(path, "r+");
  if (file == NULL) return PLT_OK;
  plt_status_t status = PLT_OK;
  off_t end = fseeko(file, 0, SEEK_END) == 0 ? ftello(file) : 0, whole = end;
  while (whole > 0 && fseeko(file, whole - 1, SEEK_SET) == 0 && fgetc(file) != '\n') whole--;
  if (whole != end && ftruncate(fileno(file), whole) != 0)
    status = plt_fail_errno(PLT_ERR_IO, "%s: cannot cut off its last line", path);
  fclose(file);
  return status;
}

void plt_journal_enter(plt_journal_t *journal, const plt_plan_t *plan) {
  journal->plan = *plan;
  journal->begin_ns = plt_time_ns();
  journal->has_epoch = false;
  journal->stage[0] = '\0';
  if (plan->leg == NULL || !plan->procedure->is_given) return;
  int n = snprintf(journal->stage, sizeof journal->stage, "stage %zu of %zu, ",
                   plt_procedure_number(plan->procedure, plan->leg) + 1, plan->procedure->n_legs);
  const plt_stage_t *stage = plan->leg->stage;
  if (stage->modality != NULL)
    n += snprintf(journal->stage + n, sizeof journal->stage - (size_t)n, "%.24s, ", stage->modality);
  const plt_within_t *within = &plan->within;
  if (within->rounds > 0)
    snprintf(journal->stage + n, sizeof journal->stage - (size_t)n,
             "round %" PRIu32 " of %" PRIu32 ", environment %" PRIu32 " of %" PRIu32 ", ", within->round + 1,
             within->rounds, within->environment + 1, within->environments);
}

plt_status_t plt_journal_open(const plt_plan_t *plan, bool quiet, plt_journal_t **out) {
  plt_journal_t *journal = plt_mem_zalloc(1, sizeof *journal);
  journal->quiet = quiet;
  journal->live = !quiet && plt_live_is_possible();
  plt_journal_enter(journal, plan);
  snprintf(journal->dir, sizeof journal->dir, "%s", plan->run_dir);
  plt_status_t status = plt_path_join(plan->run_dir, "metrics.jsonl", journal->path);
  if (status == PLT_OK) status = drop_torn_line(journal->path);
  if (status == PLT_OK) {
    journal->file = fopen(journal->path, "a");
    if (journal->file == NULL) status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot open", journal->path);
    journal->place = plt_path_id(plan->run_dir);
  }
  if (status != PLT_OK) {
    free(journal);
    return status;
  }
  plt_live_begin();
  *out = journal;
  return PLT_OK;
}

/* One more column, unless the line would wrap. */
__attribute__((format(printf, 3, 4))) static void add_if_it_fits(char *line, size_t bytes, const char *format, ...) {
  char more[96];
  const size_t at = strlen(line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(more, sizeof more, format, arguments);
  va_end(arguments);
  if (at + strlen(more) < bytes && at + strlen(more) <= plt_live_width()) memcpy(line + at, more, strlen(more) + 1);
}

static void say(const plt_journal_t *journal, const char *line) {
  if (journal->quiet) return;
  plt_live_clear();
  fprintf(stderr, "%s\n", line);
}

plt_status_t plt_journal_close(plt_journal_t **journal_at, plt_status_t status) {
  plt_journal_t *journal = *journal_at;
  if (journal == NULL) return status;
  if (journal->told[0] != '\0') say(journal, journal->told);
  plt_live_end();
  bool failed = ferror(journal->file) != 0;
  failed = fclose(journal->file) != 0 || failed;
  if (failed && status == PLT_OK) status = plt_fail_errno(PLT_ERR_IO, "%s: cannot write", journal->path);
  free(journal);
  *journal_at = NULL;
  return status;
}

void plt_journal_follow(plt_journal_t *journal, const uint64_t *clock) { journal->clock = clock; }

/* ---- events ---- */

static plt_json_t *begin_event(const char *event) {
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "event", event);
  return json;
}

/* An event of a stage, if there are several. */
static plt_json_t *begin_stage_event(const plt_journal_t *journal, const char *event) {
  plt_json_t *json = begin_event(event);
  const plt_leg_t *leg = journal->plan.leg;
  if (journal->stage[0] == '\0') return json;
  plt_json_text(json, "stage", leg->stage->name);
  if (leg->stage->modality != NULL) plt_json_text(json, "modality", leg->stage->modality);
  if (leg->repeat > 0) plt_json_int(json, "outer", leg->outer);
  if (journal->plan.within.rounds > 0) {
    plt_json_int(json, "round", journal->plan.within.round);
    plt_json_int(json, "environment", journal->plan.within.environment);
  }
  return json;
}

/* Writes it. */
static void end_stage_event(const plt_journal_t *journal, plt_json_t **json) {
  if (journal->clock != NULL) plt_json_int(*json, "clock", (int64_t)*journal->clock);
  plt_json_write(json, journal->file);
}

plt_status_t plt_journal_labels(plt_journal_t *journal, uint64_t changed, const uint64_t *sizes,
                                uint32_t environments) {
  plt_json_t *json = begin_stage_event(journal, "labels");
  plt_json_int(json, "changed", (int64_t)changed);
  plt_json_t *list = plt_json_add_list(json, "sizes");
  uint32_t empty = 0;
  for (uint32_t e = 0; e < environments; e++) {
    plt_json_int(list, NULL, (int64_t)sizes[e]);
    empty += sizes[e] == 0;
  }
  end_stage_event(journal, &json);
  if (empty > 0)
    plt_log(PLT_LOG_WARN,
            "%s%" PRIu32 " of %" PRIu32
            " environments have no pairs: no model is trained on them, and masks learn from "
            "the others",
            journal->stage, empty, environments);
  char line[96];
  snprintf(line, sizeof line, "%s%" PRIu64 " of %" PRIu64 " pairs changed their environment", journal->stage, changed,
           journal->plan.data->n_train);
  say(journal, line);
  return plt_journal_flush(journal);
}

plt_status_t plt_journal_mask(plt_journal_t *journal, const float *mask, const plt_mask_block_t *blocks, size_t n) {
  plt_json_t *json = begin_stage_event(journal, "mask");
  plt_json_t *of;
  size_t cols = 0, at = 0;
  float least = INFINITY, most = -INFINITY;
  char line[256];
  for (size_t b = 0; b < n; b++) cols += blocks[b].cols;
  double mean = plt_kernel_total(mask, cols) / (double)cols;
  for (size_t k = 0; k < cols; k++) {
    least = fminf(least, mask[k]);
    most = fmaxf(most, mask[k]);
  }
  plt_json_real(json, "mean", mean);
  plt_json_real(json, "min", least);
  plt_json_real(json, "max", most);
  snprintf(line, sizeof line, "%smask: mean %.3f, %.3f to %.3f", journal->stage, mean, (double)least, (double)most);
  of = plt_json_add_object(json, "modalities");
  for (size_t b = 0; b < n; at += blocks[b++].cols) {
    double of_block = plt_kernel_total(mask + at, blocks[b].cols) / (double)blocks[b].cols;
    size_t told = strlen(line);
    plt_json_real(of, blocks[b].name, of_block);
    snprintf(line + told, sizeof line - told, "%s %.32s %.3f", b == 0 ? ";" : ",", blocks[b].name, of_block);
  }
  end_stage_event(journal, &json);
  say(journal, line);
  return plt_journal_flush(journal);
}

plt_status_t plt_journal_fusion(plt_journal_t *journal, const float *weights) {
  const plt_dataset_t *data = journal->plan.data;
  plt_json_t *json = begin_stage_event(journal, "fusion");
  plt_json_t *of = plt_json_add_list(json, "weights");
  char line[256];
  snprintf(line, sizeof line, "%sweights:", journal->stage);
  for (size_t m = 0; m < data->n_features; m++) {
    size_t told = strlen(line);
    plt_json_real(of, NULL, (double)weights[m]);
    snprintf(line + told, sizeof line - told, "%s %.32s %.3f", m == 0 ? "" : ",", data->features[m].name,
             (double)weights[m]);
  }
  end_stage_event(journal, &json);
  say(journal, line);
  return plt_journal_flush(journal);
}

plt_status_t plt_journal_flush(plt_journal_t *journal) {
  if (fflush(journal->file) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot write", journal->path);
  if (plt_path_is(journal->dir, journal->place)) return PLT_OK;
  return plt_fail(PLT_ERR_IO,
                  "%s: the run directory was removed, moved or replaced while the run works in it: nothing that it "
                  "writes can be found any more",
                  journal->dir);
}

void plt_journal_step(plt_journal_t *journal, uint32_t epoch, uint64_t step, double loss) {
  plt_json_t *json = begin_stage_event(journal, "step");
  plt_json_int(json, "epoch", epoch);
  plt_json_int(json, "step", (int64_t)step);
  plt_json_real(json, "loss", loss);
  end_stage_event(journal, &json);
}

void plt_journal_progress(plt_journal_t *journal, uint32_t epoch, uint32_t done, uint32_t batches, double loss_sum) {
  if (journal->quiet) return;
  int64_t now = plt_time_ns();
  if (!journal->has_epoch || journal->epoch != epoch) {
    if (!journal->has_epoch) journal->first_epoch = epoch;
    journal->has_epoch = true;
    journal->epoch = epoch;
    journal->epoch_ns = now;
    if (!journal->live) journal->drawn_ns = now;
  }
  if (!plt_live_is_due(journal->live, now, journal->drawn_ns) || now == journal->epoch_ns) return;
  const plt_plan_t *plan = &journal->plan;
  double in_epoch = plt_time_seconds(now - journal->epoch_ns), total = plt_time_seconds(now - journal->begin_ns);
  double epochs_done = (double)(epoch - journal->first_epoch) + (double)done / batches;
  char left[32];
  plt_live_duration(
      epochs_done > 0 ? total / epochs_done * ((double)(plan->epochs - journal->first_epoch) - epochs_done) : 0, left,
      sizeof left);
  char line[160];
  snprintf(line, sizeof line,
           "%sepoch %" PRIu32 "/%" PRIu32 "  batch %" PRIu32 "/%" PRIu32
           "  loss %.5f  %.0fk samples/s  at most %s left",
           journal->stage, epoch, plan->epochs, done, batches, loss_sum / (done == 0 ? 1 : done),
           (double)done * plan->batch_size / in_epoch / 1000, left);
  if (journal->live)
    plt_live_draw("%s", line);
  else
    plt_log(PLT_LOG_NOTE, "%s", line);
  journal->drawn_ns = now;
}

plt_status_t plt_journal_epoch(plt_journal_t *journal, const plt_epoch_report_t *r) {
  plt_json_t *json = begin_stage_event(journal, "epoch");
  double rate = r->seconds > 0 ? (double)r->samples / r->seconds : 0;
  plt_json_int(json, "epoch", r->epoch);
  plt_json_real(json, "loss", r->loss);
  plt_json_real(json, "seconds", r->seconds);
  plt_json_real(json, "samples_per_s", rate);
  plt_json_int(json, "gradients", (int64_t)r->gradients);
  plt_json_int(json, "pull_bytes", (int64_t)r->pull_bytes);
  plt_json_int(json, "push_bytes", (int64_t)r->push_bytes);
  plt_json_real(json, "sample_s", r->sample_s);
  plt_json_real(json, "compute_s", r->compute_s);
  plt_json_real(json, "exchange_s", r->exchange_s);
  plt_json_real(json, "wait_s", r->wait_s);
  end_stage_event(journal, &json);
  snprintf(journal->told, sizeof journal->told, "%sepoch %3" PRIu32 "  loss %.6f  %6.2f s", journal->stage, r->epoch,
           r->loss, r->seconds);
  journal->rate = rate;
  if (!r->validates) {
    add_if_it_fits(journal->told, sizeof journal->told, "  %.0fk samples/s", rate / 1000);
    say(journal, journal->told);
    journal->told[0] = '\0';
  } else if (journal->live) {
    plt_live_draw("%s  evaluating", journal->told);
  }
  return plt_journal_flush(journal);
}

const plt_eval_watch_t *plt_journal_watch(plt_journal_t *journal) {
  return journal == NULL ? NULL : plt_live_watch(&journal->evaluation, journal->quiet);
}

/* "...  recall@20 0.0194, best 0.0197 @34, 1 of 20  83k samples/s", as far as it fits. */
static void say_evaluated(plt_journal_t *journal, uint32_t epoch, double value, const plt_progress_t *p) {
  const plt_plan_t *plan = &journal->plan;
  const size_t bytes = sizeof journal->told;
  char *line = journal->told;
  add_if_it_fits(line, bytes, "  %s %.4f", plan->metric, value);
  if (p != NULL && p->best_epoch == epoch) {
    add_if_it_fits(line, bytes, " best");
  } else if (p != NULL) {
    add_if_it_fits(line, bytes, ", best %.4f @%" PRIu32, p->best, p->best_epoch);
    if (plan->patience > 0) add_if_it_fits(line, bytes, ", %" PRIu32 " of %" PRIu32, p->bad_evals, plan->patience);
  }
  add_if_it_fits(line, bytes, "  %.0fk samples/s", journal->rate / 1000);
  say(journal, line);
  line[0] = '\0';
}

plt_status_t plt_journal_eval(plt_journal_t *journal, uint32_t epoch, plt_part_t part, const plt_metrics_t *metrics,
                              const plt_progress_t *p, double seconds) {
  const plt_plan_t *plan = &journal->plan;
  plt_json_t *json = begin_stage_event(journal, "eval");
  plt_json_int(json, "epoch", epoch);
  plt_json_text(json, "split", plt_part_keys[part]);
  plt_metrics_put(metrics, &plan->topk, json);
  if (seconds >= 0) plt_json_real(json, "eval_s", seconds);
  end_stage_event(journal, &json);
  if (journal->told[0] != '\0') /* else the final table tells it */
    say_evaluated(journal, epoch, metrics->value[plt_metric_index(&plan->topk, plan->metric)], p);
  return plt_journal_flush(journal);
}

plt_status_t plt_journal_sharpness(plt_journal_t *journal, uint32_t epoch,
                                   void (*write)(const void *context, plt_json_t *event), const void *context) {
  plt_json_t *json = begin_stage_event(journal, "sharpness");
  plt_json_int(json, "epoch", epoch);
  write(context, json);
  end_stage_event(journal, &json);
  return plt_journal_flush(journal);
}

void plt_journal_checkpoint(plt_journal_t *journal, const plt_journal_checkpoint_t *checkpoint) {
  plt_json_t *json = begin_stage_event(journal, "checkpoint");
  plt_json_int(json, "epochs", checkpoint->epochs);
  plt_json_bool(json, "best", checkpoint->is_best);
  plt_json_real(json, "write_s", checkpoint->write_s);
  plt_json_real(json, "checkpoint_s", checkpoint->checkpoint_s);
  plt_json_int(json, "clock", (int64_t)checkpoint->clock);
  plt_json_write(&json, journal->file);
}

void plt_journal_view(plt_journal_t *journal, const plt_view_t *view) {
  plt_json_t *json = begin_event("time");
  plt_view_put(view, json);
  plt_json_write(&json, journal->file);
}

static void note_slices(plt_journal_t *journal, plt_part_t part, const plt_breakdown_t *breakdown) {
  plt_json_t *json = begin_stage_event(journal, "slices");
  plt_json_text(json, "split", plt_part_keys[part]);
  plt_slices_put(breakdown, &journal->plan.topk, json);
  end_stage_event(journal, &json);
}

plt_status_t plt_journal_final(plt_journal_t *journal, bool has_best, const plt_progress_t *progress, double eval_s,
                               const bool parts[PLT_PARTS], const plt_metrics_t metrics[PLT_PARTS],
                               const plt_breakdown_t breakdowns[PLT_PARTS]) {
  const plt_topk_t *topk = &journal->plan.topk;
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (parts[part]) note_slices(journal, part, &breakdowns[part]);
  plt_json_t *json = begin_stage_event(journal, "final");
  if (has_best) plt_json_int(json, "best_epoch", progress->best_epoch);
  plt_json_int(json, "epochs", progress->epoch);
  plt_json_int(json, "gradients", (int64_t)progress->gradients);
  plt_json_real(json, "seconds", progress->seconds);
  plt_json_real(json, "eval_s", eval_s);
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    if (!parts[part]) continue;
    plt_json_t *of = plt_json_add_object(json, plt_part_keys[part]);
    plt_metrics_put(&metrics[part], topk, of);
    plt_breakdown_put(&breakdowns[part], topk, of);
  }
  if (parts[PLT_PART_TEST] && parts[PLT_PART_SHIFT])
    plt_kept_put(&metrics[PLT_PART_TEST], &metrics[PLT_PART_SHIFT], topk, plt_json_add_object(json, "kept"));
  end_stage_event(journal, &json);
  return plt_journal_flush(journal);
}

void plt_journal_recovery(const char *run_dir, const char *what, uint32_t generation, uint64_t clock, double seconds) {
  char path[PLT_PATH_MAX];
  if (plt_path_join(run_dir, "metrics.jsonl", path) != PLT_OK) return;
  FILE *file = drop_torn_line(path) == PLT_OK ? fopen(path, "a") : NULL;
  if (file == NULL) {
    plt_log(PLT_LOG_WARN, "%s: cannot note the recovery", path);
    return;
  }
  plt_json_t *json = begin_event("recovery");
  plt_json_text(json, "what", what);
  plt_json_int(json, "generation", generation);
  plt_json_int(json, "clock", (int64_t)clock);
  plt_json_real(json, "seconds", seconds);
  plt_json_write(&json, file);
  fclose(file);
}
