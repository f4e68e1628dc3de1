/* manifest.h - checkpoints of a run directory: what makes one complete, how it is published and found.
 *
 *   RUN/checkpoints/<clock>/server-0.h5 ... manifest.json      complete: manifest.json is there and every file
 *   RUN/checkpoints/last -> <clock>, best -> <clock>           has its size and xxh3-128
 *   RUN/checkpoints/<clock>.part/                              being written; never read; removed at start
 *
 * Servers write their parts into <clock>.part, worker 0 writes the manifest there, fsyncs, renames the
 * directory and moves the links (each by rename): a reader sees a whole checkpoint or none.
 *
 * Threads    any. One process writes at a time (publish, link, prune: worker 0); readers may come at any moment.
 * Errors     PLT_ERR_CHECKPOINT naming the file and what differs; PLT_ERR_IO, of publishing also for a part that is
 *            gone or a place that is: never PLT_ERR_CREATE, for the run could write there until now; of what writes
 *            also PLT_ERR_SPACE; PLT_ERR_USAGE when a path becomes too long. */
#ifndef PLT_COMMON_IO_MANIFEST_H
#define PLT_COMMON_IO_MANIFEST_H

#include <stdbool.h>

#include "common/hash.h"
#include "common/io/fileio.h"

typedef struct plt_manifest_part {
  char file[64]; /* "server-0.h5" */
  uint64_t bytes;
  char hash[PLT_HASH_HEX];
} plt_manifest_part_t;

typedef struct plt_manifest {
  uint64_t clock;
  uint64_t job;
  uint32_t generation;
  uint32_t epoch;             /* for people */
  char products[64];          /* what computed it: the library and kernel set that bits depend on; "": unknown */
  plt_manifest_part_t *parts; /* one per server, in order */
  size_t n_parts;
} plt_manifest_t;

void plt_manifest_clear(plt_manifest_t *manifest);
/* RUN/checkpoints/<clock>.part into out. */
plt_status_t plt_manifest_part_dir(const char *run_dir, uint64_t clock, char out[PLT_PATH_MAX]);
/* The same, and makes it unless it is there; never RUN: who removed that wants none of it. */
plt_status_t plt_manifest_make_part(const char *run_dir, uint64_t clock, char out[PLT_PATH_MAX]);
/* Publishes <clock>.part, whose files the servers wrote and synced, as complete (sizes are checked, hashes are not);
 * `last` (and `best` if asked) point to it then. Replaces one of the same clock. */
plt_status_t plt_manifest_publish(const char *run_dir, const plt_manifest_t *manifest, bool is_best);
/* Removes complete checkpoints but the newest `keep` and those that links point to; and leftovers (.part), so no
 * checkpoint may be in the making. */
plt_status_t plt_manifest_prune(const char *run_dir, size_t keep);

/* Reads and verifies RUN/checkpoints/<name> ("last", "best" or a clock); dir receives its path, links followed. */
plt_status_t plt_manifest_load(const char *run_dir, const char *name, plt_manifest_t *manifest, char dir[PLT_PATH_MAX]);
/* The same of a checkpoint whose hashes were verified a moment ago by another process: sizes are checked. */
plt_status_t plt_manifest_load_verified(const char *run_dir, const char *name, plt_manifest_t *manifest,
                                        char dir[PLT_PATH_MAX]);
/* Whether there is any checkpoint, damaged or not. */
plt_status_t plt_manifest_any(const char *run_dir, bool *any);
/* Points `last` to the checkpoint of `clock`, and `best` to that of `best`, if it is there; NULL: there is no best. A
 * crash between publishing and moving the links leaves them behind. */
plt_status_t plt_manifest_mend_links(const char *run_dir, uint64_t clock, const uint64_t *best);
/* Removes the link `best`, if there is one. */
plt_status_t plt_manifest_unlink_best(const char *run_dir);
/* The newest complete checkpoint that verifies; damaged ones are passed over with a warning each.
 * PLT_ERR_CHECKPOINT when none is left; *none tells whether there was none at all. */
plt_status_t plt_manifest_newest(const char *run_dir, plt_manifest_t *manifest, char dir[PLT_PATH_MAX], bool *none);

#endif
