/* zmtp.h - where the greeting, frames and messages of a ZMTP 3 stream begin and end.
 *
 *   greeting 64 bytes: FF, 8 bytes, 7F, major, minor, ...
 *   frame    flags (1: more frames follow, 2: the length has 8 bytes, 4: command), length, body
 *   message  frames without the command bit, up to one without the more bit; commands may come in between
 *
 * A stream that does not begin with a greeting of version 3 or later is raw from its first byte to its last, and so is
 * everything behind a frame that cannot be one.
 *
 * Life       a zeroed plt_zmtp_t is at the beginning of a stream.
 * Threads    one owner.
 * Source     ZeroMQ RFC 23 (ZMTP 3.0) and 37 (3.1). */
#ifndef PLT_LAUNCH_FAULT_ZMTP_H
#define PLT_LAUNCH_FAULT_ZMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  PLT_ZMTP_RAW, /* greeting, or what cannot be understood */
  PLT_ZMTP_COMMAND,
  PLT_ZMTP_MESSAGE
} plt_zmtp_kind_t;

/* A run of bytes of one frame's head, or of one frame's body. */
typedef struct plt_zmtp_part {
  plt_zmtp_kind_t kind;
  bool is_body;
  bool begins_body; /* the first part of a body that has bytes */
  bool ends;        /* the last byte of a command, or of the last frame of a message */
} plt_zmtp_part_t;

typedef struct plt_zmtp {
  size_t greeting; /* bytes of it seen */
  bool is_raw;
  uint8_t head[9];
  size_t n_head;
  bool in_body, body_begun;
  uint64_t left; /* bytes of the body to come */
} plt_zmtp_t;

/* Looks at the next n > 0 bytes of the stream; returns how many of them, at least 1, *part speaks of. */
size_t plt_zmtp_take(plt_zmtp_t *zmtp, const uint8_t *bytes, size_t n, plt_zmtp_part_t *part);

#endif
