/* task.h - `plateau NAME RUN` for every task that has a summary: arguments and help from its options.
 *
 * Ownership  a command borrows its task; tasks are never freed.
 * Threads    any; nothing is shared. What the command does: command.h. */
#ifndef PLT_LAUNCH_COMMANDS_TASK_H
#define PLT_LAUNCH_COMMANDS_TASK_H

#include "launch/commands/command.h"
#include "launch/tasks/task.h"

plt_command_t plt_command_of_task(const plt_task_t *task);
/* Its help; free it. */
char *plt_task_usage(const plt_task_t *task);

#endif
