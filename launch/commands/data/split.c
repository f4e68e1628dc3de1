/* split.c - `plateau data split`: its command line. The work is done in data/split.c. */
#include <float.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "launch/commands/data/data.h"
#include "launch/data/split.h"

typedef struct split_args {
  const char *folder, *interactions, *out, *by;
  plt_split_t split;
  bool force;
} split_args_t;

#define SHARE 0, 1, "a share from 0 to 1"

static plt_status_t take_option(split_args_t *args, int found, const char *text) {
  plt_split_t *split = &args->split;
  switch (found) {
    case 'b': args->by = text; return PLT_OK;
    case 'o': args->out = text; return PLT_OK;
    case 'n': args->interactions = text; return PLT_OK;
    case 's': return plt_data_count("split", "seed", text, 0, UINT64_MAX, &split->seed);
    case 'v': return plt_data_real("split", "valid", text, SHARE, &split->valid);
    case 't': return plt_data_real("split", "test", text, SHARE, &split->test);
    case 'S': return plt_data_real("split", "shift-share", text, SHARE, &split->shift);
    case 'g': return plt_data_real("split", "strength", text, 0, 100, "a number from 0 to 100", &split->strength);
    case 'u': return plt_data_count32("split", "keep-user", text, 0, UINT32_MAX, &split->keep_user);
    case 'i': return plt_data_count32("split", "keep-item", text, 0, UINT32_MAX, &split->keep_item);
    default: args->force = true; return PLT_OK;
  }
}

static plt_status_t parse(int argc, char **argv, split_args_t *args) {
  static const struct option options[] = {{"shift", required_argument, NULL, 'b'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"interactions", required_argument, NULL, 'n'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"valid", required_argument, NULL, 'v'},
                                          {"test", required_argument, NULL, 't'},
                                          {"shift-share", required_argument, NULL, 'S'},
                                          {"strength", required_argument, NULL, 'g'},
                                          {"keep-user", required_argument, NULL, 'u'},
                                          {"keep-item", required_argument, NULL, 'i'},
                                          {"force", no_argument, NULL, 'F'},
                                          {NULL, 0, NULL, 0}};
  for (int found; (found = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
    if (found == '?' || found == ':')
      return plt_data_refuse(
          found, argv, "split",
          "--shift --out --interactions --seed --valid --test --shift-share --strength --keep-user --keep-item "
          "--force");
    PLT_TRY(take_option(args, found, optarg));
  }
  PLT_TRY(plt_data_take_folder(argc, argv, "split", &args->folder));
  if (args->by == NULL) return plt_fail(PLT_ERR_USAGE, "data split: --shift popularity is needed");
  if (strcmp(args->by, "popularity") != 0)
    return plt_fail(PLT_ERR_USAGE, "data split: --shift %s: there is no such shift; allowed: popularity", args->by);
  if (args->out[0] == '\0') return plt_fail(PLT_ERR_USAGE, "data split: -o OUT is needed: the folder to write");
  return plt_split_check(&args->split);
}

/* Its text would be gone. */
static plt_status_t check_apart(const char *source, const char *out) {
  struct stat a, b;
  if (stat(source, &a) != 0 || stat(out, &b) != 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "data split: %s is the folder that is split; write into another", out);
}

static void tell(const split_args_t *args, const plt_interactions_t *rows, const plt_split_report_t *report,
                 size_t features) {
  if (report->duplicates > 0)
    plt_log(PLT_LOG_WARN, "%s: %llu repeated pairs, counted once", rows->source,
            (unsigned long long)report->duplicates);
  for (plt_part_t p = PLT_PART_VALID; p < PLT_PARTS; p++)
    if (report->part[p].pairs < report->part[p].wanted)
      plt_log(
          PLT_LOG_WARN,
          "the %s part has %llu pairs instead of %llu: no other can be taken while %u of every user and %u of every "
          "item stay (--keep-user, --keep-item)",
          plt_part_names[p], (unsigned long long)report->part[p].pairs, (unsigned long long)report->part[p].wanted,
          args->split.keep_user, args->split.keep_item);
  printf("%s: %u users, %u items, %llu pairs, %zu features\n", args->out, rows->users, rows->items,
         (unsigned long long)rows->n, features);
  printf("  %-12s %12s %24s\n", "part", "pairs", "pairs of an item, mean");
  for (plt_part_t p = 0; p < PLT_PARTS; p++)
    if (report->part[p].pairs > 0)
      printf("  %-12s %12llu %24.1f\n", plt_part_names[p], (unsigned long long)report->part[p].pairs,
             report->part[p].popularity);
}

static plt_status_t split_source(const split_args_t *args, const plt_source_t *source, plt_interactions_t *rows) {
  plt_split_report_t report;
  size_t features = 0;
  PLT_TRY(plt_split_rows(&args->split, rows, &report));
  PLT_TRY(plt_data_claim_folder(args->out, args->force));
  PLT_TRY(plt_split_write(&args->split, rows, source->folder, args->out, &features));
  tell(args, rows, &report, features);
  return PLT_OK;
}

plt_status_t plt_data_split_run(int argc, char **argv) {
  split_args_t args = {
      .folder = "",
      .out = "",
      .split = {.seed = 1, .valid = 0.1, .test = 0.1, .shift = 0.1, .strength = 2, .keep_user = 3, .keep_item = 1}};
  plt_source_t source = {0};
  plt_interactions_t *rows = NULL;
  PLT_TRY(parse(argc, argv, &args));
  PLT_TRY(check_apart(args.folder, args.out));
  PLT_TRY(plt_source_find(args.folder, args.interactions, PLT_SOURCE_ANY, &source));
  plt_status_t status = plt_interactions_read(&source, NULL, &rows);
  if (status == PLT_OK) status = split_source(&args, &source, rows);
  plt_interactions_destroy(&rows);
  plt_source_clear(&source);
  return status;
}
