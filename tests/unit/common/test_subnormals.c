#include "common/subnormals.h"

#include <criterion/criterion.h>
#include <float.h>
#include <stdint.h>

#include "common/threads.h"

/* What the compiler cannot work out: half of the smallest normal number, and twice what is half of it. */
static float half_of_smallest(void) {
  volatile float smallest = FLT_MIN, half = 0.5f;
  return smallest * half;
}

static float twice_a_subnormal(void) {
  union {
    uint32_t bits;
    float value;
  } subnormal = {.bits = 0x00400000}; /* 2^-127 */
  volatile float given = subnormal.value, two = 2;
  return given * two;
}

static void look(void *context, size_t piece, size_t lane) {
  (void)lane;
  ((float *)context)[piece] = half_of_smallest() + twice_a_subnormal();
}

#if defined(__x86_64__) || defined(__aarch64__)
Test(subnormals, are_zero_in_this_thread_and_in_those_that_it_creates) {
  enum { PIECES = 64 };
  float seen[PIECES];
  cr_assert(half_of_smallest() > 0 && twice_a_subnormal() == FLT_MIN, "as the process was begun");
  plt_subnormals_flush();
  cr_assert(half_of_smallest() == 0 && twice_a_subnormal() == 0);
  volatile float smallest = FLT_MIN, one = 1;
  cr_assert_eq(smallest * one, FLT_MIN, "normal numbers are what they were");
  plt_crew_t *crew = plt_crew_create(3);
  for (int job = 0; job < 100; job++) {
    plt_crew_run(crew, PIECES, look, seen);
    for (size_t piece = 0; piece < PIECES; piece++) cr_assert_eq(seen[piece], 0);
  }
  plt_crew_destroy(&crew);
}
#endif
