/* Traces: parts of several workers become one file of whole JSON, and memory and size are bounded. */
#include "worker/train/trace.h"

#include "common/io/fileio.h"
#include "common/io/json.h"
#include "common/time.h"
#include "tests/unit/worker/tiny.h"

typedef struct work {
  const char *file;
  uint64_t spans;
} work_t;

static plt_status_t trace_some(plt_session_t *session, void *context) {
  const work_t *work = context;
  plt_trace_t *trace;
  PLT_TRY(plt_trace_open(work->file, session->client, session->worker, &trace));
  int64_t now = plt_time_ns();
  for (uint64_t i = 0; i < work->spans; i++) plt_trace_span(trace, "compute", now, now + 1500);
  plt_trace_rare(trace, "epoch", "epoch", 7, now, now + 2000);
  if (session->worker == 0) plt_trace_checkpoint(trace, 12, now, now + 1000000);
  if (session->worker != 0) plt_trace_close(&trace, 1);
  PLT_TRY(plt_session_barrier(session, "closed"));
  plt_trace_close(&trace, session->plan->workers);
  return PLT_OK;
}

/* The events, as a list within an object; destroy it. */
static plt_json_t *read_events(const char *file) {
  char *text;
  size_t bytes;
  plt_json_t *json;
  cr_assert_eq(plt_file_read(file, (size_t)1 << 28, &text, &bytes), PLT_OK, "%s", plt_fail_text());
  char *object = plt_mem_print("{\"events\": %s}", text);
  cr_assert_eq(plt_json_parse(object, strlen(object), file, &json), PLT_OK, "%s", plt_fail_text());
  free(object);
  free(text);
  return json;
}

static size_t count(const plt_json_t *events, const char *name, uint64_t worker) {
  size_t n = 0;
  for (size_t i = 0; i < plt_json_length(events); i++) {
    const plt_json_t *event = plt_json_item(events, i);
    uint64_t pid;
    double ts = 0;
    cr_assert(plt_json_get_uint(plt_json_find(event, "pid"), 100, &pid));
    if (pid != worker || strcmp(plt_json_get_text(plt_json_find(event, "name")), name) != 0) continue;
    bool has_ts = plt_json_get_real(plt_json_find(event, "ts"), &ts);
    cr_assert(!has_ts || (ts > -1e7 && ts < 1e7), "%g us after worker 0's beginning", ts);
    n++;
  }
  return n;
}

static plt_status_t run(const folder_t *folder, uint32_t workers, uint64_t spans, char file[PLT_PATH_MAX]) {
  tiny_t tiny;
  cr_assert_eq(plt_path_join(folder->path, "trace.json", file), PLT_OK);
  work_t work = {.file = file, .spans = spans};
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  tiny.plan.workers = workers;
  tiny_settle(&tiny);
  plt_status_t status = tiny_run(&tiny.plan, trace_some, (void *[]){&work, &work, &work});
  tiny_close(&tiny);
  return status;
}

Test(trace, parts_become_one_file) {
  folder_t folder = folder_make();
  char file[PLT_PATH_MAX];
  cr_assert_eq(run(&folder, 3, 1000, file), PLT_OK, "%s", plt_fail_text());
  plt_json_t *json = read_events(file);
  const plt_json_t *events = plt_json_find(json, "events");
  for (uint32_t w = 0; w < 3; w++) {
    cr_expect_eq(count(events, "compute", w), 1000, "worker %u", w);
    cr_expect_eq(count(events, "epoch", w), 1, "worker %u", w);
    cr_expect_eq(count(events, "process_name", w), 1, "worker %u", w);
    cr_expect_eq(count(events, "checkpoint", w), w == 0);
    char *part = plt_mem_print("%s.worker-%u", file, w);
    cr_expect_not(plt_path_exists(part), "%s stays", part);
    free(part);
  }
  plt_json_destroy(&json);
  folder_remove(&folder);
}

Test(trace, many_spans_are_left_out_and_rare_ones_are_not) {
  folder_t folder = folder_make();
  char file[PLT_PATH_MAX];
  cr_assert_eq(run(&folder, 1, PLT_TRACE_SPANS + 5, file), PLT_OK, "%s", plt_fail_text());
  plt_json_t *json = read_events(file);
  cr_expect_eq(count(plt_json_find(json, "events"), "compute", 0), PLT_TRACE_SPANS);
  cr_expect_eq(count(plt_json_find(json, "events"), "epoch", 0), 1);
  plt_json_destroy(&json);
  folder_remove(&folder);
}

Test(trace, a_place_that_is_none) {
  folder_t folder = folder_make();
  char file[PLT_PATH_MAX];
  folder_remove(&folder);
  plt_status_t status = run(&folder, 1, 1, file);
  cr_expect_eq(status, PLT_ERR_CREATE, "status %d", status);
}
