/* client.c - see client.h. */
#include "worker/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/rng.h"
#include "common/time.h"
#include "proto/frame.h"
#include "proto/shard.h"
#include "worker/rto.h"

enum { READ_BYTES_MAX = 32 << 20, BYE_MS = 2000, EXCHANGES_MAX = PLT_STEPS_MAX + 1, HURRIES_MAX = 8 };
#define NEXT_WAIT_NS (PLT_NEXT_WAIT_MS * PLT_NS_PER_MS)

/* One request to one server, until it is answered. */
typedef struct call {
  plt_parcel_t *out;
  bool open;
  uint32_t asked; /* how often */
  bool heard;     /* there was a sign of life */
  int64_t sent_ns, heard_ns, retry_ns;
  uint32_t hurries; /* asked again at once, since the last sign of life */
} call_t;

/* Reads one server's answer. */
typedef plt_status_t (*answer_fn)(void *context, uint32_t server, const plt_header_t *answer);

/* One request to all servers: several may be under way, each with a number of its own. */
struct plt_exchange {
  uint64_t request;
  plt_verb_t verb;
  bool busy; /* begun and not finished */
  call_t *calls;
  plt_arena_t *arena;
  char what[128]; /* for error messages */
  answer_fn fn;
  void *context;
};
typedef struct plt_exchange exchange_t;

struct plt_client {
  plt_client_config_t config;
  plt_wire_t *wire;
  plt_links_t *links;
  exchange_t exchanges[EXCHANGES_MAX];
  uint64_t request; /* the last one begun */
  plt_rto_t *rtos;  /* [n_servers][PLT_VERB_COUNT] */
  plt_parcel_t *in;
  plt_arena_t *in_arena; /* of the message being read */
  char host[64];
  int64_t exchange_ns, wait_ns;
};

/* ---- asking ---- */

/* Prepares the message to one server; `header`'s identity is filled in here. */
static plt_status_t address(plt_client_t *client, exchange_t *exchange, uint32_t server, plt_header_t *header) {
  call_t *call = &exchange->calls[server];
  header->version = PLT_PROTOCOL_VERSION;
  header->job = client->config.job;
  header->generation = client->config.generation;
  header->role = PLT_ROLE_WORKER;
  header->number = client->config.number;
  header->request = exchange->request;
  exchange->verb = header->verb;
  plt_parcel_clear(call->out);
  call->open = true;
  return plt_frame_encode(header, plt_wire_pool(client->wire), exchange->arena, call->out);
}

/* An exchange begins. There is always a free one: a step that is one too many is our own mistake. */
static exchange_t *begin(plt_client_t *client, const char *what) {
  size_t free_one = 0;
  while (free_one + 1 < EXCHANGES_MAX && client->exchanges[free_one].busy) free_one++;
  exchange_t *exchange = &client->exchanges[free_one];
  assert(!exchange->busy);
  exchange->request = ++client->request;
  exchange->busy = true;
  snprintf(exchange->what, sizeof exchange->what, "%s", what);
  plt_arena_reset(exchange->arena);
  for (uint32_t s = 0; s < client->config.n_servers; s++) exchange->calls[s].open = false;
  return exchange;
}

static plt_rto_t *rto_of(const plt_client_t *client, const exchange_t *exchange, uint32_t server) {
  return &client->rtos[(size_t)server * PLT_VERB_COUNT + exchange->verb];
}

/* How long to wait for a sign of life; several times within the deadline, and never two workers alike. */
static int64_t pause_for(const plt_client_t *client, const exchange_t *exchange, uint32_t server) {
  int64_t pause_ns = plt_rto_ns(rto_of(client, exchange, server));
  int64_t most_ns = (int64_t)(client->config.deadline_s * (double)PLT_NS_PER_S / 4);
  plt_rng_block_t jitter = plt_rng_draw((plt_rng_key_t){{client->config.number, server}}, (uint32_t)exchange->request,
                                        exchange->calls[server].asked, 0, 0);
  if (pause_ns > most_ns) pause_ns = most_ns;
  return pause_ns + (int64_t)((double)pause_ns * 0.25 * plt_rng_unit(jitter.word[0]));
}

static plt_status_t send_request(plt_client_t *client, exchange_t *exchange, uint32_t server, int64_t now) {
  call_t *call = &exchange->calls[server];
  call->asked++;
  call->retry_ns = now + pause_for(client, exchange, server);
  return plt_links_send(client->links, server, call->out);
}

/* Sends what was addressed. */
static plt_status_t launch(plt_client_t *client, exchange_t *exchange, answer_fn fn, void *context) {
  int64_t now = plt_time_ns();
  exchange->fn = fn;
  exchange->context = context;
  for (uint32_t s = 0; s < client->config.n_servers; s++) {
    if (!exchange->calls[s].open) continue;
    call_t *call = &exchange->calls[s];
    call->sent_ns = call->heard_ns = now;
    call->asked = call->hurries = 0;
    call->heard = false;
    PLT_TRY(send_request(client, exchange, s, now));
  }
  return PLT_OK;
}

static plt_status_t too_late(const plt_client_t *client, const exchange_t *exchange, uint32_t server) {
  return plt_fail(PLT_ERR_DEADLINE,
                  "worker %" PRIu32 " on %s: server %" PRIu32
                  " at %s did not answer %s for %g s (cluster.deadline_s), "
                  "asked %" PRIu32 " times",
                  client->config.number, client->host, server, client->config.servers[server], exchange->what,
                  client->config.deadline_s, exchange->calls[server].asked);
}

static plt_status_t waited_for(const plt_client_t *client, const plt_header_t *wait, const char *what) {
  return plt_fail(PLT_ERR_DEADLINE,
                  "worker %" PRIu32 " on %s: %s waits for worker %" PRIu32
                  ", which was last heard %.0f s ago (cluster.deadline_s is %g)",
                  client->config.number, client->host, what, wait->who, (double)wait->age_ms / 1000,
                  client->config.deadline_s);
}

/* The open call that a message answers, or NULL. */
static call_t *find_call(plt_client_t *client, uint32_t server, const plt_header_t *header, exchange_t **exchange) {
  if (header->job != client->config.job || header->generation != client->config.generation) return NULL;
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    *exchange = &client->exchanges[i];
    if ((*exchange)->busy && (*exchange)->request == header->request)
      return (*exchange)->calls[server].open ? &(*exchange)->calls[server] : NULL;
  }
  return NULL;
}

/* A message from or to this server was damaged, and which one is not known: whatever it has not answered is asked
 * again at once. After HURRIES_MAX times the pauses of silence are kept. */
static plt_status_t hurry(plt_client_t *client, uint32_t server) {
  int64_t now = plt_time_ns();
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &client->exchanges[i];
    call_t *call = &exchange->calls[server];
    if (exchange->busy && call->open && call->hurries++ < HURRIES_MAX)
      PLT_TRY(send_request(client, exchange, server, now));
  }
  return PLT_OK;
}

/* The server has the request: a WAIT comes at its pace, or the answer. */
static void note_life(plt_client_t *client, exchange_t *exchange, uint32_t server) {
  call_t *call = &exchange->calls[server];
  call->heard_ns = plt_time_ns();
  if (!call->heard && call->asked == 1)
    plt_rto_measure(rto_of(client, exchange, server), call->heard_ns - call->sent_ns);
  call->heard = true;
  call->hurries = 0;
  call->retry_ns = call->heard_ns + NEXT_WAIT_NS + pause_for(client, exchange, server);
}

/* Handles one received message; answers of earlier requests are passed over. */
static plt_status_t take_answer(plt_client_t *client, uint32_t server) {
  plt_header_t header;
  exchange_t *exchange;
  plt_arena_reset(client->in_arena);
  plt_status_t status = plt_frame_decode(client->in, client->in_arena, &header);
  if (status == PLT_ERR_DAMAGED) return hurry(client, server);
  if (status != PLT_OK) {
    plt_log(PLT_LOG_INFO, "server %" PRIu32 " sent a message that does not parse: %s", server, plt_fail_text());
    return PLT_OK;
  }
  if (header.verb == PLT_VERB_AGAIN && header.job == client->config.job &&
      header.generation == client->config.generation)
    return hurry(client, server);
  call_t *call = find_call(client, server, &header, &exchange);
  if (call == NULL) return PLT_OK;
  note_life(client, exchange, server);
  if (header.verb == PLT_VERB_WAIT) {
    if (header.who != client->config.number && (double)header.age_ms > client->config.deadline_s * 1000)
      return waited_for(client, &header, exchange->what);
    return PLT_OK;
  }
  call->open = false;
  plt_parcel_clear(call->out);
  if (header.verb == PLT_VERB_REFUSED)
    return plt_fail(header.status == PLT_OK ? PLT_ERR_PROTOCOL : header.status, "%s",
                    header.text[0] ? header.text : "refused without a reason");
  return exchange->fn == NULL ? PLT_OK : exchange->fn(exchange->context, server, &header);
}

static bool all_answered(const plt_client_t *client, const exchange_t *exchange) {
  for (uint32_t s = 0; s < client->config.n_servers; s++)
    if (exchange->calls[s].open) return false;
  return true;
}

/* Asks again for what has been silent too long, in all exchanges under way. */
static plt_status_t send_due(plt_client_t *client, const char *what) {
  int64_t now = plt_time_ns();
  if (client->config.cancelled != NULL && atomic_load(client->config.cancelled))
    return plt_fail(PLT_ERR_PEER, "worker %" PRIu32 " on %s: a server was lost during %s", client->config.number,
                    client->host, what);
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &client->exchanges[i];
    for (uint32_t s = 0; exchange->busy && s < client->config.n_servers; s++) {
      call_t *call = &exchange->calls[s];
      if (!call->open) continue;
      if ((double)(now - call->heard_ns) > client->config.deadline_s * (double)PLT_NS_PER_S)
        return too_late(client, exchange, s);
      if (now < call->retry_ns) continue;
      plt_rto_back_off(rto_of(client, exchange, s));
      PLT_TRY(send_request(client, exchange, s, now));
    }
  }
  return PLT_OK;
}

/* While the worker computed it did not listen: silence counts from now. */
static void listen_again(plt_client_t *client) {
  int64_t now = plt_time_ns();
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &client->exchanges[i];
    for (uint32_t s = 0; exchange->busy && s < client->config.n_servers; s++) {
      call_t *call = &exchange->calls[s];
      call->heard_ns = now;
      if (call->retry_ns < now + PLT_RTO_LEAST_NS) call->retry_ns = now + PLT_RTO_LEAST_NS;
    }
  }
}

/* Until something is to be asked again, or to be looked at whether a server is lost. */
static int patience_ms(const plt_client_t *client) {
  int64_t now = plt_time_ns(), least_ns = 100 * PLT_NS_PER_MS;
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    const exchange_t *exchange = &client->exchanges[i];
    for (uint32_t s = 0; exchange->busy && s < client->config.n_servers; s++)
      if (exchange->calls[s].open && exchange->calls[s].retry_ns - now < least_ns)
        least_ns = exchange->calls[s].retry_ns - now;
  }
  return least_ns <= 0 ? 0 : (int)((least_ns + PLT_NS_PER_MS - 1) / PLT_NS_PER_MS);
}

/* Waits for all answers of an exchange, which is free afterwards; answers to others are taken as they come. */
static plt_status_t finish(plt_client_t *client, exchange_t *exchange) {
  plt_status_t status = PLT_OK;
  listen_again(client);
  while (status == PLT_OK && !all_answered(client, exchange)) {
    size_t server;
    bool got;
    int64_t before = plt_time_ns();
    PLT_TRY_OR(done, plt_links_receive(client->links, patience_ms(client), &server, client->in, &got));
    client->wait_ns += plt_time_ns() - before;
    if (got) {
      before = plt_time_ns();
      PLT_TRY_OR(done, take_answer(client, (uint32_t)server));
      client->exchange_ns += plt_time_ns() - before;
    }
    PLT_TRY_OR(done, send_due(client, exchange->what));
  }
done:
  plt_parcel_clear(client->in);
  exchange->busy = false;
  for (uint32_t s = 0; s < client->config.n_servers; s++) plt_parcel_clear(exchange->calls[s].out);
  return status;
}

static plt_status_t ask(plt_client_t *client, exchange_t *exchange, answer_fn fn, void *context) {
  PLT_TRY(launch(client, exchange, fn, context));
  return finish(client, exchange);
}

/* ---- life ---- */

typedef struct welcome {
  uint64_t clock;
  bool differs, any, resumed;
  plt_progress_t progress;
} welcome_t;

static plt_status_t on_welcome(void *context, uint32_t server, const plt_header_t *answer) {
  welcome_t *welcome = context;
  if (answer->verb != PLT_VERB_WELCOME || answer->version != PLT_PROTOCOL_VERSION)
    return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " speaks version %" PRIu32 " of the protocol, this worker %d",
                    server, answer->version, PLT_PROTOCOL_VERSION);
  if (welcome->any && answer->clock != welcome->clock) welcome->differs = true;
  welcome->any = true;
  welcome->clock = answer->clock;
  if (server == 0 && answer->has_progress) {
    welcome->resumed = true;
    welcome->progress = answer->progress;
  }
  return PLT_OK;
}

plt_status_t plt_client_open(plt_wire_t *wire, const plt_client_config_t *config, uint64_t *clock, bool *resumed,
                             plt_progress_t *progress, plt_client_t **out) {
  plt_client_t *client = plt_mem_zalloc(1, sizeof *client);
  plt_status_t status;
  client->config = *config;
  client->wire = wire;
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &client->exchanges[i];
    exchange->arena = plt_arena_create();
    exchange->calls = plt_mem_zalloc(config->n_servers, sizeof *exchange->calls);
    for (uint32_t s = 0; s < config->n_servers; s++) exchange->calls[s].out = plt_parcel_create();
  }
  client->rtos = plt_mem_zalloc((size_t)config->n_servers * PLT_VERB_COUNT, sizeof *client->rtos);
  client->in = plt_parcel_create();
  client->in_arena = plt_arena_create();
  if (gethostname(client->host, sizeof client->host - 1) != 0) snprintf(client->host, sizeof client->host, "?");
  PLT_TRY_OR(fail, plt_links_open(wire, config->servers, config->n_servers, &client->links));

  welcome_t welcome = {0};
  exchange_t *hello = begin(client, "HELLO");
  for (uint32_t s = 0; s < config->n_servers; s++)
    PLT_TRY_OR(fail, address(client, hello, s, &(plt_header_t){.verb = PLT_VERB_HELLO}));
  PLT_TRY_OR(fail, ask(client, hello, on_welcome, &welcome));
  if (welcome.differs) {
    status = plt_fail(PLT_ERR_CHECKPOINT, "the servers start from checkpoints of different clocks");
    goto fail;
  }
  *clock = welcome.clock;
  *resumed = welcome.resumed;
  *progress = welcome.progress;
  *out = client;
  return PLT_OK;
fail:
  plt_client_close(&client);
  return status;
}

void plt_client_close(plt_client_t **client_at) {
  plt_client_t *client = *client_at;
  if (client == NULL) return;
  for (size_t i = 0; i < EXCHANGES_MAX; i++) {
    exchange_t *exchange = &client->exchanges[i];
    for (uint32_t s = 0; s < client->config.n_servers; s++) plt_parcel_destroy(&exchange->calls[s].out);
    plt_arena_destroy(&exchange->arena);
    free(exchange->calls);
  }
  free(client->rtos);
  plt_parcel_destroy(&client->in);
  plt_links_close(&client->links);
  plt_arena_destroy(&client->in_arena);
  free(client);
  *client_at = NULL;
}

void plt_client_bye(plt_client_t *client, plt_status_t status, const char *text) {
  for (size_t i = 0; i < EXCHANGES_MAX; i++) client->exchanges[i].busy = false; /* nothing else is waited for */
  exchange_t *bye = begin(client, "BYE");
  for (uint32_t s = 0; s < client->config.n_servers; s++) {
    plt_header_t header = {.verb = PLT_VERB_BYE, .status = status};
    snprintf(header.text, sizeof header.text, "%s", text);
    if (address(client, bye, s, &header) != PLT_OK) return;
  }
  client->config.deadline_s = BYE_MS / 1000.0; /* a server that is gone need not hear it */
  ask(client, bye, NULL, NULL);
}

/* ---- calls ---- */

plt_status_t plt_client_declare(plt_client_t *client, uint32_t first, const plt_table_spec_t *specs, size_t n) {
  for (uint32_t i = 0; i < n; i++) {
    exchange_t *declare = begin(client, "DECLARE");
    for (uint32_t s = 0; s < client->config.n_servers; s++)
      PLT_TRY(
          address(client, declare, s,
                  &(plt_header_t){.verb = PLT_VERB_DECLARE, .has_spec = true, .spec = specs[i], .table = first + i}));
    PLT_TRY(ask(client, declare, NULL, NULL));
  }
  return PLT_OK;
}

plt_status_t plt_client_drop(plt_client_t *client, uint32_t table) {
  exchange_t *drop = begin(client, "DROP");
  for (uint32_t s = 0; s < client->config.n_servers; s++)
    PLT_TRY(address(client, drop, s, &(plt_header_t){.verb = PLT_VERB_DROP, .table = table}));
  return ask(client, drop, NULL, NULL);
}

/* The pulls of a call and how their keys were split, for the answers. */
typedef struct pulls {
  const plt_client_t *client;
  const plt_pull_t *pull;
  plt_share_t **shares; /* [n][n_servers] */
  size_t n;
  plt_step_result_t result;
} pulls_t;

static plt_status_t on_rows(void *context, uint32_t server, const plt_header_t *answer) {
  pulls_t *pulls = context;
  if (answer->verb != PLT_VERB_ROWS || answer->n_sections != pulls->n)
    return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " answered %s with %zu sections, %zu were asked for", server,
                    plt_verb_name(answer->verb), answer->n_sections, pulls->n);
  for (size_t i = 0; i < pulls->n; i++) {
    const plt_section_t *rows = &answer->sections[i];
    const plt_share_t *share = &pulls->shares[i][server];
    const plt_pull_t *pull = &pulls->pull[i];
    if (rows->kind != PLT_SECTION_ROWS || rows->table != pull->table || rows->n != share->n ||
        (rows->n > 0 && rows->cols != pull->cols))
      return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " answered with other rows of table %" PRIu32, server,
                      pull->table);
    plt_shard_unpack(rows->values, share->position, share->n, pull->cols, rows->type, pull->out);
  }
  pulls->result.flags = answer->flags;
  if (server == 0) pulls->result.meet = answer->meet;
  if (answer->has_loss) pulls->result.loss = answer->loss;
  return PLT_OK;
}

/* Memory of the result is the exchange's, but for the keys and where the rows go. */
static pulls_t *add_pulls(plt_client_t *client, exchange_t *exchange, const plt_pull_t *pull, size_t n) {
  pulls_t *pulls = plt_arena_zalloc(exchange->arena, sizeof *pulls);
  plt_pull_t *copy = plt_arena_alloc(exchange->arena, n * sizeof *copy);
  if (n > 0) memcpy(copy, pull, n * sizeof *copy);
  *pulls = (pulls_t){
      .client = client, .pull = copy, .n = n, .shares = plt_arena_alloc(exchange->arena, n * sizeof *pulls->shares)};
  for (size_t i = 0; i < n; i++)
    pulls->shares[i] = plt_shard_split(pull[i].keys, pull[i].n, client->config.n_servers, exchange->arena);
  return pulls;
}

static plt_section_t pull_section(const pulls_t *pulls, size_t i, uint32_t server) {
  const plt_share_t *share = &pulls->shares[i][server];
  return (plt_section_t){.kind = PLT_SECTION_PULL,
                         .table = pulls->pull[i].table,
                         .n = share->n,
                         .type = pulls->client->config.wire,
                         .keys = share->keys};
}

static plt_section_t push_section(plt_client_t *client, const plt_push_t *push, const plt_share_t *share,
                                  plt_wire_type_t type) {
  void *values = plt_pool_take(plt_wire_pool(client->wire), share->n * push->cols * plt_shard_value_bytes(type));
  plt_shard_pack(push->values, share->position, share->n, push->cols, type, values);
  return (plt_section_t){.kind = PLT_SECTION_PUSH,
                         .table = push->table,
                         .span = push->span,
                         .n = share->n,
                         .cols = push->cols,
                         .type = type,
                         .keys = share->keys,
                         .values = values};
}

static plt_status_t begin_step(plt_client_t *client, exchange_t *exchange, const plt_step_t *step) {
  uint32_t servers = client->config.n_servers;
  pulls_t *pulls = add_pulls(client, exchange, step->pull, step->n_pull);
  plt_share_t **shares = plt_arena_alloc(exchange->arena, step->n_push * sizeof *shares);
  for (size_t i = 0; i < step->n_push; i++)
    shares[i] = plt_shard_split(step->push[i].keys, step->push[i].n, servers, exchange->arena);
  for (uint32_t s = 0; s < servers; s++) {
    plt_section_t *sections = plt_arena_alloc(exchange->arena, (step->n_push + step->n_pull) * sizeof *sections);
    size_t n = 0;
    for (size_t i = 0; i < step->n_push; i++)
      sections[n++] = push_section(client, &step->push[i], &shares[i][s], client->config.wire);
    for (size_t i = 0; i < step->n_pull; i++) sections[n++] = pull_section(pulls, i, s);
    plt_header_t header = {.verb = PLT_VERB_STEP,
                           .pushes = step->pushes,
                           .clock = step->clock,
                           .ahead = step->ahead,
                           .eta = step->eta,
                           .flags = step->flags,
                           .losses = s == 0 ? step->losses : NULL,
                           .n_losses = s == 0 ? step->n_losses : 0,
                           .sections = sections,
                           .n_sections = n};
    if (s == 0 && step->progress != NULL) {
      header.has_progress = true;
      header.progress = *step->progress;
    }
    PLT_TRY(address(client, exchange, s, &header));
  }
  return launch(client, exchange, on_rows, pulls);
}

plt_status_t plt_client_step_begin(plt_client_t *client, const plt_step_t *step, plt_exchange_t **out) {
  int64_t before = plt_time_ns();
  char what[64];
  snprintf(what, sizeof what, "STEP of clock %" PRIu64, step->clock);
  exchange_t *exchange = begin(client, what);
  plt_status_t status = begin_step(client, exchange, step);
  client->exchange_ns += plt_time_ns() - before;
  if (status == PLT_OK)
    *out = exchange;
  else
    exchange->busy = false;
  return status;
}

plt_status_t plt_client_step_finish(plt_client_t *client, plt_exchange_t **exchange, plt_step_result_t *result) {
  exchange_t *step = *exchange;
  *exchange = NULL;
  PLT_TRY(finish(client, step));
  *result = ((const pulls_t *)step->context)->result;
  return PLT_OK;
}

plt_status_t plt_client_step(plt_client_t *client, const plt_step_t *step, plt_step_result_t *result) {
  plt_exchange_t *exchange;
  PLT_TRY(plt_client_step_begin(client, step, &exchange));
  return plt_client_step_finish(client, &exchange, result);
}

static plt_status_t read_some(plt_client_t *client, const plt_pull_t *pull, size_t n) {
  int64_t before = plt_time_ns();
  exchange_t *read = begin(client, "READ");
  pulls_t *pulls = add_pulls(client, read, pull, n);
  for (uint32_t s = 0; s < client->config.n_servers; s++) {
    plt_section_t *sections = plt_arena_alloc(read->arena, n * sizeof *sections);
    for (size_t i = 0; i < n; i++) sections[i] = pull_section(pulls, i, s);
    PLT_TRY(address(client, read, s, &(plt_header_t){.verb = PLT_VERB_READ, .sections = sections, .n_sections = n}));
  }
  client->exchange_ns += plt_time_ns() - before;
  return ask(client, read, on_rows, pulls);
}

plt_status_t plt_client_read(plt_client_t *client, const plt_pull_t *pulls, size_t n) {
  for (size_t i = 0; i < n; i++) {
    size_t rows = READ_BYTES_MAX / (pulls[i].cols * sizeof(float));
    if (rows == 0) rows = 1;
    for (size_t done = 0; done < pulls[i].n; done += rows) {
      plt_pull_t part = pulls[i];
      part.n = pulls[i].n - done < rows ? pulls[i].n - done : rows;
      part.keys += done;
      part.out += done * part.cols;
      PLT_TRY(read_some(client, &part, 1));
    }
  }
  return PLT_OK;
}

plt_status_t plt_client_assign(plt_client_t *client, uint32_t table, uint32_t cols, const uint64_t *keys, size_t n,
                               const float *values) {
  size_t rows = READ_BYTES_MAX / (cols * sizeof(float));
  if (rows == 0) rows = 1;
  for (size_t done = 0; done < n; done += rows) {
    plt_push_t part = {.table = table,
                       .cols = cols,
                       .span = {0, 1},
                       .keys = keys + done,
                       .values = values + done * cols,
                       .n = n - done < rows ? n - done : rows};
    exchange_t *assign = begin(client, "ASSIGN");
    plt_share_t *shares = plt_shard_split(part.keys, part.n, client->config.n_servers, assign->arena);
    for (uint32_t s = 0; s < client->config.n_servers; s++) {
      plt_section_t section = push_section(client, &part, &shares[s], PLT_WIRE_F32);
      PLT_TRY(
          address(client, assign, s, &(plt_header_t){.verb = PLT_VERB_ASSIGN, .sections = &section, .n_sections = 1}));
    }
    PLT_TRY(ask(client, assign, NULL, NULL));
  }
  return PLT_OK;
}

typedef struct sums {
  double *values;
  size_t n;
} sums_t;

static plt_status_t on_sums(void *context, uint32_t server, const plt_header_t *answer) {
  sums_t *sums = context;
  if (answer->verb != PLT_VERB_SUM || answer->n_sums != sums->n)
    return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " answered a sum of %zu numbers with %zu", server, sums->n,
                    answer->n_sums);
  if (sums->n > 0) memcpy(sums->values, answer->sums, sums->n * sizeof *sums->values);
  return PLT_OK;
}

plt_status_t plt_client_sum(plt_client_t *client, const char *name, double *values, size_t n) {
  plt_header_t header = {.verb = PLT_VERB_SUM, .sums = values, .n_sums = n};
  snprintf(header.text, sizeof header.text, "%s", name);
  exchange_t *sum = begin(client, name);
  PLT_TRY(address(client, sum, 0, &header));
  return ask(client, sum, on_sums, &(sums_t){values, n});
}

typedef struct parts {
  plt_manifest_part_t *of;
  bool all;
  uint64_t moves;
} parts_t;

static plt_status_t on_checkpointed(void *context, uint32_t server, const plt_header_t *answer) {
  parts_t *parts = context;
  plt_manifest_part_t *part = &parts->of[server];
  if (answer->verb != PLT_VERB_CHECKPOINTED)
    return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " did not say where its checkpoint is", server);
  if (answer->hash[0] == '\0') {
    parts->all = false;
    parts->moves += answer->bytes;
    return PLT_OK;
  }
  parts->moves++;
  *part = (plt_manifest_part_t){.bytes = answer->bytes};
  snprintf(part->file, sizeof part->file, "%s", answer->text);
  memcpy(part->hash, answer->hash, sizeof part->hash);
  return PLT_OK;
}

plt_status_t plt_client_checkpointed(plt_client_t *client, uint64_t clock, plt_manifest_part_t *of, bool *all,
                                     uint64_t *moves) {
  parts_t parts = {.of = of, .all = true};
  exchange_t *checkpointed = begin(client, "CHECKPOINTED");
  for (uint32_t s = 0; s < client->config.n_servers; s++)
    PLT_TRY(address(client, checkpointed, s, &(plt_header_t){.verb = PLT_VERB_CHECKPOINTED, .clock = clock}));
  PLT_TRY(ask(client, checkpointed, on_checkpointed, &parts));
  *all = parts.all;
  *moves = parts.moves;
  return PLT_OK;
}

double plt_client_deadline_s(const plt_client_t *client) { return client->config.deadline_s; }

plt_client_count_t plt_client_count(const plt_client_t *client) {
  return (plt_client_count_t){
      .wire = plt_links_count(client->links), .exchange_ns = client->exchange_ns, .wait_ns = client->wait_ns};
}
