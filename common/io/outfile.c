/* outfile.c - see outfile.h. */
#include "common/io/outfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"

/* Whether another file can take the place of what is there, or of nothing. */
static bool is_replaceable(const char *path) {
  struct stat info;
  if (stat(path, &info) == 0) return S_ISREG(info.st_mode);
  return lstat(path, &info) != 0; /* a link to nothing yet is followed */
}

plt_status_t plt_outfile_open(const char *path, plt_outfile_t *out) {
  char *resolved = realpath(path, NULL);
  *out = (plt_outfile_t){.path = resolved != NULL ? resolved : plt_mem_strdup(path)};
  if (is_replaceable(path)) {
    out->temporary = plt_path_temporary(out->path);
    out->file = fopen(out->temporary, "we");
  }
  if (out->file != NULL) return PLT_OK;
  free(out->temporary);
  out->temporary = NULL;
  out->file = fopen(path, "we");
  if (out->file != NULL) return PLT_OK;
  plt_status_t status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create", path);
  free(out->path);
  *out = (plt_outfile_t){0};
  return status;
}

static plt_status_t take_place(const plt_outfile_t *out) {
  if (rename(out->temporary, out->path) == 0) return plt_dir_sync_of(out->path);
  return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot rename to its place", out->path);
}

plt_status_t plt_outfile_close(plt_outfile_t *out, plt_status_t status) {
  bool written = fflush(out->file) == 0 && !ferror(out->file);
  if (written && out->temporary != NULL) written = fsync(fileno(out->file)) == 0 || errno == EINVAL;
  const int cause = errno;
  if (fclose(out->file) == 0)
    errno = cause;
  else
    written = false;
  if (status == PLT_OK && !written) status = plt_fail_errno(PLT_ERR_IO, "%s: cannot write", out->path);
  if (status == PLT_OK && out->temporary != NULL) status = take_place(out);
  if (status != PLT_OK && out->temporary != NULL) unlink(out->temporary);
  free(out->temporary);
  free(out->path);
  *out = (plt_outfile_t){0};
  return status;
}
