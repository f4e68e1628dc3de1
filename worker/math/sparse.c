/* sparse.c - see sparse.h.
 *
 * Row by row, 64, 32 or 16 columns at a time, whose sums stay in registers. Rows of x lie anywhere, so they are fetched
 * ahead, also for the rows of s that follow: most are short. */
#include "worker/math/sparse.h"

#include <string.h>

#include "common/vector.h"
#include "worker/math/kernels.h"

enum {
  RUN = 32,   /* entries that are added before their sum is */
  WIDTH = 64, /* columns at a time; or HALF of them, or those of a cache LINE */
  HALF = 32,
  LINE = 16,
  AHEAD = 12, /* entries whose rows of x are fetched before they are needed */
  ENTRY = 8   /* columns of an entry in the time of an operation (plt_kernel_ranges()) */
};

typedef struct product {
  const plt_csr_t *s;
  const float *x;
  float *out;
  size_t cols;
  bool add;
} product_t;

/* `width` columns from col on of rows [first, last); a constant where it is called. The prefetch also keeps gcc from
 * unrolling and jamming the entries, which would leave scalar code. */
__attribute__((always_inline)) static inline void multiply_columns(const product_t *job, size_t first, size_t last,
                                                                   size_t col, size_t width) {
  const uint64_t *restrict offset = job->s->offset;
  const uint32_t *restrict index = job->s->index;
  const float *restrict weight = job->s->weight, *restrict x = job->x + col;
  const size_t cols = job->cols;
  const uint64_t end = offset[job->s->rows];
  for (size_t r = first; r < last; r++) {
    float *restrict out = job->out + r * cols + col;
    float sum[WIDTH], run[WIDTH];
    for (size_t j = 0; j < width; j++) sum[j] = job->add ? out[j] : 0;
    for (uint64_t from = offset[r]; from < offset[r + 1]; from += RUN) {
      uint64_t to = offset[r + 1] - from < RUN ? offset[r + 1] : from + RUN;
      for (size_t j = 0; j < width; j++) run[j] = 0;
      for (uint64_t e = from; e < to; e++) {
        const float *restrict row = x + (size_t)index[e] * cols;
        const float *ahead = x + (size_t)index[e + AHEAD < end ? e + AHEAD : end - 1] * cols;
        const float w = weight[e];
        for (size_t j = 0; j < width; j += LINE) __builtin_prefetch(ahead + j);
        for (size_t j = 0; j < width; j++) run[j] += w * row[j];
      }
      for (size_t j = 0; j < width; j++) sum[j] += run[j];
    }
    for (size_t j = 0; j < width; j++) out[j] = sum[j];
  }
}

PLT_VECTOR_CLONES static void multiply_wide(const product_t *job, size_t first, size_t last, size_t col) {
  multiply_columns(job, first, last, col, WIDTH);
}

PLT_VECTOR_CLONES static void multiply_half(const product_t *job, size_t first, size_t last, size_t col) {
  multiply_columns(job, first, last, col, HALF);
}

PLT_VECTOR_CLONES static void multiply_line(const product_t *job, size_t first, size_t last, size_t col) {
  multiply_columns(job, first, last, col, LINE);
}

/* The columns that are left. */
static void multiply_rest(const product_t *job, size_t first, size_t last, size_t col) {
  multiply_columns(job, first, last, col, job->cols - col);
}

static void multiply_rows(void *context, size_t first, size_t last) {
  const product_t *job = context;
  size_t col = 0;
  for (; col + WIDTH <= job->cols; col += WIDTH) multiply_wide(job, first, last, col);
  for (; col + HALF <= job->cols; col += HALF) multiply_half(job, first, last, col);
  for (; col + LINE <= job->cols; col += LINE) multiply_line(job, first, last, col);
  if (col < job->cols) multiply_rest(job, first, last, col);
}

void plt_csr_multiply(plt_crew_t *crew, const plt_csr_t *s, const float *x, size_t cols, bool add, float *out) {
  if (s->rows == 0) return;
  product_t job = {.s = s, .x = x, .out = out, .cols = cols, .add = add};
  size_t entries = (size_t)s->offset[s->rows] / s->rows + 1; /* of a row, on average */
  plt_kernel_ranges(crew, s->rows, entries * cols / ENTRY + 1, multiply_rows, &job);
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
