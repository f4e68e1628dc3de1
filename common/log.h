/* log.h - what a process tells: one line per event, to the role's log file and, if it matters, to a person.
 *
 * A role thread opens its own log (logs/<role>-<n>.txt); plt_log() of that thread writes there. Warnings and
 * notes also reach stderr, once: only the thread that was opened with `speaks` prints them.
 * Threads    the current log is per thread.
 * Errors     opening: PLT_ERR_CREATE. A log that cannot be written is dropped silently: logging never ends a run. */
#ifndef PLT_COMMON_LOG_H
#define PLT_COMMON_LOG_H

#include <stdbool.h>

#include "common/status.h"

typedef enum {
  PLT_LOG_DEBUG, /* file only */
  PLT_LOG_INFO,  /* file only */
  PLT_LOG_NOTE,  /* file, and stderr of the speaking role */
  PLT_LOG_WARN   /* the same, with "warning: " */
} plt_log_level_t;

/* Opens (appends to) the log of this thread; path NULL logs nowhere but still speaks.
 * PLT_ERR_CREATE when the file cannot be made. */
plt_status_t plt_log_open(const char *path, bool speaks);
void plt_log_close(void);
void plt_log(plt_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Called before a line goes to stderr, so that a live progress line can be cleared. NULL for none. */
void plt_log_before_speaking(void (*hook)(void));

#endif
