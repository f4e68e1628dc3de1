/* registry.h - the tasks by name and in order, and the values of their options.
 *
 * Ownership  the caller destroys values.
 * Threads    any; the list is read-only, values have their owner.
 * Errors     PLT_ERR_USAGE for an option that the task does not have, a value that its row does not allow, one that
 *            is missing. */
#ifndef PLT_LAUNCH_TASKS_REGISTRY_H
#define PLT_LAUNCH_TASKS_REGISTRY_H

#include "launch/tasks/task.h"

extern const plt_task_t *const plt_tasks[]; /* NULL-terminated */
/* NULL if there is none of that name. */
const plt_task_t *plt_task_find(const char *name);

/* The part of an option's key that a command line has: "topk" of "recommend.topk". */
const char *plt_task_option_name(const plt_option_t *row);
/* The values of a task's options: `given` holds "name=text", the others have their defaults. */
plt_status_t plt_task_options(const plt_task_t *task, const char *const *given, size_t n, plt_config_t **out);

#endif
