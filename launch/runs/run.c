/* run.c - see run.h. */
#include "launch/runs/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/job/run_dir.h"

enum { DEPTH_MAX = 4, CONFIG_BYTES = 1 << 20 };
#define LOG_BYTES ((size_t)1 << 30)
#define EVENTS_BYTES ((size_t)1 << 34)

#define NAME(name, text, what) text,
const char *const plt_run_state_names[PLT_RUN_STATE_COUNT] = {PLT_RUN_STATES(NAME)};
#undef NAME

/* ---- events ---- */

bool plt_run_is_event(const plt_json_t *event, const char *kind) {
  const char *name = plt_json_get_text(plt_json_find(event, "event"));
  return name != NULL && strcmp(name, kind) == 0;
}

/* By far the most lines of many runs, and nobody asks for them. */
static bool is_passed_over(const char *line) {
  static const char step[] = "{\"event\": \"step\"", undone[] = "{\"event\": \"undone\"";
  return strncmp(line, step, sizeof step - 1) == 0 || strncmp(line, undone, sizeof undone - 1) == 0;
}

static void add_event(plt_run_t *run, const char *line, size_t bytes, size_t *room) {
  plt_json_t *event;
  if (is_passed_over(line) || plt_json_parse(line, bytes, "metrics.jsonl", &event) != PLT_OK) return;
  if (run->n_events == *room) {
    *room = 2 * *room + 16;
    run->events = plt_mem_resize(run->events, *room, sizeof(plt_json_t *));
  }
  run->events[run->n_events++] = event;
}

static plt_status_t read_events(plt_run_t *run) {
  char path[PLT_PATH_MAX], *text;
  struct stat about;
  size_t room = 0;
  PLT_TRY(plt_path_join(run->dir, "metrics.jsonl", path));
  if (stat(path, &about) != 0) return PLT_OK;
  run->ended = about.st_mtime;
  PLT_TRY(plt_file_read(path, EVENTS_BYTES, &text, NULL));
  for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
    add_event(run, line, (size_t)(end - line), &room);
  free(text);
  return PLT_OK;
}

/* ---- state ---- */

/* "2026-11-29 20:51:53.149 info  text" */
static time_t time_of(const char *line) {
  struct tm at = {.tm_isdst = -1};
  if (sscanf(line, "%4d-%2d-%2d %2d:%2d:%2d", &at.tm_year, &at.tm_mon, &at.tm_mday, &at.tm_hour, &at.tm_min,
             &at.tm_sec) != 6)
    return 0;
  at.tm_year -= 1900;
  at.tm_mon -= 1;
  return mktime(&at);
}

static void read_log(plt_run_t *run) {
  char path[PLT_PATH_MAX], *text;
  const char *last = "";
  size_t length = 0;
  run->word = plt_mem_strdup("");
  if (plt_path_join(run->dir, "logs/launcher-0.txt", path) != PLT_OK || !plt_path_exists(path)) return;
  if (plt_file_read(path, LOG_BYTES, &text, NULL) != PLT_OK) return;
  run->began = time_of(text);
  for (const char *line = text; *line != '\0'; line += length + (line[length] == '\n'))
    if ((length = strcspn(line, "\n")) > 0) last = line;
  length = strcspn(last, "\n");
  enum { STAMP = 30 }; /* before the text */
  if (length > STAMP) {
    free(run->word);
    run->word = plt_mem_print("%.*s", (int)(length - STAMP), last + STAMP);
  }
  free(text);
}

/* Nothing was trained after the last end. */
static bool has_ended(const plt_run_t *run) {
  for (size_t i = run->n_events; i-- > 0;) {
    if (plt_run_is_event(run->events[i], "final")) return true;
    if (plt_run_is_event(run->events[i], "epoch")) return false;
  }
  return false;
}

static plt_run_state_t state_of(const plt_run_t *run) {
  if (plt_run_dir_is_busy(run->dir)) return PLT_RUN_RUNNING;
  if (has_ended(run)) return PLT_RUN_FINISHED;
  if (strncmp(run->word, "error: ", 7) == 0) return PLT_RUN_FAILED;
  return strstr(run->word, "stopped") != NULL ? PLT_RUN_STOPPED : PLT_RUN_KILLED;
}

/* ---- runs ---- */

static plt_status_t read_config(plt_run_t *run) {
  char path[PLT_PATH_MAX], *text;
  size_t bytes;
  PLT_TRY(plt_run_dir_find_config(run->dir, path));
  PLT_TRY(plt_file_read(path, CONFIG_BYTES, &text, &bytes));
  plt_status_t status = plt_yaml_parse(text, bytes, path, &run->options);
  free(text);
  return status;
}

plt_status_t plt_run_open(const char *dir, const char *name, plt_run_t *out) {
  *out = (plt_run_t){.dir = plt_mem_strdup(dir), .name = plt_mem_strdup(name), .place = realpath(dir, NULL)};
  plt_status_t status = read_config(out);
  if (status == PLT_OK) status = read_events(out);
  if (status == PLT_OK) {
    read_log(out);
    out->state = state_of(out);
  } else {
    plt_run_clear(out);
  }
  return status;
}

void plt_run_clear(plt_run_t *run) {
  for (size_t i = 0; i < run->n_events; i++) plt_json_destroy(&run->events[i]);
  free(run->events);
  free(run->dir);
  free(run->name);
  free(run->place);
  free(run->word);
  plt_yaml_clear(&run->options);
  *run = (plt_run_t){0};
}

static bool has_file(const char *dir, const char *name) {
  char path[PLT_PATH_MAX];
  return plt_path_join(dir, name, path) == PLT_OK && plt_path_exists(path);
}

/* A folder of configurations is none: a run has logs or events, too. */
static bool is_run(const char *dir) {
  return has_file(dir, "config.yaml") && (has_file(dir, "logs") || has_file(dir, "metrics.jsonl"));
}

static plt_status_t add_run(plt_run_list_t *list, const char *dir, const char *name) {
  plt_run_t run;
  PLT_TRY(plt_run_open(dir, name, &run));
  list->run = plt_mem_resize(list->run, list->n + 1, sizeof *list->run);
  list->run[list->n++] = run;
  return PLT_OK;
}

/* below: what a name begins with, "" or "FOLDER/". */
static plt_status_t add_below(plt_run_list_t *list, const char *dir, const char *below, int depth) {
  char **names = NULL;
  size_t n = 0;
  plt_status_t status = plt_dir_list(dir, &names, &n);
  for (size_t i = 0; i < n && status == PLT_OK; i++) {
    char path[PLT_PATH_MAX];
    if (plt_path_join(dir, names[i], path) != PLT_OK || !plt_path_is_dir(path)) continue;
    char *name = plt_mem_print("%s%s", below, names[i]), *deeper = plt_mem_print("%s/", name);
    if (plt_run_dir_is_served(path)) {
      plt_log(PLT_LOG_NOTE, "left out: %s is of plateau serve; plateau inspect shows it", path);
    } else if (is_run(path)) {
      if (add_run(list, path, name) != PLT_OK) plt_log(PLT_LOG_WARN, "left out: %s", plt_fail_text());
    } else if (depth < DEPTH_MAX) {
      if (add_below(list, path, deeper, depth + 1) != PLT_OK) plt_log(PLT_LOG_WARN, "left out: %s", plt_fail_text());
    }
    free(name);
    free(deeper);
  }
  plt_names_free(&names, n);
  return status;
}

static bool is_listed(const plt_run_list_t *list, size_t n, const plt_run_t *run) {
  for (size_t i = 0; i < n && run->place != NULL; i++)
    if (list->run[i].place != NULL && strcmp(list->run[i].place, run->place) == 0) return true;
  return false;
}

/* Seeds that are one run would look as if they agreed: of those from `first` on, what is listed before them goes. */
static void drop_repeats(plt_run_list_t *list, size_t first) {
  size_t kept = first;
  for (size_t i = first; i < list->n; i++) {
    if (is_listed(list, kept, &list->run[i])) {
      plt_log(PLT_LOG_NOTE, "%s is named twice, and counts once", list->run[i].dir);
      plt_run_clear(&list->run[i]);
    } else {
      list->run[kept++] = list->run[i];
    }
  }
  list->n = kept;
}

plt_status_t plt_runs_add(plt_run_list_t *list, const char *path) {
  size_t before = list->n, length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  char *dir = plt_mem_print("%.*s", (int)length, path);
  plt_status_t status = PLT_OK;
  if (has_file(dir, "config.yaml") || plt_run_dir_is_served(dir))
    status = add_run(list, dir, dir);
  else if (!plt_path_is_dir(dir))
    status = plt_fail(PLT_ERR_USAGE, "%s: there is no such directory", dir);
  else
    status = add_below(list, dir, "", 1);
  if (status == PLT_OK && list->n == before)
    status = plt_fail(PLT_ERR_USAGE, "%s is no run directory and there is none below it (%d levels)", dir, DEPTH_MAX);
  drop_repeats(list, before);
  free(dir);
  return status;
}

void plt_runs_clear(plt_run_list_t *list) {
  for (size_t i = 0; i < list->n; i++) plt_run_clear(&list->run[i]);
  free(list->run);
  *list = (plt_run_list_t){0};
}

/* ---- what people ask ---- */

char *plt_run_option_text(const plt_yaml_entry_t *entry) {
  if (!entry->is_list) return entry->n_items == 0 ? NULL : plt_mem_strdup(entry->items[0]);
  char *text = plt_mem_strdup("[");
  for (size_t i = 0; i < entry->n_items; i++) text = plt_mem_append(text, i == 0 ? "" : ", ", entry->items[i]);
  return plt_mem_append(text, "", "]");
}

char *plt_run_option(const plt_run_t *run, const char *key) {
  const plt_yaml_entry_t *entry = plt_yaml_find(&run->options, key);
  return entry == NULL ? NULL : plt_run_option_text(entry);
}

void plt_run_put_option(const plt_run_t *run, const char *key, plt_sheet_t *sheet) {
  char *text = plt_run_option(run, key);
  plt_sheet_value(sheet, text);
  free(text);
}

const plt_json_t *plt_run_last(const plt_run_t *run, const char *event) {
  for (size_t i = run->n_events; i-- > 0;)
    if (plt_run_is_event(run->events[i], event)) return run->events[i];
  return NULL;
}

double plt_run_number(const plt_json_t *object, const char *key) {
  double value;
  return object != NULL && plt_json_get_real(plt_json_find(object, key), &value) ? value : NAN;
}

char *plt_run_metric(const plt_run_t *run) {
  char *metric = plt_run_option(run, "eval.metric");
  return metric == NULL ? plt_mem_strdup("recall@20") : metric;
}

double plt_run_outcome(const plt_run_t *run, const char *part, const char *metric) {
  const plt_json_t *end = plt_run_last(run, "final");
  return end == NULL ? NAN : plt_run_number(plt_json_find(end, part), metric);
}

static bool is_same_stage(const plt_json_t *a, const plt_json_t *b) {
  const char *x = plt_json_get_text(plt_json_find(a, "stage")), *y = plt_json_get_text(plt_json_find(b, "stage"));
  return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

double plt_run_best(const plt_run_t *run, const char *metric) {
  double best = run->state == PLT_RUN_FINISHED ? plt_run_outcome(run, "valid", metric) : NAN;
  const plt_json_t *last = plt_run_last(run, "epoch");
  if (isfinite(best)) return best;
  for (size_t e = 0; e < run->n_events; e++) {
    const plt_json_t *event = run->events[e];
    const char *split = plt_json_get_text(plt_json_find(event, "split"));
    if (!plt_run_is_event(event, "eval") || split == NULL || strcmp(split, "valid") != 0) continue;
    if (last == NULL || is_same_stage(event, last)) best = fmax(best, plt_run_number(event, metric));
  }
  return best;
}

double plt_run_epochs(const plt_run_t *run) {
  const plt_json_t *end = plt_run_last(run, "final"), *last = plt_run_last(run, "epoch");
  if (run->state == PLT_RUN_FINISHED) return plt_run_number(end, "epochs");
  return last == NULL ? 0 : plt_run_number(last, "epoch") + 1;
}

double plt_run_total(const plt_run_t *run, const char *event, const char *key) {
  double sum = 0;
  for (size_t i = 0; i < run->n_events; i++) {
    double value = plt_run_is_event(run->events[i], event) ? plt_run_number(run->events[i], key) : NAN;
    if (isfinite(value)) sum += value;
  }
  return sum;
}
