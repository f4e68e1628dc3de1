/* contrast.c - how well the rows of a matrix stand out among those of another: mean_i log sum_j e^<a_i, b_j>.
 *
 *   ROWS x m block:  A_I B^T ─▶ exponentials E ─▶ log of each row's sum
 *                                             ├▶ E B, the derivative by A_I but for factors of rows
 *                                             └▶ A_I^T E, added up over a group's blocks: that by B, transposed
 *
 * The loss is one number, so its derivative is made with it, as in pairs.c; groups are as many for any number of
 * threads, and their sums are added in their order. */
#include <assert.h>
#include <string.h>

#include "common/elementary.h"
#include "common/vector.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"
#include "worker/tape/node.h"

enum {
  ROWS = 144,  /* of a block: enough for B to be worth packing, few enough for E to stay in the caches */
  GROUPS = 8,  /* at most */
  BLOCK = 256, /* exponentials between the loops below */
  SLICE = 64   /* rows of B whose derivative is added up at once */
};

typedef struct contrast {
  size_t n, m, cols;
  const float *a, *b;
  float *along_a, *along_b; /* [n, cols], [m, cols]; NULL: nobody needs it */
  float *lanes;             /* per lane a block [ROWS, m], and rows of A [ROWS, cols] */
  float *of_group;          /* [cols, m] per group: its part of along_b, transposed */
  double *sum;              /* per group, of the logarithms */
} contrast_t;

/* Rows of a group of n: whole blocks. */
static size_t group_rows(size_t n) {
  size_t blocks = (n - 1) / ROWS + 1;
  return ((blocks - 1) / GROUPS + 1) * ROWS;
}

static size_t group_count(size_t n) { return n == 0 ? 0 : (n - 1) / group_rows(n) + 1; }

/* A row of dots becomes one of exponentials, less by the largest; returns the logarithm of what they were in sum, and
 * in *scale what makes them a softmax. */
PLT_VECTOR_CLONES static float exponentials(size_t n, float *dots, float *scale) {
  float high = plt_kernel_largest(dots, n);
  double sum = 0;
  for (size_t j = 0; j < n; j += BLOCK) {
    size_t count = plt_min_size(BLOCK, n - j);
    float *restrict e = dots + j;
    for (size_t k = 0; k < count; k++) e[k] = plt_exp(e[k] - high);
    sum += plt_kernel_total(e, count);
  }
  *scale = (float)(1 / sum);
  return high + plt_log((float)sum);
}

static void scale_rows(size_t rows, size_t cols, const float *scale, const float *x, float *out) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++) out[i * cols + j] = scale[i] * x[i * cols + j];
}

/* e [rows, m] = exponentials of A_I B^T */
static double score_block(const contrast_t *job, size_t rows, const float *a, float *e, float *scale) {
  double sum = 0;
  plt_kernel_matmul_bt(NULL, rows, job->cols, job->m, a, job->b, false, e);
  for (size_t i = 0; i < rows; i++) sum += exponentials(job->m, e + i * job->m, &scale[i]);
  return sum;
}

/* out [cols, m] (+)= a^T e */
static void gather_along_b(const contrast_t *job, size_t rows, const float *a, const float *e, bool add, float *out) {
  plt_gemm(&(plt_gemm_t){.n = job->cols,
                         .k = rows,
                         .m = job->m,
                         .a = a,
                         .a_stride = job->cols,
                         .a_transposed = true,
                         .b = e,
                         .b_stride = job->m,
                         .add = add,
                         .out = out,
                         .out_stride = job->m});
}

static void group_of_rows(void *context, size_t group, size_t lane) {
  const contrast_t *job = context;
  size_t most = group_rows(job->n), first = group * most, last = plt_min_size(first + most, job->n), cols = job->cols;
  float *e = job->lanes + lane * ROWS * (job->m + cols), *scaled = e + ROWS * job->m, scale[ROWS];
  double sum = 0;
  for (size_t row = first; row < last; row += ROWS) {
    size_t rows = plt_min_size(ROWS, last - row);
    const float *a = job->a + row * cols;
    sum += score_block(job, rows, a, e, scale);
    if (job->along_a != NULL) {
      float *along = job->along_a + row * cols;
      plt_kernel_matmul(NULL, rows, job->m, cols, e, job->b, false, along);
      scale_rows(rows, cols, scale, along, along);
    }
    if (job->along_b != NULL) {
      scale_rows(rows, cols, scale, a, scaled);
      gather_along_b(job, rows, scaled, e, row > first, job->of_group + group * cols * job->m);
    }
  }
  job->sum[group] = sum;
}

/* Of rows [first, last) of B. */
PLT_VECTOR_CLONES static void add_groups(void *context, size_t slice, size_t lane) {
  (void)lane;
  const contrast_t *job = context;
  size_t first = slice * SLICE, n = plt_min_size(SLICE, job->m - first), groups = group_count(job->n);
  for (size_t c = 0; c < job->cols; c++) {
    float sum[SLICE] = {0};
    for (size_t group = 0; group < groups; group++) {
      const float *part = job->of_group + (group * job->cols + c) * job->m + first;
      for (size_t j = 0; j < n; j++) sum[j] += part[j];
    }
    for (size_t j = 0; j < n; j++) job->along_b[(first + j) * job->cols + c] = sum[j];
  }
}

/* saved: along_a and along_b, of those operands that need it. */
static void forward(plt_tape_t *t, plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  contrast_t job = {.n = a->rows, .m = b->rows, .cols = a->cols, .a = a->value, .b = b->value};
  size_t groups = group_count(job.n);
  node->saved = plt_tape_scratch(t, a->rows + b->rows, a->cols);
  if (a->needed) job.along_a = node->saved;
  if (b->needed) {
    job.along_b = node->saved + plt_node_size(a);
    job.of_group = plt_tape_scratch(t, groups * job.cols, job.m);
  }
  job.lanes = plt_tape_scratch(t, plt_crew_size(t->crew) * ROWS, job.m + job.cols);
  job.sum = plt_arena_alloc(t->arena, groups * sizeof *job.sum);
  plt_crew_run(t->crew, groups, group_of_rows, &job);
  if (b->needed) plt_crew_run(t->crew, (job.m - 1) / SLICE + 1, add_groups, &job);
  double sum = 0;
  for (size_t group = 0; group < groups; group++) sum += job.sum[group];
  node->value[0] = (float)(sum / (double)job.n);
}

static void backward(plt_tape_t *t, const plt_node_t *node) {
  const plt_node_t *a = plt_tape_node(t, node->operands[0]), *b = plt_tape_node(t, node->operands[1]);
  float *da = plt_tape_gradient(t, node->operands[0]), *db = plt_tape_gradient(t, node->operands[1]);
  float factor = node->gradient[0] / (float)a->rows;
  if (da) plt_kernel_add_scaled(t->crew, plt_node_size(a), factor, node->saved, da);
  if (db) plt_kernel_add_scaled(t->crew, plt_node_size(b), factor, node->saved + plt_node_size(a), db);
}

static const plt_tape_op_t op = {.name = "contrast", .forward = forward, .backward = backward};

plt_var_t plt_op_contrast(plt_tape_t *t, plt_var_t a, plt_var_t b) {
  assert(plt_tape_rows(t, a) > 0 && plt_tape_rows(t, b) > 0 && plt_tape_cols(t, a) == plt_tape_cols(t, b));
  return plt_tape_record(t, &op, 1, 1, (plt_var_t[]){a, b}, 2, NULL);
}

size_t plt_contrast_floats(size_t n, size_t m, size_t cols, size_t threads) {
  return threads * ROWS * (m + cols) + group_count(n) * cols * m + 2 * (n + m) * cols;
}
