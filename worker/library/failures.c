/* failures.c - libplateau: what callers are told. See state.h. */
#include <inttypes.h>
#include <stdio.h>

#include "worker/library/state.h"

static _Thread_local char said[PLT_FAIL_TEXT_MAX];

const char *plateau_error(void) { return said; }

const char *plateau_version(void) { return PLT_LIBRARY_VERSION; }

const char *plateau_status_name(int status) {
  static const char *const names[] = {"ok",         "usage", "not finite", "refused",   "peer lost",     "deadline",
                                      "checkpoint", "io",    "system",     "cancelled", "internal error"};
  return status >= 0 && (size_t)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

static plateau_status_t public_status(plt_status_t status) {
  switch (status) {
    case PLT_OK: return PLATEAU_OK;
    case PLT_ERR_USAGE: return PLATEAU_USAGE;
    case PLT_ERR_NAN: return PLATEAU_NAN;
    case PLT_ERR_DATA:
    case PLT_ERR_PROTOCOL:
    case PLT_ERR_DAMAGED: return PLATEAU_REFUSED;
    case PLT_ERR_PEER: return PLATEAU_PEER;
    case PLT_ERR_DEADLINE: return PLATEAU_DEADLINE;
    case PLT_ERR_CHECKPOINT: return PLATEAU_CHECKPOINT;
    case PLT_ERR_IO:
    case PLT_ERR_SPACE: return PLATEAU_IO;
    case PLT_ERR_CREATE:
    case PLT_ERR_MEMORY: return PLATEAU_SYSTEM;
    case PLT_ERR_STOPPED: return PLATEAU_CANCELLED;
    default: return PLATEAU_BUG;
  }
}

int plt_library_answer(plateau_t *job, plt_status_t status, bool lasting) {
  if (status == PLT_OK) return PLATEAU_OK;
  if (job != NULL && lasting) {
    if (job->spent.status == PLT_OK && atomic_load(&job->cancelled))
      status = plt_fail(PLT_ERR_STOPPED, "cancelled by the program (plateau_cancel)");
    plt_failure_keep(&job->spent, status);
    status = plt_failure_restore(&job->spent);
  }
  snprintf(said, sizeof said, "%s", plt_fail_text());
  return public_status(status);
}

plt_status_t plt_library_ready(const plateau_t *job) {
  if (job == NULL) return plt_fail(PLT_ERR_USAGE, "there is no job: the handle is NULL");
  PLT_TRY(plt_failure_restore(&job->spent));
  if (atomic_load(&job->cancelled)) return plt_fail(PLT_ERR_STOPPED, "cancelled by the program (plateau_cancel)");
  return job->begun == NULL
             ? PLT_OK
             : plt_fail(PLT_ERR_USAGE, "step %" PRIu64 " was begun: plateau_wait() comes first", job->clock);
}
