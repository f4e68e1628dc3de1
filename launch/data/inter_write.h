/* inter_write.h - rows as the text of an MMRec folder, what a folder is called, and what it says of itself.
 *
 * Ownership  the caller frees names.
 * Threads    any.
 * Errors     PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE. */
#ifndef PLT_LAUNCH_DATA_INTER_WRITE_H
#define PLT_LAUNCH_DATA_INTER_WRITE_H

#include "worker/data/interactions.h"

/* userID, itemID, x_label and, where the rows have them, environment; in the order of the rows. */
plt_status_t plt_inter_write(const plt_interactions_t *rows, const char *path);
/* The last part of an existing folder's real path; "data" for the root. */
plt_status_t plt_folder_name(const char *folder, char **name);
/* NAME.inter, or NAME.pack, of these rows, which it takes and nulls. */
plt_status_t plt_folder_write(const char *folder, const char *name, plt_interactions_t **rows, bool packs,
                              size_t threads);
/* Writes the folder's README.txt and frees the text. */
plt_status_t plt_folder_tell(const char *folder, char **text);

#endif
