/* round.h - one clock's pushes of all workers (bsp): the tree is completed here and makes one optimizer step.
 *
 * Sections are collected as they stand in the received messages; nothing is copied before the sum. That is made a slice
 * of the keys at a time, which stays in the caches; a row's sum does not depend on where slices begin.
 * Ownership  the messages behind the sections must stay until plt_round_apply() or plt_round_clear().
 * Threads    one owner: the server's loop; slices are its crew's.
 * Errors     PLT_ERR_PROTOCOL for leaves or losses that are pushed twice.
 * Source     docs/methods/determinism.md 4. */
#ifndef PLT_PS_SERVER_ROUND_H
#define PLT_PS_SERVER_ROUND_H

#include "common/threads.h"
#include "proto/message.h"
#include "ps/table/table.h"

typedef struct plt_round plt_round_t;

/* crew: of large sums; NULL: the owner's alone. It must outlive the round. */
plt_round_t *plt_round_create(plt_crew_t *crew);
void plt_round_destroy(plt_round_t **round);
void plt_round_clear(plt_round_t *round);
/* Adds a worker's push. The server has checked it against the tables. PLT_ERR_PROTOCOL when its blocks of leaves
 * overlap each other or what is there; then nothing has been added. */
plt_status_t plt_round_add(plt_round_t *round, const plt_header_t *push);
/* Steps every table that was named. */
void plt_round_apply(plt_round_t *round, plt_table_t *const *tables, size_t n_tables, double eta);
/* The step's loss; 0 when nobody sent one. */
double plt_round_loss(plt_round_t *round);

#endif
