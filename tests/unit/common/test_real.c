/* Shortest texts of doubles. */
#include <float.h>
#include <math.h>

#include "common/real.h"
#include "common/rng.h"
#include "tests/unit/common/scratch.h"

static void expect(double value, const char *text) {
  char out[PLT_REAL_TEXT];
  cr_expect_str_eq(plt_real_text(value, out), text);
}

Test(real, as_people_write_them) {
  expect(0, "0");
  expect(0.1, "0.1");
  expect(-2.5, "-2.5");
  expect(120, "120");
  expect(100000, "100000");
  expect(0.0001, "0.0001");
  expect(0.1234567, "0.1234567");
  expect(1.0 / 3, "0.3333333333333333");
  expect(0.1 + 0.2, "0.30000000000000004");
  expect(1e-5, "1e-05");
  expect(1e15, "1e+15");
  expect(DBL_MAX, "1.7976931348623157e+308");
  expect(-INFINITY, "-inf");
}

Test(real, they_read_back) {
  for (uint32_t i = 0; i < 2000; i++) {
    char out[PLT_REAL_TEXT];
    plt_rng_block_t block = plt_rng_draw(plt_rng_key(1, "real", 0), i, 0, 0, 0);
    double value = ldexp((double)block.word[0] * 0x1p32 + block.word[1], (int)(block.word[2] % 300) - 200);
    cr_assert_eq(strtod(plt_real_text(value, out), NULL), value, "%s is not %.17g", out, value);
  }
}
