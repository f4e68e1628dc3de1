/* help.c - see help.h.
 *
 *   plateau help options [--markdown]           every option of every module
 *   plateau help models [--names]               what model.name may be, and so on for each of plt_choices[]
 *   plateau help models NAME [--markdown]       one of them, with its options
 *   plateau help exit-codes | metrics           what processes end with; what eval.metric may be
 *   plateau help NAME                           what has that name, where no command has it: a model,
 *                                               strategy, optimizer, stage, metric, option or section */
#include "launch/manual/help.h"

#include <stdlib.h>
#include <string.h>

#include "common/options/nearest.h"
#include "launch/job/choices.h"
#include "launch/job/config.h"
#include "worker/math/ranking.h"

typedef struct request {
  const char *topic, *name;
  bool markdown, names;
} request_t;

static plt_status_t read_request(int argc, char **argv, request_t *request) {
  *request = (request_t){.topic = argv[1]};
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "--markdown") == 0) {
      request->markdown = true;
    } else if (strcmp(argv[i], "--names") == 0) {
      request->names = true;
    } else if (argv[i][0] != '-' && request->name == NULL) {
      request->name = argv[i];
    } else {
      return plt_fail(PLT_ERR_USAGE, "help %s: what is %s? (see plateau --help)", argv[1], argv[i]);
    }
  }
  return PLT_OK;
}

static void print_table(const plt_option_table_t *table, bool markdown) {
  char *text = plt_option_table_describe(table, markdown);
  fputs(text, stdout);
  free(text);
}

static void print_options(bool markdown) {
  size_t n;
  const plt_option_table_t **tables = plt_config_all_tables(true, &n);
  for (size_t i = 0; i < n; i++) {
    if (tables[i]->n_rows == 0) continue;
    if (markdown && i > 0) putchar('\n');
    print_table(tables[i], markdown);
  }
  free(tables);
}

static void print_all(const plt_choices_t *choices, bool names) {
  plt_choice_t choice;
  size_t width = 0;
  for (size_t i = 0; choices->at(i, &choice); i++)
    if (strlen(choice.name) > width) width = strlen(choice.name);
  if (!names) printf("%s, chosen by %s:\n", choices->plural, choices->key);
  for (size_t i = 0; choices->at(i, &choice); i++) {
    if (names)
      puts(choice.name);
    else
      printf("  %-*s  %s\n", (int)width, choice.name, choice.summary);
  }
  if (!names) printf("\nThe options of one: plateau help %s NAME\n", choices->plural);
}

static plt_status_t print_one(const plt_choices_t *choices, const request_t *request) {
  plt_choice_t choice;
  if (!plt_choices_find(choices, request->name, &choice)) {
    size_t n;
    const char **names = plt_choices_names(choices, &n), *near = plt_nearest(request->name, names, n);
    free(names);
    return plt_fail(PLT_ERR_USAGE, "there is no \"%s\" among the %s%s%s%s (see plateau help %s)", request->name,
                    choices->plural, near ? "; did you mean " : "", near ? near : "", near ? "?" : "", choices->plural);
  }
  if (!request->markdown) {
    printf("%s: %s\n", choice.name, choice.summary);
    if (choice.needs != NULL) printf("needs %s\n", choice.needs);
  }
  if (choice.options->n_rows > 0) print_table(choice.options, request->markdown);
  if (choice.grid != NULL && !request->markdown) printf("searched by others:\n  %s\n", choice.grid);
  if (choice.found != NULL && !request->markdown) printf("chosen by searches of ours:\n  %s\n", choice.found);
  return PLT_OK;
}

/* What has this name; NULL: nothing. */
static const plt_choices_t *find_named(const char *name) {
  plt_choice_t choice;
  for (size_t c = 0; c < plt_n_choices; c++)
    if (plt_choices_find(&plt_choices[c], name, &choice)) return &plt_choices[c];
  return NULL;
}

/* ---- topics without options of their own ---- */

/* Codes in the order of the list, each with all that it may mean. */
static void print_exit_codes(void) {
  puts("exit codes:");
  for (int status = PLT_OK; status < PLT_STATUS_COUNT; status++) {
    const int code = plt_status_exit((plt_status_t)status);
    const bool begins = status == PLT_OK || plt_status_exit((plt_status_t)(status - 1)) != code;
    if (begins)
      printf("%s  %2d  %s", status == PLT_OK ? "" : "\n", code, plt_status_text((plt_status_t)status));
    else
      printf("; %s", plt_status_text((plt_status_t)status));
  }
  puts("\n75: --resume goes on; 69: the same failure again and again, trying once more is of no use");
}

/* Metric `of`; -1: all of them. */
static void print_metrics(int of) {
  if (of < 0) puts("metrics, each at the cut-offs K of eval.topk, means over users:");
  for (int kind = 0; kind < PLT_METRIC_KINDS; kind++)
    if (of < 0 || of == kind) printf("  %s@K  %s\n", plt_metric_names[kind], plt_metric_meanings[kind]);
  puts("Training items are left out of the ranking; ties go to the smaller id (docs/methods/evaluation.md).");
}

/* Whether a key is `name`, or within the section of that name. */
static bool is_within(const char *key, const char *name) {
  const size_t length = strlen(name);
  return strncmp(key, name, length) == 0 && (key[length] == '.' || key[length] == '\0');
}

/* The options of that key, or of that section, which stand together in their tables. */
static bool print_matching(const char *name) {
  size_t n;
  bool found = false;
  const plt_option_table_t **tables = plt_config_all_tables(true, &n);
  for (size_t t = 0; t < n; t++) {
    plt_option_table_t part = {.title = tables[t]->title};
    for (size_t i = 0; i < tables[t]->n_rows; i++) {
      if (!is_within(tables[t]->rows[i].key, name)) continue;
      if (part.n_rows++ == 0) part.rows = &tables[t]->rows[i];
    }
    if (part.n_rows > 0) print_table(&part, false);
    found = found || part.n_rows > 0;
  }
  free(tables);
  return found;
}

plt_status_t plt_help_topic(int argc, char **argv, bool *known) {
  request_t request;
  const plt_choices_t *choices = NULL;
  const bool codes = strcmp(argv[1], "exit-codes") == 0, metrics = strcmp(argv[1], "metrics") == 0;
  for (size_t c = 0; c < plt_n_choices; c++)
    if (strcmp(plt_choices[c].plural, argv[1]) == 0) choices = &plt_choices[c];
  *known = choices != NULL || codes || metrics || strcmp(argv[1], "options") == 0;
  if (!*known) return PLT_OK;
  PLT_TRY(read_request(argc, argv, &request));
  if (choices == NULL && (request.name != NULL || request.names))
    return plt_fail(PLT_ERR_USAGE, "help %s takes %s", argv[1],
                    codes || metrics ? "nothing else" : "--markdown and nothing else");
  if (codes)
    print_exit_codes();
  else if (metrics)
    print_metrics(-1);
  else if (choices == NULL)
    print_options(request.markdown);
  else if (request.name == NULL)
    print_all(choices, request.names);
  else
    return print_one(choices, &request);
  return PLT_OK;
}

plt_status_t plt_help_named(int argc, char **argv, bool *known) {
  request_t request;
  const plt_choices_t *choices = find_named(argv[1]);
  const int metric = plt_metric_kind(argv[1]);
  *known = choices != NULL || metric >= 0;
  if (choices == NULL && *known) print_metrics(metric);
  if (choices == NULL && !*known) *known = print_matching(argv[1]);
  if (choices == NULL) return PLT_OK;
  PLT_TRY(read_request(argc, argv, &request));
  if (request.name != NULL || request.names)
    return plt_fail(PLT_ERR_USAGE, "help %s takes --markdown and nothing else", argv[1]);
  request.name = argv[1];
  return print_one(choices, &request);
}

void plt_help_topics(FILE *out) {
  fprintf(out, "  %-11s %s\n", "help", "show the help of a command, or of a topic:");
  fprintf(out, "  %-11s options: every option of configurations\n", "");
  for (size_t c = 0; c < plt_n_choices; c++)
    fprintf(out, "  %-11s %s [NAME]: what %s may be, and the options of each\n", "", plt_choices[c].plural,
            plt_choices[c].key);
  fprintf(out, "  %-11s metrics, exit-codes; man [NAME]: pages of the manual, as roff\n", "");
  fprintf(out, "  %-11s NAME: the model, strategy, optimizer, stage, metric, option or section of that name\n", "");
}
