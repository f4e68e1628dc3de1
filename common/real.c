/* real.c - see real.h. */
#include "common/real.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *plt_real_text(double value, char out[PLT_REAL_TEXT]) {
  bool plain = fabs(value) >= 1e-4 && fabs(value) < 1e15;
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(out, PLT_REAL_TEXT, "%.*g", digits, value);
    if (strtod(out, NULL) == value && !(plain && strchr(out, 'e') != NULL)) break;
  }
  return out;
}
