/* task_usage.c - the help of `plateau NAME RUN`, from the task's row and those of its options (task.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launch/commands/task.h"
#include "launch/tasks/registry.h"

enum { COLUMN = 21, WIDTH = 100 };

static const char common_usage[] =
    "  --best, --last     The tables of the best epoch by validation, or those at the end. Default: best if\n"
    "                     there is one.\n"
    "  --servers N        Servers to load the tables into. Default: 1.\n"
    "  --alone            One process, whatever launcher or variables of one there are.\n"
    "  --set KEY=VALUE    Overrides one option of the run (data.path of a moved folder).\n";

/* " [-k N]", " --pairs FILE" of one that must be given; free it. */
static char *write_short(const plt_option_t *row) {
  char *text;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  bool needed = row->fallback == NULL;
  fputs(needed ? " " : " [", out);
  if (row->letter != 0)
    fprintf(out, "-%c", row->letter);
  else
    fprintf(out, "--%s", plt_task_option_name(row));
  if (row->type != PLT_OPT_BOOL) fprintf(out, " %s", row->placeholder);
  if (!needed) fputc(']', out);
  fclose(out);
  return text;
}

static void print_synopsis(FILE *out, const plt_task_t *task) {
  static const char common[] = "[--best | --last] [--servers N] [--set KEY=VALUE]";
  int begin = (int)strlen("usage: plateau  ") + (int)strlen(task->name);
  int at = fprintf(out, "usage: plateau %s RUN%s", task->name, task->several == NULL ? "" : " ...");
  for (size_t i = 0; i < task->options.n_rows; i++) {
    char *option = write_short(&task->options.rows[i]);
    if (at + (int)strlen(option) > WIDTH) at = fprintf(out, "\n%*s", begin - 1, "") - 1;
    at += fprintf(out, "%s", option);
    free(option);
  }
  bool fits = at + (int)sizeof common <= WIDTH;
  fprintf(out, fits ? " %*s%s\n" : "\n%*s%s\n", fits ? 0 : begin, "", common);
}

/* Words of `text` from column `at` on; further lines begin at `indent`. */
static void print_wrapped(FILE *out, const char *text, size_t at, size_t indent) {
  for (bool first = true; *text != '\0'; first = false) {
    size_t length = strcspn(text, " ");
    if (!first && at + 1 + length > WIDTH) {
      fprintf(out, "\n%*s", (int)indent, "");
      at = indent;
    } else if (!first) {
      fputc(' ', out);
      at++;
    }
    fprintf(out, "%.*s", (int)length, text);
    at += length;
    text += length;
    text += strspn(text, " ");
  }
  fputc('\n', out);
}

/* What a row says of itself: "Items per user. Default: 20." */
static char *describe(const plt_option_t *row) {
  char *text;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  fputs(row->help, out);
  if (row->choices != NULL) fprintf(out, " One of %s.", row->choices);
  bool nothing = row->fallback != NULL && (strcmp(row->fallback, "\"\"") == 0 || strcmp(row->fallback, "[]") == 0);
  if (row->fallback != NULL && row->type != PLT_OPT_BOOL && !nothing) {
    size_t quote = row->fallback[0] == '"'; /* as it stands in YAML */
    fprintf(out, " Default: %.*s.", (int)(strlen(row->fallback) - 2 * quote), row->fallback + quote);
  }
  fclose(out);
  return text;
}

/* -k, --topk N     Items per user. */
static void print_option(FILE *out, const plt_option_t *row) {
  char name[128], letter[8] = "", *text = describe(row);
  if (row->letter != 0) snprintf(letter, sizeof letter, "-%c, ", row->letter);
  int length = snprintf(name, sizeof name, "  %s--%s%s%s", letter, plt_task_option_name(row),
                        row->type == PLT_OPT_BOOL ? "" : " ", row->type == PLT_OPT_BOOL ? "" : row->placeholder);
  fputs(name, out);
  if (length >= COLUMN) fputc('\n', out);
  fprintf(out, "%*s", length >= COLUMN ? COLUMN : COLUMN - length, "");
  print_wrapped(out, text, COLUMN, COLUMN);
  free(text);
}

char *plt_task_usage(const plt_task_t *task) {
  char *text;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  print_synopsis(out, task);
  if (task->about != NULL) {
    fputc('\n', out);
    print_wrapped(out, task->about, 0, 0);
  }
  fputc('\n', out);
  for (size_t i = 0; i < task->options.n_rows; i++) print_option(out, &task->options.rows[i]);
  fprintf(out, "%s\nExample: plateau %s %s\n", common_usage, task->name, task->example);
  fclose(out);
  return text;
}
