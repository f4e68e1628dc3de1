/* report.c - plateau report: runs as one HTML page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/runs/report.h"

typedef struct arguments {
  const char *output, *metrics;
} arguments_t;

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  static const struct option options[] = {
      {"output", required_argument, NULL, 'o'}, {"metrics", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
  *a = (arguments_t){0};
  for (int c; (c = plt_arguments_next(argc, argv, "o:", options)) != -1;) {
    switch (c) {
      case 'o': a->output = optarg; break;
      case 'm': a->metrics = optarg; break;
      default: return plt_arguments_fault(argv);
    }
  }
  if (a->output == NULL) return plt_fail(PLT_ERR_USAGE, "report: where to? -o FILE.html");
  return optind < argc ? PLT_OK : plt_fail(PLT_ERR_USAGE, "report needs run directories (plateau report --help)");
}

/* A page is there as a whole or not at all. */
static plt_status_t write_page(const plt_run_list_t *list, const arguments_t *a) {
  const plt_run_t **runs = plt_mem_alloc((list->n + 1) * sizeof *runs);
  char *page = NULL;
  size_t bytes = 0;
  for (size_t i = 0; i < list->n; i++) runs[i] = &list->run[i];
  FILE *out = open_memstream(&page, &bytes);
  plt_status_t status = out == NULL ? plt_fail_errno(PLT_ERR_IO, "report") : PLT_OK;
  if (status == PLT_OK) status = plt_report_write(runs, list->n, a->metrics, out);
  if (out != NULL && fclose(out) != 0 && status == PLT_OK) status = plt_fail_errno(PLT_ERR_IO, "report");
  if (status == PLT_OK) status = plt_file_publish_or_print(a->output, page, bytes);
  if (status == PLT_OK && strcmp(a->output, "-") != 0)
    printf("%s: %zu run%s, %.1f kB\n", a->output, list->n, list->n == 1 ? "" : "s", (double)bytes / 1e3);
  free(page);
  free(runs);
  return status;
}

static plt_status_t run(int argc, char **argv) {
  arguments_t a;
  plt_run_list_t list = {0};
  PLT_TRY(parse(argc, argv, &a));
  plt_status_t status = PLT_OK;
  for (int i = optind; i < argc && status == PLT_OK; i++) status = plt_runs_add(&list, argv[i]);
  if (status == PLT_OK) status = write_page(&list, &a);
  plt_runs_clear(&list);
  return status;
}

const plt_command_t plt_command_report = {
    .name = "report",
    .summary = "make one HTML page of runs: differences, curves, time, flatness",
    .usage =
        "usage: plateau report RUN... -o FILE.html [--metrics NAME,...]\n"
        "\n"
        "RUN is a run directory or a folder of such; runs may be under way. The page needs no network and no script,\n"
        "reads on phones, and is light or dark as the reader's system is. It has what plateau compare shows, curves "
        "of\n"
        "loss, metrics and throughput, where time went, how evenly servers are loaded, recoveries, and pictures of\n"
        "JSON that plateau landscape, sharpness and evaluate --noise left in the run directories.\n"
        "\n"
        "  -o, --output FILE  where to; -: standard output\n"
        "  --metrics LIST     what tables and curves show; default: eval.metric of the first run, and ndcg\n"
        "\n"
        "Example: plateau report runs/plain-1 runs/bsam-1 -o report.html\n",
    .run = run,
};
