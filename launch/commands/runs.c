/* runs.c - plateau runs: the runs below a directory, one a row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/runs/run.h"
#include "launch/runs/sheet.h"

typedef struct arguments {
  const char *folder, *format, *sort, *metric;
} arguments_t;

static const char *const orders[] = {"when", "name", "valid", "test", "time"};
enum { WHEN, NAME, VALID, TEST, TIME, ORDERS };

/* What is shown of a run. */
typedef struct row {
  const plt_run_t *run;
  char *metric;
  double valid, test, seconds;
} row_t;

static row_t row_of(const plt_run_t *run, const char *metric) {
  row_t row = {.run = run, .metric = metric == NULL ? plt_run_metric(run) : plt_mem_strdup(metric)};
  row.valid = plt_run_best(run, row.metric);
  row.test = plt_run_outcome(run, "test", row.metric);
  row.seconds = run->state == PLT_RUN_FINISHED ? plt_run_number(plt_run_last(run, "final"), "seconds")
                                               : plt_run_total(run, "epoch", "seconds");
  return row;
}

/* What there is before what there is not, the best first. */
static int compare_values(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
  return (a < b) - (a > b);
}

static int order; /* of qsort's comparison: the main thread's */

static int compare_rows(const void *a, const void *b) {
  const row_t *x = a, *y = b;
  int by_name = strcmp(x->run->name, y->run->name), result = 0;
  if (order == WHEN) result = (x->run->began > y->run->began) - (x->run->began < y->run->began);
  if (order == VALID) result = compare_values(x->valid, y->valid);
  if (order == TEST) result = compare_values(x->test, y->test);
  if (order == TIME) result = -compare_values(x->seconds, y->seconds);
  return result == 0 ? by_name : result;
}

/* The metric, where it is one for all. */
static const char *common_metric(const row_t *rows, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (strcmp(rows[i].metric, rows[0].metric) != 0) return NULL;
  return n == 0 ? NULL : rows[0].metric;
}

static void add_time(plt_sheet_t *sheet, time_t when, bool for_people) {
  char text[32] = "";
  struct tm at;
  if (when != 0 && localtime_r(&when, &at) != NULL) {
    if (for_people)
      strftime(text, sizeof text, "%m-%d %H:%M", &at);
    else
      strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &at);
  }
  plt_sheet_text(sheet, text[0] == '\0' ? NULL : text);
}

/* For programs all there is, for people what fits. */
static plt_sheet_t *make_sheet(const row_t *rows, size_t n, bool for_people) {
  plt_sheet_t *sheet = plt_sheet_create();
  static const char *const keys[] = {"run",    "model", "strategy", "seed",    "state", "epochs",
                                     "metric", "valid", "test",     "seconds", "when"};
  for (size_t c = 0; c < sizeof keys / sizeof *keys; c++)
    if (!for_people || strcmp(keys[c], "metric") != 0)
      plt_sheet_column(sheet, keys[c], strcmp(keys[c], "seconds") == 0 ? "time s" : NULL, c == 3 || (c >= 5 && c < 10));
  if (!for_people) plt_sheet_column(sheet, "word", NULL, false);
  for (size_t i = 0; i < n; i++) {
    const plt_run_t *run = rows[i].run;
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, run->name);
    plt_run_put_option(run, "model.name", sheet);
    plt_run_put_option(run, "strategy.name", sheet);
    plt_run_put_option(run, "run.seed", sheet);
    plt_sheet_text(sheet, plt_run_state_names[run->state]);
    plt_sheet_real(sheet, plt_run_epochs(run), 0);
    if (!for_people) plt_sheet_text(sheet, rows[i].metric);
    plt_sheet_real(sheet, rows[i].valid, 4);
    plt_sheet_real(sheet, rows[i].test, 4);
    plt_sheet_real(sheet, rows[i].seconds, rows[i].seconds < 100 ? 1 : 0);
    add_time(sheet, run->began, for_people);
    if (!for_people) plt_sheet_text(sheet, run->state == PLT_RUN_FINISHED ? NULL : run->word);
  }
  return sheet;
}

/* What failed says why. */
static void print_words(const row_t *rows, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (rows[i].run->state == PLT_RUN_FAILED) printf("%s: %s\n", rows[i].run->name, rows[i].run->word);
}

/* Whose figures are means over a sample of users. */
static void print_samples(const row_t *rows, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char *users = plt_run_option(rows[i].run, "eval.users");
    if (users != NULL && strcmp(users, "0") != 0) printf("%s: means over eval.users: %s\n", rows[i].run->name, users);
    free(users);
  }
}

static void print_rows(const row_t *rows, size_t n, plt_sheet_format_t format) {
  bool for_people = format == PLT_SHEET_TABLE || format == PLT_SHEET_MARKDOWN;
  plt_sheet_t *sheet = make_sheet(rows, n, for_people);
  const char *metric = common_metric(rows, n);
  if (format == PLT_SHEET_JSON) {
    plt_json_t *json = plt_json_create();
    plt_sheet_put(sheet, json, "runs");
    plt_json_write(&json, stdout);
  } else {
    plt_sheet_print(sheet, format, stdout);
  }
  if (for_people) {
    printf("\nvalid, test: %s%s\n", metric == NULL ? "eval.metric of each" : metric,
           metric == NULL ? ", which differs: --metric recall@20 shows one for all" : "");
    print_samples(rows, n);
    print_words(rows, n);
  }
  plt_sheet_destroy(&sheet);
}

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  static const struct option options[] = {{"format", required_argument, NULL, 'f'},
                                          {"sort", required_argument, NULL, 's'},
                                          {"metric", required_argument, NULL, 'm'},
                                          {NULL, 0, NULL, 0}};
  *a = (arguments_t){.folder = "runs", .format = "table", .sort = "when"};
  for (int c; (c = plt_arguments_next(argc, argv, "", options)) != -1;) {
    switch (c) {
      case 'f': a->format = optarg; break;
      case 's': a->sort = optarg; break;
      case 'm': a->metric = optarg; break;
      default: return plt_arguments_fault(argv);
    }
  }
  if (optind < argc) a->folder = argv[optind++];
  if (optind < argc) return plt_fail(PLT_ERR_USAGE, "runs: one directory, not also %s", argv[optind]);
  return PLT_OK;
}

static plt_status_t run(int argc, char **argv) {
  arguments_t a;
  plt_sheet_format_t format;
  plt_run_list_t list = {0};
  PLT_TRY(parse(argc, argv, &a));
  PLT_TRY(plt_sheet_format_of("runs", a.format, &format));
  for (order = 0; order < ORDERS && strcmp(orders[order], a.sort) != 0;) order++;
  if (order == ORDERS)
    return plt_fail(PLT_ERR_USAGE, "runs: --sort: \"%s\" is none of: when, name, valid, test, time", a.sort);
  plt_status_t status = plt_runs_add(&list, a.folder);
  row_t *rows = plt_mem_zalloc(list.n + 1, sizeof *rows);
  for (size_t i = 0; i < list.n; i++) rows[i] = row_of(&list.run[i], a.metric);
  if (list.n > 1) qsort(rows, list.n, sizeof *rows, compare_rows);
  if (status == PLT_OK) print_rows(rows, list.n, format);
  for (size_t i = 0; i < list.n; i++) free(rows[i].metric);
  free(rows);
  plt_runs_clear(&list);
  return status;
}

const plt_command_t plt_command_runs = {
    .name = "runs",
    .summary = "list the runs below a directory: state, epochs, metrics, time",
    .usage =
        "usage: plateau runs [DIR] [--sort when|name|valid|test|time] [--metric NAME]\n"
        "                    [--format table|markdown|csv|json]\n"
        "\n"
        "The runs below DIR (default: runs), a row each: model, strategy, seed, state (running, finished, stopped,\n"
        "failed, killed), epochs, the best validation value and the test value of eval.metric, seconds of training,\n"
        "when it began. A failed run says why below the table. Nothing is written.\n"
        "\n"
        "  --sort ORDER    when: the newest last (default); valid, test: the best first; time: the shortest first\n"
        "  --metric NAME   another metric for all, recall@20\n"
        "  --format FORMAT csv and json have all digits, and why a run did not finish\n"
        "\n"
        "Example: plateau runs runs --sort valid\n",
    .run = run,
};
