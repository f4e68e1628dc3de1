/* lazy.c - see lazy.h. */
#include "worker/math/lazy.h"

#include "worker/math/kernels.h"

typedef struct lazy_job {
  const plt_lazy_t *x;
  size_t m;
  const float *b;
  float *copy, *out;
} lazy_job_t;

static void make_range(void *context, size_t first, size_t last) {
  const lazy_job_t *job = context;
  job->x->make(job->x->context, first, last - first, job->copy + first * job->x->cols);
}

void plt_lazy_make(plt_crew_t *crew, const plt_lazy_t *x, float *out) {
  lazy_job_t job = {.x = x, .copy = out};
  plt_kernel_ranges(crew, x->rows, x->cols, make_range, &job);
}

static void multiply_tile(void *context, size_t piece, size_t lane) {
  (void)lane;
  const lazy_job_t *job = context;
  size_t row = piece * PLT_KERNEL_TILE_ROWS, cols = job->x->cols;
  size_t rows = plt_min_size(PLT_KERNEL_TILE_ROWS, job->x->rows - row);
  float *tile = job->copy + row * cols;
  job->x->make(job->x->context, row, rows, tile);
  plt_kernel_matmul(NULL, rows, cols, job->m, tile, job->b, false, job->out + row * job->m);
}

void plt_lazy_matmul(plt_crew_t *crew, const plt_lazy_t *x, size_t m, const float *b, float *copy, float *out) {
  lazy_job_t job = {.x = x, .m = m, .b = b, .copy = copy, .out = out};
  plt_crew_run(crew, (x->rows + PLT_KERNEL_TILE_ROWS - 1) / PLT_KERNEL_TILE_ROWS, multiply_tile, &job);
}
