/* lazy.c - see lazy.h. */
#include "worker/math/lazy.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/math/kernels.h"

typedef struct lazy_job {
  const plt_lazy_t *x;
  size_t m;
  const float *b;
  float *copy, *out;
} lazy_job_t;

static void make_range(void *context, size_t first, size_t last) {
  const lazy_job_t *job = context;
  job->x->make(job->x->context, first, last - first, job->copy + first * job->x->cols);
}

void plt_lazy_make(plt_crew_t *crew, const plt_lazy_t *x, float *out) {
  lazy_job_t job = {.x = x, .copy = out};
  plt_kernel_ranges(crew, x->rows, x->cols, make_range, &job);
}

static void multiply_tile(void *context, size_t piece, size_t lane) {
  (void)lane;
  const lazy_job_t *job = context;
  size_t row = piece * PLT_KERNEL_TILE_ROWS, cols = job->x->cols;
  size_t rows = plt_min_size(PLT_KERNEL_TILE_ROWS, job->x->rows - row);
  float *tile = job->copy + row * cols;
  job->x->make(job->x->context, row, rows, tile);
  plt_kernel_matmul(NULL, rows, cols, job->m, tile, job->b, false, job->out + row * job->m);
}

void plt_lazy_matmul(plt_crew_t *crew, const plt_lazy_t *x, size_t m, const float *b, float *copy, float *out) {
  lazy_job_t job = {.x = x, .m = m, .b = b, .copy = copy, .out = out};
  plt_crew_run(crew, (x->rows + PLT_KERNEL_TILE_ROWS - 1) / PLT_KERNEL_TILE_ROWS, multiply_tile, &job);
}

/* ---- the cache ---- */

typedef struct slot {
  const void *sources[2];
  size_t rows, cols, element_bytes;
  plt_arena_t *arena; /* of: */
  uint32_t *numbers;
  void *copy;
  bool used; /* since the last reset */
} slot_t;

struct plt_lazy_cache {
  slot_t *slots; /* one per source and type of elements */
  size_t n, capacity, growths;
};

plt_lazy_cache_t *plt_lazy_cache_create(void) { return plt_mem_zalloc(1, sizeof(plt_lazy_cache_t)); }

void plt_lazy_cache_destroy(plt_lazy_cache_t **cache) {
  if (*cache == NULL) return;
  for (size_t i = 0; i < (*cache)->n; i++) plt_arena_destroy(&(*cache)->slots[i].arena);
  free((*cache)->slots);
  free(*cache);
  *cache = NULL;
}

void plt_lazy_cache_reset(plt_lazy_cache_t *cache) {
  for (size_t i = 0; i < cache->n; i++) cache->slots[i].used = false;
}

size_t plt_lazy_cache_allocations(const plt_lazy_cache_t *cache) {
  size_t sum = cache->growths;
  for (size_t i = 0; i < cache->n; i++) sum += plt_arena_allocations(cache->slots[i].arena);
  return sum;
}

static slot_t *slot_of(plt_lazy_cache_t *cache, const plt_lazy_t *x, size_t element_bytes) {
  for (size_t i = 0; i < cache->n; i++) {
    slot_t *slot = &cache->slots[i];
    if (slot->sources[0] == x->sources[0] && slot->sources[1] == x->sources[1] && slot->cols == x->cols &&
        slot->element_bytes == element_bytes)
      return slot;
  }
  if (cache->n == cache->capacity) cache->growths++;
  PLT_MEM_GROW(cache->slots, cache->n, cache->capacity);
  slot_t *slot = &cache->slots[cache->n++];
  *slot = (slot_t){.sources = {x->sources[0], x->sources[1]},
                   .cols = x->cols,
                   .element_bytes = element_bytes,
                   .arena = plt_arena_create()};
  return slot;
}

static void fill_slot(slot_t *slot, const plt_lazy_t *x, size_t bytes) {
  plt_arena_reset(slot->arena);
  slot->copy = plt_arena_alloc(slot->arena, bytes);
  slot->numbers = plt_arena_alloc(slot->arena, x->rows * sizeof *slot->numbers);
  memcpy(slot->numbers, x->numbers, x->rows * sizeof *slot->numbers);
  slot->rows = x->rows;
}

void *plt_lazy_cache_room(plt_lazy_cache_t *cache, const plt_lazy_t *x, size_t element_bytes, size_t bytes,
                          bool *made) {
  *made = false;
  if (x->sources[0] == NULL || x->rows == 0) return NULL;
  slot_t *slot = slot_of(cache, x, element_bytes);
  *made = slot->rows == x->rows && memcmp(slot->numbers, x->numbers, x->rows * sizeof *x->numbers) == 0;
  if (!*made && slot->used) return NULL; /* by other rows of the same source */
  if (!*made) fill_slot(slot, x, bytes);
  slot->used = true;
  return slot->copy;
}
