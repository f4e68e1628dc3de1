/* trace.c - see trace.h. */
#include "worker/train/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"

enum { PHASES, CHECKPOINTS }; /* threads */

static const char beginning[] = "[\n", end[] = "\n]\n";

struct plt_trace {
  FILE *file;
  char *path, *base; /* of this part; of FILE */
  uint32_t worker;
  int64_t zero_ns; /* of the monotonic clock of this machine */
  uint64_t spans, left_out;
};

static char *part_path(const char *base, uint32_t worker) {
  return worker == 0 ? plt_mem_print("%s", base) : plt_mem_print("%s.worker-%" PRIu32, base, worker);
}

static int64_t wall_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * PLT_NS_PER_S + now.tv_nsec;
}

/* Worker 0's wall time, in whole microseconds: a double has them to the last. */
static plt_status_t agree_on_zero(plt_trace_t *trace, plt_client_t *client) {
  int64_t wall = wall_ns(), here = plt_time_ns(), wall_us = wall / 1000;
  double zero_us = trace->worker == 0 ? (double)wall_us : 0;
  PLT_TRY(plt_client_sum(client, "when a trace begins", &zero_us, 1));
  trace->zero_ns = here - (wall - (int64_t)zero_us * 1000);
  return PLT_OK;
}

static void name_track(plt_trace_t *trace, const char *what, int thread, const char *name) {
  fprintf(trace->file,
          "%s{\"ph\": \"M\", \"pid\": %" PRIu32 ", \"tid\": %d, \"name\": \"%s\", \"args\": {\"name\": \"%s",
          thread == PHASES && strcmp(what, "process_name") == 0 ? "" : ",\n", trace->worker, thread, what, name);
  if (strcmp(what, "process_name") == 0) fprintf(trace->file, " %" PRIu32, trace->worker);
  fputs("\"}}", trace->file);
}

static plt_status_t begin(plt_trace_t *trace, plt_client_t *client) {
  trace->file = fopen(trace->path, "w");
  if (trace->file == NULL) return plt_fail_errno(PLT_ERR_CREATE, "--trace: %s: cannot open", trace->path);
  PLT_TRY(agree_on_zero(trace, client));
  fputs(beginning, trace->file);
  name_track(trace, "process_name", PHASES, "worker");
  name_track(trace, "thread_name", PHASES, "phases");
  if (trace->worker == 0) name_track(trace, "thread_name", CHECKPOINTS, "checkpoints being written");
  return PLT_OK;
}

static void destroy(plt_trace_t **trace) {
  if ((*trace)->file != NULL) fclose((*trace)->file);
  free((*trace)->path);
  free((*trace)->base);
  free(*trace);
  *trace = NULL;
}

plt_status_t plt_trace_open(const char *file, plt_client_t *client, uint32_t worker, plt_trace_t **out) {
  plt_trace_t *trace = plt_mem_zalloc(1, sizeof *trace);
  trace->worker = worker;
  trace->base = plt_mem_print("%s", file);
  trace->path = part_path(file, worker);
  plt_status_t status = begin(trace, client);
  if (status != PLT_OK) destroy(&trace);
  *out = trace;
  return status;
}

/* An event, whose args and end follow. */
static void put(plt_trace_t *trace, const char *name, int thread, int64_t begin_ns, int64_t end_ns) {
  fprintf(trace->file,
          ",\n{\"ph\": \"X\", \"pid\": %" PRIu32 ", \"tid\": %d, \"name\": \"%s\", \"ts\": %.3f, \"dur\": %.3f",
          trace->worker, thread, name, (double)(begin_ns - trace->zero_ns) / 1000, (double)(end_ns - begin_ns) / 1000);
}

void plt_trace_span(plt_trace_t *trace, const char *name, int64_t begin_ns, int64_t end_ns) {
  if (trace == NULL) return;
  if (trace->spans == PLT_TRACE_SPANS) {
    trace->left_out++;
    return;
  }
  trace->spans++;
  put(trace, name, PHASES, begin_ns, end_ns);
  fputc('}', trace->file);
}

void plt_trace_rare(plt_trace_t *trace, const char *name, const char *what, uint64_t number, int64_t begin_ns,
                    int64_t end_ns) {
  if (trace == NULL) return;
  put(trace, name, PHASES, begin_ns, end_ns);
  fprintf(trace->file, ", \"args\": {\"%s\": %" PRIu64 "}}", what, number);
}

void plt_trace_checkpoint(plt_trace_t *trace, uint64_t clock, int64_t begin_ns, int64_t end_ns) {
  if (trace == NULL) return;
  put(trace, "checkpoint", CHECKPOINTS, begin_ns, end_ns);
  fprintf(trace->file, ", \"args\": {\"clock\": %" PRIu64 "}}", clock);
}

/* ---- the end ---- */

/* The events of another part, without its brackets. */
static bool copy_part(FILE *to, FILE *from) {
  char buffer[1 << 16], tail[sizeof end - 1];
  if (fseeko(from, -(off_t)sizeof tail, SEEK_END) != 0) return false;
  off_t left = ftello(from) - (off_t)(sizeof beginning - 1);
  if (fread(tail, 1, sizeof tail, from) != sizeof tail || memcmp(tail, end, sizeof tail) != 0) return false;
  if (fseeko(from, sizeof beginning - 1, SEEK_SET) != 0) return false;
  fputs(",\n", to);
  while (left > 0) {
    size_t n = fread(buffer, 1, left < (off_t)sizeof buffer ? (size_t)left : sizeof buffer, from);
    if (n == 0) return false;
    fwrite(buffer, 1, n, to);
    left -= (off_t)n;
  }
  return true;
}

static void take_part(const plt_trace_t *trace, uint32_t worker) {
  char *path = part_path(trace->base, worker);
  FILE *part = fopen(path, "r");
  bool whole = part != NULL && copy_part(trace->file, part);
  if (part != NULL) fclose(part);
  if (whole)
    remove(path);
  else
    plt_log(PLT_LOG_WARN, "--trace: %s: cannot take it into %s: %s", path, trace->base,
            part == NULL ? strerror(errno) : "it has no end");
  free(path);
}

void plt_trace_close(plt_trace_t **trace_at, uint32_t workers) {
  plt_trace_t *trace = *trace_at;
  if (trace == NULL) return;
  if (trace->left_out > 0)
    plt_log(PLT_LOG_NOTE,
            "--trace: %s has the first %d spans of phases, and epochs, evaluations and checkpoints to the end",
            trace->path, PLT_TRACE_SPANS);
  for (uint32_t w = 1; w < workers && trace->worker == 0; w++) take_part(trace, w);
  fputs(end, trace->file);
  bool failed = ferror(trace->file) != 0;
  failed = fclose(trace->file) != 0 || failed;
  trace->file = NULL;
  if (failed) plt_log(PLT_LOG_WARN, "--trace: %s: cannot write all of it", trace->path);
  destroy(trace_at);
}
