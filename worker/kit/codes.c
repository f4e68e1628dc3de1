/* codes.c - see codes.h.
 *
 * Rows of frozen encoders, for each item: [ r | norm(c_1) ... norm(c_M) ]. They are worked out in blocks of items that
 * are the same whoever does it: no bit depends on who asks, or for what. */
#include "worker/kit/codes.h"

#include <assert.h>
#include <string.h>

#include "common/hash.h"
#include "worker/data/derived.h"

enum { BLOCK = 1024 };

void plt_codes_add_tables(plt_codes_t *codes, plt_model_t *model, const plt_dataset_t *data, plt_codes_use_t use) {
  static const char *const names[PLT_CODES_TABLES] = {"enc_c_w", "enc_c_b", "enc_s_w", "enc_s_b"};
  plt_entity_t entity = use == PLT_CODES_ASIDE ? PLT_ENTITY_ASIDE : PLT_ENTITY_DENSE;
  uint32_t k = codes->width;
  codes->first = model->n_tables;
  codes->modalities = data->n_features;
  model->reads_codes = use != PLT_CODES_TRAINED;
  for (size_t m = 0; m < data->n_features; m++) {
    const plt_feature_t *feature = &data->features[m];
    for (size_t t = 0; t < PLT_CODES_TABLES; t++) {
      bool is_bias = t == PLT_CODES_COMMON_B || t == PLT_CODES_SPECIFIC_B;
      uint64_t rows = is_bias ? 1 : feature->array.cols;
      plt_init_t init = is_bias ? plt_init_zero() : plt_init_xavier_normal(rows, k);
      plt_model_table_t *table = plt_model_add_modality_table(model, names[t], feature, entity, rows, k, init);
      table->frozen = table->needed = use != PLT_CODES_TRAINED;
    }
  }
}

/* ---- while they are learned ---- */

plt_code_t plt_codes_encode(const plt_codes_t *codes, const plt_nodes_t *nodes, size_t m) {
  size_t first = codes->first + m * PLT_CODES_TABLES;
  plt_tape_t *t = nodes->tape;
  plt_var_t x = plt_nodes_unit_modality(nodes, m);
  return (plt_code_t){.common = plt_op_linear(t, x, plt_nodes_table(nodes, first + PLT_CODES_COMMON_W),
                                              plt_nodes_table(nodes, first + PLT_CODES_COMMON_B)),
                      .specific = plt_op_linear(t, x, plt_nodes_table(nodes, first + PLT_CODES_SPECIFIC_W),
                                                plt_nodes_table(nodes, first + PLT_CODES_SPECIFIC_B))};
}

plt_var_t plt_codes_join(const plt_codes_t *codes, plt_tape_t *tape, const plt_code_t *of) {
  plt_var_t part[1 + PLT_MODALITIES_MAX], sum = plt_op_normalise(tape, of[0].common);
  for (size_t m = 1; m < codes->modalities; m++) sum = plt_op_add(tape, sum, plt_op_normalise(tape, of[m].common));
  part[0] = plt_op_normalise(tape, plt_op_scale(tape, sum, 1 / (float)codes->modalities));
  for (size_t m = 0; m < codes->modalities; m++) part[1 + m] = plt_op_normalise(tape, of[m].specific);
  return plt_op_concat(tape, part, 1 + codes->modalities);
}

/* ---- frozen ---- */

/* Tables as they are, for a tape of our own. */
typedef struct source {
  plt_row_source_t source; /* first: plt_row_source_t * is this */
  const plt_codes_t *codes;
  const plt_dataset_t *data;
  plt_crew_t *crew;
  const float *const *tables;
} source_t;

static size_t rows_of(const plt_dataset_t *data, size_t t) {
  bool is_bias = t % PLT_CODES_TABLES == PLT_CODES_COMMON_B || t % PLT_CODES_TABLES == PLT_CODES_SPECIFIC_B;
  return is_bias ? 1 : data->features[t / PLT_CODES_TABLES].array.cols;
}

static plt_var_t rows_of_table(const plt_row_source_t *from, const plt_nodes_t *nodes, size_t table) {
  const source_t *source = (const source_t *)from;
  size_t t = table - source->codes->first;
  return plt_tape_constant(nodes->tape, rows_of(source->data, t), source->codes->width, source->tables[t]);
}

static size_t stride_of(const plt_codes_t *codes) { return codes->width * (1 + 2 * codes->modalities); }

/* A block of items. */
static void fill_block(const source_t *source, plt_tape_t *tape, const uint32_t *items, size_t n, float *out) {
  const plt_codes_t *codes = source->codes;
  plt_nodes_t nodes = {
      .tape = tape, .data = source->data, .side = PLT_SIDE_ITEM, .id = items, .n = n, .source = &source->source};
  plt_code_t of[PLT_MODALITIES_MAX] = {{{0}, {0}}};
  plt_var_t part[1 + PLT_MODALITIES_MAX];
  plt_tape_reset(tape);
  for (size_t m = 0; m < codes->modalities; m++) of[m] = plt_codes_encode(codes, &nodes, m);
  part[0] = plt_codes_join(codes, tape, of);
  for (size_t m = 0; m < codes->modalities; m++) part[1 + m] = plt_op_normalise(tape, of[m].common);
  plt_var_t all = plt_op_concat(tape, part, 1 + codes->modalities);
  memcpy(out, plt_tape_value(tape, all), n * stride_of(codes) * sizeof *out);
}

/* plt_derived_make_fn. */
static void fill(const void *context, float *out) {
  const source_t *source = context;
  plt_tape_t *tape = plt_tape_create(source->crew);
  uint32_t items[BLOCK];
  for (uint32_t first = 0; first < source->data->items; first += BLOCK) {
    uint32_t n = source->data->items - first < BLOCK ? source->data->items - first : BLOCK;
    for (uint32_t i = 0; i < n; i++) items[i] = first + i;
    fill_block(source, tape, items, n, out + first * stride_of(source->codes));
  }
  plt_tape_destroy(&tape);
}

static const float *find_matrix(const plt_codes_t *codes, const plt_dataset_t *data, plt_crew_t *crew,
                                const float *const *tables) {
  source_t source = {.source = {.table = rows_of_table}, .codes = codes, .data = data, .crew = crew, .tables = tables};
  uint64_t key = codes->width;
  for (size_t t = 0; t < codes->modalities * PLT_CODES_TABLES; t++)
    key = plt_hash64(key, tables[t], rows_of(data, t) * codes->width * sizeof *tables[t]);
  return plt_derived_matrix(data, key, stride_of(codes), fill, &source);
}

static void copy_rows(const plt_codes_rows_t *rows, size_t from, size_t first, size_t n, size_t to_stride, float *to) {
  for (size_t i = first; i < first + n; i++, to += to_stride)
    memcpy(to, rows->matrix + rows->items[i] * rows->stride + from, rows->cols * sizeof *to);
}

/* Columns [first, first + cols) of all items' rows, of own items. */
static plt_codes_rows_t rows_at(const plt_codes_t *codes, const plt_nodes_t *nodes, size_t cols) {
  const float *tables[PLT_MODALITIES_MAX * PLT_CODES_TABLES];
  assert(nodes->side == PLT_SIDE_ITEM);
  for (size_t t = 0; t < codes->modalities * PLT_CODES_TABLES; t++)
    tables[t] = plt_tape_value(nodes->tape, plt_nodes_table(nodes, codes->first + t));
  return (plt_codes_rows_t){.matrix = find_matrix(codes, nodes->data, plt_tape_crew(nodes->tape), tables),
                            .stride = stride_of(codes),
                            .cols = cols,
                            .items = nodes->id};
}

plt_var_t plt_codes_all(const plt_codes_t *codes, const plt_nodes_t *nodes) {
  plt_codes_rows_t rows = rows_at(codes, nodes, plt_codes_cols(codes));
  float *all = plt_tape_scratch(nodes->tape, nodes->n, rows.cols);
  copy_rows(&rows, 0, 0, nodes->n, rows.cols, all);
  return plt_tape_constant(nodes->tape, nodes->n, rows.cols, all);
}

plt_var_t plt_codes_of(const plt_codes_t *codes, const plt_nodes_t *nodes, size_t m) {
  size_t k = codes->width;
  plt_codes_rows_t rows = rows_at(codes, nodes, k);
  float *both = plt_tape_scratch(nodes->tape, nodes->n, 2 * k);
  copy_rows(&rows, plt_codes_cols(codes) + m * k, 0, nodes->n, 2 * k, both);
  copy_rows(&rows, (1 + m) * k, 0, nodes->n, 2 * k, both + k);
  return plt_tape_constant(nodes->tape, nodes->n, 2 * k, both);
}

static void make_rows(const void *context, size_t first, size_t n, float *out) {
  const plt_codes_rows_t *rows = context;
  copy_rows(rows, 0, first, n, rows->cols, out);
}

plt_lazy_t plt_codes_rows(const plt_codes_t *codes, const plt_dataset_t *data, plt_crew_t *crew,
                          const float *const *tables, const uint32_t *items, size_t n, plt_codes_rows_t *room) {
  *room = (plt_codes_rows_t){.matrix = find_matrix(codes, data, crew, tables),
                             .stride = stride_of(codes),
                             .cols = plt_codes_cols(codes),
                             .items = items};
  return (plt_lazy_t){.rows = n, .cols = room->cols, .make = make_rows, .context = room};
}
