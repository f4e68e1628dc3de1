/* answer.c - see state.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/time.h"
#include "proto/parts.h"
#include "ps/server/state.h"

enum { REFUSALS_TOLD = 1000 };

plt_inbox_t *plt_inbox_create(void) {
  plt_inbox_t *inbox = plt_mem_zalloc(1, sizeof *inbox);
  inbox->parcel = plt_parcel_create();
  inbox->arena = plt_arena_create();
  return inbox;
}

void plt_inbox_destroy(plt_inbox_t *inbox) {
  if (inbox == NULL) return;
  for (uint32_t p = 0; p < PLT_PARTS_MAX; p++) plt_inbox_destroy(inbox->parts[p]);
  plt_parcel_destroy(&inbox->parcel);
  plt_arena_destroy(&inbox->arena);
  free(inbox);
}

/* ---- answers ---- */

plt_status_t plt_server_answer(plt_server_t *s, const plt_inbox_t *to, plt_header_t *header) {
  header->version = PLT_PROTOCOL_VERSION;
  header->job = s->config->job;
  header->generation = s->config->generation;
  header->role = PLT_ROLE_SERVER;
  header->number = s->config->number;
  header->request = to->header.request;
  plt_parcel_clear(s->out);
  plt_status_t status = plt_frame_encode(header, plt_wire_pool(s->wire), s->out_arena, s->out);
  if (status == PLT_OK) status = plt_listener_send(s->listener, &to->route, s->out);
  plt_parcel_clear(s->out);
  plt_arena_reset(s->out_arena);
  return status;
}

plt_status_t plt_server_answer_done(plt_server_t *s, const plt_inbox_t *to) {
  return plt_server_answer(s, to, &(plt_header_t){.verb = PLT_VERB_DONE, .clock = s->now});
}

plt_status_t plt_server_refuse(plt_server_t *s, const plt_inbox_t *to, plt_status_t why, const char *text) {
  plt_header_t header = {.verb = PLT_VERB_REFUSED, .status = why};
  snprintf(header.text, sizeof header.text, "%s", text);
  s->refused++;
  if (s->refused <= REFUSALS_TOLD || (s->refused & (s->refused - 1)) == 0) /* peers shall not fill a disk */
    plt_log(PLT_LOG_INFO, "refused %s of worker %" PRIu32 ": %s%s", plt_verb_name(to->header.verb), to->header.number,
            text, s->refused == REFUSALS_TOLD ? " (further ones are counted, few are told)" : "");
  return plt_server_answer(s, to, &header);
}

plt_status_t plt_server_answer_rows(plt_server_t *s, const plt_inbox_t *to) {
  plt_header_t header = {.verb = PLT_VERB_ROWS,
                         .clock = s->now,
                         .flags = s->decided,
                         .meet = s->meet,
                         .loss = s->loss,
                         .has_loss = !s->config->alone && s->config->number == 0 && to->header.verb == PLT_VERB_STEP};
  uint32_t parts = plt_parts_for(plt_tableset_answer_bytes(s->tables, &to->header));
  plt_region_t *lent = plt_server_claim_lent(s, &to->header);
  plt_pool_t *pool = lent == NULL ? plt_wire_pool(s->wire) : NULL;
  header.parts = parts > 1 ? parts : 0;
  for (header.part = 0; header.part < parts; header.part++) {
    header.sections =
        plt_tableset_read(s->tables, &to->header, header.part, parts, pool, s->out_arena, &header.n_sections);
    if (lent != NULL && header.part + 1 == parts) plt_region_fill(lent, to->header.request);
    PLT_TRY(plt_server_answer(s, to, &header));
  }
  return PLT_OK;
}

plt_status_t plt_server_check_idle(const plt_server_t *s, uint32_t w) {
  if (!s->peers[w].counted) return PLT_OK;
  return plt_fail(PLT_ERR_PROTOCOL, "worker %" PRIu32 " has a push of clock %" PRIu64 " under way", w, s->now);
}

void plt_server_keep(plt_server_t *s, plt_peer_t *peer) {
  plt_inbox_t **place = &peer->kept[peer->n_kept++];
  plt_inbox_t *received = s->spare;
  s->spare = *place == NULL ? plt_inbox_create() : *place;
  *place = received;
  received->wait_at_ns = plt_time_ns() + PLT_FIRST_WAIT_MS * PLT_NS_PER_MS;
}

void plt_server_keep_again(plt_server_t *s, plt_peer_t *peer, size_t i) {
  plt_inbox_t *kept = peer->kept[i];
  kept->route = s->spare->route;
  kept->header.request = s->spare->header.request;
  kept->wait_at_ns = 0;
}

void plt_server_release_parts(plt_server_t *s, plt_inbox_t *inbox) {
  for (uint32_t p = 0; p < inbox->n_parts; p++) {
    if (inbox->parts[p] == NULL) continue;
    plt_parcel_clear(inbox->parts[p]->parcel);
    PLT_MEM_GROW(s->empty, s->n_empty, s->empty_capacity);
    s->empty[s->n_empty++] = inbox->parts[p];
    inbox->parts[p] = NULL;
  }
  inbox->n_parts = inbox->n_got = 0;
}

void plt_server_release(plt_server_t *s, plt_peer_t *peer, size_t i) {
  plt_inbox_t *answered = peer->kept[i];
  peer->n_kept--;
  for (; i < peer->n_kept; i++) peer->kept[i] = peer->kept[i + 1];
  peer->kept[i] = answered;
  plt_server_release_parts(s, answered);
}
