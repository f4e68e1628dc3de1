/* kernels.c - see kernels.h. Each kernel is a job: a struct of its operands and a function for one part of it.
 *
 * scatter_add and column_dots are cut by columns, so that the rows meet each column in their order whatever the
 * number of threads: no atomics, no sorting, one cache line of every row per piece. */
#include "worker/math/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/vector.h"
#include "worker/math/gemm.h"

enum {
  RANGE_COST = 16 * 1024, /* operations in a range: some microseconds, far above the cost of a hand-over */
  PARTIALS = 64,          /* ranges of a reduction at most: their sums live on the stack */
  TILE_COLS = 1024,
  AT_ROWS = 480, /* of a tile of a^T b: whole vectors of oneDNN's kernels, which take 48 floats at once, or 24 */
  AT_DEPTH = 96, /* rows of a and b at a time: 480 floats of each are read together, and stay in the second cache */
  LINE = 16      /* floats in a cache line */
};

static size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }

/* ---- splitting ---- */

typedef struct range_job {
  size_t n, grain;
  plt_range_fn fn;
  plt_partial_fn partial_fn;
  void *context;
  double partial[PARTIALS];
} range_job_t;

static void run_range(void *context, size_t piece, size_t lane) {
  (void)lane;
  const range_job_t *job = context;
  job->fn(job->context, piece * job->grain, plt_min_size((piece + 1) * job->grain, job->n));
}

static void run_partial(void *context, size_t piece, size_t lane) {
  (void)lane;
  range_job_t *job = context;
  job->partial[piece] =
      job->partial_fn(job->context, piece * job->grain, plt_min_size((piece + 1) * job->grain, job->n));
}

static size_t grain_of(size_t cost) { return cost >= RANGE_COST ? 1 : RANGE_COST / (cost == 0 ? 1 : cost); }

void plt_kernel_ranges(plt_crew_t *crew, size_t n, size_t cost, plt_range_fn fn, void *context) {
  range_job_t job = {.n = n, .grain = grain_of(cost), .fn = fn, .context = context};
  plt_crew_run(crew, ceil_div(n, job.grain), run_range, &job);
}

double plt_kernel_reduce(plt_crew_t *crew, size_t n, size_t cost, plt_partial_fn fn, void *context) {
  range_job_t job = {.n = n, .grain = grain_of(cost), .partial_fn = fn, .context = context};
  if (ceil_div(n, job.grain) > PARTIALS) job.grain = ceil_div(n, PARTIALS);
  size_t pieces = ceil_div(n, job.grain);
  plt_crew_run(crew, pieces, run_partial, &job);
  double sum = 0;
  for (size_t piece = 0; piece < pieces; piece++) sum += job.partial[piece];
  return sum;
}

/* ---- matrix products ---- */

static void product_tile(void *context, size_t piece, size_t lane) {
  (void)lane;
  const plt_gemm_t *job = context;
  plt_gemm_t tile = *job;
  size_t across = ceil_div(job->m, TILE_COLS);
  size_t row = piece / across * PLT_KERNEL_TILE_ROWS, col = piece % across * TILE_COLS;
  tile.n = plt_min_size(PLT_KERNEL_TILE_ROWS, job->n - row);
  tile.m = plt_min_size(TILE_COLS, job->m - col);
  tile.a += job->a_transposed ? row : row * job->a_stride;
  tile.b += job->b_transposed ? col * job->b_stride : col;
  tile.out += row * job->out_stride + col;
  plt_gemm(&tile);
}

static void product(plt_crew_t *crew, plt_gemm_t job) {
  if (job.n == 0 || job.m == 0) return;
  job.a_stride = job.a_transposed ? job.n : job.k;
  job.b_stride = job.b_transposed ? job.k : job.m;
  job.out_stride = job.m;
  if (job.k == 0) { /* a sum of nothing */
    if (!job.add) memset(job.out, 0, job.n * job.m * sizeof *job.out);
    return;
  }
  plt_crew_run(crew, ceil_div(job.n, PLT_KERNEL_TILE_ROWS) * ceil_div(job.m, TILE_COLS), product_tile, &job);
}

void plt_kernel_matmul(plt_crew_t *crew, size_t n, size_t k, size_t m, const float *a, const float *b, bool add,
                       float *out) {
  product(crew, (plt_gemm_t){.n = n, .k = k, .m = m, .a = a, .b = b, .out = out, .add = add});
}

void plt_kernel_matmul_bt(plt_crew_t *crew, size_t n, size_t k, size_t m, const float *a, const float *b, bool add,
                          float *out) {
  product(crew, (plt_gemm_t){.n = n, .k = k, .m = m, .a = a, .b = b, .out = out, .b_transposed = true, .add = add});
}

typedef struct at_job {
  plt_gemm_t product; /* out^T = b^T a */
  float *out;
  float *tiles; /* one per lane */
} at_job_t;

/* A square of SQUARE x SQUARE at a time, so that what is read along columns stays in the first-level cache. */
static void transpose(const float *restrict tile, size_t rows, size_t cols, bool add, float *restrict out,
                      size_t stride) {
  enum { SQUARE = 16 };
  for (size_t row = 0; row < rows; row += SQUARE) {
    size_t last = plt_min_size(row + SQUARE, rows);
    for (size_t col = 0; col < cols; col++) {
      const float *from = tile + col;
      float *to = out + col * stride;
      for (size_t i = row; i < last; i++) to[i] = add ? to[i] + from[i * cols] : from[i * cols];
    }
  }
}

static void at_tile(void *context, size_t piece, size_t lane) {
  const at_job_t *job = context;
  plt_gemm_t tile = job->product;
  size_t m = tile.n, down = ceil_div(m, TILE_COLS);
  size_t col = piece / down * AT_ROWS, row = piece % down * TILE_COLS;
  tile.n = plt_min_size(TILE_COLS, m - row);
  tile.m = plt_min_size(AT_ROWS, job->product.m - col);
  tile.out = job->tiles + lane * AT_ROWS * plt_min_size(TILE_COLS, m);
  tile.out_stride = tile.m;
  for (size_t k = 0; k < job->product.k; k += AT_DEPTH) {
    tile.k = plt_min_size(AT_DEPTH, job->product.k - k);
    tile.a = job->product.a + k * tile.a_stride + row;
    tile.b = job->product.b + k * tile.b_stride + col;
    tile.add = k > 0;
    plt_gemm(&tile);
  }
  transpose(tile.out, tile.n, tile.m, job->product.add, job->out + col * m + row, m);
}

/* As out^T = b^T a: the long side of the result lies along the kernels' vectors, and a, the large operand, is packed as
 * it lies. A fifth faster than a^T b. */
void plt_kernel_matmul_at(plt_crew_t *crew, size_t n, size_t k, size_t m, const float *a, const float *b, bool add,
                          float *out) {
  if (k == 0) {
    product(crew, (plt_gemm_t){.n = n, .m = m, .out = out, .add = add});
    return;
  }
  at_job_t job = {.product = {.n = m, .k = k, .m = n, .a = b, .b = a, .a_stride = m, .b_stride = n, .add = add},
                  .out = out};
  job.product.a_transposed = true;
  job.tiles = plt_mem_alloc(plt_crew_size(crew) * AT_ROWS * plt_min_size(TILE_COLS, m) * sizeof *job.tiles);
  plt_crew_run(crew, ceil_div(n, AT_ROWS) * ceil_div(m, TILE_COLS), at_tile, &job);
  free(job.tiles);
}

void plt_kernel_scores(plt_crew_t *crew, size_t n, size_t count, size_t d, const float *users, const float *items,
                       float *out) {
  plt_kernel_matmul_bt(crew, n, d, count, users, items, false, out);
}

/* ---- rows ---- */

typedef struct row_job {
  const float *x, *y;
  const uint32_t *index;
  size_t n, cols;
  float *out;
} row_job_t;

static void gather_range(void *context, size_t first, size_t last) {
  const row_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    memcpy(job->out + i * job->cols, job->x + job->index[i] * job->cols, job->cols * sizeof *job->out);
  }
}

void plt_kernel_gather(plt_crew_t *crew, const float *x, size_t cols, const uint32_t *index, size_t n, float *out) {
  row_job_t job = {.x = x, .index = index, .n = n, .cols = cols, .out = out};
  plt_kernel_ranges(crew, n, cols, gather_range, &job);
}

PLT_VECTOR_CLONES static void scatter_columns(void *context, size_t piece, size_t lane) {
  (void)lane;
  const row_job_t *job = context;
  size_t col = piece * LINE, width = plt_min_size(LINE, job->cols - col);
  for (size_t i = 0; i < job->n; i++) {
    const float *restrict from = job->x + i * job->cols + col;
    float *restrict to = job->out + job->index[i] * job->cols + col;
    for (size_t j = 0; j < width; j++) to[j] += from[j];
  }
}

PLT_VECTOR_CLONES static void scatter_range(void *context, size_t first, size_t last) {
  const row_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *restrict from = job->x + i * job->cols;
    float *restrict to = job->out + job->index[i] * job->cols;
    for (size_t j = 0; j < job->cols; j++) to[j] += from[j];
  }
}

static bool ascends(const uint32_t *index, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (index[i] <= index[i - 1]) return false;
  return true;
}

void plt_kernel_scatter_add(plt_crew_t *crew, const float *x, size_t cols, const uint32_t *index, size_t n,
                            float *out) {
  row_job_t job = {.x = x, .index = index, .n = n, .cols = cols, .out = out};
  if (ascends(index, n)) /* no row is met twice, as between sets of nodes: in any order, and whole */
    plt_kernel_ranges(crew, n, cols, scatter_range, &job);
  else
    plt_crew_run(crew, ceil_div(cols, LINE), scatter_columns, &job);
}

PLT_VECTOR_CLONES static void column_dots(void *context, size_t piece, size_t lane) {
  (void)lane;
  const row_job_t *job = context;
  size_t col = piece * LINE, width = plt_min_size(LINE, job->cols - col);
  double sum[LINE] = {0};
  for (size_t i = 0; i < job->n; i++) {
    const float *x = job->x + i * job->cols + col;
    if (job->y == NULL) {
      for (size_t j = 0; j < width; j++) sum[j] += x[j];
    } else {
      const float *y = job->y + i * job->cols + col;
      for (size_t j = 0; j < width; j++) sum[j] += (double)x[j] * y[j];
    }
  }
  for (size_t j = 0; j < width; j++) job->out[col + j] += (float)sum[j];
}

void plt_kernel_column_dots(plt_crew_t *crew, const float *x, const float *y, size_t rows, size_t cols, float *out) {
  row_job_t job = {.x = x, .y = y, .n = rows, .cols = cols, .out = out};
  plt_crew_run(crew, ceil_div(cols, LINE), column_dots, &job);
}

static void row_dots_range(void *context, size_t first, size_t last) {
  const row_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *x = job->x + i * job->cols;
    double sum = job->y == NULL ? plt_kernel_total(x, job->cols) : plt_kernel_dot(x, job->y + i * job->cols, job->cols);
    job->out[i] += (float)sum;
  }
}

void plt_kernel_row_dots(plt_crew_t *crew, const float *x, const float *y, size_t rows, size_t cols, float *out) {
  row_job_t job = {.x = x, .y = y, .n = rows, .cols = cols, .out = out};
  plt_kernel_ranges(crew, rows, cols, row_dots_range, &job);
}

PLT_VECTOR_CLONES static void add_scaled_rows_range(void *context, size_t first, size_t last) {
  const row_job_t *job = context;
  for (size_t i = first; i < last; i++) {
    const float *restrict x = job->x + i * job->cols;
    float *restrict out = job->out + i * job->cols;
    float factor = job->y[i];
    for (size_t j = 0; j < job->cols; j++) out[j] += factor * x[j];
  }
}

void plt_kernel_add_scaled_rows(plt_crew_t *crew, const float *x, const float *factor, size_t rows, size_t cols,
                                float *out) {
  row_job_t job = {.x = x, .y = factor, .cols = cols, .out = out};
  plt_kernel_ranges(crew, rows, cols, add_scaled_rows_range, &job);
}

/* ---- vectors ---- */

enum { SUMS = 16, LARGEST = 64 };

/* Halves onto halves; each width a constant, so that the sums stay in registers. */
static inline double fold(const double sum[SUMS]) {
  double eight[8], four[4];
  for (size_t j = 0; j < 8; j++) eight[j] = sum[j] + sum[j + 8];
  for (size_t j = 0; j < 4; j++) four[j] = eight[j] + eight[j + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/* Interleaved sums: independent chains that fill the vector units; element i always goes to sum i mod SUMS. */
PLT_VECTOR_CLONES double plt_kernel_dot(const float *restrict x, const float *restrict y, size_t n) {
  double sum[SUMS] = {0};
  size_t i = 0;
  for (; i + SUMS <= n; i += SUMS) {
    for (size_t j = 0; j < SUMS; j++) sum[j] += (double)x[i + j] * y[i + j];
  }
  if (i == n) return fold(sum); /* the sums were in registers all along */
  for (size_t j = 0; i + j < n; j++) sum[j] += (double)x[i + j] * y[i + j];
  return fold(sum);
}

PLT_VECTOR_CLONES double plt_kernel_total(const float *x, size_t n) {
  double sum[SUMS] = {0};
  size_t i = 0;
  for (; i + SUMS <= n; i += SUMS) {
    for (size_t j = 0; j < SUMS; j++) sum[j] += x[i + j];
  }
  if (i == n) return fold(sum); /* the sums were in registers all along */
  for (size_t j = 0; i + j < n; j++) sum[j] += x[i + j];
  return fold(sum);
}

PLT_VECTOR_CLONES float plt_kernel_largest(const float *x, size_t n) {
  float high[LARGEST];
  size_t i = 0;
  for (size_t j = 0; j < LARGEST; j++) high[j] = -INFINITY;
  for (; i + LARGEST <= n; i += LARGEST) {
    for (size_t j = 0; j < LARGEST; j++) high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
  }
  for (size_t j = 0; i + j < n; j++) high[j] = x[i + j] > high[j] ? x[i + j] : high[j];
  for (size_t width = LARGEST / 2; width > 0; width /= 2) {
    for (size_t j = 0; j < width; j++) high[j] = high[j + width] > high[j] ? high[j + width] : high[j];
  }
  return high[0];
}

typedef struct vector_job {
  const float *x;
  float *out;
  float factor;
} vector_job_t;

PLT_VECTOR_CLONES static void add_scaled_range(void *context, size_t first, size_t last) {
  const vector_job_t *job = context;
  const float *restrict x = job->x;
  float *restrict out = job->out;
  float factor = job->factor;
  for (size_t i = first; i < last; i++) out[i] += factor * x[i];
}

void plt_kernel_add_scaled(plt_crew_t *crew, size_t n, float factor, const float *x, float *out) {
  vector_job_t job = {.x = x, .out = out, .factor = factor};
  plt_kernel_ranges(crew, n, 1, add_scaled_range, &job);
}

static double sum_range(void *context, size_t first, size_t last) {
  const vector_job_t *job = context;
  return plt_kernel_total(job->x + first, last - first);
}

double plt_kernel_sum(plt_crew_t *crew, const float *x, size_t n) {
  vector_job_t job = {.x = x};
  return plt_kernel_reduce(crew, n, 1, sum_range, &job);
}

static double sum_squares_range(void *context, size_t first, size_t last) {
  const vector_job_t *job = context;
  return plt_kernel_dot(job->x + first, job->x + first, last - first);
}

double plt_kernel_sum_squares(plt_crew_t *crew, const float *x, size_t n) {
  vector_job_t job = {.x = x};
  return plt_kernel_reduce(crew, n, 1, sum_squares_range, &job);
}
