/* peers.c - who is who, and what if somebody is gone: see state.h.
 *
 * A process says its mark when it greets. Another one with the same number is refused, unless it says that the first is
 * gone: then it goes on where that was, if nothing of it can be half done, and what the first may still ask is shut out
 * by the numbers of its requests (bsp, where they come one at a time). */
#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "common/time.h"
#include "ps/server/state.h"

#define TAKEN_REQUESTS (UINT64_C(1) << 32) /* more than a process asks */

/* Gives the number of w to the process that greets. */
static plt_status_t take_over(plt_server_t *s, uint32_t w) {
  const plt_header_t *hello = &s->spare->header;
  plt_peer_t *peer = &s->peers[w];
  double heard_s = plt_time_seconds(plt_time_ns() - peer->heard_ns);
  if (!hello->anew)
    return plt_fail(PLT_ERR_USAGE,
                    "a process has connected as worker %" PRIu32
                    " already (last heard %.0f s ago): give each its own number, or, if that one has died, connect "
                    "again as its successor (rejoin)",
                    w, heard_s);
  if (s->config->alone)
    return plt_fail(PLT_ERR_USAGE,
                    "worker %" PRIu32
                    " cannot come back in ssp and asp: its pushes are in the tables one by one; end "
                    "the servers, and start them again from a checkpoint (--resume)",
                    w);
  if (peer->sums_since > 1)
    return plt_fail(PLT_ERR_USAGE,
                    "worker %" PRIu32 " cannot come back behind %" PRIu32
                    " sums of one clock: the first are not kept; end the servers, and start them again from a "
                    "checkpoint (--resume)",
                    w, peer->sums_since);
  peer->floor = peer->request + TAKEN_REQUESTS;
  peer->start = plt_clock_of(s->clock, w);
  peer->mark = hello->salt;
  plt_log(PLT_LOG_NOTE, "worker %" PRIu32 " is another process now, and goes on at clock %" PRIu64, w, peer->start);
  return PLT_OK;
}

plt_status_t plt_server_on_hello(plt_server_t *s, uint32_t w) {
  plt_peer_t *peer = &s->peers[w];
  plt_status_t status = PLT_OK;
  if (!peer->greeted)
    peer->mark = s->spare->header.salt;
  else if (peer->mark != s->spare->header.salt)
    status = take_over(s, w);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  peer->greeted = true;
  return plt_server_answer(s, s->spare,
                           &(plt_header_t){.verb = PLT_VERB_WELCOME,
                                           .clock = peer->start,
                                           .salt = peer->floor,
                                           .has_progress = s->is_restored,
                                           .progress = s->restored});
}

plt_status_t plt_server_on_bye(plt_server_t *s, uint32_t w) {
  const plt_header_t *bye = &s->spare->header;
  s->peers[w].n_kept = 0;
  plt_clock_leave(s->clock, w);
  PLT_TRY(plt_server_answer_done(s, s->spare));
  bool orderly = bye->status == PLT_OK || bye->status == PLT_ERR_PREEMPTED; /* all leave at the same clock */
  if (s->failed != PLT_OK) return PLT_OK;
  if (orderly) return plt_server_go_on(s);
  s->failed = PLT_ERR_PEER;
  s->failed_ns = plt_time_ns();
  snprintf(s->failed_text, sizeof s->failed_text, "worker %" PRIu32 " gave up: %.900s", w, bye->text);
  for (uint32_t other = 0; other < s->config->workers; other++) {
    plt_peer_t *peer = &s->peers[other];
    for (size_t i = 0; i < peer->n_kept; i++) PLT_TRY(plt_server_refuse(s, peer->kept[i], s->failed, s->failed_text));
    peer->n_kept = 0;
  }
  return PLT_OK;
}

bool plt_server_gives_up(plt_server_t *s, plt_status_t *why) {
  int64_t now = plt_time_ns(), heard_ns = 0;
  if (s->config->linger_s > 0 && s->failed != PLT_OK && plt_time_seconds(now - s->failed_ns) > s->config->linger_s) {
    *why = plt_fail(s->failed, "%s", s->failed_text);
    return true;
  }
  if (s->config->idle_s <= 0) return false;
  for (uint32_t w = 0; w < s->config->workers; w++)
    if (s->peers[w].heard_ns > heard_ns) heard_ns = s->peers[w].heard_ns;
  if (plt_time_seconds(now - heard_ns) <= s->config->idle_s) return false;
  *why = plt_fail(PLT_ERR_DEADLINE, "no worker has said anything for %g s", s->config->idle_s);
  return true;
}
