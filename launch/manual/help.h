/* help.h - plateau help TOPIC: the options of configurations, and what they choose by name.
 *
 * Threads    the main thread: help goes to standard output.
 * Errors     PLT_ERR_USAGE: the topic has nothing of that name, or takes no such argument. */
#ifndef PLT_LAUNCH_COMMANDS_HELP_H
#define PLT_LAUNCH_COMMANDS_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "common/status.h"

/* Prints what `plateau help` says of argv[1] and what follows. *known: whether that is a topic. */
plt_status_t plt_help_topic(int argc, char **argv, bool *known);
/* The same of argv[1] that is a model, a strategy, an optimizer or a kind of stage. */
plt_status_t plt_help_named(int argc, char **argv, bool *known);
/* A line per topic, for the list of commands. */
void plt_help_topics(FILE *out);

#endif
