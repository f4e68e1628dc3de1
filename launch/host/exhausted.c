/* exhausted.c - see exhausted.h. */
#include "launch/host/exhausted.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/mem_exhausted.h"
#include "common/status.h"

static void (*die_of)(const char *text);
static _Thread_local bool wants_a_thread; /* and did not get one */

/* Bytes of it that this process has taken; 0: unknown. */
static size_t address_space(void) {
  char text[32] = "";
  int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  return n <= 0 ? 0 : strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void die(const char *text) {
  static atomic_bool somebody_does;
  static _Thread_local bool is_mine;
  static const char line[] = "plateau: error: out of memory\n";
  if (is_mine) { /* none for the last words */
    ssize_t dropped = write(STDERR_FILENO, line, strlen(line));
    (void)dropped;
    _exit(plt_status_exit(PLT_ERR_MEMORY));
  }
  while (atomic_exchange(&somebody_does, true)) pause(); /* until the process ends */
  is_mine = true;
  char whole[512];
  snprintf(whole, sizeof whole, "%s beside %.0f MB (limits: ulimit -v and -u, the memory of the job or the machine)",
           text, (double)address_space() / 1e6);
  die_of(whole);
}

static void on_abort(int number) {
  if (wants_a_thread) die("could not get a thread");
  signal(number, SIG_DFL); /* abort() raises it once more */
}

void plt_exhausted_guard(void (*last_words)(const char *text)) {
  tzset(); /* takes memory the first time: not when the last words are put into a log */
  die_of = last_words;
  plt_mem_on_exhausted(die);
  struct sigaction action = {.sa_handler = on_abort};
  sigemptyset(&action.sa_mask);
  sigaction(SIGABRT, &action, NULL);
}

#if defined(__GLIBC__) && !defined(PLT_SANITIZED)

/* The function of that name behind this program: the system's, or of a library that was preloaded. */
static void find(const char *name, _Atomic(void *) *known, void *fn) {
  void *symbol = atomic_load_explicit(known, memory_order_relaxed);
  if (symbol == NULL) atomic_store(known, symbol = dlsym(RTLD_NEXT, name));
  memcpy(fn, &symbol, sizeof symbol);
}

static void *or_die(void *memory, size_t bytes) {
  if (memory == NULL && bytes != 0 && die_of != NULL) plt_mem_exhausted("could not get %zu bytes", bytes);
  return memory;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the C library's names begin with underscores */
void *malloc(size_t bytes) {
  static _Atomic(void *) known;
  void *(*fn)(size_t);
  find("malloc", &known, &fn);
  return or_die(fn(bytes), bytes);
}

void *calloc(size_t count, size_t bytes) {
  static _Atomic(void *) known;
  void *(*fn)(size_t, size_t);
  find("calloc", &known, &fn);
  return or_die(fn(count, bytes), count * bytes);
}

void *realloc(void *memory, size_t bytes) {
  static _Atomic(void *) known;
  void *(*fn)(void *, size_t);
  find("realloc", &known, &fn);
  return or_die(fn(memory, bytes), bytes);
}

void *aligned_alloc(size_t align, size_t bytes) {
  static _Atomic(void *) known;
  void *(*fn)(size_t, size_t);
  find("aligned_alloc", &known, &fn);
  return or_die(fn(align, bytes), bytes);
}

int posix_memalign(void **out, size_t align, size_t bytes) {
  static _Atomic(void *) known;
  int (*fn)(void **, size_t, size_t);
  find("posix_memalign", &known, &fn);
  int error = fn(out, align, bytes);
  if (error == ENOMEM) or_die(NULL, bytes);
  return error;
}

/* Memory for what is compiled at run time. Who asks for huge pages has another way. */
void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  static _Atomic(void *) known;
  void *(*fn)(void *, size_t, int, int, int, off_t);
  find("mmap", &known, &fn);
  void *memory = fn(at, bytes, protection, flags, fd, offset);
  if (memory == MAP_FAILED && errno == ENOMEM && (flags & MAP_ANONYMOUS) != 0 && (flags & MAP_HUGETLB) == 0)
    or_die(NULL, bytes);
  return memory;
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset) {
  return mmap(at, bytes, protection, flags, fd, offset);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  static _Atomic(void *) known;
  int (*fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  find("pthread_create", &known, &fn);
  int error = fn(thread, attributes, body, argument);
  wants_a_thread = error == EAGAIN || error == ENOMEM;
  return error;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

#endif
