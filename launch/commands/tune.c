/* tune.c - plateau tune: a search over options as local processes or as an array of a batch system. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/batch/script.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/job/run_dir.h"
#include "launch/runs/compare.h"
#include "launch/tune/tune.h"

typedef struct arguments {
  const char *config, *dir, *format, *trial;
  plt_sets_t sets, tune; /* of trials; of the section tune */
  bool array, list;
} arguments_t;

static void take_set(arguments_t *a, const char *assignment) {
  bool is_section =
      strncmp(assignment, "tune.", strlen("tune.")) == 0 || strncmp(assignment, "tune=", strlen("tune=")) == 0;
  plt_sets_add(is_section ? &a->tune : &a->sets, NULL, assignment);
}

static plt_status_t parse(int argc, char **argv, arguments_t *a) {
  static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"jobs", required_argument, NULL, 'j'},
                                          {"trials", required_argument, NULL, 't'},
                                          {"trial", required_argument, NULL, 'i'},
                                          {"array", no_argument, NULL, 'a'},
                                          {"list", no_argument, NULL, 'l'},
                                          {"format", required_argument, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
  a->format = "table";
  for (int c; (c = plt_arguments_next(argc, argv, "o:j:", options)) != -1;) {
    switch (c) {
      case 's': take_set(a, optarg); break;
      case 'o': a->dir = optarg; break;
      case 'j': plt_sets_add(&a->tune, "tune.jobs", optarg); break;
      case 't': plt_sets_add(&a->tune, "tune.trials", optarg); break;
      case 'i': a->trial = optarg; break;
      case 'a': a->array = true; break;
      case 'l': a->list = true; break;
      case 'f': a->format = optarg; break;
      default: return plt_arguments_fault(argv);
    }
  }
  return plt_arguments_positional(argc, argv, "a configuration file with a section tune", &a->config);
}

/* ---- what is printed ---- */

static void add_shared(plt_sheet_t *sheet, const plt_trial_t *trial) {
  char *point = plt_trial_describe(trial);
  plt_sheet_text(sheet, trial->name);
  plt_sheet_text(sheet, point);
  free(point);
}

/* Every trial. */
static plt_sheet_t *make_trials(const plt_tuning_t *tuning) {
  plt_sheet_t *sheet = plt_sheet_create();
  plt_sheet_column(sheet, "strategy", NULL, false);
  plt_sheet_column(sheet, "trial", NULL, false);
  plt_sheet_column(sheet, "point", NULL, false);
  plt_sheet_column(sheet, "valid", NULL, true);
  plt_sheet_column(sheet, "epochs", NULL, true);
  for (size_t i = 0; i < tuning->n; i++) {
    const plt_trial_t *trial = &tuning->trial[i];
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, trial->arm->name);
    add_shared(sheet, trial);
    plt_sheet_real(sheet, trial->value, 4);
    plt_sheet_real(sheet, trial->epochs, 0);
  }
  return sheet;
}

/* What was chosen, of how many. */
static plt_sheet_t *make_choice(const plt_tuning_t *tuning) {
  plt_sheet_t *sheet = plt_sheet_create();
  plt_sheet_column(sheet, "strategy", NULL, false);
  plt_sheet_column(sheet, "trials", NULL, true);
  plt_sheet_column(sheet, "failed", NULL, true);
  plt_sheet_column(sheet, "best", NULL, false);
  plt_sheet_column(sheet, "point", NULL, false);
  plt_sheet_column(sheet, "valid", NULL, true);
  for (size_t a = 0; a < tuning->space->n_arms; a++) {
    size_t failed = 0;
    for (size_t i = 0; i < tuning->n; i++)
      failed += tuning->trial[i].arm == &tuning->space->arm[a] && tuning->trial[i].failed;
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, tuning->space->arm[a].name);
    plt_sheet_real(sheet, tuning->space->trials, 0);
    plt_sheet_real(sheet, (double)failed, 0);
    add_shared(sheet, tuning->best[a]);
    plt_sheet_real(sheet, tuning->best[a]->value, 4);
  }
  return sheet;
}

static void put(plt_sheet_t *sheet, plt_json_t *json, const char *key) {
  plt_sheet_put(sheet, json, key);
  plt_sheet_destroy(&sheet);
}

static void print_results(const plt_tuning_t *tuning, const plt_comparison_t *comparison, plt_sheet_format_t format) {
  if (format == PLT_SHEET_CSV) {
    plt_sheet_hand_out(make_trials(tuning), format, stdout);
  } else if (format == PLT_SHEET_JSON) {
    plt_json_t *json = plt_json_create();
    plt_json_text(json, "metric", tuning->metric);
    put(make_trials(tuning), json, "trials");
    put(make_choice(tuning), json, "best");
    put(plt_comparison_all(comparison), json, "finals");
    plt_json_write(&json, stdout);
  } else {
    printf("%" PRIu32 " trials%s; chosen by validation %s, with seed %" PRIu32 "\n\n", tuning->space->trials,
           tuning->space->n_arms > 1 ? " of each strategy" : "", tuning->metric, tuning->space->seeds[0]);
    plt_sheet_hand_out(make_choice(tuning), format, stdout);
    putchar('\n');
    plt_comparison_print(comparison, format, stdout);
  }
}

static plt_status_t print_finals(const plt_tuning_t *tuning, plt_sheet_format_t format) {
  const plt_run_t **runs = plt_mem_alloc(tuning->finals.n * sizeof(plt_run_t *));
  size_t n = 0;
  plt_comparison_t comparison;
  for (size_t i = 0; i < tuning->finals.n; i++)
    if (tuning->finals.run[i].state == PLT_RUN_FINISHED) runs[n++] = &tuning->finals.run[i];
  plt_status_t status = plt_compare(runs, n, NULL, &comparison);
  if (status == PLT_OK) {
    print_results(tuning, &comparison, format);
    plt_comparison_clear(&comparison);
  }
  free(runs);
  return status;
}

/* ---- batch systems ---- */

enum { GRACE_S = 180 };

/* A task a trial, each resumed when it is queued again. */
static plt_status_t print_array(const plt_tuning_t *tuning, const arguments_t *a) {
  const size_t max = 4 + 2 * (a->sets.n + a->tune.n);
  const char **words = plt_mem_alloc(max * sizeof *words), **trials = plt_mem_alloc(tuning->n * sizeof *trials);
  size_t n = 0;
  words[n++] = "tune";
  words[n++] = tuning->config;
  words[n++] = "-o";
  words[n++] = tuning->dir;
  for (size_t i = 0; i < a->sets.n + a->tune.n; i++) {
    words[n++] = "--set";
    words[n++] = i < a->sets.n ? a->sets.text[i] : a->tune.text[i - a->sets.n];
  }
  for (size_t i = 0; i < tuning->n; i++) trials[i] = tuning->trial[i].dir;
  char *output = plt_mem_print("%s/logs/slurm-%%a.txt", tuning->dir);
  char *about =
      plt_mem_print("%zu trials, made by plateau tune --array; the same without --array then shows them", tuning->n);
  plt_batch_job_t batch = {.about = about,
                           .name = "plateau-tune",
                           .words = words,
                           .n_words = n,
                           .grace_s = GRACE_S,
                           .output = output,
                           .trials = trials,
                           .n_trials = tuning->n};
  plt_status_t status = plt_batch_slurm(&batch, stdout);
  free(about);
  free(output);
  free(trials);
  free(words);
  return status;
}

static plt_status_t run_one(plt_tuning_t *tuning, const char *text) {
  char *end;
  unsigned long number = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0')
    return plt_fail(PLT_ERR_USAGE, "tune: --trial: \"%s\" is no number", text);
  return plt_tuning_one(tuning, number);
}

static plt_status_t refuse_rounds(const plt_space_t *space) {
  if (space->search != PLT_SEARCH_HALVING) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "tune: --array and --trial: halving compares trials after each round; take grid or random");
}

/* ---- the command ---- */

static plt_status_t tune(const arguments_t *a, const plt_space_t *space, plt_tuning_t *tuning,
                         plt_sheet_format_t format) {
  if (a->array || a->trial != NULL) PLT_TRY(refuse_rounds(space));
  if (a->list) {
    plt_tuning_look(tuning);
    plt_sheet_hand_out(make_trials(tuning), format, stdout);
  } else if (a->array) {
    return print_array(tuning, a);
  } else if (a->trial != NULL) {
    return run_one(tuning, a->trial);
  } else {
    PLT_TRY(plt_tuning_run(tuning));
    return print_finals(tuning, format);
  }
  return PLT_OK;
}

/* Free it. */
static char *default_dir(const char *config) {
  char *name = plt_run_dir_name(config), *dir = plt_mem_print("tune/%s", name);
  free(name);
  return dir;
}

static plt_status_t run_with(const arguments_t *a) {
  plt_space_t space;
  plt_tuning_t tuning;
  plt_sheet_format_t format;
  PLT_TRY(plt_sheet_format_of("tune", a->format, &format));
  PLT_TRY(plt_space_read(a->config, a->tune.text, a->tune.n, &space));
  char *dir = a->dir == NULL ? default_dir(a->config) : plt_mem_strdup(a->dir);
  plt_status_t status = plt_tuning_open(a->config, dir, &a->sets, &space, &tuning);
  if (status == PLT_OK) status = tune(a, &space, &tuning, format);
  plt_tuning_clear(&tuning);
  plt_space_clear(&space);
  free(dir);
  return status;
}

static plt_status_t run(int argc, char **argv) {
  arguments_t a = {0};
  plt_status_t status = parse(argc, argv, &a);
  if (status == PLT_OK) status = run_with(&a);
  plt_sets_clear(&a.sets);
  plt_sets_clear(&a.tune);
  return status;
}

const plt_command_t plt_command_tune = {
    .name = "tune",
    .summary = "search options on validation, with equal trials for every strategy",
    .usage =
        "usage: plateau tune CONFIG.yaml [-o DIR] [--jobs N] [--trials N] [--set KEY=VALUE ...]\n"
        "                    [--format table|markdown|csv|json] [--list | --array | --trial N]\n"
        "\n"
        "  -o, --output DIR  where trials are kept; the same command goes on there. Default: tune/CONFIG\n"
        "  -j, --jobs N      trials at a time, as processes of this machine; the same as --set tune.jobs=N\n"
        "  --trials N        of each strategy; the same as --set tune.trials=N\n"
        "  --set KEY=VALUE   an option of all trials, or of tune\n"
        "  --format FORMAT   table and markdown: what was chosen, and its runs beside each other; csv: all trials;\n"
        "                    json: all of it\n"
        "  --list            the trials and what they are worth so far; nothing is run\n"
        "  --array           a script for Slurm's sbatch, with a task per trial; nothing is run\n"
        "  --trial N         that trial alone, from 0: what a task of the array does\n"
        "\n"
        "CONFIG has a section tune, with lists and ranges of options (docs/tune.md).\n"
        "\n"
        "Example: plateau tune examples/tune.yaml --jobs 2\n",
    .options = &plt_tune_options,
    .run = run,
};
