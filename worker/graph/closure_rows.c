/* closure_rows.c - the rows of one hop: see closure_parts.h. */
#include <string.h>

#include "worker/graph/closure_parts.h"
#include "worker/math/kernels.h"

/* `n` of the numbers below `degree`, ascending, every subset as likely (Floyd's algorithm, by insertion). */
static void draw_distinct(const plt_hop_rows_t *rows, uint32_t node, uint32_t degree, uint32_t n, uint32_t *out) {
  plt_rng_block_t block = {{0}};
  for (uint32_t k = 0; k < n; k++) {
    uint32_t bound = degree - n + k + 1, have = k, at = 0;
    if (k % 2 == 0) block = plt_rng_draw(rows->rng, rows->draw[0], rows->draw[1], node, k / 2);
    const uint32_t *half = block.word + (k % 2 == 0 ? 0 : 2);
    uint32_t drawn = plt_rng_below((uint64_t)half[0] << 32 | half[1], bound);
    while (at < have && out[at] < drawn) at++;
    if (at < have && out[at] == drawn) {
      drawn = bound - 1; /* larger than all there are */
      at = have;
    }
    memmove(out + at + 1, out + at, (have - at) * sizeof *out);
    out[at] = drawn;
  }
}

static void choose_range(void *context, size_t first, size_t last) {
  const plt_hop_rows_t *rows = context;
  for (size_t r = first; r < last; r++) {
    const uint32_t *all = rows->of.id + rows->of.offset[rows->node[r]];
    uint32_t *out = rows->index + rows->offset[r];
    uint64_t n = rows->offset[r + 1] - rows->offset[r], degree = plt_adjacency_degree(&rows->of, rows->node[r]);
    if (n == degree) {
      memcpy(out, all, n * sizeof *out);
    } else {
      draw_distinct(rows, rows->node[r], (uint32_t)degree, (uint32_t)n, out);
      for (uint64_t k = 0; k < n; k++) out[k] = all[out[k]];
    }
  }
}

void plt_hop_rows_choose(plt_hop_rows_t *rows, plt_crew_t *crew, plt_arena_t *arena) {
  rows->offset = plt_arena_alloc(arena, (rows->n + 1) * sizeof *rows->offset);
  rows->offset[0] = 0;
  for (size_t r = 0; r < rows->n; r++) {
    uint64_t degree = plt_adjacency_degree(&rows->of, rows->node[r]);
    rows->offset[r + 1] = rows->offset[r] + (rows->fanout != 0 && degree > rows->fanout ? rows->fanout : degree);
  }
  rows->index = plt_arena_alloc(arena, rows->offset[rows->n] * sizeof *rows->index);
  rows->weight = plt_arena_alloc(arena, rows->offset[rows->n] * sizeof *rows->weight);
  size_t cost = rows->n == 0 ? 1 : (size_t)rows->offset[rows->n] / rows->n * (rows->fanout == 0 ? 1 : 64) + 1;
  plt_kernel_ranges(crew, rows->n, cost, choose_range, rows);
}

typedef struct settling {
  plt_hop_rows_t *rows;
  const uint32_t *place;
} settling_t;

/* Weights that are given belong to all neighbours: such rows are never drawn. */
static void copy_weights(const plt_hop_rows_t *rows, size_t r) {
  memcpy(rows->weight + rows->offset[r], rows->of.weight + rows->of.offset[rows->node[r]],
         (size_t)(rows->offset[r + 1] - rows->offset[r]) * sizeof *rows->weight);
}

static void settle_range(void *context, size_t first, size_t last) {
  const settling_t *settling = context;
  plt_hop_rows_t *rows = settling->rows;
  const float *right = rows->of.right;
  for (size_t r = first; r < last; r++) {
    uint64_t from = rows->offset[r], to = rows->offset[r + 1];
    if (from == to) continue;
    if (rows->of.weight != NULL) {
      copy_weights(rows, r);
      for (uint64_t e = from; e < to; e++) rows->index[e] = settling->place[rows->index[e]];
      continue;
    }
    float left =
        rows->of.left[rows->node[r]] * ((float)plt_adjacency_degree(&rows->of, rows->node[r]) / (float)(to - from));
    for (uint64_t e = from; e < to; e++) {
      uint32_t id = rows->index[e];
      rows->weight[e] = right == NULL ? left : left * right[id];
      rows->index[e] = settling->place[id];
    }
  }
}

void plt_hop_rows_settle(plt_hop_rows_t *rows, const uint32_t *place, plt_crew_t *crew) {
  size_t cost = rows->n == 0 ? 1 : 4 * (size_t)rows->offset[rows->n] / rows->n + 1;
  plt_kernel_ranges(crew, rows->n, cost, settle_range, &(settling_t){rows, place});
}
