/* outfile.h - a file that is written as a stream and takes its place when it is whole. What stood there stays until
 * then: who reads it, a server of recommendations, say, never has half of one.
 *
 * What is no regular file (a pipe, a terminal, /dev/null) is written as it is, and so is a file in a folder where no
 * other can be made.
 * Life       open -> write to .file -> close.
 * Ownership  close frees all.
 * Threads    one owner.
 * Errors     with the path: PLT_ERR_CREATE of open and of taking the place, PLT_ERR_IO, PLT_ERR_SPACE. */
#ifndef PLT_COMMON_IO_OUTFILE_H
#define PLT_COMMON_IO_OUTFILE_H

#include <stdio.h>

#include "common/status.h"

typedef struct plt_outfile {
  FILE *file;
  char *path;      /* its place, links resolved */
  char *temporary; /* where it is written; NULL: in its place */
} plt_outfile_t;

plt_status_t plt_outfile_open(const char *path, plt_outfile_t *out);
/* With PLT_OK it takes its place; else, and when it cannot be written, it is removed. Returns the first failure. */
plt_status_t plt_outfile_close(plt_outfile_t *out, plt_status_t status);

#endif
