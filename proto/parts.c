/* parts.c - see parts.h. */
#include "proto/parts.h"

#include <string.h>

/* Smaller: more messages; larger: rows leave the cache before the other end has them. The first few are smaller, else
 * messages of a mebibyte would hardly overlap with work (docs/benchmarks.md). */
enum { FEW = 4, FEW_BYTES = 256 << 10, PART_BYTES = 512 << 10 };

plt_piece_t plt_piece_of(uint64_t n, uint32_t part, uint32_t parts) {
  if (parts <= 1) return (plt_piece_t){0, n};
  return (plt_piece_t){n * part / parts, n * (part + 1) / parts};
}

uint32_t plt_parts_for(uint64_t bytes) {
  uint64_t few = bytes / FEW_BYTES, parts = bytes / PART_BYTES;
  if (parts < FEW) parts = few < FEW ? few : FEW;
  return parts <= 1 ? 1 : parts >= PLT_PARTS_MAX ? PLT_PARTS_MAX : (uint32_t)parts;
}

static plt_status_t differ(const char *what) {
  return plt_fail(PLT_ERR_PROTOCOL, "parts of a message differ in %s", what);
}

/* Whether section i of all parts is of one section; its rows. */
static plt_status_t count_rows(const plt_header_t *const *parts, uint32_t n, size_t i, uint64_t *rows, bool *any_keys) {
  const plt_section_t *first = &parts[0]->sections[i];
  *rows = 0;
  *any_keys = false;
  for (uint32_t p = 0; p < n; p++) {
    const plt_section_t *section = &parts[p]->sections[i];
    if (section->kind != first->kind || section->table != first->table || section->cols != first->cols ||
        section->type != first->type || section->span.first != first->span.first ||
        section->span.leaves != first->span.leaves)
      return differ("what a section is");
    *rows += section->n;
    *any_keys = *any_keys || section->keys != NULL;
  }
  for (uint32_t p = 0; p < n; p++) {
    const plt_section_t *section = &parts[p]->sections[i];
    plt_piece_t piece = plt_piece_of(*rows, p, n);
    if (section->n != piece.end - piece.begin) return differ("how they were cut");
    if (*any_keys && section->n > 0 && section->keys == NULL) return differ("keys");
  }
  return PLT_OK;
}

static plt_status_t join_section(const plt_header_t *const *parts, uint32_t n, size_t i, plt_arena_t *arena,
                                 plt_section_t *out) {
  uint64_t rows, at = 0;
  bool any_keys;
  PLT_TRY(count_rows(parts, n, i, &rows, &any_keys));
  uint64_t *keys = any_keys ? plt_arena_alloc(arena, rows * sizeof *keys) : NULL;
  const void **pieces = plt_arena_alloc(arena, n * sizeof *pieces);
  for (uint32_t p = 0; p < n; p++) {
    const plt_section_t *section = &parts[p]->sections[i];
    if (keys != NULL && section->n > 0) memcpy(keys + at, section->keys, section->n * sizeof *keys);
    if (keys != NULL && at > 0 && section->n > 0 && keys[at] <= keys[at - 1]) return differ("the order of keys");
    pieces[p] = section->values;
    at += section->n;
  }
  *out = parts[0]->sections[i];
  out->n = rows;
  out->keys = keys;
  out->values = NULL;
  out->pieces = pieces;
  out->n_pieces = n;
  return PLT_OK;
}

plt_status_t plt_parts_join(const plt_header_t *const *parts, uint32_t n, plt_arena_t *arena, plt_header_t *whole) {
  size_t n_sections = parts[0]->n_sections;
  plt_section_t *sections = plt_arena_alloc(arena, n_sections * sizeof *sections);
  for (uint32_t p = 1; p < n; p++) {
    const plt_header_t *a = parts[0], *b = parts[p];
    if (b->verb != a->verb || b->n_sections != n_sections) return differ("their sections");
    if (b->pushes != a->pushes || b->clock != a->clock || b->ahead != a->ahead || b->flags != a->flags ||
        b->eta != a->eta)
      return differ("their clock");
  }
  for (size_t i = 0; i < n_sections; i++) PLT_TRY(join_section(parts, n, i, arena, &sections[i]));
  *whole = *parts[0];
  whole->part = whole->parts = 0;
  whole->sections = sections;
  return PLT_OK;
}
