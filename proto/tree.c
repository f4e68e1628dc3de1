/* tree.c - see tree.h. A node of the tree that holds a single part is that part: absent halves are skipped. */
#include "proto/tree.h"

#include <string.h>

void plt_tree_share(uint32_t worker, uint32_t workers, uint32_t full_leaves, uint32_t leaves, uint32_t *first,
                    uint32_t *end) {
  uint64_t from = (uint64_t)worker * full_leaves / workers, to = ((uint64_t)worker + 1) * full_leaves / workers;
  *first = from < leaves ? (uint32_t)from : leaves;
  *end = to < leaves ? (uint32_t)to : leaves;
}

static uint64_t places(uint32_t leaves) {
  uint64_t n = 1;
  while (n < leaves) n *= 2;
  return n;
}

size_t plt_tree_blocks(uint32_t first, uint32_t end, uint32_t leaves, plt_leaf_span_t out[PLT_TREE_BLOCKS_MAX]) {
  size_t n = 0;
  if (first >= end) return 0;
  uint64_t at = first, stop = end == leaves ? places(leaves) : end;
  while (at < end) { /* a block behind the last leaf would have nothing to say */
    uint64_t size = at == 0 ? places(leaves) : at & (~at + 1); /* the largest block that may begin here */
    while (at + size > stop) size /= 2;
    out[n++] = (plt_leaf_span_t){(uint32_t)at, (uint32_t)size};
    at += size;
  }
  return n;
}

/* The root covers all parts; its halves are split at `middle`: the first part that begins there. */
static uint64_t root_places(const plt_leaf_span_t *spans, size_t n) {
  uint64_t end = (uint64_t)spans[n - 1].first + spans[n - 1].leaves;
  uint64_t size = 1;
  while (size < end) size *= 2;
  return size;
}

static size_t first_from(const plt_leaf_span_t *spans, size_t n, uint64_t place) {
  size_t i = 0;
  while (i < n && spans[i].first < place) i++;
  return i;
}

static void add_row(float *out, const char *a, const char *b, size_t cols) {
  enum { CHUNK = 64 }; /* through an aligned copy: frames are not aligned */
  float addend[CHUNK];
  memcpy(out, a, cols * sizeof *out);
  for (size_t done = 0; done < cols; done += CHUNK) {
    size_t n = cols - done < CHUNK ? cols - done : CHUNK;
    memcpy(addend, b + done * sizeof *addend, n * sizeof *addend);
    for (size_t c = 0; c < n; c++) out[done + c] += addend[c];
  }
}

static plt_rows_t add_rows(plt_rows_t a, plt_rows_t b, size_t cols, plt_arena_t *arena) {
  if (a.n == 0) return b;
  if (b.n == 0) return a;
  size_t row_bytes = cols * sizeof(float), i = 0, j = 0, n = 0;
  uint64_t *keys = plt_arena_alloc(arena, (a.n + b.n) * sizeof *keys);
  float *values = plt_arena_alloc(arena, (a.n + b.n) * row_bytes);
  const char *from_a = a.values, *from_b = b.values;
  while (i < a.n || j < b.n) {
    float *out = values + n * cols;
    if (j == b.n || (i < a.n && a.keys[i] < b.keys[j])) {
      keys[n++] = a.keys[i];
      memcpy(out, from_a + i++ * row_bytes, row_bytes);
    } else if (i == a.n || b.keys[j] < a.keys[i]) {
      keys[n++] = b.keys[j];
      memcpy(out, from_b + j++ * row_bytes, row_bytes);
    } else {
      keys[n++] = a.keys[i];
      add_row(out, from_a + i++ * row_bytes, from_b + j++ * row_bytes, cols);
    }
  }
  return (plt_rows_t){keys, values, n};
}

static plt_rows_t sum_rows(const plt_leaf_span_t *spans, const plt_rows_t *parts, size_t n, uint64_t lo, uint64_t size,
                           size_t cols, plt_arena_t *arena) {
  if (n == 0) return (plt_rows_t){0};
  if (n == 1) return parts[0];
  uint64_t half = size / 2;
  size_t left = first_from(spans, n, lo + half);
  return add_rows(sum_rows(spans, parts, left, lo, half, cols, arena),
                  sum_rows(spans + left, parts + left, n - left, lo + half, half, cols, arena), cols, arena);
}

plt_rows_t plt_tree_sum_rows(const plt_leaf_span_t *spans, const plt_rows_t *parts, size_t n_parts, size_t cols,
                             plt_arena_t *arena) {
  if (n_parts == 0) return (plt_rows_t){0};
  return sum_rows(spans, parts, n_parts, 0, root_places(spans, n_parts), cols, arena);
}

static double sum(const plt_leaf_span_t *spans, const double *parts, size_t n, uint64_t lo, uint64_t size) {
  if (n == 1) return parts[0];
  uint64_t half = size / 2;
  size_t left = first_from(spans, n, lo + half);
  if (left == 0) return sum(spans, parts, n, lo + half, half);
  if (left == n) return sum(spans, parts, n, lo, half);
  return sum(spans, parts, left, lo, half) + sum(spans + left, parts + left, n - left, lo + half, half);
}

double plt_tree_sum(const plt_leaf_span_t *spans, const double *parts, size_t n_parts) {
  return sum(spans, parts, n_parts, 0, root_places(spans, n_parts));
}
