/* npy.h - NumPy .npy files: 1-d and 2-d arrays in C order, little-endian, memory-mapped for reading.
 *
 * Ownership  the caller owns a plt_npy_t and closes it; data is valid until then.
 * Threads    an open array may be read by any number of them; a writer has one owner.
 * Errors     PLT_ERR_DATA names the file and what is wrong (magic, dtype, Fortran order, size against shape);
 *            writing: PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE.
 * Source     numpy.lib.format, versions 1.0 to 3.0. */
#ifndef PLT_COMMON_IO_NPY_H
#define PLT_COMMON_IO_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

typedef enum { PLT_NPY_F2, PLT_NPY_F4, PLT_NPY_F8, PLT_NPY_I4, PLT_NPY_I8 } plt_npy_type_t;

typedef struct plt_npy {
  plt_npy_type_t type;
  uint64_t rows, cols; /* a 1-d array of n is n x 1; others are folded to [d0, d1*d2*d3] */
  int dims;            /* of the file: 1 to 4 */
  const void *data;    /* rows * cols elements, not necessarily aligned */
  void *map;
  size_t map_bytes;
} plt_npy_t;

plt_status_t plt_npy_open(const char *path, plt_npy_t *npy);
void plt_npy_close(plt_npy_t *npy);
size_t plt_npy_type_size(plt_npy_type_t type);
/* Row `row` as float32 into out[cols]; for float types only (else our bug: abort). f2 is exact, f8 goes to the nearest,
 * ties to even. */
void plt_npy_row_f32(const plt_npy_t *npy, uint64_t row, float *out);
/* Columns [first, first + n) of a row, the same way. */
void plt_npy_part_f32(const plt_npy_t *npy, uint64_t row, uint64_t first, uint64_t n, float *out);
/* The element at (row, col) of an integer array. */
int64_t plt_npy_int(const plt_npy_t *npy, uint64_t row, uint64_t col);

/* A file written row by row: create, append rows in order, close. Written beside the target under a temporary name,
 * renamed by close; abandon removes it. */
typedef struct plt_npy_writer plt_npy_writer_t;
/* float32 [rows, cols]. */
plt_status_t plt_npy_writer_create(const char *path, uint64_t rows, uint64_t cols, plt_npy_writer_t **out);
plt_status_t plt_npy_writer_append(plt_npy_writer_t *writer, const float *values, uint64_t rows);
/* uint64 [rows]. */
plt_status_t plt_npy_writer_create_keys(const char *path, uint64_t rows, plt_npy_writer_t **out);
plt_status_t plt_npy_writer_append_keys(plt_npy_writer_t *writer, const uint64_t *keys, uint64_t rows);
/* Both take and null the writer. close: PLT_ERR_BUG when fewer rows than promised were appended. */
plt_status_t plt_npy_writer_close(plt_npy_writer_t **writer);
void plt_npy_writer_abandon(plt_npy_writer_t **writer);

#endif
