/* sum.c - SUM: server 0 adds in worker order and answers all. See state.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ps/server/state.h"

bool plt_server_sum_is_open(const plt_server_t *s) { return s->sum.name[0] != '\0' && !s->sum.done; }

static plt_status_t answer_sum(plt_server_t *s, const plt_inbox_t *to, const plt_sum_t *sum) {
  plt_header_t header = {.verb = PLT_VERB_SUM, .sums = sum->values, .n_sums = sum->n};
  snprintf(header.text, sizeof header.text, "%s", sum->name);
  return plt_server_answer(s, to, &header);
}

plt_status_t plt_server_finish_sum(plt_server_t *s) {
  plt_sum_t *sum = &s->sum;
  for (uint32_t w = 0; w < s->config->workers; w++)
    if (plt_clock_is_live(s->clock, w) && s->peers[w].sums == NULL) return PLT_OK;
  sum->values = plt_mem_resize(sum->values, sum->n, sizeof *sum->values);
  for (size_t i = 0; i < sum->n; i++) sum->values[i] = 0;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    if (s->peers[w].sums == NULL) continue;
    for (size_t i = 0; i < sum->n; i++) sum->values[i] += s->peers[w].sums[i];
    free(s->peers[w].sums);
    s->peers[w].sums = NULL;
  }
  sum->done = true;
  for (uint32_t w = 0; w < s->config->workers; w++) {
    plt_peer_t *peer = &s->peers[w];
    for (size_t i = 0; i < peer->n_kept;) {
      if (peer->kept[i]->header.verb != PLT_VERB_SUM) {
        i++;
        continue;
      }
      PLT_TRY(answer_sum(s, peer->kept[i], sum));
      plt_server_release(s, peer, i);
    }
  }
  return PLT_OK;
}

/* The sum that was done before is kept: its answer to a worker may have been lost, while the others go on. */
static void open_sum(plt_server_t *s, const plt_header_t *asked) {
  if (s->sum.done) {
    plt_sum_t oldest = s->sum_before;
    s->sum_before = s->sum;
    s->sum = oldest;
  }
  memcpy(s->sum.name, asked->text, sizeof s->sum.name);
  s->sum.n = asked->n_sums;
  s->sum.done = false;
}

plt_status_t plt_server_on_sum(plt_server_t *s, uint32_t w) {
  const plt_header_t *asked = &s->spare->header;
  plt_sum_t *sum = &s->sum;
  bool same = strcmp(asked->text, sum->name) == 0, before = strcmp(asked->text, s->sum_before.name) == 0;
  plt_status_t status = plt_server_check_idle(s, w);
  if (status == PLT_OK && (asked->text[0] == '\0' || asked->sums == NULL))
    status = plt_fail(PLT_ERR_PROTOCOL, "a sum needs a name and numbers");
  if (status == PLT_OK && !same && before) return answer_sum(s, s->spare, &s->sum_before); /* asked again */
  if (status == PLT_OK && !same && plt_server_sum_is_open(s))
    status = plt_fail(PLT_ERR_PROTOCOL, "sum of \"%.400s\", but \"%.400s\" is under way", asked->text, sum->name);
  if (status == PLT_OK && same && asked->n_sums != sum->n)
    status = plt_fail(PLT_ERR_PROTOCOL, "workers sum vectors of different lengths: %zu and %zu", asked->n_sums, sum->n);
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  if (same && sum->done) return answer_sum(s, s->spare, sum); /* asked again */
  if (!same) open_sum(s, asked);
  plt_peer_t *peer = &s->peers[w];
  if (peer->sums == NULL) peer->sums_since++;
  for (size_t i = peer->n_kept; i-- > 0;) /* asked again, or anew */
    if (peer->kept[i]->header.verb == PLT_VERB_SUM) plt_server_release(s, peer, i);
  if (peer->n_kept == PLT_STEPS_MAX)
    return plt_server_refuse(s, s->spare, PLT_ERR_PROTOCOL, "too many requests wait already");
  free(peer->sums);
  peer->sums = plt_mem_alloc(sum->n * sizeof *peer->sums);
  memcpy(peer->sums, asked->sums, sum->n * sizeof *peer->sums);
  plt_server_keep(s, peer);
  return plt_server_finish_sum(s);
}
