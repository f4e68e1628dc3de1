/* numbering.h - what the numbers of users and items meant when a run began: rows of its tables are keyed by them.
 *
 *   RUN/ids.json   {"format": 1, "users": {"bytes": of the map, "xxh3": its hash}, "items": the same}
 *
 * A map (worker/data/idmap.h) has a name a line, in ascending order of its number. So one begins with another, byte by
 * byte, if and only if all numbers of that mean the same in it, and what is new has higher numbers.
 *
 * Threads    one, before the job runs.
 * Errors     PLT_ERR_DATA: numbers mean something else; PLT_ERR_IO, PLT_ERR_SPACE, PLT_ERR_CREATE of files.
 * Source     docs/daily.md. */
#ifndef PLT_LAUNCH_JOB_NUMBERING_H
#define PLT_LAUNCH_JOB_NUMBERING_H

#include "worker/data/dataset.h"

#define PLT_IDS_FILE "ids.json"

/* Writes `run_dir`/ids.json; where the data have no names there is none afterwards. */
plt_status_t plt_numbering_keep(const plt_dataset_t *data, const char *run_dir);
/* That users and items of the run have the same numbers in the data, as far as both have names for them. */
plt_status_t plt_numbering_check(const plt_dataset_t *data, const char *run_dir);

#endif
