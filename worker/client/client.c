/* client.c - see client.h.
 *
 * Every call has the same three parts: keys are split by server, a message is addressed to each, and a function puts
 * each answer where it belongs. READ and ASSIGN go in several messages of READ_BYTES_MAX at most. */
#include "worker/client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "proto/parts.h"
#include "proto/shard.h"
#include "worker/client/exchange.h"

enum { READ_BYTES_MAX = 32 << 20 };
#define BYE_S 2.0 /* a server that is gone need not hear it */

struct plt_client {
  plt_wire_t *wire;
  plt_desk_t *desk;
  uint32_t n_servers;
  plt_wire_type_t type;
};

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

static plt_status_t greet(plt_client_t *client, welcome_t *welcome) {
  plt_exchange_t *hello = plt_exchange_begin(client->desk, "HELLO");
  for (uint32_t s = 0; s < client->n_servers; s++)
    PLT_TRY(plt_exchange_address(client->desk, hello, s, &(plt_header_t){.verb = PLT_VERB_HELLO}));
  PLT_TRY(plt_exchange_ask(client->desk, hello, on_welcome, welcome));
  if (welcome->differs) return plt_fail(PLT_ERR_CHECKPOINT, "the servers start from checkpoints of different clocks");
  return PLT_OK;
}

plt_status_t plt_client_open(plt_wire_t *wire, const plt_client_config_t *config, uint64_t *clock, bool *resumed,
                             plt_progress_t *progress, plt_client_t **out) {
  welcome_t welcome = {0};
  plt_client_t *client = plt_mem_zalloc(1, sizeof *client);
  *client = (plt_client_t){.wire = wire, .n_servers = config->n_servers, .type = config->wire};
  plt_status_t status = plt_desk_open(wire, config, &client->desk);
  if (status == PLT_OK) status = greet(client, &welcome);
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

/* The pulls of a call and how their keys were split, for the answers. */
typedef struct pulls {
  const plt_client_t *client;
  const plt_pull_t *pull;
  plt_share_t **shares; /* [n][n_servers] */
  size_t n;
  plt_step_result_t result;
} pulls_t;

/* Rows of a share from place `begin` on. */
static void unpack(const plt_section_t *rows, const plt_share_t *share, uint64_t begin, const plt_pull_t *pull) {
  const uint32_t *position = share->position == NULL ? NULL : share->position + begin;
  float *out = share->position == NULL ? pull->out + begin * pull->cols : pull->out;
  plt_shard_unpack(rows->values, position, rows->n, pull->cols, rows->type, out);
}

static plt_status_t on_rows(void *context, uint32_t server, const plt_header_t *answer) {
  pulls_t *pulls = context;
  if (answer->verb != PLT_VERB_ROWS || answer->n_sections != pulls->n)
    return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " answered %s with %zu sections, %zu were asked for", server,
                    plt_verb_name(answer->verb), answer->n_sections, pulls->n);
  for (size_t i = 0; i < pulls->n; i++) {
    const plt_section_t *rows = &answer->sections[i];
    const plt_share_t *share = &pulls->shares[i][server];
    const plt_pull_t *pull = &pulls->pull[i];
    plt_piece_t piece = plt_piece_of(share->n, answer->part, answer->parts);
    if (rows->kind != PLT_SECTION_ROWS || rows->table != pull->table || rows->n != piece.end - piece.begin ||
        (rows->n > 0 && rows->cols != pull->cols))
      return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " answered with other rows of table %" PRIu32, server,
                      pull->table);
    unpack(rows, share, piece.begin, pull);
  }
  pulls->result.flags = answer->flags;
  if (server == 0) pulls->result.meet = answer->meet;
  if (answer->has_loss) pulls->result.loss = answer->loss;
  return PLT_OK;
}

/* Memory of the result is the exchange's, but for the keys and where the rows go. */
static pulls_t *add_pulls(plt_client_t *client, plt_exchange_t *exchange, const plt_pull_t *pull, size_t n) {
  pulls_t *pulls = plt_arena_zalloc(plt_exchange_arena(exchange), sizeof *pulls);
  plt_pull_t *copy = plt_arena_alloc(plt_exchange_arena(exchange), n * sizeof *copy);
  if (n > 0) memcpy(copy, pull, n * sizeof *copy);
  *pulls = (pulls_t){.client = client,
                     .pull = copy,
                     .n = n,
                     .shares = plt_arena_alloc(plt_exchange_arena(exchange), n * sizeof *pulls->shares)};
  for (size_t i = 0; i < n; i++)
    pulls->shares[i] = plt_shard_split(pull[i].keys, pull[i].n, client->n_servers, plt_exchange_arena(exchange));
  return pulls;
}

/* Part `part` of `parts` of a share. */
static plt_share_t part_of(const plt_share_t *share, uint32_t part, uint32_t parts) {
  plt_piece_t piece = plt_piece_of(share->n, part, parts);
  return (plt_share_t){.keys = share->keys == NULL ? NULL : share->keys + piece.begin,
                       .position = share->position == NULL ? NULL : share->position + piece.begin,
                       .n = (size_t)(piece.end - piece.begin)};
}

static plt_section_t pull_section(const pulls_t *pulls, size_t i, plt_share_t share) {
  return (plt_section_t){.kind = PLT_SECTION_PULL,
                         .table = pulls->pull[i].table,
                         .n = share.n,
                         .type = pulls->client->type,
                         .keys = share.keys};
}

/* `from` are the values of the share if it has no positions, else of what was split. */
static plt_section_t push_section(plt_client_t *client, const plt_push_t *push, plt_share_t share, const float *from,
                                  plt_wire_type_t type) {
  void *values = plt_pool_take(plt_wire_pool(client->wire), share.n * push->cols * plt_shard_value_bytes(type));
  plt_shard_pack(from, share.position, share.n, push->cols, type, values);
  return (plt_section_t){.kind = PLT_SECTION_PUSH,
                         .table = push->table,
                         .span = push->span,
                         .n = share.n,
                         .cols = push->cols,
                         .type = type,
                         .keys = share.keys,
                         .values = values};
}

/* A step as it is split over the servers. */
typedef struct split {
  const plt_step_t *step;
  plt_share_t **shares; /* of pushes: [n_push][n_servers] */
  pulls_t *pulls;
  uint32_t *parts, most; /* parts: of the STEP to each server; most: of all servers */
} split_t;

static void count_parts(const plt_client_t *client, plt_arena_t *arena, split_t *split) {
  split->parts = plt_arena_alloc(arena, client->n_servers * sizeof *split->parts);
  for (uint32_t s = 0; s < client->n_servers; s++) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < split->step->n_push; i++)
      bytes += (uint64_t)split->shares[i][s].n * split->step->push[i].cols * plt_shard_value_bytes(client->type);
    split->parts[s] = plt_parts_for(bytes);
    if (split->parts[s] > split->most) split->most = split->parts[s];
  }
}

/* Packs and sends a part of the STEP to a server. */
static plt_status_t send_part(plt_client_t *client, plt_exchange_t *exchange, const split_t *split, uint32_t server,
                              uint32_t part) {
  const plt_step_t *step = split->step;
  const uint32_t parts = split->parts[server];
  plt_section_t *sections =
      plt_arena_alloc(plt_exchange_arena(exchange), (step->n_push + step->n_pull) * sizeof *sections);
  size_t n = 0;
  for (size_t i = 0; i < step->n_push; i++) {
    const plt_push_t *push = &step->push[i];
    const plt_share_t *share = &split->shares[i][server];
    size_t first = share->position == NULL ? (size_t)plt_piece_of(share->n, part, parts).begin : 0;
    sections[n++] = push_section(client, push, part_of(share, part, parts),
                                 push->values == NULL ? NULL : push->values + first * push->cols, client->type);
  }
  for (size_t i = 0; i < step->n_pull; i++)
    sections[n++] = pull_section(split->pulls, i, part_of(&split->pulls->shares[i][server], part, parts));
  bool tells = server == 0 && part == 0;
  plt_header_t header = {.verb = PLT_VERB_STEP,
                         .part = part,
                         .parts = parts > 1 ? parts : 0,
                         .pushes = step->pushes,
                         .clock = step->clock,
                         .ahead = step->ahead,
                         .eta = step->eta,
                         .flags = step->flags,
                         .losses = tells ? step->losses : NULL,
                         .n_losses = tells ? step->n_losses : 0,
                         .sections = sections,
                         .n_sections = n};
  if (tells && step->progress != NULL) {
    header.has_progress = true;
    header.progress = *step->progress;
  }
  PLT_TRY(plt_exchange_address(client->desk, exchange, server, &header));
  return parts > 1 ? plt_exchange_hasten(client->desk, exchange, server) : PLT_OK;
}

static plt_status_t begin_step(plt_client_t *client, plt_exchange_t *exchange, const plt_step_t *step) {
  uint32_t servers = client->n_servers;
  split_t split = {.step = step, .pulls = add_pulls(client, exchange, step->pull, step->n_pull)};
  split.shares = plt_arena_alloc(plt_exchange_arena(exchange), step->n_push * sizeof *split.shares);
  for (size_t i = 0; i < step->n_push; i++)
    split.shares[i] = plt_shard_split(step->push[i].keys, step->push[i].n, servers, plt_exchange_arena(exchange));
  count_parts(client, plt_exchange_arena(exchange), &split);
  for (uint32_t part = 0; part < split.most; part++) /* all servers are at work from the first on */
    for (uint32_t s = 0; s < servers; s++)
      if (part < split.parts[s]) PLT_TRY(send_part(client, exchange, &split, s, part));
  return plt_exchange_launch(client->desk, exchange, on_rows, split.pulls);
}

plt_status_t plt_client_step_begin(plt_client_t *client, const plt_step_t *step, plt_exchange_t **out) {
  int64_t before = plt_time_ns();
  char what[64];
  snprintf(what, sizeof what, "STEP of clock %" PRIu64, step->clock);
  plt_exchange_t *exchange = plt_exchange_begin(client->desk, what);
  plt_status_t status = begin_step(client, exchange, step);
  plt_desk_add_packing(client->desk, plt_time_ns() - before);
  if (status == PLT_OK)
    *out = exchange;
  else
    plt_exchange_drop(exchange);
  return status;
}

plt_status_t plt_client_step_finish(plt_client_t *client, plt_exchange_t **exchange, plt_step_result_t *result) {
  plt_exchange_t *step = *exchange;
  *exchange = NULL;
  PLT_TRY(plt_exchange_finish(client->desk, step));
  *result = ((const pulls_t *)plt_exchange_context(step))->result;
  return PLT_OK;
}

plt_status_t plt_client_step(plt_client_t *client, const plt_step_t *step, plt_step_result_t *result) {
  plt_exchange_t *exchange;
  PLT_TRY(plt_client_step_begin(client, step, &exchange));
  return plt_client_step_finish(client, &exchange, result);
}

static plt_status_t read_some(plt_client_t *client, const plt_pull_t *pull, size_t n) {
  int64_t before = plt_time_ns();
  plt_exchange_t *read = plt_exchange_begin(client->desk, "READ");
  pulls_t *pulls = add_pulls(client, read, pull, n);
  for (uint32_t s = 0; s < client->n_servers; s++) {
    plt_section_t *sections = plt_arena_alloc(plt_exchange_arena(read), n * sizeof *sections);
    for (size_t i = 0; i < n; i++) sections[i] = pull_section(pulls, i, pulls->shares[i][s]);
    PLT_TRY(plt_exchange_address(client->desk, read, s,
                                 &(plt_header_t){.verb = PLT_VERB_READ, .sections = sections, .n_sections = n}));
  }
  plt_desk_add_packing(client->desk, plt_time_ns() - before);
  return plt_exchange_ask(client->desk, read, on_rows, pulls);
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
    plt_exchange_t *assign = plt_exchange_begin(client->desk, "ASSIGN");
    plt_share_t *shares = plt_shard_split(part.keys, part.n, client->n_servers, plt_exchange_arena(assign));
    for (uint32_t s = 0; s < client->n_servers; s++) {
      plt_section_t section = push_section(client, &part, shares[s], part.values, PLT_WIRE_F32);
      PLT_TRY(plt_exchange_address(client->desk, assign, s,
                                   &(plt_header_t){.verb = PLT_VERB_ASSIGN, .sections = &section, .n_sections = 1}));
    }
    PLT_TRY(plt_exchange_ask(client->desk, assign, NULL, NULL));
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
  plt_exchange_t *sum = plt_exchange_begin(client->desk, name);
  PLT_TRY(plt_exchange_address(client->desk, sum, 0, &header));
  return plt_exchange_ask(client->desk, sum, on_sums, &(sums_t){values, n});
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

plt_status_t plt_client_checkpointed(plt_client_t *client, uint64_t clock, plt_manifest_part_t *parts, bool *all,
                                     uint64_t *moves) {
  parts_t told = {.of = parts, .all = true};
  plt_exchange_t *checkpointed = plt_exchange_begin(client->desk, "CHECKPOINTED");
  for (uint32_t s = 0; s < client->n_servers; s++)
    PLT_TRY(plt_exchange_address(client->desk, checkpointed, s,
                                 &(plt_header_t){.verb = PLT_VERB_CHECKPOINTED, .clock = clock}));
  PLT_TRY(plt_exchange_ask(client->desk, checkpointed, on_checkpointed, &told));
  *all = told.all;
  *moves = told.moves;
  return PLT_OK;
}

double plt_client_deadline_s(const plt_client_t *client) { return plt_desk_config(client->desk)->deadline_s; }

plt_client_count_t plt_client_count(const plt_client_t *client) { return plt_desk_count(client->desk); }
