/* slabs.c - see slabs.h. */
#include "ps/table/slabs.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"

enum {
  SLAB_BYTES = 256 * 1024,
  SLAB_ROWS_MAX = 4096, /* narrow rows: keeps `last` small */
  PAGE_BYTES = 4096     /* larger: every first touch copies more; smaller: more states */
};

static size_t rows_per_slab(const plt_slabs_t *slabs) { return (size_t)1 << slabs->shift; }
static size_t pages_per_slab(const plt_slabs_t *slabs) { return (size_t)1 << (slabs->shift - slabs->page_shift); }

bool plt_slabs_init(plt_slabs_t *slabs, uint64_t rows, size_t stride) {
  size_t row = stride * sizeof(float);
  *slabs = (plt_slabs_t){.stride = stride};
  while (rows_per_slab(slabs) < SLAB_ROWS_MAX && 2 * rows_per_slab(slabs) * row <= SLAB_BYTES) slabs->shift++;
  while (slabs->page_shift < slabs->shift && (row << (slabs->page_shift + 1)) <= PAGE_BYTES) slabs->page_shift++;
  uint64_t n = (rows >> slabs->shift) + 1;
  if (n > PLT_SLABS_MAX) return false;
  slabs->n = (size_t)n;
  slabs->slab = plt_mem_zalloc(slabs->n, sizeof *slabs->slab);
  return true;
}

void plt_slabs_make(plt_slabs_t *slabs, size_t index) {
  plt_slab_t *slab = &slabs->slab[index];
  slab->rows = plt_mem_alloc(rows_per_slab(slabs) * slabs->stride * sizeof(float));
  slab->last = plt_mem_zalloc(rows_per_slab(slabs), sizeof *slab->last);
  slab->pages = plt_mem_zalloc(pages_per_slab(slabs), sizeof *slab->pages);
  slabs->held++;
}

void plt_slabs_clear(plt_slabs_t *slabs) {
  assert(slabs->image == NULL);
  for (size_t i = 0; i < slabs->n; i++) {
    free(slabs->slab[i].rows);
    free(slabs->slab[i].last);
    free(slabs->slab[i].pages);
    slabs->slab[i] = (plt_slab_t){0};
  }
  slabs->stored = 0;
  slabs->held = 0;
}

void plt_slabs_destroy(plt_slabs_t *slabs) {
  plt_slabs_clear(slabs);
  free(slabs->slab);
  *slabs = (plt_slabs_t){0};
}

size_t plt_slabs_bytes(const plt_slabs_t *slabs) {
  size_t rows = rows_per_slab(slabs) * (slabs->stride * sizeof(float) + sizeof(uint64_t));
  return slabs->n * sizeof(plt_slab_t) + slabs->held * (rows + pages_per_slab(slabs) * sizeof(plt_page_t));
}
