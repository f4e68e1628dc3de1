/* round.c - see round.h. */
#include "ps/server/round.h"

#include <stdlib.h>

#include "proto/parts.h"
#include "proto/shard.h"

enum { SLICE_FLOATS = 128 * 1024 }; /* of all that is added: 512 KiB */

struct plt_round {
  plt_section_t *sections; /* of all workers; sorted by (table, first leaf) before use */
  size_t n, capacity;
  plt_block_loss_t *losses;
  size_t n_losses, losses_capacity;
  plt_crew_t *crew;
  plt_arena_t **arenas; /* one per lane of it; the first is the owner's */
};

plt_round_t *plt_round_create(plt_crew_t *crew) {
  plt_round_t *round = plt_mem_zalloc(1, sizeof *round);
  round->crew = crew;
  round->arenas = plt_mem_zalloc(plt_crew_size(crew), sizeof(plt_arena_t *));
  for (size_t lane = 0; lane < plt_crew_size(crew); lane++) round->arenas[lane] = plt_arena_create();
  return round;
}

void plt_round_destroy(plt_round_t **round) {
  if (*round == NULL) return;
  for (size_t lane = 0; lane < plt_crew_size((*round)->crew); lane++) plt_arena_destroy(&(*round)->arenas[lane]);
  free((*round)->arenas);
  free((*round)->sections);
  free((*round)->losses);
  free(*round);
  *round = NULL;
}

void plt_round_clear(plt_round_t *round) {
  round->n = round->n_losses = 0;
  for (size_t lane = 0; lane < plt_crew_size(round->crew); lane++) plt_arena_reset(round->arenas[lane]);
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

/* The only section of a table: its pieces need not be copied together, nor decoded before their rows are at work. */
static void apply_alone(const plt_section_t *section, plt_table_t *table, double eta, plt_arena_t *arena) {
  plt_rows_t *pieces = plt_arena_alloc(arena, pieces_of(section) * sizeof *pieces);
  for (uint32_t i = 0; i < pieces_of(section); i++) pieces[i] = piece_rows(section, i);
  plt_table_step_pieces(table, eta, pieces, pieces_of(section), section->type);
}

/* ---- sums ---- */

/* Sections of one table that are added. */
typedef struct merge {
  plt_round_t *round;
  const plt_section_t *sections; /* [n] by leaf */
  plt_leaf_span_t *spans;        /* [n] */
  size_t n, cols, slices;
  uint64_t *cuts;   /* [slices - 1]: first keys of the slices but the first */
  plt_rows_t *sums; /* [slices] */
} merge_t;

/* Rows [begin, end) of a section as float32 rows in a row: where they lie, or copied. */
static plt_rows_t rows_between(const plt_section_t *section, size_t begin, size_t end, plt_arena_t *arena) {
  size_t cols = section->cols, bytes = cols * plt_shard_value_bytes(section->type);
  plt_rows_t rows = {.keys = section->keys + begin, .n = end - begin};
  if (rows.n == 0) return (plt_rows_t){0};
  if (section->n_pieces == 0 && section->type == PLT_WIRE_F32) {
    rows.values = (const char *)section->values + begin * bytes;
    return rows;
  }
  float *values = plt_arena_alloc(arena, rows.n * cols * sizeof *values);
  rows.values = values;
  size_t first = 0; /* of the piece */
  for (uint32_t i = 0; i < pieces_of(section); i++) {
    plt_rows_t piece = piece_rows(section, i);
    size_t from = begin > first ? begin - first : 0, to = end > first ? end - first : 0;
    if (to > piece.n) to = piece.n;
    if (from < to) {
      plt_shard_decode((const char *)piece.values + from * bytes, (to - from) * cols, section->type, values);
      values += (to - from) * cols;
    }
    first += piece.n;
  }
  return rows;
}

/* plt_piece_fn */
static void merge_slice(void *context, size_t slice, size_t lane) {
  const merge_t *job = context;
  plt_arena_t *arena = job->round->arenas[lane];
  plt_rows_t *parts = plt_arena_alloc(arena, job->n * sizeof *parts);
  for (size_t i = 0; i < job->n; i++) {
    const plt_section_t *section = &job->sections[i];
    size_t n = (size_t)section->n, begin = slice == 0 ? 0 : plt_keys_below(section->keys, n, job->cuts[slice - 1]);
    size_t end = slice + 1 == job->slices ? n : plt_keys_below(section->keys, n, job->cuts[slice]);
    parts[i] = rows_between(section, begin, end, arena);
  }
  job->sums[slice] = plt_tree_sum_rows(job->spans, parts, job->n, job->cols, arena);
}

/* Slices of as many keys of the largest section. */
static void cut(merge_t *job, uint64_t floats) {
  const plt_section_t *largest = &job->sections[0];
  for (size_t i = 1; i < job->n; i++)
    if (job->sections[i].n > largest->n) largest = &job->sections[i];
  job->slices = (size_t)(floats / SLICE_FLOATS) + 1;
  if (job->slices > largest->n) job->slices = largest->n == 0 ? 1 : (size_t)largest->n;
  job->cuts = plt_arena_alloc(job->round->arenas[0], job->slices * sizeof *job->cuts);
  job->sums = plt_arena_alloc(job->round->arenas[0], job->slices * sizeof *job->sums);
  for (size_t slice = 1; slice < job->slices; slice++)
    job->cuts[slice - 1] = largest->keys[plt_piece_of(largest->n, (uint32_t)slice, (uint32_t)job->slices).begin];
}

static void apply_sum(plt_round_t *round, const plt_section_t *sections, size_t n, plt_table_t *table, double eta) {
  merge_t job = {.round = round, .sections = sections, .n = n, .cols = plt_table_spec(table)->cols};
  uint64_t floats = 0;
  job.spans = plt_arena_alloc(round->arenas[0], n * sizeof *job.spans);
  for (size_t i = 0; i < n; i++) {
    job.spans[i] = sections[i].span;
    floats += sections[i].n * job.cols;
  }
  cut(&job, floats);
  plt_crew_run(floats >= PLT_TABLE_SHARED_FLOATS ? round->crew : NULL, job.slices, merge_slice, &job);
  plt_table_step_pieces(table, eta, job.sums, job.slices, PLT_WIRE_F32);
}

void plt_round_apply(plt_round_t *round, plt_table_t *const *tables, size_t n_tables, double eta) {
  if (round->n > 1) qsort(round->sections, round->n, sizeof *round->sections, by_table_and_leaf);
  for (size_t i = 0, end; i < round->n; i = end) {
    uint32_t table = round->sections[i].table;
    for (end = i; end < round->n && round->sections[end].table == table; end++) continue;
    if (table >= n_tables) continue; /* cannot be: pushes are checked */
    if (end - i == 1)
      apply_alone(&round->sections[i], tables[table], eta, round->arenas[0]);
    else
      apply_sum(round, &round->sections[i], end - i, tables[table], eta);
  }
}

double plt_round_loss(plt_round_t *round) {
  if (round->n_losses == 0) return 0;
  if (round->n_losses > 1) qsort(round->losses, round->n_losses, sizeof *round->losses, by_leaf);
  plt_leaf_span_t *spans = plt_arena_alloc(round->arenas[0], round->n_losses * sizeof *spans);
  double *parts = plt_arena_alloc(round->arenas[0], round->n_losses * sizeof *parts);
  for (size_t i = 0; i < round->n_losses; i++) {
    spans[i] = round->losses[i].span;
    parts[i] = round->losses[i].loss;
  }
  return plt_tree_sum(spans, parts, round->n_losses);
}
