/* client.c - see client.h. Rows, of STEP, READ and ASSIGN, are in rows.c. */
#include "worker/client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "worker/client/state.h"

#define BYE_S 2.0 /* a server that is gone need not hear it */

/* ---- life ---- */

typedef struct welcome {
  uint64_t clock;
  uint64_t floor;
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
  if (answer->salt > welcome->floor) welcome->floor = answer->salt;
  if (server == 0 && answer->has_progress) {
    welcome->resumed = true;
    welcome->progress = answer->progress;
  }
  return PLT_OK;
}

/* Some servers may have made the step already, and the rows that it was computed with are gone there; what the worker
 * that died has on its way is not taken any more. The others would wait for nothing. */
static plt_status_t give_up_half(plt_client_t *client, uint32_t number) {
  plt_failure_t failure = {0};
  plt_failure_keep(
      &failure, plt_fail(PLT_ERR_CHECKPOINT,
                         "worker %" PRIu32
                         " died while some servers had its push and others had not: nobody can go on from there, and "
                         "the job ends; start the servers again from a checkpoint (--resume)",
                         number));
  plt_client_bye(client, failure.status, failure.text);
  return plt_failure_restore(&failure);
}

static plt_status_t greet(plt_client_t *client, welcome_t *welcome) {
  const plt_client_config_t *config = plt_desk_config(client->desk);
  plt_exchange_t *hello = plt_exchange_begin(client->desk, "HELLO");
  for (uint32_t s = 0; s < client->n_servers; s++)
    PLT_TRY(
        plt_exchange_address(client->desk, hello, s,
                             &(plt_header_t){.verb = PLT_VERB_HELLO, .salt = config->mark, .anew = config->succeeds}));
  PLT_TRY(plt_exchange_ask(client->desk, hello, on_welcome, welcome));
  plt_desk_skip(client->desk, welcome->floor);
  if (!welcome->differs) return PLT_OK;
  if (config->succeeds) return give_up_half(client, config->number);
  return plt_fail(PLT_ERR_CHECKPOINT, "the servers start from checkpoints of different clocks");
}

/* The push of a worker that is gone may be in a round that others have not completed: until then its rows are of the
 * clock before. */
static plt_status_t wait_for_round(plt_client_t *client, uint64_t clock) {
  plt_step_result_t ignored;
  return plt_client_step(client, &(plt_step_t){.clock = clock}, &ignored);
}

plt_status_t plt_client_open(plt_wire_t *wire, const plt_client_config_t *config, uint64_t *clock, bool *resumed,
                             plt_progress_t *progress, plt_client_t **out) {
  welcome_t welcome = {0};
  plt_client_t *client = plt_mem_zalloc(1, sizeof *client);
  *client = (plt_client_t){.wire = wire, .n_servers = config->n_servers, .type = config->wire};
  plt_status_t status = plt_desk_open(wire, config, &client->desk);
  if (status == PLT_OK) client->loans = plt_loans_create(client->desk);
  if (status == PLT_OK) status = greet(client, &welcome);
  if (status == PLT_OK && config->succeeds) status = wait_for_round(client, welcome.clock);
  if (status != PLT_OK) {
    plt_client_close(&client);
    return status;
  }
  *clock = welcome.clock;
  *resumed = welcome.resumed;
  *progress = welcome.progress;
  *out = client;
  return PLT_OK;
}

void plt_client_close(plt_client_t **client_at) {
  plt_client_t *client = *client_at;
  if (client == NULL) return;
  plt_loans_destroy(&client->loans);
  plt_desk_close(&client->desk);
  free(client);
  *client_at = NULL;
}

void plt_client_bye(plt_client_t *client, plt_status_t status, const char *text) {
  plt_desk_hurry_up(client->desk, BYE_S);
  plt_exchange_t *bye = plt_exchange_begin(client->desk, "BYE");
  for (uint32_t s = 0; s < client->n_servers; s++) {
    plt_header_t header = {.verb = PLT_VERB_BYE, .status = status};
    snprintf(header.text, sizeof header.text, "%s", text);
    if (plt_exchange_address(client->desk, bye, s, &header) != PLT_OK) return;
  }
  plt_exchange_ask(client->desk, bye, NULL, NULL);
}

/* ---- calls ---- */

/* The same header to all servers, answered by nothing but DONE. */
static plt_status_t ask_all(plt_client_t *client, const char *what, const plt_header_t *header) {
  plt_exchange_t *exchange = plt_exchange_begin(client->desk, what);
  for (uint32_t s = 0; s < client->n_servers; s++) {
    plt_header_t copy = *header;
    PLT_TRY(plt_exchange_address(client->desk, exchange, s, &copy));
  }
  return plt_exchange_ask(client->desk, exchange, NULL, NULL);
}

plt_status_t plt_client_declare_one(plt_client_t *client, uint32_t table, const plt_table_spec_t *spec, bool anew) {
  if (table < PLT_TABLES_MAX) client->sparse[table] = spec->sparse.declared; /* else the servers refuse it */
  return ask_all(
      client, "DECLARE",
      &(plt_header_t){.verb = PLT_VERB_DECLARE, .has_spec = true, .spec = *spec, .table = table, .anew = anew});
}

plt_status_t plt_client_declare(plt_client_t *client, uint32_t first, const plt_table_spec_t *specs, size_t n) {
  for (uint32_t i = 0; i < n; i++) PLT_TRY(plt_client_declare_one(client, first + i, &specs[i], false));
  return PLT_OK;
}

plt_status_t plt_client_enter(plt_client_t *client, uint64_t clock, uint32_t n) {
  return ask_all(client, "ENTER", &(plt_header_t){.verb = PLT_VERB_ENTER, .clock = clock, .table = n});
}

plt_status_t plt_client_reset(plt_client_t *client, uint32_t table, uint64_t salt) {
  return ask_all(client, "RESET", &(plt_header_t){.verb = PLT_VERB_RESET, .table = table, .salt = salt});
}

plt_status_t plt_client_drop(plt_client_t *client, uint32_t table) {
  return ask_all(client, "DROP", &(plt_header_t){.verb = PLT_VERB_DROP, .table = table});
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
  plt_exchange_t *sum = plt_exchange_begin(client->desk, name);
  PLT_TRY(plt_exchange_address(client->desk, sum, 0, &header));
  return plt_exchange_ask(client->desk, sum, on_sums, &(sums_t){values, n});
}

plt_status_t plt_client_publish(plt_client_t *client, uint64_t clock, const plt_manifest_part_t *parts) {
  for (uint32_t i = 0; i < client->n_servers; i++) {
    plt_header_t header = {
        .verb = PLT_VERB_PUBLISH, .clock = clock, .table = i, .who = client->n_servers, .bytes = parts[i].bytes};
    snprintf(header.text, sizeof header.text, "%s", parts[i].file);
    memcpy(header.hash, parts[i].hash, sizeof header.hash);
    plt_exchange_t *publish = plt_exchange_begin(client->desk, "PUBLISH");
    PLT_TRY(plt_exchange_address(client->desk, publish, 0, &header));
    PLT_TRY(plt_exchange_ask(client->desk, publish, NULL, NULL));
  }
  return PLT_OK;
}

void plt_client_set_deadline(plt_client_t *client, double deadline_s) {
  plt_desk_set_deadline(client->desk, deadline_s);
}

plt_client_count_t plt_client_count(const plt_client_t *client) {
  plt_client_count_t count = plt_desk_count(client->desk);
  count.wire.bytes_out += client->lent_out;
  count.wire.bytes_in += client->lent_in;
  return count;
}
