/* rows.c - calls that carry rows: see client.h.
 *
 * Every call has the same three parts: keys are split by server, a message is addressed to each, and a function puts
 * each answer where it belongs. READ and ASSIGN go in several messages of READ_BYTES_MAX at most. Values of pushes, and
 * rows that come back, lie in lent memory (loans.h) or in frames. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "proto/parts.h"
#include "proto/shard.h"
#include "worker/client/state.h"

enum { READ_BYTES_MAX = 32 << 20 };

/* The pulls of a call and how their keys were split, for the answers. */
typedef struct pulls {
  plt_client_t *client;
  const plt_pull_t *pull;
  plt_share_t **shares; /* [n][n_servers] */
  plt_loan_t *loans;    /* [n_servers]: of the call, also for what it pushes */
  plt_lent_t **lent;    /* [n][n_servers]: places for rows */
  size_t n;
  plt_step_result_t result;
} pulls_t;

static plt_share_t *split_keys(const plt_client_t *client, uint32_t table, const uint64_t *keys, size_t n,
                               plt_arena_t *arena) {
  return plt_shard_split(keys, n, client->sparse[table], client->n_servers, arena);
}

/* Rows of a share from place `begin` on. */
static void unpack(const void *values, const plt_section_t *rows, const plt_share_t *share, uint64_t begin,
                   const plt_pull_t *pull) {
  const uint32_t *position = share->position == NULL ? NULL : share->position + begin;
  float *out = share->position == NULL ? pull->out + begin * pull->cols : pull->out;
  plt_shard_unpack(values, position, rows->n, pull->cols, rows->type, out);
}

/* Where rows from place `begin` on are: in the message, or where they were asked for, and nowhere else; else NULL. */
static const void *find_rows(pulls_t *pulls, uint32_t server, size_t i, uint64_t begin, const plt_section_t *rows) {
  if (!rows->lent) return rows->values;
  const plt_lent_t *lent = &pulls->lent[i][server];
  uint64_t row = pulls->pull[i].cols * plt_shard_value_bytes(pulls->client->type);
  if (lent->memory == NULL || rows->type != pulls->client->type || rows->region != lent->region ||
      rows->at != lent->at + begin * row)
    return NULL;
  pulls->client->lent_in += rows->n * row;
  return lent->memory + begin * row;
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
    const void *values = find_rows(pulls, server, i, piece.begin, rows);
    if (rows->kind != PLT_SECTION_ROWS || rows->table != pull->table || rows->n != piece.end - piece.begin ||
        (rows->n > 0 && (rows->cols != pull->cols || values == NULL)))
      return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " answered with other rows of table %" PRIu32, server,
                      pull->table);
    unpack(values, rows, share, piece.begin, pull);
  }
  pulls->result.flags = answer->flags;
  if (server == 0) {
    pulls->result.clock = answer->clock;
    pulls->result.meet = answer->meet;
  }
  if (answer->has_loss) pulls->result.loss = answer->loss;
  return PLT_OK;
}

/* Memory of the result is the exchange's, but for the keys and where the rows go. */
static pulls_t *add_pulls(plt_client_t *client, plt_exchange_t *exchange, const plt_pull_t *pull, size_t n) {
  plt_arena_t *arena = plt_exchange_arena(exchange);
  pulls_t *pulls = plt_arena_zalloc(arena, sizeof *pulls);
  plt_pull_t *copy = plt_arena_alloc(arena, n * sizeof *copy);
  if (n > 0) memcpy(copy, pull, n * sizeof *copy);
  *pulls = (pulls_t){.client = client,
                     .pull = copy,
                     .n = n,
                     .shares = plt_arena_alloc(arena, n * sizeof *pulls->shares),
                     .loans = plt_arena_alloc(arena, client->n_servers * sizeof *pulls->loans),
                     .lent = plt_arena_alloc(arena, n * sizeof *pulls->lent)};
  for (size_t i = 0; i < n; i++) {
    pulls->shares[i] = split_keys(client, pull[i].table, pull[i].keys, pull[i].n, arena);
    pulls->lent[i] = plt_arena_zalloc(arena, client->n_servers * sizeof *pulls->lent[i]);
  }
  return pulls;
}

static uint64_t bytes_of(const plt_client_t *client, const plt_share_t *share, uint32_t cols) {
  return (uint64_t)share->n * cols * plt_shard_value_bytes(client->type);
}

/* Lends every server memory for the rows that are pulled, and `pushed` [n_servers] bytes besides (NULL: none). */
static plt_status_t lend(plt_client_t *client, const plt_exchange_t *exchange, pulls_t *pulls, const uint64_t *pushed) {
  for (uint32_t s = 0; s < client->n_servers; s++) {
    uint64_t bytes = pushed == NULL ? 0 : pushed[s];
    for (size_t i = 0; i < pulls->n; i++)
      bytes += plt_loan_bytes(bytes_of(client, &pulls->shares[i][s], pulls->pull[i].cols));
    PLT_TRY(plt_loan_begin(client->loans, exchange, s, bytes, &pulls->loans[s]));
    for (size_t i = 0; i < pulls->n; i++)
      pulls->lent[i][s] = plt_loan_next(client->loans, s, &pulls->loans[s],
                                        bytes_of(client, &pulls->shares[i][s], pulls->pull[i].cols));
  }
  return PLT_OK;
}

static void end_loans(plt_client_t *client, pulls_t *pulls) {
  for (uint32_t s = 0; s < client->n_servers; s++) plt_loan_end(client->loans, s, &pulls->loans[s]);
}

/* Part `part` of `parts` of a share. */
static plt_share_t part_of(const plt_share_t *share, uint32_t part, uint32_t parts) {
  plt_piece_t piece = plt_piece_of(share->n, part, parts);
  return (plt_share_t){.keys = share->keys == NULL ? NULL : share->keys + piece.begin,
                       .position = share->position == NULL ? NULL : share->position + piece.begin,
                       .n = (size_t)(piece.end - piece.begin)};
}

/* `share`: all of what goes to a server, or a part of it. */
static plt_section_t pull_section(const pulls_t *pulls, size_t i, uint32_t server, plt_share_t share) {
  const plt_lent_t *lent = &pulls->lent[i][server];
  return (plt_section_t){.kind = PLT_SECTION_PULL,
                         .table = pulls->pull[i].table,
                         .n = share.n,
                         .type = pulls->client->type,
                         .lent = lent->memory != NULL,
                         .region = lent->region,
                         .at = lent->at,
                         .keys = share.keys};
}

/* `from` are the values of the share if it has no positions, else of what was split; they go where `lent` is, or into a
 * frame. */
static plt_section_t push_section(plt_client_t *client, const plt_push_t *push, plt_share_t share, const float *from,
                                  plt_wire_type_t type, plt_lent_t lent) {
  size_t bytes = share.n * push->cols * plt_shard_value_bytes(type);
  bool is_lent = lent.memory != NULL;
  void *values = is_lent ? lent.memory : plt_pool_take(plt_wire_pool(client->wire), bytes);
  plt_shard_pack(from, share.position, share.n, push->cols, type, values);
  if (is_lent) client->lent_out += bytes;
  return (plt_section_t){.kind = PLT_SECTION_PUSH,
                         .table = push->table,
                         .span = push->span,
                         .n = share.n,
                         .cols = push->cols,
                         .type = type,
                         .lent = is_lent,
                         .region = lent.region,
                         .at = lent.at,
                         .keys = share.keys,
                         .values = is_lent ? NULL : values};
}

/* A step as it is split over the servers. */
typedef struct split {
  const plt_step_t *step;
  plt_share_t **shares; /* of pushes: [n_push][n_servers] */
  plt_lent_t **lent;    /* the same: where their values go */
  pulls_t *pulls;
  uint32_t *parts, most; /* parts: of the STEP to each server; most: of all servers */
  uint64_t *pushed;      /* [n_servers]: bytes of what is lent for pushes */
} split_t;

static void count_parts(const plt_client_t *client, plt_arena_t *arena, split_t *split) {
  split->parts = plt_arena_alloc(arena, client->n_servers * sizeof *split->parts);
  split->pushed = plt_arena_zalloc(arena, client->n_servers * sizeof *split->pushed);
  for (uint32_t s = 0; s < client->n_servers; s++) {
    uint64_t sum = 0;
    for (size_t i = 0; i < split->step->n_push; i++) {
      uint64_t bytes = bytes_of(client, &split->shares[i][s], split->step->push[i].cols);
      sum += bytes;
      split->pushed[s] += plt_loan_bytes(bytes);
    }
    split->parts[s] = plt_parts_for(sum);
    if (split->parts[s] > split->most) split->most = split->parts[s];
  }
}

static plt_status_t lend_step(plt_client_t *client, plt_exchange_t *exchange, split_t *split) {
  plt_arena_t *arena = plt_exchange_arena(exchange);
  PLT_TRY(lend(client, exchange, split->pulls, split->pushed));
  split->lent = plt_arena_alloc(arena, split->step->n_push * sizeof *split->lent);
  for (size_t i = 0; i < split->step->n_push; i++) {
    split->lent[i] = plt_arena_alloc(arena, client->n_servers * sizeof *split->lent[i]);
    for (uint32_t s = 0; s < client->n_servers; s++)
      split->lent[i][s] = plt_loan_next(client->loans, s, &split->pulls->loans[s],
                                        bytes_of(client, &split->shares[i][s], split->step->push[i].cols));
  }
  return PLT_OK;
}

/* Where a part of what is lent begins. */
static plt_lent_t lent_from(plt_lent_t lent, uint64_t skipped) {
  if (lent.memory == NULL) return lent;
  return (plt_lent_t){lent.memory + skipped, lent.region, lent.at + skipped};
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
    size_t begin = (size_t)plt_piece_of(share->n, part, parts).begin, first = share->position == NULL ? begin : 0;
    sections[n++] = push_section(
        client, push, part_of(share, part, parts), push->values == NULL ? NULL : push->values + first * push->cols,
        client->type, lent_from(split->lent[i][server], begin * push->cols * plt_shard_value_bytes(client->type)));
  }
  for (size_t i = 0; i < step->n_pull; i++)
    sections[n++] = pull_section(split->pulls, i, server, part_of(&split->pulls->shares[i][server], part, parts));
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
    split.shares[i] =
        split_keys(client, step->push[i].table, step->push[i].keys, step->push[i].n, plt_exchange_arena(exchange));
  count_parts(client, plt_exchange_arena(exchange), &split);
  PLT_TRY(lend_step(client, exchange, &split));
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
  plt_status_t status = plt_exchange_finish(client->desk, step);
  pulls_t *pulls = plt_exchange_context(step);
  end_loans(client, pulls);
  if (status == PLT_OK) *result = pulls->result;
  return status;
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
  PLT_TRY(lend(client, read, pulls, NULL));
  for (uint32_t s = 0; s < client->n_servers; s++) {
    plt_section_t *sections = plt_arena_alloc(plt_exchange_arena(read), n * sizeof *sections);
    for (size_t i = 0; i < n; i++) sections[i] = pull_section(pulls, i, s, pulls->shares[i][s]);
    PLT_TRY(plt_exchange_address(client->desk, read, s,
                                 &(plt_header_t){.verb = PLT_VERB_READ, .sections = sections, .n_sections = n}));
  }
  plt_desk_add_packing(client->desk, plt_time_ns() - before);
  plt_status_t status = plt_exchange_ask(client->desk, read, on_rows, pulls);
  end_loans(client, pulls);
  return status;
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

plt_status_t plt_client_read_table(plt_client_t *client, uint32_t table, uint64_t rows, uint32_t cols, float *out) {
  uint64_t *keys = plt_mem_alloc(rows * sizeof *keys);
  for (uint64_t k = 0; k < rows; k++) keys[k] = k;
  plt_status_t status = plt_client_read(client, &(plt_pull_t){table, cols, keys, rows, out}, 1);
  free(keys);
  return status;
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
    plt_share_t *shares = split_keys(client, table, part.keys, part.n, plt_exchange_arena(assign));
    for (uint32_t s = 0; s < client->n_servers; s++) {
      plt_section_t section = push_section(client, &part, shares[s], part.values, PLT_WIRE_F32, (plt_lent_t){0});
      PLT_TRY(plt_exchange_address(client->desk, assign, s,
                                   &(plt_header_t){.verb = PLT_VERB_ASSIGN, .sections = &section, .n_sections = 1}));
    }
    PLT_TRY(plt_exchange_ask(client->desk, assign, NULL, NULL));
  }
  return PLT_OK;
}
