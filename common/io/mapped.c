/* mapped.c - see mapped.h. The notes are a list of fixed size: a handler may read it at any time. */
#include "common/io/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

enum { NOTES = 256 };

typedef struct note {
  _Atomic(const char *) map; /* NULL: free */
  size_t bytes;
  char *path;
} note_t;

static note_t notes[NOTES];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void (*die_of)(const char *text);

void plt_map_note(const char *path, const void *map, size_t bytes) {
  pthread_mutex_lock(&mutex);
  for (size_t i = 0; i < NOTES; i++) { /* one too many is not guarded */
    if (atomic_load(&notes[i].map) != NULL) continue;
    notes[i].bytes = bytes;
    notes[i].path = plt_mem_strdup(path);
    atomic_store(&notes[i].map, map);
    break;
  }
  pthread_mutex_unlock(&mutex);
}

void plt_map_forget(const void *map) {
  pthread_mutex_lock(&mutex);
  for (size_t i = 0; i < NOTES; i++) {
    if (map == NULL || atomic_load(&notes[i].map) != map) continue;
    atomic_store(&notes[i].map, NULL);
    free(notes[i].path);
    notes[i].path = NULL;
    break;
  }
  pthread_mutex_unlock(&mutex);
}

/* A file system without maps (some of FUSE): the bytes into memory of our own, which unmaps alike. */
static void *read_whole(int fd, size_t bytes) {
  char *copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return MAP_FAILED;
  for (size_t at = 0; at < bytes;) {
    ssize_t got = pread(fd, copy + at, bytes - at, (off_t)at);
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) {
      at += (size_t)got;
      continue;
    }
    int cause = got == 0 ? EIO : errno;
    munmap(copy, bytes);
    errno = cause;
    return MAP_FAILED;
  }
  return copy;
}

plt_status_t plt_file_map(const char *path, void **map, size_t *bytes) {
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return plt_fail_errno(PLT_ERR_DATA, "%s: cannot open", path);
  plt_status_t status = PLT_OK;
  void *mapped = MAP_FAILED;
  if (fstat(fd, &info) != 0) {
    status = plt_fail_errno(PLT_ERR_DATA, "%s: cannot read", path);
  } else if (!S_ISREG(info.st_mode) || info.st_size == 0) {
    status = plt_fail(PLT_ERR_DATA, "%s: %s", path, S_ISREG(info.st_mode) ? "the file is empty" : "not a file");
  } else {
    mapped = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED && errno == ENODEV) mapped = read_whole(fd, (size_t)info.st_size);
    if (mapped == MAP_FAILED) status = plt_fail_errno(PLT_ERR_DATA, "%s: cannot map into memory", path);
  }
  close(fd);
  if (status != PLT_OK) return status;
  plt_map_note(path, mapped, (size_t)info.st_size);
  *map = mapped;
  *bytes = (size_t)info.st_size;
  return PLT_OK;
}

void plt_file_unmap(void *map, size_t bytes) {
  plt_map_forget(map);
  munmap(map, bytes);
}

/* Reading at that address is what faulted: no lock is held and no structure half changed in this thread. */
static void on_bus_error(int number, siginfo_t *info, void *context) {
  (void)context;
  uintptr_t at = (uintptr_t)info->si_addr;
  for (size_t i = 0; i < NOTES; i++) {
    uintptr_t map = (uintptr_t)atomic_load(&notes[i].map);
    if (map == 0 || at < map || at - map >= notes[i].bytes) continue;
    char text[2048];
    snprintf(
        text, sizeof text,
        "%s: cannot read bytes %zu and behind of %zu: the file was cut short while it is in use, or its disk fails",
        notes[i].path, (size_t)(at - map), notes[i].bytes);
    die_of(text);
  }
  signal(number, SIG_DFL); /* not one of ours: it happens again and ends the process */
}

void plt_maps_guard(void (*die)(const char *text)) {
  struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
  die_of = die;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}
