/* arguments.h - command lines with getopt_long: one way to report what is wrong with them.
 *
 * Threads    the main thread: getopt keeps its place in variables of the process.
 * Errors     PLT_ERR_USAGE with the command's name and where its help is. */
#ifndef PLT_LAUNCH_COMMANDS_ARGUMENTS_H
#define PLT_LAUNCH_COMMANDS_ARGUMENTS_H

#include <getopt.h>

#include "common/status.h"

/* The next option as getopt_long gives it, without its messages. */
int plt_arguments_next(int argc, char **argv, const char *short_options, const struct option *options);
/* After '?': what is wrong, and where help is. */
plt_status_t plt_arguments_fault(char **argv);
/* The one argument that is no option. */
plt_status_t plt_arguments_positional(int argc, char **argv, const char *what, const char **out);

#endif
