/* The digest of a message: with any byte of any frame changed, a frame missing, one too many or two exchanged it is
 * damaged. Frames are taken off a socket, changed, and handed on. */
#include "proto/wire/parcel.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zmq.h>

enum { FRAMES_MAX = 6, BYTES_MAX = 40 };

typedef struct frames {
  size_t n, bytes[FRAMES_MAX];
  char data[FRAMES_MAX][BYTES_MAX];
} frames_t;

typedef struct line {
  void *context, *from, *tap, *hand, *to; /* from -> tap, hand -> to */
  plt_wire_t *wire;                       /* whose pool the frames are of */
  plt_parcel_t *in;
} line_t;

static void *pair_at(void *context, const char *endpoint, bool binds) {
  void *socket = zmq_socket(context, ZMQ_PAIR);
  cr_assert_eq(binds ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint), 0);
  return socket;
}

static line_t line_open(void) {
  void *context = zmq_ctx_new();
  return (line_t){.context = context,
                  .tap = pair_at(context, "inproc://tap", true),
                  .from = pair_at(context, "inproc://tap", false),
                  .to = pair_at(context, "inproc://to", true),
                  .hand = pair_at(context, "inproc://to", false),
                  .wire = plt_wire_create(),
                  .in = plt_parcel_create()};
}

static void line_close(line_t *line) {
  plt_parcel_destroy(&line->in);
  zmq_close(line->from), zmq_close(line->tap), zmq_close(line->hand), zmq_close(line->to);
  zmq_ctx_term(line->context);
  plt_wire_destroy(&line->wire);
}

/* A message of n frames with its digest, as it is on its way. */
static frames_t send_one(line_t *line, size_t n) {
  plt_parcel_t *parcel = plt_parcel_create();
  frames_t frames = {0};
  int more = 1;
  size_t size = sizeof more;
  for (size_t i = 0; i < n; i++) {
    size_t bytes = i == 2 ? 0 : 5 + 7 * i;
    char *frame = plt_pool_take(plt_wire_pool(line->wire), bytes + 1);
    for (size_t b = 0; b < bytes; b++) frame[b] = (char)(17 * i + b);
    plt_parcel_add_pooled(parcel, frame, bytes);
  }
  cr_assert_eq(plt_parcel_send(line->from, parcel, true, 0), 0);
  for (; more; frames.n++) {
    int bytes = zmq_recv(line->tap, frames.data[frames.n], BYTES_MAX, 0);
    cr_assert(bytes >= 0 && bytes <= BYTES_MAX);
    frames.bytes[frames.n] = (size_t)bytes;
    zmq_getsockopt(line->tap, ZMQ_RCVMORE, &more, &size);
  }
  cr_assert_eq(frames.n, n + 1, "the digest is a frame of its own");
  plt_parcel_destroy(&parcel);
  return frames;
}

/* Whether it arrives as it is. */
static bool arrives(line_t *line, const frames_t *frames) {
  for (size_t i = 0; i < frames->n; i++)
    cr_assert_geq(zmq_send(line->hand, frames->data[i], frames->bytes[i], i + 1 < frames->n ? ZMQ_SNDMORE : 0), 0);
  cr_assert_eq(plt_parcel_receive(line->to, line->in, true), 0);
  bool good = !plt_parcel_is_damaged(line->in);
  cr_assert_eq(plt_parcel_frames(line->in), good ? frames->n - 1 : 0);
  return good;
}

Test(parcel, a_change_anywhere_is_seen) {
  line_t line = line_open();
  for (size_t n = 1; n < FRAMES_MAX; n++) {
    const frames_t sent = send_one(&line, n);
    cr_assert(arrives(&line, &sent), "%zu frames", n);
    for (size_t i = 0; i < sent.n; i++)
      for (size_t b = 0; b < sent.bytes[i]; b++) {
        frames_t changed = sent;
        changed.data[i][b] = (char)(changed.data[i][b] ^ 1 << b % 8);
        cr_assert_not(arrives(&line, &changed), "%zu frames: byte %zu of frame %zu", n, b, i);
      }
    for (size_t i = 1; i < sent.n; i++) {
      frames_t changed = sent;
      changed.bytes[i]++;
      cr_assert_not(arrives(&line, &changed), "%zu frames: frame %zu is longer", n, i);
    }
  }
  line_close(&line);
}

Test(parcel, frames_that_are_missing_added_or_exchanged_are_seen) {
  line_t line = line_open();
  for (size_t n = 1; n < FRAMES_MAX; n++) {
    const frames_t sent = send_one(&line, n);
    frames_t changed = sent;
    changed.n--;
    cr_assert_not(arrives(&line, &changed), "%zu frames: the last is missing", n);
    if (n + 1 < FRAMES_MAX) {
      changed = sent;
      changed.bytes[changed.n++] = 0;
      cr_assert_not(arrives(&line, &changed), "%zu frames: an empty one behind them", n);
    }
    for (size_t i = 1; i + 1 < sent.n; i++) {
      changed = sent;
      memcpy(changed.data[i], sent.data[i + 1], BYTES_MAX);
      memcpy(changed.data[i + 1], sent.data[i], BYTES_MAX);
      changed.bytes[i] = sent.bytes[i + 1];
      changed.bytes[i + 1] = sent.bytes[i];
      cr_assert_not(arrives(&line, &changed), "%zu frames: %zu and the next", n, i);
    }
  }
  line_close(&line);
}
