/* checkpoint.h - one server's part of a checkpoint: an HDF5 file, readable with h5dump and h5py.
 *
 *   /                    attributes: format, job, generation, clock, server, servers; server 0: progress (epoch,
 *                        batch, loss_sum, best ...) as attributes of /progress. Format 1, of plateau before
 *                        procedures, had no begin_clock
 *   /tables/NAME         attributes: index, rows, cols, optimizer, settings (name, value), init, init_scale, seed,
 *                        frozen, salt, t
 *     keys u64[n]  last u64[n]  value f32[n,cols]  state f32[n,state]  eta_first u64[r]  eta f64[r]
 *     keys ascend, but for sparse ones (attributes sparse, admit_pushes, admit_share, max_age, max_rows; format 3);
 *     of those that are counted and not stored yet:
 *     counted/             keys u64[m]  last u64[m]  value f32[m,1] (pushes)
 *
 * Chunks of 256 KiB (smaller datasets are contiguous), libver V110 (checksummed metadata). HDF5 reports success
 * when a full disk is closed, so every call's result goes into one sticky error, no buffer delays a write to the
 * close, the metadata are read back after it, and a file with an error is removed, never published. Files are verified
 * against the manifest's hash before they are opened.
 *
 * Threads    HDF5 is used by one thread at a time in a process (a mutex of ours around each call here).
 * Errors     PLT_ERR_SPACE, PLT_ERR_IO naming the file; reading: PLT_ERR_CHECKPOINT. */
#ifndef PLT_PS_CHECKPOINT_CHECKPOINT_H
#define PLT_PS_CHECKPOINT_CHECKPOINT_H

#include "proto/message.h"
#include "ps/table/image.h"

typedef struct plt_checkpoint_head {
  uint64_t job;
  uint32_t generation;
  uint64_t clock;
  uint32_t server, servers;
  plt_progress_t progress; /* meaningful in server 0's part */
} plt_checkpoint_head_t;

/* How far a writer is, and the wish that it give up; from any thread. */
typedef struct plt_checkpoint_control {
  atomic_uint_fast64_t rows; /* written so far */
  atomic_bool cancelled;
} plt_checkpoint_control_t;

/* Sweeps the images into `path` (which must not exist) and fsyncs it. control may be NULL. */
plt_status_t plt_checkpoint_write(const char *path, const plt_checkpoint_head_t *head, plt_image_t *const *tables,
                                  size_t n_tables, plt_checkpoint_control_t *control);

typedef struct plt_checkpoint_part plt_checkpoint_part_t;
plt_status_t plt_checkpoint_open(const char *path, plt_checkpoint_part_t **out);
void plt_checkpoint_close(plt_checkpoint_part_t **part);
const plt_checkpoint_head_t *plt_checkpoint_head(const plt_checkpoint_part_t *part);
size_t plt_checkpoint_tables(const plt_checkpoint_part_t *part);
/* The i-th table's spec as it was declared, its steps and stored rows. */
plt_status_t plt_checkpoint_table(plt_checkpoint_part_t *part, size_t i, plt_table_spec_t *spec, uint64_t *t,
                                  uint64_t *stored);
/* Floats that the optimizer keeps of a row of the i-th table; there is one. */
size_t plt_checkpoint_state_floats(const plt_checkpoint_part_t *part, size_t i);

/* The stored rows of one table of a part as they are after its last step, in the order in which they lie, which is none
 * in particular: what optimizers make of value and state. The part stays open longer than its rows. */
typedef struct plt_checkpoint_rows plt_checkpoint_rows_t;
/* PLT_ERR_CHECKPOINT when the part has no such table. */
plt_status_t plt_checkpoint_rows_open(plt_checkpoint_part_t *part, const char *name, plt_checkpoint_rows_t **out);
void plt_checkpoint_rows_close(plt_checkpoint_rows_t **rows);
const plt_table_spec_t *plt_checkpoint_rows_spec(const plt_checkpoint_rows_t *rows);
uint64_t plt_checkpoint_rows_stored(const plt_checkpoint_rows_t *rows);
/* Rows [first, first + n), which are stored: keys [n] and values [n, cols]; values NULL: keys alone. */
plt_status_t plt_checkpoint_rows_read(plt_checkpoint_rows_t *rows, uint64_t first, size_t n, uint64_t *keys,
                                      float *values);
/* The same of a row that is stored in no part: its birth, and what the steps since then made of it. */
void plt_checkpoint_rows_unborn(plt_checkpoint_rows_t *rows, uint64_t key, float *value);

/* Adds this part's rows of the table of that name to `table` (rows of other shards are skipped) and sets its
 * state. PLT_ERR_CHECKPOINT when the part has no such table, another shape or optimizer, or other steps than the
 * part restored before; the table may then hold some of the rows: discard it. */
plt_status_t plt_checkpoint_restore(plt_checkpoint_part_t *part, plt_table_t *table);

/* "HDF5 1.10.8", for --version. */
void plt_checkpoint_library(char *out, size_t bytes);

#endif
