/* The retransmission timeout beside the formulas of RFC 6298 in double, for steady, noisy, changing answer times. */
#include <criterion/criterion.h>
#include <math.h>

#include "common/rng.h"
#include "worker/client/rto.h"

Test(rto, begins_cautiously_and_learns) {
  plt_rto_t rto = {0};
  cr_assert_eq(plt_rto_ns(&rto), PLT_RTO_FIRST_NS);
  plt_rto_measure(&rto, PLT_NS_PER_MS);
  cr_assert_eq(plt_rto_ns(&rto), PLT_RTO_LEAST_NS);
  plt_rto_measure(&rto, 0); /* a clock that stands still */
  cr_assert_eq(plt_rto_ns(&rto), PLT_RTO_LEAST_NS);
}

Test(rto, follows_the_formulas) {
  plt_rto_t rto = {0};
  plt_rng_key_t key = plt_rng_key(3, "answers", 0);
  double smoothed = 0, deviation = 0;
  for (uint32_t i = 0; i < 2000; i++) {
    double pace = i < 700 ? 0.4e9 : i < 1400 ? 2e9 : 0.7e9;
    double answer = pace * (0.5 + plt_rng_unit(plt_rng_draw(key, i, 0, 0, 0).word[0]));
    plt_rto_measure(&rto, (int64_t)answer);
    if (i == 0) {
      smoothed = answer;
      deviation = answer / 2;
    } else {
      deviation = 0.75 * deviation + 0.25 * fabs(smoothed - answer);
      smoothed = 0.875 * smoothed + 0.125 * answer;
    }
    double want = fmin(fmax(smoothed + 4 * deviation, PLT_RTO_LEAST_NS), PLT_RTO_MOST_NS);
    cr_assert(fabs((double)plt_rto_ns(&rto) - want) < 1e-6 * want, "after %u: %g, not %g", i, (double)plt_rto_ns(&rto),
              want);
  }
}

Test(rto, backs_off_until_it_is_answered) {
  plt_rto_t rto = {0};
  int64_t was = plt_rto_ns(&rto);
  for (int i = 0; i < 3; i++) {
    plt_rto_back_off(&rto);
    cr_assert_eq(plt_rto_ns(&rto), 2 * was);
    was *= 2;
  }
  for (int i = 0; i < 100; i++) plt_rto_back_off(&rto);
  cr_assert_eq(plt_rto_ns(&rto), PLT_RTO_MOST_NS);
  plt_rto_measure(&rto, PLT_NS_PER_MS);
  cr_assert_eq(plt_rto_ns(&rto), PLT_RTO_LEAST_NS);
  plt_rto_back_off(&rto);
  cr_assert_eq(plt_rto_ns(&rto), 2 * PLT_RTO_LEAST_NS);
}
