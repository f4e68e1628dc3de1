/* stream.h - ZMTP streams made by hand, for the tests of the fault proxy's parts. */
#ifndef PLT_TESTS_UNIT_FAULTS_STREAM_H
#define PLT_TESTS_UNIT_FAULTS_STREAM_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/rng.h"

typedef struct stream {
  uint8_t *bytes;
  size_t n, capacity;
} stream_t;

static inline void stream_add(stream_t *stream, const void *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    PLT_MEM_GROW(stream->bytes, stream->n, stream->capacity);
    stream->bytes[stream->n++] = ((const uint8_t *)bytes)[i];
  }
}

static inline void stream_greet(stream_t *stream) {
  uint8_t greeting[64] = {0xFF, [9] = 0x7F, 3, 1, 'N', 'U', 'L', 'L'};
  stream_add(stream, greeting, sizeof greeting);
}

/* A frame whose body is n bytes that count up from `first`. */
static inline void stream_frame(stream_t *stream, uint8_t flags, size_t n, uint8_t first) {
  uint8_t head[9] = {flags};
  bool is_long = n > 255;
  if (is_long) head[0] |= 2;
  for (size_t i = 0; i < 8; i++) head[1 + i] = (uint8_t)(n >> 8 * (7 - i));
  if (!is_long) head[1] = (uint8_t)n;
  stream_add(stream, head, is_long ? 9 : 2);
  for (size_t i = 0; i < n; i++) stream_add(stream, &(uint8_t){(uint8_t)(first + i)}, 1);
}

/* A message of three frames, the second one empty, that begins with its number. */
static inline void stream_message(stream_t *stream, uint8_t number, size_t n) {
  stream_frame(stream, 1, 1, number);
  stream_frame(stream, 1, 0, 0);
  stream_frame(stream, 0, n, number);
}

static inline void stream_clear(stream_t *stream) {
  free(stream->bytes);
  *stream = (stream_t){0};
}

#endif
