/* run.h - a run as its directory tells it: configuration, state, events. What `plateau runs`, `compare` and `report`
 * know of runs. Nothing is written.
 *
 * Ownership  the caller clears runs and lists; texts and events that they give belong to them.
 * Threads    one owner. A run that is under way is read as far as it has come.
 * Errors     PLT_ERR_USAGE: no run directory. PLT_ERR_IO, PLT_ERR_DATA of config.yaml. Lines of metrics.jsonl that are
 *            none are passed over: the last of a run under way may be half.
 * Source     docs/run-directory.md; docs/metrics.md, "metrics.jsonl". */
#ifndef PLT_LAUNCH_RUNS_RUN_H
#define PLT_LAUNCH_RUNS_RUN_H

#include <time.h>

#include "common/io/json.h"
#include "common/io/yaml.h"
#include "launch/runs/sheet.h"

/* Name for people, what it is. */
#define PLT_RUN_STATES(X)                                 \
  X(RUNNING, "running", "a job works in it")              \
  X(FINISHED, "finished", "it came to its end")           \
  X(STOPPED, "stopped", "by request: --resume goes on")   \
  X(FAILED, "failed", "with an error, which its log has") \
  X(KILLED, "killed", "it ended without a word: --resume goes on")

#define PLT_RUN_ENUM(name, text, what) PLT_RUN_##name,
typedef enum { PLT_RUN_STATES(PLT_RUN_ENUM) PLT_RUN_STATE_COUNT } plt_run_state_t;
#undef PLT_RUN_ENUM
extern const char *const plt_run_state_names[PLT_RUN_STATE_COUNT];

typedef struct plt_run {
  char *dir, *name; /* name: as it was given, or its path below the folder that was */
  char *place;      /* the same however the directory is named; NULL: not known */
  plt_yaml_t options;
  plt_run_state_t state;
  char *word;          /* the last line of its log: why it stopped or failed; "" */
  time_t began, ended; /* of the log's first line; of the last event. 0: not known */
  plt_json_t **events; /* but those of steps and those that were taken back; in order */
  size_t n_events;
} plt_run_t;

typedef struct plt_run_list {
  plt_run_t *run;
  size_t n;
} plt_run_list_t;

plt_status_t plt_run_open(const char *dir, const char *name, plt_run_t *out);
void plt_run_clear(plt_run_t *run);
/* Appends the run in `path` or, where that is none, the runs below it, by name; some levels down. Those that cannot be
 * read are left out with a warning; one that the list has counts once. */
plt_status_t plt_runs_add(plt_run_list_t *list, const char *path);
void plt_runs_clear(plt_run_list_t *list);

/* As it stands in config.yaml, a list as "[a, b]"; NULL if there is none. Free it. */
char *plt_run_option(const plt_run_t *run, const char *key);
/* The same as a cell. */
void plt_run_put_option(const plt_run_t *run, const char *key, plt_sheet_t *sheet);
/* The same of an entry. Free it. */
char *plt_run_option_text(const plt_yaml_entry_t *entry);
/* The last event of a kind; NULL if there is none. */
const plt_json_t *plt_run_last(const plt_run_t *run, const char *event);
bool plt_run_is_event(const plt_json_t *event, const char *kind);
/* A number of an object under `key`; NaN if there is none. */
double plt_run_number(const plt_json_t *object, const char *key);
/* "recall@20": what chose its best epoch. Free it. */
char *plt_run_metric(const plt_run_t *run);
/* The best validation value of a metric: of the final tables or, before, so far in the stage under way. NaN: none. */
double plt_run_best(const plt_run_t *run, const char *metric);
/* A metric of a part of the final tables; NaN: none. */
double plt_run_outcome(const plt_run_t *run, const char *part, const char *metric);
/* Epochs that were done, of the stage that ended last. */
double plt_run_epochs(const plt_run_t *run);
/* Sum of a field over the events of a kind. */
double plt_run_total(const plt_run_t *run, const char *event, const char *key);

#endif
