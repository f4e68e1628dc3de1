/* log.c - see log.h. A line is formatted whole and written by one write(2) in append mode, so lines of processes
 * and threads that share a file or a terminal never mix. */
#include "common/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192 };

typedef void (*hook_fn)(void);

static _Thread_local int log_fd = -1;
static _Thread_local bool log_speaks;
static _Atomic(hook_fn) before_speaking;

plt_status_t plt_log_open(const char *path, bool speaks) {
  int fd = -1;
  if (path != NULL) {
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot open the log", path);
  }
  plt_log_close();
  log_fd = fd;
  log_speaks = speaks;
  return PLT_OK;
}

void plt_log_close(void) {
  if (log_fd >= 0) close(log_fd);
  log_fd = -1;
  log_speaks = false;
}

void plt_log_before_speaking(void (*hook)(void)) { atomic_store(&before_speaking, hook); }

/* A line that does not fit is cut; its end of line stays. */
static void write_line(int fd, const char *prefix, const char *format, va_list args) {
  char line[LINE_MAX_BYTES];
  size_t used = (size_t)snprintf(line, sizeof line / 2, "%s", prefix);
  int more = vsnprintf(line + used, sizeof line - used - 1, format, args);
  if (more < 0) return;
  used = strlen(line);
  line[used++] = '\n';
  ssize_t dropped = write(fd, line, used);
  (void)dropped;
}

/* "2026-11-21 20:57:12.345 warn  " in local time. */
static void file_prefix(plt_log_level_t level, char *out, size_t bytes) {
  static const char *const names[] = {"debug", "info ", "note ", "warn "};
  struct timespec now;
  struct tm parts;
  char seconds[32];
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &parts);
  strftime(seconds, sizeof seconds, "%Y-%m-%d %H:%M:%S", &parts);
  snprintf(out, bytes, "%s.%03d %s ", seconds, (int)(now.tv_nsec / 1000000), names[level]);
}

static void speak(plt_log_level_t level, const char *format, va_list args) {
  hook_fn hook = atomic_load(&before_speaking);
  if (hook != NULL) hook();
  write_line(STDERR_FILENO, level == PLT_LOG_WARN ? "plateau: warning: " : "plateau: ", format, args);
}

void plt_log(plt_log_level_t level, const char *format, ...) {
  va_list args;
  if (log_fd >= 0) {
    char prefix[64];
    file_prefix(level, prefix, sizeof prefix);
    va_start(args, format);
    write_line(log_fd, prefix, format, args);
    va_end(args);
  }
  if (log_speaks && level >= PLT_LOG_NOTE) {
    va_start(args, format);
    speak(level, format, args);
    va_end(args);
  }
}
