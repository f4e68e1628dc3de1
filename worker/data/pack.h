/* pack.h - interactions in binary: what a dataset holds of them, in one file that the processes of a machine map.
 *
 *   [head, 4096 bytes][arrays, each on a multiple of 64 bytes, little-endian]
 *
 * The arrays are those of plt_dataset_t: training pairs in the order of the text, items of each user by part, items of
 * the training part, and the graph of the training pairs from both sides. Nothing is computed from them when they are
 * opened; processes share them through the page cache. The head has a version, the byte order, all sizes, two checksums
 * (xxh3) and what the text was that it was made from: bytes, time of change, hash. A file with a shifted part or with
 * environments has version 2; one without has version 1, as all had before there were such parts. Environments are
 * kept of training pairs alone.
 *
 * Opening maps the file, checks the head, the sizes against the file's, the checksums, and that no id or offset points
 * outside: what opens can be used without a further look. A text beside it that has changed since is an error, not a
 * warning. Its hash is only taken where its time has changed and its size has not.
 *
 * Ownership  what is mapped belongs to the dataset.
 * Threads    any; a mapped file is read-only.
 * Errors     PLT_ERR_DATA: what is not whole, not ours, of another version or older than its text, with what to do;
 *            PLT_ERR_IO; writing: PLT_ERR_CREATE, PLT_ERR_SPACE. */
#ifndef PLT_WORKER_DATA_PACK_H
#define PLT_WORKER_DATA_PACK_H

#include "worker/data/dataset.h"
#include "worker/data/interactions.h"

/* Fills what a dataset has of interactions, but for name and source. Its file is mapped even where this fails:
 * plt_pack_unmap(). */
plt_status_t plt_pack_map(const char *path, plt_dataset_t *data);
void plt_pack_unmap(plt_dataset_t *data);
/* All pairs as rows: training in the order of the text, then validation, test and shift by user. */
plt_status_t plt_pack_read_rows(const char *path, plt_interactions_t *rows);

/* The paths of the text that a dataset was read from; NULL: none, second NULL: one. They are known by their names
 * beside the packed file. */
enum { PLT_PACK_TEXTS = 2 };
typedef struct plt_pack_origin {
  const char *text[PLT_PACK_TEXTS];
} plt_pack_origin_t;

/* `edges`: the graph of the training pairs. Written beside `path` and renamed over it. */
plt_status_t plt_pack_write(const char *path, const plt_dataset_t *data, const plt_packed_edges_t *edges,
                            const plt_pack_origin_t *origin, uint64_t *bytes);
/* All checks of opening, and the hash of the text, whatever its time. */
plt_status_t plt_pack_verify(const char *path);

#endif
