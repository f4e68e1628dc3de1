/* inference.c - see inference.h. */
#include "worker/rank/inference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/math/distinct.h"
#include "worker/math/kernels.h"

struct plt_inference {
  plt_session_t *session;
  const plt_programme_t *programme;
  char name[128];
  plt_arena_t *arena;         /* of one block's product */
  plt_block_reader_t *reader; /* while states are computed */
  uint32_t table[PLT_STATES_MAX][PLT_SIDES];
  float *pooled[PLT_STATES_MAX]; /* NULL for states that are not, or not yet */
  uint32_t first;                /* the temporary tables */
  size_t n_tables;
};

static plt_status_t wait_for_all(plt_inference_t *inference, const char *what, size_t number) {
  char name[256];
  snprintf(name, sizeof name, "%s: %s %zu", inference->name, what, number);
  return plt_session_barrier(inference->session, name);
}

static uint32_t count_nodes(const plt_inference_t *inference, plt_side_t side) {
  const plt_dataset_t *data = inference->session->plan->data;
  return side == PLT_SIDE_USER ? data->users : data->items;
}

/* ---- tables ---- */

/* A temporary table for one side of a state; returns its number. */
static uint32_t add_table(plt_inference_t *inference, size_t state, plt_side_t side, plt_table_spec_t *specs) {
  plt_table_spec_t *spec = &specs[inference->n_tables];
  *spec = (plt_table_spec_t){.rows = count_nodes(inference, side),
                             .cols = inference->programme->state[state].cols,
                             .frozen = true,
                             .temporary = true};
  snprintf(spec->name, sizeof spec->name, "state%zu_%s", state, side == PLT_SIDE_USER ? "user" : "item");
  return inference->first + (uint32_t)inference->n_tables++;
}

/* Rows of the table of what each block of items adds to a pooled state: a matrix per block, one below the other. */
static uint64_t pool_rows(const plt_inference_t *inference, size_t state) {
  uint64_t items = count_nodes(inference, PLT_SIDE_ITEM), blocks = (items - 1) / PLT_INFERENCE_NODES + 1;
  return blocks * inference->programme->state[inference->programme->state[state].by].cols;
}

static uint32_t add_pool_table(plt_inference_t *inference, size_t state, plt_table_spec_t *specs) {
  plt_table_spec_t *spec = &specs[inference->n_tables];
  *spec = (plt_table_spec_t){.rows = pool_rows(inference, state),
                             .cols = inference->programme->state[state].cols,
                             .frozen = true,
                             .temporary = true};
  snprintf(spec->name, sizeof spec->name, "state%zu_pool", state);
  return inference->first + (uint32_t)inference->n_tables++;
}

static plt_status_t declare(plt_inference_t *inference) {
  const plt_model_t *model = inference->session->plan->model;
  const plt_programme_t *programme = inference->programme;
  plt_table_spec_t *specs = plt_mem_zalloc((size_t)PLT_STATES_MAX * PLT_SIDES, sizeof *specs);
  for (size_t k = 0; k < programme->n_states; k++) {
    if (programme->state[k].relation == PLT_POOLED) inference->table[k][0] = add_pool_table(inference, k, specs);
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      if (programme->state[k].sides >> s & 1)
        inference->table[k][s] = plt_state_is_table(&programme->state[k]) ? (uint32_t)plt_model_first_table(model, s)
                                                                          : add_table(inference, k, s, specs);
  }
  plt_status_t status = plt_client_declare(inference->session->client, inference->first, specs, inference->n_tables);
  free(specs);
  return status;
}

void plt_inference_read(const plt_inference_t *inference, plt_block_reader_t *reader, const plt_nodes_t *nodes,
                        uint64_t wanted, plt_var_t *states) {
  const plt_programme_t *programme = inference->programme;
  for (size_t k = 0; k < programme->n_states; k++) {
    const plt_state_t *state = &programme->state[k];
    if (!(wanted >> k & 1)) continue;
    if (state->relation == PLT_POOLED)
      states[k] = plt_tape_constant(nodes->tape, programme->state[state->by].cols, state->cols, inference->pooled[k]);
    else if (state->sides >> nodes->side & 1)
      states[k] = plt_block_read(reader, nodes, inference->table[k][nodes->side], state->cols);
  }
}

static uint64_t *number_keys(plt_inference_t *inference, uint64_t first, size_t n) {
  uint64_t *keys = plt_arena_alloc(inference->arena, n * sizeof *keys);
  for (size_t k = 0; k < n; k++) keys[k] = first + k;
  return keys;
}

static plt_status_t assign(plt_inference_t *inference, size_t state, plt_side_t side, uint64_t first, uint32_t n,
                           const float *values) {
  return plt_client_assign(inference->session->client, inference->table[state][side],
                           inference->programme->state[state].cols, number_keys(inference, first, n), n, values);
}

/* ---- products ---- */

/* One side of a hop. */
typedef struct product {
  plt_adjacency_t rows;
  uint32_t from, cols; /* table whose rows are multiplied */
} product_t;

/* Rows from `first` on that make a block: the same whoever asks. */
static uint32_t block_size(const plt_adjacency_t *of, uint32_t first) {
  uint32_t n = 1;
  while (n < PLT_INFERENCE_NODES && first + n < of->nodes &&
         of->offset[first + n + 1] - of->offset[first] <= PLT_INFERENCE_EDGES)
    n++;
  return n;
}

/* The edges [from, to) of a block's rows: `offset` are the rows' shares of them, columns positions among the distinct
 * neighbours. Weights only where the relation has them. */
typedef struct edges {
  plt_csr_t matrix;
  uint32_t *ids; /* [matrix.cols] */
} edges_t;

static edges_t take_edges(plt_inference_t *inference, const product_t *product, uint32_t first, uint32_t n,
                          const uint64_t *offset, uint64_t from, uint64_t to) {
  const plt_adjacency_t *of = &product->rows;
  size_t count = (size_t)(to - from);
  uint32_t *index = plt_arena_alloc(inference->arena, count * sizeof *index);
  float *weight = plt_arena_alloc(inference->arena, count * sizeof *weight);
  edges_t edges = {.ids = plt_arena_alloc(inference->arena, count * sizeof *edges.ids)};
  size_t distinct = plt_distinct(of->id + from, count, edges.ids, index, inference->arena);
  for (uint32_t r = 0; r < n; r++)
    for (uint64_t e = offset[r]; e < offset[r + 1]; e++) weight[e] = plt_adjacency_weight(of, first + r, from + e);
  edges.matrix = (plt_csr_t){.rows = n, .cols = distinct, .offset = offset, .index = index, .weight = weight};
  return edges;
}

/* Adds to `out` what these edges give. */
static plt_status_t add_edges(plt_inference_t *inference, const product_t *product, const edges_t *edges, float *out) {
  size_t n = edges->matrix.cols;
  uint64_t *keys = plt_arena_alloc(inference->arena, n * sizeof *keys);
  float *rows = plt_arena_alloc(inference->arena, n * product->cols * sizeof *rows);
  for (size_t k = 0; k < n; k++) keys[k] = edges->ids[k];
  plt_pull_t pull = {product->from, product->cols, keys, n, rows};
  PLT_TRY(plt_client_read(inference->session->client, &pull, 1));
  plt_csr_multiply(inference->session->crew, &edges->matrix, rows, product->cols, true, out);
  return PLT_OK;
}

static uint64_t *offsets_of(plt_inference_t *inference, const plt_adjacency_t *of, uint32_t first, uint32_t n) {
  uint64_t *offset = plt_arena_alloc(inference->arena, ((size_t)n + 1) * sizeof *offset);
  for (uint32_t r = 0; r <= n; r++) offset[r] = of->offset[first + r] - of->offset[first];
  return offset;
}

/* A block's rows of a product, into `out` (zeroed); a row with more edges than a block may have is taken in several
 * goes (each of them whole runs of sparse.h, so that its bits are those of one). */
static plt_status_t multiply_block(plt_inference_t *inference, const product_t *product, uint32_t first, uint32_t n,
                                   float *out) {
  const plt_adjacency_t *of = &product->rows;
  uint64_t begin = of->offset[first], end = of->offset[first + n];
  if (end - begin <= PLT_INFERENCE_EDGES) {
    edges_t edges = take_edges(inference, product, first, n, offsets_of(inference, of, first, n), begin, end);
    return add_edges(inference, product, &edges, out);
  }
  for (uint64_t at = begin; at < end; at += PLT_INFERENCE_EDGES) {
    uint64_t to = end - at < PLT_INFERENCE_EDGES ? end : at + PLT_INFERENCE_EDGES;
    plt_arena_reset(inference->arena);
    edges_t edges = take_edges(inference, product, first, 1, (uint64_t[]){0, to - at}, at, to);
    PLT_TRY(add_edges(inference, product, &edges, out));
  }
  return PLT_OK;
}

/* The same where the model makes the weights: all edges of a row at once, however many. */
static plt_var_t weigh_block(plt_inference_t *inference, const product_t *product, size_t state, uint32_t first,
                             uint32_t n, const plt_nodes_t *at) {
  const plt_adjacency_t *of = &product->rows;
  const plt_state_t *how = &inference->programme->state[state];
  plt_block_reader_t *reader = inference->reader;
  edges_t edges = take_edges(inference, product, first, n, offsets_of(inference, of, first, n), of->offset[first],
                             of->offset[first + n]);
  plt_nodes_t from;
  plt_var_t *states = plt_block_beside(reader, of->across, edges.ids, edges.matrix.cols, &from);
  plt_inference_read(inference, reader, &from, how->sources | (uint64_t)1 << how->from, states);
  return plt_model_product(inference->session->plan->model, &(plt_sparse_t){.matrix = edges.matrix}, at, &from, state,
                           states[how->from]);
}

/* ---- states ---- */

/* Rows [first, first + n) of one side of a state; `hop` NULL: it works at the nodes alone. */
static plt_status_t compute_block(plt_inference_t *inference, size_t state, plt_side_t side, const product_t *hop,
                                  uint32_t first, uint32_t n) {
  const plt_state_t *how = &inference->programme->state[state];
  plt_block_reader_t *reader = inference->reader;
  uint32_t ids[PLT_INFERENCE_NODES];
  plt_var_t product = {0};
  plt_nodes_t nodes;
  for (uint32_t k = 0; k < n; k++) ids[k] = first + k;
  plt_var_t *states = plt_block_begin(reader, side, ids, n, &nodes);
  plt_arena_reset(inference->arena);
  plt_inference_read(inference, reader, &nodes, how->inputs, states);
  if (how->weighs) {
    product = weigh_block(inference, hop, state, first, n, &nodes);
  } else if (hop != NULL) {
    size_t bytes = (size_t)n * hop->cols * sizeof(float);
    float *multiplied = memset(plt_block_scratch(reader, bytes), 0, bytes);
    PLT_TRY(multiply_block(inference, hop, first, n, multiplied));
    product = plt_tape_constant(nodes.tape, n, hop->cols, multiplied);
  }
  plt_var_t made = plt_model_state(inference->session->plan->model, &nodes, state, product);
  PLT_TRY(plt_block_end(reader));
  return assign(inference, state, side, first, n, plt_tape_value(nodes.tape, made));
}

/* This worker's blocks of one side of a state; `block` counts them over the sides. */
static plt_status_t compute_side(plt_inference_t *inference, size_t state, plt_side_t side, uint32_t *block) {
  const plt_plan_t *plan = inference->session->plan;
  const plt_state_t *how = &inference->programme->state[state];
  uint32_t nodes = count_nodes(inference, side);
  bool is_hop = plt_state_is_hop(how);
  product_t hop = {0};
  if (is_hop) {
    hop.rows = plt_relation_rows(&plan->relations->of[how->relation], side);
    hop.from = inference->table[how->from][hop.rows.across];
    hop.cols = inference->programme->state[how->from].cols;
  }
  for (uint32_t first = 0, n; first < nodes; first += n, (*block)++) {
    n = is_hop ? block_size(&hop.rows, first) : (uint32_t)plt_min_size(PLT_INFERENCE_NODES, nodes - first);
    PLT_TRY(plt_session_look(inference->session));
    if (*block % plan->workers == inference->session->worker)
      PLT_TRY(compute_block(inference, state, side, is_hop ? &hop : NULL, first, n));
  }
  return PLT_OK;
}

/* ---- pooled states ---- */

/* What a block of items adds to one. */
static plt_status_t pool_block(plt_inference_t *inference, size_t state, uint32_t block) {
  const plt_state_t *how = &inference->programme->state[state];
  uint32_t ids[PLT_INFERENCE_NODES], first = block * PLT_INFERENCE_NODES, items = count_nodes(inference, PLT_SIDE_ITEM);
  uint32_t n = (uint32_t)plt_min_size(PLT_INFERENCE_NODES, items - first);
  size_t rows = inference->programme->state[how->by].cols;
  plt_nodes_t nodes;
  for (uint32_t k = 0; k < n; k++) ids[k] = first + k;
  plt_var_t *states = plt_block_begin(inference->reader, PLT_SIDE_ITEM, ids, n, &nodes);
  plt_arena_reset(inference->arena);
  plt_inference_read(inference, inference->reader, &nodes, (uint64_t)1 << how->by | (uint64_t)1 << how->from, states);
  plt_var_t sum = plt_op_matmul_at(nodes.tape, states[how->by], states[how->from]);
  PLT_TRY(plt_block_end(inference->reader));
  return assign(inference, state, 0, block * rows, (uint32_t)rows, plt_tape_value(nodes.tape, sum));
}

/* The blocks' matrices, added up in their order by every worker. */
static plt_status_t add_blocks(plt_inference_t *inference, size_t state) {
  const plt_state_t *how = &inference->programme->state[state];
  uint64_t rows = pool_rows(inference, state);
  size_t size = (size_t)inference->programme->state[how->by].cols * how->cols;
  plt_arena_reset(inference->arena);
  float *parts = plt_arena_alloc(inference->arena, rows * how->cols * sizeof *parts);
  plt_pull_t pull = {inference->table[state][0], how->cols, number_keys(inference, 0, rows), rows, parts};
  PLT_TRY(plt_client_read(inference->session->client, &pull, 1));
  inference->pooled[state] = plt_mem_alloc(size * sizeof(float));
  for (size_t k = 0; k < size; k++) {
    double sum = 0;
    for (size_t at = k; at < rows * how->cols; at += size) sum += (double)parts[at];
    inference->pooled[state][k] = (float)sum;
  }
  return PLT_OK;
}

static plt_status_t pool(plt_inference_t *inference, size_t state) {
  const plt_plan_t *plan = inference->session->plan;
  uint32_t items = count_nodes(inference, PLT_SIDE_ITEM), blocks = (items - 1) / PLT_INFERENCE_NODES + 1;
  for (uint32_t block = inference->session->worker; block < blocks; block += plan->workers)
    PLT_TRY(pool_block(inference, state, block));
  PLT_TRY(wait_for_all(inference, "pooled", state));
  return add_blocks(inference, state);
}

/* ---- in their order ---- */

static plt_status_t compute_state(plt_inference_t *inference, size_t state) {
  const plt_state_t *how = &inference->programme->state[state];
  uint32_t block = 0;
  if (how->relation == PLT_POOLED) return pool(inference, state);
  if (plt_state_is_table(how)) return PLT_OK;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    if (how->sides >> s & 1) PLT_TRY(compute_side(inference, state, s, &block));
  return wait_for_all(inference, "state", state);
}

/* ---- life ---- */

plt_status_t plt_inference_begin(plt_session_t *session, const char *name, plt_inference_t **out) {
  const plt_model_t *model = session->plan->model;
  *out = NULL;
  if (model->programme.n_states == 0) return PLT_OK;
  plt_inference_t *inference = plt_mem_zalloc(1, sizeof *inference);
  *inference = (plt_inference_t){.session = session,
                                 .programme = &model->programme,
                                 .arena = plt_arena_create(),
                                 .reader = plt_block_reader_create(session),
                                 .first = (uint32_t)session->n_tables};
  snprintf(inference->name, sizeof inference->name, "%s", name);
  plt_status_t status = declare(inference);
  for (size_t k = 0; k < model->programme.n_states && status == PLT_OK; k++) status = compute_state(inference, k);
  plt_block_reader_destroy(&inference->reader);
  if (status != PLT_OK) return plt_inference_end(&inference, status);
  *out = inference;
  return PLT_OK;
}

plt_status_t plt_inference_end(plt_inference_t **inference_at, plt_status_t status) {
  plt_inference_t *inference = *inference_at;
  if (inference == NULL) return status;
  *inference_at = NULL;
  if (status == PLT_OK) status = wait_for_all(inference, "read", inference->n_tables);
  for (size_t t = inference->n_tables; t-- > 0 && status == PLT_OK && inference->session->worker == 0;)
    status = plt_client_drop(inference->session->client, inference->first + (uint32_t)t);
  /* Nobody declares the next ones before these are gone. */
  if (status == PLT_OK) status = wait_for_all(inference, "dropped", inference->n_tables);
  for (size_t k = 0; k < PLT_STATES_MAX; k++) free(inference->pooled[k]);
  plt_arena_destroy(&inference->arena);
  free(inference);
  return status;
}
