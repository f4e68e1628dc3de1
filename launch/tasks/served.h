/* served.h - tables of a checkpoint that programs of others trained (`plateau serve`) as .npy files: there is no model
 * and no configuration, the parts of the checkpoint say all.
 *
 *   OUT/NAME.keys.npy  uint64 [n]        keys of the rows that are stored, ascending
 *   OUT/NAME.npy       float32 [n, dim]  their values
 *
 * Streamed: memory does not grow with the tables. Lists what it has written on standard output.
 *
 * Threads    the caller's.
 * Errors     PLT_ERR_CHECKPOINT of the parts; PLT_ERR_USAGE: two tables would be one file; PLT_ERR_CREATE, PLT_ERR_IO,
 *            PLT_ERR_SPACE of what is written. */
#ifndef PLT_LAUNCH_TASKS_SERVED_H
#define PLT_LAUNCH_TASKS_SERVED_H

#include "launch/job/restore.h"

/* directory is made. all: tables whose rows are numbered get every row, row = key, and no file of keys; what was never
 * pushed or assigned is as it is born. */
plt_status_t plt_served_export(const plt_restore_t *restore, const char *directory, bool all);

#endif
