/* runs.h - whole runs of this program for `bench train` and `bench eval`: invented data, a child per run, and what its
 * events say.
 *
 * Ownership  the caller removes a place, and what lies in it.
 * Threads    one caller.
 * Errors     PLT_ERR_CREATE, PLT_ERR_IO; PLT_ERR_BUG with the last words of a run that fails. */
#ifndef PLT_LAUNCH_BENCH_RUNS_H
#define PLT_LAUNCH_BENCH_RUNS_H

#include "common/io/fileio.h"
#include "common/io/json.h"

typedef struct plt_bench_place {
  char folder[64]; /* "": none */
  char data[PLT_PATH_MAX], config[PLT_PATH_MAX], run[PLT_PATH_MAX];
  char *metrics; /* metrics.jsonl of the last run */
  size_t metrics_bytes;
} plt_bench_place_t;

/* Data of about `scale` percent of Amazon Baby's size, packed, with features of 896 columns. */
plt_status_t plt_bench_place_make(size_t scale, plt_bench_place_t *place);
void plt_bench_place_remove(plt_bench_place_t *place);
/* Trains with that configuration (YAML, without run and data) in a child, and reads its events. */
plt_status_t plt_bench_place_run(plt_bench_place_t *place, const char *yaml);

/* Called with each event of that name, in their order. */
typedef void (*plt_bench_event_fn)(void *context, const plt_json_t *event);
void plt_bench_place_events(const plt_bench_place_t *place, const char *name, plt_bench_event_fn each, void *context);

#endif
