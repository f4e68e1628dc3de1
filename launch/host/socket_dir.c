/* socket_dir.c - see socket_dir.h. */
#include "launch/host/socket_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/fileio.h"

static int held = -1; /* the lock of this process's directory */

/* Whether somebody holds the directory: the process that made it does, until it ends. */
static bool is_held(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return true;
  bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return locked;
}

/* Whether `name` was made by a process that is gone. Its number alone does not say so: containers that share /tmp do
 * not see each other's processes. */
static bool is_left_over(const char *name, const char *path) {
  unsigned user;
  int pid, end = 0;
  struct stat about;
  if (sscanf(name, "plateau-%u-%d-%n", &user, &pid, &end) != 2 || end == 0 || user != (unsigned)geteuid()) return false;
  if (lstat(path, &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != geteuid()) return false;
  return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH && !is_held(path);
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

/* Under a name that nobody looks for, until it is held. */
static bool make_held(const char *name, char out[PLT_SOCKET_DIR_MAX]) {
  char hidden[PLT_SOCKET_DIR_MAX];
  snprintf(hidden, sizeof hidden, "/tmp/.%s", name);
  if (mkdtemp(hidden) == NULL) return false;
  int fd = open(hidden, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) flock(fd, LOCK_EX | LOCK_NB); /* without locks its process's number must do */
  snprintf(out, PLT_SOCKET_DIR_MAX, "/tmp/%s", hidden + strlen("/tmp/."));
  if (rename(hidden, out) != 0) {
    int cause = errno;
    if (fd >= 0) close(fd);
    rmdir(hidden);
    errno = cause;
    return false;
  }
  if (held >= 0) close(held);
  held = fd;
  return true;
}

plt_status_t plt_socket_dir_create(char out[PLT_SOCKET_DIR_MAX]) {
  char name[PLT_SOCKET_DIR_MAX - 8];
  remove_left_overs();
  snprintf(name, sizeof name, "plateau-%u-%d-XXXXXX", (unsigned)geteuid(), (int)getpid());
  if (make_held(name, out)) return PLT_OK;
  out[0] = '\0';
  return plt_fail_errno(PLT_ERR_CREATE, "cannot make a directory for sockets in /tmp");
}
