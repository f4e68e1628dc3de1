/* ordered.h - the rows of one table in all parts of a checkpoint, as they are after its last step, in the order of
 * their keys: the same for any number of servers, whatever order they were stored in. In bounded memory:
 *
 *   a part whose keys ascend  ─▶ read as it lies ──────────────────────────────────────┐
 *   one whose keys do not     ─▶ as much as memory holds, sorted ─▶ run of a scratch file ─▶ merged ─▶ next
 *
 * The scratch file takes as much room as the rows that it holds; it has no name, so that no end leaves it.
 *
 * Ownership  borrows the parts, which stay open; owns everything else.
 * Threads    one owner.
 * Errors     PLT_ERR_CHECKPOINT: parts that do not fit each other, a key that is there twice; PLT_ERR_CREATE,
 *            PLT_ERR_IO, PLT_ERR_SPACE of the scratch file. */
#ifndef PLT_PS_CHECKPOINT_ORDERED_H
#define PLT_PS_CHECKPOINT_ORDERED_H

#include "ps/checkpoint/checkpoint.h"

typedef struct plt_ordered plt_ordered_t;
/* Rows of the table `name`. scratch: a path where a file may be made; memory_bytes: of rows that are held at once, at
 * least one of each part. */
plt_status_t plt_ordered_create(plt_checkpoint_part_t *const *parts, size_t n_parts, const char *name,
                                const char *scratch, size_t memory_bytes, plt_ordered_t **out);
void plt_ordered_destroy(plt_ordered_t **ordered);
/* How many there are. */
uint64_t plt_ordered_stored(const plt_ordered_t *ordered);
/* The next ones, at most `max`: keys [*n] and values [*n, cols]. *n is 0 behind the last. */
plt_status_t plt_ordered_next(plt_ordered_t *ordered, size_t max, uint64_t *keys, float *values, size_t *n);
/* A row that is not among them (checkpoint.h). */
void plt_ordered_unborn(plt_ordered_t *ordered, uint64_t key, float *value);

#endif
