/* compare.c - plateau compare: finished runs beside each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/runs/compare.h"

typedef struct arguments {
  const char *format, *metrics;
} arguments_t;

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  static const struct option options[] = {
      {"format", required_argument, NULL, 'f'}, {"metrics", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
  *a = (arguments_t){.format = "table"};
  for (int c; (c = plt_arguments_next(argc, argv, "", options)) != -1;) {
    switch (c) {
      case 'f': a->format = optarg; break;
      case 'm': a->metrics = optarg; break;
      default: return plt_arguments_fault(argv);
    }
  }
  return optind < argc ? PLT_OK : plt_fail(PLT_ERR_USAGE, "compare needs run directories (plateau compare --help)");
}

/* Those that have come to their end; the others are named. */
static const plt_run_t **finished_of(const plt_run_list_t *list, size_t *n) {
  const plt_run_t **runs = plt_mem_alloc((list->n + 1) * sizeof *runs);
  *n = 0;
  for (size_t i = 0; i < list->n; i++) {
    if (plt_run_last(&list->run[i], "final") != NULL)
      runs[(*n)++] = &list->run[i];
    else
      plt_log(PLT_LOG_NOTE, "%s is left out: %s, without an end", list->run[i].name,
              plt_run_state_names[list->run[i].state]);
  }
  return runs;
}

/* Which runs lack values of users. */
static void tell_missing(const plt_comparison_t *c) {
  if (c->n_groups < 2) return;
  for (size_t g = 1; g < c->n_groups; g++)
    if (c->differences[g * c->n_metrics].is_there) return;
  printf(
      "\nno test over users: two groups need users.tsv, which this makes for each run:\n"
      "  plateau evaluate RUN --per-user RUN/users.tsv\n");
}

static void print_json(const plt_comparison_t *c) {
  plt_json_t *json = plt_json_create();
  plt_sheet_t *groups = plt_comparison_groups(c), *all = plt_comparison_all(c);
  plt_sheet_put(groups, json, "groups");
  plt_sheet_put(all, json, "figures");
  plt_json_write(&json, stdout);
  plt_sheet_destroy(&groups);
  plt_sheet_destroy(&all);
}

static void print(const plt_comparison_t *c, plt_sheet_format_t format) {
  if (format == PLT_SHEET_JSON)
    print_json(c);
  else if (format == PLT_SHEET_CSV)
    plt_sheet_hand_out(plt_comparison_all(c), format, stdout);
  if (format != PLT_SHEET_TABLE && format != PLT_SHEET_MARKDOWN) return;
  plt_comparison_print(c, format, stdout);
  tell_missing(c);
}

static plt_status_t run(int argc, char **argv) {
  arguments_t a;
  plt_sheet_format_t format;
  plt_run_list_t list = {0};
  plt_comparison_t comparison = {0};
  size_t n;
  PLT_TRY(parse(argc, argv, &a));
  PLT_TRY(plt_sheet_format_of("compare", a.format, &format));
  plt_status_t status = PLT_OK;
  for (int i = optind; i < argc && status == PLT_OK; i++) status = plt_runs_add(&list, argv[i]);
  const plt_run_t **runs = finished_of(&list, &n);
  if (status == PLT_OK) status = plt_compare(runs, n, a.metrics, &comparison);
  if (status == PLT_OK) print(&comparison, format);
  plt_comparison_clear(&comparison);
  free(runs);
  plt_runs_clear(&list);
  return status;
}

const plt_command_t plt_command_compare = {
    .name = "compare",
    .summary = "set finished runs beside each other: options, metrics over seeds, tests",
    .usage =
        "usage: plateau compare RUN... [--metrics NAME,...] [--format table|markdown|csv|json]\n"
        "\n"
        "RUN is a run directory or a folder of such. Runs that differ in run.seed only (and in how they were run:\n"
        "cluster, checkpoints) are one group. Shown are the options in which groups differ; means of the metrics and\n"
        "their standard deviation over seeds; epochs, seconds of training and gradient evaluations. Where runs have\n"
        "users.tsv (plateau evaluate RUN --per-user RUN/users.tsv) each group is tested against the first: the mean\n"
        "difference per user with its interval of 95 %, and p of a paired t-test and of random signs, the latter also\n"
        "corrected for the number of groups (Holm). Nothing is written.\n"
        "\n"
        "  --metrics LIST   what the tables show; default: eval.metric of the first run, and ndcg\n"
        "  --format FORMAT  csv and json have all metrics of all parts, with all digits\n"
        "\n"
        "Example: plateau compare runs/plain-1 runs/plain-2 runs/bsam-1 runs/bsam-2\n",
    .run = run,
};
