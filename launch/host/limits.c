/* limits.c - see limits.h. */
#include "launch/host/limits.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "common/io/fileio.h"

enum { FILES_WANTED = 65536 };

void plt_limits_raise_files(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= FILES_WANTED) return;
  files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
  setrlimit(RLIMIT_NOFILE, &files);
}

/* The number after `word` at the start of a line of a file, or the first one if `word` is ""; false: none. */
static bool read_number(const char *path, const char *word, uint64_t *out) {
  char line[128];
  bool found = false;
  size_t length = strlen(word);
  FILE *file = fopen(path, "r");
  if (file == NULL) return false;
  while (!found && fgets(line, sizeof line, file) != NULL)
    found = strncmp(line, word, length) == 0 && sscanf(line + length, "%" SCNu64, out) == 1;
  fclose(file);
  return found;
}

static uint64_t machine_memory(void) {
  uint64_t kib;
  return read_number("/proc/meminfo", "MemAvailable: ", &kib) ? kib * 1024 : UINT64_MAX;
}

/* Control groups nest: the least of this group and those above it (version 2; batch systems limit jobs so). Pages of
 * files count as free. */
static uint64_t group_memory(void) {
  char line[PLT_PATH_MAX], group[PLT_PATH_MAX] = "", path[PLT_PATH_MAX + 64];
  uint64_t least = UINT64_MAX;
  FILE *file = fopen("/proc/self/cgroup", "r");
  if (file == NULL) return least;
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, "0::", 3) == 0) snprintf(group, sizeof group, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
  fclose(file);
  for (char *end = group + strlen(group); end != NULL; end = strrchr(group, '/')) {
    uint64_t most, used;
    *end = '\0';
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
    if (!read_number(path, "", &most)) continue;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.stat", group);
    if (!read_number(path, "anon ", &used)) continue;
    uint64_t there = most > used ? most - used : 0;
    if (there < least) least = there;
  }
  return least;
}

uint64_t plt_limits_memory(void) {
  uint64_t machine = machine_memory(), group = group_memory();
  return machine < group ? machine : group;
}
