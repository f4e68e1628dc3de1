/* man.h - pages of the manual, made of what `plateau help` prints: plateau(1), plateau-NAME(1) of each command, and
 * plateau-options(5), every option of configurations.
 *
 * Threads    the main thread: exit codes and options go through the tables of help.h.
 * Errors     PLT_ERR_USAGE: there is no page of that name. */
#ifndef PLT_LAUNCH_MANUAL_MAN_H
#define PLT_LAUNCH_MANUAL_MAN_H

#include <stdio.h>

#include "launch/commands/command.h"

/* `name`: a command, "options", or NULL for the page of all commands; as roff with the macros of man(7). */
plt_status_t plt_man_print(const plt_command_t *commands, size_t n, const char *name, FILE *out);
/* The names of all pages, "plateau.1", one a line. */
void plt_man_names(const plt_command_t *commands, size_t n, FILE *out);

#endif
