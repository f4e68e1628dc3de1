/* status.c - see status.h. */
#include "common/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_text[PLT_FAIL_TEXT_MAX];

int plt_status_exit(plt_status_t status) {
#define AS_CODE(name, code, text) [PLT_##name] = code,
  static const int codes[PLT_STATUS_COUNT] = {PLT_STATUS_LIST(AS_CODE)};
#undef AS_CODE
  return status < PLT_STATUS_COUNT ? codes[status] : 70;
}

const char *plt_status_text(plt_status_t status) {
#define AS_TEXT(name, code, text) [PLT_##name] = text,
  static const char *const texts[PLT_STATUS_COUNT] = {PLT_STATUS_LIST(AS_TEXT)};
#undef AS_TEXT
  return status < PLT_STATUS_COUNT ? texts[status] : "unknown status";
}

plt_status_t(plt_fail)(plt_status_t status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(last_text, sizeof last_text, format, args);
  va_end(args);
  return status;
}

plt_status_t plt_fail_errno(plt_status_t status, const char *format, ...) {
  int cause = errno;
  va_list args;
  va_start(args, format);
  vsnprintf(last_text, sizeof last_text, format, args);
  va_end(args);
  size_t used = strlen(last_text);
  snprintf(last_text + used, sizeof last_text - used, ": %s", strerror(cause));
  if (cause == ENOMEM) return PLT_ERR_MEMORY;
  return cause == ENOSPC || cause == EDQUOT ? PLT_ERR_SPACE : status;
}

plt_status_t(plt_fail_within)(plt_status_t status, const char *format, ...) {
  char text[PLT_FAIL_TEXT_MAX];
  va_list args;
  va_start(args, format);
  int used = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (used > 0 && (size_t)used < sizeof text) snprintf(text + used, sizeof text - (size_t)used, ": %s", last_text);
  memcpy(last_text, text, sizeof text);
  return status;
}

const char *plt_fail_text(void) { return last_text; }

void plt_failure_keep(plt_failure_t *failure, plt_status_t status) {
  if (status == PLT_OK || failure->status != PLT_OK) return;
  failure->status = status;
  memcpy(failure->text, last_text, sizeof last_text);
}

plt_status_t plt_failure_restore(const plt_failure_t *failure) {
  return failure->status == PLT_OK ? PLT_OK : plt_fail(failure->status, "%s", failure->text);
}
