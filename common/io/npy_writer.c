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
  uint64_t rows, written;
  size_t row_bytes;
};

static void writer_free(plt_npy_writer_t *writer) {
  if (writer->file != NULL) fclose(writer->file);
  free(writer->temporary);
  free(writer->path);
  free(writer);
}

/* Version 1.0; spaces bring the data to a multiple of 64 bytes, as numpy does. */
static bool write_header(FILE *file, const char *type, const char *shape) {
  enum { BYTES = 128, PREFIX = 10 };
  char header[BYTES];
  memset(header, ' ', BYTES);
  memcpy(header, "\x93NUMPY\x01\x00", 8);
  header[8] = (char)(BYTES - PREFIX);
  header[9] = 0;
  int length =
      snprintf(header + PREFIX, BYTES - PREFIX, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
  header[PREFIX + length] = ' ';
  header[BYTES - 1] = '\n';
  return fwrite(header, 1, BYTES, file) == BYTES;
}

static plt_status_t create(const char *path, uint64_t rows, size_t row_bytes, const char *type, const char *shape,
                           plt_npy_writer_t **out) {
  plt_npy_writer_t *writer = plt_mem_zalloc(1, sizeof *writer);
  *writer = (plt_npy_writer_t){.path = plt_mem_strdup(path), .rows = rows, .row_bytes = row_bytes};
  writer->temporary = plt_path_temporary(path);
  writer->file = fopen(writer->temporary, "wbe");
  plt_status_t status = PLT_OK;
  if (writer->file == NULL) {
    status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create", writer->temporary);
  } else if (!write_header(writer->file, type, shape)) {
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

plt_status_t plt_npy_writer_create(const char *path, uint64_t rows, uint64_t cols, plt_npy_writer_t **out) {
  char shape[64];
  snprintf(shape, sizeof shape, "(%llu, %llu)", (unsigned long long)rows, (unsigned long long)cols);
  return create(path, rows, (size_t)cols * sizeof(float), "<f4", shape, out);
}

plt_status_t plt_npy_writer_create_keys(const char *path, uint64_t rows, plt_npy_writer_t **out) {
  char shape[64];
  snprintf(shape, sizeof shape, "(%llu,)", (unsigned long long)rows);
  return create(path, rows, sizeof(uint64_t), "<u8", shape, out);
}

static plt_status_t append(plt_npy_writer_t *writer, const void *bytes, uint64_t rows) {
  if (rows > writer->rows - writer->written)
    return plt_fail(PLT_ERR_BUG, "%s: more rows than the %llu promised", writer->path,
                    (unsigned long long)writer->rows);
  size_t n = (size_t)rows * writer->row_bytes;
  if (fwrite(bytes, 1, n, writer->file) != n) return plt_fail_errno(PLT_ERR_IO, "%s: cannot write", writer->temporary);
  writer->written += rows;
  return PLT_OK;
}

plt_status_t plt_npy_writer_append(plt_npy_writer_t *writer, const float *values, uint64_t rows) {
  return append(writer, values, rows);
}

plt_status_t plt_npy_writer_append_keys(plt_npy_writer_t *writer, const uint64_t *keys, uint64_t rows) {
  return append(writer, keys, rows);
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
