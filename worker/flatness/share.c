/* share.c - see share.h. */
#include "worker/flatness/share.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/time.h"

enum { BLOCKS_MAX = 256 };

/* The worker's own blocks of sums [blocks, n]. */
static plt_status_t add_own(plt_session_t *session, plt_probe_t *probe, uint32_t batches, uint32_t blocks,
                            plt_share_fn add, const void *context, double *sums, size_t n) {
  int64_t looked_ns = plt_time_ns();
  for (uint32_t k = session->worker; k < blocks; k += session->plan->workers) {
    uint32_t first = (uint32_t)((uint64_t)batches * k / blocks), end = (uint32_t)((uint64_t)batches * (k + 1) / blocks);
    for (uint32_t number = first; number < end; number++) {
      PLT_TRY(plt_probe_take(probe, number));
      PLT_TRY(add(probe, context, sums + k * n));
      if (plt_time_ns() - looked_ns < PLT_NS_PER_S) continue;
      PLT_TRY(plt_session_look(session));
      looked_ns = plt_time_ns();
    }
  }
  return PLT_OK;
}

plt_status_t plt_share_batches(plt_session_t *session, const char *name, uint32_t *batches, plt_share_fn add,
                               const void *context, double *means, size_t n) {
  plt_probe_t *probe;
  PLT_TRY(plt_probe_open(session, &probe));
  *batches = plt_probe_batches(probe, *batches);
  const uint32_t blocks = *batches < BLOCKS_MAX ? *batches : BLOCKS_MAX;
  double *sums = plt_mem_zalloc(blocks * n, sizeof *sums);
  plt_status_t status = add_own(session, probe, *batches, blocks, add, context, sums, n);
  plt_probe_close(&probe);
  if (status == PLT_OK) status = plt_session_sum(session, name, sums, blocks * n);
  memset(means, 0, n * sizeof *means);
  for (uint32_t k = 0; k < blocks; k++)
    for (size_t i = 0; i < n; i++) means[i] += sums[k * n + i];
  for (size_t i = 0; i < n; i++) means[i] /= *batches;
  free(sums);
  return status;
}
