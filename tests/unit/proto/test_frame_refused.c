/* What a peer may send instead of a header and its sections. */
#include "tests/unit/proto/desk.h"

enum { HEADER_MAX = 64 * 1024 };

static uint64_t state = 1;
static uint32_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 32);
}
/* Puts `n` bytes in place of frame `at`; frames behind `frames` are dropped. */
static void rewrite(desk_t *desk, size_t at, const void *bytes, size_t n, size_t frames) {
  plt_parcel_t *other = plt_parcel_create();
  for (size_t f = 0; f < frames; f++) {
    size_t size;
    const void *from = f < plt_parcel_frames(desk->parcel) ? plt_parcel_frame(desk->parcel, f, &size) : (size = 0, "");
    if (f == at)
      plt_parcel_add_pooled(other, pooled(desk, bytes, n), n);
    else
      plt_parcel_add_pooled(other, pooled(desk, from, size), size);
  }
  plt_parcel_destroy(&desk->parcel);
  desk->parcel = other;
}

/* ---- what does not fit ---- */

static void encode_push(desk_t *desk, const uint64_t *keys, uint64_t n, uint32_t cols) {
  float values[64] = {0};
  plt_section_t section = {.kind = PLT_SECTION_PUSH,
                           .span = {0, 1},
                           .n = n,
                           .cols = cols,
                           .keys = keys,
                           .values = pooled(desk, values, n * cols * sizeof *values)};
  plt_header_t out = identified(PLT_VERB_STEP);
  out.sections = &section;
  out.n_sections = 1;
  encode(desk, &out);
}

Test(frame_refused, arrays_must_have_the_announced_sizes) {
  desk_t desk = desk_open();
  const uint64_t keys[8] = {1, 2, 3}, wide[8] = {1, 2, UINT64_C(1) << 33}; /* as much as is ever sent of them */
  const char bytes[128] = {0};
  for (size_t size = 0; size < 30; size++) {
    encode_push(&desk, keys, 3, 2);
    rewrite(&desk, 1, keys, size, 3);
    plt_header_t in;
    cr_assert_neq(decode(&desk, &in), PLT_OK, "keys of %zu bytes", size);
    encode_push(&desk, keys, 3, 2);
    rewrite(&desk, 2, bytes, size, 3);
    cr_assert_eq(decode(&desk, &in) == PLT_OK, size == 24, "values of %zu bytes", size);
    encode_push(&desk, wide, 3, 2);
    rewrite(&desk, 1, wide, size, 3);
    cr_assert_eq(decode(&desk, &in) == PLT_OK, size == 24, "wide keys of %zu bytes", size);
  }
  for (size_t frames = 1; frames < 6; frames++) {
    encode_push(&desk, keys, 3, 2);
    rewrite(&desk, SIZE_MAX, NULL, 0, frames);
    if (frames != 3) expect_refusal(&desk, "number of frames");
  }
  encode_push(&desk, keys, 0, 2);
  rewrite(&desk, 2, bytes, 8, 3);
  expect_refusal(&desk, "values without rows");
  desk_close(&desk);
}

Test(frame_refused, keys_ascend_strictly) {
  desk_t desk = desk_open();
  const uint64_t bad[][3] = {{1, 1, 2},
                             {2, 1, 3},
                             {0, 5, 5},
                             {1, UINT64_C(1) << 40, UINT64_C(1) << 40},
                             {UINT64_C(1) << 40, 1, UINT64_C(1) << 41}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    encode_push(&desk, bad[i], 3, 2);
    expect_refusal(&desk, "ascend");
  }
  desk_close(&desk);
}

Test(frame_refused, sections_must_make_sense) {
  desk_t desk = desk_open();
  const uint64_t key = 1;
  const plt_leaf_span_t bad[] = {{0, 0}, {0, 3}, {2, 4}, {1, 2}};
  plt_header_t out = identified(PLT_VERB_STEP);
  plt_section_t section = {.kind = PLT_SECTION_PUSH, .n = 0};
  out.sections = &section;
  out.n_sections = 1;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    section.span = bad[i];
    encode(&desk, &out);
    expect_refusal(&desk, "no block");
  }
  section.span = (plt_leaf_span_t){0, 1};
  for (unsigned kind = 0; kind < 6; kind++) {
    if (kind >= PLT_SECTION_PUSH && kind <= PLT_SECTION_ROWS) continue;
    section.kind = kind;
    encode(&desk, &out);
    expect_refusal(&desk, "kind");
  }
  section = (plt_section_t){.kind = PLT_SECTION_PULL, .n = 1, .keys = &key};
  encode(&desk, &out);
  rewrite(&desk, 2, "1234", 4, 3);
  expect_refusal(&desk, "pull with values");
  section = (plt_section_t){.kind = PLT_SECTION_ROWS, .n = UINT64_MAX / 2, .cols = 1 << 24};
  encode(&desk, &(plt_header_t){.verb = PLT_VERB_ROWS}); /* sizes whose product overflows */
  plt_section_t huge = section;
  huge.cols = 0;
  out.sections = &huge;
  encode(&desk, &out);
  expect_refusal(&desk, "announced size");
  desk_close(&desk);
}

Test(frame_refused, headers_must_be_whole) {
  desk_t desk = desk_open();
  plt_header_t out = identified(PLT_VERB_DECLARE), in;
  out.has_spec = true;
  out.spec = full_spec();
  encode(&desk, &out);
  size_t bytes;
  uint8_t copy[4096];
  const void *frame = plt_parcel_frame(desk.parcel, 0, &bytes);
  cr_assert_lt(bytes, sizeof copy);
  memcpy(copy, frame, bytes);
  for (size_t cut = 0; cut < bytes; cut++) {
    rewrite(&desk, 0, copy, cut, 1);
    cr_assert_eq(decode(&desk, &in), PLT_ERR_PROTOCOL, "cut to %zu of %zu bytes", cut, bytes);
  }
  plt_parcel_clear(desk.parcel);
  expect_refusal(&desk, "no frames");
  uint8_t *huge = calloc(1, HEADER_MAX + 1);
  rewrite(&desk, 0, huge, HEADER_MAX + 1, 1);
  expect_refusal(&desk, "header too large");
  free(huge);
  out = identified(PLT_VERB_NONE);
  encode(&desk, &out);
  expect_refusal(&desk, "verb");
  out = identified(PLT_VERB_COUNT);
  encode(&desk, &out);
  expect_refusal(&desk, "verb");
  out = identified(PLT_VERB_BYE);
  out.status = PLT_STATUS_COUNT;
  encode(&desk, &out);
  expect_refusal(&desk, "status");
  desk_close(&desk);
}

/* A text as long as a header may be; the receiver has room for 1023 bytes. */
Test(frame_refused, long_texts_are_refused) {
  desk_t desk = desk_open();
  plt_header_t out = identified(PLT_VERB_BYE);
  strcpy(out.text, "0123456789");
  encode(&desk, &out);
  size_t bytes;
  const uint8_t *frame = plt_parcel_frame(desk.parcel, 0, &bytes);
  const uint8_t *place = memmem(frame, bytes,
                                "\x0a"
                                "0123456789",
                                11); /* length, then the text */
  cr_assert_not_null(place);
  size_t before = (size_t)(place - frame);
  uint8_t *longer = malloc(bytes + 2000);
  for (size_t length = 1023; length <= 1500; length += 477) {
    memcpy(longer, frame, before);
    longer[before] = (uint8_t)(length & 127) | 128;
    longer[before + 1] = (uint8_t)(length >> 7);
    memset(longer + before + 2, 'x', length);
    memcpy(longer + before + 2 + length, place + 11, bytes - before - 11);
    plt_parcel_t *kept = desk.parcel;
    desk.parcel = plt_parcel_create();
    size_t size = bytes - 11 + 2 + length;
    plt_parcel_add_pooled(desk.parcel, pooled(&desk, longer, size), size);
    plt_header_t in;
    if (length < PLT_TEXT_MAX)
      cr_assert(decode(&desk, &in) == PLT_OK && strlen(in.text) == length);
    else
      expect_refusal(&desk, "text too long");
    plt_parcel_destroy(&desk.parcel);
    desk.parcel = kept;
  }
  free(longer);
  desk_close(&desk);
}

/* ---- mutations ---- */

/* What decode accepts must be safe to read to its last byte. */
static void read_all(const plt_header_t *header) {
  volatile uint64_t sum = strlen(header->text) + strlen(header->hash);
  for (size_t i = 0; i < header->n_losses; i++) sum += header->losses[i].span.first;
  for (size_t i = 0; i < header->n_sums; i++) sum += header->sums[i] > 0;
  if (header->has_spec)
    sum += strlen(header->spec.name) + strlen(header->spec.optimizer) + strlen(header->spec.settings);
  for (size_t i = 0; i < header->n_sections; i++) {
    const plt_section_t *section = &header->sections[i];
    size_t bytes = section->n * section->cols * (section->type == PLT_WIRE_BF16 ? 2 : 4);
    for (size_t k = 0; section->keys != NULL && k < section->n; k++) {
      sum += section->keys[k];
      cr_assert(k == 0 || section->keys[k] > section->keys[k - 1]);
    }
    for (size_t b = 0; section->kind != PLT_SECTION_PULL && b < bytes; b++)
      sum += ((const uint8_t *)section->values)[b];
  }
}

static plt_header_t any_message(desk_t *desk, plt_section_t sections[3]) {
  static const uint64_t keys[] = {1, 5, UINT64_C(1) << 35};
  static const plt_block_loss_t losses[] = {{{0, 4}, 0.5}, {{4, 2}, 0.25}};
  static const double sums[] = {1, 2, 3};
  plt_header_t header = identified(1 + next() % (PLT_VERB_COUNT - 1));
  size_t n = next() % 4;
  plt_wire_type_t type = next() % 2;
  sections[0] = (plt_section_t){.kind = PLT_SECTION_PUSH,
                                .table = next() % 3,
                                .span = {4, 4},
                                .n = n,
                                .cols = 2,
                                .type = type,
                                .keys = keys,
                                .values = pooled(desk, "0123456789abcdef01234567", n * (type ? 4 : 8))};
  sections[1] = (plt_section_t){.kind = PLT_SECTION_PULL, .n = n, .keys = keys};
  sections[2] = (plt_section_t){
      .kind = PLT_SECTION_ROWS, .n = 2, .cols = 1, .values = pooled(desk, "01234567", 2 * sizeof(float))};
  header.clock = next();
  header.eta = 0.1;
  header.losses = losses;
  header.n_losses = next() % 3;
  header.sums = next() % 2 ? sums : NULL;
  header.n_sums = header.sums != NULL ? 3 : 0;
  header.has_spec = next() % 3 == 0;
  header.spec = full_spec();
  header.has_progress = next() % 3 == 0;
  strcpy(header.text, next() % 2 ? "text" : "");
  header.sections = sections;
  header.n_sections = 3;
  return header;
}

static void mutate_frame(uint8_t *bytes, size_t *n, size_t room) {
  for (uint32_t k = next() % 4; k > 0 && *n > 0; k--) {
    size_t at = next() % *n;
    switch (next() % 4) {
      case 0: bytes[at] ^= (uint8_t)(1u << next() % 8); break;
      case 1: bytes[at] = (uint8_t)next(); break;
      case 2: memmove(bytes + at, bytes + at + 1, *n - at - 1), (*n)--; break;
      case 3:
        if (*n == room) break;
        memmove(bytes + at + 1, bytes + at, *n - at), (*n)++;
        break;
    }
  }
  if (next() % 16 == 0) *n = next() % (*n + 1);
}

Test(frame_refused, mutations_decode_or_are_refused) {
  desk_t desk = desk_open();
  size_t accepted = 0;
  for (int message = 0; message < 2000; message++) {
    plt_section_t sections[3];
    plt_header_t out = any_message(&desk, sections), in;
    encode(&desk, &out);
    cr_assert_eq(decode(&desk, &in), PLT_OK, "%s", plt_fail_text());
    plt_parcel_t *good = desk.parcel;
    for (int variant = 0; variant < 100; variant++) {
      size_t frames = plt_parcel_frames(good);
      desk.parcel = plt_parcel_create();
      uint32_t drop = next() % 40;
      for (size_t f = 0; f < frames; f++) {
        size_t bytes, room;
        const void *from = plt_parcel_frame(good, f, &bytes);
        if (f == drop) continue;
        room = bytes + 8;
        uint8_t *copy = malloc(room); /* of its own: the sanitizer sees every byte beyond */
        if (bytes > 0) memcpy(copy, from, bytes);
        if (f == 0 || next() % 4 == 0) mutate_frame(copy, &bytes, room);
        plt_parcel_add_pooled(desk.parcel, pooled(&desk, copy, bytes), bytes);
        free(copy);
      }
      if (decode(&desk, &in) == PLT_OK) {
        accepted++;
        read_all(&in);
      } else {
        cr_assert_not_null(strstr(plt_fail_text(), "malformed message"));
      }
      plt_parcel_destroy(&desk.parcel);
    }
    desk.parcel = good;
  }
  cr_assert(accepted > 1000 && accepted < 190000, "%zu of 200000 accepted", accepted);
  desk_close(&desk);
}
