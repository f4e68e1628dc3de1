/* rto.h - the retransmission timeout: how long the answer to one kind of request may take before it is asked again.
 *
 * As TCP's: the smoothed answer time plus four times its mean deviation, at least PLT_RTO_LEAST_NS; PLT_RTO_FIRST_NS
 * before anything was measured. Each repetition doubles it, and so it stays until a request is answered that was sent
 * once: the answer to a repeated one does not say which of them it answers.
 *
 * Life       a zeroed plt_rto_t has measured nothing.
 * Threads    one owner.
 * Source     RFC 6298; Karn and Partridge, SIGCOMM 1987. */
#ifndef PLT_WORKER_CLIENT_RTO_H
#define PLT_WORKER_CLIENT_RTO_H

#include <stdint.h>

#include "common/time.h"

/* Servers say WAIT sooner than that (PLT_FIRST_WAIT_MS in message.h): silence means that something was lost. */
#define PLT_RTO_LEAST_NS (200 * PLT_NS_PER_MS)
#define PLT_RTO_FIRST_NS PLT_NS_PER_S
#define PLT_RTO_MOST_NS (10 * PLT_NS_PER_S)

typedef struct plt_rto {
  int64_t smoothed_ns, deviation_ns; /* 0, 0: nothing was measured */
  int64_t backed_off_ns;             /* 0: not since the last measurement */
} plt_rto_t;

/* A request that was sent once was answered after so long. */
void plt_rto_measure(plt_rto_t *rto, int64_t answer_ns);
/* It was not answered in time. */
void plt_rto_back_off(plt_rto_t *rto);
int64_t plt_rto_ns(const plt_rto_t *rto);

#endif
