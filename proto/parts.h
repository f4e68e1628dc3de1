/* parts.h - large messages go in parts, so that both ends work while bytes travel, on rows that are still in cache.
 *
 *   section of n rows   [0 .. n/P) [n/P .. 2n/P) ... of every section, in part 0, 1, ... of P
 *
 * Each part is a message of its own with the request's number; parts of an answer may be used as they come, those of
 * a push are joined. Which rows are in a part follows from n and P alone, so parts of a message and of its repetition
 * are the same.
 *
 * Ownership  a joined header points into its parts and into the arena.
 * Threads    any; pure functions, but for the arena, which is one caller's.
 * Errors     PLT_ERR_PROTOCOL for parts that are not of one message.
 * Source     proto/PROTOCOL.md, "Parts". */
#ifndef PLT_PROTO_PARTS_H
#define PLT_PROTO_PARTS_H

#include "common/mem.h"
#include "proto/message.h"

/* Rows of a section that are in a part. */
typedef struct plt_piece {
  uint64_t begin, end;
} plt_piece_t;
plt_piece_t plt_piece_of(uint64_t n, uint32_t part, uint32_t parts);

/* In how many parts a message with so many bytes of values goes; 1: whole. */
uint32_t plt_parts_for(uint64_t bytes);

/* The message whose parts these are: n > 0, in order. Keys of a section lie in a row, values in pieces. */
plt_status_t plt_parts_join(const plt_header_t *const *parts, uint32_t n, plt_arena_t *arena, plt_header_t *whole);

#endif
