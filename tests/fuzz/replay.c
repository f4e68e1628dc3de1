/* replay.c - fuzz_TARGET_replay CORPUS: runs a fuzz target over every file of a folder, once. */
#include <stdio.h>
#include <stdlib.h>

#include "common/io/fileio.h"
#include "tests/fuzz/fuzz.h"

int main(int argc, char **argv) {
  char **names, *bytes, path[PLT_PATH_MAX];
  size_t count, n;
  if (argc != 2 || plt_dir_list(argv[1], &names, &count) != PLT_OK || count == 0) {
    fprintf(stderr, "usage: %s CORPUS, a folder with files\n", argv[0]);
    return 64;
  }
  for (size_t i = 0; i < count; i++) {
    if (plt_path_join(argv[1], names[i], path) != PLT_OK || plt_file_read(path, 1 << 20, &bytes, &n) != PLT_OK) {
      fprintf(stderr, "%s\n", plt_fail_text());
      return 66;
    }
    fprintf(stderr, "%s\n", names[i]); /* the last one is the culprit */
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, n);
    free(bytes);
  }
  plt_names_free(&names, count);
  printf("%zu inputs\n", count);
  return 0;
}
