/* frozen.c - see frozen.h. */
#include "worker/train/frozen.h"

#include <stdlib.h>

#include "worker/session/row_cache.h"

struct plt_frozen {
  size_t n_tables;
  plt_row_cache_t *cache[PLT_MODEL_TABLES_MAX]; /* by table; NULL: it is trained */
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

size_t plt_frozen_pulls(const plt_frozen_t *frozen, plt_frozen_wants_t *wants, plt_pull_t *pulls, size_t n,
                        plt_arena_t *arena) {
  size_t kept = 0;
  wants->n = 0;
  for (size_t k = 0; k < n; k++) {
    plt_pull_t pull = pulls[k];
    if (frozen->cache[pull.table] != NULL) {
      uint64_t *missing = plt_arena_alloc(arena, pull.n * sizeof *missing);
      wants->wanted[wants->n] = pull;
      pull.n = plt_row_cache_missing(frozen->cache[pull.table], pull.keys, pull.n, missing);
      pull.keys = missing;
      pull.out = plt_arena_alloc(arena, pull.n * pull.cols * sizeof *pull.out);
      wants->coming[wants->n++] = pull;
    }
    if (pull.n > 0) pulls[kept++] = pull;
  }
  return kept;
}

void plt_frozen_fill(plt_frozen_t *frozen, plt_frozen_wants_t *wants) {
  for (size_t k = 0; k < wants->n; k++) {
    const plt_pull_t *wanted = &wants->wanted[k], *coming = &wants->coming[k];
    plt_row_cache_t *cache = frozen->cache[wanted->table];
    plt_row_cache_put(cache, coming->keys, coming->n, coming->out);
    plt_row_cache_copy(cache, wanted->keys, wanted->n, wanted->out);
  }
  wants->n = 0;
}
