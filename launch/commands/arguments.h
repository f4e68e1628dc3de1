/* arguments.h - command lines with getopt_long: one way to report what is wrong with them. */
#ifndef PLT_LAUNCH_COMMANDS_ARGUMENTS_H
#define PLT_LAUNCH_COMMANDS_ARGUMENTS_H

#include <getopt.h>
#include <stddef.h>

#include "common/status.h"

/* The next option as getopt_long gives it, without its messages. */
int plt_arguments_next(int argc, char **argv, const char *short_options, const struct option *options);
/* After '?': what is wrong, and where help is. */
plt_status_t plt_arguments_fault(char **argv);
/* The one argument that is no option. */
plt_status_t plt_arguments_positional(int argc, char **argv, const char *what, const char **out);

/* Assignments "key=value" in the order given. */
typedef struct plt_sets {
  const char **text;
  char **owned; /* made of key and value; NULL where the text is the command line's */
  size_t n, capacity, owned_capacity;
} plt_sets_t;

/* key NULL: `value` is "key=value" already. */
void plt_sets_add(plt_sets_t *sets, const char *key, const char *value);
void plt_sets_clear(plt_sets_t *sets);

#endif
