/* registry.h - the kinds of stages there are (list.h), by name: for those who choose one. No kind knows of it.
 *
 * Threads    read-only. */
#ifndef PLT_WORKER_PROCEDURES_REGISTRY_H
#define PLT_WORKER_PROCEDURES_REGISTRY_H

#include "worker/procedures/stage.h"

extern const plt_option_table_t plt_stage_options; /* stage, name */
extern const plt_stage_ops_t *const plt_stages[];  /* NULL-terminated */
/* NULL: there is none of this name. */
const plt_stage_ops_t *plt_stage_find(const char *name);

#endif
