/* arguments.c - see arguments.h. */
#include "launch/commands/arguments.h"

#include <stddef.h>

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
