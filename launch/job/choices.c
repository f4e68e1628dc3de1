/* choices.c - see choices.h. */
#include "launch/job/choices.h"

#include <string.h>

#include "common/mem.h"
#include "ps/optimizers/registry.h"
#include "worker/models/registry.h"
#include "worker/procedures/registry.h"
#include "worker/strategies/registry.h"

static bool model_at(size_t i, plt_choice_t *out) {
  const plt_model_ops_t *ops = plt_models[i];
  if (ops == NULL) return false;
  *out = (plt_choice_t){ops->name, ops->summary, &ops->options, ops->uses_features ? "data.features" : NULL,
                        ops->grid, ops->found};
  return true;
}

static bool strategy_at(size_t i, plt_choice_t *out) {
  const plt_strategy_ops_t *ops = plt_strategies[i];
  if (ops == NULL) return false;
  *out = (plt_choice_t){ops->name, ops->summary, &ops->options, NULL, NULL, NULL};
  return true;
}

static bool optimizer_at(size_t i, plt_choice_t *out) {
  const plt_optimizer_ops_t *ops = plt_optimizers[i];
  if (ops == NULL) return false;
  *out = (plt_choice_t){ops->name, ops->summary, &ops->options, NULL, NULL, NULL};
  return true;
}

static bool stage_at(size_t i, plt_choice_t *out) {
  const plt_stage_ops_t *ops = plt_stages[i];
  if (ops == NULL) return false;
  *out = (plt_choice_t){ops->name, ops->summary, &ops->options, NULL, NULL, NULL};
  return true;
}

const plt_choices_t plt_choices[] = {{"models", "model.name", model_at},
                                     {"strategies", "strategy.name", strategy_at},
                                     {"optimizers", "optimizer.name", optimizer_at},
                                     {"stages", "stage", stage_at}};
const size_t plt_n_choices = sizeof plt_choices / sizeof *plt_choices;

const char **plt_choices_names(const plt_choices_t *choices, size_t *n) {
  const char **names = NULL;
  size_t capacity = 0;
  plt_choice_t choice;
  for (*n = 0; choices->at(*n, &choice); (*n)++) {
    PLT_MEM_GROW(names, *n, capacity);
    names[*n] = choice.name;
  }
  return names;
}

bool plt_choices_find(const plt_choices_t *choices, const char *name, plt_choice_t *out) {
  for (size_t i = 0; choices->at(i, out); i++)
    if (strcmp(out->name, name) == 0) return true;
  return false;
}
