/* ZMTP streams cut at every place and at random ones: the parts are the same, and together they are the stream. */
#include "launch/fault/zmtp.h"
#include "tests/unit/launch/fault/stream.h"

typedef struct seen {
  size_t raw, command, message; /* bytes of each kind */
  size_t bodies, body_bytes;    /* of messages */
  size_t ends[3];
} seen_t;

/* Takes the whole stream in runs of `run` bytes, 0: of random sizes. */
static seen_t take_all(const stream_t *stream, size_t run, uint32_t seed) {
  plt_zmtp_t zmtp = {0};
  seen_t seen = {0};
  uint32_t draws = 0;
  for (size_t at = 0; at < stream->n;) {
    size_t most = run != 0 ? run : 1 + plt_rng_draw(plt_rng_key(seed, "cut", 0), draws++, 0, 0, 0).word[0] % 40;
    size_t n = stream->n - at < most ? stream->n - at : most;
    while (n > 0) {
      plt_zmtp_part_t part;
      size_t taken = plt_zmtp_take(&zmtp, stream->bytes + at, n, &part);
      cr_assert(taken >= 1 && taken <= n);
      *(part.kind == PLT_ZMTP_RAW ? &seen.raw : part.kind == PLT_ZMTP_COMMAND ? &seen.command : &seen.message) += taken;
      seen.ends[part.kind] += part.ends;
      if (part.kind == PLT_ZMTP_MESSAGE && part.is_body) {
        seen.bodies += part.begins_body;
        seen.body_bytes += taken;
      }
      at += taken;
      n -= taken;
    }
  }
  return seen;
}

static void expect_all(const stream_t *stream, seen_t want) {
  for (size_t run = 1; run <= stream->n; run = run * 2 + 1) {
    seen_t seen = take_all(stream, run, 0);
    cr_assert_eq(memcmp(&seen, &want, sizeof want), 0, "in runs of %zu", run);
  }
  for (uint32_t seed = 0; seed < 50; seed++) {
    seen_t seen = take_all(stream, 0, seed);
    cr_assert_eq(memcmp(&seen, &want, sizeof want), 0, "seed %u", seed);
  }
}

Test(zmtp, messages_and_commands) {
  stream_t stream = {0};
  stream_greet(&stream);
  stream_frame(&stream, 4, 10, 'R'); /* a command: READY */
  stream_message(&stream, 7, 300);
  stream_frame(&stream, 1, 5, 1); /* a PING between the frames of a message */
  stream_frame(&stream, 4, 0, 0);
  stream_frame(&stream, 4, 300, 'P');
  stream_frame(&stream, 0, 0, 0);
  expect_all(&stream, (seen_t){.raw = 64,
                               .command = 12 + 2 + 309,
                               .message = 3 + 2 + 309 + 7 + 2,
                               .bodies = 3,
                               .body_bytes = 1 + 300 + 5,
                               .ends = {0, 3, 2}});
  stream_clear(&stream);
}

Test(zmtp, what_is_no_zmtp_is_raw) {
  stream_t stream = {0};
  for (uint32_t i = 0; i < 200; i++) stream_add(&stream, "GET / HTTP/1.1", 14);
  expect_all(&stream, (seen_t){.raw = stream.n});
  stream_clear(&stream);
  stream_greet(&stream);
  stream.bytes[10] = 2; /* an older version */
  stream_message(&stream, 1, 9);
  expect_all(&stream, (seen_t){.raw = stream.n});
  stream_clear(&stream);
}

Test(zmtp, a_frame_that_cannot_be_ends_the_sense) {
  for (uint32_t flags = 5; flags < 256; flags += flags == 5 ? 3 : 8) {
    stream_t stream = {0};
    stream_greet(&stream);
    stream_message(&stream, 1, 20);
    size_t sense = stream.n - 64;
    stream_frame(&stream, (uint8_t)flags, 3, 0);
    stream_message(&stream, 2, 20);
    expect_all(&stream,
               (seen_t){.raw = stream.n - sense, .message = sense, .bodies = 2, .body_bytes = 21, .ends = {0, 0, 1}});
    stream_clear(&stream);
  }
}
