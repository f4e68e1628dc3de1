/* no_memory.c - preloaded: the NO_MEMORY_AT-th request for memory since main() fails, with ENOMEM, and with
 * NO_MEMORY_FOR those that follow, so many in all (1). The number of requests is written to the file NO_MEMORY_NOTES at
 * the end of the process. NO_MEMORY_COMMAND: only in a process of that subcommand, and in the first of them that gets
 * so far, which makes the file NO_MEMORY_ONCE.
 *
 * Threads    any; which request is the n-th is chance where several ask. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

static atomic_ulong asked;
static unsigned long first = 0, last = 0; /* those that fail; 0: none */
static atomic_bool counts;

static bool fails(void) {
  if (!atomic_load(&counts)) return false;
  unsigned long number = atomic_fetch_add(&asked, 1) + 1;
  if (number < first || number > last) return false;
  const char *once = getenv("NO_MEMORY_ONCE");
  if (once != NULL && number == first) {
    int fd = open(once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
      atomic_store(&counts, false);
      return false;
    }
    close(fd);
  }
  errno = ENOMEM;
  return true;
}

void *malloc(size_t bytes) { return fails() ? NULL : __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { return fails() ? NULL : __libc_calloc(count, bytes); }
void *realloc(void *memory, size_t bytes) { return bytes > 0 && fails() ? NULL : __libc_realloc(memory, bytes); }
void *aligned_alloc(size_t align, size_t bytes) { return fails() ? NULL : __libc_memalign(align, bytes); }
void *memalign(size_t align, size_t bytes) { return fails() ? NULL : __libc_memalign(align, bytes); }
int posix_memalign(void **out, size_t align, size_t bytes) {
  if (fails()) return ENOMEM;
  void *memory = __libc_memalign(align, bytes);
  if (memory == NULL) return ENOMEM;
  *out = memory;
  return 0;
}

static void note(void) {
  unsigned long number = atomic_load(&asked);
  atomic_store(&counts, false);
  const char *path = getenv("NO_MEMORY_NOTES");
  FILE *file = path == NULL ? NULL : fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%lu\n", number);
  fclose(file);
}

typedef int (*main_fn)(int argc, char **argv, char **environment);
typedef int (*start_fn)(main_fn main, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*exit)(void),
                        void *stack);
int __libc_start_main(main_fn main, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*exit)(void),
                      void *stack);
static main_fn real_main;

static int counted_main(int argc, char **argv, char **environment) {
  const char *at = getenv("NO_MEMORY_AT"), *times = getenv("NO_MEMORY_FOR");
  first = at == NULL ? 0 : strtoul(at, NULL, 10);
  unsigned long n = times == NULL ? 1 : strtoul(times, NULL, 10);
  last = first == 0 ? 0 : first + n - 1;
  if (first == 0) first = 1;
  const char *command = getenv("NO_MEMORY_COMMAND");
  if (command != NULL && (argc < 2 || strcmp(argv[1], command) != 0)) return real_main(argc, argv, environment);
  atexit(note);
  atomic_store(&counts, true);
  return real_main(argc, argv, environment);
}

/* What the dynamic loader and constructors ask for is before it, and not ours. */
int __libc_start_main(main_fn main, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*exit)(void),
                      void *stack) {
  union {
    void *symbol;
    start_fn fn;
  } found = {.symbol = dlsym(RTLD_NEXT, "__libc_start_main")};
  real_main = main;
  return found.fn(counted_main, argc, argv, init, fini, exit, stack);
}
