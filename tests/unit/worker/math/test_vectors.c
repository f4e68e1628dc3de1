/* test_vectors.c - flat vectors: values worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "tests/unit/worker/naive.h"
#include "worker/math/vectors.h"

Test(vectors, by_hand) {
  float x[] = {3, 0, -4}, y[] = {1, 2, 3};
  cr_assert_eq(plt_vector_norm(x, 3), 5);
  plt_vector_clip(x, 3, 0);
  plt_vector_clip(x, 3, 6);
  cr_assert(x[0] == 3 && x[2] == -4, "short enough");
  plt_vector_clip(x, 3, 2.5);
  cr_assert(naive_near(x[0], 3 * 2.5 / (5 + 1e-6), 1e-7) && naive_near(x[2], -4 * 2.5 / (5 + 1e-6), 1e-7));
  plt_vector_blend(y, 2, y, -1, y, 3);
  cr_assert(y[0] == 1 && y[1] == 2 && y[2] == 3);
  plt_vector_scale(y, 3, -0.5);
  cr_assert(y[0] == -0.5f && y[1] == -1 && y[2] == -1.5f);
  for (size_t i = 0; i < 3; i++) {
    const float faults[] = {NAN, INFINITY, -INFINITY};
    cr_assert(plt_vector_is_finite(y, 3));
    y[i] = faults[i];
    cr_assert_not(plt_vector_is_finite(y, 3));
    y[i] = 3e38f;
  }
  cr_assert(plt_vector_is_finite(NULL, 0));
}
