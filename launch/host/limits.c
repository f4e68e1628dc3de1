/* limits.c - see limits.h. */
#include "launch/host/limits.h"

#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/io/fileio.h"

enum { FILES_WANTED = 65536 };

void plt_limits_raise_files(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= FILES_WANTED) return;
  files.rlim_cur = files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
  setrlimit(RLIMIT_NOFILE, &files);
}

uint64_t plt_limits_files(void) {
  struct rlimit files;
  return getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY ? files.rlim_cur : UINT64_MAX;
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

/* A group and where its files are: version 2 has one tree, version 1 one for each kind of limit. */
typedef struct tree {
  const char *root;
  char mount[PLT_PATH_MAX], group[PLT_PATH_MAX];
} tree_t;

static bool read_limit(const tree_t *tree, const char *file, const char *word, uint64_t *out) {
  char path[3 * PLT_PATH_MAX];
  snprintf(path, sizeof path, "%s%s%s/%s", tree->root, tree->mount, tree->group, file);
  return read_number(path, word, out);
}

static void take_memory(const tree_t *tree, plt_limits_group_t *out) {
  bool is_old = strcmp(tree->mount, "/sys/fs/cgroup") != 0;
  uint64_t most, used = 0;
  if (!read_limit(tree, is_old ? "memory.limit_in_bytes" : "memory.max", "", &most)) return;
  if (most >= (uint64_t)1 << 62) return;                                   /* how version 1 says that there is none */
  read_limit(tree, "memory.stat", is_old ? "total_rss " : "anon ", &used); /* pages of files count as free */
  uint64_t there = most > used ? most - used : 0;
  if (there < out->memory_free) out->memory_free = there;
  if (most < out->memory_most) out->memory_most = most;
}

static void take_cores(const tree_t *tree, plt_limits_group_t *out) {
  char path[3 * PLT_PATH_MAX], line[64];
  long long quota = -1, period = 0;
  uint64_t number;
  snprintf(path, sizeof path, "%s%s%s/cpu.max", tree->root, tree->mount, tree->group);
  FILE *file = fopen(path, "r");
  if (file != NULL) {
    if (fgets(line, sizeof line, file) == NULL || sscanf(line, "%lld %lld", &quota, &period) != 2) quota = -1;
    fclose(file);
  } else if (read_limit(tree, "cpu.cfs_quota_us", "", &number)) { /* -1 without a limit: no number */
    quota = (long long)number;
    if (read_limit(tree, "cpu.cfs_period_us", "", &number)) period = (long long)number;
  }
  if (quota <= 0 || period <= 0) return;
  double cores = (double)quota / (double)period;
  if (out->cores == 0 || cores < out->cores) out->cores = cores;
}

/* Whether a comma-separated list has a word. */
static bool has(const char *list, const char *word) {
  size_t length = strlen(word);
  for (const char *at = list; *at != '\0'; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == length && strncmp(at, word, length) == 0) return true;
  return false;
}

/* "4:cpu,cpuacct:/job/7", "0::/job/7": the least of that group and those above it. In a container the tree may begin
 * below: then the groups that are named are not there, and the top is ours. */
static void take_line(const char *root, const char *line, plt_limits_group_t *out) {
  char kinds[256] = "";
  tree_t tree = {.root = root};
  if (sscanf(line, "%*d:%255[^:\n]:%4095[^\n]", kinds, tree.group) != 2 &&
      sscanf(line, "%*d::%4095[^\n]", tree.group) != 1)
    return;
  bool memory = kinds[0] == '\0' || has(kinds, "memory"), cores = kinds[0] == '\0' || has(kinds, "cpu");
  if (!memory && !cores) return;
  snprintf(tree.mount, sizeof tree.mount, "/sys/fs/cgroup%s%s", kinds[0] == '\0' ? "" : "/", kinds);
  for (char *end = tree.group + strlen(tree.group); end != NULL; end = strrchr(tree.group, '/')) {
    *end = '\0';
    if (memory) take_memory(&tree, out);
    if (cores) take_cores(&tree, out);
  }
}

plt_limits_group_t plt_limits_group(const char *root) {
  plt_limits_group_t limits = {.memory_free = UINT64_MAX, .memory_most = UINT64_MAX};
  char line[PLT_PATH_MAX + 300], path[PLT_PATH_MAX];
  snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
  FILE *file = fopen(path, "r");
  if (file == NULL) return limits;
  while (fgets(line, sizeof line, file) != NULL) take_line(root, line, &limits);
  fclose(file);
  return limits;
}

uint64_t plt_limits_memory(void) {
  uint64_t machine = machine_memory(), group = plt_limits_group("").memory_free;
  return machine < group ? machine : group;
}

uint32_t plt_limits_cores(void) {
  cpu_set_t bound;
  long here = sysconf(_SC_NPROCESSORS_ONLN);
  double share = plt_limits_group("").cores;
  uint32_t cores = sched_getaffinity(0, sizeof bound, &bound) == 0 ? (uint32_t)CPU_COUNT(&bound)
                   : here < 1                                      ? 1
                                                                   : (uint32_t)here;
  return share > 0 && share < cores ? (uint32_t)ceil(share) : cores;
}

uint32_t plt_limits_cores_each(uint32_t n) {
  uint32_t cores = plt_limits_cores();
  return cores > n ? cores / n : 1;
}
