/* registry.c - see registry.h. */
#include "worker/procedures/registry.h"

#include <string.h>

#include "worker/procedures/list.h"

#define DECLARE(name) extern const plt_stage_ops_t plt_stage_##name;
PLT_STAGES(DECLARE)
#define ENTRY(name) &plt_stage_##name,
const plt_stage_ops_t *const plt_stages[] = {PLT_STAGES(ENTRY) NULL};

static const char *name_of(size_t i) { return plt_stages[i] == NULL ? NULL : plt_stages[i]->name; }

static const plt_option_t rows[] = {
    {.key = "stage", .type = PLT_OPT_CHOICE, .choice_at = name_of, .help = "What is done: the kind of stage."},
    {.key = "name",
     .type = PLT_OPT_TEXT,
     .help = "What the stage is called in metrics and among the files of train.replay, where its kind stands in the "
             "list more than once; default: its kind."},
};

const plt_option_table_t plt_stage_options = {"stage", rows, sizeof rows / sizeof *rows};

const plt_stage_ops_t *plt_stage_find(const char *name) {
  for (size_t i = 0; plt_stages[i] != NULL; i++)
    if (strcmp(plt_stages[i]->name, name) == 0) return plt_stages[i];
  return NULL;
}
