/* What a loop that waits for others did not listen to. */
#include <criterion/criterion.h>

#include "common/time.h"

Test(time, a_loop_that_comes_round_in_time_missed_nothing) {
  int64_t round_ns = 0;
  cr_assert_eq(plt_time_missed(&round_ns), 0, "the first round");
  cr_assert_gt(round_ns, 0);
  cr_assert_eq(plt_time_missed(&round_ns), 0);
  round_ns = plt_time_ns() - PLT_NS_PER_S;
  cr_assert_eq(plt_time_missed(&round_ns), 0, "once a second is often enough");
}

Test(time, a_loop_that_was_stopped_missed_all_of_it) {
  int64_t before = plt_time_ns() - 100 * PLT_NS_PER_S, round_ns = before, missed_ns = plt_time_missed(&round_ns);
  cr_assert_eq(missed_ns, round_ns - before);
  cr_assert_geq(missed_ns, 100 * PLT_NS_PER_S);
  cr_assert_eq(plt_time_missed(&round_ns), 0, "told once");
}
