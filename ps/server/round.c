/* round.c - see round.h. */
#include "ps/server/round.h"

#include <stdlib.h>

#include "proto/parts.h"
#include "proto/shard.h"

struct plt_round {
  plt_section_t *sections; /* of all workers; sorted by (table, first leaf) before use */
  size_t n, capacity;
  plt_block_loss_t *losses;
  size_t n_losses, losses_capacity;
  plt_arena_t *arena;
};

plt_round_t *plt_round_create(void) {
  plt_round_t *round = plt_mem_zalloc(1, sizeof *round);
  round->arena = plt_arena_create();
  return round;
}

void plt_round_destroy(plt_round_t **round) {
  if (*round == NULL) return;
  plt_arena_destroy(&(*round)->arena);
  free((*round)->sections);
  free((*round)->losses);
  free(*round);
  *round = NULL;
}

void plt_round_clear(plt_round_t *round) {
  round->n = round->n_losses = 0;
  plt_arena_reset(round->arena);
}

static bool overlap(plt_leaf_span_t a, plt_leaf_span_t b) {
  return (uint64_t)a.first + a.leaves > b.first && (uint64_t)b.first + b.leaves > a.first;
}

static plt_status_t add_section(plt_round_t *round, const plt_section_t *section) {
  for (size_t i = 0; i < round->n; i++)
    if (round->sections[i].table == section->table && overlap(round->sections[i].span, section->span))
      return plt_fail(PLT_ERR_PROTOCOL, "leaves from leaf %u on of table %u are pushed twice in one clock",
                      section->span.first, section->table);
  PLT_MEM_GROW(round->sections, round->n, round->capacity);
  round->sections[round->n++] = *section;
  return PLT_OK;
}

static plt_status_t add_loss(plt_round_t *round, const plt_block_loss_t *loss) {
  for (size_t i = 0; i < round->n_losses; i++)
    if (overlap(round->losses[i].span, loss->span))
      return plt_fail(PLT_ERR_PROTOCOL, "the loss from leaf %u on is sent twice in one clock", loss->span.first);
  PLT_MEM_GROW(round->losses, round->n_losses, round->losses_capacity);
  round->losses[round->n_losses++] = *loss;
  return PLT_OK;
}

plt_status_t plt_round_add(plt_round_t *round, const plt_header_t *push) {
  size_t n = round->n, n_losses = round->n_losses;
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < push->n_sections && status == PLT_OK; i++)
    if (push->sections[i].kind == PLT_SECTION_PUSH) status = add_section(round, &push->sections[i]);
  for (size_t i = 0; i < push->n_losses && status == PLT_OK; i++) status = add_loss(round, &push->losses[i]);
  if (status != PLT_OK) {
    round->n = n;
    round->n_losses = n_losses;
  }
  return status;
}

static int by_table_and_leaf(const void *left, const void *right) {
  const plt_section_t *a = left, *b = right;
  if (a->table != b->table) return a->table < b->table ? -1 : 1;
  return (a->span.first > b->span.first) - (a->span.first < b->span.first);
}

static int by_leaf(const void *left, const void *right) {
  const plt_block_loss_t *a = left, *b = right;
  return (a->span.first > b->span.first) - (a->span.first < b->span.first);
}

static size_t pieces_of(const plt_section_t *section) { return section->n_pieces == 0 ? 1 : section->n_pieces; }

/* The i-th piece of a section as it lies. */
static plt_rows_t piece_rows(const plt_section_t *section, uint32_t i) {
  if (section->n_pieces == 0) return (plt_rows_t){section->keys, section->values, section->n};
  plt_piece_t piece = plt_piece_of(section->n, i, section->n_pieces);
  return (plt_rows_t){section->keys + piece.begin, section->pieces[i], (size_t)(piece.end - piece.begin)};
}

/* A section as float32 rows in a row: where it lies, or copied. */
static plt_rows_t section_rows(const plt_section_t *section, plt_arena_t *arena) {
  if (section->n == 0 || (section->n_pieces == 0 && section->type == PLT_WIRE_F32))
    return (plt_rows_t){section->keys, section->values, section->n};
  float *values = plt_arena_alloc(arena, (size_t)section->n * section->cols * sizeof *values), *next = values;
  for (uint32_t i = 0; i < pieces_of(section); i++) {
    plt_rows_t piece = piece_rows(section, i);
    plt_shard_decode(piece.values, piece.n * section->cols, section->type, next);
    next += piece.n * section->cols;
  }
  return (plt_rows_t){section->keys, values, section->n};
}

/* The only section of a table: its pieces need not be copied together, nor decoded before their rows are at work. */
static void apply_alone(const plt_section_t *section, plt_table_t *table, double eta, plt_arena_t *arena) {
  plt_rows_t *pieces = plt_arena_alloc(arena, pieces_of(section) * sizeof *pieces);
  for (uint32_t i = 0; i < pieces_of(section); i++) pieces[i] = piece_rows(section, i);
  plt_table_step_pieces(table, eta, pieces, pieces_of(section), section->type);
}

void plt_round_apply(plt_round_t *round, plt_table_t *const *tables, size_t n_tables, double eta) {
  if (round->n > 1) qsort(round->sections, round->n, sizeof *round->sections, by_table_and_leaf);
  for (size_t i = 0, end; i < round->n; i = end) {
    uint32_t table = round->sections[i].table;
    for (end = i; end < round->n && round->sections[end].table == table; end++) continue;
    if (table >= n_tables) continue; /* cannot be: pushes are checked */
    if (end - i == 1) {
      apply_alone(&round->sections[i], tables[table], eta, round->arena);
      continue;
    }
    plt_leaf_span_t *spans = plt_arena_alloc(round->arena, (end - i) * sizeof *spans);
    plt_rows_t *parts = plt_arena_alloc(round->arena, (end - i) * sizeof *parts);
    for (size_t k = i; k < end; k++) {
      spans[k - i] = round->sections[k].span;
      parts[k - i] = section_rows(&round->sections[k], round->arena);
    }
    size_t cols = plt_table_spec(tables[table])->cols;
    plt_table_step(tables[table], eta, plt_tree_sum_rows(spans, parts, end - i, cols, round->arena));
  }
}

double plt_round_loss(plt_round_t *round) {
  if (round->n_losses == 0) return 0;
  if (round->n_losses > 1) qsort(round->losses, round->n_losses, sizeof *round->losses, by_leaf);
  plt_leaf_span_t *spans = plt_arena_alloc(round->arena, round->n_losses * sizeof *spans);
  double *parts = plt_arena_alloc(round->arena, round->n_losses * sizeof *parts);
  for (size_t i = 0; i < round->n_losses; i++) {
    spans[i] = round->losses[i].span;
    parts[i] = round->losses[i].loss;
  }
  return plt_tree_sum(spans, parts, round->n_losses);
}
