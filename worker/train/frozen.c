/* frozen.c - see frozen.h. */
#include "worker/train/frozen.h"

#include <stdlib.h>

#include "worker/session/row_cache.h"

struct plt_frozen {
  size_t n_tables;
  plt_row_cache_t *cache[PLT_MODEL_TABLES_MAX]; /* by table; NULL: it is trained */
  /* Of the exchange under way: what the batch wants of frozen tables, and what comes of it. */
  plt_pull_t wanted[PLT_MODEL_TABLES_MAX], coming[PLT_MODEL_TABLES_MAX];
  size_t n;
};

plt_frozen_t *plt_frozen_create(const plt_plan_t *plan) {
  plt_frozen_t *frozen = plt_mem_zalloc(1, sizeof *frozen);
  frozen->n_tables = plan->model->n_tables;
  for (uint32_t t = 0; t < frozen->n_tables; t++) {
    const plt_model_table_t *table = &plan->model->tables[t];
    if (plan->specs[t].frozen && table->entity != PLT_ENTITY_ASIDE)
      frozen->cache[t] = plt_row_cache_create(t, table->rows, table->cols);
  }
  return frozen;
}

void plt_frozen_destroy(plt_frozen_t **frozen) {
  if (*frozen == NULL) return;
  for (size_t t = 0; t < (*frozen)->n_tables; t++) plt_row_cache_destroy(&(*frozen)->cache[t]);
  free(*frozen);
  *frozen = NULL;
}

size_t plt_frozen_pulls(plt_frozen_t *frozen, plt_pull_t *pulls, size_t n, plt_arena_t *arena) {
  size_t kept = 0;
  frozen->n = 0;
  for (size_t k = 0; k < n; k++) {
    plt_pull_t pull = pulls[k];
    if (frozen->cache[pull.table] != NULL) {
      uint64_t *missing = plt_arena_alloc(arena, pull.n * sizeof *missing);
      frozen->wanted[frozen->n] = pull;
      pull.n = plt_row_cache_missing(frozen->cache[pull.table], pull.keys, pull.n, missing);
      pull.keys = missing;
      pull.out = plt_arena_alloc(arena, pull.n * pull.cols * sizeof *pull.out);
      frozen->coming[frozen->n++] = pull;
    }
    if (pull.n > 0) pulls[kept++] = pull;
  }
  return kept;
}

void plt_frozen_fill(plt_frozen_t *frozen) {
  for (size_t k = 0; k < frozen->n; k++) {
    const plt_pull_t *wanted = &frozen->wanted[k], *coming = &frozen->coming[k];
    plt_row_cache_t *cache = frozen->cache[wanted->table];
    plt_row_cache_put(cache, coming->keys, coming->n, coming->out);
    plt_row_cache_copy(cache, wanted->keys, wanted->n, wanted->out);
  }
  frozen->n = 0;
}
