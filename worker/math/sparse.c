/* sparse.c - see sparse.h.
 *
 * Row by row, 32 columns at a time, whose sums stay in registers; rows of x lie anywhere, so they are fetched ahead. */
#include "worker/math/sparse.h"

#include <string.h>

#include "common/vector.h"
#include "worker/math/kernels.h"

enum {
  RUN = 32,   /* entries that are added before their sum is */
  WIDTH = 32, /* columns at a time: their sums stay in registers */
  AHEAD = 8,  /* rows of x that are fetched before they are needed */
  LINE = 16   /* floats of a cache line */
};

typedef struct product {
  const plt_csr_t *s;
  const float *x;
  float *out;
  size_t cols;
  bool add;
} product_t;

/* WIDTH columns of one row. The prefetch also keeps gcc from unrolling and jamming the entries, which would leave
 * scalar code. */
PLT_VECTOR_CLONES static void add_wide(const uint32_t *restrict index, const float *restrict weight, size_t n,
                                       const float *restrict x, size_t cols, float *restrict sum) {
  for (size_t first = 0; first < n; first += RUN) {
    size_t last = n - first < RUN ? n : first + RUN;
    float run[WIDTH] = {0};
    for (size_t e = first; e < last; e++) {
      const float *restrict from = x + (size_t)index[e] * cols;
      const float *ahead = x + (size_t)index[e + AHEAD < n ? e + AHEAD : n - 1] * cols;
      const float w = weight[e];
      for (size_t j = 0; j < WIDTH; j += LINE) __builtin_prefetch(ahead + j);
      for (size_t j = 0; j < WIDTH; j++) run[j] += w * from[j];
    }
    for (size_t j = 0; j < WIDTH; j++) sum[j] += run[j];
  }
}

/* The columns that are left; the same arithmetic. */
static void add_narrow(const uint32_t *restrict index, const float *restrict weight, size_t n, const float *restrict x,
                       size_t cols, size_t width, float *restrict sum) {
  for (size_t first = 0; first < n; first += RUN) {
    size_t last = n - first < RUN ? n : first + RUN;
    float run[WIDTH] = {0};
    for (size_t e = first; e < last; e++) {
      const float *restrict from = x + (size_t)index[e] * cols;
      const float w = weight[e];
      for (size_t j = 0; j < width; j++) run[j] += w * from[j];
    }
    for (size_t j = 0; j < width; j++) sum[j] += run[j];
  }
}

static void multiply_rows(void *context, size_t first, size_t last) {
  const product_t *job = context;
  const plt_csr_t *s = job->s;
  for (size_t r = first; r < last; r++) {
    uint64_t at = s->offset[r];
    size_t n = (size_t)(s->offset[r + 1] - at), col = 0;
    float *out = job->out + r * job->cols;
    if (!job->add) memset(out, 0, job->cols * sizeof *out);
    for (; col + WIDTH <= job->cols; col += WIDTH)
      add_wide(s->index + at, s->weight + at, n, job->x + col, job->cols, out + col);
    if (col < job->cols)
      add_narrow(s->index + at, s->weight + at, n, job->x + col, job->cols, job->cols - col, out + col);
  }
}

void plt_csr_multiply(plt_crew_t *crew, const plt_csr_t *s, const float *x, size_t cols, bool add, float *out) {
  if (s->rows == 0) return;
  product_t job = {.s = s, .x = x, .out = out, .cols = cols, .add = add};
  size_t entries = (size_t)s->offset[s->rows] / s->rows + 1; /* of a row, on average */
  plt_kernel_ranges(crew, s->rows, entries * cols, multiply_rows, &job);
}

/* The transposes' arrays, to write to. */
typedef struct target {
  uint64_t *offset; /* zeroed, one place longer than it is at the end */
  uint32_t *index;
  float *weight;
} target_t;

typedef struct transposing {
  const plt_sparse_t *sparse;
  target_t *target;
} transposing_t;

static void transpose_one(void *context, size_t piece, size_t lane) {
  (void)lane;
  const transposing_t *job = context;
  const plt_csr_t *from = &job->sparse[piece].matrix;
  target_t to = job->target[piece];
  uint64_t n = from->offset[from->rows];
  /* Counted two places on, so that after the prefix sum offset + 1 are the rows' ends as they fill. */
  for (uint64_t e = 0; e < n; e++) to.offset[from->index[e] + 2]++;
  for (size_t c = 2; c < from->cols + 2; c++) to.offset[c] += to.offset[c - 1];
  for (size_t r = 0; r < from->rows; r++) {
    for (uint64_t e = from->offset[r]; e < from->offset[r + 1]; e++) {
      uint64_t place = to.offset[from->index[e] + 1]++;
      to.index[place] = (uint32_t)r;
      to.weight[place] = from->weight[e];
    }
  }
}

void plt_sparse_transpose(plt_crew_t *crew, plt_sparse_t *sparse, size_t n, plt_arena_t *arena) {
  target_t *target = plt_arena_alloc(arena, n * sizeof *target);
  for (size_t i = 0; i < n; i++) {
    const plt_csr_t *from = &sparse[i].matrix;
    uint64_t entries = from->offset[from->rows];
    target[i] = (target_t){.offset = plt_arena_zalloc(arena, (from->cols + 2) * sizeof(uint64_t)),
                           .index = plt_arena_alloc(arena, entries * sizeof(uint32_t)),
                           .weight = plt_arena_alloc(arena, entries * sizeof(float))};
    sparse[i].transpose = (plt_csr_t){.rows = from->cols,
                                      .cols = from->rows,
                                      .offset = target[i].offset,
                                      .index = target[i].index,
                                      .weight = target[i].weight};
  }
  plt_crew_run(crew, n, transpose_one, &(transposing_t){sparse, target});
}
