/* outline.h - a configuration as it is read from a file, and the stages it has.
 *
 * The configuration of a procedure holds what is of the whole run; each stage has one of its own, nested in it
 * (nest.h), with what stands on top and what the stage has instead. A plain run is one stage, whose configuration is
 * the whole.
 *
 * Ownership  the outline owns its arrays, the outermost configuration those of the stages.
 * Threads    one owner of the configuration (options.h), whose outline it is.
 * Errors     PLT_ERR_USAGE with a line for each fault, of all stages together. */
#ifndef PLT_LAUNCH_JOB_OUTLINE_H
#define PLT_LAUNCH_JOB_OUTLINE_H

#include "common/options/options.h"

typedef struct plt_outline_stage {
  plt_config_t *config;
  char place[32];     /* "procedure.0", "procedure.1.stages.0"; of a plain run "" */
  size_t part, parts; /* an entry whose kind is run per modality is as many stages; else 0 of 1 */
} plt_outline_stage_t;

/* An entry of `procedure`: stages [first, first + n). */
typedef struct plt_outline_entry {
  size_t first, n;
  uint32_t repeat;
  bool is_loop;
} plt_outline_entry_t;

typedef struct plt_outline {
  bool is_given;     /* there is a procedure */
  size_t modalities; /* as data.features has them */
  plt_outline_stage_t *stages;
  size_t n_stages, stages_capacity;
  plt_outline_entry_t *entries;
  size_t n_entries, entries_capacity;
} plt_outline_t;

/* Reads `path`, then n `--set` assignments. */
plt_status_t plt_config_load(const char *path, const char *const *sets, size_t n, plt_config_t **out);
/* The stages of a configuration that was loaded. */
plt_outline_t plt_outline_of(plt_config_t *config);
void plt_outline_clear(plt_outline_t *outline);

#endif
