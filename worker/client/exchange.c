/* exchange.c - see exchange.h.
 *
 * All waiting is in plt_exchange_finish(): it takes answers for every exchange under way and asks again for whatever is
 * due in any of them. An answer to nothing open is passed over: it was asked for twice. */
#include "worker/client/exchange.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/rng.h"
#include "proto/frame.h"
#include "worker/client/rto.h"

enum {
  EXCHANGES_MAX = PLT_STEPS_MAX + 2, /* a READ, say, and a LEND for it */
  HURRIES_MAX = 8,
  LOOK_MS = 100
};
#define NEXT_WAIT_NS (PLT_NEXT_WAIT_MS * PLT_NS_PER_MS)
#define RENEW_NS (5 * PLT_NS_PER_S) /* of silence, after which a link is made anew; then twice as long, ... */
#define SLOW_BYTES_PER_S 1e7        /* a network may be so slow before anything was measured */

/* One request to one server, until it is answered. */
typedef struct call {
  plt_parcel_t *out[PLT_PARTS_MAX]; /* n_out messages: the request or its parts, of which n_sent were sent early */
  uint32_t n_out, n_sent;
  uint32_t parts, got; /* of the answer; got: a bit for each that came */
  bool open;
  uint32_t asked; /* how often */
  bool heard;     /* there was a sign of life */
  int64_t sent_ns, heard_ns, retry_ns;
  uint32_t hurries; /* asked again at once, since the last sign of life */
} call_t;

struct plt_exchange {
  uint64_t request;
  plt_verb_t verb;
  bool busy; /* begun and not finished */
  call_t *calls;
  plt_arena_t *arena;
  char what[128];
  plt_answer_fn fn;
  void *context;
};
typedef struct plt_exchange exchange_t;

/* One server, as far as this worker hears of it. */
typedef struct peer {
  plt_rto_t rto[PLT_VERB_COUNT];
  int64_t silent_since_ns; /* while something is asked of it */
  int64_t renew_ns;        /* how long that may last */
} peer_t;

struct plt_desk {
  plt_client_config_t config;
  plt_wire_t *wire;
  plt_links_t *links;
  exchange_t exchanges[EXCHANGES_MAX];
  uint64_t request; /* the last one begun */
  peer_t *peers;
  plt_parcel_t *in;
  plt_arena_t *in_arena; /* of the message being read */
  char host[64];
  int64_t round_ns; /* of the loop in plt_exchange_finish() */
  int64_t packing_ns, wait_ns;
  uint64_t asked_again, renewed;
};

/* ---- life ---- */

plt_status_t plt_desk_open(plt_wire_t *wire, const plt_client_config_t *config, plt_desk_t **out) {
  plt_desk_t *desk = plt_mem_zalloc(1, sizeof *desk);
  desk->config = *config;
  desk->wire = wire;
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &desk->exchanges[i];
    exchange->arena = plt_arena_create();
    exchange->calls = plt_mem_zalloc(config->n_servers, sizeof *exchange->calls);
  }
  desk->peers = plt_mem_zalloc(config->n_servers, sizeof *desk->peers);
  desk->in = plt_parcel_create();
  desk->in_arena = plt_arena_create();
  if (gethostname(desk->host, sizeof desk->host - 1) != 0) snprintf(desk->host, sizeof desk->host, "?");
  plt_status_t status = plt_links_open(wire, config->servers, config->n_servers, &desk->links);
  if (status == PLT_OK)
    *out = desk;
  else
    plt_desk_close(&desk);
  return status;
}

void plt_desk_close(plt_desk_t **desk_at) {
  plt_desk_t *desk = *desk_at;
  if (desk == NULL) return;
  uint64_t damaged = desk->links == NULL ? 0 : plt_links_count(desk->links).damaged_in;
  if (desk->asked_again + damaged > 0)
    plt_log(PLT_LOG_INFO,
            "of %" PRIu64 " requests and their answers: asked again %" PRIu64 " times, %" PRIu64
            " answers damaged, %" PRIu64 " connections made anew for silence",
            desk->request, desk->asked_again, damaged, desk->renewed);
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &desk->exchanges[i];
    for (uint32_t s = 0; s < desk->config.n_servers; s++)
      for (uint32_t p = 0; p < PLT_PARTS_MAX; p++) plt_parcel_destroy(&exchange->calls[s].out[p]);
    plt_arena_destroy(&exchange->arena);
    free(exchange->calls);
  }
  plt_parcel_destroy(&desk->in);
  plt_links_close(&desk->links);
  plt_arena_destroy(&desk->in_arena);
  free(desk->peers);
  free(desk);
  *desk_at = NULL;
}

bool plt_desk_is_near(const plt_desk_t *desk, uint32_t server) { return plt_links_are_near(desk->links, server); }

const plt_client_config_t *plt_desk_config(const plt_desk_t *desk) { return &desk->config; }

void plt_desk_skip(plt_desk_t *desk, uint64_t request) {
  if (desk->request < request) desk->request = request;
}

void plt_desk_set_deadline(plt_desk_t *desk, double deadline_s) { desk->config.deadline_s = deadline_s; }

void plt_desk_hurry_up(plt_desk_t *desk, double deadline_s) {
  for (size_t i = 0; i < EXCHANGES_MAX; i++) desk->exchanges[i].busy = false;
  plt_desk_set_deadline(desk, deadline_s);
}

void plt_desk_add_packing(plt_desk_t *desk, int64_t packing_ns) { desk->packing_ns += packing_ns; }

plt_client_count_t plt_desk_count(const plt_desk_t *desk) {
  return (plt_client_count_t){
      .wire = plt_links_count(desk->links), .exchange_ns = desk->packing_ns, .wait_ns = desk->wait_ns};
}

/* ---- asking ---- */

static void clear_call(call_t *call) {
  for (uint32_t p = 0; p < call->n_out; p++) plt_parcel_clear(call->out[p]);
  call->n_out = call->n_sent = 0;
}

/* There is always a free one: a step that is one too many is our own mistake. */
plt_exchange_t *plt_exchange_begin(plt_desk_t *desk, const char *what) {
  size_t free_one = 0;
  while (free_one + 1 < EXCHANGES_MAX && desk->exchanges[free_one].busy) free_one++;
  exchange_t *exchange = &desk->exchanges[free_one];
  assert(!exchange->busy);
  exchange->request = ++desk->request;
  exchange->busy = true;
  snprintf(exchange->what, sizeof exchange->what, "%s", what);
  plt_arena_reset(exchange->arena);
  for (uint32_t s = 0; s < desk->config.n_servers; s++) {
    clear_call(&exchange->calls[s]);
    exchange->calls[s].open = false;
    exchange->calls[s].asked = exchange->calls[s].hurries = 0;
    exchange->calls[s].parts = exchange->calls[s].got = 0;
  }
  return exchange;
}

plt_arena_t *plt_exchange_arena(const plt_exchange_t *exchange) { return exchange->arena; }
uint64_t plt_exchange_request(const plt_exchange_t *exchange) { return exchange->request; }
void *plt_exchange_context(const plt_exchange_t *exchange) { return exchange->context; }
void plt_exchange_drop(plt_exchange_t *exchange) { exchange->busy = false; }

plt_status_t plt_exchange_address(plt_desk_t *desk, plt_exchange_t *exchange, uint32_t server, plt_header_t *header) {
  call_t *call = &exchange->calls[server];
  header->version = PLT_PROTOCOL_VERSION;
  header->job = desk->config.job;
  header->generation = desk->config.generation;
  header->role = PLT_ROLE_WORKER;
  header->number = desk->config.number;
  header->request = exchange->request;
  exchange->verb = header->verb;
  call->open = true;
  assert(call->n_out < PLT_PARTS_MAX);
  plt_parcel_t **out = &call->out[call->n_out++];
  if (*out == NULL) *out = plt_parcel_create();
  return plt_frame_encode(header, plt_wire_pool(desk->wire), exchange->arena, *out);
}

static int64_t slow_ns(const call_t *call) {
  size_t bytes = 0;
  for (uint32_t p = 0; p < call->n_out; p++) bytes += plt_parcel_bytes(call->out[p]);
  return (int64_t)((double)bytes / SLOW_BYTES_PER_S * (double)PLT_NS_PER_S);
}

/* How long to wait for a sign of life; several times within the deadline, and never two workers alike. */
static int64_t pause_for(const plt_desk_t *desk, const exchange_t *exchange, uint32_t server) {
  const call_t *call = &exchange->calls[server];
  const plt_rto_t *rto = &desk->peers[server].rto[exchange->verb];
  int64_t pause_ns = plt_rto_ns(rto) + (rto->smoothed_ns == 0 ? slow_ns(call) : 0);
  int64_t most_ns = (int64_t)(desk->config.deadline_s * (double)PLT_NS_PER_S / 4);
  plt_rng_block_t jitter =
      plt_rng_draw((plt_rng_key_t){{desk->config.number, server}}, (uint32_t)exchange->request, call->asked, 0, 0);
  if (pause_ns > most_ns) pause_ns = most_ns;
  return pause_ns + (int64_t)((double)pause_ns * 0.25 * plt_rng_unit(jitter.word[0]));
}

plt_status_t plt_exchange_hasten(plt_desk_t *desk, plt_exchange_t *exchange, uint32_t server) {
  call_t *call = &exchange->calls[server];
  for (; call->n_sent < call->n_out; call->n_sent++)
    PLT_TRY(plt_links_send(desk->links, server, call->out[call->n_sent]));
  return PLT_OK;
}

static plt_status_t send_request(plt_desk_t *desk, exchange_t *exchange, uint32_t server, int64_t now) {
  call_t *call = &exchange->calls[server];
  desk->asked_again += call->asked++ > 0;
  call->retry_ns = now + pause_for(desk, exchange, server);
  PLT_TRY(plt_exchange_hasten(desk, exchange, server));
  call->n_sent = 0; /* the next time all of them */
  return PLT_OK;
}

static bool is_asked(const plt_desk_t *desk, uint32_t server) {
  for (size_t i = 0; i < EXCHANGES_MAX; i++)
    if (desk->exchanges[i].busy && desk->exchanges[i].calls[server].asked > 0 && desk->exchanges[i].calls[server].open)
      return true;
  return false;
}

static void hear(plt_desk_t *desk, uint32_t server, int64_t now) {
  desk->peers[server].silent_since_ns = now;
  desk->peers[server].renew_ns = RENEW_NS;
}

plt_status_t plt_exchange_launch(plt_desk_t *desk, plt_exchange_t *exchange, plt_answer_fn fn, void *context) {
  int64_t now = plt_time_ns();
  exchange->fn = fn;
  exchange->context = context;
  for (uint32_t s = 0; s < desk->config.n_servers; s++) {
    call_t *call = &exchange->calls[s];
    if (!call->open) continue;
    call->sent_ns = call->heard_ns = now;
    call->heard = false;
    if (!is_asked(desk, s)) hear(desk, s, now);
    PLT_TRY(send_request(desk, exchange, s, now));
  }
  return PLT_OK;
}

const char *plt_desk_deadline_name(const plt_desk_t *desk) {
  return desk->config.deadline_name == NULL ? "cluster.deadline_s" : desk->config.deadline_name;
}

static plt_status_t too_late(const plt_desk_t *desk, const exchange_t *exchange, uint32_t server) {
  return plt_fail(PLT_ERR_DEADLINE,
                  "worker %" PRIu32 " on %s: server %" PRIu32 " at %s, asked %" PRIu32
                  " times, did not answer %s for %g s (%s)",
                  desk->config.number, desk->host, server, desk->config.servers[server], exchange->calls[server].asked,
                  exchange->what, desk->config.deadline_s, plt_desk_deadline_name(desk));
}

static plt_status_t waited_for(const plt_desk_t *desk, const plt_header_t *wait, const char *what) {
  return plt_fail(PLT_ERR_DEADLINE,
                  "worker %" PRIu32 " on %s: %s waits for worker %" PRIu32
                  ", which was last heard %.0f s ago (%s is %g)",
                  desk->config.number, desk->host, what, wait->who, (double)wait->age_ms / 1000,
                  plt_desk_deadline_name(desk), desk->config.deadline_s);
}

/* ---- asking again ---- */

/* A message from or to this server was damaged, and which one is not known: whatever it has not answered is asked
 * again at once. After HURRIES_MAX times the pauses of silence are kept. */
static plt_status_t hurry(plt_desk_t *desk, uint32_t server) {
  int64_t now = plt_time_ns();
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &desk->exchanges[i];
    call_t *call = &exchange->calls[server];
    if (exchange->busy && call->open && call->hurries++ < HURRIES_MAX)
      PLT_TRY(send_request(desk, exchange, server, now));
  }
  return PLT_OK;
}

/* How long a link may be silent: a few times within the deadline, but longer than it takes to miss a WAIT. */
static int64_t silence_for(const plt_desk_t *desk, uint32_t server) {
  int64_t most_ns = (int64_t)(desk->config.deadline_s * (double)PLT_NS_PER_S / 3);
  if (most_ns < 2 * NEXT_WAIT_NS) most_ns = 2 * NEXT_WAIT_NS;
  return desk->peers[server].renew_ns < most_ns ? desk->peers[server].renew_ns : most_ns;
}

/* A link that has been silent for too long, with all that goes over it. */
static plt_status_t renew(plt_desk_t *desk, uint32_t server, int64_t now) {
  peer_t *peer = &desk->peers[server];
  double silent_s = plt_time_seconds(now - peer->silent_since_ns);
  peer->silent_since_ns = now;
  peer->renew_ns *= 2;
  if (!plt_links_renew(desk->links, server)) return PLT_OK;
  desk->renewed++;
  plt_log(PLT_LOG_INFO, "server %" PRIu32 " at %s was silent for %.1f s: a new connection", server,
          desk->config.servers[server], silent_s);
  for (size_t i = 0; i < EXCHANGES_MAX; i++)
    if (desk->exchanges[i].busy && desk->exchanges[i].calls[server].open)
      PLT_TRY(send_request(desk, &desk->exchanges[i], server, now));
  return PLT_OK;
}

/* Asks again for what has been silent too long, in all exchanges under way. */
static plt_status_t send_due(plt_desk_t *desk, const char *what) {
  int64_t now = plt_time_ns();
  if (desk->config.cancelled != NULL && atomic_load(desk->config.cancelled))
    return plt_fail(PLT_ERR_PEER, "worker %" PRIu32 " on %s: a server was lost during %s", desk->config.number,
                    desk->host, what);
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &desk->exchanges[i];
    for (uint32_t s = 0; exchange->busy && s < desk->config.n_servers; s++) {
      call_t *call = &exchange->calls[s];
      peer_t *peer = &desk->peers[s];
      if (!call->open) continue;
      if ((double)(now - call->heard_ns) > desk->config.deadline_s * (double)PLT_NS_PER_S)
        return too_late(desk, exchange, s);
      if (now - peer->silent_since_ns > silence_for(desk, s) + slow_ns(call)) PLT_TRY(renew(desk, s, now));
      if (now < call->retry_ns) continue;
      plt_rto_back_off(&peer->rto[exchange->verb]);
      PLT_TRY(send_request(desk, exchange, s, now));
    }
  }
  return PLT_OK;
}

/* While the worker computed, or was stopped, it did not listen: silence counts from now. */
static void listen_again(plt_desk_t *desk) {
  int64_t now = plt_time_ns();
  desk->round_ns = now;
  for (uint32_t s = 0; s < desk->config.n_servers; s++) desk->peers[s].silent_since_ns = now;
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &desk->exchanges[i];
    for (uint32_t s = 0; exchange->busy && s < desk->config.n_servers; s++) {
      call_t *call = &exchange->calls[s];
      call->heard_ns = now;
      if (call->retry_ns < now + PLT_RTO_LEAST_NS) call->retry_ns = now + PLT_RTO_LEAST_NS;
    }
  }
}

/* Until something is to be asked again, or to be looked at whether a server is lost. */
static int patience_ms(const plt_desk_t *desk) {
  int64_t now = plt_time_ns(), least_ns = LOOK_MS * PLT_NS_PER_MS;
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    const exchange_t *exchange = &desk->exchanges[i];
    for (uint32_t s = 0; exchange->busy && s < desk->config.n_servers; s++)
      if (exchange->calls[s].open && exchange->calls[s].retry_ns - now < least_ns)
        least_ns = exchange->calls[s].retry_ns - now;
  }
  return least_ns <= 0 ? 0 : (int)((least_ns + PLT_NS_PER_MS - 1) / PLT_NS_PER_MS);
}

/* ---- answers ---- */

/* The open call that a message answers, or NULL. */
static call_t *find_call(plt_desk_t *desk, uint32_t server, const plt_header_t *header, exchange_t **exchange) {
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    *exchange = &desk->exchanges[i];
    if ((*exchange)->busy && (*exchange)->request == header->request)
      return (*exchange)->calls[server].open ? &(*exchange)->calls[server] : NULL;
  }
  return NULL;
}

/* The server has the request: a WAIT comes at its pace, or the answer. */
static void note_life(plt_desk_t *desk, exchange_t *exchange, uint32_t server, int64_t now) {
  call_t *call = &exchange->calls[server];
  if (!call->heard && call->asked == 1) plt_rto_measure(&desk->peers[server].rto[exchange->verb], now - call->sent_ns);
  call->heard_ns = now;
  call->heard = true;
  call->hurries = 0;
  call->retry_ns = now + NEXT_WAIT_NS + pause_for(desk, exchange, server);
}

/* Whether this answer, or part of one, had not come yet; *all: nothing of it is missing any more. */
static bool take_part(call_t *call, const plt_header_t *answer, bool *all) {
  *all = answer->verb != PLT_VERB_ROWS || answer->parts <= 1;
  if (*all) return true;
  uint32_t bit = UINT32_C(1) << answer->part;
  if (call->parts != answer->parts) call->got = 0;
  call->parts = answer->parts;
  if (call->got & bit) return false;
  call->got |= bit;
  *all = call->got == UINT32_MAX >> (PLT_PARTS_MAX - call->parts);
  return true;
}

/* Handles one received message; answers of earlier requests are passed over. */
static plt_status_t take_answer(plt_desk_t *desk, uint32_t server) {
  plt_header_t header;
  exchange_t *exchange;
  int64_t now = plt_time_ns();
  plt_arena_reset(desk->in_arena);
  plt_status_t status = plt_frame_decode(desk->in, desk->in_arena, &header);
  if (status == PLT_ERR_DAMAGED) return hurry(desk, server);
  if (status != PLT_OK) {
    plt_log(PLT_LOG_INFO, "server %" PRIu32 " sent a message that does not parse: %s", server, plt_fail_text());
    return PLT_OK;
  }
  if (header.job != desk->config.job || header.generation != desk->config.generation) return PLT_OK;
  hear(desk, server, now);
  if (header.verb == PLT_VERB_AGAIN) return hurry(desk, server);
  call_t *call = find_call(desk, server, &header, &exchange);
  if (call == NULL) return PLT_OK;
  note_life(desk, exchange, server, now);
  if (header.verb == PLT_VERB_WAIT) {
    if (header.who != desk->config.number && (double)header.age_ms > desk->config.deadline_s * 1000)
      return waited_for(desk, &header, exchange->what);
    return PLT_OK;
  }
  bool all, fresh = take_part(call, &header, &all);
  if (all) {
    call->open = false;
    clear_call(call);
  } else { /* the others are on their way: nobody says WAIT in between */
    call->retry_ns = now + pause_for(desk, exchange, server);
  }
  if (!fresh) return PLT_OK;
  if (header.verb == PLT_VERB_REFUSED)
    return plt_fail(header.status == PLT_OK ? PLT_ERR_PROTOCOL : header.status, "%s",
                    header.text[0] ? header.text : "refused without a reason");
  return exchange->fn == NULL ? PLT_OK : exchange->fn(exchange->context, server, &header);
}

static bool all_answered(const plt_desk_t *desk, const exchange_t *exchange) {
  for (uint32_t s = 0; s < desk->config.n_servers; s++)
    if (exchange->calls[s].open) return false;
  return true;
}

/* Waits for a message of any server, or until something is to be done; `what` is waited for. */
static plt_status_t listen(plt_desk_t *desk, const char *what) {
  size_t server;
  bool got;
  int64_t before = plt_time_ns();
  PLT_TRY(plt_links_receive(desk->links, patience_ms(desk), &server, desk->in, &got));
  desk->wait_ns += plt_time_ns() - before;
  if (got) {
    before = plt_time_ns();
    PLT_TRY(take_answer(desk, (uint32_t)server));
    desk->packing_ns += plt_time_ns() - before;
  }
  if (plt_time_missed(&desk->round_ns) > 0) listen_again(desk);
  return send_due(desk, what);
}

plt_status_t plt_exchange_finish(plt_desk_t *desk, plt_exchange_t *exchange) {
  plt_status_t status = PLT_OK;
  listen_again(desk);
  while (status == PLT_OK && !all_answered(desk, exchange)) status = listen(desk, exchange->what);
  plt_parcel_clear(desk->in);
  exchange->busy = false;
  for (uint32_t s = 0; s < desk->config.n_servers; s++) clear_call(&exchange->calls[s]);
  return status;
}

plt_status_t plt_exchange_ask(plt_desk_t *desk, plt_exchange_t *exchange, plt_answer_fn fn, void *context) {
  PLT_TRY(plt_exchange_launch(desk, exchange, fn, context));
  return plt_exchange_finish(desk, exchange);
}
