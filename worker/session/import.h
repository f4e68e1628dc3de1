/* import.h - tables from files: the directory of init.from, features that a table starts as
 * (docs/run-directory.md, "Checkpoints").
 *
 * Threads    the client's owner; paths and sizes: any.
 * Errors     PLT_ERR_DATA for missing files (unless init.missing is fresh), other widths, too many rows, what is no
 *            npy (npy.h); PLT_ERR_IO; PLT_ERR_USAGE for paths that are too long; those of the client. */
#ifndef PLT_WORKER_SESSION_IMPORT_H
#define PLT_WORKER_SESSION_IMPORT_H

#include "common/io/fileio.h"
#include "worker/client/client.h"
#include "worker/session/plan.h"

/* Whether tables start otherwise than by their specs: from plan->init_from, or as features. */
bool plt_import_is_due(const plt_plan_t *plan);
/* Gives a table of the model its initial rows: assigns features if it starts as those, then its file in
 * plan->init_from; rows that the file does not have stay. One worker calls. */
plt_status_t plt_import_table(plt_client_t *client, const plt_plan_t *plan, uint32_t index);
/* All tables of the model. */
plt_status_t plt_import_tables(plt_client_t *client, const plt_plan_t *plan);
/* A table is born again, from the salt; rows that it starts with otherwise come back. */
plt_status_t plt_import_birth(plt_client_t *client, const plt_plan_t *plan, uint32_t index, uint64_t salt);

/* ---- for export.c: the same files, the other way ---- */
/* DIR/TABLE.npy */
plt_status_t plt_import_path(const char *dir, const char *table, char out[PLT_PATH_MAX]);
/* Rows that travel at a time, of so many. */
uint64_t plt_import_block_rows(uint64_t rows, uint32_t cols);
/* How the features are scaled on which the tables were trained (worker/data/prepare.h). The file is NULL where they
 * are as their files have them. */
const char *plt_import_features_file(const plt_plan_t *plan);
plt_status_t plt_import_keep_features(const plt_plan_t *plan, const char *dir);

#endif
