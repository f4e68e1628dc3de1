/* fileio.c - see fileio.h. */
#include "common/io/fileio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/time.h"

plt_status_t plt_path_join(const char *dir, const char *name, char out[PLT_PATH_MAX]) {
  bool alone = name[0] == '/' || dir[0] == '\0';
  bool slash = !alone && dir[strlen(dir) - 1] != '/';
  size_t need = (alone ? 0 : strlen(dir)) + slash + strlen(name);
  if (need >= PLT_PATH_MAX) return plt_fail(PLT_ERR_USAGE, "path is too long: %s/%s", dir, name);
  snprintf(out, PLT_PATH_MAX, "%s%s%s", alone ? "" : dir, slash ? "/" : "", name);
  return PLT_OK;
}

plt_status_t plt_path_file(const char *dir, const char *name, const char *suffix, char out[PLT_PATH_MAX]) {
  char *file = plt_mem_print("%s%s", name, suffix);
  plt_status_t status = plt_path_join(dir, file, out);
  free(file);
  return status;
}

bool plt_path_ends_with(const char *path, const char *suffix) {
  size_t length = strlen(path), tail = strlen(suffix);
  return length > tail && strcmp(path + length - tail, suffix) == 0;
}

bool plt_path_exists(const char *path) { return access(path, F_OK) == 0; }

bool plt_path_is_dir(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

plt_path_id_t plt_path_id(const char *path) {
  struct stat info;
  if (stat(path, &info) != 0) return (plt_path_id_t){0};
  return (plt_path_id_t){.device = info.st_dev, .number = info.st_ino};
}

bool plt_path_is(const char *path, plt_path_id_t id) {
  plt_path_id_t now = plt_path_id(path);
  return now.device == id.device && now.number == id.number;
}

plt_status_t plt_dir_create_one(const char *path) {
  if (mkdir(path, 0777) == 0) return PLT_OK;
  int cause = errno;
  if (plt_path_is_dir(path)) return PLT_OK;
  if (cause == EEXIST) /* "File exists" would not say why that is wrong */
    return plt_fail(PLT_ERR_CREATE, "%s: cannot create directory: it is there already, and is none", path);
  errno = cause;
  return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create directory", path);
}

plt_status_t plt_dir_create(const char *path) {
  char *partial = plt_mem_strdup(path);
  plt_status_t status = PLT_OK;
  for (char *p = partial + (partial[0] == '/'); *p != '\0' && status == PLT_OK; p++) {
    if (*p != '/') continue;
    *p = '\0';
    status = plt_dir_create_one(partial);
    *p = '/';
  }
  if (status == PLT_OK) status = plt_dir_create_one(partial);
  free(partial);
  return status;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
  (void)info, (void)kind, (void)walk;
  if (remove(path) == 0 || errno == ENOENT) return 0;
  return (int)plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", path);
}

plt_status_t plt_dir_remove(const char *path) {
  enum { DESCRIPTORS = 16 };
  int result = nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
  if (result == 0 || (result < 0 && errno == ENOENT)) return PLT_OK;
  return result > 0 ? (plt_status_t)result : plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", path);
}

plt_status_t plt_path_sync(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot open", path);
  /* Some network file systems refuse fsync on directories; there is nothing better to do then. */
  plt_status_t status = PLT_OK;
  if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)
    status = plt_fail_errno(PLT_ERR_IO, "%s: cannot write to disk", path);
  close(fd);
  return status;
}

static plt_status_t read_all(int fd, const char *path, size_t max_bytes, char **text, size_t *bytes) {
  size_t used = 0, capacity = 4096;
  char *buffer = plt_mem_resize(NULL, capacity, 1);
  plt_status_t status = PLT_OK;
  for (;;) {
    if (used + 1 == capacity) buffer = plt_mem_resize(buffer, capacity *= 2, 1);
    ssize_t got = read(fd, buffer + used, capacity - used - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = plt_fail_errno(PLT_ERR_IO, "%s: cannot read", path);
    if (got > 0) used += (size_t)got;
    if (used > max_bytes) status = plt_fail(PLT_ERR_DATA, "%s: larger than %zu bytes", path, max_bytes);
    if (got <= 0 || status != PLT_OK) break;
  }
  if (status != PLT_OK) {
    free(buffer);
    return status;
  }
  buffer[used] = '\0';
  *text = buffer;
  if (bytes != NULL) *bytes = used;
  return PLT_OK;
}

plt_status_t plt_file_read(const char *path, size_t max_bytes, char **text, size_t *bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot open", path);
  plt_status_t status = read_all(fd, path, max_bytes, text, bytes);
  close(fd);
  return status;
}

static plt_status_t write_synced(const char *path, const char *text, size_t bytes) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create", path);
  plt_status_t status = PLT_OK;
  while (bytes > 0 && status == PLT_OK) {
    ssize_t put = write(fd, text, bytes);
    if (put < 0 && errno != EINTR) status = plt_fail_errno(PLT_ERR_IO, "%s: cannot write", path);
    if (put > 0) text += put, bytes -= (size_t)put;
  }
  if (status == PLT_OK && fsync(fd) != 0) status = plt_fail_errno(PLT_ERR_IO, "%s: cannot write to disk", path);
  if (close(fd) != 0 && status == PLT_OK) status = plt_fail_errno(PLT_ERR_IO, "%s: cannot close", path);
  return status;
}

plt_status_t plt_dir_sync_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) return plt_path_sync(".");
  char *dir = plt_mem_strdup(path);
  dir[slash == path ? 1 : slash - path] = '\0';
  plt_status_t status = plt_path_sync(dir);
  free(dir);
  return status;
}

static uint64_t process_number;
static void draw_process_number(void) {
  if (getrandom(&process_number, sizeof process_number, 0) != sizeof process_number)
    process_number = (uint64_t)plt_time_ns();
}

/* A number of its own for every process: those of two machines or containers may be equal. */
char *plt_path_temporary(const char *path) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, draw_process_number);
  return plt_mem_print("%s.%d-%08" PRIx64 ".tmp", path, (int)getpid(), process_number & UINT32_MAX);
}

void plt_path_sweep(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1, suffix[] = ".tmp";
  char *dir = slash == NULL ? plt_mem_strdup(".") : plt_mem_print("%.*s", (int)(slash - path), path), **names = NULL;
  size_t n = 0, length = strlen(name);
  bool is_listed = plt_dir_list(dir, &names, &n) == PLT_OK;
  for (size_t i = 0; is_listed && i < n; i++) {
    size_t end = strlen(names[i]);
    if (strncmp(names[i], name, length) != 0 || names[i][length] != '.') continue;
    if (end < sizeof suffix || strcmp(names[i] + end + 1 - sizeof suffix, suffix) != 0) continue;
    char *left = plt_mem_print("%s/%s", dir, names[i]);
    unlink(left);
    free(left);
  }
  if (is_listed) plt_names_free(&names, n);
  free(dir);
}

/* Puts `temporary` in a place that must be free. */
static plt_status_t move_new(const char *temporary, const char *path, bool *taken) {
  bool is_there = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0;
  if (!is_there && (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP)) { /* a file system that cannot */
    is_there = link(temporary, path) == 0;
    int cause = errno;
    if (is_there) unlink(temporary);
    errno = cause;
  }
  *taken = !is_there && errno == EEXIST;
  if (is_there || *taken) return PLT_OK;
  return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot rename to its place", path);
}

/* taken NULL: over what is there. */
static plt_status_t publish(const char *path, const char *text, size_t bytes, bool *taken) {
  char *temporary = plt_path_temporary(path);
  plt_status_t status = write_synced(temporary, text, bytes);
  if (status == PLT_OK && taken != NULL)
    status = move_new(temporary, path, taken);
  else if (status == PLT_OK && rename(temporary, path) != 0)
    status = plt_fail_errno(PLT_ERR_CREATE, "%s: cannot rename to its place", path);
  if (status != PLT_OK || (taken != NULL && *taken))
    unlink(temporary);
  else
    status = plt_dir_sync_of(path);
  free(temporary);
  return status;
}

plt_status_t plt_file_publish(const char *path, const char *text, size_t bytes) {
  return publish(path, text, bytes, NULL);
}

plt_status_t plt_file_publish_or_print(const char *path, const char *text, size_t bytes) {
  if (strcmp(path, "-") != 0) return plt_file_publish(path, text, bytes);
  bool is_written = fwrite(text, 1, bytes, stdout) == bytes && fflush(stdout) == 0;
  return is_written ? PLT_OK : plt_fail_errno(PLT_ERR_IO, "standard output");
}

plt_status_t plt_file_publish_new(const char *path, const char *text, size_t bytes, bool *taken) {
  *taken = false;
  return publish(path, text, bytes, taken);
}

plt_status_t plt_dir_free_bytes(const char *path, uint64_t *bytes) {
  struct statvfs info;
  if (statvfs(path, &info) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot ask for free space", path);
  *bytes = (uint64_t)info.f_bavail * info.f_frsize;
  return PLT_OK;
}

int plt_file_lock(const char *path) {
  char *lock = plt_mem_print("%s.lock", path);
  int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  free(lock);
  if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
    close(fd);
    fd = -1;
  }
  return fd;
}

bool plt_dir_lock(const char *path, bool shared, int *fd) {
  *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*fd < 0 || flock(*fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 || errno != EWOULDBLOCK) return true;
  close(*fd);
  *fd = -1;
  return false;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

plt_status_t plt_dir_list(const char *path, char ***names, size_t *n) {
  DIR *dir = opendir(path);
  if (dir == NULL) return plt_fail_errno(PLT_ERR_IO, "%s: cannot list", path);
  char **list = NULL;
  size_t count = 0, capacity = 0;
  struct dirent *entry;
  while (errno = 0, (entry = readdir(dir)) != NULL) {
    if (entry->d_name[0] == '.') continue;
    PLT_MEM_GROW(list, count, capacity);
    list[count++] = plt_mem_strdup(entry->d_name);
  }
  plt_status_t status = errno == 0 ? PLT_OK : plt_fail_errno(PLT_ERR_IO, "%s: cannot list", path);
  closedir(dir);
  if (status != PLT_OK) {
    plt_names_free(&list, count);
    return status;
  }
  if (count > 0) qsort(list, count, sizeof *list, compare_names);
  *names = list;
  *n = count;
  return PLT_OK;
}

void plt_names_free(char ***names, size_t n) {
  for (size_t i = 0; i < n; i++) free((*names)[i]);
  free(*names);
  *names = NULL;
}
