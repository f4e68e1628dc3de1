/* problem.c - see problem.h. */
#include "worker/data/problem.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
  bool is_error;
  const char *heading;
} kinds[] = {
#define KIND_ROW(name, is_error, heading) {is_error, heading},
    PLT_PROBLEM_LIST(KIND_ROW)
#undef KIND_ROW
};

bool plt_problem_is_error(plt_problem_t kind) { return kinds[kind].is_error; }

const char *plt_problem_heading(plt_problem_t kind) { return kinds[kind].heading; }

plt_status_t plt_problem_report(const plt_problem_sink_t *sink, plt_problem_t kind, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return sink == NULL ? plt_fail(PLT_ERR_DATA, "%s", text) : sink->report(sink->context, kind, text);
}
