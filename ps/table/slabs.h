/* slabs.h - where the rows of a shard lie: found, made, and kept for an image that has not seen them yet.
 *
 *   local index ─▶ slab[index / rows_per_slab] ─▶ rows [value|state] [value|state] ...
 *                                                 last: step count of the last push + 1, 0 = not stored
 *                                                 keys: where they cannot be told from the index (hashed.h)
 *                                                 pages of some 4 KiB: what is copied at a time (image.h)
 *
 * Memory is taken slab by slab as rows are stored, in large tables from blocks of huge pages: rows are touched at
 * random, and each small page would be a miss of the TLB, too.
 *
 * Threads    one owner; while an image is taken, another thread reads pages under their state.
 * Units      stride in floats: value and optimizer state side by side. */
#ifndef PLT_PS_TABLE_SLABS_H
#define PLT_PS_TABLE_SLABS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct plt_image plt_image_t;

/* Owner and sweeper take turns: who moves a page from PENDING to BUSY has it. */
enum {
  PLT_PAGE_FREE,    /* no image needs it: the owner writes at will */
  PLT_PAGE_PENDING, /* an image has not seen it yet */
  PLT_PAGE_BUSY,    /* being copied or read */
  PLT_PAGE_COPIED   /* the image takes the copy */
};
typedef struct plt_page {
  _Atomic(unsigned char) state;
  void *copy; /* last and rows of the page; the sweeper's once COPIED */
} plt_page_t;

/* rows == NULL until the first row of the slab is stored. */
typedef struct plt_slab {
  float *rows;       /* rows_per_slab x stride */
  uint64_t *last;    /* rows_per_slab */
  uint64_t *keys;    /* rows_per_slab; NULL unless keyed */
  plt_page_t *pages; /* rows_per_slab / rows_per_page */
} plt_slab_t;

typedef struct plt_slabs {
  size_t stride;
  bool keyed;
  unsigned shift, page_shift; /* rows of a slab, of a page: 1 << shift */
  size_t n, held;             /* slabs; those with memory */
  plt_slab_t *slab;
  void **blocks; /* what slabs lie in */
  size_t n_blocks, blocks_capacity;
  char *free; /* of the newest block: */
  size_t free_bytes;
  uint64_t stored;    /* rows; counted by the table */
  plt_image_t *image; /* NULL: none is being swept */
} plt_slabs_t;

enum { PLT_SLABS_MAX = 1 << 26 }; /* 2 GiB of slab heads: more rows than any machine holds */

/* For local indices 0 .. rows - 1. False: more slabs than PLT_SLABS_MAX. */
bool plt_slabs_init(plt_slabs_t *slabs, uint64_t rows, size_t stride, bool keyed);
/* Afterwards there are slabs for 0 .. rows - 1, too. */
void plt_slabs_reach(plt_slabs_t *slabs, uint64_t rows);
/* Forgets all rows; no image may be taken. */
void plt_slabs_clear(plt_slabs_t *slabs);
void plt_slabs_destroy(plt_slabs_t *slabs);
size_t plt_slabs_bytes(const plt_slabs_t *slabs); /* memory held */

/* A place for a row: where it is or would be stored. */
typedef struct plt_place {
  float *row; /* NULL: no memory yet */
  uint64_t *last;
} plt_place_t;

/* To read from. */
static inline plt_place_t plt_slabs_find(const plt_slabs_t *slabs, uint64_t local) {
  plt_slab_t slab = slabs->slab[local >> slabs->shift];
  size_t within = (size_t)local & (((size_t)1 << slabs->shift) - 1);
  if (slab.rows == NULL) return (plt_place_t){0};
  return (plt_place_t){slab.rows + within * slabs->stride, slab.last + within};
}

/* The key of a row, keyed; its slab has memory. */
static inline uint64_t *plt_slabs_key(const plt_slabs_t *slabs, uint64_t local) {
  return slabs->slab[local >> slabs->shift].keys + ((size_t)local & (((size_t)1 << slabs->shift) - 1));
}

/* The same of the step count of its last push, + 1. */
static inline uint64_t *plt_slabs_last(const plt_slabs_t *slabs, uint64_t local) {
  return slabs->slab[local >> slabs->shift].last + ((size_t)local & (((size_t)1 << slabs->shift) - 1));
}

void plt_slabs_make(plt_slabs_t *slabs, size_t index);
/* Copies page `number` aside unless the image has seen it. */
void plt_image_keep(plt_image_t *image, size_t slab, size_t number);

/* To write to: memory is there, and an image has what it still needs of the page. */
static inline plt_place_t plt_slabs_open(plt_slabs_t *slabs, uint64_t local) {
  size_t slab = (size_t)(local >> slabs->shift);
  if (slabs->slab[slab].rows == NULL) plt_slabs_make(slabs, slab);
  if (slabs->image != NULL)
    plt_image_keep(slabs->image, slab, ((size_t)local & (((size_t)1 << slabs->shift) - 1)) >> slabs->page_shift);
  plt_place_t place = plt_slabs_find(slabs, local);
  assert(place.row != NULL);
  return place;
}

#endif
