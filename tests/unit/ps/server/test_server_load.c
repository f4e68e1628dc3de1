/* A server under garbage and under many requests: it goes on, it does not grow, and reading changes nothing. */
#include <stdio.h>

#include "tests/unit/ps/server/honest.h"

/* ---- garbage ---- */

static uint32_t next(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 33);
}

static void add_garbage(raw_t *raw, plt_parcel_t *out, size_t bytes, uint64_t *seed) {
  uint8_t *frame = plt_pool_take(plt_wire_pool(raw->wire), bytes);
  for (size_t i = 0; i < bytes; i++) frame[i] = (uint8_t)next(seed);
  plt_parcel_add_pooled(out, frame, bytes);
}

/* What has been answered so far, so that the link's queue stays short; only refusals, or rows of a lucky READ. */
static void drain(raw_t *raw, int peer) {
  plt_header_t answer;
  while (raw_receive(raw, peer, 0, &answer)) cr_assert_neq(answer.verb, PLT_VERB_NONE);
}

Test(server, random_messages_are_refused) {
  raw_t *raw = raw_start(1);
  uint64_t seed = 11;
  plt_parcel_t *out = plt_parcel_create();
  join(raw, 1);
  honest_clock(raw, 1, 0);
  for (int i = 0; i < 10000; i++) {
    size_t frames = 1 + next(&seed) % 6;
    plt_parcel_clear(out);
    for (size_t f = 0; f < frames; f++) add_garbage(raw, out, next(&seed) % (next(&seed) % 8 == 0 ? 3000 : 60), &seed);
    cr_assert_eq(plt_links_send(raw->links[1], 0, out), PLT_OK);
    if (i % 16 == 0) {
      plt_header_t answer = raw_hear(raw, 1);
      cr_assert_eq(answer.verb, PLT_VERB_REFUSED);
      drain(raw, 1);
    }
  }
  plt_parcel_clear(out);
  add_garbage(raw, out, 1 << 20, &seed); /* a huge header */
  cr_assert_eq(plt_links_send(raw->links[2], 0, out), PLT_OK);
  plt_header_t answer = raw_hear(raw, 2);
  cr_assert(answer.verb == PLT_VERB_REFUSED && strstr(answer.text, "header") != NULL, "%s", answer.text);
  plt_parcel_clear(out);
  for (int f = 0; f < 5000; f++) add_garbage(raw, out, 0, &seed); /* very many frames */
  cr_assert_eq(plt_links_send(raw->links[2], 0, out), PLT_OK);    /* a flood is dropped without a word */
  plt_parcel_destroy(&out);
  honest_clock(raw, 1, 1);
  expect_rows(raw, 1, 2);
  leave(raw, 1);
}

/* Valid messages with some bytes of the header changed or frames lost; they may do what their sender may do, but
 * not end the server. Another worker of the job stays untouched: it can read and say goodbye. */
Test(server, mutated_messages_do_not_end_it) {
  raw_t *raw = raw_start(2);
  uint64_t seed = 12;
  join(raw, 2);
  for (int i = 0; i < 10000; i++) {
    push_t push;
    plt_parcel_t *good = plt_parcel_create(), *bad = plt_parcel_create();
    make_push(raw, 1, next(&seed) % 2, &push);
    plt_arena_reset(raw->arena);
    cr_assert_eq(plt_frame_encode(&push.header, plt_wire_pool(raw->wire), raw->arena, good), PLT_OK);
    for (size_t f = 0; f < plt_parcel_frames(good); f++) {
      size_t bytes;
      const void *from = plt_parcel_frame(good, f, &bytes);
      uint8_t *copy = plt_pool_take(plt_wire_pool(raw->wire), bytes);
      if (bytes > 0) memcpy(copy, from, bytes);
      for (uint32_t k = next(&seed) % 3; k > 0 && bytes > 0; k--) copy[next(&seed) % bytes] ^= 1u << next(&seed) % 8;
      if (bytes > 0 && next(&seed) % 50 == 0) bytes = next(&seed) % bytes;
      plt_parcel_add_pooled(bad, copy, bytes);
    }
    cr_assert_eq(plt_links_send(raw->links[1], 0, bad), PLT_OK);
    plt_parcel_destroy(&good);
    plt_parcel_destroy(&bad);
    if (i % 16 == 0) {
      float rows[ROWS][COLS];
      read_rows(raw, 0, 0, 0, rows);
      drain(raw, 1);
    }
  }
  raw_end(raw, false);
}

/* ---- reads, memory ---- */

/* Adam's rows decay without being pushed; reading them in between must not change a bit. */
static void train_adam(bool with_reads, float rows[ROWS][COLS]) {
  raw_t *raw = raw_start(1);
  join(raw, 1);
  for (uint64_t clock = 0; clock < 30; clock++) {
    const uint64_t keys[] = {2 * (clock % 7), 2 * (clock % 7 + 1 + clock % 5)};
    float values[2 * COLS], now[ROWS][COLS], again[ROWS][COLS];
    for (int i = 0; i < 2 * COLS; i++) values[i] = 0.01f * (float)(i + 1) - 0.003f * (float)clock;
    plt_section_t push = raw_section(raw, PLT_SECTION_PUSH, ADAM, (plt_leaf_span_t){0, 1}, keys, 2, values, COLS);
    plt_header_t step = raw_say(raw, PLT_VERB_STEP, 0);
    step.pushes = true;
    step.clock = clock;
    step.eta = 0.01;
    step.sections = &push;
    step.n_sections = 1;
    raw_expect(raw, 0, &step, PLT_VERB_ROWS, NULL);
    if (!with_reads) continue;
    read_rows(raw, 0, 0, ADAM, now);
    read_rows(raw, 0, 0, ADAM, again);
    cr_assert_eq(memcmp(now, again, sizeof now), 0);
  }
  read_rows(raw, 0, 0, ADAM, rows);
  leave(raw, 1);
}

Test(server, reading_changes_no_bits) {
  float without[ROWS][COLS], with[ROWS][COLS];
  train_adam(false, without);
  train_adam(true, with);
  cr_assert_eq(memcmp(without, with, sizeof with), 0);
}

Test(server, rows_of_a_table_are_asked_for_once) {
  raw_t *raw = raw_start(1);
  const uint64_t keys[] = {0, 2};
  join(raw, 1);
  plt_section_t pulls[2];
  for (int i = 0; i < 2; i++) pulls[i] = raw_section(raw, PLT_SECTION_PULL, 0, (plt_leaf_span_t){0}, keys, 2, NULL, 0);
  plt_header_t read = raw_say(raw, PLT_VERB_READ, 0);
  read.sections = pulls;
  read.n_sections = 2;
  raw_expect(raw, 0, &read, PLT_VERB_REFUSED, "twice");
  pulls[1].table = ADAM;
  raw_expect(raw, 0, &read, PLT_VERB_ROWS, NULL);
  leave(raw, 1);
}

static size_t resident_kib(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long pages, resident;
  cr_assert(file != NULL && fscanf(file, "%lu %lu", &pages, &resident) == 2);
  fclose(file);
  return resident * 4;
}

#if defined(__SANITIZE_ADDRESS__)
enum { REQUESTS = 4000, GROWTH_KIB = 1 << 20 }; /* freed memory is kept aside: only leaks show */
#else
enum { REQUESTS = 100000, GROWTH_KIB = 2048 };
#endif

Test(server, memory_does_not_grow_with_requests) {
  raw_t *raw = raw_start(1);
  uint64_t clock = 0;
  size_t warm = 0;
  float rows[ROWS][COLS];
  double one[] = {1};
  join(raw, 1);
  for (int i = 0; i < REQUESTS; i++) {
    char name[32];
    plt_header_t header = raw_say(raw, PLT_VERB_READ, 7); /* a stranger */
    switch (i % 5) {
      case 0:
        send_push(raw, 0, clock++);
        cr_assert_eq(raw_hear(raw, 0).verb, PLT_VERB_ROWS);
        break;
      case 1: read_rows(raw, 0, 0, ADAM, rows); break;
      case 2: raw_expect(raw, 1, &header, PLT_VERB_REFUSED, NULL); break;
      case 3: raw_hello(raw, 0, 0); break;
      case 4:
        snprintf(name, sizeof name, "%d", i);
        header = make_sum(raw, 0, name, one, 1);
        raw_expect(raw, 0, &header, PLT_VERB_SUM, NULL);
        break;
    }
    if (i == REQUESTS / 10) warm = resident_kib();
  }
  size_t end = resident_kib();
  cr_assert_leq(end, warm + GROWTH_KIB, "%zu KiB became %zu KiB", warm, end);
  expect_rows(raw, 1, clock);
  leave(raw, 1);
}
