/* values.h - numbers and moments as tables of other programs spell them.
 *
 * Threads    any; pure functions. A byte may be read behind the text.
 * Errors     false: it is none. */
#ifndef PLT_LAUNCH_DATA_VALUES_H
#define PLT_LAUNCH_DATA_VALUES_H

#include <stdbool.h>
#include <stddef.h>

/* A decimal number, finite: "5", "-0.5", "1e9". */
bool plt_value_number(const char *at, size_t length, double *out);
/* Seconds since 1970 of "2014-07-03", "2014-07-03 09:30", "2014-07-03T09:30:00.5Z" or with "+02:00"; UTC where no zone
 * is said. */
bool plt_value_date(const char *at, size_t length, double *out);

#endif
