/* faults.c - see faults.h. */
#include "common/options/faults.h"

#include <stdarg.h>
#include <stdlib.h>

void plt_faults_begin(plt_faults_t *faults) {
  *faults = (plt_faults_t){0};
  faults->out = open_memstream(&faults->text, &faults->bytes);
}

void plt_faults_add(plt_faults_t *faults, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (ftell(faults->out) > 0) fputc('\n', faults->out);
  vfprintf(faults->out, format, args);
  va_end(args);
}

char *plt_faults_take(plt_faults_t *faults) {
  fclose(faults->out);
  if (faults->bytes > 0) return faults->text;
  free(faults->text);
  return NULL;
}

plt_status_t plt_faults_end(plt_faults_t *faults) {
  char *text = plt_faults_take(faults);
  if (text == NULL) return PLT_OK;
  plt_fail(PLT_ERR_USAGE, "%s", text);
  free(text);
  return PLT_ERR_USAGE;
}
