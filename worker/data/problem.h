/* problem.h - what is wrong or doubtful in a data folder, told one by one.
 *
 * A reader tells each problem to a sink. The dataset has none and fails at the first; `plateau data check` collects
 * them all, so a person can mend a file in one go. What leaves nothing to read (no file, no header) is not a
 * problem in this sense but an ordinary failure.
 * Threads    a sink is called by the thread that reads.
 * Errors     a sink returns PLT_OK to go on; any other status ends the reading with that status. Without a sink it is
 *            PLT_ERR_DATA. */
#ifndef PLT_WORKER_DATA_PROBLEM_H
#define PLT_WORKER_DATA_PROBLEM_H

#include <stdbool.h>

#include "common/status.h"

/* Name, whether it is an error (else a warning), heading of the group. Readers report errors only. */
#define PLT_PROBLEM_LIST(X)                                          \
  X(UNREADABLE, true, "unreadable files")                            \
  X(SHORT_ROW, true, "short rows")                                   \
  X(BAD_ID, true, "bad ids")                                         \
  X(FAR_ID, true, "ids far above the number of rows")                \
  X(BAD_LABEL, true, "bad labels")                                   \
  X(BAD_ENVIRONMENT, true, "bad environments")                       \
  X(NO_TRAINING, true, "no training pairs")                          \
  X(FEATURE_ROWS, true, "features with too few rows")                \
  X(FEATURE_VALUE, true, "feature rows with NaN or infinite values") \
  X(DUPLICATE, false, "duplicate pairs")                             \
  X(LEAK, false, "training pairs that are evaluated too")            \
  X(NO_VALIDATION, false, "no validation or no test pairs")          \
  X(FULL_USER, false, "users who have all training items")           \
  X(NO_NEGATIVES, false, "nothing to train most models on")          \
  X(UNTRAINED_USER, false, "evaluated users without training pairs") \
  X(EMPTY_ENVIRONMENT, false, "environments without training pairs") \
  X(ZERO_FEATURE, false, "feature rows that are all zero")           \
  X(MISSING_FEATURE, false, "items without a modality")              \
  X(SCALES, false, "modalities of very different scale")             \
  X(SURPLUS_ROWS, false, "features with more rows than items")

#define PLT_PROBLEM_ENUM(name, is_error, heading) PLT_PROBLEM_##name,
typedef enum { PLT_PROBLEM_LIST(PLT_PROBLEM_ENUM) PLT_PROBLEM_KINDS } plt_problem_t;
#undef PLT_PROBLEM_ENUM

bool plt_problem_is_error(plt_problem_t kind);
const char *plt_problem_heading(plt_problem_t kind);

/* `text` is the whole sentence, "file:line: cause"; valid during the call. */
typedef plt_status_t (*plt_problem_fn)(void *context, plt_problem_t kind, const char *text);

typedef struct plt_problem_sink {
  plt_problem_fn report;
  void *context;
} plt_problem_sink_t;

/* Tells `sink`; with sink NULL it is plt_fail(PLT_ERR_DATA). A text longer than 1023 bytes is cut. */
plt_status_t plt_problem_report(const plt_problem_sink_t *sink, plt_problem_t kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
