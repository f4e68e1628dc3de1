/* npy_writer.c - see npy.h.
 *
 * The header says how many rows there are, so the number is promised first and checked at the close. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"

struct plt_npy_writer {
  char *path, *temporary;
  FILE *file;
  uint64_t rows, cols, written;
};

static void writer_free(plt_npy_writer_t *writer) {
  if (writer->file != NULL) fclose(writer->file);
  free(writer->temporary);
  free(writer->path);
  free(writer);
}

/* Version 1.0; spaces bring the data to a multiple of 64 bytes, as numpy does. */
static bool write_header(FILE *file, uint64_t rows, uint64_t cols) {
  enum { BYTES = 128, PREFIX = 10 };
  char header[BYTES];
  memset(header, ' ', BYTES);
  memcpy(header, "\x93NUMPY\x01\x00", 8);
  header[8] = (char)(BYTES - PREFIX);
  header[9] = 0;
  int length =
      snprintf(header + PREFIX, BYTES - PREFIX, "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu, %llu), }",
               (unsigned long long)rows, (unsigned long long)cols);
  header[PREFIX + length] = ' ';
  header[BYTES - 1] = '\n';
  return fwrite(header, 1, BYTES, file) == BYTES;
}

plt_status_t plt_npy_writer_create(const char *path, uint64_t rows, uint64_t cols, plt_npy_writer_t **out) {
  plt_npy_writer_t *writer = plt_mem_zalloc(1, sizeof *writer);
  *writer = (plt_npy_writer_t){.path = plt_mem_strdup(path), .rows = rows, .cols = cols};
  writer->temporary = plt_path_temporary(path);
  writer->file = fopen(writer->temporary, "wbe");
  plt_status_t status = PLT_OK;
  if (writer->file == NULL) {
    status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create", writer->temporary);
  } else if (!write_header(writer->file, rows, cols)) {
    status = plt_fail_errno(PLT_ERR_IO, "%s: cannot write", writer->temporary);
    unlink(writer->temporary);
  }
  if (status != PLT_OK) {
    writer_free(writer);
    return status;
  }
  *out = writer;
  return PLT_OK;
}

plt_status_t plt_npy_writer_append(plt_npy_writer_t *writer, const float *values, uint64_t rows) {
  if (rows > writer->rows - writer->written)
    return plt_fail(PLT_ERR_BUG, "%s: more rows than the %llu promised", writer->path,
                    (unsigned long long)writer->rows);
  size_t n = (size_t)(rows * writer->cols);
  if (fwrite(values, sizeof *values, n, writer->file) != n)
    return plt_fail_errno(PLT_ERR_IO, "%s: cannot write", writer->temporary);
  writer->written += rows;
  return PLT_OK;
}

static plt_status_t finish(plt_npy_writer_t *writer) {
  if (writer->written < writer->rows)
    return plt_fail(PLT_ERR_BUG, "%s: %llu of %llu rows were written", writer->path,
                    (unsigned long long)writer->written, (unsigned long long)writer->rows);
  if (fflush(writer->file) != 0 || fsync(fileno(writer->file)) != 0)
    return plt_fail_errno(PLT_ERR_IO, "%s: cannot write", writer->temporary);
  int closed = fclose(writer->file);
  writer->file = NULL;
  if (closed != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot close", writer->temporary);
  if (rename(writer->temporary, writer->path) != 0)
    return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot rename to its place", writer->path);
  return plt_dir_sync_of(writer->path);
}

plt_status_t plt_npy_writer_close(plt_npy_writer_t **writer_at) {
  plt_npy_writer_t *writer = *writer_at;
  plt_status_t status = finish(writer);
  if (status == PLT_OK) {
    writer_free(writer);
    *writer_at = NULL;
  } else {
    plt_npy_writer_abandon(writer_at);
  }
  return status;
}

void plt_npy_writer_abandon(plt_npy_writer_t **writer_at) {
  if (*writer_at == NULL) return;
  unlink((*writer_at)->temporary);
  writer_free(*writer_at);
  *writer_at = NULL;
}
