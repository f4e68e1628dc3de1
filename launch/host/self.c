/* self.c - see self.h. */
#include "launch/host/self.h"

#include <sys/stat.h>
#include <unistd.h>

static const char link_to_own[] = "/proc/self/exe";

plt_status_t plt_self_path(char path[PLT_PATH_MAX]) {
  ssize_t length = readlink(link_to_own, path, PLT_PATH_MAX - 1);
  if (length < 0) return plt_fail_errno(PLT_ERR_IO, "cannot find the plateau binary");
  path[length] = '\0';
  return PLT_OK;
}

void plt_self_exec(const char *path, char *const arguments[]) {
  struct stat named, own;
  /* By its path if it can be: ps shows it. */
  if (stat(path, &named) == 0 && stat(link_to_own, &own) == 0 && named.st_dev == own.st_dev &&
      named.st_ino == own.st_ino)
    execv(path, arguments);
  execv(link_to_own, arguments);
}
