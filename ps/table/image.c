/* image.c - see image.h.
 *
 * Whoever moves a page out of PENDING has it, for as long as it takes to copy or read some 4 KiB; the other spins
 * meanwhile. Only at the bound of copies does the owner wait for the sweeper. */
#include "ps/table/image.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"

enum { COPIES_MIN = 16 << 20, BOUND_WAIT_NS = 100 * 1000 };

struct plt_image {
  plt_slabs_t *owner;
  plt_table_spec_t spec;
  uint32_t number, servers;
  uint64_t t, salt;
  plt_eta_history_t history;
  uint64_t rows;

  size_t stride, page_rows, pages; /* pages of a slab */
  plt_slab_t *slabs;               /* those with memory when the image was taken ... */
  size_t *index;                   /* ... and where they stand */
  size_t n;
  size_t slab, page;    /* the sweep is at */
  plt_image_t *counted; /* of sparse keys: those that are not stored yet */

  size_t bound;         /* bytes of copies at a time */
  atomic_size_t copies; /* bytes now */
  uint64_t copied;      /* bytes ever; the owner's */
  atomic_bool swept;
};

plt_image_t *plt_image_take(plt_slabs_t *slabs, const plt_table_spec_t *spec, uint32_t number, uint32_t servers,
                            plt_table_state_t state) {
  assert(slabs->image == NULL);
  plt_image_t *image = plt_mem_zalloc(1, sizeof *image);
  image->owner = slabs;
  image->spec = *spec;
  image->number = number;
  image->servers = servers;
  image->t = state.t;
  image->salt = state.salt;
  for (size_t i = 0; i < state.history->n; i++)
    plt_eta_history_append(&image->history, state.history->runs[i].first, state.history->runs[i].eta);
  image->rows = slabs->stored;
  image->stride = slabs->stride;
  image->page_rows = (size_t)1 << slabs->page_shift;
  image->pages = (size_t)1 << (slabs->shift - slabs->page_shift);
  image->bound = (size_t)slabs->stored * slabs->stride * sizeof(float) / 4;
  if (image->bound < COPIES_MIN) image->bound = COPIES_MIN;
  image->slabs = plt_mem_alloc(slabs->held * sizeof *image->slabs);
  image->index = plt_mem_alloc(slabs->held * sizeof *image->index);
  for (size_t i = 0; i < slabs->n; i++) {
    if (slabs->slab[i].rows == NULL) continue;
    for (size_t b = 0; b < image->pages; b++)
      atomic_store_explicit(&slabs->slab[i].pages[b].state, PLT_PAGE_PENDING, memory_order_relaxed);
    image->slabs[image->n] = slabs->slab[i];
    image->index[image->n++] = i;
  }
  slabs->image = image;
  return image;
}

void plt_image_add_counted(plt_image_t *image, plt_image_t *counted) { image->counted = counted; }
plt_image_t *plt_image_counted(const plt_image_t *image) { return image->counted; }

void plt_image_release(plt_image_t **image_at) {
  plt_image_t *image = *image_at;
  if (image == NULL) return;
  plt_image_release(&image->counted);
  for (size_t i = 0; i < image->n; i++) {
    for (size_t b = 0; b < image->pages; b++) {
      plt_page_t *page = &image->slabs[i].pages[b];
      if (atomic_exchange(&page->state, PLT_PAGE_FREE) == PLT_PAGE_COPIED) free(page->copy);
    }
  }
  image->owner->image = NULL;
  plt_eta_history_clear(&image->history);
  free(image->slabs);
  free(image->index);
  free(image);
  *image_at = NULL;
}

const plt_table_spec_t *plt_image_spec(const plt_image_t *image) { return &image->spec; }
plt_table_state_t plt_image_state(const plt_image_t *image) {
  return (plt_table_state_t){.t = image->t, .salt = image->salt, .history = &image->history};
}
size_t plt_image_state_floats(const plt_image_t *image) { return image->stride - image->spec.cols; }
uint64_t plt_image_rows(const plt_image_t *image) { return image->rows; }
size_t plt_image_page_rows(const plt_image_t *image) { return image->page_rows; }
void plt_image_swept(plt_image_t *image) {
  atomic_store(&image->swept, true);
  if (image->counted != NULL) plt_image_swept(image->counted);
}
uint64_t plt_image_copied(const plt_image_t *image) { return image->copied; }

/* ---- taking turns at a page ---- */

/* Whether the caller has the page now; else another had it, and is done with it. */
static bool seize(plt_page_t *page) {
  unsigned char state = PLT_PAGE_PENDING;
  if (atomic_compare_exchange_strong_explicit(&page->state, &state, PLT_PAGE_BUSY, memory_order_acquire,
                                              memory_order_acquire))
    return true;
  while (atomic_load_explicit(&page->state, memory_order_acquire) == PLT_PAGE_BUSY) sched_yield();
  return false;
}

static void hand_over(plt_page_t *page, unsigned char state) {
  atomic_store_explicit(&page->state, state, memory_order_release);
}

/* What a copy of a page begins with: `last` and, keyed, the keys. */
static size_t head_words(const plt_image_t *image) { return image->page_rows * (image->owner->keyed ? 2 : 1); }

static size_t page_bytes(const plt_image_t *image) {
  return head_words(image) * sizeof(uint64_t) + image->page_rows * image->stride * sizeof(float);
}

void plt_image_keep(plt_image_t *image, size_t slab, size_t number) {
  plt_page_t *page = &image->owner->slab[slab].pages[number];
  unsigned char state = atomic_load_explicit(&page->state, memory_order_acquire);
  if (state == PLT_PAGE_FREE || state == PLT_PAGE_COPIED) return;
  while (atomic_load(&image->copies) > image->bound && !atomic_load(&image->swept))
    nanosleep(&(struct timespec){.tv_nsec = BOUND_WAIT_NS}, NULL);
  if (atomic_load(&image->swept) || !seize(page)) return;
  const plt_slab_t *from = &image->owner->slab[slab];
  size_t n = image->page_rows, first = number * n;
  uint64_t *last = page->copy = plt_mem_alloc(page_bytes(image));
  memcpy(last, from->last + first, n * sizeof *last);
  if (from->keys != NULL) memcpy(last + n, from->keys + first, n * sizeof *last);
  memcpy(last + head_words(image), from->rows + first * image->stride, n * image->stride * sizeof(float));
  atomic_fetch_add(&image->copies, page_bytes(image));
  image->copied += page_bytes(image);
  hand_over(page, PLT_PAGE_COPIED);
}

/* ---- the sweep ---- */

typedef struct rows {
  size_t got;
  uint64_t *keys, *last;
  float *values, *state;
} rows_t;

/* The stored rows of a page that begins at `local`. keys: NULL unless keyed. */
static void append(const plt_image_t *image, uint64_t local, const uint64_t *last, const uint64_t *keys,
                   const float *row, rows_t *out) {
  size_t cols = image->spec.cols, state = image->stride - cols;
  for (size_t i = 0; i < image->page_rows; i++, row += image->stride) {
    if (last[i] == 0) continue;
    size_t at = out->got++;
    out->keys[at] = keys != NULL ? keys[i] : (local + i) * image->servers + image->number;
    out->last[at] = last[i] - 1;
    memcpy(out->values + at * cols, row, cols * sizeof *row);
    memcpy(out->state + at * state, row + cols, state * sizeof *row);
  }
}

static void sweep_page(plt_image_t *image, rows_t *out) {
  plt_slab_t *slab = &image->slabs[image->slab];
  plt_page_t *page = &slab->pages[image->page];
  size_t first = image->page * image->page_rows;
  uint64_t local = (uint64_t)image->index[image->slab] * image->pages * image->page_rows + first;
  if (seize(page)) {
    append(image, local, slab->last + first, slab->keys == NULL ? NULL : slab->keys + first,
           slab->rows + first * image->stride, out);
  } else {
    const uint64_t *copy = page->copy;
    append(image, local, copy, image->owner->keyed ? copy + image->page_rows : NULL,
           (const float *)(copy + head_words(image)), out);
    free(page->copy);
    atomic_fetch_sub(&image->copies, page_bytes(image));
  }
  hand_over(page, PLT_PAGE_FREE);
}

size_t plt_image_sweep(plt_image_t *image, size_t n, uint64_t *keys, uint64_t *last, float *values, float *state) {
  rows_t out = {0, keys, last, values, state};
  assert(n >= image->page_rows);
  while (image->slab < image->n && out.got + image->page_rows <= n) {
    sweep_page(image, &out);
    if (++image->page == image->pages) {
      image->page = 0;
      image->slab++;
    }
  }
  return out.got;
}
