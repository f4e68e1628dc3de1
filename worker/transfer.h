/* transfer.h - tables to and from directories of TABLE.npy files, and final vectors to them (DESIGN 3, "Tables out").
 *
 * Errors     import: PLT_ERR_DATA for missing files (unless init.missing is fresh), other widths, too many rows;
 *            export: as plt_npy_writer. */
#ifndef PLT_WORKER_TRANSFER_H
#define PLT_WORKER_TRANSFER_H

#include "worker/session.h"

/* Whether tables start otherwise than by their specs: from plan->init_from, or as features. */
bool plt_transfer_is_due(const plt_plan_t *plan);
/* Assigns features to the tables that start as those, then the tables found in plan->init_from; rows that a file does
 * not have stay. One worker calls. */
plt_status_t plt_transfer_import(plt_session_t *session);
/* A task: writes every table as TABLE.npy, or `vectors`: user_vectors.npy and item_vectors.npy, whose products are the
 * scores (vectors.h), worked out by all workers a block at a time. */
typedef struct plt_export {
  const char *directory; /* is made */
  bool vectors;
} plt_export_t;
plt_status_t plt_transfer_export(plt_session_t *session, void *export);
/* The file of one side's vectors, without the directory. */
const char *plt_transfer_vectors_file(plt_side_t side);

#endif
