/* slabs.c - see slabs.h. */
#include "ps/table/slabs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
  SLAB_BYTES = 256 * 1024,
  SLAB_ROWS_MAX = 4096, /* narrow rows: keeps `last` small */
  PAGE_BYTES = 4096,    /* larger: every first touch copies more; smaller: more states */
  SINGLE_SLABS = 32,    /* the first ones have blocks of their own: 8 MiB */
  BLOCK_BYTES = 32 << 20
};

static size_t rows_per_slab(const plt_slabs_t *slabs) { return (size_t)1 << slabs->shift; }
static size_t pages_per_slab(const plt_slabs_t *slabs) { return (size_t)1 << (slabs->shift - slabs->page_shift); }

bool plt_slabs_init(plt_slabs_t *slabs, uint64_t rows, size_t stride, bool keyed) {
  size_t row = stride * sizeof(float);
  *slabs = (plt_slabs_t){.stride = stride, .keyed = keyed};
  while (rows_per_slab(slabs) < SLAB_ROWS_MAX && 2 * rows_per_slab(slabs) * row <= SLAB_BYTES) slabs->shift++;
  while (slabs->page_shift < slabs->shift && (row << (slabs->page_shift + 1)) <= PAGE_BYTES) slabs->page_shift++;
  uint64_t n = (rows >> slabs->shift) + 1;
  if (n > PLT_SLABS_MAX) return false;
  slabs->n = (size_t)n;
  slabs->slab = plt_mem_zalloc(slabs->n, sizeof *slabs->slab);
  return true;
}

/* Memory until the slabs are cleared, 64-byte aligned. What of a block is not touched is not the machine's. */
static void *take(plt_slabs_t *slabs, size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  if (slabs->free_bytes < bytes) {
    slabs->free_bytes = slabs->held < SINGLE_SLABS || bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    slabs->free = plt_mem_alloc_large(slabs->free_bytes);
    PLT_MEM_GROW(slabs->blocks, slabs->n_blocks, slabs->blocks_capacity);
    slabs->blocks[slabs->n_blocks++] = slabs->free;
  }
  void *memory = slabs->free;
  slabs->free += bytes;
  slabs->free_bytes -= bytes;
  return memory;
}

void plt_slabs_reach(plt_slabs_t *slabs, uint64_t rows) {
  size_t needed = (size_t)(rows >> slabs->shift) + 1, n = slabs->n;
  if (needed <= n) return;
  if (needed < 2 * n) needed = 2 * n;
  slabs->slab = plt_mem_resize(slabs->slab, needed, sizeof *slabs->slab);
  for (; n < needed; n++) slabs->slab[n] = (plt_slab_t){0};
  slabs->n = needed;
}

void plt_slabs_make(plt_slabs_t *slabs, size_t index) {
  plt_slab_t *slab = &slabs->slab[index];
  slab->rows = take(slabs, rows_per_slab(slabs) * slabs->stride * sizeof(float));
  slab->last = take(slabs, rows_per_slab(slabs) * sizeof *slab->last);
  slab->pages = take(slabs, pages_per_slab(slabs) * sizeof *slab->pages);
  if (slabs->keyed) slab->keys = take(slabs, rows_per_slab(slabs) * sizeof *slab->keys);
  memset(slab->last, 0, rows_per_slab(slabs) * sizeof *slab->last);
  memset(slab->pages, 0, pages_per_slab(slabs) * sizeof *slab->pages);
  slabs->held++;
}

void plt_slabs_clear(plt_slabs_t *slabs) {
  assert(slabs->image == NULL);
  for (size_t i = 0; i < slabs->n_blocks; i++) free(slabs->blocks[i]);
  for (size_t i = 0; i < slabs->n; i++) slabs->slab[i] = (plt_slab_t){0};
  slabs->n_blocks = slabs->free_bytes = 0;
  slabs->stored = 0;
  slabs->held = 0;
}

void plt_slabs_destroy(plt_slabs_t *slabs) {
  plt_slabs_clear(slabs);
  free(slabs->slab);
  free(slabs->blocks);
  *slabs = (plt_slabs_t){0};
}

size_t plt_slabs_bytes(const plt_slabs_t *slabs) {
  size_t heads = (slabs->keyed ? 2 : 1) * sizeof(uint64_t);
  size_t rows = rows_per_slab(slabs) * (slabs->stride * sizeof(float) + heads);
  return slabs->n * sizeof(plt_slab_t) + slabs->held * (rows + pages_per_slab(slabs) * sizeof(plt_page_t));
}
