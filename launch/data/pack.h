/* pack.h - `plateau data pack`: interactions as one file to map (worker/data/pack.h).
 *
 * Ownership  the caller frees the path of what was packed.
 * Threads    one caller; a call has `threads` of its own and waits for them.
 * Errors     those of reading the text, and PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE. */
#ifndef PLT_LAUNCH_DATA_PACK_H
#define PLT_LAUNCH_DATA_PACK_H

#include <stdint.h>

#include "worker/data/interactions.h"

typedef struct plt_packed {
  char *path;
  uint32_t users, items;
  uint64_t pairs, bytes;
} plt_packed_t;

/* interactions NULL: the only text of the folder. out NULL: NAME.pack beside it. */
plt_status_t plt_data_pack(const char *folder, const char *interactions, const char *out, uint32_t threads,
                           plt_packed_t *packed);
/* Rows that no text has. Takes and nulls them. */
plt_status_t plt_data_pack_rows(plt_interactions_t **rows, const char *out, uint32_t threads, plt_packed_t *packed);

#endif
