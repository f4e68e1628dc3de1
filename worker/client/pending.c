/* pending.c - see pending.h. */
#include "worker/client/pending.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"
#include "common/time.h"
#include "worker/client/state.h"

#define FIRST_PAUSE_NS (2 * PLT_NS_PER_MS)
#define LAST_PAUSE_NS (200 * PLT_NS_PER_MS)

void plt_pending_begin(plt_pending_t *pending, uint64_t clock, uint32_t servers) {
  int64_t now = plt_time_ns();
  free(pending->parts);
  *pending = (plt_pending_t){.under_way = true,
                             .clock = clock,
                             .parts = plt_mem_zalloc(servers, sizeof(plt_manifest_part_t)),
                             .ask_ns = now + FIRST_PAUSE_NS,
                             .pause_ns = FIRST_PAUSE_NS,
                             .written_ns = now};
}

void plt_pending_end(plt_pending_t *pending) {
  free(pending->parts);
  *pending = (plt_pending_t){0};
}

/* What the servers told in one round. */
typedef struct told {
  plt_manifest_part_t *parts;
  uint64_t written;
  uint32_t behind, first; /* how many write still, and the lowest number among them */
} told_t;

static plt_status_t on_checkpointed(void *context, uint32_t server, const plt_header_t *answer) {
  told_t *told = context;
  plt_manifest_part_t *part = &told->parts[server];
  if (answer->verb != PLT_VERB_CHECKPOINTED)
    return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " did not say where its checkpoint is", server);
  if (answer->hash[0] == '\0') {
    if (told->behind == 0 || server < told->first) told->first = server;
    told->behind++;
    told->written += answer->bytes;
    return PLT_OK;
  }
  told->written++;
  *part = (plt_manifest_part_t){.bytes = answer->bytes};
  snprintf(part->file, sizeof part->file, "%s", answer->text);
  memcpy(part->hash, answer->hash, sizeof part->hash);
  return PLT_OK;
}

static plt_status_t ask_all(const plt_pending_t *pending, plt_client_t *client, told_t *told) {
  plt_exchange_t *checkpointed = plt_exchange_begin(client->desk, "CHECKPOINTED");
  for (uint32_t s = 0; s < client->n_servers; s++)
    PLT_TRY(plt_exchange_address(client->desk, checkpointed, s,
                                 &(plt_header_t){.verb = PLT_VERB_CHECKPOINTED, .clock = pending->clock}));
  return plt_exchange_ask(client->desk, checkpointed, on_checkpointed, told);
}

/* Asks the servers once. */
static plt_status_t ask(plt_pending_t *pending, plt_client_t *client, bool *all) {
  double deadline_s = plt_desk_config(client->desk)->deadline_s;
  told_t told = {.parts = pending->parts};
  PLT_TRY(ask_all(pending, client, &told));
  *all = told.behind == 0;
  int64_t now = plt_time_ns();
  pending->pause_ns = 2 * pending->pause_ns < LAST_PAUSE_NS ? 2 * pending->pause_ns : LAST_PAUSE_NS;
  pending->ask_ns = now + pending->pause_ns;
  bool was_away = plt_time_seconds(plt_time_missed(&pending->round_ns)) > deadline_s; /* stopped, say: with them */
  if (told.written != pending->written || was_away) {
    pending->written = told.written;
    pending->written_ns = now;
  }
  if (*all || plt_time_seconds(now - pending->written_ns) <= deadline_s) return PLT_OK;
  return plt_fail(PLT_ERR_IO,
                  "server %" PRIu32 " has not ended its part of the checkpoint of clock %" PRIu64 " (%" PRIu32
                  " of %" PRIu32 " servers have not), and none of them wrote anything of it for %g s (%s)",
                  told.first, pending->clock, told.behind, client->n_servers, deadline_s,
                  plt_desk_deadline_name(client->desk));
}

plt_status_t plt_pending_poll(plt_pending_t *pending, plt_client_t *client, bool wait, bool *all) {
  *all = false;
  while (pending->under_way && !*all) {
    int64_t left = pending->ask_ns - plt_time_ns();
    if (left <= 0) {
      PLT_TRY(ask(pending, client, all));
    } else if (wait) {
      nanosleep(&(struct timespec){.tv_sec = left / PLT_NS_PER_S, .tv_nsec = left % PLT_NS_PER_S}, NULL);
    } else {
      break;
    }
  }
  return PLT_OK;
}
