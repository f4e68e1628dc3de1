/* fuzz.c - see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"

_Noreturn void fuzz_failed(const char *file, int line, const char *condition) {
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
  abort();
}

static char folder[64];
static pid_t owner; /* libFuzzer may fork */

static void remove_folder(void) {
  if (getpid() == owner) plt_dir_remove(folder);
}

const char *fuzz_folder(void) {
  if (folder[0] != '\0') return folder;
  snprintf(folder, sizeof folder, "%s/plateau-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  FUZZ_CHECK(mkdtemp(folder) != NULL);
  owner = getpid();
  atexit(remove_folder);
  return folder;
}

const char *fuzz_write(const char *name, const void *bytes, size_t n) {
  static char path[PLT_PATH_MAX];
  FUZZ_CHECK(plt_path_join(fuzz_folder(), name, path) == PLT_OK);
  FILE *file = fopen(path, "wb");
  if (file == NULL) {
    char *slash = strrchr(path, '/');
    *slash = '\0';
    FUZZ_CHECK(plt_dir_create(path) == PLT_OK);
    *slash = '/';
    file = fopen(path, "wb");
  }
  FUZZ_CHECK(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
  return path;
}

void fuzz_remove(const char *name) {
  char path[PLT_PATH_MAX];
  FUZZ_CHECK(plt_path_join(fuzz_folder(), name, path) == PLT_OK);
  unlink(path);
}

uint32_t fuzz_take(fuzz_input_t *in, uint32_t below) {
  if (in->n == 0) return 0;
  in->n--;
  return *in->data++ % below;
}

uint64_t fuzz_take_number(fuzz_input_t *in) {
  static const uint64_t borders[] = {31,         32,         63,         64,         1023,       4096,
                                     1ULL << 30, UINT32_MAX, 1ULL << 32, 1ULL << 62, UINT64_MAX, UINT64_MAX - 1};
  uint32_t byte = fuzz_take(in, 256), n = sizeof borders / sizeof *borders;
  return byte < 256 - n ? byte % 10 : borders[byte - (256 - n)];
}

char *fuzz_take_text(const uint8_t **data, size_t *n) {
  const uint8_t *end = *n == 0 ? NULL : memchr(*data, '\f', *n);
  size_t length = end == NULL ? *n : (size_t)(end - *data);
  char *text = plt_mem_alloc(length + 1);
  if (length > 0) memcpy(text, *data, length);
  text[length] = '\0';
  *data += length + (end != NULL);
  *n -= length + (end != NULL);
  return text;
}
