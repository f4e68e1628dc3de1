/* search.c - a tuning's trials, one round after the other, and what becomes of the best; see tune.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/tune/pool.h"
#include "launch/tune/tune.h"

enum { EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_SIGNAL = 128 };

/* What a process is made of. */
typedef struct task {
  plt_sets_t words;
  char *name, *log;
} task_t;

/* Processes to be run, and what they are for. */
typedef struct batch {
  plt_tuning_t *tuning;
  plt_process_t *processes;
  task_t *tasks;
  plt_trial_t **trials; /* of each; NULL: of a final */
  size_t n, capacity;
  uint32_t epochs;        /* that trials are to have; 0: as the configuration says */
  size_t n_interrupted;   /* of those that have ended */
  plt_failure_t first_of; /* how the first of them ended */
} batch_t;

/* ---- processes ---- */

static void add_set(plt_sets_t *words, const char *key, const char *value) {
  plt_sets_add(words, NULL, "--set");
  plt_sets_add(words, key, value);
}

static void add_number(plt_sets_t *words, const char *key, uint64_t value) {
  plt_sets_add(words, NULL, "--set");
  plt_sets_add_number(words, key, value);
}

static task_t *add_task(batch_t *batch, plt_trial_t *trial, const char *name) {
  size_t n = batch->n, capacity = batch->capacity;
  PLT_MEM_GROW(batch->tasks, n, capacity);
  batch->trials = plt_mem_resize(batch->trials, capacity, sizeof(plt_trial_t *));
  batch->capacity = capacity;
  batch->tasks[n] =
      (task_t){.name = plt_mem_strdup(name), .log = plt_mem_print("%s/logs/%s.txt", batch->tuning->dir, name)};
  batch->trials[n] = trial;
  batch->n++;
  return &batch->tasks[n];
}

/* Trains `trial` in `dir` with a seed; epochs 0: as the configuration says. */
static void add_training(batch_t *batch, plt_trial_t *trial, const char *dir, const char *name, uint32_t seed,
                         uint32_t epochs, bool is_final) {
  const plt_tuning_t *tuning = batch->tuning;
  plt_sets_t *words = &add_task(batch, is_final ? NULL : trial, name)->words;
  plt_sets_add(words, NULL, "train");
  plt_sets_add(words, NULL, tuning->config);
  for (size_t i = 0; i < tuning->sets->n; i++) add_set(words, NULL, tuning->sets->text[i]);
  for (size_t i = 0; i < trial->point.n; i++) add_set(words, NULL, trial->point.text[i]);
  add_number(words, "run.seed", seed);
  if (!is_final) add_set(words, "eval.final", "valid");
  if (epochs > 0) add_number(words, "train.epochs", epochs);
  if (tuning->threads > 0) add_number(words, "cluster.threads", tuning->threads);
  add_set(words, "run.dir", dir);
  plt_sets_add(words, NULL, "--resume");
  plt_sets_add(words, NULL, "--quiet");
  plt_sets_add(words, NULL, "--alone");
}

static void clear(batch_t *batch) {
  for (size_t i = 0; i < batch->n; i++) {
    plt_sets_clear(&batch->tasks[i].words);
    free(batch->tasks[i].name);
    free(batch->tasks[i].log);
  }
  free(batch->tasks);
  free(batch->trials);
  free(batch->processes);
}

static plt_status_t run_batch(batch_t *batch, plt_pool_ended_fn ended) {
  batch->processes = plt_mem_zalloc(batch->n, sizeof *batch->processes);
  for (size_t i = 0; i < batch->n; i++) {
    const task_t *task = &batch->tasks[i];
    batch->processes[i] = (plt_process_t){.words = task->words.text, .n_words = task->words.n, .log = task->log};
  }
  return plt_pool_run(batch->processes, batch->n, batch->tuning->space->jobs, ended, batch);
}

/* Whether it may end otherwise when it is begun again: it was killed or stopped, a disk was full, memory ran out. A
 * loss that is not finite comes again. */
static bool is_interrupted(const plt_process_t *process) { return process->code != 0 && process->code != EXIT_DATA; }

static plt_status_t status_of(int code) {
  for (plt_status_t status = 0; status < PLT_STATUS_COUNT; status++)
    if (plt_status_exit(status) == code) return status;
  return PLT_ERR_PEER; /* killed */
}

static void note_interrupted(batch_t *batch, const plt_process_t *process, const char *word) {
  batch->n_interrupted++;
  plt_failure_keep(&batch->first_of, plt_fail(status_of(process->code), "%s: %s", process->log, word));
}

/* What was interrupted is no result: nothing is chosen, and nothing compared, without it. */
static plt_status_t refuse_interrupted(const batch_t *batch) {
  if (batch->n_interrupted == 0) return PLT_OK;
  return plt_fail(batch->first_of.status, "%zu of %zu interrupted: %s; the same command goes on with %s",
                  batch->n_interrupted, batch->n, batch->first_of.text, batch->n_interrupted == 1 ? "it" : "them");
}

static plt_status_t run_to_end(batch_t *batch, plt_pool_ended_fn ended) {
  plt_status_t status = batch->n == 0 ? PLT_OK : run_batch(batch, ended);
  return status == PLT_OK ? refuse_interrupted(batch) : status;
}

/* The last line of a log without the program's name; free it. */
static char *last_word(const char *log) {
  enum { LOG_BYTES_MAX = 64 << 20 };
  static const char *const names[] = {"plateau: error: ", "plateau: "};
  char *text;
  if (plt_file_read(log, LOG_BYTES_MAX, &text, NULL) != PLT_OK) return plt_mem_strdup("");
  size_t length = strlen(text);
  while (length > 0 && text[length - 1] == '\n') text[--length] = '\0';
  char *line = strrchr(text, '\n');
  line = line == NULL ? text : line + 1;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strncmp(line, names[i], strlen(names[i])) == 0) line += strlen(names[i]);
  char *word = plt_mem_strdup(line);
  free(text);
  return word;
}

/* Why a process failed; free it. */
static char *word_of(const plt_process_t *process) {
  if (process->code <= EXIT_SIGNAL) return last_word(process->log);
  return plt_mem_print("was ended by signal %d (%s)", process->code - EXIT_SIGNAL,
                       strsignal(process->code - EXIT_SIGNAL));
}

/* ---- trials ---- */

/* Marks beside the logs. NAME.failed: a trial with an error of its own, which is not begun again; of a run that failed
 * otherwise, for want of space, say, there is none. NAME.done: how many epochs it was to have when it ended well (0: as
 * many as the configuration says): a run that was resumed and killed at once looks as it did at its end before. */
static char *mark_of(const plt_tuning_t *tuning, const char *name, const char *kind) {
  return plt_mem_print("%s/logs/%s.%s", tuning->dir, name, kind);
}

static plt_status_t leave_mark(const plt_tuning_t *tuning, const char *name, const char *kind, const char *text) {
  char *mark = mark_of(tuning, name, kind);
  plt_status_t status = plt_file_publish(mark, text, strlen(text));
  free(mark);
  return status;
}

static bool has_mark(const plt_tuning_t *tuning, const char *name, const char *kind) {
  char *mark = mark_of(tuning, name, kind);
  bool has = plt_path_exists(mark);
  free(mark);
  return has;
}

static plt_status_t mark_done(const plt_tuning_t *tuning, const char *name, uint32_t epochs) {
  char text[16];
  snprintf(text, sizeof text, "%" PRIu32 "\n", epochs);
  return leave_mark(tuning, name, "done", text);
}

/* Without a mark it is so: the search was killed before it could leave one. */
static bool was_done(const plt_tuning_t *tuning, const char *name, uint32_t epochs) {
  enum { MARK_BYTES_MAX = 64 };
  char *mark = mark_of(tuning, name, "done"), *text = NULL;
  bool was = !plt_path_exists(mark) || plt_file_read(mark, MARK_BYTES_MAX, &text, NULL) != PLT_OK ||
             strtoul(text, NULL, 10) >= epochs;
  free(text);
  free(mark);
  return was;
}

/* Whether its run has come to its end, with `epochs` epochs or, 0, whatever it was to have; then what it is worth. */
static bool read_trial(const plt_tuning_t *tuning, plt_trial_t *trial, uint32_t epochs) {
  plt_run_t run;
  trial->value = trial->epochs = NAN;
  if (!plt_path_is_dir(trial->dir) || plt_run_open(trial->dir, trial->name, &run) != PLT_OK) return false;
  char *given = plt_run_option(&run, "train.epochs");
  bool is_over = run.state == PLT_RUN_FINISHED &&
                 (epochs == 0 || (given != NULL && strtoul(given, NULL, 10) >= epochs)) &&
                 was_done(tuning, trial->name, epochs);
  trial->failed = run.state == PLT_RUN_FAILED && has_mark(tuning, trial->name, "failed");
  if (run.state == PLT_RUN_FINISHED) {
    trial->value = plt_run_best(&run, tuning->metric);
    trial->epochs = plt_run_epochs(&run);
  }
  free(given);
  plt_run_clear(&run);
  return is_over || trial->failed;
}

static const plt_trial_t *best_of(const plt_tuning_t *tuning, const plt_arm_t *arm) {
  const plt_trial_t *best = NULL;
  for (size_t i = 0; i < tuning->n; i++) {
    const plt_trial_t *trial = &tuning->trial[i];
    if (trial->arm != arm || !trial->goes_on || isnan(trial->value)) continue;
    if (best == NULL || trial->value > best->value) best = trial;
  }
  return best;
}

static void tell(const batch_t *batch, size_t number, const plt_process_t *process, const char *word) {
  const plt_tuning_t *tuning = batch->tuning;
  const plt_trial_t *trial = batch->trials[number], *best = best_of(tuning, trial->arm);
  char *point = plt_trial_describe(trial);
  size_t done = 0;
  for (size_t i = 0; i < batch->n; i++) done += i == number || batch->processes[i].seconds > 0;
  if (isnan(trial->value))
    plt_log(PLT_LOG_NOTE, "%zu of %zu: %s (%s) %s: %s", done, batch->n, trial->name, point,
            is_interrupted(process) ? "was interrupted" : "failed", word);
  else
    plt_log(PLT_LOG_NOTE, "%zu of %zu: %s (%s): %s %.4f%s, %.1f s", done, batch->n, trial->name, point, tuning->metric,
            trial->value, best == trial ? " best" : "", process->seconds);
  free(point);
}

/* Its run has failed: with an error of its own, or it has not begun. */
static plt_status_t note_failure(batch_t *batch, plt_trial_t *trial, const plt_process_t *process, const char *word) {
  trial->value = NAN;
  trial->failed = process->code == EXIT_DATA;
  if (process->code == EXIT_USAGE) return plt_fail(PLT_ERR_USAGE, "trial %s: %s", trial->name, word);
  if (trial->failed) return leave_mark(batch->tuning, trial->name, "failed", word);
  note_interrupted(batch, process, word);
  return PLT_OK;
}

/* plt_pool_ended_fn */
static plt_status_t trial_ended(void *context, size_t number, const plt_process_t *process) {
  batch_t *batch = context;
  plt_trial_t *trial = batch->trials[number];
  char *word = word_of(process);
  plt_status_t status = PLT_OK;
  read_trial(batch->tuning, trial, 0);
  if (process->code != 0)
    status = note_failure(batch, trial, process, word);
  else if (isnan(trial->value))
    status = plt_fail(PLT_ERR_USAGE,
                      "trial %s has no validation value of %s: is there a validation part, and eval.every above 0?",
                      trial->name, batch->tuning->metric);
  else
    status = mark_done(batch->tuning, trial->name, batch->epochs);
  if (status == PLT_OK) tell(batch, number, process, word);
  free(word);
  return status;
}

/* Those that go on are trained to so many epochs. */
static plt_status_t run_round(plt_tuning_t *tuning, uint32_t epochs) {
  batch_t batch = {.tuning = tuning, .epochs = epochs};
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < tuning->n && status == PLT_OK; i++) {
    plt_trial_t *trial = &tuning->trial[i];
    if (!trial->goes_on) continue;
    if (read_trial(tuning, trial, epochs)) {
      if (!trial->failed && !has_mark(tuning, trial->name, "done")) status = mark_done(tuning, trial->name, epochs);
    } else {
      add_training(&batch, trial, trial->dir, trial->name, tuning->space->seeds[0], epochs, false);
    }
  }
  if (status == PLT_OK) status = run_to_end(&batch, trial_ended);
  clear(&batch);
  return status;
}

static int by_value(const void *a, const void *b) {
  const plt_trial_t *x = *(plt_trial_t *const *)a, *y = *(plt_trial_t *const *)b;
  if (isnan(x->value) || isnan(y->value)) return isnan(x->value) - isnan(y->value);
  if (x->value != y->value) return (x->value < y->value) - (x->value > y->value);
  return (x->number > y->number) - (x->number < y->number);
}

/* One in eta of each strategy goes on, the better ones; ties to the earlier. */
static void drop_worse(plt_tuning_t *tuning) {
  const plt_space_t *space = tuning->space;
  for (size_t a = 0; a < space->n_arms; a++) {
    plt_trial_t **order = plt_mem_alloc(space->trials * sizeof(plt_trial_t *));
    size_t n = 0;
    for (size_t i = 0; i < space->trials; i++) {
      plt_trial_t *trial = &tuning->trial[a * space->trials + i];
      if (trial->goes_on) order[n++] = trial;
    }
    qsort(order, n, sizeof(plt_trial_t *), by_value);
    for (size_t i = 0; i < n; i++) order[i]->goes_on = !isnan(order[i]->value) && i < (n + space->eta - 1) / space->eta;
    free(order);
  }
}

/* The epochs of the first round: so that after as many rounds as leave one trial the last has all epochs. */
static uint32_t first_epochs(const plt_tuning_t *tuning) {
  const plt_space_t *space = tuning->space;
  uint32_t epochs = space->epochs;
  if (epochs == 0) {
    epochs = tuning->epochs;
    for (uint32_t n = space->trials; n > 1; n = (n + space->eta - 1) / space->eta)
      epochs = (epochs + space->eta - 1) / space->eta;
  }
  return epochs < tuning->epochs ? epochs : tuning->epochs;
}

static plt_status_t run_trials(plt_tuning_t *tuning) {
  if (tuning->space->search != PLT_SEARCH_HALVING) return run_round(tuning, 0);
  for (uint64_t epochs = first_epochs(tuning);; epochs *= tuning->space->eta) {
    if (epochs > tuning->epochs) epochs = tuning->epochs;
    PLT_TRY(run_round(tuning, (uint32_t)epochs));
    if (epochs == tuning->epochs) return PLT_OK;
    drop_worse(tuning);
  }
}

/* ---- the best ---- */

static plt_status_t choose(plt_tuning_t *tuning) {
  for (size_t a = 0; a < tuning->space->n_arms; a++) {
    const plt_arm_t *arm = &tuning->space->arm[a];
    tuning->best[a] = (plt_trial_t *)(uintptr_t)best_of(tuning, arm);
    if (tuning->best[a] == NULL)
      return plt_fail(PLT_ERR_DATA, "no trial of %s has ended well: %s/logs has what they said", arm->name,
                      tuning->dir);
  }
  return PLT_OK;
}

/* plt_pool_ended_fn */
static plt_status_t final_ended(void *context, size_t number, const plt_process_t *process) {
  batch_t *batch = context;
  if (process->code == 0) return PLT_OK;
  char *word = word_of(process);
  plt_log(PLT_LOG_WARN, "%s: %s", batch->tasks[number].log, word);
  if (is_interrupted(process)) note_interrupted(batch, process, word);
  free(word);
  return PLT_OK;
}

/* plt_pool_ended_fn */
static plt_status_t final_trained(void *context, size_t number, const plt_process_t *process) {
  batch_t *batch = context;
  PLT_TRY(final_ended(context, number, process));
  return process->code == 0 ? mark_done(batch->tuning, batch->tasks[number].name, 0) : PLT_OK;
}

/* The run of seed s of a strategy's best trial: for the first the trial itself. Free it. */
static char *final_dir(const plt_tuning_t *tuning, const plt_trial_t *best, size_t s) {
  if (s == 0) return plt_mem_strdup(best->dir);
  return plt_mem_print("%s/finals/%s-seed-%" PRIu32, tuning->dir, best->name, tuning->space->seeds[s]);
}

/* Whether the run has ended and was evaluated in full: it shows the test part or, where there is none, has a mark. */
static bool is_concluded(const plt_tuning_t *tuning, const char *name, const char *dir) {
  plt_run_t run;
  if (!plt_path_is_dir(dir) || plt_run_open(dir, dir, &run) != PLT_OK) return false;
  char *parts = plt_run_option(&run, "eval.final");
  const bool is = run.state == PLT_RUN_FINISHED && parts != NULL && strcmp(parts, "valid") != 0 &&
                  (has_mark(tuning, name, "done") || isfinite(plt_run_outcome(&run, "test", tuning->metric)));
  free(parts);
  plt_run_clear(&run);
  return is;
}

static plt_status_t train_finals(plt_tuning_t *tuning) {
  batch_t batch = {.tuning = tuning};
  for (size_t a = 0; a < tuning->space->n_arms; a++)
    for (size_t s = 0; s < tuning->space->n_seeds; s++) {
      char *dir = final_dir(tuning, tuning->best[a], s);
      char *name = plt_mem_print("final-%s-seed-%" PRIu32, tuning->best[a]->name, tuning->space->seeds[s]);
      if (!is_concluded(tuning, name, dir))
        add_training(&batch, tuning->best[a], dir, name, tuning->space->seeds[s], 0, true);
      free(name);
      free(dir);
    }
  if (batch.n > 0)
    plt_log(PLT_LOG_NOTE, "the best of each strategy with %zu seed%s", tuning->space->n_seeds,
            tuning->space->n_seeds == 1 ? "" : "s");
  plt_status_t status = run_to_end(&batch, final_trained);
  clear(&batch);
  return status;
}

/* Metrics of each user, which comparisons want. */
static plt_status_t rank_users(plt_tuning_t *tuning) {
  batch_t batch = {.tuning = tuning};
  for (size_t i = 0; i < tuning->finals.n; i++) {
    const plt_run_t *run = &tuning->finals.run[i];
    char *users = plt_mem_print("%s/users.tsv", run->dir);
    if (!plt_path_exists(users) && run->state == PLT_RUN_FINISHED) {
      char *name = plt_mem_print("users-%zu", i + 1);
      plt_sets_t *words = &add_task(&batch, NULL, name)->words;
      plt_sets_add(words, NULL, "evaluate");
      plt_sets_add(words, NULL, run->dir);
      plt_sets_add(words, NULL, "--alone");
      plt_sets_add(words, "--per-user", users);
      free(name);
    }
    free(users);
  }
  plt_status_t status = run_to_end(&batch, final_ended);
  clear(&batch);
  return status;
}

static plt_status_t read_finals(plt_tuning_t *tuning) {
  plt_runs_clear(&tuning->finals);
  for (size_t a = 0; a < tuning->space->n_arms; a++)
    for (size_t s = 0; s < tuning->space->n_seeds; s++) {
      char *dir = final_dir(tuning, tuning->best[a], s);
      plt_status_t status = plt_path_is_dir(dir) ? plt_runs_add(&tuning->finals, dir) : PLT_OK;
      free(dir);
      PLT_TRY(status);
    }
  return PLT_OK;
}

/* Two searches in one directory would stop each other's trials; single trials have it together. */
static plt_status_t take_dir(plt_tuning_t *tuning, bool shared) {
  char *logs = plt_mem_print("%s/logs", tuning->dir);
  bool is_taken = !plt_dir_lock(logs, shared, &tuning->lock);
  free(logs);
  if (!is_taken) return PLT_OK;
  return plt_fail(PLT_ERR_PEER, "%s: another plateau tune works there; wait for its end, or stop it", tuning->dir);
}

plt_status_t plt_tuning_run(plt_tuning_t *tuning) {
  PLT_TRY(take_dir(tuning, false));
  PLT_TRY(run_trials(tuning));
  PLT_TRY(choose(tuning));
  PLT_TRY(train_finals(tuning));
  PLT_TRY(read_finals(tuning));
  return rank_users(tuning);
}

void plt_tuning_look(plt_tuning_t *tuning) {
  for (size_t i = 0; i < tuning->n; i++) read_trial(tuning, &tuning->trial[i], 0);
}

plt_status_t plt_tuning_one(plt_tuning_t *tuning, size_t number) {
  if (number >= tuning->n)
    return plt_fail(PLT_ERR_USAGE, "tune: --trial: there are trials 0 to %zu, no %zu", tuning->n - 1, number);
  PLT_TRY(take_dir(tuning, true));
  for (size_t i = 0; i < tuning->n; i++) tuning->trial[i].goes_on = i == number;
  return run_round(tuning, 0);
}
