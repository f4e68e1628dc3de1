/* Messages cut into parts and joined again. The oracle is what was cut. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/rng.h"
#include "proto/parts.h"

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(5, "parts", 0), a, b, 0, 0).word[0]; }

Test(parts, every_row_is_in_one_part) {
  for (uint32_t parts = 0; parts <= PLT_PARTS_MAX; parts++)
    for (uint64_t n = 0; n < 100; n++) {
      uint64_t next = 0;
      for (uint32_t p = 0; p < (parts == 0 ? 1 : parts); p++) {
        plt_piece_t piece = plt_piece_of(n, p, parts);
        cr_assert(piece.begin == next && piece.end >= next);
        next = piece.end;
      }
      cr_assert_eq(next, n);
    }
  plt_piece_t last = plt_piece_of(UINT64_C(1) << 40, PLT_PARTS_MAX - 1, PLT_PARTS_MAX);
  cr_assert_eq(last.end, UINT64_C(1) << 40);
}

/* [n p / P ..), in numbers: both ends cut by the same rule, which programs of others have from proto/PROTOCOL.md. */
Test(parts, rows_are_cut_as_the_protocol_says) {
  static const uint64_t of_ten[] = {0, 2, 5, 7, 10}, of_eleven[] = {0, 3, 7, 11};
  for (uint32_t p = 0; p < 4; p++) {
    plt_piece_t piece = plt_piece_of(10, p, 4);
    cr_expect(piece.begin == of_ten[p] && piece.end == of_ten[p + 1]);
  }
  for (uint32_t p = 0; p < 3; p++) {
    plt_piece_t piece = plt_piece_of(11, p, 3);
    cr_expect(piece.begin == of_eleven[p] && piece.end == of_eleven[p + 1]);
  }
}

Test(parts, small_messages_are_whole_and_large_ones_bounded) {
  cr_assert_eq(plt_parts_for(0), 1);
  cr_assert_eq(plt_parts_for(100000), 1);
  cr_assert_eq(plt_parts_for(UINT64_C(1) << 20), 4); /* such a message overlaps with work, too */
  cr_assert_gt(plt_parts_for(UINT64_C(8) << 20), 8);
  for (uint64_t bytes = 1; bytes < UINT64_MAX / 2; bytes *= 2)
    cr_assert_leq(plt_parts_for(bytes), plt_parts_for(2 * bytes), "%llu", (unsigned long long)bytes);
  cr_assert_eq(plt_parts_for(UINT64_MAX), PLT_PARTS_MAX);
}

enum { N = 200, SECTIONS = 3 };
static uint64_t keys[N];
static float values[N][2];

typedef struct cut {
  plt_section_t sections[PLT_PARTS_MAX][SECTIONS];
  plt_header_t headers[PLT_PARTS_MAX];
  const plt_header_t *list[PLT_PARTS_MAX];
} cut_t;

/* A push, a pull and an empty push of n rows. */
static void cut_up(cut_t *cut, uint64_t n, uint32_t parts) {
  memset(cut, 0, sizeof *cut);
  for (uint32_t p = 0; p < parts; p++) {
    plt_piece_t piece = plt_piece_of(n, p, parts);
    uint64_t rows = piece.end - piece.begin;
    const uint64_t *from = rows == 0 ? NULL : keys + piece.begin;
    plt_section_t push = {.kind = PLT_SECTION_PUSH, .table = 1, .span = {2, 2}, .n = rows, .cols = 2, .keys = from};
    push.values = values[piece.begin];
    cut->sections[p][0] = push;
    cut->sections[p][1] = (plt_section_t){.kind = PLT_SECTION_PULL, .table = 3, .n = rows, .keys = from};
    cut->sections[p][2] = (plt_section_t){.kind = PLT_SECTION_PUSH, .span = {0, 1}, .cols = 7};
    cut->headers[p] = (plt_header_t){.verb = PLT_VERB_STEP, .request = 8, .part = p, .parts = parts, .pushes = true};
    cut->headers[p].eta = 0.5;
    cut->headers[p].sections = cut->sections[p];
    cut->headers[p].n_sections = SECTIONS;
    cut->list[p] = &cut->headers[p];
  }
}

static void make_rows(void) {
  uint64_t key = 0;
  for (uint32_t i = 0; i < N; i++) {
    key += 1 + draw(i, 0) % 5;
    keys[i] = key;
    values[i][0] = (float)i;
    values[i][1] = -(float)i;
  }
}

Test(parts, joined_they_are_what_was_cut) {
  static cut_t cut;
  plt_arena_t *arena = plt_arena_create();
  make_rows();
  for (uint32_t round = 0; round < 500; round++) {
    uint32_t parts = 1 + draw(round, 1) % PLT_PARTS_MAX;
    uint64_t n = draw(round, 2) % N;
    plt_header_t whole;
    cut_up(&cut, n, parts);
    plt_arena_reset(arena);
    cr_assert_eq(plt_parts_join(cut.list, parts, arena, &whole), PLT_OK, "%s", plt_fail_text());
    cr_assert(whole.parts == 0 && whole.request == 8 && whole.eta == 0.5 && whole.n_sections == SECTIONS);
    for (size_t s = 0; s < 2; s++) {
      cr_assert_eq(whole.sections[s].n, n);
      if (n > 0) cr_assert_arr_eq(whole.sections[s].keys, keys, n * sizeof *keys);
    }
    cr_assert(whole.sections[2].n == 0 && whole.sections[2].keys == NULL);
    const plt_section_t *push = &whole.sections[0];
    cr_assert(push->n_pieces == parts && push->span.first == 2 && push->cols == 2 && push->values == NULL);
    for (uint32_t p = 0; p < parts; p++) cr_assert_eq(push->pieces[p], values[plt_piece_of(n, p, parts).begin]);
  }
  plt_arena_destroy(&arena);
}

Test(parts, of_different_messages_they_are_refused) {
  static cut_t cut;
  plt_arena_t *arena = plt_arena_create();
  plt_header_t whole;
  make_rows();
  for (int fault = 0; fault < 12; fault++) {
    cut_up(&cut, 100, 4);
    plt_header_t *header = &cut.headers[2];
    plt_section_t *section = &cut.sections[2][0];
    switch (fault) {
      case 0: header->n_sections--; break;
      case 1: header->clock++; break;
      case 2: header->eta = 0.25; break;
      case 3: header->flags = PLT_FLAG_STOP; break;
      case 4: header->pushes = false; break;
      case 5: section->kind = PLT_SECTION_PULL; break;
      case 6: section->table++; break;
      case 7: section->cols++; break;
      case 8: section->span.first = 4; break;
      case 9: section->type = PLT_WIRE_BF16; break;
      case 10: section->n--; break;
      default: section->keys = keys; break; /* not behind those of the part before */
    }
    cr_assert_eq(plt_parts_join(cut.list, 4, arena, &whole), PLT_ERR_PROTOCOL, "fault %d", fault);
  }
  plt_arena_destroy(&arena);
}
