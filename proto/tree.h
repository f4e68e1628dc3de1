/* tree.h - the sum over leaves: a binary tree over 2^ceil(log2 M) places (docs/methods/determinism.md 4).
 *
 *   leaves       0   1   2   3   4        worker 0 owns 0..1, worker 1 owns 2..4
 *                 \ /     \ /   |
 *   blocks      (0,2)    (2,2) (4,1)      maximal aligned blocks of each worker; halves are added,
 *                   \    /      |         an absent leaf or row is skipped, not added as zero
 *   root            (0,4) ---- (0,8)
 *
 * The same code adds a worker's leaves to blocks and a server's blocks to the step, for rows and for losses, so
 * the bits do not depend on who added what.
 *
 * Threads    any; pure functions, but for the arena, which is one caller's. */
#ifndef PLT_PROTO_TREE_H
#define PLT_PROTO_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "common/mem.h"

enum { PLT_TREE_BLOCKS_MAX = 64 };

typedef struct plt_leaf_span {
  uint32_t first, leaves; /* leaves is a power of two and divides first */
} plt_leaf_span_t;

/* Rows under strictly ascending keys: a partial sum of one table. Values may be unaligned (a received frame). */
typedef struct plt_rows {
  const uint64_t *keys;
  const void *values; /* n x cols float32 */
  size_t n;
} plt_rows_t;

/* The leaves [first, end) that worker w of W owns when a full batch has M0 leaves and this one has M. */
void plt_tree_share(uint32_t worker, uint32_t workers, uint32_t full_leaves, uint32_t leaves, uint32_t *first,
                    uint32_t *end);
/* Cuts [first, end) of a batch of `leaves` leaves into maximal aligned blocks in ascending order; returns their
 * number. The places behind the last leaf are absent, so they count as owned by whoever owns it: one worker
 * pushes one block whatever M is. */
size_t plt_tree_blocks(uint32_t first, uint32_t end, uint32_t leaves, plt_leaf_span_t out[PLT_TREE_BLOCKS_MAX]);

/* Sums parts (ascending, disjoint spans) to one list of rows, in the order of the tree. Memory of the result is
 * the arena's, or that of the only part. */
plt_rows_t plt_tree_sum_rows(const plt_leaf_span_t *spans, const plt_rows_t *parts, size_t n_parts, size_t cols,
                             plt_arena_t *arena);
/* The same for one number per part. n_parts >= 1. */
double plt_tree_sum(const plt_leaf_span_t *spans, const double *parts, size_t n_parts);

#endif
