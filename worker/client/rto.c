/* rto.c - see rto.h. */
#include "worker/client/rto.h"

void plt_rto_measure(plt_rto_t *rto, int64_t answer_ns) {
  if (answer_ns < 1) answer_ns = 1;
  if (rto->smoothed_ns == 0) {
    rto->smoothed_ns = answer_ns;
    rto->deviation_ns = answer_ns / 2;
  } else {
    int64_t error_ns = answer_ns - rto->smoothed_ns;
    rto->deviation_ns += ((error_ns < 0 ? -error_ns : error_ns) - rto->deviation_ns) / 4;
    rto->smoothed_ns += error_ns / 8;
  }
  rto->backed_off_ns = 0;
}

static int64_t limited(int64_t ns) {
  if (ns < PLT_RTO_LEAST_NS) return PLT_RTO_LEAST_NS;
  return ns < PLT_RTO_MOST_NS ? ns : PLT_RTO_MOST_NS;
}

int64_t plt_rto_ns(const plt_rto_t *rto) {
  if (rto->backed_off_ns > 0) return rto->backed_off_ns;
  return rto->smoothed_ns == 0 ? PLT_RTO_FIRST_NS : limited(rto->smoothed_ns + 4 * rto->deviation_ns);
}

void plt_rto_back_off(plt_rto_t *rto) { rto->backed_off_ns = limited(2 * plt_rto_ns(rto)); }
