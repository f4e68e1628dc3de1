/* mem_exhausted.c - see mem_exhausted.h. */
#include "common/mem_exhausted.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void (*die_of)(const char *text);

void plt_mem_on_exhausted(void (*die)(const char *text)) { die_of = die; }

void plt_mem_exhausted(const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (die_of != NULL) die_of(text);
  fprintf(stderr, "plateau: out of memory: %s\n", text);
  abort();
}
