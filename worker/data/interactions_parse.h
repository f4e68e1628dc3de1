/* interactions_parse.h - the two text formats of interactions.h; used by interactions.c alone.
 *
 * Threads    any; the rows are one caller's.
 * Errors     PLT_ERR_DATA for an empty file or a bad header, PLT_ERR_IO for one that cannot be read; what the sink
 *            returns for a bad row. */
#ifndef PLT_WORKER_DATA_INTERACTIONS_PARSE_H
#define PLT_WORKER_DATA_INTERACTIONS_PARSE_H

#include "worker/data/interactions.h"

/* Appends the rows of a file. part: the part that a LightGCN file holds; PLT_PARTS for a .inter, whose rows say it. */
plt_status_t plt_interactions_parse(plt_interactions_t *rows, const char *path, plt_part_t part,
                                    const plt_problem_sink_t *sink);

#endif
