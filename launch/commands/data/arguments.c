/* arguments.c - see data.h: what the command lines of `plateau data` share. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/commands/data/data.h"
#include "launch/host/limits.h"

enum { MOST_THREADS = 8 };

plt_text_list_t plt_text_list(const char *commas) {
  plt_text_list_t list = {.copy = plt_mem_strdup(commas)};
  size_t capacity = 0;
  char *rest = list.copy;
  for (char *word; (word = strsep(&rest, ",")) != NULL;) {
    if (*word == '\0') continue;
    PLT_MEM_GROW(list.text, list.n, capacity);
    list.text[list.n++] = word;
  }
  return list;
}

void plt_text_list_free(plt_text_list_t *list) {
  free(list->text);
  free(list->copy);
}

plt_status_t plt_data_refuse(int found, char **argv, const char *command, const char *allowed) {
  const char *word = argv[optind - 1];
  if (found == ':') return plt_fail(PLT_ERR_USAGE, "data %s: %s needs a value (plateau data --help)", command, word);
  return plt_fail(PLT_ERR_USAGE, "data %s: there is no option %s; allowed: %s", command, word, allowed);
}

plt_status_t plt_data_take_folder(int argc, char **argv, const char *command, const char **folder) {
  if (optind == argc) return plt_fail(PLT_ERR_USAGE, "data %s: which folder? (plateau data --help)", command);
  if (optind + 1 < argc)
    return plt_fail(PLT_ERR_USAGE, "data %s: one folder at a time, \"%s\" is a second", command, argv[optind + 1]);
  *folder = argv[optind];
  return PLT_OK;
}

plt_status_t plt_data_count(const char *command, const char *option, const char *text, uint64_t min, uint64_t max,
                            uint64_t *out) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || value < min || value > max)
    return plt_fail(PLT_ERR_USAGE, "data %s: --%s %s: a whole number from %llu to %llu is wanted", command, option,
                    text, (unsigned long long)min, (unsigned long long)max);
  *out = value;
  return PLT_OK;
}

plt_status_t plt_data_count32(const char *command, const char *option, const char *text, uint32_t min, uint32_t max,
                              uint32_t *out) {
  uint64_t value = 0;
  PLT_TRY(plt_data_count(command, option, text, min, max, &value));
  *out = (uint32_t)value;
  return PLT_OK;
}

plt_status_t plt_data_real(const char *command, const char *option, const char *text, double min, double max,
                           const char *what, double *out) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !isfinite(value) || value < min || value > max)
    return plt_fail(PLT_ERR_USAGE, "data %s: --%s %s: %s is wanted", command, option, text, what);
  *out = value;
  return PLT_OK;
}

plt_status_t plt_data_claim_folder(const char *folder, bool force) {
  if (plt_path_exists(folder) && !plt_path_is_dir(folder))
    return plt_fail(PLT_ERR_CREATE, "%s: is a file, not a folder", folder);
  PLT_TRY(plt_dir_create(folder));
  char **names = NULL;
  size_t n = 0;
  PLT_TRY(plt_dir_list(folder, &names, &n));
  plt_names_free(&names, n);
  if (n > 0 && !force)
    return plt_fail(PLT_ERR_CREATE, "%s: is not empty; --force writes into it and replaces files of the same names",
                    folder);
  return PLT_OK;
}

size_t plt_data_threads(void) {
  uint32_t cores = plt_limits_cores();
  return cores > MOST_THREADS ? MOST_THREADS : cores;
}
