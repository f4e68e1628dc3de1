/* checkpoint.c - what a checkpoint costs the training that goes on meanwhile.
 *
 * One worker, one server, threads of one process; one table of 64 columns with adam, all rows stored, some GB with its
 * state. A step pushes 4096 random rows and pulls 4096 others. Steps are timed one by one, for a while undisturbed,
 * then from the order of a checkpoint until it is written, then undisturbed again:
 *
 *   rate       steps a second, undisturbed (before and after) and during the sweep
 *   gap        the longest time between two answers of the server
 *   written    seconds until the part is swept, synced and hashed
 *
 *   bench_checkpoint [--gb 1] [--runs 5] [--dir /tmp] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/rng.h"
#include "common/time.h"
#include "launch/bench/measure.h"
#include "launch/bench/rig.h"
#include "worker/client/pending.h"

enum { COLS = 64, STATE = 2 * COLS, STEP_ROWS = 4096, FILL_ROWS = 32768, LISTS = 512, QUIET_MS = 2000 };

typedef struct job {
  plt_bench_rig_t rig;
  uint64_t clock, rows, turn;
  char run_dir[PLT_PATH_MAX];
  uint64_t *keys; /* LISTS x STEP_ROWS */
  float *gradients, *out;
} job_t;

static void step(job_t *job, const uint64_t *keys, size_t n, const plt_pull_t *pull, uint32_t flags) {
  plt_progress_t progress = {0};
  plt_push_t push = {0, COLS, {0, 1}, keys, job->gradients, n};
  plt_step_t request = {.pushes = keys != NULL,
                        .clock = job->clock,
                        .eta = 1e-3,
                        .flags = flags,
                        .progress = &progress,
                        .push = &push,
                        .n_push = keys != NULL,
                        .pull = pull,
                        .n_pull = pull != NULL};
  plt_step_result_t result;
  plt_bench_expect(plt_client_step(job->rig.client, &request, &result));
  job->clock += keys != NULL;
}

static void random_step(job_t *job) {
  const uint64_t *keys = job->keys + job->turn % LISTS * STEP_ROWS;
  const uint64_t *wanted = job->keys + ++job->turn % LISTS * STEP_ROWS;
  step(job, keys, STEP_ROWS, &(plt_pull_t){0, COLS, wanted, STEP_ROWS, job->out}, 0);
}

static void fill(job_t *job) {
  uint64_t *keys = plt_mem_alloc(FILL_ROWS * sizeof *keys);
  for (uint64_t first = 0; first < job->rows; first += FILL_ROWS) {
    size_t n = job->rows - first < FILL_ROWS ? (size_t)(job->rows - first) : FILL_ROWS;
    for (size_t i = 0; i < n; i++) keys[i] = first + i;
    step(job, keys, n, NULL, 0);
  }
  free(keys);
  for (size_t list = 0; list < LISTS; list++)
    plt_bench_draw_keys(plt_rng_key(list, "bench", 0), job->rows, job->keys + list * STEP_ROWS, STEP_ROWS);
}

static job_t *open_job(double gb, const char *dir) {
  job_t *job = plt_mem_zalloc(1, sizeof *job);
  job->rows = (uint64_t)(gb * 1e9 / ((COLS + STATE) * sizeof(float)));
  job->keys = plt_mem_alloc((size_t)LISTS * STEP_ROWS * sizeof *job->keys);
  job->gradients = plt_mem_alloc((size_t)FILL_ROWS * COLS * sizeof *job->gradients);
  job->out = plt_mem_zalloc((size_t)STEP_ROWS * COLS, sizeof *job->out);
  for (size_t i = 0; i < (size_t)FILL_ROWS * COLS; i++) job->gradients[i] = 1e-3f * (float)(i % 1001) - 0.5f;
  snprintf(job->run_dir, sizeof job->run_dir, "%s/plateau-bench.XXXXXX", dir);
  plt_bench_require(mkdtemp(job->run_dir) != NULL, 73, "bench_checkpoint: %s: cannot create", job->run_dir);
  char checkpoints[PLT_PATH_MAX];
  plt_bench_expect(plt_path_join(job->run_dir, "checkpoints", checkpoints));
  plt_bench_expect(plt_dir_create(checkpoints));
  plt_table_spec_t spec = {
      .name = "user", .rows = job->rows, .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}, .optimizer = "adam"};
  plt_bench_rig_open(&job->rig, "inproc://bench", (plt_bench_speech_t){0}, job->run_dir, &spec, 1);
  fill(job);
  return job;
}

static void close_job(job_t *job) {
  plt_bench_rig_close(&job->rig);
  plt_dir_remove(job->run_dir);
  free(job->keys);
  free(job->gradients);
  free(job->out);
  free(job);
}

typedef struct phase {
  uint64_t steps;
  double seconds, gap_ms;
} phase_t;

/* Steps until `until` says so. */
static phase_t run_steps(job_t *job, bool (*until)(job_t *job, int64_t since_ns)) {
  phase_t phase = {0};
  int64_t begin = plt_time_ns(), before = begin;
  do {
    random_step(job);
    int64_t now = plt_time_ns();
    double gap_ms = plt_time_seconds(now - before) * 1e3;
    if (gap_ms > phase.gap_ms) phase.gap_ms = gap_ms;
    phase.steps++;
    before = now;
  } while (!until(job, before - begin));
  phase.seconds = plt_time_seconds(before - begin);
  return phase;
}

static bool for_a_while(job_t *job, int64_t since_ns) {
  (void)job;
  return since_ns > QUIET_MS * PLT_NS_PER_MS;
}

static plt_pending_t pending;

static bool is_written(job_t *job, int64_t since_ns) {
  bool all;
  (void)since_ns;
  plt_bench_expect(plt_pending_poll(&pending, job->rig.client, false, &all));
  return all;
}

int main(int argc, char **argv) {
  double gb = 1;
  int runs = 5;
  const char *dir = "/tmp";
  for (int i = 1; i < argc; i += 2) {
    plt_bench_require(i + 1 < argc, 64, "usage: bench_checkpoint [--gb 1] [--runs 5] [--dir /tmp]");
    if (strcmp(argv[i], "--gb") == 0) gb = atof(argv[i + 1]);
    if (strcmp(argv[i], "--runs") == 0) runs = atoi(argv[i + 1]);
    if (strcmp(argv[i], "--dir") == 0) dir = argv[i + 1];
  }
  plt_bench_require(gb > 0 && runs >= 1 && runs <= PLT_BENCH_RUNS_MAX, 64,
                    "bench_checkpoint: --gb and --runs are positive");
  job_t *job = open_job(gb, dir);
  double quiet[PLT_BENCH_RUNS_MAX], during[PLT_BENCH_RUNS_MAX], gap[PLT_BENCH_RUNS_MAX], gap_during[PLT_BENCH_RUNS_MAX],
      order[PLT_BENCH_RUNS_MAX], seconds[PLT_BENCH_RUNS_MAX];
  for (int run = 0; run < runs; run++) {
    char part_dir[PLT_PATH_MAX];
    phase_t before = run_steps(job, for_a_while);
    uint64_t clock = job->clock; /* the step's */
    int64_t begin = plt_time_ns();
    step(job, NULL, 0, NULL, PLT_FLAG_CHECKPOINT);
    order[run] = plt_time_seconds(plt_time_ns() - begin) * 1e3;
    plt_pending_begin(&pending, clock, 1);
    phase_t sweep = run_steps(job, is_written);
    phase_t after = run_steps(job, for_a_while);
    quiet[run] = (double)(before.steps + after.steps) / (before.seconds + after.seconds);
    during[run] = (double)sweep.steps / sweep.seconds;
    gap[run] = before.gap_ms > after.gap_ms ? before.gap_ms : after.gap_ms;
    gap_during[run] = sweep.gap_ms;
    seconds[run] = sweep.seconds;
    plt_bench_expect(plt_manifest_part_dir(job->run_dir, pending.clock, part_dir));
    plt_bench_expect(plt_dir_remove(part_dir));
  }
  printf("%" PRIu64 " rows of %d floats with adam: %.2f GB in memory, %.2f GB written to %s; medians of %d runs\n",
         job->rows, COLS, (double)job->rows * (COLS + STATE) * sizeof(float) / 1e9, (double)pending.parts->bytes / 1e9,
         dir, runs);
  printf("%-12s %10s %14s %12s\n", "", "steps/s", "longest gap", "seconds");
  double rate = plt_bench_median_of(quiet, runs), rate_during = plt_bench_median_of(during, runs);
  printf("%-12s %10.0f %11.1f ms\n", "undisturbed", rate, plt_bench_median_of(gap, runs));
  printf("%-12s %10.0f %11.1f ms %12.2f\n", "sweep", rate_during, plt_bench_median_of(gap_during, runs),
         plt_bench_median_of(seconds, runs));
  printf("%-12s %10s %11.1f ms\n", "order", "", plt_bench_median_of(order, runs));
  printf("the rate during the sweep is %.0f %% of the undisturbed one\n", 100 * rate_during / rate);
  close_job(job);
  return 0;
}
