/* The one rule of all consistency modes, as a table: a pull for clock b by a worker is answered when every other live
 * worker's clock is at least b - staleness. */
#include <criterion/criterion.h>

#include "ps/server/clock.h"

enum { WORKERS = 3 };

static plt_clock_t *clock_at(uint64_t staleness, const uint64_t at[WORKERS], const bool live[WORKERS]) {
  plt_clock_t *clock = plt_clock_create(WORKERS, staleness, 10);
  for (uint32_t w = 0; w < WORKERS; w++) {
    for (uint64_t t = 10; t < at[w]; t++) plt_clock_advance(clock, w);
    if (!live[w]) plt_clock_leave(clock, w);
  }
  return clock;
}

Test(clock, admits_is_the_rule_for_every_small_case) {
  const uint64_t bounds[] = {0, 1, 2, PLT_STALENESS_ANY};
  for (size_t s = 0; s < 4; s++) {
    for (unsigned code = 0; code < 6 * 6 * 6 * 8; code++) {
      uint64_t at[WORKERS] = {10 + code / 8 % 6, 10 + code / 48 % 6, 10 + code / 288 % 6};
      bool live[WORKERS] = {code & 1, code & 2, code & 4};
      plt_clock_t *clock = clock_at(bounds[s], at, live);
      for (uint32_t w = 0; w < WORKERS; w++) {
        for (uint64_t b = 10; b <= 16; b++) {
          bool want = true;
          uint64_t slowest = UINT64_MAX;
          for (uint32_t other = 0; other < WORKERS; other++) {
            if (other == w || !live[other]) continue;
            if (at[other] < slowest) slowest = at[other];
            if (bounds[s] != PLT_STALENESS_ANY && at[other] + bounds[s] < b) want = false;
          }
          uint32_t who = 99;
          cr_assert_eq(plt_clock_admits(clock, w, b, &who), want, "s %d w %u b %d", (int)s, w, (int)b);
          if (!want) cr_assert(who != w && live[who] && at[who] == slowest, "who is %u", who);
        }
      }
      plt_clock_destroy(&clock);
    }
  }
}

Test(clock, counts_steps_and_the_living) {
  plt_clock_t *clock = plt_clock_create(2, 0, 5);
  uint32_t who;
  cr_assert(plt_clock_of(clock, 0) == 5 && plt_clock_of(clock, 1) == 5 && plt_clock_live(clock) == 2);
  plt_clock_advance(clock, 1);
  cr_assert(plt_clock_of(clock, 0) == 5 && plt_clock_of(clock, 1) == 6);
  cr_assert_not(plt_clock_admits(clock, 1, 6, &who));
  cr_assert_eq(who, 0);
  cr_assert(plt_clock_admits(clock, 0, 6, &who), "its own clock does not hold a worker back");
  plt_clock_leave(clock, 0);
  plt_clock_leave(clock, 0);
  cr_assert(plt_clock_live(clock) == 1 && !plt_clock_is_live(clock, 0) && plt_clock_is_live(clock, 1));
  cr_assert(plt_clock_admits(clock, 1, UINT64_MAX, &who), "who left holds nobody back");
  plt_clock_destroy(&clock);
  cr_assert_null(clock);
  plt_clock_destroy(&clock);
}
