/* fuzz_frame.c - messages from a peer. Input: frames, each with its length before it (u16, little-endian; the last may
 * be cut short). What decodes must encode, and what was encoded decode to the same bytes again. */
#include <string.h>

#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

enum { FRAMES_MAX = 64 };

static plt_pool_t *pool;
static plt_arena_t *arena;

static void add_frame(plt_parcel_t *parcel, const uint8_t *bytes, size_t n) {
  void *frame = plt_pool_take(pool, n);
  if (n > 0) memcpy(frame, bytes, n);
  plt_parcel_add_pooled(parcel, frame, n);
}

static plt_parcel_t *read_input(const uint8_t *data, size_t n) {
  plt_parcel_t *parcel = plt_parcel_create();
  while (n >= 2 && plt_parcel_frames(parcel) < FRAMES_MAX) {
    size_t length = data[0] | (size_t)data[1] << 8;
    data += 2, n -= 2;
    if (length > n) length = n;
    add_frame(parcel, data, length);
    data += length, n -= length;
  }
  return parcel;
}

static void check_section(const plt_section_t *section) {
  for (uint64_t i = 1; section->keys != NULL && i < section->n; i++)
    FUZZ_CHECK(section->keys[i - 1] < section->keys[i]);
  FUZZ_CHECK(section->keys != NULL || section->kind == PLT_SECTION_ROWS);
  FUZZ_CHECK((section->kind == PLT_SECTION_PULL || section->lent) == (section->values == NULL));
}

/* The message of a decoded header; its values are copied, since encoding takes them. */
static plt_parcel_t *encode(plt_header_t header) {
  plt_parcel_t *parcel = plt_parcel_create();
  plt_section_t *sections = plt_arena_alloc(arena, header.n_sections * sizeof *sections);
  for (size_t i = 0; i < header.n_sections; i++) {
    sections[i] = header.sections[i];
    check_section(&sections[i]);
    if (sections[i].values == NULL) continue;
    size_t bytes = (size_t)sections[i].n * sections[i].cols * (sections[i].type == PLT_WIRE_BF16 ? 2 : 4);
    void *values = plt_pool_take(pool, bytes);
    if (bytes > 0) memcpy(values, sections[i].values, bytes);
    sections[i].values = values;
  }
  header.sections = sections;
  FUZZ_CHECK(plt_frame_encode(&header, pool, arena, parcel) == PLT_OK);
  return parcel;
}

static void check_equal(const plt_parcel_t *a, const plt_parcel_t *b) {
  FUZZ_CHECK(plt_parcel_frames(a) == plt_parcel_frames(b));
  for (size_t i = 0; i < plt_parcel_frames(a); i++) {
    size_t n, m;
    const void *x = plt_parcel_frame(a, i, &n), *y = plt_parcel_frame(b, i, &m);
    FUZZ_CHECK(n == m && memcmp(x, y, n) == 0);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (pool == NULL) pool = plt_pool_create();
  arena = plt_arena_create();
  plt_parcel_t *in = read_input(data, n);
  plt_header_t header;
  if (plt_frame_decode(in, arena, &header) == PLT_OK) {
    plt_header_t again;
    plt_parcel_t *first = encode(header);
    FUZZ_CHECK(plt_frame_decode(first, arena, &again) == PLT_OK);
    plt_parcel_t *second = encode(again);
    check_equal(first, second);
    plt_parcel_destroy(&first);
    plt_parcel_destroy(&second);
  }
  plt_parcel_destroy(&in);
  plt_arena_destroy(&arena);
  return 0;
}
