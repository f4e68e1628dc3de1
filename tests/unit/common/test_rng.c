#include "common/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

/* Known answers of the authors' Random123 library for philox4x32-10. */
Test(rng, known_answers) {
  static const struct {
    uint32_t counter[4], key[2], answer[4];
  } cases[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (size_t i = 0; i < 3; i++) {
    plt_rng_key_t key = {{cases[i].key[0], cases[i].key[1]}};
    const uint32_t *c = cases[i].counter;
    plt_rng_block_t block = plt_rng_draw(key, c[0], c[1], c[2], c[3]);
    for (size_t word = 0; word < 4; word++) cr_assert_eq(block.word[word], cases[i].answer[word], "%zu %zu", i, word);
  }
}

Test(rng, lanes_are_the_blocks_of_their_counters) {
  plt_rng_key_t key = plt_rng_key(8, "lanes", 0);
  for (uint32_t turn = 0; turn < 50; turn++) {
    plt_rng_lanes_t lanes;
    plt_rng_block_t want[PLT_RNG_LANES];
    for (uint32_t l = 0; l < PLT_RNG_LANES; l++) {
      plt_rng_block_t c = plt_rng_draw(key, turn, l, 1, 0); /* any counters */
      want[l] = plt_rng_draw(key, c.word[0], c.word[1], c.word[2], c.word[3]);
      for (size_t w = 0; w < 4; w++) lanes.word[w][l] = c.word[w];
    }
    plt_rng_draw_lanes(key, &lanes);
    for (size_t l = 0; l < PLT_RNG_LANES; l++)
      for (size_t w = 0; w < 4; w++) cr_assert_eq(lanes.word[w][l], want[l].word[w], "lane %zu, word %zu", l, w);
  }
}

Test(rng, keys_differ_by_purpose_seed_and_salt) {
  plt_rng_key_t keys[] = {plt_rng_key(1, "order", 0), plt_rng_key(1, "order", 0), plt_rng_key(2, "order", 0),
                          plt_rng_key(1, "noise", 0), plt_rng_key(1, "order", 1)};
  cr_assert(keys[0].word[0] == keys[1].word[0] && keys[0].word[1] == keys[1].word[1]);
  for (size_t i = 2; i < 5; i++) cr_assert(keys[0].word[0] != keys[i].word[0] || keys[0].word[1] != keys[i].word[1]);
}

Test(rng, below_is_in_range_and_covers_it) {
  cr_assert_eq(plt_rng_below(UINT64_MAX, 1), 0);
  cr_assert_eq(plt_rng_below(UINT64_MAX, UINT32_MAX), UINT32_MAX - 1);
  cr_assert_eq(plt_rng_below(0, 7), 0);
  /* the low half's carry: 3 * 0x55555555'FFFFFFFF is just above 2^64 */
  cr_assert_eq(plt_rng_below(UINT64_C(0x55555555FFFFFFFF), 3), 1);
  cr_assert_eq(plt_rng_below(UINT64_C(0x5555555555555555), 3), 0);
  unsigned seen[7] = {0};
  for (uint32_t i = 0; i < 7000; i++) {
    plt_rng_block_t b = plt_rng_draw(plt_rng_key(3, "test", 0), i, 0, 0, 0);
    seen[plt_rng_below((uint64_t)b.word[0] << 32 | b.word[1], 7)]++;
  }
  for (size_t i = 0; i < 7; i++) cr_assert(seen[i] > 850 && seen[i] < 1150, "%u", seen[i]);
}

Test(rng, unit_intervals) {
  cr_assert_gt(plt_rng_open01(0), 0);
  cr_assert_lt(plt_rng_open01(UINT32_MAX), 1);
  cr_assert_eq(plt_rng_unit(0), 0);
  cr_assert_lt(plt_rng_unit(UINT32_MAX), 1);
}

Test(rng, normal_moments) {
  enum { N = 50000 };
  double sum = 0, squares = 0, fourth = 0;
  for (uint32_t i = 0; i < N / 2; i++) {
    double z[2];
    plt_rng_block_t b = plt_rng_draw(plt_rng_key(4, "normal", 0), i, 0, 0, 0);
    plt_rng_normal(b.word[0], b.word[1], z);
    for (int k = 0; k < 2; k++) sum += z[k], squares += z[k] * z[k], fourth += pow(z[k], 4);
  }
  cr_assert_lt(fabs(sum / N), 0.02);
  cr_assert_lt(fabs(squares / N - 1), 0.03);
  cr_assert_lt(fabs(fourth / N - 3), 0.2);
  double edge[2];
  plt_rng_normal(0, UINT32_MAX, edge);
  cr_assert(isfinite(edge[0]) && isfinite(edge[1]));
}

static void expect_bijection(plt_rng_key_t key, uint64_t n) {
  unsigned char *seen = calloc(n, 1);
  for (uint64_t i = 0; i < n; i++) {
    uint64_t j = plt_rng_permute(key, n, i);
    cr_assert_lt(j, n);
    cr_assert_eq(seen[j], 0, "n %llu: %llu twice", (unsigned long long)n, (unsigned long long)j);
    seen[j] = 1;
  }
  free(seen);
}

Test(rng, permute_is_a_bijection) {
  for (uint64_t n = 1; n <= 300; n++) expect_bijection(plt_rng_key(n, "order", 0), n);
  static const uint64_t sizes[] = {1023, 1024, 1025, 4096, 4097, 65535, 65536, 65537, 100003};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) expect_bijection(plt_rng_key(5, "order", i), sizes[i]);
}

/* Also where most of the domain is outside (n = 65537 of 2^18), and for other counts than the lanes'. */
Test(rng, a_range_is_permuted_as_its_members_are) {
  static const uint64_t sizes[] = {1, 2, 5, 300, 65536, 65537, UINT64_C(1) << 40, (UINT64_C(1) << 62) - 1};
  static const size_t counts[] = {0, 1, 2, 15, 16, 17, 100, 300};
  plt_rng_key_t key = plt_rng_key(8, "order", 2);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
      if (counts[c] > sizes[s]) continue;
      uint64_t out[301], first = (sizes[s] - counts[c]) / 3;
      out[counts[c]] = 77;
      plt_rng_permute_range(key, sizes[s], first, counts[c], out);
      for (size_t k = 0; k < counts[c]; k++) cr_assert_eq(out[k], plt_rng_permute(key, sizes[s], first + k));
      cr_assert_eq(out[counts[c]], 77, "behind the range");
    }
}

Test(rng, permute_of_huge_ranges_stays_inside) {
  static const uint64_t sizes[] = {UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, (UINT64_C(1) << 61) + 1,
                                   (UINT64_C(1) << 62) - 1};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    for (uint64_t i = 0; i < 100; i++) cr_assert_lt(plt_rng_permute(plt_rng_key(6, "order", 0), sizes[s], i), sizes[s]);
  }
}

Test(rng, permute_mixes) {
  uint64_t fixed = 0, same = 0;
  for (uint64_t i = 0; i < 1000; i++) {
    uint64_t a = plt_rng_permute(plt_rng_key(7, "order", 0), 1000, i);
    fixed += a == i;
    same += a == plt_rng_permute(plt_rng_key(7, "order", 1), 1000, i);
  }
  cr_assert_lt(fixed, 10);
  cr_assert_lt(same, 10);
}

/* Of Beta(a, a): mean 1/2, variance 1 / (4 (2a + 1)), fourth central moment 3 / (16 (2a + 1) (2a + 3)). */
Test(rng, beta_has_its_moments) {
  enum { N = 200000 };
  static const double alphas[] = {0.01, 0.1, 0.5, 0.9, 1};
  plt_rng_key_t key = plt_rng_key(3, "beta", 0);
  for (size_t i = 0; i < sizeof alphas / sizeof *alphas; i++) {
    double a = alphas[i], mean = 0, second = 0, fourth = 0;
    for (uint32_t n = 0; n < N; n++) {
      double x = plt_rng_beta(key, n, a), d = x - 0.5;
      cr_assert(x >= 0 && x <= 1);
      mean += x / N, second += d * d / N, fourth += d * d * d * d / N;
    }
    cr_assert_float_eq(mean, 0.5, 0.005, "alpha %g: mean %g", a, mean);
    cr_assert_float_eq(second, 1 / (4 * (2 * a + 1)), 0.002, "alpha %g: variance %g", a, second);
    cr_assert_float_eq(fourth, 3 / (16 * (2 * a + 1) * (2 * a + 3)), 0.001, "alpha %g: fourth moment %g", a, fourth);
  }
}
