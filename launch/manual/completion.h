/* completion.h - what a shell may offer behind plateau, as lines that packaging/completion reads:
 *
 *   command NAME KIND SUMMARY     KIND is what follows: config, run, dir, file, none
 *   word NAME WORD KIND           a word that follows instead, and what follows that: plateau data import FILE
 *   option NAME[/WORD] --OPTION KIND      KIND as above, or flag (nothing follows), set, value, or a|b|c
 *   key KEY VALUES                of --set: a|b|c, or - where there is no list
 *   key/NAME KEY VALUES           of that command's --set alone
 *   topic NAME                    of plateau help
 *
 * Threads    any; nothing is shared. */
#ifndef PLT_LAUNCH_MANUAL_COMPLETION_H
#define PLT_LAUNCH_MANUAL_COMPLETION_H

#include <stdio.h>

#include "launch/commands/command.h"

void plt_completion_print(const plt_command_t *commands, size_t n, FILE *out);

#endif
