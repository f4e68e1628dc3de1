/* inference.c - see inference.h. */
#include "worker/rank/inference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/math/distinct.h"
#include "worker/rank/block.h"

struct plt_inference {
  plt_session_t *session;
  const plt_graph_t *graph;
  char name[128];
  plt_arena_t *arena; /* of one block */
  size_t layers, item_hops;
  uint32_t cols;
  uint32_t table[PLT_LAYERS_MAX + 1][PLT_SIDES]; /* where a layer is read */
  uint32_t spread[PLT_ITEM_HOPS_MAX];            /* of items: after each hop of their graph */
  uint32_t first;                                /* the temporary tables */
  size_t n_tables;
};

static plt_status_t wait_for_all(plt_inference_t *inference, const char *what, size_t layer) {
  char name[256];
  snprintf(name, sizeof name, "%s: %s %zu", inference->name, what, layer);
  return plt_session_barrier(inference->session, name);
}

/* ---- tables ---- */

enum { TABLES_MAX = (PLT_LAYERS_MAX + 1) * PLT_SIDES + PLT_ITEM_HOPS_MAX };

/* A temporary table; returns its number. */
static uint32_t add_table(plt_inference_t *inference, const char *what, size_t number, plt_side_t side,
                          plt_table_spec_t *specs) {
  plt_table_spec_t *spec = &specs[inference->n_tables];
  *spec = (plt_table_spec_t){
      .rows = inference->graph->of[side].nodes, .cols = inference->cols, .frozen = true, .temporary = true};
  snprintf(spec->name, sizeof spec->name, "%s%zu_%s", what, number, side == PLT_SIDE_USER ? "user" : "item");
  return inference->first + (uint32_t)inference->n_tables++;
}

static plt_status_t declare(plt_inference_t *inference) {
  const plt_model_t *model = inference->session->plan->model;
  plt_table_spec_t specs[TABLES_MAX];
  for (size_t l = 0; l <= inference->layers; l++) {
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
      bool is_there = l == 0 && model->ops->base == NULL;
      inference->table[l][s] = is_there ? plt_model_base_table(model, s) : add_table(inference, "layer", l, s, specs);
    }
  }
  for (size_t k = 0; k < inference->item_hops; k++)
    inference->spread[k] = add_table(inference, "spread", k, PLT_SIDE_ITEM, specs);
  return plt_client_declare(inference->session->client, inference->first, specs, inference->n_tables);
}

/* ---- blocks ---- */

/* Rows of a matrix as large as the graph: one side of it, or the graph of items. */
typedef struct matrix {
  uint32_t rows;
  const uint64_t *offset;
  const uint32_t *id;
  const float *weight; /* NULL: norm[row] * across[id] */
  const float *norm, *across;
} matrix_t;

/* A product into a table. */
typedef struct product {
  matrix_t matrix;
  uint32_t from[PLT_LAYERS_MAX + 1]; /* tables whose rows are added up and multiplied */
  size_t n_from;
  uint32_t to;
} product_t;

/* Rows from `first` on that make a block: the same whoever asks. */
static uint32_t block_size(const matrix_t *of, uint32_t first) {
  uint32_t n = 1;
  while (n < PLT_INFERENCE_NODES && first + n < of->rows &&
         of->offset[first + n + 1] - of->offset[first] <= PLT_INFERENCE_EDGES)
    n++;
  return n;
}

static plt_status_t read_rows(plt_inference_t *inference, uint32_t table, const uint32_t *ids, size_t n, float *out) {
  uint64_t *keys = plt_arena_alloc(inference->arena, n * sizeof *keys);
  for (size_t k = 0; k < n; k++) keys[k] = ids[k];
  plt_pull_t pull = {table, inference->cols, keys, n, out};
  return plt_client_read(inference->session->client, &pull, 1);
}

/* Adds rows ids [n] of several tables, in their order, to out. */
static plt_status_t add_rows(plt_inference_t *inference, const uint32_t *tables, size_t n_tables, const uint32_t *ids,
                             size_t n, float *out) {
  size_t floats = n * inference->cols;
  float *rows = n_tables == 0 ? NULL : plt_arena_alloc(inference->arena, floats * sizeof *rows);
  for (size_t t = 0; t < n_tables; t++) {
    PLT_TRY(read_rows(inference, tables[t], ids, n, rows));
    for (size_t k = 0; k < floats; k++) out[k] += rows[k];
  }
  return PLT_OK;
}

static plt_status_t assign(plt_inference_t *inference, uint32_t table, uint32_t first, uint32_t n,
                           const float *values) {
  uint64_t *keys = plt_arena_alloc(inference->arena, n * sizeof *keys);
  for (uint32_t k = 0; k < n; k++) keys[k] = first + k;
  return plt_client_assign(inference->session->client, table, inference->cols, keys, n, values);
}

/* Adds to `out` what the edges [from, to) of the block's rows give: `offset` are the rows' shares of them. */
static plt_status_t add_edges(plt_inference_t *inference, const product_t *product, uint32_t first, uint32_t n,
                              const uint64_t *offset, uint64_t from, uint64_t to, float *out) {
  const matrix_t *of = &product->matrix;
  size_t edges = (size_t)(to - from);
  uint32_t *ids = plt_arena_alloc(inference->arena, edges * sizeof *ids);
  uint32_t *index = plt_arena_alloc(inference->arena, edges * sizeof *index);
  float *weight = plt_arena_alloc(inference->arena, edges * sizeof *weight);
  size_t distinct = plt_distinct(of->id + from, edges, ids, index, inference->arena);
  for (uint32_t r = 0; r < n; r++)
    for (uint64_t e = offset[r]; e < offset[r + 1]; e++)
      weight[e] = of->weight != NULL ? of->weight[from + e] : of->norm[first + r] * of->across[of->id[from + e]];
  float *rows = plt_arena_alloc(inference->arena, distinct * inference->cols * sizeof *rows);
  PLT_TRY(read_rows(inference, product->from[0], ids, distinct, rows));
  PLT_TRY(add_rows(inference, product->from + 1, product->n_from - 1, ids, distinct, rows));
  plt_csr_t csr = {.rows = n, .cols = distinct, .offset = offset, .index = index, .weight = weight};
  plt_csr_multiply(inference->session->crew, &csr, rows, inference->cols, true, out);
  return PLT_OK;
}

/* A block's rows of a product; a row with more edges than a block may have is taken in several goes (each of them
 * whole runs of sparse.h, so that its bits are those of one). */
static plt_status_t compute_block(plt_inference_t *inference, const product_t *product, uint32_t first, uint32_t n) {
  const matrix_t *of = &product->matrix;
  uint64_t begin = of->offset[first], end = of->offset[first + n];
  plt_arena_reset(inference->arena);
  float *out = plt_arena_zalloc(inference->arena, (size_t)n * inference->cols * sizeof *out);
  uint64_t *offset = plt_arena_alloc(inference->arena, ((size_t)n + 1) * sizeof *offset);
  for (uint32_t r = 0; r <= n; r++) offset[r] = of->offset[first + r] - begin;
  if (end - begin <= PLT_INFERENCE_EDGES) {
    PLT_TRY(add_edges(inference, product, first, n, offset, begin, end, out));
    return assign(inference, product->to, first, n, out);
  }
  float *sum = plt_mem_zalloc(inference->cols, sizeof *sum);
  plt_status_t status = PLT_OK;
  for (uint64_t at = begin; at < end && status == PLT_OK; at += PLT_INFERENCE_EDGES) {
    uint64_t to = end - at < PLT_INFERENCE_EDGES ? end : at + PLT_INFERENCE_EDGES;
    plt_arena_reset(inference->arena);
    status = add_edges(inference, product, first, 1, (uint64_t[]){0, to - at}, at, to, sum);
  }
  if (status == PLT_OK) status = assign(inference, product->to, first, 1, sum);
  free(sum);
  return status;
}

/* This worker's blocks; `block` counts them over the products of a layer. */
static plt_status_t compute(plt_inference_t *inference, const product_t *product, uint32_t *block) {
  const matrix_t *of = &product->matrix;
  for (uint32_t first = 0, n; first < of->rows; first += n, (*block)++) {
    n = block_size(of, first);
    if (*block % inference->session->plan->workers == inference->session->worker)
      PLT_TRY(compute_block(inference, product, first, n));
  }
  return PLT_OK;
}

/* ---- layers ---- */

static plt_status_t compute_layer(plt_inference_t *inference, size_t layer) {
  uint32_t block = 0;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    const plt_neighbours_t *of = &inference->graph->of[s], *other = &inference->graph->of[plt_side_other(s)];
    product_t product = {.matrix = {of->nodes, of->offset, of->id, NULL, of->norm, other->norm},
                         .from = {inference->table[layer - 1][plt_side_other(s)]},
                         .n_from = 1,
                         .to = inference->table[layer][s]};
    PLT_TRY(compute(inference, &product, &block));
  }
  return wait_for_all(inference, "layer", layer);
}

/* Hop k of the graph of items. */
static plt_status_t compute_spread(plt_inference_t *inference, size_t k) {
  const plt_subgraph_plan_t *plan = &inference->session->plan->model->graph;
  const plt_csr_t *items = plan->item_graph;
  uint32_t block = 0;
  product_t product = {.matrix = {(uint32_t)items->rows, items->offset, items->index, items->weight, NULL, NULL},
                       .from = {k == 0 ? inference->table[0][PLT_SIDE_ITEM] : inference->spread[k - 1]},
                       .n_from = 1,
                       .to = inference->spread[k]};
  if (k == 0 && plan->spreads_sum) {
    product.n_from = inference->layers + 1;
    for (size_t l = 0; l <= inference->layers; l++) product.from[l] = inference->table[l][PLT_SIDE_ITEM];
  }
  PLT_TRY(compute(inference, &product, &block));
  return wait_for_all(inference, "item hop", k);
}

/* Layer 0 of models that compute it. */
static plt_status_t compute_base(plt_inference_t *inference, plt_block_reader_t *reader) {
  const plt_plan_t *plan = inference->session->plan;
  uint32_t block = 0, ids[PLT_INFERENCE_NODES];
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    uint32_t nodes = inference->graph->of[s].nodes;
    for (uint32_t first = 0; first < nodes; first += PLT_INFERENCE_NODES, block++) {
      uint32_t n = nodes - first < PLT_INFERENCE_NODES ? nodes - first : PLT_INFERENCE_NODES;
      plt_pass_t pass;
      if (block % plan->workers != inference->session->worker) continue;
      for (uint32_t k = 0; k < n; k++) ids[k] = first + k;
      PLT_TRY(plt_block_begin(reader, s, ids, n, &pass));
      plt_arena_reset(inference->arena);
      plt_var_t base = plt_model_base(plan->model, &pass, s);
      PLT_TRY(assign(inference, inference->table[0][s], first, n, plt_tape_value(pass.tape, base)));
    }
  }
  return wait_for_all(inference, "layer", 0);
}

/* ---- life ---- */

plt_status_t plt_inference_begin(plt_session_t *session, const char *name, plt_inference_t **out) {
  const plt_model_t *model = session->plan->model;
  *out = NULL;
  if (model->graph.layers == 0) return PLT_OK;
  plt_inference_t *inference = plt_mem_zalloc(1, sizeof *inference);
  plt_block_reader_t *reader = NULL;
  *inference = (plt_inference_t){.session = session,
                                 .graph = session->plan->graph,
                                 .arena = plt_arena_create(),
                                 .layers = model->graph.layers,
                                 .item_hops = model->graph.item_graph == NULL ? 0 : model->graph.item_hops,
                                 .cols = model->base_cols,
                                 .first = (uint32_t)model->n_tables};
  snprintf(inference->name, sizeof inference->name, "%s", name);
  plt_status_t status = declare(inference);
  if (status == PLT_OK && model->ops->base != NULL) {
    status = plt_block_reader_create(session, &reader);
    if (status == PLT_OK) status = compute_base(inference, reader);
    plt_block_reader_destroy(&reader);
  }
  for (size_t l = 1; l <= inference->layers && status == PLT_OK; l++) status = compute_layer(inference, l);
  for (size_t k = 0; k < inference->item_hops && status == PLT_OK; k++) status = compute_spread(inference, k);
  if (status != PLT_OK) return plt_inference_end(&inference, status);
  *out = inference;
  return PLT_OK;
}

plt_status_t plt_inference_read(plt_inference_t *inference, plt_side_t side, const uint32_t *ids, size_t n,
                                plt_rows_of_layers_t out) {
  uint32_t above[PLT_LAYERS_MAX]; /* tables of the layers from 1 on */
  for (size_t l = 0; l < inference->layers; l++) above[l] = inference->table[l + 1][side];
  plt_arena_reset(inference->arena);
  PLT_TRY(read_rows(inference, inference->table[0][side], ids, n, out.base));
  memcpy(out.sum, out.base, n * inference->cols * sizeof *out.sum);
  PLT_TRY(add_rows(inference, above, inference->layers, ids, n, out.sum));
  if (side == PLT_SIDE_USER || inference->item_hops == 0) return PLT_OK;
  return read_rows(inference, inference->spread[inference->item_hops - 1], ids, n, out.spread);
}

plt_status_t plt_inference_end(plt_inference_t **inference_at, plt_status_t status) {
  plt_inference_t *inference = *inference_at;
  if (inference == NULL) return status;
  *inference_at = NULL;
  if (status == PLT_OK) status = wait_for_all(inference, "read", inference->layers);
  for (size_t t = inference->n_tables; t-- > 0 && status == PLT_OK && inference->session->worker == 0;)
    status = plt_client_drop(inference->session->client, inference->first + (uint32_t)t);
  /* Nobody declares the next ones before these are gone. */
  if (status == PLT_OK) status = wait_for_all(inference, "dropped", inference->layers);
  plt_arena_destroy(&inference->arena);
  free(inference);
  return status;
}
