/* live.h - how far things are, on standard error: on a terminal one line that is drawn again and again, elsewhere a
 * plain line now and then.
 *
 * Threads    the line is the process's: one thread draws. It is cleared before anything else is said (common/log.h),
 *            once plt_live_begin() has been called. */
#ifndef PLT_WORKER_TRAIN_LIVE_H
#define PLT_WORKER_TRAIN_LIVE_H

#include "worker/rank/evaluate.h"

/* From here on what others say clears the line first; plt_live_end() clears it for good. */
void plt_live_begin(void);
void plt_live_end(void);
/* Whether standard error is a terminal. */
bool plt_live_is_possible(void);
/* Whether it is time to tell again: on a terminal five times a second, elsewhere twice a minute. */
bool plt_live_is_due(bool live, int64_t now_ns, int64_t told_ns);
/* Columns of the terminal, at least 40; where there is none, as many as anything needs. */
size_t plt_live_width(void);
/* Draws the line, cut to the terminal's width: one that wraps could not be cleared. */
__attribute__((format(printf, 1, 2))) void plt_live_draw(const char *format, ...);
void plt_live_clear(void);
/* "41s", "3m05s", "2h10m" into out. */
void plt_live_duration(double seconds, char *out, size_t bytes);

/* How far a ranking of users is: of an evaluation, or of recommendations. */
typedef struct plt_live_evaluation {
  plt_eval_watch_t watch; /* for plt_evaluate() and plt_recommend() */
  bool quiet, live;       /* nothing is told; on a terminal */
  plt_part_t part;        /* under way, and since when */
  int64_t begin_ns, told_ns;
} plt_live_evaluation_t;
/* Makes `evaluation` ready for one that begins, during which it must stay where it is; returns its watch. */
const plt_eval_watch_t *plt_live_watch(plt_live_evaluation_t *evaluation, bool quiet);

#endif
