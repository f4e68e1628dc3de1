/* One direction of a connection under a clock of the test's own: every kind of fault, byte by byte. */
#include "common/time.h"
#include "launch/fault/flow.h"
#include "tests/unit/launch/fault/stream.h"

#define MS PLT_NS_PER_MS

typedef struct rig {
  plt_fault_script_t script;
  plt_fault_tally_t tally;
  plt_fault_flow_t *flow;
  int64_t now;
  stream_t in, out;
} rig_t;

/* Faults happen with probability 1 or 0, so that nothing depends on draws. */
static rig_t rig_open(void) {
  rig_t rig = {.now = 1000 * PLT_NS_PER_S};
  rig.script.key = plt_rng_key(1, "faults", 0);
  stream_greet(&rig.in);
  stream_frame(&rig.in, 4, 5, 'R');
  return rig;
}

static plt_fault_rules_t *rules(rig_t *rig) { return &rig->script.rules[PLT_TO_SERVER]; }

static void rig_start(rig_t *rig) { rig->flow = plt_fault_flow_create(&rig->script, 0, PLT_TO_SERVER, &rig->tally); }

/* Hands over what came in since the last time, in runs of so many bytes. */
static void give(rig_t *rig, size_t run) {
  for (size_t at = 0; at < rig->in.n; at += run)
    plt_fault_flow_take(rig->flow, rig->in.bytes + at, rig->in.n - at < run ? rig->in.n - at : run, rig->now);
  rig->in.n = 0;
}

/* Takes all that may go out now. */
static void drain(rig_t *rig) {
  const uint8_t *bytes;
  for (size_t n; (n = plt_fault_flow_ready(rig->flow, rig->now, &bytes)) > 0;) {
    size_t taken = n > 3 ? n - n / 3 : n; /* a socket may take less */
    stream_add(&rig->out, bytes, taken);
    plt_fault_flow_sent(rig->flow, taken, rig->now);
  }
}

static void rig_close(rig_t *rig) {
  plt_fault_flow_destroy(&rig->flow);
  plt_fault_flow_destroy(&rig->flow);
  stream_clear(&rig->in);
  stream_clear(&rig->out);
}

static void expect_out(const rig_t *rig, const stream_t *want) {
  cr_assert_eq(rig->out.n, want->n, "%zu bytes, not %zu", rig->out.n, want->n);
  cr_assert_eq(memcmp(rig->out.bytes, want->bytes, want->n), 0);
}

static stream_t opening(void) {
  stream_t want = {0};
  stream_greet(&want);
  stream_frame(&want, 4, 5, 'R');
  return want;
}

Test(flow, without_faults_nothing_changes) {
  for (size_t run = 1; run < 2000; run = run * 3 + 1) {
    rig_t rig = rig_open();
    rig_start(&rig);
    stream_t want = opening();
    for (uint8_t i = 0; i < 20; i++) {
      stream_message(&rig.in, i, i * 40u);
      stream_message(&want, i, i * 40u);
    }
    give(&rig, run);
    drain(&rig);
    expect_out(&rig, &want);
    cr_assert(rig.tally.total == 0 && rig.tally.messages[PLT_TO_SERVER] == 20);
    cr_assert(plt_fault_flow_is_empty(rig.flow) && plt_fault_flow_due(rig.flow, rig.now) == INT64_MAX);
    stream_clear(&want);
    rig_close(&rig);
  }
}

Test(flow, a_message_passes_when_it_is_whole) {
  rig_t rig = rig_open();
  rig_start(&rig);
  stream_t want = opening();
  stream_message(&rig.in, 1, 100);
  rig.in.n -= 1;
  give(&rig, 50);
  drain(&rig);
  expect_out(&rig, &want);
  stream_message(&want, 1, 100);
  plt_fault_flow_take(rig.flow, want.bytes + want.n - 1, 1, rig.now); /* its last byte */
  drain(&rig);
  expect_out(&rig, &want);
  stream_clear(&want);
  rig_close(&rig);
}

Test(flow, dropped_messages_are_gone_and_commands_are_not) {
  rig_t rig = rig_open();
  rules(&rig)->probability[PLT_FAULT_DROP] = 1;
  rules(&rig)->after_messages = 2;
  rig_start(&rig);
  stream_t want = opening();
  for (uint8_t i = 0; i < 9; i++) {
    stream_message(&rig.in, i, 30);
    stream_frame(&rig.in, 4, 2, i);
    if (i < 2) stream_message(&want, i, 30);
    stream_frame(&want, 4, 2, i);
  }
  give(&rig, 7);
  drain(&rig);
  expect_out(&rig, &want);
  cr_assert_eq(rig.tally.faults[PLT_TO_SERVER][PLT_FAULT_DROP], 7);
  stream_clear(&want);
  rig_close(&rig);
}

Test(flow, there_may_be_a_most) {
  rig_t rig = rig_open();
  rules(&rig)->probability[PLT_FAULT_DROP] = 1;
  rig.script.faults_max = 3;
  rig_start(&rig);
  stream_t want = opening();
  for (uint8_t i = 0; i < 9; i++) {
    stream_message(&rig.in, i, 30);
    if (i >= 3) stream_message(&want, i, 30);
  }
  give(&rig, 1000);
  drain(&rig);
  expect_out(&rig, &want);
  stream_clear(&want);
  rig_close(&rig);
}

Test(flow, a_copy_comes_later) {
  rig_t rig = rig_open();
  rules(&rig)->probability[PLT_FAULT_DUPLICATE] = 1;
  rules(&rig)->duplicate_ms[0] = rules(&rig)->duplicate_ms[1] = 30;
  rig_start(&rig);
  stream_t want = opening();
  stream_message(&rig.in, 1, 600);
  stream_message(&want, 1, 600);
  give(&rig, 100);
  drain(&rig);
  expect_out(&rig, &want);
  cr_assert_eq(plt_fault_flow_due(rig.flow, rig.now), rig.now + 30 * MS);
  cr_assert(!plt_fault_flow_is_empty(rig.flow));
  rig.now += 29 * MS;
  drain(&rig);
  expect_out(&rig, &want);
  rig.now += MS;
  stream_message(&want, 1, 600);
  drain(&rig);
  expect_out(&rig, &want);
  cr_assert(plt_fault_flow_is_empty(rig.flow));
  stream_clear(&want);
  rig_close(&rig);
}

/* Delayed ones come in the order of their times, the others pass them. */
Test(flow, others_pass_a_late_message) {
  rig_t rig = rig_open();
  rules(&rig)->probability[PLT_FAULT_DELAY] = 0.5;
  rules(&rig)->delay_ms[0] = 10;
  rules(&rig)->delay_ms[1] = 90;
  rig_start(&rig);
  stream_t want = opening();
  bool late[40];
  for (uint8_t i = 0; i < 40; i++) {
    stream_message(&rig.in, i, 5);
    late[i] = plt_fault_decide(&rig.script, 0, PLT_TO_SERVER, i).has[PLT_FAULT_DELAY];
    if (!late[i]) stream_message(&want, i, 5);
  }
  give(&rig, 33);
  drain(&rig);
  expect_out(&rig, &want);
  for (int64_t ms = 1; ms <= 90; ms++) {
    rig.now += MS;
    for (uint8_t i = 0; i < 40; i++) {
      int64_t due = plt_fault_decide(&rig.script, 0, PLT_TO_SERVER, i).late_ns;
      if (late[i] && due <= ms * MS && due > (ms - 1) * MS) stream_message(&want, i, 5);
    }
    drain(&rig);
    cr_assert_eq(rig.out.n, want.n, "after %d ms", (int)ms); /* within one millisecond the order is not looked at */
  }
  stream_clear(&want);
  rig_close(&rig);
}

/* A naive twin: one that waits goes behind the next that does not. */
Test(flow, a_message_waits_to_be_overtaken) {
  rig_t rig = rig_open();
  rules(&rig)->probability[PLT_FAULT_REORDER] = 0.4;
  rules(&rig)->reorder_ms = 50;
  rig_start(&rig);
  stream_t want = opening();
  uint8_t waiting[64];
  size_t n_waiting = 0, overtaken = 0;
  for (uint8_t i = 0; i < 60; i++) {
    stream_message(&rig.in, i, 11);
    if (plt_fault_decide(&rig.script, 0, PLT_TO_SERVER, i).has[PLT_FAULT_REORDER]) {
      waiting[n_waiting++] = i;
      continue;
    }
    stream_message(&want, i, 11);
    for (size_t k = 0; k < n_waiting; k++) stream_message(&want, waiting[k], 11);
    overtaken += n_waiting;
    n_waiting = 0;
  }
  give(&rig, 1);
  drain(&rig);
  expect_out(&rig, &want);
  cr_assert(overtaken > 10 && rig.tally.faults[PLT_TO_SERVER][PLT_FAULT_REORDER] == overtaken);
  rig.now += 51 * MS; /* nobody came: it goes, and is not counted */
  for (size_t k = 0; k < n_waiting; k++) stream_message(&want, waiting[k], 11);
  drain(&rig);
  expect_out(&rig, &want);
  cr_assert_eq(rig.tally.total, overtaken);
  stream_clear(&want);
  rig_close(&rig);
}

Test(flow, one_bit_of_a_body_is_flipped) {
  rig_t rig = rig_open();
  size_t in_frame[3] = {0};
  rules(&rig)->probability[PLT_FAULT_CORRUPT] = 1;
  rig_start(&rig);
  give(&rig, 10);
  drain(&rig);
  for (int i = 0; i < 300; i++) {
    stream_t want = {0};
    rig.out.n = 0;
    stream_message(&rig.in, (uint8_t)i, 40); /* heads at 0, 3, 5; bodies at 2 and from 7 on */
    stream_message(&want, (uint8_t)i, 40);
    give(&rig, 9);
    drain(&rig);
    cr_assert_eq(rig.out.n, want.n);
    size_t bits = 0;
    for (size_t k = 0; k < want.n; k++) {
      unsigned differ = rig.out.bytes[k] ^ want.bytes[k];
      if (differ == 0) continue;
      cr_assert(k == 2 || k >= 7, "byte %zu is none of a body", k);
      in_frame[k == 2 ? 0 : 2]++;
      bits += (size_t)__builtin_popcount(differ);
    }
    cr_assert_eq(bits, 1);
    stream_clear(&want);
  }
  cr_assert(in_frame[0] > 100 && in_frame[2] > 100, "frames are alike: %zu, %zu", in_frame[0], in_frame[2]);
  cr_assert_eq(rig.tally.faults[PLT_TO_SERVER][PLT_FAULT_CORRUPT], 300);
  stream_frame(&rig.in, 0, 0, 0); /* nothing to flip */
  give(&rig, 9);
  cr_assert_eq(rig.tally.total, 300);
  rig_close(&rig);
}

Test(flow, a_cut_ends_within_the_message) {
  size_t resets = 0;
  for (uint32_t seed = 0; seed < 40; seed++) {
    rig_t rig = rig_open();
    rig.script.key = plt_rng_key(seed, "faults", 0);
    rules(&rig)->probability[PLT_FAULT_CUT] = 1;
    rules(&rig)->after_messages = 1;
    rig_start(&rig);
    stream_t want = opening();
    for (uint8_t i = 0; i < 5; i++) stream_message(&rig.in, i, 100);
    for (uint8_t i = 0; i < 2; i++) stream_message(&want, i, 100);
    give(&rig, 64);
    cr_assert_eq(plt_fault_flow_cut(rig.flow), PLT_CUT_NONE);
    drain(&rig);
    cr_assert(rig.out.n >= want.n - 107 && rig.out.n < want.n, "%zu of %zu bytes", rig.out.n, want.n);
    cr_assert_eq(memcmp(rig.out.bytes, want.bytes, rig.out.n), 0);
    cr_assert_neq(plt_fault_flow_cut(rig.flow), PLT_CUT_NONE);
    cr_assert(plt_fault_flow_is_full(rig.flow), "nothing is read any more");
    resets += plt_fault_flow_cut(rig.flow) == PLT_CUT_RESET;
    cr_assert_eq(rig.tally.total, 1);
    stream_clear(&want);
    rig_close(&rig);
  }
  cr_assert(resets > 5 && resets < 35);
}

Test(flow, a_stall_is_told_once) {
  rig_t rig = rig_open();
  rules(&rig)->probability[PLT_FAULT_STALL] = 1;
  rules(&rig)->stall_s = 2.5;
  rig_start(&rig);
  stream_message(&rig.in, 0, 10);
  give(&rig, 64);
  cr_assert_eq(plt_fault_flow_stall(rig.flow), 2500 * MS);
  cr_assert_eq(plt_fault_flow_stall(rig.flow), 0);
  rig_close(&rig);
}

Test(flow, bytes_have_their_time) {
  rig_t rig = rig_open();
  rules(&rig)->bytes_per_s = 10000;
  rig_start(&rig);
  for (uint8_t i = 0; i < 50; i++) stream_message(&rig.in, i, 200);
  size_t n = rig.in.n;
  int64_t begin = rig.now;
  give(&rig, 5000);
  for (drain(&rig); !plt_fault_flow_is_empty(rig.flow); drain(&rig)) {
    int64_t due = plt_fault_flow_due(rig.flow, rig.now);
    cr_assert(due > rig.now && due < rig.now + 100 * MS);
    rig.now = due;
  }
  double seconds = plt_time_seconds(rig.now - begin), want = (double)n / 10000;
  cr_assert(seconds > 0.97 * want && seconds < 1.03 * want, "%g s, not %g", seconds, want);
  cr_assert_eq(rig.out.n, n);
  rig_close(&rig);
}

Test(flow, a_rate_of_next_to_nothing_lets_one_byte_pass) {
  rig_t rig = rig_open();
  rules(&rig)->bytes_per_s = 1e-300;
  rig_start(&rig);
  stream_message(&rig.in, 1, 200);
  give(&rig, 5000);
  drain(&rig);
  rig.now += 1000000 * MS;
  drain(&rig);
  cr_assert_eq(rig.out.n, 1);
  cr_assert(plt_fault_flow_due(rig.flow, rig.now) > rig.now);
  rig_close(&rig);
}

Test(flow, what_is_too_large_passes_as_it_comes) {
  rig_t rig = rig_open();
  rules(&rig)->probability[PLT_FAULT_DROP] = 1;
  rig_start(&rig);
  give(&rig, 64);
  drain(&rig);
  enum { CHUNK = 1 << 20, CHUNKS = 70 };
  uint8_t head[9] = {2, [5] = CHUNKS >> 4, [6] = (CHUNKS & 15) << 4}, *chunk = plt_mem_zalloc(1, CHUNK);
  const uint8_t *bytes;
  size_t sent = 0, most = 0;
  plt_fault_flow_take(rig.flow, head, sizeof head, rig.now);
  for (int i = 0; i < CHUNKS; i++) {
    plt_fault_flow_take(rig.flow, chunk, CHUNK, rig.now);
    size_t waiting = 0;
    for (size_t n; (n = plt_fault_flow_ready(rig.flow, rig.now, &bytes)) > 0; waiting += n)
      plt_fault_flow_sent(rig.flow, n, rig.now);
    sent += waiting;
    if (waiting > most) most = waiting;
  }
  cr_assert_eq(sent, sizeof head + (size_t)CHUNKS * CHUNK);
  cr_assert(most < PLT_FAULT_MESSAGE_MAX + 2 * (size_t)CHUNK);
  cr_assert(rig.tally.too_large == 1 && rig.tally.total == 0);
  stream_message(&rig.in, 1, 10); /* the next one is a message again */
  give(&rig, 64);
  cr_assert(plt_fault_flow_is_empty(rig.flow) && rig.tally.total == 1);
  free(chunk);
  rig_close(&rig);
}

Test(flow, other_protocols_pass) {
  rig_t rig = rig_open();
  stream_t want = {0};
  for (size_t kind = 0; kind < PLT_FAULT_KINDS; kind++) rules(&rig)->probability[kind] = 1;
  rig_start(&rig);
  rig.in.n = 0;
  for (int i = 0; i < 100; i++) {
    stream_add(&rig.in, "HELO\r\n", 6);
    stream_add(&want, "HELO\r\n", 6);
  }
  give(&rig, 13);
  drain(&rig);
  expect_out(&rig, &want);
  stream_clear(&want);
  rig_close(&rig);
}
