/* usage.c - see usage.h. */
#include "launch/manual/usage.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/commands/task.h"

char *plt_usage_text(const plt_command_t *command) {
  if (command->usage == NULL) return plt_task_usage(command->task);
  return plt_mem_print("%s%s", command->usage, command->usage_end == NULL ? "" : command->usage_end);
}

static plt_usage_part_t *add(plt_usage_t *usage, plt_usage_kind_t kind, bool begins) {
  PLT_MEM_GROW(usage->part, usage->n, usage->capacity);
  usage->part[usage->n] = (plt_usage_part_t){.kind = kind, .begins = begins};
  return &usage->part[usage->n++];
}

/* Another line of it; the first has nothing before it. */
static void join(char **text, const char *separator, const char *line, size_t length) {
  char *longer = *text == NULL ? plt_mem_print("%.*s", (int)length, line)
                               : plt_mem_print("%s%s%.*s", *text, separator, (int)length, line);
  free(*text);
  *text = longer;
}

static bool begins_with(const char *line, const char *word) { return strncmp(line, word, strlen(word)) == 0; }

/* The part that a line begins, or, NULL, goes on with what is open. */
static plt_usage_part_t *begin(plt_usage_t *usage, const char *line, size_t indent, bool open) {
  const plt_usage_kind_t last = open ? usage->part[usage->n - 1].kind : PLT_USAGE_TEXT;
  if (open && (last == PLT_USAGE_SYNOPSIS || last == PLT_USAGE_EXAMPLE)) return NULL;
  if (!open && (begins_with(line, "usage: ") || begins_with(line, "plateau ")))
    return add(usage, PLT_USAGE_SYNOPSIS, true);
  if (begins_with(line, "Example")) return add(usage, PLT_USAGE_EXAMPLE, !open);
  if (indent == 1) return add(usage, PLT_USAGE_HEADING, !open);
  if (indent == 2) return add(usage, PLT_USAGE_ENTRY, !open);
  if (!open || (indent == 0 && last != PLT_USAGE_TEXT)) return add(usage, PLT_USAGE_TEXT, !open);
  return NULL;
}

/* "--output DIR  where to": the term ends before two blanks. */
static void split(plt_usage_part_t *part, const char *line, size_t length) {
  size_t end = 0;
  while (end < length && !(line[end] == ' ' && end + 1 < length && line[end + 1] == ' ')) end++;
  part->term = plt_mem_print("%.*s", (int)end, line);
  while (end < length && line[end] == ' ') end++;
  if (end < length) join(&part->text, "", line + end, length - end);
}

/* A line of a synopsis or an example, without what stands in front of all of them: "usage: ", "Example: ". */
static void take_as_it_is(plt_usage_part_t *part, const char *line, size_t length, size_t indent) {
  static const char usage[] = "usage: ", example[] = "Example:";
  size_t skip = indent < part->indent ? indent : part->indent;
  if (part->text == NULL && begins_with(line, usage)) skip = part->indent = strlen(usage);
  if (part->text == NULL && begins_with(line, example)) {
    part->indent = strlen(example) + 1;
    skip = strlen(example) + strspn(line + strlen(example), " ");
  }
  if (length > skip) join(&part->text, "\n", line + skip, length - skip);
}

static void take_line(plt_usage_t *usage, const char *line, size_t length, bool *open) {
  const size_t indent = strspn(line, " ");
  plt_usage_part_t *part = begin(usage, line, indent, *open);
  *open = true;
  if (part != NULL && part->kind == PLT_USAGE_ENTRY) {
    split(part, line + indent, length - indent);
    return;
  }
  if (part == NULL) part = &usage->part[usage->n - 1];
  if (part->kind == PLT_USAGE_SYNOPSIS || part->kind == PLT_USAGE_EXAMPLE)
    take_as_it_is(part, line, length, indent);
  else
    join(&part->text, " ", line + indent, length - indent);
}

plt_usage_t plt_usage_of(const plt_command_t *command) {
  plt_usage_t usage = {0};
  char *text = plt_usage_text(command);
  bool open = false; /* a part may go on */
  for (const char *line = text; *line != '\0';) {
    const size_t length = strcspn(line, "\n");
    if (length == 0)
      open = false;
    else
      take_line(&usage, line, length, &open);
    line += length + (line[length] == '\n');
  }
  free(text);
  return usage;
}

void plt_usage_clear(plt_usage_t *usage) {
  for (size_t i = 0; i < usage->n; i++) {
    free(usage->part[i].term);
    free(usage->part[i].text);
  }
  free(usage->part);
  *usage = (plt_usage_t){0};
}
