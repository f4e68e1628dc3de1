/* inspect.c - plateau inspect: what a run directory or a checkpoint holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/io/manifest.h"
#include "common/mem.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/job/run_dir.h"
#include "launch/serve/serve.h"
#include "ps/checkpoint/checkpoint.h"

typedef struct table_line {
  plt_table_spec_t spec;
  uint64_t steps, stored, bytes;
} table_line_t;

/* Adds up a part's tables. */
static plt_status_t add_part(const char *path, table_line_t *lines, size_t *n, plt_checkpoint_head_t *head) {
  plt_checkpoint_part_t *part;
  PLT_TRY(plt_checkpoint_open(path, &part));
  plt_status_t status = PLT_OK;
  if (plt_checkpoint_head(part)->server == 0) *head = *plt_checkpoint_head(part);
  for (size_t i = 0; i < plt_checkpoint_tables(part) && i < PLT_TABLES_MAX && status == PLT_OK; i++) {
    uint64_t stored;
    status = plt_checkpoint_table(part, i, &lines[i].spec, &lines[i].steps, &stored);
    if (status == PLT_OK) {
      uint64_t floats = lines[i].spec.cols + plt_checkpoint_state_floats(part, i);
      lines[i].stored += stored;
      lines[i].bytes += stored * (2 * sizeof(uint64_t) + floats * sizeof(float)); /* with key and step */
    }
    if (i >= *n) *n = i + 1;
  }
  plt_checkpoint_close(&part);
  return status;
}

static void print_progress(const plt_checkpoint_head_t *head, const plt_manifest_t *manifest) {
  char at[64];
  if (head->progress.stage > 0) printf("training number %" PRIu32 " of the procedure, ", head->progress.stage + 1);
  plt_progress_describe(&head->progress, at, sizeof at);
  printf("%s, %" PRIu64 " gradient evaluations, %.1f s of training\n", at, head->progress.gradients,
         head->progress.seconds);
  if (manifest->products[0] != '\0') printf("  products by %s\n", manifest->products);
  if (head->progress.has_best)
    printf("  best so far: epoch %" PRIu32 ", %.6f\n", head->progress.best_epoch, head->progress.best);
}

/* Of plateau serve: libplateau tells a worker's steps as these two. */
static void print_steps(const plt_checkpoint_head_t *head) {
  uint64_t steps = (uint64_t)head->progress.epoch << 32 | head->progress.batch;
  printf("%" PRIu64 " step%s of each worker\n", steps, steps == 1 ? "" : "s");
}

static void print_tables(const table_line_t *lines, size_t n) {
  printf("  %-12s %12s %6s %12s %12s %10s  %s\n", "table", "rows", "cols", "stored", "bytes", "steps", "optimizer");
  for (size_t i = 0; i < n; i++) {
    char rows[24] = "sparse";
    if (!lines[i].spec.sparse.declared) snprintf(rows, sizeof rows, "%" PRIu64, lines[i].spec.rows);
    printf("  %-12s %12s %6" PRIu32 " %12" PRIu64 " %12" PRIu64 " %10" PRIu64 "  %s\n", lines[i].spec.name, rows,
           lines[i].spec.cols, lines[i].stored, lines[i].bytes, lines[i].steps,
           lines[i].spec.frozen ? "frozen" : lines[i].spec.optimizer);
  }
}

static plt_status_t print_checkpoint(const char *dir, const plt_manifest_t *manifest, bool served) {
  table_line_t *lines = plt_mem_zalloc(PLT_TABLES_MAX, sizeof *lines);
  plt_checkpoint_head_t head = {0};
  size_t n = 0;
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < manifest->n_parts && status == PLT_OK; i++) {
    char path[PLT_PATH_MAX];
    status = plt_path_join(dir, manifest->parts[i].file, path);
    if (status == PLT_OK) status = add_part(path, lines, &n, &head);
  }
  if (status == PLT_OK) {
    printf("  %zu server%s; ", manifest->n_parts, manifest->n_parts == 1 ? "" : "s");
    if (served)
      print_steps(&head);
    else
      print_progress(&head, manifest);
    print_tables(lines, n);
  }
  free(lines);
  return status;
}

static void link_target(const char *run_dir, const char *name, char *out, size_t bytes) {
  char path[PLT_PATH_MAX];
  ssize_t length = -1;
  if (plt_path_join(run_dir, name, path) == PLT_OK) length = readlink(path, out, bytes - 1);
  out[length < 0 ? 0 : length] = '\0';
}

static bool is_clock(const char *name) { return name[0] != '\0' && strspn(name, "0123456789") == strlen(name); }

static int by_clock(const void *a, const void *b) {
  uint64_t x = strtoull(*(char *const *)a, NULL, 10), y = strtoull(*(char *const *)b, NULL, 10);
  return (x > y) - (x < y);
}

/* Every checkpoint, oldest first; a damaged one is shown with what is wrong, and makes the status. */
static plt_status_t print_checkpoints(const char *run_dir, bool served) {
  char path[PLT_PATH_MAX], last[64], best[64], **names = NULL;
  size_t n = 0, shown = 0;
  plt_status_t result = PLT_OK;
  link_target(run_dir, "checkpoints/last", last, sizeof last);
  link_target(run_dir, "checkpoints/best", best, sizeof best);
  PLT_TRY(plt_path_join(run_dir, "checkpoints", path));
  if (plt_path_is_dir(path)) PLT_TRY(plt_dir_list(path, &names, &n));
  if (n > 1) qsort(names, n, sizeof *names, by_clock);
  for (size_t i = 0; i < n; i++) {
    plt_manifest_t manifest = {0};
    if (!is_clock(names[i])) continue;
    printf("checkpoint %s%s%s\n", names[i], strcmp(names[i], last) == 0 ? "  [last]" : "",
           strcmp(names[i], best) == 0 ? "  [best]" : "");
    plt_status_t status = plt_manifest_load(run_dir, names[i], &manifest, path);
    if (status == PLT_OK) status = print_checkpoint(path, &manifest, served);
    if (status != PLT_OK) {
      printf("  damaged: %s\n", plt_fail_text());
      result = status;
    }
    plt_manifest_clear(&manifest);
    shown++;
  }
  if (shown == 0) printf("no checkpoint yet\n");
  plt_names_free(&names, n);
  if (result == PLT_OK) return PLT_OK;
  return plt_fail_within(result, "%s has a damaged checkpoint", run_dir);
}

static plt_status_t run(int argc, char **argv) {
  static const struct option options[] = {{NULL, 0, NULL, 0}};
  const char *run_dir;
  char path[PLT_PATH_MAX];
  if (plt_arguments_next(argc, argv, "", options) != -1) return plt_arguments_fault(argv);
  PLT_TRY(plt_arguments_positional(argc, argv, "a run directory", &run_dir));
  bool served = plt_run_dir_is_served(run_dir);
  PLT_TRY(served ? plt_path_join(run_dir, PLT_SERVED_FILE, path) : plt_run_dir_find_config(run_dir, path));
  char *text;
  PLT_TRY(plt_file_read(path, 1 << 20, &text, NULL));
  printf("%s\n%s\n", path, text);
  free(text);
  if (served) printf("%s\n\n", plt_serve_is_busy(run_dir) ? "servers are at work" : "no servers are at work");
  return print_checkpoints(run_dir, served);
}

const plt_command_t plt_command_inspect = {
    .name = "inspect",
    .summary = "show what a run holds: configuration, checkpoints, tables",
    .usage =
        "usage: plateau inspect RUN\n"
        "\n"
        "Prints the effective configuration and, for each checkpoint, what it holds and whether its files are\n"
        "what the manifest says; exit code 65 if one is damaged. Of a directory of plateau serve, its options, "
        "whether\n"
        "servers are at work, and the same of its checkpoints.\n"
        "\n"
        "Example: plateau inspect runs/quickstart-20261121-101500\n",
    .run = run,
};
