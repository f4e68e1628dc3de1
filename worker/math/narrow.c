/* narrow.c - see narrow.h. */
#include "worker/math/narrow.h"

#include <stdlib.h>
#include <string.h>

#include "common/bf16.h"
#include "common/mem.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"

enum {
  ROWS = 256,     /* of a tile */
  AT_ROWS = 1024, /* of a tile of x^T y */
  MADE = 8        /* rows of x that are made at once, as floats */
};

bool plt_narrow_is_there(void) { return plt_gemm_narrow_is_there(); }

static size_t tiles_of(size_t n) { return (n + ROWS - 1) / ROWS; }

size_t plt_narrow_size(size_t n, size_t k) { return tiles_of(n) * ROWS * k; }

typedef struct narrow_job {
  const plt_lazy_t *x;
  bool made, add;
  size_t n, k, m;
  uint16_t *copy;
  const uint16_t *b; /* the other factor */
  float *rows;       /* per lane: MADE of x, then a tile of the result */
  size_t lane_floats;
  float *out;
} narrow_job_t;

static void make_tile(const narrow_job_t *job, size_t tile, float *rows) {
  size_t first = tile * ROWS, n = plt_min_size(ROWS, job->n - first);
  uint16_t *copy = job->copy + first * job->k;
  for (size_t i = 0; i < n; i += MADE) {
    size_t some = plt_min_size(MADE, n - i);
    job->x->make(job->x->context, first + i, some, rows);
    plt_bf16_encode(some * job->k, rows, copy + i * job->k);
  }
  memset(copy + n * job->k, 0, (ROWS - n) * job->k * sizeof *copy);
}

static void multiply_tile(void *context, size_t tile, size_t lane) {
  const narrow_job_t *job = context;
  size_t first = tile * ROWS, n = plt_min_size(ROWS, job->n - first);
  float *rows = job->rows + lane * job->lane_floats, *filled = rows + MADE * job->k;
  float *out = n == ROWS ? job->out + first * job->m : filled;
  if (!job->made) make_tile(job, tile, rows);
  plt_gemm_narrow(&(plt_gemm_narrow_t){.n = ROWS,
                                       .k = job->k,
                                       .m = job->m,
                                       .a = job->copy + first * job->k,
                                       .a_stride = job->k,
                                       .b = job->b,
                                       .out = out});
  if (out == filled) memcpy(job->out + first * job->m, filled, n * job->m * sizeof *filled);
}

/* A factor [rows, m], filled up with zeros to `room` rows. */
static uint16_t *narrowed(const float *x, size_t rows, size_t room, size_t m) {
  uint16_t *out = plt_mem_alloc(room * m * sizeof *out);
  plt_bf16_encode(rows * m, x, out);
  memset(out + rows * m, 0, (room - rows) * m * sizeof *out);
  return out;
}

void plt_narrow_matmul(plt_crew_t *crew, const plt_lazy_t *x, bool made, size_t m, const float *b, uint16_t *copy,
                       float *out) {
  narrow_job_t job = {.x = x, .made = made, .n = x->rows, .k = x->cols, .m = m, .copy = copy, .out = out};
  uint16_t *factor = narrowed(b, job.k, job.k, m);
  job.b = factor;
  job.lane_floats = MADE * job.k + ROWS * m;
  job.rows = plt_mem_alloc(plt_crew_size(crew) * job.lane_floats * sizeof *job.rows);
  plt_crew_run(crew, tiles_of(job.n), multiply_tile, &job);
  free(job.rows);
  free(factor);
}

/* Rows [first, first + AT_ROWS) of x^T y. */
static void multiply_slice(void *context, size_t slice, size_t lane) {
  (void)lane;
  const narrow_job_t *job = context;
  size_t first = slice * AT_ROWS, rows = plt_min_size(AT_ROWS, job->k - first);
  float *out = job->out + first * job->m;
  if (!job->add) memset(out, 0, rows * job->m * sizeof *out);
  for (size_t tile = 0; tile < tiles_of(job->n); tile++)
    plt_gemm_narrow(&(plt_gemm_narrow_t){.n = rows,
                                         .k = ROWS,
                                         .m = job->m,
                                         .a = job->copy + tile * ROWS * job->k + first,
                                         .a_stride = job->k,
                                         .a_transposed = true,
                                         .b = job->b + tile * ROWS * job->m,
                                         .add = true,
                                         .out = out});
}

void plt_narrow_matmul_at(plt_crew_t *crew, size_t n, size_t k, size_t m, const uint16_t *copy, const float *y,
                          bool add, float *out) {
  uint16_t *factor = narrowed(y, n, tiles_of(n) * ROWS, m);
  narrow_job_t job = {.n = n, .k = k, .m = m, .add = add, .copy = (uint16_t *)copy, .b = factor, .out = out};
  plt_crew_run(crew, (k + AT_ROWS - 1) / AT_ROWS, multiply_slice, &job);
  free(factor);
}
