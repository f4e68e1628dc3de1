/* ids.c - what a table under sparse keys takes when all keys are new: memory of the servers, and time.
 *
 * A worker of `plateau serve` pushes 32768 keys that nobody has pushed before, of 64 random bits, and pulls the same,
 * step by step: rows of 16 floats with adagrad. Bounded, with max_rows of a fifth of the keys, most steps forget as
 * many rows as they store. Prints a million rows a second of each tenth.
 *
 *   plateau serve DIR & bench_ids DIR/job STEPS [MAX_ROWS]        then: plateau inspect DIR; VmHWM of the servers */
#include <plateau.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/rng.h"
#include "common/time.h"

enum { STEP_ROWS = 32768, COLS = 16 };

static plateau_t *job;

static void check(int status) {
  if (status == PLATEAU_OK) return;
  fprintf(stderr, "bench_ids: %s\n", plateau_error());
  exit(75);
}

static void step(uint32_t number) {
  static uint64_t keys[STEP_ROWS];
  static uint32_t place[STEP_ROWS];
  static float gradients[STEP_ROWS * COLS], rows[STEP_ROWS * COLS];
  const plt_rng_key_t rng = plt_rng_key(1, "ids", 0);
  for (uint32_t i = 0; i < STEP_ROWS; i++) {
    plt_rng_block_t block = plt_rng_draw(rng, number, i, 0, 0);
    keys[i] = (uint64_t)block.word[0] << 32 | block.word[1];
  }
  for (size_t i = 0; i < STEP_ROWS * COLS; i++) gradients[i] = 0.01f;
  size_t n = plateau_distinct(keys, STEP_ROWS, place);
  plateau_push_t push = {.keys = keys, .n = n, .values = gradients};
  plateau_pull_t pull = {.keys = keys, .n = n, .values = rows};
  check(plateau_step(job, &(plateau_step_t){.lr = 0.1, .push = &push, .n_push = 1, .pull = &pull, .n_pull = 1}, NULL));
}

int main(int argc, char **argv) {
  if (argc < 3) return fputs("usage: bench_ids JOB-FILE STEPS [MAX_ROWS]\n", stderr), 64;
  uint32_t steps = (uint32_t)strtoul(argv[2], NULL, 10), tenth = steps < 10 ? 1 : steps / 10;
  plateau_sparse_t sparse = {.max_rows = argc > 3 ? strtoull(argv[3], NULL, 10) : 0};
  plateau_table_t table = {"ids", .dim = COLS, .init = PLATEAU_NORMAL, .scale = 0.1, .optimizer = "adagrad"};
  check(plateau_connect(&(plateau_options_t){.job_file = argv[1]}, &job));
  check(plateau_declare_sparse(job, &table, &sparse, &(uint32_t){0}));
  int64_t begin = plt_time_ns();
  for (uint32_t i = 0; i < steps; i++) {
    step(i);
    if ((i + 1) % tenth != 0) continue;
    int64_t end = plt_time_ns();
    printf("%8.2f M keys  %.2f M rows/s\n", (i + 1) * (double)STEP_ROWS / 1e6,
           tenth * (double)STEP_ROWS / (double)(end - begin) * 1e3);
    begin = end;
  }
  check(plateau_checkpoint(job));
  check(plateau_checkpoint_wait(job, NULL));
  check(plateau_close(&job));
  return 0;
}
