/* pack_head.h - how a packed file lies on disk; used by pack.c and pack_write.c alone.
 *
 * Threads    any.
 * Errors     none. */
#ifndef PLT_WORKER_DATA_PACK_HEAD_H
#define PLT_WORKER_DATA_PACK_HEAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/hash.h"
#include "common/time.h"
#include "worker/data/pack.h"

enum {
  PLT_PACK_PLAIN = 1,          /* the version of a file that has neither a shifted part nor environments */
  PLT_PACK_VERSION = 2,        /* of any other; both are read */
  PLT_PACK_ORDER = 0x01020304, /* as a number of the machine that wrote it */
  PLT_PACK_ALIGN = 64,
  PLT_PACK_NAME = 256,
  PLT_PACK_HEAD = 4096
};

#define PLT_PACK_MAGIC "pltpack\n"

typedef struct plt_pack_text {
  char name[PLT_PACK_NAME]; /* "": none */
  uint64_t bytes;
  int64_t mtime_ns;
  char hash[PLT_HASH_HEX + 7]; /* xxh3-128 of the file */
} plt_pack_text_t;

typedef struct plt_pack_head {
  char magic[8];
  uint32_t order, version;
  uint64_t bytes; /* of the file */
  uint64_t users, items, pairs[PLT_PART_SHIFT], train_items, edges, duplicates;
  plt_pack_text_t text[PLT_PACK_TEXTS];
  uint64_t body; /* xxh3-64 of all behind the head */
  uint64_t head; /* of the head, with this field 0 */
  /* Since version 2; zeros in a plain file, whose hash ends before them. */
  uint64_t shift, environments; /* pairs of the shifted part; environments of the training pairs, 0: not told */
} plt_pack_head_t;

/* The arrays, in the order of the file. */
typedef enum {
  PLT_PACK_PAIRS,                                                /* [training pairs] user, item */
  PLT_PACK_OFFSET,                                               /* [users + 1] of training, validation, test */
  PLT_PACK_ITEM = PLT_PACK_OFFSET + PLT_PART_SHIFT,              /* [pairs of the part] */
  PLT_PACK_TRAIN_ITEMS = PLT_PACK_ITEM + PLT_PART_SHIFT,         /* [train_items] */
  PLT_PACK_EDGES,                                                /* users, items: offset, id, norm */
  PLT_PACK_SHIFT_OFFSET = PLT_PACK_EDGES + 3 * PLT_PACKED_SIDES, /* as of other parts; empty without pairs */
  PLT_PACK_SHIFT_ITEM,
  PLT_PACK_ENVIRONMENT, /* [training pairs] uint16; empty where they are not told */
  PLT_PACK_ARRAYS
} plt_pack_array_t;

/* Of a part: its number of pairs, and its arrays. */
static inline uint64_t plt_pack_pairs(const plt_pack_head_t *head, size_t part) {
  return part == PLT_PART_SHIFT ? head->shift : head->pairs[part];
}
static inline size_t plt_pack_offset_of(size_t part) {
  return part == PLT_PART_SHIFT ? PLT_PACK_SHIFT_OFFSET : PLT_PACK_OFFSET + part;
}
static inline size_t plt_pack_item_of(size_t part) {
  return part == PLT_PART_SHIFT ? PLT_PACK_SHIFT_ITEM : PLT_PACK_ITEM + part;
}

typedef struct plt_pack_layout {
  uint64_t at[PLT_PACK_ARRAYS], bytes[PLT_PACK_ARRAYS], total;
} plt_pack_layout_t;

/* Of a text, as its head keeps it. */
static inline int64_t plt_pack_mtime_ns(const struct stat *text) {
  return (int64_t)text->st_mtim.tv_sec * PLT_NS_PER_S + text->st_mtim.tv_nsec;
}

/* The hash that belongs into the head, whatever it holds there. */
uint64_t plt_pack_head_hash(const plt_pack_head_t *head);
/* The numbers of a head must be below 2^58 each. */
plt_pack_layout_t plt_pack_lay_out(const plt_pack_head_t *head);

#endif
