/* Headers and sections through frames and back, field by field; and what a peer may send instead. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

enum { HEADER_MAX = 64 * 1024 };

static uint64_t state = 1;
static uint32_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 32);
}

typedef struct desk {
  plt_pool_t *pool;
  plt_arena_t *out_arena, *in_arena;
  plt_parcel_t *parcel;
} desk_t;

static desk_t desk_open(void) {
  return (desk_t){plt_pool_create(), plt_arena_create(), plt_arena_create(), plt_parcel_create()};
}

static void desk_close(desk_t *desk) {
  plt_parcel_destroy(&desk->parcel);
  plt_arena_destroy(&desk->out_arena);
  plt_arena_destroy(&desk->in_arena);
  plt_pool_destroy(&desk->pool);
}

static void encode(desk_t *desk, const plt_header_t *header) {
  plt_parcel_clear(desk->parcel);
  plt_arena_reset(desk->out_arena);
  cr_assert_eq(plt_frame_encode(header, desk->pool, desk->out_arena, desk->parcel), PLT_OK, "%s", plt_fail_text());
}

static plt_status_t decode(desk_t *desk, plt_header_t *header) {
  plt_arena_reset(desk->in_arena);
  return plt_frame_decode(desk->parcel, desk->in_arena, header);
}

static void *pooled(desk_t *desk, const void *bytes, size_t n) {
  void *buffer = plt_pool_take(desk->pool, n);
  if (n > 0) memcpy(buffer, bytes, n);
  return buffer;
}

static void expect_refusal(desk_t *desk, const char *why) {
  plt_header_t header;
  cr_assert_eq(decode(desk, &header), PLT_ERR_PROTOCOL, "accepted, but %s", why);
  cr_assert_not_null(strstr(plt_fail_text(), why), "\"%s\" is not in \"%s\"", why, plt_fail_text());
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

/* ---- round trips ---- */

static plt_header_t identified(plt_verb_t verb) {
  return (plt_header_t){.verb = verb,
                        .version = 7,
                        .job = UINT64_MAX - 3,
                        .generation = 4000000000u,
                        .role = PLT_ROLE_SERVER,
                        .number = 12345,
                        .request = UINT64_MAX};
}

static void expect_identity(const plt_header_t *a, const plt_header_t *b) {
  cr_assert(a->verb == b->verb && a->version == b->version && a->job == b->job && a->generation == b->generation);
  cr_assert(a->role == b->role && a->number == b->number && a->request == b->request);
}

Test(frame, an_empty_header_of_every_verb) {
  desk_t desk = desk_open();
  for (plt_verb_t verb = 1; verb < PLT_VERB_COUNT; verb++) {
    plt_header_t out = identified(verb), in;
    encode(&desk, &out);
    cr_assert_eq(plt_parcel_frames(desk.parcel), 1);
    cr_assert_eq(decode(&desk, &in), PLT_OK);
    expect_identity(&out, &in);
    cr_assert(!in.pushes && in.clock == 0 && in.eta == 0 && in.flags == 0 && in.n_losses == 0 && !in.has_loss);
    cr_assert(!in.has_progress && !in.has_spec && in.table == 0 && in.salt == 0 && in.text[0] == '\0');
    cr_assert(in.status == PLT_OK && in.who == 0 && in.age_ms == 0 && in.bytes == 0 && in.hash[0] == '\0');
    cr_assert(in.sums == NULL && in.n_sums == 0 && in.n_sections == 0);
  }
  desk_close(&desk);
}

Test(frame, numbers_and_texts) {
  desk_t desk = desk_open();
  plt_header_t out = identified(PLT_VERB_STEP), in;
  out.pushes = true;
  out.clock = UINT64_MAX - 1;
  out.eta = 0x1.23456789abcdep-30;
  out.flags = UINT32_MAX;
  out.loss = -0.0;
  out.has_loss = true;
  out.table = UINT32_MAX;
  out.salt = UINT64_MAX;
  out.status = PLT_STATUS_COUNT - 1;
  out.who = UINT32_MAX;
  out.age_ms = UINT64_MAX;
  out.bytes = UINT64_MAX;
  memset(out.text, 'x', PLT_TEXT_MAX - 1);
  memset(out.hash, 'a', PLT_HASH_HEX - 1);
  encode(&desk, &out);
  cr_assert_eq(decode(&desk, &in), PLT_OK);
  expect_identity(&out, &in);
  cr_assert(in.pushes && in.clock == out.clock && in.eta == out.eta && in.flags == out.flags);
  cr_assert(in.has_loss && in.loss == 0 && signbit(in.loss));
  cr_assert(in.table == out.table && in.salt == out.salt && in.status == out.status && in.who == out.who);
  cr_assert(in.age_ms == out.age_ms && in.bytes == out.bytes);
  cr_assert_str_eq(in.text, out.text);
  cr_assert_str_eq(in.hash, out.hash);
  out.eta = NAN;
  encode(&desk, &out);
  cr_assert(decode(&desk, &in) == PLT_OK && isnan(in.eta), "what a number means is for others to judge");
  desk_close(&desk);
}

Test(frame, progress) {
  desk_t desk = desk_open();
  plt_header_t out = identified(PLT_VERB_WELCOME), in;
  out.has_progress = true;
  out.progress = (plt_progress_t){.stage = 1,
                                  .begin_clock = 12,
                                  .epoch = 2,
                                  .batch = 3,
                                  .phase = 4,
                                  .epoch_closed = true,
                                  .loss_sum = 0.1,
                                  .gradients = UINT64_MAX,
                                  .best = -INFINITY,
                                  .best_epoch = 6,
                                  .best_clock = UINT64_C(1) << 40,
                                  .has_best = true,
                                  .bad_evals = 7,
                                  .seconds = 1e9};
  for (int finished = 0; finished < 2; finished++) {
    out.progress.finished = finished;
    encode(&desk, &out);
    cr_assert_eq(decode(&desk, &in), PLT_OK);
    const plt_progress_t *a = &out.progress, *b = &in.progress;
    cr_assert(in.has_progress && a->stage == b->stage && a->begin_clock == b->begin_clock && a->epoch == b->epoch &&
              a->batch == b->batch);
    cr_assert(a->phase == b->phase && a->epoch_closed == b->epoch_closed && a->finished == b->finished);
    cr_assert(a->loss_sum == b->loss_sum && a->gradients == b->gradients && a->best == b->best);
    cr_assert(a->best_epoch == b->best_epoch && a->best_clock == b->best_clock && a->has_best == b->has_best);
    cr_assert(a->bad_evals == b->bad_evals && a->seconds == b->seconds);
  }
  desk_close(&desk);
}

static plt_table_spec_t full_spec(void) {
  plt_table_spec_t spec = {.rows = UINT64_MAX,
                           .cols = 1 << 24,
                           .init = {PLT_INIT_UNIFORM, 0.25},
                           .seed = UINT64_MAX,
                           .frozen = true,
                           .temporary = true};
  memset(spec.name, 'n', PLT_TABLE_NAME_MAX - 1);
  memset(spec.optimizer, 'o', PLT_TABLE_NAME_MAX - 1);
  memset(spec.settings, 's', PLT_SETTINGS_MAX - 1);
  return spec;
}

Test(frame, table_specs) {
  desk_t desk = desk_open();
  plt_header_t out = identified(PLT_VERB_DECLARE), in;
  out.has_spec = true;
  out.spec = full_spec();
  encode(&desk, &out);
  cr_assert_eq(decode(&desk, &in), PLT_OK, "%s", plt_fail_text());
  cr_assert(in.has_spec && plt_table_spec_equal(&out.spec, &in.spec));
  out.spec = (plt_table_spec_t){.name = "t", .rows = 1, .cols = 1};
  encode(&desk, &out);
  cr_assert_eq(decode(&desk, &in), PLT_OK);
  cr_assert(plt_table_spec_equal(&out.spec, &in.spec));

  const struct {
    plt_table_spec_t spec;
    const char *why;
  } bad[] = {{{.name = "", .rows = 1, .cols = 1}, "table name"},
             {{.name = "t", .rows = 0, .cols = 1}, "shape"},
             {{.name = "t", .rows = 1, .cols = 0}, "shape"},
             {{.name = "t", .rows = 1, .cols = (1 << 24) + 1}, "shape"},
             {{.name = "t", .rows = 1, .cols = 1, .init = {PLT_INIT_KINDS, 0}}, "initial value"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    out.spec = bad[i].spec;
    encode(&desk, &out);
    expect_refusal(&desk, bad[i].why);
  }
  desk_close(&desk);
}

Test(frame, sums_and_losses) {
  desk_t desk = desk_open();
  plt_header_t out = identified(PLT_VERB_SUM), in;
  double sums[1000];
  plt_block_loss_t losses[PLT_TREE_BLOCKS_MAX + 1];
  for (int i = 0; i < 1000; i++) sums[i] = i / 7.0;
  for (uint32_t i = 0; i <= PLT_TREE_BLOCKS_MAX; i++) losses[i] = (plt_block_loss_t){{4 * i, 4}, i / 9.0};
  losses[5].span = (plt_leaf_span_t){UINT32_C(1) << 31, UINT32_C(1) << 31};
  for (size_t n = 0; n <= 1000; n += 500) {
    out.sums = sums;
    out.n_sums = n;
    out.losses = losses;
    out.n_losses = n == 0 ? 0 : PLT_TREE_BLOCKS_MAX;
    encode(&desk, &out);
    cr_assert_eq(decode(&desk, &in), PLT_OK);
    cr_assert(in.sums != NULL && in.n_sums == n && memcmp(in.sums, sums, n * sizeof *sums) == 0);
    cr_assert_eq(in.n_losses, out.n_losses);
    for (size_t i = 0; i < in.n_losses; i++) {
      cr_assert(in.losses[i].span.first == losses[i].span.first && in.losses[i].span.leaves == losses[i].span.leaves);
      cr_assert_eq(in.losses[i].loss, losses[i].loss);
    }
  }
  out.n_losses = PLT_TREE_BLOCKS_MAX + 1;
  encode(&desk, &out);
  expect_refusal(&desk, "too many losses");
  out.n_losses = 1;
  const plt_leaf_span_t bad[] = {{0, 0}, {0, 3}, {2, 4}, {1, 2}, {UINT32_MAX, 2}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    losses[0].span = bad[i];
    encode(&desk, &out);
    expect_refusal(&desk, "no block");
  }
  desk_close(&desk);
}

/* One section of every kind and width, several in a message. */
Test(frame, sections) {
  desk_t desk = desk_open();
  enum { N = 37, COLS = 5 };
  for (int wide = 0; wide < 2; wide++) {
    for (int type = PLT_WIRE_F32; type <= PLT_WIRE_BF16; type++) {
      for (size_t n = 0; n <= N; n += N) {
        uint64_t keys[N];
        uint8_t values[N * COLS * 4];
        size_t bytes = n * COLS * (type == PLT_WIRE_F32 ? 4 : 2);
        for (uint64_t i = 0; i < N; i++) keys[i] = i * 115000000u + (wide ? UINT64_C(1) << 40 : 0);
        if (!wide) keys[N - 1] = UINT32_MAX;
        for (size_t i = 0; i < sizeof values; i++) values[i] = (uint8_t)next();
        plt_section_t sections[] = {
            {.kind = PLT_SECTION_PUSH,
             .table = 3,
             .span = {24, 8},
             .n = n,
             .cols = COLS,
             .type = type,
             .keys = keys,
             .values = pooled(&desk, values, bytes)},
            {.kind = PLT_SECTION_PULL, .table = 63, .n = n, .type = type, .keys = keys},
            {.kind = PLT_SECTION_ROWS, .n = n, .cols = COLS, .type = type, .values = pooled(&desk, values, bytes)}};
        plt_header_t out = identified(PLT_VERB_STEP), in;
        out.sums = (const double[]){1.5};
        out.n_sums = 1;
        out.sections = sections;
        out.n_sections = 3;
        encode(&desk, &out);
        cr_assert_eq(plt_parcel_frames(desk.parcel), 2 + 2 * 3);
        cr_assert_eq(decode(&desk, &in), PLT_OK, "%s", plt_fail_text());
        cr_assert(in.n_sections == 3 && in.n_sums == 1 && in.sums[0] == 1.5);
        for (size_t i = 0; i < 3; i++) {
          const plt_section_t *a = &sections[i], *b = &in.sections[i];
          cr_assert(a->kind == b->kind && a->table == b->table && a->n == b->n && a->type == b->type);
          cr_assert(a->cols == b->cols && a->span.first == b->span.first && a->span.leaves == b->span.leaves);
          if (n > 0 && i < 2) cr_assert_eq(memcmp(b->keys, keys, n * sizeof *keys), 0);
          if (n > 0 && i != 1) cr_assert_eq(memcmp(b->values, values, bytes), 0);
          if (i == 2) cr_assert_null(b->keys);
        }
      }
    }
  }
  desk_close(&desk);
}

Test(frame, as_many_sections_as_there_may_be) {
  desk_t desk = desk_open();
  static plt_section_t sections[PLT_SECTIONS_MAX];
  const uint64_t key = 8;
  plt_header_t out = identified(PLT_VERB_READ), in;
  for (uint32_t i = 0; i < PLT_SECTIONS_MAX; i++)
    sections[i] = (plt_section_t){.kind = PLT_SECTION_PULL, .table = i, .n = 1, .keys = &key};
  out.sections = sections;
  out.n_sections = PLT_SECTIONS_MAX;
  encode(&desk, &out);
  cr_assert_eq(decode(&desk, &in), PLT_OK);
  cr_assert(in.n_sections == PLT_SECTIONS_MAX && in.sections[PLT_SECTIONS_MAX - 1].keys[0] == 8);
  desk_close(&desk);
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

Test(frame, arrays_must_have_the_announced_sizes) {
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

Test(frame, keys_ascend_strictly) {
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

Test(frame, sections_must_make_sense) {
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

Test(frame, headers_must_be_whole) {
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
Test(frame, long_texts_are_refused) {
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

Test(frame, mutations_decode_or_are_refused) {
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

Test(frame, verbs_have_names) {
  cr_assert_str_eq(plt_verb_name(PLT_VERB_STEP), "STEP");
  cr_assert_str_eq(plt_verb_name(PLT_VERB_NONE), "NONE");
  cr_assert_str_eq(plt_verb_name(PLT_VERB_COUNT), "unknown");
}
