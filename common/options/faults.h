/* faults.h - what is wrong in a configuration: collected while a call looks at everything, then reported together.
 *
 * Life       begin -> add -> end, or take.
 * Ownership  the collection owns its text until take.
 * Threads    one owner.
 * Errors     PLT_ERR_USAGE. */
#ifndef PLT_COMMON_OPTIONS_FAULTS_H
#define PLT_COMMON_OPTIONS_FAULTS_H

#include <stdio.h>

#include "common/status.h"

typedef struct plt_faults {
  FILE *out;
  char *text;
  size_t bytes;
} plt_faults_t;

void plt_faults_begin(plt_faults_t *faults);
void plt_faults_add(plt_faults_t *faults, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The lines so far, to be freed; NULL if none. */
char *plt_faults_take(plt_faults_t *faults);
/* PLT_OK, or PLT_ERR_USAGE with all lines. */
plt_status_t plt_faults_end(plt_faults_t *faults);

#endif
