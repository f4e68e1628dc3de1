/* names.h - whether a command speaks of users and items as their owner names them, or by number: option TASK.ids.
 *
 * Names are those of u_id_mapping.csv and i_id_mapping.csv in the folder of the interactions (worker/data/idmap.h),
 * which a run does not keep: it needs the interactions in any case.
 *
 * Ownership  the caller clears them.
 * Threads    any; worker 0 alone has a use for them.
 * Errors     PLT_ERR_DATA for a map that is damaged, of other data, or asked for and not there. */
#ifndef PLT_LAUNCH_TASKS_NAMES_H
#define PLT_LAUNCH_TASKS_NAMES_H

#include "launch/job/job.h"
#include "worker/data/idmap.h"

typedef struct plt_names {
  plt_idmap_t *user, *item; /* NULL: numbers */
} plt_names_t;

/* The row of the option, for a task's table: key "recommend.ids". */
#define PLT_NAMES_OPTION(KEY)                                                                    \
  {                                                                                              \
    .key = (KEY), .type = PLT_OPT_CHOICE, .fallback = "auto", .choices = "auto|original|number", \
    .placeholder = "KIND",                                                                       \
    .help =                                                                                      \
        "What users and items are called, given and told: original, as u_id_mapping.csv "        \
        "and i_id_mapping.csv of the data folder name them; number, from 0; auto: "              \
        "original where these files are."                                                        \
  }

plt_status_t plt_names_open(const plt_dataset_t *data, const char *task, const char *kind, plt_names_t *out);
void plt_names_clear(plt_names_t *names);

#endif
