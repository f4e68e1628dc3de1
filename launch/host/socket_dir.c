/* socket_dir.c - see socket_dir.h. */
#include "launch/host/socket_dir.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/fileio.h"

/* Whether `name` was made here for a process that is gone. */
static bool is_left_over(const char *name, const char *path) {
  unsigned user;
  int pid, end = 0;
  struct stat about;
  if (sscanf(name, "plateau-%u-%d-%n", &user, &pid, &end) != 2 || end == 0 || user != (unsigned)geteuid()) return false;
  if (lstat(path, &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != geteuid()) return false;
  return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

static void remove_left_overs(void) {
  char **names;
  size_t n;
  if (plt_dir_list("/tmp", &names, &n) != PLT_OK) return;
  for (size_t i = 0; i < n; i++) {
    char path[PLT_PATH_MAX];
    if (plt_path_join("/tmp", names[i], path) == PLT_OK && is_left_over(names[i], path)) plt_dir_remove(path);
  }
  plt_names_free(&names, n);
}

plt_status_t plt_socket_dir_create(char out[PLT_SOCKET_DIR_MAX]) {
  remove_left_overs();
  snprintf(out, PLT_SOCKET_DIR_MAX, "/tmp/plateau-%u-%d-XXXXXX", (unsigned)geteuid(), (int)getpid());
  if (mkdtemp(out) != NULL) return PLT_OK;
  out[0] = '\0';
  return plt_fail_errno(PLT_ERR_CREATE, "cannot make a directory for sockets in /tmp");
}
