/* users.h - metrics of each user of a run: RUN/users.tsv, which `plateau evaluate RUN --per-user RUN/users.tsv` makes.
 *
 * Ownership  the caller clears values.
 * Threads    any.
 * Errors     PLT_ERR_IO; PLT_ERR_DATA with the line. No file, or none of that part or metric: there are no values. */
#ifndef PLT_LAUNCH_RUNS_USERS_H
#define PLT_LAUNCH_RUNS_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

typedef struct plt_user_values {
  uint32_t *user; /* [n], ascending */
  double *value;  /* [n] */
  size_t n;
} plt_user_values_t;

#define PLT_USERS_FILE "users.tsv"

/* *has_file: whether there is a file, of whatever. */
plt_status_t plt_user_values_read(const char *run_dir, const char *part, const char *metric, bool *has_file,
                                  plt_user_values_t *out);
void plt_user_values_clear(plt_user_values_t *values);

#endif
