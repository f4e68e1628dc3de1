/* eta_history.c - the learning rates of all steps as run lengths: see optimizer.h. */
#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"
#include "ps/optimizers/optimizer.h"

void plt_eta_history_append(plt_eta_history_t *history, uint64_t t, double eta) {
  assert(history->n == 0 || t > history->runs[history->n - 1].first);
  if (history->n > 0 && history->runs[history->n - 1].eta == eta) return;
  PLT_MEM_GROW(history->runs, history->n, history->capacity);
  history->runs[history->n++] = (plt_eta_run_t){.first = t, .eta = eta};
}

size_t plt_eta_history_find(const plt_eta_history_t *history, uint64_t t) {
  size_t low = 0, high = history->n; /* the answer is in [low, high) */
  assert(history->n > 0 && t >= history->runs[0].first);
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (history->runs[middle].first <= t) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

double plt_eta_history_at(const plt_eta_history_t *history, uint64_t t) {
  return history->runs[plt_eta_history_find(history, t)].eta;
}

void plt_eta_history_clear(plt_eta_history_t *history) {
  free(history->runs);
  *history = (plt_eta_history_t){0};
}
