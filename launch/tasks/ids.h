/* ids.h - users or items that a command line names: "3,17,4", or a file with one id a line;
 * pairs of them in a file. By number, or, where there is a map (worker/data/idmap.h), as their owner names them.
 *
 * Ownership  the caller clears ids and pairs.
 * Threads    any.
 * Errors     PLT_ERR_USAGE for an id that is none or is out of range, PLT_ERR_DATA for one in a file, with its line;
 *            PLT_ERR_IO. */
#ifndef PLT_LAUNCH_TASKS_IDS_H
#define PLT_LAUNCH_TASKS_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "worker/data/idmap.h"

/* What the ids of one kind are: "user" or "item", below `limit`; names NULL: numbers. */
typedef struct plt_id_kind {
  const char *what;
  uint32_t limit;
  const plt_idmap_t *names;
} plt_id_kind_t;

typedef struct plt_ids {
  uint32_t *id; /* [n], ascending, distinct */
  size_t n;
} plt_ids_t;

void plt_ids_clear(plt_ids_t *ids);
/* option: "recommend: --users", for messages. What stands behind a tab, a comma or a space in a line of a file is
 * passed over, names may have commas and spaces. A text is a list if it has digits and commas alone; of names, if there
 * is no such file. */
plt_status_t plt_ids_read(const char *option, const char *text, const plt_id_kind_t *kind, plt_ids_t *out);
/* All below `limit` that `ids` does not have take their place. */
void plt_ids_invert(plt_ids_t *ids, uint32_t limit);
/* Those of `more` come in. */
void plt_ids_unite(plt_ids_t *ids, const plt_ids_t *more);

/* Pairs in the order of a file. */
typedef struct plt_id_pairs {
  uint32_t *user, *item; /* [n] */
  size_t n;
} plt_id_pairs_t;

void plt_id_pairs_clear(plt_id_pairs_t *pairs);
/* A user and an item in each line, a tab, a comma or a space between them and before what else there is; of names that
 * have commas or spaces a tab. A first line that has no user is passed over. */
plt_status_t plt_id_pairs_read(const char *option, const char *file, const plt_id_kind_t *users,
                               const plt_id_kind_t *items, plt_id_pairs_t *out);

#endif
