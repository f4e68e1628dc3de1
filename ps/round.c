/* round.c - see round.h. */
#include "ps/round.h"

#include <stdlib.h>

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

void plt_round_add(plt_round_t *round, const plt_header_t *push) {
  for (size_t i = 0; i < push->n_sections; i++) {
    if (push->sections[i].kind != PLT_SECTION_PUSH) continue;
    PLT_MEM_GROW(round->sections, round->n, round->capacity);
    round->sections[round->n++] = push->sections[i];
  }
  for (size_t i = 0; i < push->n_losses; i++) {
    PLT_MEM_GROW(round->losses, round->n_losses, round->losses_capacity);
    round->losses[round->n_losses++] = push->losses[i];
  }
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

plt_status_t plt_round_check(plt_round_t *round) {
  if (round->n > 1) qsort(round->sections, round->n, sizeof *round->sections, by_table_and_leaf);
  if (round->n_losses > 1) qsort(round->losses, round->n_losses, sizeof *round->losses, by_leaf);
  for (size_t i = 1; i < round->n; i++) {
    const plt_section_t *a = &round->sections[i - 1], *b = &round->sections[i];
    if (a->table == b->table && (uint64_t)a->span.first + a->span.leaves > b->span.first)
      return plt_fail(PLT_ERR_PROTOCOL, "two workers pushed leaf %u of table %u", b->span.first, b->table);
  }
  for (size_t i = 1; i < round->n_losses; i++) {
    const plt_leaf_span_t *a = &round->losses[i - 1].span, *b = &round->losses[i].span;
    if ((uint64_t)a->first + a->leaves > b->first)
      return plt_fail(PLT_ERR_PROTOCOL, "two workers sent the loss of leaf %u", b->first);
  }
  return PLT_OK;
}

/* A section as float32 rows: where it lies, or decoded. */
static plt_rows_t section_rows(const plt_section_t *section, plt_arena_t *arena) {
  plt_rows_t rows = {section->keys, section->values, section->n};
  if (section->type == PLT_WIRE_BF16 && section->n > 0) {
    size_t n = (size_t)section->n * section->cols;
    float *values = plt_arena_alloc(arena, n * sizeof *values);
    plt_shard_decode(section->values, n, section->type, values);
    rows.values = values;
  }
  return rows;
}

void plt_round_apply(plt_round_t *round, plt_table_t *const *tables, size_t n_tables, double eta) {
  for (size_t i = 0, end; i < round->n; i = end) {
    uint32_t table = round->sections[i].table;
    for (end = i; end < round->n && round->sections[end].table == table; end++) continue;
    if (table >= n_tables) continue; /* cannot be: pushes are checked */
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

double plt_round_loss(const plt_round_t *round) {
  if (round->n_losses == 0) return 0;
  plt_leaf_span_t *spans = plt_arena_alloc(round->arena, round->n_losses * sizeof *spans);
  double *parts = plt_arena_alloc(round->arena, round->n_losses * sizeof *parts);
  for (size_t i = 0; i < round->n_losses; i++) {
    spans[i] = round->losses[i].span;
    parts[i] = round->losses[i].loss;
  }
  return plt_tree_sum(spans, parts, round->n_losses);
}
