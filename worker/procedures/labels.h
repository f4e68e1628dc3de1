/* labels.h - which environment each training pair is of: a table of one row per pair, and lists of pairs by it.
 *
 * Pair p is the p-th of the training pairs, as they stand in the data. Pairs are worked on in blocks of fixed size,
 * block b by worker b mod W: so no bit depends on the number of workers.
 *
 * Ownership  the caller owns lists.
 * Threads    one owner. What is collective says so.
 * Errors     PLT_ERR_DATA for labels that are none; those of the client. */
#ifndef PLT_WORKER_PROCEDURES_LABELS_H
#define PLT_WORKER_PROCEDURES_LABELS_H

#include "common/io/fileio.h"
#include "worker/train/state.h"

enum { PLT_LABELS_BLOCK = 4096, PLT_LABELS_MAX = 255 };

/* Blocks of a worker, one after the other: `first` and `n` pairs; false behind the last. `at` starts as 0. */
typedef struct plt_label_block {
  uint64_t at, first;
  size_t n;
  uint64_t keys[PLT_LABELS_BLOCK];
} plt_label_block_t;
bool plt_labels_next(const plt_trainer_t *t, plt_label_block_t *block);

/* NAME.o.npy, `of` NULL, or NAME.o.OF.npy in the directory of replays: of the leg in round o of its loop. There must be
 * such a directory. */
plt_status_t plt_leg_replay(const plt_trainer_t *t, const char *of, char path[PLT_PATH_MAX]);

/* The pairs of each environment, ascending. */
typedef struct plt_labels {
  uint32_t environments;
  uint64_t *offset; /* [environments + 1], into `pair` */
  uint32_t *pair;   /* [pairs] */
} plt_labels_t;

/* From a table that has the label of each pair; environments 0: as many as there are labels. */
plt_status_t plt_labels_read(plt_trainer_t *t, uint32_t table, uint32_t environments, plt_labels_t **out);
void plt_labels_destroy(plt_labels_t **labels);
/* Its pairs, *n of them. */
const uint32_t *plt_labels_of(const plt_labels_t *labels, uint32_t environment, size_t *n);

#endif
