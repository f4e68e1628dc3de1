/* arguments.c - see arguments.h. */
#include "launch/commands/arguments.h"

#include <stdlib.h>

#include "common/mem.h"

int plt_arguments_next(int argc, char **argv, const char *short_options, const struct option *options) {
  opterr = 0;
  return getopt_long(argc, argv, short_options, options, NULL);
}

plt_status_t plt_arguments_fault(char **argv) {
  return plt_fail(PLT_ERR_USAGE, "%s: unknown option or missing value: %s (see plateau %s --help)", argv[0],
                  argv[optind - 1], argv[0]);
}

plt_status_t plt_arguments_positional(int argc, char **argv, const char *what, const char **out) {
  if (optind >= argc) return plt_fail(PLT_ERR_USAGE, "%s: needs %s (see plateau %s --help)", argv[0], what, argv[0]);
  if (optind + 1 < argc)
    return plt_fail(PLT_ERR_USAGE, "%s: one argument too many: %s (see plateau %s --help)", argv[0], argv[optind + 1],
                    argv[0]);
  *out = argv[optind];
  return PLT_OK;
}

void plt_sets_add(plt_sets_t *sets, const char *key, const char *value) {
  size_t n = sets->n;
  PLT_MEM_GROW(sets->owned, n, sets->owned_capacity);
  PLT_MEM_GROW(sets->text, n, sets->capacity);
  sets->owned[n] = key == NULL ? NULL : plt_mem_print("%s=%s", key, value);
  sets->text[n] = key == NULL ? value : sets->owned[n];
  sets->n++;
}

void plt_sets_clear(plt_sets_t *sets) {
  for (size_t i = 0; i < sets->n; i++) free(sets->owned[i]);
  free(sets->owned);
  free(sets->text);
  *sets = (plt_sets_t){0};
}
