/* The tree over leaves against a naive recursion over all 2^ceil(log2 M) places, for every M and W. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "proto/tree.h"

enum { LEAVES_MAX = 33, WORKERS_MAX = 8, KEYS = 40, COLS = 67 /* more than one chunk of an addition */ };

static uint64_t state;
static uint32_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33);
}
static float between(void) { return (float)((double)next() / 2147483648.0 - 0.5) * (float)(1 << next() % 20); }

/* ---- the naive twin: whole rows for all keys, `has` says which are there ---- */

typedef struct sums {
  bool has[KEYS];
  float row[KEYS][COLS];
} sums_t;

static uint32_t place_count(uint32_t leaves) {
  uint32_t n = 1;
  while (n < leaves) n <<= 1;
  return n;
}

static void naive_rows(const sums_t *leaf, uint32_t leaves, uint32_t lo, uint32_t places, sums_t *out) {
  memset(out, 0, sizeof *out);
  if (lo >= leaves) return;
  if (places == 1) {
    *out = leaf[lo];
    return;
  }
  sums_t a, b;
  naive_rows(leaf, leaves, lo, places / 2, &a);
  naive_rows(leaf, leaves, lo + places / 2, places / 2, &b);
  for (int k = 0; k < KEYS; k++) {
    out->has[k] = a.has[k] || b.has[k];
    for (int c = 0; c < COLS; c++)
      out->row[k][c] = a.has[k] && b.has[k] ? a.row[k][c] + b.row[k][c] : a.has[k] ? a.row[k][c] : b.row[k][c];
  }
}

static bool naive_loss(const double *leaf, uint32_t leaves, uint32_t lo, uint32_t places, double *out) {
  if (lo >= leaves) return false;
  if (places == 1) {
    *out = leaf[lo];
    return true;
  }
  double a = 0, b = 0;
  bool has_a = naive_loss(leaf, leaves, lo, places / 2, &a);
  bool has_b = naive_loss(leaf, leaves, lo + places / 2, places / 2, &b);
  *out = has_a && has_b ? a + b : has_a ? a : b;
  return has_a || has_b;
}

/* ---- leaves as a worker has them: sparse, values at an odd address ---- */

typedef struct batch {
  uint32_t leaves;
  sums_t leaf[LEAVES_MAX];
  double loss[LEAVES_MAX];
  uint64_t keys[LEAVES_MAX][KEYS];
  char values[LEAVES_MAX][1 + KEYS * COLS * sizeof(float)];
  plt_rows_t rows[LEAVES_MAX];
} batch_t;

static void fill(batch_t *batch, uint32_t leaves) {
  memset(batch, 0, sizeof *batch);
  batch->leaves = leaves;
  for (uint32_t l = 0; l < leaves; l++) {
    size_t n = 0;
    uint32_t density = next() % 4; /* sometimes a leaf without any row */
    batch->loss[l] = between();
    for (uint64_t k = 0; k < KEYS; k++) {
      if (next() % 3 >= density) continue;
      batch->leaf[l].has[k] = true;
      for (int c = 0; c < COLS; c++) batch->leaf[l].row[k][c] = next() % 9 == 0 ? -0.0f : between();
      memcpy(batch->values[l] + 1 + n * sizeof batch->leaf[l].row[k], batch->leaf[l].row[k],
             sizeof batch->leaf[l].row[k]);
      batch->keys[l][n++] = k * k * 1000003u;
    }
    batch->rows[l] = (plt_rows_t){batch->keys[l], batch->values[l] + 1, n};
  }
}

static void expect_rows(const sums_t *want, plt_rows_t got, const char *what, uint32_t leaves, uint32_t workers) {
  size_t n = 0;
  for (uint64_t k = 0; k < KEYS; k++) {
    if (!want->has[k]) continue;
    cr_assert_lt(n, got.n, "%s: rows are missing, M %u W %u", what, leaves, workers);
    cr_assert_eq(got.keys[n], k * k * 1000003u);
    cr_assert_eq(memcmp((const char *)got.values + n * sizeof want->row[k], want->row[k], sizeof want->row[k]), 0,
                 "%s: other bits in row %d, M %u W %u", what, (int)k, leaves, workers);
    n++;
  }
  cr_assert_eq(n, got.n);
}

/* Blocks of one worker: ascending, aligned, each with a leaf; together exactly [first, end) and absent places. */
static void check_blocks(const plt_leaf_span_t *block, size_t n, uint32_t first, uint32_t end, uint32_t leaves) {
  uint64_t at = first;
  for (size_t b = 0; b < n; b++) {
    cr_assert_eq(block[b].first, at, "a gap before block %zu", b);
    cr_assert_lt(block[b].first, end, "block %zu (%u, %u) of [%u, %u) holds no leaf", b, block[b].first,
                 block[b].leaves, first, end);
    cr_assert(block[b].leaves != 0 && (block[b].leaves & (block[b].leaves - 1)) == 0);
    cr_assert_eq(block[b].first % block[b].leaves, 0);
    at += block[b].leaves;
    if (b > 0) /* maximal: two neighbours are never the halves of one block */
      cr_assert(block[b - 1].leaves != block[b].leaves || block[b - 1].first % (2 * block[b].leaves) != 0);
  }
  cr_assert(first >= end ? n == 0 : at >= end, "[%u, %u) is not covered", first, end);
  if (end < leaves && first < end) cr_assert_eq(at, end, "a block holds another worker's leaves");
}

/* Every worker adds its leaves to blocks, the server adds the blocks. */
static void sum_by_workers(const batch_t *batch, uint32_t workers, uint32_t full, plt_arena_t *arena,
                           const sums_t *want, double want_loss) {
  static char moved[LEAVES_MAX * 2][3 + KEYS * COLS * sizeof(float)];
  plt_leaf_span_t leaf_span[LEAVES_MAX], blocks[LEAVES_MAX * 2];
  plt_rows_t parts[LEAVES_MAX * 2];
  double losses[LEAVES_MAX * 2];
  size_t n = 0;
  uint32_t at = 0;
  for (uint32_t l = 0; l < batch->leaves; l++) leaf_span[l] = (plt_leaf_span_t){l, 1};
  for (uint32_t w = 0; w < workers; w++) {
    plt_leaf_span_t mine[PLT_TREE_BLOCKS_MAX];
    uint32_t first, end;
    plt_tree_share(w, workers, full, batch->leaves, &first, &end);
    cr_assert_eq(first, at, "shares tile the leaves");
    at = end;
    size_t n_blocks = plt_tree_blocks(first, end, batch->leaves, mine);
    check_blocks(mine, n_blocks, first, end, batch->leaves);
    for (size_t b = 0; b < n_blocks; b++) {
      uint32_t from = mine[b].first, stop = from + mine[b].leaves < end ? from + mine[b].leaves : end;
      plt_rows_t sum = plt_tree_sum_rows(leaf_span + from, batch->rows + from, stop - from, COLS, arena);
      memcpy(moved[n] + 3, sum.n == 0 ? "" : sum.values, sum.n * COLS * sizeof(float));
      parts[n] = (plt_rows_t){sum.keys, moved[n] + 3, sum.n};
      losses[n] = plt_tree_sum(leaf_span + from, batch->loss + from, stop - from);
      blocks[n++] = mine[b];
    }
  }
  cr_assert_eq(at, batch->leaves);
  expect_rows(want, plt_tree_sum_rows(blocks, parts, n, COLS, arena), "workers", batch->leaves, workers);
  double loss = plt_tree_sum(blocks, losses, n);
  cr_assert_eq(memcmp(&loss, &want_loss, sizeof loss), 0, "loss, M %u W %u", batch->leaves, workers);
}

Test(tree, sums_have_the_bits_of_the_naive_tree_for_every_number_of_leaves_and_workers) {
  static batch_t batch;
  static sums_t want;
  plt_arena_t *arena = plt_arena_create();
  for (uint32_t full = 1; full <= LEAVES_MAX; full++) {
    /* a full batch, and tails of it: all for small batches */
    for (uint32_t leaves = full <= 13 ? 1 : full; leaves <= full; leaves++) {
      double loss = 0;
      state = full * 100 + leaves;
      fill(&batch, leaves);
      naive_rows(batch.leaf, leaves, 0, place_count(leaves), &want);
      naive_loss(batch.loss, leaves, 0, place_count(leaves), &loss);
      for (uint32_t workers = 1; workers <= WORKERS_MAX; workers++) {
        sum_by_workers(&batch, workers, full, arena, &want, loss);
        plt_arena_reset(arena);
      }
    }
  }
  plt_arena_destroy(&arena);
}

Test(tree, a_batch_of_its_own_worker_is_one_block) {
  plt_leaf_span_t block[PLT_TREE_BLOCKS_MAX];
  for (uint32_t leaves = 1; leaves < 200; leaves++) {
    cr_assert_eq(plt_tree_blocks(0, leaves, leaves, block), 1);
    cr_assert_eq(block[0].leaves, place_count(leaves));
  }
  cr_assert_eq(plt_tree_blocks(3, 3, 8, block), 0, "no leaves, no blocks");
}

Test(tree, the_widest_shares_fit) {
  plt_leaf_span_t block[PLT_TREE_BLOCKS_MAX];
  uint32_t most = UINT32_C(1) << 31, first, end;
  size_t n = plt_tree_blocks(1, most - 1, most, block); /* as many blocks as there can be */
  cr_assert_eq(n, 60);
  check_blocks(block, n, 1, most - 1, most);
  plt_tree_share(2, 3, UINT32_MAX, UINT32_MAX, &first, &end);
  cr_assert_eq(first, (UINT64_C(2) * UINT32_MAX) / 3);
  cr_assert_eq(end, UINT32_MAX);
}

Test(tree, nothing_and_a_single_part) {
  plt_arena_t *arena = plt_arena_create();
  plt_leaf_span_t span = {4, 4};
  uint64_t key = 9;
  float value = 2.5f;
  double loss = -1.5;
  plt_rows_t part = {&key, &value, 1};
  cr_assert_eq(plt_tree_sum_rows(NULL, NULL, 0, 1, arena).n, 0);
  cr_assert_eq(plt_tree_sum_rows(&span, &part, 1, 1, arena).values, &value, "the only part is the result");
  cr_assert_eq(plt_tree_sum(&span, &loss, 1), -1.5);
  plt_arena_destroy(&arena);
}
