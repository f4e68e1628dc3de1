/* server_sum.c - SUM: server 0 adds in worker order and answers all. See server_state.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ps/server_state.h"

bool plt_server_sum_is_open(const plt_server_t *s) { return s->sum_name[0] != '\0' && !s->sum_done; }

static plt_status_t answer_sum(plt_server_t *s, const plt_inbox_t *to) {
  plt_header_t header = {.verb = PLT_VERB_SUM, .sums = s->sum, .n_sums = s->n_sum};
  snprintf(header.text, sizeof header.text, "%s", s->sum_name);
  return plt_server_answer(s, to, &header);
}

plt_status_t plt_server_finish_sum(plt_server_t *s) {
  for (uint32_t w = 0; w < s->config->workers; w++)
    if (plt_clock_is_live(s->clock, w) && s->peers[w].sums == NULL) return PLT_OK;
  s->sum = plt_mem_resize(s->sum, s->n_sum, sizeof *s->sum);
  for (size_t i = 0; i < s->n_sum; i++) s->sum[i] = 0;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    if (s->peers[w].sums == NULL) continue;
    for (size_t i = 0; i < s->n_sum; i++) s->sum[i] += s->peers[w].sums[i];
    free(s->peers[w].sums);
    s->peers[w].sums = NULL;
  }
  s->sum_done = true;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    plt_peer_t *peer = &s->peers[w];
    for (size_t i = 0; i < peer->n_kept;) {
      if (peer->kept[i]->header.verb != PLT_VERB_SUM) {
        i++;
        continue;
      }
      PLT_TRY(answer_sum(s, peer->kept[i]));
      plt_server_release(peer, i);
    }
  }
  return PLT_OK;
}

plt_status_t plt_server_on_sum(plt_server_t *s, uint32_t w) {
  const plt_header_t *sum = &s->spare->header;
  bool same = strcmp(sum->text, s->sum_name) == 0;
  plt_status_t status = plt_server_check_idle(s, w);
  if (status == PLT_OK && (sum->text[0] == '\0' || sum->sums == NULL))
    status = plt_fail(PLT_ERR_PROTOCOL, "a sum needs a name and numbers");
  if (status == PLT_OK && !same && plt_server_sum_is_open(s))
    status = plt_fail(PLT_ERR_PROTOCOL, "sum of \"%.400s\", but \"%.400s\" is under way", sum->text, s->sum_name);
  if (status == PLT_OK && same && sum->n_sums != s->n_sum)
    status = plt_fail(PLT_ERR_PROTOCOL, "workers sum vectors of different lengths: %zu and %zu", sum->n_sums, s->n_sum);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  if (same && s->sum_done) return answer_sum(s, s->spare); /* asked again */
  if (!same) {
    memcpy(s->sum_name, sum->text, sizeof s->sum_name);
    s->n_sum = sum->n_sums;
    s->sum_done = false;
  }
  plt_peer_t *peer = &s->peers[w];
  for (size_t i = peer->n_kept; i-- > 0;) /* asked again, or anew */
    if (peer->kept[i]->header.verb == PLT_VERB_SUM) plt_server_release(peer, i);
  if (peer->n_kept == PLT_STEPS_MAX)
    return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "too many requests wait already");
  free(peer->sums);
  peer->sums = plt_mem_alloc(s->n_sum * sizeof *peer->sums);
  memcpy(peer->sums, sum->sums, s->n_sum * sizeof *peer->sums);
  plt_server_keep(s, peer);
  return plt_server_finish_sum(s);
}
