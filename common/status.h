/* status.h - what can go wrong, as one list, and the text of the last failure of a thread.
 *
 * The function that detects a failure calls plt_fail() once with the whole sentence (what, where, what is
 * allowed); everybody above it hands the status on. The launcher prints the text once and exits with
 * plt_status_exit().
 *
 * Threads    the text is per thread; a role thread hands its text to the launcher when it ends.
 * Errors     a function that may fail returns PLT_OK or one of PLT_ERR_*, and sets its outputs only with PLT_OK. */
#ifndef PLT_COMMON_STATUS_H
#define PLT_COMMON_STATUS_H

#include <stdarg.h>

/* Name, exit code of the process (docs/run-directory.md, "Exit codes"), meaning. Codes of one exit code stand
 * together. */
#define PLT_STATUS_LIST(X)                         \
  X(OK, 0, "ok")                                   \
  X(ERR_USAGE, 64, "usage or configuration error") \
  X(ERR_DATA, 65, "bad data")                      \
  X(ERR_NAN, 65, "loss or gradient is not finite") \
  X(ERR_CHECKPOINT, 65, "no usable checkpoint")    \
  X(ERR_BUG, 70, "internal error")                 \
  X(ERR_MEMORY, 71, "out of memory or threads")    \
  X(ERR_CREATE, 73, "cannot create")               \
  X(ERR_IO, 74, "input/output error")              \
  X(ERR_SPACE, 74, "no space left")                \
  X(ERR_PEER, 75, "peer lost")                     \
  X(ERR_DEADLINE, 75, "deadline passed")           \
  X(ERR_PREEMPTED, 75, "stopped by request")       \
  X(ERR_PROTOCOL, 75, "message refused")           \
  X(ERR_DAMAGED, 75, "message damaged")            \
  X(ERR_STOPPED, 75, "stopped by request, alone")  \
  X(ERR_GAVE_UP, 69, "gave up")

#define PLT_STATUS_ENUM(name, code, text) PLT_##name,
typedef enum { PLT_STATUS_LIST(PLT_STATUS_ENUM) PLT_STATUS_COUNT } plt_status_t;
#undef PLT_STATUS_ENUM

/* Exit code of the process for a status. */
int plt_status_exit(plt_status_t status);
/* Short meaning of a status, never NULL. */
const char *plt_status_text(plt_status_t status);

enum { PLT_FAIL_TEXT_MAX = 4096 }; /* bytes of a text with its NUL; longer ones are cut */

/* Records the failure text of this thread and returns `status`. */
plt_status_t plt_fail(plt_status_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Like plt_fail, with ": strerror(errno)" appended; ENOSPC and EDQUOT become PLT_ERR_SPACE, ENOMEM
 * PLT_ERR_MEMORY. */
plt_status_t plt_fail_errno(plt_status_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "text: " before the recorded failure; returns `status`. */
plt_status_t plt_fail_within(plt_status_t status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The recorded text of this thread, "" if none. Valid until the next failure of this thread. */
const char *plt_fail_text(void);

/* A failure that others must not write over: those of a clean-up, those of another thread's turn. Zeroed: none.
 *
 *   plt_failure_t failure = {0};
 *   plt_failure_keep(&failure, write_all(file));
 *   plt_failure_keep(&failure, close_file(&file));
 *   return plt_failure_restore(&failure);            the first of the two that failed, with its text
 *
 * It owns nothing: it may be copied, and handed to another thread. */
typedef struct plt_failure {
  plt_status_t status;
  char text[PLT_FAIL_TEXT_MAX]; /* "" without a failure */
} plt_failure_t;

/* Keeps `status` with this thread's text, unless it is PLT_OK or one is kept already: the first counts. */
void plt_failure_keep(plt_failure_t *failure, plt_status_t status);
/* Records the text that is kept as this thread's and returns the status; PLT_OK when none is. */
plt_status_t plt_failure_restore(const plt_failure_t *failure);

#ifdef __clang_analyzer__ /* It reads one file at a time: here it learns that a failure returns what it is given. */
#define plt_fail(status, ...) (plt_fail(status, __VA_ARGS__), (status))
#define plt_fail_within(status, ...) (plt_fail_within(status, __VA_ARGS__), (status))
#endif

#define PLT_TRY(call)                                      \
  do {                                                     \
    plt_status_t plt_try_status_ = (call);                 \
    if (plt_try_status_ != PLT_OK) return plt_try_status_; \
  } while (0)

#endif
