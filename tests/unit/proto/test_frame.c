/* Headers and sections through frames and back, field by field. */
#include <math.h>

#include "tests/unit/proto/desk.h"

static uint64_t state = 1;
static uint32_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 32);
}
/* ---- round trips ---- */

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
  out.spec = (plt_table_spec_t){
      .name = "t", .cols = 1, .sparse = {.declared = true, .admit_pushes = 3, .max_age = UINT64_MAX, .max_rows = 5000}};
  encode(&desk, &out);
  cr_assert_eq(decode(&desk, &in), PLT_OK);
  cr_assert(plt_table_spec_equal(&out.spec, &in.spec));
  out.spec.sparse = (plt_sparse_keys_t){.declared = true, .admit_share = 0.1};
  cr_assert(!plt_table_spec_equal(&out.spec, &in.spec));
  encode(&desk, &out);
  cr_assert_eq(decode(&desk, &in), PLT_OK);
  cr_assert(plt_table_spec_equal(&out.spec, &in.spec));

  const struct {
    plt_table_spec_t spec;
    const char *why;
  } bad[] = {{{.name = "", .rows = 1, .cols = 1}, "table name"},
             {{.name = "t", .rows = 0, .cols = 1}, "shape"},
             {{.name = "t", .rows = 1, .cols = 1, .sparse = {.declared = true}}, "shape"},
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

Test(frame, verbs_have_names) {
  cr_assert_str_eq(plt_verb_name(PLT_VERB_STEP), "STEP");
  cr_assert_str_eq(plt_verb_name(PLT_VERB_NONE), "NONE");
  cr_assert_str_eq(plt_verb_name(PLT_VERB_COUNT), "unknown");
}
