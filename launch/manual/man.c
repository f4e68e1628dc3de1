/* man.c - see man.h. */
#include "launch/manual/man.h"

#include <stdlib.h>
#include <string.h>

#include "launch/job/config.h"
#include "launch/manual/help.h"
#include "launch/manual/usage.h"
#include "launch/manual/version.h"

/* ---- roff ---- */

/* Text in a line of its own may not begin like a request; a hyphen that is meant is \-. */
static void put(const char *text, bool at_begin, FILE *out) {
  for (; *text != '\0'; text++) {
    if (at_begin && (*text == '.' || *text == '\'')) fputs("\\&", out);
    at_begin = *text == '\n';
    switch (*text) {
      case '\\': fputs("\\e", out); break;
      case '-': fputs("\\-", out); break;
      case '^': fputs("\\(ha", out); break;
      case '~': fputs("\\(ti", out); break;
      case '`': fputs("\\(ga", out); break;
      default: fputc(*text, out);
    }
  }
}

static void put_line(const char *text, FILE *out) {
  put(text, true, out);
  fputc('\n', out);
}

static void put_as_it_is(const char *text, FILE *out) {
  fputs(".nf\n", out);
  put_line(text, out);
  fputs(".fi\n", out);
}

static void put_head(const char *name, int section, const char *summary, FILE *out) {
  fputs(".TH ", out);
  for (const char *at = name; *at != '\0'; at++) fputc(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at, out);
  fprintf(out, " %d \"\" \"plateau %s\"\n.SH NAME\n", section, plt_version());
  put(name, false, out);
  fputs(" \\- ", out);
  put_line(summary, out);
}

static void put_term(const char *prefix, const char *term, FILE *out) {
  fputs(".TP\n\\fB", out);
  put(prefix, false, out);
  put(term, false, out);
  fputs("\\fR\n", out);
}

/* ---- options ---- */

/* The lines of plt_option_table_describe(): title, "  key  values", "      what it means". */
static void put_table(const plt_option_table_t *table, const char *prefix, FILE *out) {
  char *text = plt_option_table_describe(table, false);
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    const size_t indent = strspn(line, " ");
    if (indent == 0) {
      fputs(".SS ", out);
      put_line(line, out);
    } else if (indent == 2) {
      char *values = strstr(line + indent, "  ");
      *values = '\0';
      fputs(".TP\n\\fB", out);
      put(prefix, false, out);
      put(line + indent, false, out);
      fputs("\\fR  ", out);
      put_line(values + 2, out);
    } else {
      put_line(line[indent] == '\0' ? "\\&" : line + indent, out);
    }
  }
  free(text);
}

static void put_options_page(FILE *out) {
  size_t n;
  const plt_option_table_t **tables = plt_config_all_tables(true, &n);
  put_head("plateau-options", 5, "configurations of plateau: every option", out);
  fputs(
      ".SH DESCRIPTION\nA configuration is a YAML file; \\fB\\-\\-set KEY=VALUE\\fR overrides single options. Options "
      "of a model, strategy or optimizer count when it is chosen; others are passed over with a warning. Paths are "
      "relative to the file, with \\-\\-set to the working directory.\n.SH OPTIONS\n",
      out);
  for (size_t i = 0; i < n; i++)
    if (tables[i]->n_rows > 0) put_table(tables[i], "", out);
  free(tables);
  fputs(".SH SEE ALSO\n.BR plateau (1)\n", out);
}

/* ---- a command ---- */

/* A section's first paragraph begins by itself. */
static void put_part(const plt_usage_part_t *part, bool first, FILE *out) {
  switch (part->kind) {
    case PLT_USAGE_SYNOPSIS:
    case PLT_USAGE_EXAMPLE: put_as_it_is(part->text, out); break;
    case PLT_USAGE_HEADING:
      fputs(".PP\n", out);
      put_line(part->text, out);
      break;
    case PLT_USAGE_ENTRY:
      put_term("", part->term, out);
      if (part->text != NULL) put_line(part->text, out);
      break;
    case PLT_USAGE_TEXT:
      if (!first) fputs(".PP\n", out);
      put_line(part->text, out);
  }
}

static void put_parts(const plt_usage_t *usage, const plt_command_t *command, FILE *out) {
  bool described = false;
  size_t i = 0;
  fputs(".SH SYNOPSIS\n", out);
  for (; i < usage->n && usage->part[i].kind == PLT_USAGE_SYNOPSIS; i++) put_part(&usage->part[i], true, out);
  for (; i < usage->n; i++) {
    if (usage->part[i].kind == PLT_USAGE_EXAMPLE) continue;
    if (!described) fputs(".SH DESCRIPTION\n", out);
    put_part(&usage->part[i], !described, out);
    described = true;
  }
  if (command->flags != NULL) put_table(command->flags, "--", out);
  if (command->options != NULL) put_table(command->options, "", out);
  fputs(".SH EXAMPLES\n", out);
  for (i = 0; i < usage->n; i++)
    if (usage->part[i].kind == PLT_USAGE_EXAMPLE) put_part(&usage->part[i], true, out);
}

static void put_command_page(const plt_command_t *command, FILE *out) {
  char name[64];
  snprintf(name, sizeof name, "plateau-%s", command->name);
  put_head(name, 1, command->summary, out);
  plt_usage_t usage = plt_usage_of(command);
  put_parts(&usage, command, out);
  plt_usage_clear(&usage);
  fputs(".SH SEE ALSO\n.BR plateau (1),\n.BR plateau-options (5)\n", out);
}

/* ---- the page of all ---- */

static void put_exit_codes(FILE *out) {
  fputs(".SH EXIT STATUS\n", out);
  for (int status = PLT_OK; status < PLT_STATUS_COUNT; status++) {
    const int code = plt_status_exit((plt_status_t)status);
    if (status == PLT_OK || plt_status_exit((plt_status_t)(status - 1)) != code)
      fprintf(out, ".TP\n\\fB%d\\fR\n", code);
    else
      fputs("; ", out);
    put_line(plt_status_text((plt_status_t)status), out);
  }
}

static void put_page_of_all(const plt_command_t *commands, size_t n, FILE *out) {
  put_head("plateau", 1, "parameter server that trains multimodal recommenders to flat minima", out);
  fputs(".SH SYNOPSIS\n.B plateau\nCOMMAND [ARGUMENTS]\n.SH COMMANDS\n", out);
  for (size_t i = 0; i < n; i++) {
    if (commands[i].summary == NULL) continue;
    fprintf(out, ".TP\n.BR plateau\\-");
    put(commands[i].name, false, out);
    fputs(" (1)\n", out);
    put_line(commands[i].summary, out);
  }
  fputs(".SH HELP\n", out);
  char *topics;
  size_t bytes;
  FILE *text = open_memstream(&topics, &bytes);
  plt_help_topics(text);
  fclose(text);
  put_as_it_is(topics, out);
  free(topics);
  put_exit_codes(out);
  fputs(
      ".SH EXAMPLES\n.nf\nplateau train examples/quickstart.yaml\nmpirun \\-n 6 plateau train my.yaml \\-\\-servers 2\n"
      ".fi\n.SH SEE ALSO\n.BR plateau-options (5)\n",
      out);
}

/* ---- all of them ---- */

plt_status_t plt_man_print(const plt_command_t *commands, size_t n, const char *name, FILE *out) {
  if (name == NULL) {
    put_page_of_all(commands, n, out);
    return PLT_OK;
  }
  if (strcmp(name, "options") == 0) {
    put_options_page(out);
    return PLT_OK;
  }
  for (size_t i = 0; i < n; i++)
    if (commands[i].summary != NULL && strcmp(commands[i].name, name) == 0) {
      put_command_page(&commands[i], out);
      return PLT_OK;
    }
  return plt_fail(PLT_ERR_USAGE, "help man: there is no page of \"%s\": a command, or options", name);
}

void plt_man_names(const plt_command_t *commands, size_t n, FILE *out) {
  fputs("plateau.1\nplateau-options.5\n", out);
  for (size_t i = 0; i < n; i++)
    if (commands[i].summary != NULL) fprintf(out, "plateau-%s.1\n", commands[i].name);
}
