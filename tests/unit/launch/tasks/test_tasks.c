/* The list of tasks, the values of their options, and which turn follows which. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/commands/task.h"
#include "launch/tasks/registry.h"
#include "launch/tasks/work.h"
#include "tests/unit/common/scratch.h"

TestSuite(tasks, .init = scratch_make, .fini = scratch_remove);

/* What the code that goes by the rows relies on. */
Test(tasks, rows_are_sound) {
  for (size_t i = 0; plt_tasks[i] != NULL; i++) {
    const plt_task_t *task = plt_tasks[i];
    cr_assert_eq(plt_task_find(task->name), task);
    cr_assert_not_null(task->run, "%s", task->name);
    cr_assert(!task->saves || task->keeps, "%s makes checkpoints where it may not write", task->name);
    cr_assert(task->summary == NULL || task->example != NULL, "%s", task->name);
    for (size_t k = 0; k < task->options.n_rows; k++) {
      const plt_option_t *row = &task->options.rows[k];
      size_t length = strlen(task->name);
      cr_assert(strncmp(row->key, task->name, length) == 0 && row->key[length] == '.', "%s", row->key);
      cr_assert((row->type == PLT_OPT_BOOL) == (row->placeholder == NULL), "%s", row->key);
      cr_assert(row->type != PLT_OPT_BOOL || strcmp(row->fallback, "false") == 0, "%s: a flag sets it", row->key);
      cr_assert_null(strchr("BLsS", row->letter == 0 ? 'x' : row->letter), "%s: -%c is taken", row->key, row->letter);
    }
    int turns = 0;
    for (const plt_task_t *at = task; at->then != NULL; turns++) {
      at = plt_task_find(at->then);
      cr_assert_not_null(at, "what follows %s is none", task->name);
      cr_assert_lt(turns, 10, "%s follows itself", task->name);
    }
  }
  cr_assert_null(plt_task_find("dance"));
}

Test(tasks, options_have_values) {
  static const char *const given[] = {"topk=7", "output=a = 'b', \"c\""};
  plt_config_t *values;
  CR_OK(plt_task_options(plt_task_find("recommend"), given, 2, &values));
  cr_assert_eq(plt_config_int(values, "recommend.topk"), 7);
  cr_assert_str_eq(plt_config_text(values, "recommend.output"), "a = 'b', \"c\"");
  plt_config_destroy(&values);
  CR_OK(plt_task_options(plt_task_find("recommend"), NULL, 0, &values));
  cr_assert_eq(plt_config_int(values, "recommend.topk"), 20);
  cr_assert_str_eq(plt_config_text(values, "recommend.output"), "-");
  plt_config_destroy(&values);
}

Test(tasks, wrong_options_are_told) {
  static const struct {
    const char *task, *given, *cause;
  } cases[] = {{"recommend", "topk=0", "recommend: --topk: 0 must be in [1, 100000]"},
               {"recommend", "topk=x", "recommend: --topk: \"x\" is not a whole number"},
               {"recommend", "topkk=3", "recommend has no option \"topkk=3\""},
               {"recommend", "top=3", "recommend has no option"},
               {"recommend", "topk", "recommend has no option"},
               {"evaluate", "split=train", "evaluate: --split: \"train\" is not one of all, both, valid, test, shift"},
               {"evaluate", "json=perhaps", "evaluate: --json: "},
               {"export", "vectors=true", "export: needs --output DIR"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_config_t *values = NULL;
    CR_FAILED_WITH(plt_task_options(plt_task_find(cases[i].task), &cases[i].given, 1, &values), PLT_ERR_USAGE,
                   cases[i].cause);
    cr_assert_null(values);
  }
}

Test(tasks, help_names_every_option) {
  for (size_t i = 0; plt_tasks[i] != NULL; i++) {
    const plt_task_t *task = plt_tasks[i];
    if (task->summary == NULL) continue;
    char *usage = plt_task_usage(task);
    for (size_t k = 0; k < task->options.n_rows; k++) {
      char name[64];
      snprintf(name, sizeof name, "--%s", plt_task_option_name(&task->options.rows[k]));
      cr_assert_not_null(strstr(usage, name), "%s has no %s", task->name, name);
    }
    for (char *line = usage; *line != '\0'; line += strcspn(line, "\n") + 1)
      cr_assert_leq(strcspn(line, "\n"), 110, "%s: %s", task->name, line);
    free(usage);
  }
}

static void make_checkpoint(const char *link) {
  CR_OK(plt_dir_create(scratch_path("checkpoints/5")));
  cr_assert_eq(symlink("5", scratch_path(link)), 0);
}

Test(tasks, training_is_concluded_on_the_best_tables) {
  plt_standing_t end = {.epoch = 4, .gradients = 100, .seconds = 2.5};
  plt_turn_t turn = {.task = plt_task_find("train"), .start = "17"}, next;
  bool over;
  make_checkpoint("checkpoints/last");
  CR_OK(plt_turn_next(&turn, &end, scratch, &next, &over));
  cr_assert_not(over);
  cr_assert_str_eq(next.task->name, "conclude");
  cr_assert_str_eq(next.start, "last");
  cr_assert_eq(next.before.gradients, 100);
  make_checkpoint("checkpoints/best");
  CR_OK(plt_turn_next(&turn, &end, scratch, &next, &over));
  cr_assert_str_eq(next.start, "best");
  CR_OK(plt_turn_next(&next, &end, scratch, &turn, &over));
  cr_assert(over);
  cr_assert_str_eq(turn.task->name, "train");
}

Test(tasks, a_turn_begins_with_the_checkpoint_that_was_found) {
  plt_restore_t none = {0}, some = {.given = true, .manifest = {.clock = UINT64_MAX}};
  plt_work_t work = {.task = plt_task_find("train"), .restore = &none};
  cr_assert_str_eq(plt_turn_first(&work).start, "");
  work.restore = &some;
  cr_assert_str_eq(plt_turn_first(&work).start, "18446744073709551615");
}
