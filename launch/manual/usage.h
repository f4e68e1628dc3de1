/* usage.h - the help of a command as text, and taken apart: pages of the manual and completion are made of the same
 * words that `plateau NAME --help` prints.
 *
 *   usage: plateau tune CONFIG.yaml [-o DIR]     synopsis, up to an empty line; also `plateau NAME ...` later on
 *   CONFIG has a section tune, ...               text
 *    planted (docs/data.md has the model):       heading, one blank before it
 *     -o, --output DIR  where trials are kept    entry: two blanks, a term, two blanks, what it means;
 *                       and where not            more of it is indented further
 *   Example: plateau tune my.yaml                example, up to an empty line
 *
 * Ownership  plt_usage_text()'s is the caller's to free; plt_usage_clear() frees the parts.
 * Threads    any; nothing is shared. */
#ifndef PLT_LAUNCH_MANUAL_USAGE_H
#define PLT_LAUNCH_MANUAL_USAGE_H

#include "launch/commands/command.h"

typedef enum {
  PLT_USAGE_SYNOPSIS, /* text: lines as they are, without "usage: " */
  PLT_USAGE_TEXT,
  PLT_USAGE_HEADING,
  PLT_USAGE_ENTRY, /* term and text */
  PLT_USAGE_EXAMPLE
} plt_usage_kind_t;

typedef struct plt_usage_part {
  plt_usage_kind_t kind;
  bool begins;   /* behind an empty line */
  size_t indent; /* of further lines, taken off */
  char *term, *text;
} plt_usage_part_t;

typedef struct plt_usage {
  plt_usage_part_t *part;
  size_t n, capacity;
} plt_usage_t;

/* What --help prints in front of the tables of options. */
char *plt_usage_text(const plt_command_t *command);
plt_usage_t plt_usage_of(const plt_command_t *command);
void plt_usage_clear(plt_usage_t *usage);

#endif
