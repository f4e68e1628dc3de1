/* Normal values of rows: against Box-Muller in double by libm, at the edges of the words, and bit by bit. */
#include "common/normal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { COLS = 150 };

/* Whatever the words, the error is a few units in the last place of the radius. */
static void expect_near(uint32_t a, uint32_t b, const float got[2]) {
  double want[2];
  plt_rng_normal(a, b, want);
  double bound = 4e-7 * hypot(want[0], want[1]);
  for (int i = 0; i < 2; i++)
    cr_assert_leq(fabs(got[i] - want[i]), bound, "words %08x %08x: %.9g, not %.9g", a, b, (double)got[i], want[i]);
}

Test(normal, words_at_the_edges) {
  const uint32_t edges[] = {0,          1,          2,          0xff,       0x100,      0xffff,     0x10000,
                            0xffffff,   0x1000000,  0x1fffffff, 0x20000000, 0x20000001, 0x3fffffff, 0x40000000,
                            0x5fffffff, 0x60000000, 0x7fffffff, 0x80000000, 0x9fffffff, 0xa0000000, 0xb504f333,
                            0xb504f334, 0xb504f335, 0xc0000000, 0xdfffffff, 0xe0000000, 0xff000000, 0xffff0000,
                            0xfffffffd, 0xfffffffe, 0xffffffff};
  const size_t n = sizeof edges / sizeof *edges;
  float got[2];
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      plt_normal_pair(edges[i], edges[j], got);
      cr_assert(isfinite(got[0]) && isfinite(got[1]));
      expect_near(edges[i], edges[j], got);
    }
  }
}

Test(normal, rows_are_pairs_of_the_words_of_their_counters) {
  plt_rng_key_t key = plt_rng_key(5, "normal", 0);
  float row[COLS], part[COLS], two[2];
  for (uint32_t c0 = 0; c0 < 500; c0++) {
    uint32_t c1 = c0 % 3;
    plt_normal_row(key, c0, c1, COLS, row);
    for (uint32_t i = 0; i < COLS; i += 2) {
      plt_rng_block_t block = plt_rng_draw(key, c0, c1, i / 4, 0);
      uint32_t a = block.word[i % 4], b = block.word[i % 4 + 1];
      plt_normal_pair(a, b, two);
      cr_assert_eq(memcmp(row + i, two, sizeof two), 0, "row %u, value %u: not the bits of its pair", c0, i);
      expect_near(a, b, two);
    }
    size_t n = c0 % COLS;
    memset(part, 0, sizeof part);
    plt_normal_row(key, c0, c1, n, part);
    cr_assert_arr_eq(part, row, n * sizeof *row);
    cr_assert(n == COLS || part[n] == 0, "it writes behind its end");
  }
}

/* Written down once: a compiler, a processor or a libc that changes them changes every run. */
Test(normal, known_answers) {
  static const uint32_t want[8] = {0xbdeb723b, 0xbee27aba, 0x3e050f1a, 0x3edd56c5,
                                   0xbea7ef42, 0x3e277fca, 0xbf6b9627, 0x3e263d84};
  float row[8];
  plt_normal_row((plt_rng_key_t){{0xa4093822, 0x299f31d0}}, 0x243f6a88, 0x85a308d3, 8, row);
  for (int i = 0; i < 8; i++) {
    uint32_t bits;
    memcpy(&bits, row + i, sizeof bits);
    cr_assert_eq(bits, want[i], "value %d: %08x, not %08x", i, bits, want[i]);
  }
}

Test(normal, moments) {
  enum { ROWS = 4000 };
  plt_rng_key_t key = plt_rng_key(6, "normal", 0);
  float row[COLS];
  double n = (double)ROWS * COLS, sum = 0, squares = 0, fourth = 0, neighbours = 0;
  for (uint32_t r = 0; r < ROWS; r++) {
    plt_normal_row(key, r, 0, COLS, row);
    for (int i = 0; i < COLS; i++) {
      double square = (double)row[i] * row[i];
      sum += row[i], squares += square, fourth += square * square;
      if (i > 0) neighbours += (double)row[i] * row[i - 1];
    }
  }
  cr_assert_lt(fabs(sum / n), 5 / sqrt(n));
  cr_assert_lt(fabs(squares / n - 1), 5 * sqrt(2 / n));
  cr_assert_lt(fabs(fourth / n - 3), 5 * sqrt(96 / n));
  cr_assert_lt(fabs(neighbours / n), 5 / sqrt(n));
}
