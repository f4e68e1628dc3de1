/* idmap.h - users or items as their owners name them, numbered from 0 in the order in which they come.
 *
 *   names      one growing run of bytes, an offset a name; a hash table of (tag, number), at most two thirds full
 *   memory     its bytes + 8, and 12 to 24 of the table, a name: ten million of 12 bytes take some 350 MB
 *   file       MMRec's u_id_mapping.csv, i_id_mapping.csv: a header, then "name TAB number", numbers ascending from 0
 *
 * A name is UTF-8 text without control characters, of 1 to PLT_ID_BYTES bytes: it can stand in a line and on a
 * terminal as it is.
 *
 * Ownership  the caller destroys it; names that it gives are valid until the next is added.
 * Threads    one owner while names are added, then any number of readers.
 * Errors     PLT_ERR_DATA with "file:line: cause"; write: PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE. */
#ifndef PLT_WORKER_DATA_IDMAP_H
#define PLT_WORKER_DATA_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

enum { PLT_ID_BYTES = 1000 };

/* The files of a data folder, and what the column of numbers is called there. */
#define PLT_IDMAP_USERS "u_id_mapping.csv"
#define PLT_IDMAP_ITEMS "i_id_mapping.csv"

typedef struct plt_id_name {
  const char *at; /* not NUL-terminated */
  size_t length;
} plt_id_name_t;

/* Why these bytes are no name: "is empty"; NULL: they are one. A byte may be read behind them. */
const char *plt_id_fault(const char *name, size_t length);

typedef struct plt_idmap plt_idmap_t;

plt_idmap_t *plt_idmap_create(void);
void plt_idmap_destroy(plt_idmap_t **map);
uint32_t plt_idmap_count(const plt_idmap_t *map);
/* The number of a name, a new one for a new name. UINT32_MAX: there are as many as there can be. */
uint32_t plt_idmap_add(plt_idmap_t *map, const char *name, size_t length);
bool plt_idmap_find(const plt_idmap_t *map, const char *name, size_t length, uint32_t *number);
plt_id_name_t plt_idmap_name(const plt_idmap_t *map, uint32_t number);

/* Names `number` [n], numbered anew from 0 in this order. column: "userID". */
plt_status_t plt_idmap_write(const plt_idmap_t *map, const uint32_t *number, uint32_t n, const char *column,
                             const char *path);
plt_status_t plt_idmap_read(const char *path, const char *column, plt_idmap_t **out);

#endif
