/* undone.h - events of metrics.jsonl that a start from an older checkpoint takes back: epochs that are trained again
 * stand there once, for whoever reads the events by name.
 *
 *   {"event": "epoch", "epoch": 7, ... "clock": 96}   ─▶   {"event": "undone", "was": "epoch", "epoch": 7, ...}
 *
 * Threads    worker 0, while nobody writes the file.
 * Units      clocks in pushes.
 * Errors     PLT_ERR_IO, PLT_ERR_SPACE, PLT_ERR_CREATE of metrics.jsonl, which stays as it was then.
 * Source     docs/metrics.md, "Events that are taken back". */
#ifndef PLT_WORKER_TRAIN_UNDONE_H
#define PLT_WORKER_TRAIN_UNDONE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"

/* Marks what RUN/metrics.jsonl tells of pushes after `clock`, from which training goes on; closed: the end of the epoch
 * of that clock will not be told again. A half line at its end is dropped. No file: nothing happens. */
plt_status_t plt_undone_mark(const char *run_dir, uint64_t clock, bool closed);

#endif
