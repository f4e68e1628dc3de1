/* choices.h - what a configuration chooses by name: models, strategies, optimizers, kinds of stages, in one form for
 * help and for the tables of all of them.
 *
 * Threads    read-only. */
#ifndef PLT_LAUNCH_JOB_CHOICES_H
#define PLT_LAUNCH_JOB_CHOICES_H

#include "common/options/options.h"

typedef struct plt_choice {
  const char *name, *summary;
  const plt_option_table_t *options;
  const char *needs; /* what else must be configured; NULL */
  const char *grid;  /* values that those searched who published it; NULL */
  const char *found; /* values that searches of ours chose; NULL */
} plt_choice_t;

typedef struct plt_choices {
  const char *plural;                      /* "models" */
  const char *key;                         /* "model.name"; "stage" is one of entries of procedure */
  bool (*at)(size_t i, plt_choice_t *out); /* the i-th; false behind the last */
} plt_choices_t;

extern const plt_choices_t plt_choices[];
extern const size_t plt_n_choices;

/* The names; free the array. */
const char **plt_choices_names(const plt_choices_t *choices, size_t *n);
/* false: there is none of this name. */
bool plt_choices_find(const plt_choices_t *choices, const char *name, plt_choice_t *out);

#endif
