/* interactions.h - who took what: the rows of a .inter file (MMRec), of LightGCN's train.txt and test.txt, or of a
 * packed file (pack.h), one by one.
 *
 * .inter     tab-separated, with a header; userID, itemID, x_label (0 train, 1 validation, 2 test, 3 shift) and, where
 *            it is there, environment (from 0) are found by name, other columns are ignored. LF or CRLF.
 * LightGCN   one line per user: user item item ...
 * Ids are plain decimal integers below 2^32-1. One far above the number of rows is refused: tables are as long as
 * the largest id.
 *
 * Ownership  the caller destroys what it read.
 * Threads    one owner while it is read and sorted, then read-only.
 * Errors     PLT_ERR_DATA; PLT_ERR_IO for a file that cannot be read; PLT_ERR_USAGE for a path too long. Problems of
 *            rows go to the sink (problem.h), whose status ends the reading; one that goes on gets the good rows. */
#ifndef PLT_WORKER_DATA_INTERACTIONS_H
#define PLT_WORKER_DATA_INTERACTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "worker/data/dataset.h"
#include "worker/data/problem.h"
#include "worker/data/source.h"

typedef struct plt_interaction {
  uint32_t user, item;
  uint32_t line; /* from 1, in `source` or, LightGCN's test part, `test_source`; the place of a packed row */
  uint16_t part; /* plt_part_t */
  uint16_t environment;
} plt_interaction_t;

typedef struct plt_interactions {
  char *name;             /* as that of the source (source.h) */
  char *source;           /* path of the .inter, of train.txt or of the packed file */
  char *test_source;      /* path of test.txt; NULL for a .inter */
  plt_interaction_t *row; /* as read, train.txt before test.txt */
  uint64_t n, capacity;
  uint32_t users, items; /* largest id + 1 */
  bool has_environments; /* else those of the rows are 0 */
} plt_interactions_t;

plt_status_t plt_interactions_read(const plt_source_t *source, const plt_problem_sink_t *sink,
                                   plt_interactions_t **out);
void plt_interactions_destroy(plt_interactions_t **interactions);
/* By user, then item; rows of one pair stay in the order in which they were read. */
void plt_interactions_sort(plt_interactions_t *interactions);
/* The file that a row of this part came from. */
const char *plt_interactions_file(const plt_interactions_t *interactions, plt_part_t part);

#endif
