/* registry.c - see registry.h. */
#include "launch/tasks/registry.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/tasks/list.h"

#define DECLARE(name) extern const plt_task_t plt_task_##name;
PLT_TASKS(DECLARE)
#define ENTRY(name) &plt_task_##name,
const plt_task_t *const plt_tasks[] = {PLT_TASKS(ENTRY) NULL};

const plt_task_t *plt_task_find(const char *name) {
  for (size_t i = 0; plt_tasks[i] != NULL; i++)
    if (strcmp(plt_tasks[i]->name, name) == 0) return plt_tasks[i];
  return NULL;
}

const char *plt_task_option_name(const plt_option_t *row) { return strrchr(row->key, '.') + 1; }

/* The row that "name=text" gives a value, NULL if there is none. */
static const plt_option_t *find_row(const plt_task_t *task, const char *given) {
  size_t length = strcspn(given, "=");
  for (size_t i = 0; i < task->options.n_rows; i++) {
    const char *name = plt_task_option_name(&task->options.rows[i]);
    if (strlen(name) == length && memcmp(name, given, length) == 0) return &task->options.rows[i];
  }
  return NULL;
}

static plt_status_t give(const plt_task_t *task, const char *given, plt_config_t *values) {
  const plt_option_t *row = find_row(task, given);
  const char *equals = strchr(given, '=');
  if (row == NULL || equals == NULL) return plt_fail(PLT_ERR_USAGE, "%s has no option \"%s\"", task->name, given);
  char *origin = plt_mem_print("%s: --%s", task->name, plt_task_option_name(row));
  plt_status_t status = plt_config_give(values, row->key, equals + 1, origin);
  free(origin);
  return status;
}

static plt_status_t check_required(const plt_task_t *task, const plt_config_t *values) {
  for (size_t i = 0; i < task->options.n_rows; i++) {
    const plt_option_t *row = &task->options.rows[i];
    if (plt_config_given(values, row->key)) continue;
    return plt_fail(PLT_ERR_USAGE, "%s: needs --%s %s (see plateau %s --help)", task->name, plt_task_option_name(row),
                    row->placeholder, task->name);
  }
  return PLT_OK;
}

plt_status_t plt_task_options(const plt_task_t *task, const char *const *given, size_t n, plt_config_t **out) {
  plt_config_t *values = plt_config_create();
  plt_status_t status = plt_config_apply(values, &task->options);
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = give(task, given[i], values);
  if (status == PLT_OK) status = check_required(task, values);
  if (status == PLT_OK)
    *out = values;
  else
    plt_config_destroy(&values);
  return status;
}
