/* transfer.h - tables to and from directories of TABLE.npy files (DESIGN 3, "Tables out").
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
/* A task: writes every table to `directory` (a const char *), which is made. */
plt_status_t plt_transfer_export(plt_session_t *session, void *directory);

#endif
