/* format.h - what writing and reading a part share; for the files of this folder.
 *
 * Threads    between plt_hdf5_enter and plt_hdf5_leave: one at a time in a process.
 * Errors     what HDF5 says goes into a plt_hdf5_error_t, which becomes a status once, at the end; plt_part_open:
 *            PLT_ERR_CHECKPOINT.
 *
 * Structs are stored field by field as attributes of a group, by one list each, so that a field is written and
 * read by the same line. */
#ifndef PLT_PS_CHECKPOINT_FORMAT_H
#define PLT_PS_CHECKPOINT_FORMAT_H

#include <hdf5.h>

#include "ps/checkpoint/checkpoint.h"

enum { PLT_CHECKPOINT_FORMAT = 3, PLT_CHECKPOINT_CHUNK = 256 * 1024, PLT_CHECKPOINT_BUFFER = 4 * 1024 * 1024 };

typedef enum {
  PLT_FIELD_BOOL,
  PLT_FIELD_U32,
  PLT_FIELD_U64,
  PLT_FIELD_F64,
  PLT_FIELD_TEXT,
  PLT_FIELD_LONG_TEXT
} plt_field_kind_t;

typedef struct plt_field {
  const char *name;
  plt_field_kind_t kind;
  size_t offset;
  uint32_t since; /* format; what an older file does not have is zero */
} plt_field_t;

typedef struct plt_field_list {
  const plt_field_t *fields;
  size_t n;
} plt_field_list_t;

/* A table beside its rows. */
typedef struct plt_checkpoint_record {
  uint32_t index;                /* the place of its declaration */
  char init[PLT_TABLE_NAME_MAX]; /* PLT_FIELD_TEXT has this size: "zero", "normal" ... */
  plt_table_spec_t spec;         /* init.kind stands elsewhere; LONG_TEXT is as long as settings */
  uint64_t t, salt;
  uint64_t stored;
  size_t state_floats;
} plt_checkpoint_record_t;

struct plt_checkpoint_part {
  char *path;
  hid_t file;
  uint32_t format;
  plt_checkpoint_head_t head;
  plt_checkpoint_record_t *tables; /* by index */
  size_t n_tables;
};

extern const plt_field_list_t plt_head_fields, plt_progress_fields, plt_record_fields;
extern const char *const plt_init_names[PLT_INIT_KINDS]; /* by plt_init_kind_t */

/* The memory type of a field; not to be closed, except those of texts: see plt_field_type_done(). */
hid_t plt_field_type(plt_field_kind_t kind);
void plt_field_type_done(plt_field_kind_t kind, hid_t type);

/* The first failure of a run of HDF5 calls. Later calls go on with bad handles, harmlessly, and are not heard. */
typedef struct plt_hdf5_error {
  bool failed;
  bool full; /* the disk is */
  char text[1024];
} plt_hdf5_error_t;
/* Passes an HDF5 result on; a negative one is noted, with what HDF5 says about it. */
hid_t plt_hdf5_heard(plt_hdf5_error_t *error, const char *what, hid_t result);
/* Notes a failure that HDF5 does not know of. */
void plt_hdf5_note(plt_hdf5_error_t *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One thread at a time in HDF5, and its own printing off. */
void plt_hdf5_enter(void);
void plt_hdf5_leave(void);
/* File access properties of all our files; close it. */
hid_t plt_hdf5_access(plt_hdf5_error_t *error);
/* Rows of a buffer of `bytes`: a power of two, at least 1. */
size_t plt_buffer_rows(size_t bytes, size_t row_bytes);
/* Rows that are read or written at a time, of `stored` ones: at least 1. */
size_t plt_checkpoint_block(uint64_t stored, size_t row_bytes);

/* Opens a dataset of rank 1 or 2 and gets its size; all its chunks must be there. -1 after a failure. */
hid_t plt_part_column(plt_hdf5_error_t *error, hid_t group, const char *name, int rank, hsize_t size[2]);
/* Elements or rows [start, start + n) of a dataset. */
void plt_part_slice(plt_hdf5_error_t *error, hid_t data, hid_t type, int rank, hsize_t start, hsize_t n, hsize_t cols,
                    void *into);
/* The learning rates of a table's t steps. */
void plt_part_history(plt_hdf5_error_t *error, hid_t group, uint64_t t, plt_eta_history_t *history);
/* Notes keys and steps that the table cannot have. */
void plt_part_check_rows(plt_hdf5_error_t *error, const plt_checkpoint_record_t *record, const uint64_t *keys,
                         const uint64_t *last, size_t n);
/* NULL: there is none of that name. */
const plt_checkpoint_record_t *plt_part_table(const plt_checkpoint_part_t *part, const char *name);

/* plt_checkpoint_open and _close for one who has entered. */
plt_status_t plt_part_open(const char *path, plt_checkpoint_part_t **out);
void plt_part_close(plt_checkpoint_part_t **part);

#endif
