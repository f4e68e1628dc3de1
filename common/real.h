/* real.h - numbers as people write them, without a digit lost.
 *
 * Threads    any; nothing is shared. The locale must have "." (plateau sets none).
 * Errors     none. */
#ifndef PLT_COMMON_REAL_H
#define PLT_COMMON_REAL_H

enum { PLT_REAL_TEXT = 32 };

/* The shortest decimal that reads back to the same double; without exponent where people would write none: 120, not
 * 1.2e+02. Returns out. */
const char *plt_real_text(double value, char out[PLT_REAL_TEXT]);

#endif
