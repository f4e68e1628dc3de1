/* table.h - rows of one shard of one table: find, create, update, read, iterate.
 *
 *   key % servers == number     local index = key / servers ─▶ slabs.h: [value|state] and step count of the last push
 *
 * Sparse keys (spec.sparse) are found by a hash, and stored as sparse_rows.h has it.
 * Only pushed and assigned rows are stored; the others are born when asked for and forgotten again (a birth is
 * a function of seed, table name, salt and key).
 *
 * Ownership  the table owns its rows; a row pointer is valid until the table is destroyed, reset or dropped.
 * Threads    one owner at a time; no locks inside. With plt_table_share() steps and reads of many rows are cut among
 *            the threads of the crew while the owner waits; the bits are the same with any number of them.
 * Units      cols in floats; keys are global: key % servers == number; sparse ones: plt_shard_of() (proto/shard.h).
 * Errors     PLT_ERR_USAGE for a declaration that cannot be, PLT_ERR_PROTOCOL for keys and tables that do not fit. Keys
 *            are checked by plt_table_check_keys(), once per message; the other calls take good ones. */
#ifndef PLT_PS_TABLE_TABLE_H
#define PLT_PS_TABLE_TABLE_H

#include "common/threads.h"
#include "proto/message.h"
#include "proto/table_spec.h"
#include "proto/tree.h"
#include "ps/optimizers/optimizer.h"

/* Of rows that are added, stepped or read: what is worth other threads, some 0.1 ms. */
enum { PLT_TABLE_SHARED_FLOATS = 64 * 1024 };
/* Of a row; a message that declares a table may say more (PLT_COLS_MAX), and is answered. */
enum { PLT_TABLE_COLS_MAX = 1 << 20 };

typedef struct plt_table plt_table_t;

/* Shard `number` of `servers`. PLT_ERR_USAGE: a name that is no file name, no columns or rows beyond reason, no
 * such optimizer (a frozen table needs none), bad settings. */
plt_status_t plt_table_create(const plt_table_spec_t *spec, uint32_t number, uint32_t servers, plt_table_t **out);
/* Bytes of the shard once all its rows are stored, before anything is allocated; UINT64_MAX: beyond counting; 0: of
 * sparse keys without a bound. The errors of plt_table_create. */
plt_status_t plt_table_expect(const plt_table_spec_t *spec, uint32_t number, uint32_t servers, uint64_t *bytes);
void plt_table_destroy(plt_table_t **table);
const plt_table_spec_t *plt_table_spec(const plt_table_t *table);
/* From now on a crew, which outlives the table, shares the work on many rows; not on those under sparse keys. */
void plt_table_share(plt_table_t *table, plt_crew_t *crew);

/* PLT_ERR_PROTOCOL unless keys are strictly ascending, below spec.rows (but for sparse ones) and all of this shard. */
plt_status_t plt_table_check_keys(const plt_table_t *table, const uint64_t *keys, size_t n);

/* One optimizer step: t rises by one (also with n = 0), then every row of the merged push is updated. A table
 * whose spec has an lr_scale multiplies eta by it; one with a decay adds decay times the row, as it is before the step,
 * to the gradient of each row of the push. */
void plt_table_step(plt_table_t *table, double eta, plt_rows_t push);
/* The same of a push that lies in pieces, with values of the type: keys ascend over all of them. */
void plt_table_step_pieces(plt_table_t *table, double eta, const plt_rows_t *push, size_t pieces, plt_wire_type_t type);
/* How many of the keys are not stored. */
size_t plt_table_missing(const plt_table_t *table, const uint64_t *keys, size_t n);
/* Values of rows now, n x cols floats into out; stores nothing. */
void plt_table_read(plt_table_t *table, const uint64_t *keys, size_t n, float *out);
/* The same as values of the type. */
void plt_table_read_as(plt_table_t *table, const uint64_t *keys, size_t n, plt_wire_type_t type, void *out);
/* Sets values (unaligned, n x cols) and clears the rows' optimizer state. */
void plt_table_assign(plt_table_t *table, const uint64_t *keys, size_t n, const void *values);
/* Forgets all rows, step count and history; later births use `salt`. */
void plt_table_reset(plt_table_t *table, uint64_t salt);

/* Gives a fresh table the values of `from` as they are now, and its salt; no steps, no state. Rows that are what they
 * were born as are not stored. PLT_ERR_PROTOCOL when the two differ in name, shape, shard or birth. */
plt_status_t plt_table_take(plt_table_t *table, plt_table_t *from);

/* Gives a fresh table the rows of `from` as they are now, and its salt; `from` may have other rows: what is behind the
 * shorter of the two is left out, or born. with_state: steps and optimizer state go on, where both have the same
 * optimizer with the same settings; else no steps, no state. PLT_ERR_PROTOCOL when the two differ in name, columns or
 * shard. */
plt_status_t plt_table_continue(plt_table_t *table, plt_table_t *from, bool with_state);
/* Whether the optimizer's steps and state of rows of `from` are those of rows of `to`. */
bool plt_table_state_goes_on(const plt_table_spec_t *from, const plt_table_spec_t *to);

/* What a checkpoint needs. */
typedef struct plt_table_state {
  uint64_t t;    /* optimizer steps so far */
  uint64_t salt; /* of births */
  const plt_eta_history_t *history;
} plt_table_state_t;
plt_table_state_t plt_table_state(const plt_table_t *table);
size_t plt_table_state_floats(const plt_table_t *table); /* per row */
uint64_t plt_table_stored(const plt_table_t *table);     /* rows in memory */
uint64_t plt_table_row_bytes(const plt_table_t *table);  /* memory of a row, with what finding it takes */
size_t plt_table_bytes(const plt_table_t *table);        /* memory held */
/* The rows and state of this moment, for another thread to sweep; one at a time (image.h). */
struct plt_image *plt_table_image(plt_table_t *table);
/* The inverse of a sweep, into a fresh table; keys of other shards are skipped. */
void plt_table_restore_rows(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last,
                            const float *values, const float *state);
/* The same of counts of pushes of sparse keys that are not stored (plt_image_counted()). */
void plt_table_restore_counts(plt_table_t *table, size_t n, const uint64_t *keys, const uint64_t *last,
                              const float *counts);
/* Sets t, salt and history (copied). After the rows or before. */
void plt_table_restore_state(plt_table_t *table, plt_table_state_t state);

#endif
