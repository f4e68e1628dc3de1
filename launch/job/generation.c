/* generation.c - see generation.h. */
#include "launch/job/generation.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"

plt_generation_t plt_generation_of(const plt_job_t *job) {
  return (plt_generation_t){.job = job->id,
                            .servers = job->plan.servers,
                            .workers = job->plan.workers,
                            .alone = job->plan.alone,
                            .staleness = job->plan.staleness,
                            .threads = job->plan.threads};
}

static plt_start_kind_t start_kind(const plt_restore_t *restore, const char *run_dir) {
  if (restore->is_warm) return restore->values_alone ? PLT_START_VALUES : PLT_START_WARM;
  return run_dir == NULL ? PLT_START_LOOK : PLT_START_RESUME;
}

plt_server_config_t plt_generation_server(const plt_generation_t *generation, uint32_t number, const char *run_dir,
                                          const plt_restore_t *restore, uint64_t memory_bytes) {
  return (plt_server_config_t){.number = number,
                               .servers = generation->servers,
                               .workers = generation->workers,
                               .alone = generation->alone,
                               .staleness = generation->staleness,
                               .threads = generation->threads,
                               .job = generation->job,
                               .generation = generation->number,
                               .run_dir = run_dir,
                               .start = {.kind = start_kind(restore, run_dir),
                                         .dir = restore->given ? restore->dir : NULL,
                                         .manifest = &restore->manifest},
                               .memory_bytes = memory_bytes};
}

plt_client_config_t plt_generation_client(const plt_generation_t *generation, uint32_t number, const plt_job_t *job,
                                          const char *const *addresses) {
  return (plt_client_config_t){.number = number,
                               .workers = generation->workers,
                               .servers = addresses,
                               .n_servers = generation->servers,
                               .job = generation->job,
                               .generation = generation->number,
                               .deadline_s = job->deadline_s,
                               .wire = job->wire,
                               .lends = job->lends};
}

void plt_generation_log(const char *run_dir, const char *role, uint32_t number, bool speaks) {
  char path[PLT_PATH_MAX + 64];
  if (run_dir != NULL) snprintf(path, sizeof path, "%s/logs/%s-%" PRIu32 ".txt", run_dir, role, number);
  plt_log_open(run_dir == NULL ? NULL : path, speaks);
}
