/* faults.c - see faults.h. */
#include "common/options/faults.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/utf8.h"

void plt_faults_begin(plt_faults_t *faults) {
  *faults = (plt_faults_t){0};
  faults->out = open_memstream(&faults->text, &faults->bytes);
}

void plt_faults_add(plt_faults_t *faults, const char *format, ...) {
  va_list args;
  char *line = NULL;
  size_t bytes;
  FILE *out = open_memstream(&line, &bytes);
  va_start(args, format);
  vfprintf(out, format, args);
  va_end(args);
  fclose(out);
  if (ftell(faults->out) > 0) fputc('\n', faults->out);
  char *shown = plt_mem_alloc(4 * bytes + 1);
  fputs(plt_text_show(line, bytes, shown), faults->out); /* a value may have ends of lines in it */
  free(shown);
  free(line);
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
