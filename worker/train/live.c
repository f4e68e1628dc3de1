/* live.c - see live.h. */
#include "worker/train/live.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/time.h"

static bool line_is_drawn;

void plt_live_clear(void) {
  if (line_is_drawn) fputs("\r\033[K", stderr);
  line_is_drawn = false;
}

void plt_live_begin(void) { plt_log_before_speaking(plt_live_clear); }

void plt_live_end(void) {
  plt_live_clear();
  plt_log_before_speaking(NULL);
}

bool plt_live_is_possible(void) { return isatty(STDERR_FILENO) != 0; }

bool plt_live_is_due(bool live, int64_t now_ns, int64_t told_ns) {
  return now_ns - told_ns >= (live ? PLT_NS_PER_S / 5 : 30 * PLT_NS_PER_S);
}

size_t plt_live_width(void) {
  enum { LEAST = 40, USUAL = 80, MOST = 256 };
  struct winsize window;
  if (!plt_live_is_possible()) return MOST;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return USUAL;
  return window.ws_col < LEAST ? LEAST : window.ws_col;
}

void plt_live_draw(const char *format, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  fprintf(stderr, "\r\033[K%.*s", (int)plt_live_width() - 1, line);
  line_is_drawn = true;
}

void plt_live_duration(double seconds, char *out, size_t bytes) {
  unsigned long s = seconds < 0 || seconds > 1e9 ? 0 : (unsigned long)(seconds + 0.5);
  if (s < 60)
    snprintf(out, bytes, "%lus", s);
  else if (s < 3600)
    snprintf(out, bytes, "%lum%02lus", s / 60, s % 60);
  else
    snprintf(out, bytes, "%luh%02lum", s / 3600, s / 60 % 60);
}

static void tell(void *context, plt_part_t part, uint64_t done, uint64_t users) {
  plt_live_evaluation_t *e = context;
  int64_t now = plt_time_ns();
  char left[32];
  if (e->quiet) return;
  if (e->begin_ns == 0 || e->part != part) {
    e->part = part;
    e->begin_ns = e->told_ns = now;
  }
  if (!plt_live_is_due(e->live, now, e->told_ns) || done == 0 || done == users) return;
  e->told_ns = now;
  plt_live_duration(plt_time_seconds(now - e->begin_ns) / (double)done * (double)(users - done), left, sizeof left);
  const char *name = part == PLT_PARTS ? "" : plt_part_names[part];
  if (e->live)
    plt_live_draw("%s%s: %" PRIu64 " of %" PRIu64 " users, %s left", part == PLT_PARTS ? "ranking" : "evaluating ",
                  name, done, users, left);
  else
    plt_log(PLT_LOG_NOTE, "%s%s%" PRIu64 " of %" PRIu64 " users ranked, %s left", name,
            part == PLT_PARTS ? "" : " part: ", done, users, left);
}

const plt_eval_watch_t *plt_live_watch(plt_live_evaluation_t *evaluation, bool quiet) {
  *evaluation =
      (plt_live_evaluation_t){.watch = {tell, evaluation}, .quiet = quiet, .live = !quiet && plt_live_is_possible()};
  return &evaluation->watch;
}
