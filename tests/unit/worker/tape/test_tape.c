/* test_tape.c - every operation against a twin in double: its values, its derivatives by central differences of the
 * twin, and its bits over crews of several sizes. */
#include <criterion/criterion.h>

#include "tests/unit/worker/naive.h"
#include "worker/tape/node.h"
#include "worker/tape/tape.h"

enum { OPERANDS = 3, CREWS = 3 };

/* Sizes that the shapes of a case are made of. */
typedef struct sizes {
  size_t n, c, k, t;          /* t = c + k + 1 */
  const uint32_t *index;      /* [k], below n */
  const plt_sparse_t *sparse; /* [k, n] */
} sizes_t;

typedef const double *const *in_t;

typedef struct op_case {
  const char *name;
  const char *in[OPERANDS]; /* two letters each: n, c, k, t or 1 */
  const char *out;
  double low, high; /* of the operands */
  plt_var_t (*op)(plt_tape_t *t, const plt_var_t *x, const sizes_t *s);
  void (*twin)(in_t x, const sizes_t *s, double *out);
} op_case_t;

static size_t size_of(char letter, const sizes_t *s) {
  return letter == 'n' ? s->n : letter == 'c' ? s->c : letter == 'k' ? s->k : letter == 't' ? s->t : 1;
}

static size_t elements(const char *shape, const sizes_t *s) { return size_of(shape[0], s) * size_of(shape[1], s); }

/* ---- twins ---- */

#define OP(name, expression)                                                        \
  static plt_var_t name##_op(plt_tape_t *t, const plt_var_t *x, const sizes_t *s) { \
    (void)s;                                                                        \
    return expression;                                                              \
  }
/* A twin whose element out[i, j] of [n, c] is an expression in a = x0[i, j], i and j. */
#define EACH(name, expression)                                     \
  static void name##_twin(in_t x, const sizes_t *s, double *out) { \
    for (size_t i = 0; i < s->n; i++) {                            \
      for (size_t j = 0; j < s->c; j++) {                          \
        double a = x[0][i * s->c + j];                             \
        out[i * s->c + j] = expression;                            \
      }                                                            \
    }                                                              \
  }

OP(add, plt_op_add(t, x[0], x[1]))
OP(sub, plt_op_sub(t, x[0], x[1]))
OP(mul, plt_op_mul(t, x[0], x[1]))
OP(square, plt_op_mul(t, x[0], x[0]))
EACH(add, a + x[1][i * s->c + j])
EACH(add_row, a + x[1][j])
EACH(add_column, a + x[1][i])
EACH(sub, a - x[1][i * s->c + j])
EACH(mul, a *x[1][i * s->c + j])
EACH(mul_row, a *x[1][j])
EACH(mul_column, a *x[1][i])
EACH(square, a *a)

OP(scale, plt_op_scale(t, x[0], -1.5f))
OP(shift, plt_op_shift(t, x[0], 0.25f))
OP(sigmoid, plt_op_sigmoid(t, x[0]))
OP(tanh, plt_op_tanh(t, x[0]))
OP(softplus, plt_op_softplus(t, x[0]))
OP(leaky_relu, plt_op_leaky_relu(t, x[0], 0.125f))
OP(exp, plt_op_exp(t, x[0]))
OP(log, plt_op_log(t, x[0]))
OP(clamp, plt_op_clamp(t, x[0], -0.5f, 0.75f))
EACH(scale, -1.5 * a)
EACH(shift, 0.25 + a)
EACH(sigmoid, 1 / (1 + exp(-a)))
EACH(tanh, tanh(a))
EACH(softplus, log(1 + exp(a)))
EACH(leaky_relu, a > 0 ? a : a / 8)
EACH(exp, exp(a))
EACH(log, log(a))
EACH(clamp, a<-0.5 ? -0.5 : a> 0.75 ? 0.75 : a)

OP(gather, plt_op_gather(t, x[0], s->index, s->k))
static void gather_twin(in_t x, const sizes_t *s, double *out) {
  for (size_t i = 0; i < s->k; i++) {
    for (size_t j = 0; j < s->c; j++) out[i * s->c + j] = x[0][s->index[i] * s->c + j];
  }
}

OP(gather_dot, plt_op_gather_dot(t, x[0], s->index, x[1], s->index, s->k))
static void gather_dot_twin(in_t x, const sizes_t *s, double *out) {
  for (size_t i = 0; i < s->k; i++) {
    out[i] = 0;
    for (size_t j = 0; j < s->c; j++) out[i] += x[0][s->index[i] * s->c + j] * x[1][s->index[i] * s->c + j];
  }
}

OP(matmul, plt_op_matmul(t, x[0], x[1]))
/* a [n,k] or, the other way round, [k,n]; b [k,c] or [c,k]. */
static void product_twin(in_t x, const sizes_t *s, bool a_turned, bool b_turned, double *out) {
  for (size_t i = 0; i < s->n; i++) {
    for (size_t j = 0; j < s->c; j++) {
      double sum = 0;
      for (size_t l = 0; l < s->k; l++)
        sum += x[0][a_turned ? l * s->n + i : i * s->k + l] * x[1][b_turned ? j * s->k + l : l * s->c + j];
      out[i * s->c + j] = sum;
    }
  }
}
static void matmul_twin(in_t x, const sizes_t *s, double *out) { product_twin(x, s, false, false, out); }

/* Every third column, shifted from row to row; row 1 is empty. */
static double sparse_at(size_t i, size_t j) {
  return i == 1 || (i + j) % 3 != 0 ? 0 : (1 + (double)((i * 5 + j) % 7)) / 16;
}

OP(propagate, plt_op_propagate(t, s->sparse, x[0]))
static void propagate_twin(in_t x, const sizes_t *s, double *out) {
  for (size_t i = 0; i < s->k; i++) {
    for (size_t j = 0; j < s->c; j++) {
      out[i * s->c + j] = 0;
      for (size_t l = 0; l < s->n; l++) out[i * s->c + j] += sparse_at(i, l) * x[0][l * s->c + j];
    }
  }
}

OP(matmul_at, plt_op_matmul_at(t, x[0], x[1]))
static void matmul_at_twin(in_t x, const sizes_t *s, double *out) { product_twin(x, s, true, false, out); }

OP(matmul_bt, plt_op_matmul_bt(t, x[0], x[1]))
static void matmul_bt_twin(in_t x, const sizes_t *s, double *out) { product_twin(x, s, false, true, out); }

OP(concat, plt_op_concat(t, x, 3))
static void concat_twin(in_t x, const sizes_t *s, double *out) {
  for (size_t i = 0; i < s->n; i++) {
    for (size_t j = 0; j < s->t; j++) {
      out[i * s->t + j] = j < s->c ? x[0][i * s->c + j] : j < s->c + s->k ? x[1][i * s->k + j - s->c] : x[2][i];
    }
  }
}

OP(columns, plt_op_columns(t, x[0], s->k, s->c))
EACH(columns, x[0][i * s->t + s->k + j] + 0 * a)

OP(row_dot, plt_op_row_dot(t, x[0], x[1]))
static void row_dot_twin(in_t x, const sizes_t *s, double *out) {
  for (size_t i = 0; i < s->n; i++) {
    out[i] = 0;
    for (size_t j = 0; j < s->c; j++) out[i] += x[0][i * s->c + j] * x[1][i * s->c + j];
  }
}

OP(row_sum, plt_op_row_sum(t, x[0]))
static void row_sum_twin(in_t x, const sizes_t *s, double *out) {
  for (size_t i = 0; i < s->n; i++) {
    out[i] = 0;
    for (size_t j = 0; j < s->c; j++) out[i] += x[0][i * s->c + j];
  }
}

OP(normalise, plt_op_normalise(t, x[0]))
static void normalise_twin(in_t x, const sizes_t *s, double *out) {
  for (size_t i = 0; i < s->n; i++) {
    double squares = 0;
    for (size_t j = 0; j < s->c; j++) squares += x[0][i * s->c + j] * x[0][i * s->c + j];
    for (size_t j = 0; j < s->c; j++) out[i * s->c + j] = x[0][i * s->c + j] / sqrt(squares);
  }
}

static double sum_exp(const double *x, size_t n) { return n == 0 ? 0 : exp(x[n - 1]) + sum_exp(x, n - 1); }

OP(softmax, plt_op_softmax(t, x[0]))
EACH(softmax, exp(a) / sum_exp(x[0] + i * s->c, s->c))

OP(sum, plt_op_sum(t, x[0]))
static void sum_twin(in_t x, const sizes_t *s, double *out) {
  out[0] = 0;
  for (size_t i = 0; i < s->n * s->c; i++) out[0] += x[0][i];
}

OP(mean, plt_op_mean(t, x[0]))
static void mean_twin(in_t x, const sizes_t *s, double *out) {
  sum_twin(x, s, out);
  out[0] /= (double)(s->n * s->c);
}

OP(norm, plt_op_norm(t, x[0]))
static void norm_twin(in_t x, const sizes_t *s, double *out) {
  out[0] = 0;
  for (size_t i = 0; i < s->n * s->c; i++) out[0] += x[0][i] * x[0][i];
  out[0] = sqrt(out[0]);
}

OP(bpr, plt_op_bpr(t, x[0], x[1]))
static void bpr_twin(in_t x, const sizes_t *s, double *out) {
  out[0] = 0;
  for (size_t i = 0; i < s->n; i++) out[0] -= log(1e-10 + 1 / (1 + exp(x[1][i] - x[0][i])));
  out[0] /= (double)s->n;
}

static const op_case_t cases[] = {
    {"add", {"nc", "nc"}, "nc", -2, 2, add_op, add_twin},
    {"add row", {"nc", "1c"}, "nc", -2, 2, add_op, add_row_twin},
    {"add column", {"nc", "n1"}, "nc", -2, 2, add_op, add_column_twin},
    {"sub", {"nc", "nc"}, "nc", -2, 2, sub_op, sub_twin},
    {"mul", {"nc", "nc"}, "nc", -2, 2, mul_op, mul_twin},
    {"mul row", {"nc", "1c"}, "nc", -2, 2, mul_op, mul_row_twin},
    {"mul column", {"nc", "n1"}, "nc", -2, 2, mul_op, mul_column_twin},
    {"mul by itself", {"nc"}, "nc", -2, 2, square_op, square_twin},
    {"scale", {"nc"}, "nc", -2, 2, scale_op, scale_twin},
    {"shift", {"nc"}, "nc", -2, 2, shift_op, shift_twin},
    {"sigmoid", {"nc"}, "nc", -6, 6, sigmoid_op, sigmoid_twin},
    {"tanh", {"nc"}, "nc", -3, 3, tanh_op, tanh_twin},
    {"softplus", {"nc"}, "nc", -20, 20, softplus_op, softplus_twin},
    {"leaky_relu", {"nc"}, "nc", -2, 2, leaky_relu_op, leaky_relu_twin},
    {"exp", {"nc"}, "nc", -3, 3, exp_op, exp_twin},
    {"log", {"nc"}, "nc", 0.2, 5, log_op, log_twin},
    {"clamp", {"nc"}, "nc", -2, 2, clamp_op, clamp_twin},
    {"propagate", {"nc"}, "kc", -1, 1, propagate_op, propagate_twin},
    {"gather", {"nc"}, "kc", -2, 2, gather_op, gather_twin},
    {"gather_dot", {"nc", "nc"}, "k1", -2, 2, gather_dot_op, gather_dot_twin},
    {"matmul", {"nk", "kc"}, "nc", -1, 1, matmul_op, matmul_twin},
    {"matmul_bt", {"nk", "ck"}, "nc", -1, 1, matmul_bt_op, matmul_bt_twin},
    {"matmul_at", {"kn", "kc"}, "nc", -1, 1, matmul_at_op, matmul_at_twin},
    {"concat", {"nc", "nk", "n1"}, "nt", -2, 2, concat_op, concat_twin},
    {"columns", {"nt"}, "nc", -2, 2, columns_op, columns_twin},
    {"row_dot", {"nc", "nc"}, "n1", -1, 1, row_dot_op, row_dot_twin},
    {"row_sum", {"nc"}, "n1", -2, 2, row_sum_op, row_sum_twin},
    {"normalise", {"nc"}, "nc", -2, 2, normalise_op, normalise_twin},
    {"softmax", {"nc"}, "nc", -4, 4, softmax_op, softmax_twin},
    {"sum", {"nc"}, "11", -2, 2, sum_op, sum_twin},
    {"mean", {"nc"}, "11", -2, 2, mean_op, mean_twin},
    {"norm", {"nc"}, "11", -2, 2, norm_op, norm_twin},
    {"bpr", {"n1", "n1"}, "11", -4, 4, bpr_op, bpr_twin},
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---- the harness: loss = sum of weights * op(operands) ---- */

typedef struct trial {
  const op_case_t *c;
  sizes_t s;
  size_t n_in, size[OPERANDS], out_size;
  float *value[OPERANDS], *weights;
  float *gradient[CREWS][OPERANDS], *out[CREWS];
} trial_t;

static void run(trial_t *trial, plt_tape_t *t, float **gradient, float *out) {
  plt_var_t x[OPERANDS];
  plt_tape_reset(t);
  for (size_t i = 0; i < trial->n_in; i++) {
    const char *shape = trial->c->in[i];
    x[i] =
        plt_tape_parameter(t, size_of(shape[0], &trial->s), size_of(shape[1], &trial->s), trial->value[i], gradient[i]);
  }
  plt_var_t y = trial->c->op(t, x, &trial->s);
  cr_assert_eq(plt_tape_rows(t, y) * plt_tape_cols(t, y), trial->out_size, "%s", trial->c->name);
  memcpy(out, plt_tape_value(t, y), trial->out_size * sizeof *out);
  plt_var_t weights = plt_tape_constant(t, plt_tape_rows(t, y), plt_tape_cols(t, y), trial->weights);
  plt_tape_backward(t, plt_op_sum(t, plt_op_mul(t, y, weights)));
}

static double twin_loss(const trial_t *trial, double **x, double *out) {
  trial->c->twin((in_t)x, &trial->s, out);
  double loss = 0;
  for (size_t i = 0; i < trial->out_size; i++) loss += trial->weights[i] * out[i];
  return loss;
}

/* Values, and derivatives at up to `probes` places of each operand. */
static void check_against_twin(const trial_t *trial, size_t probes, naive_rng_t *rng) {
  double *x[OPERANDS] = {NULL}, *out = malloc(trial->out_size * sizeof *out);
  for (size_t i = 0; i < trial->n_in; i++) {
    x[i] = malloc(trial->size[i] * sizeof **x);
    for (size_t j = 0; j < trial->size[i]; j++) x[i][j] = trial->value[i][j];
  }
  twin_loss(trial, x, out);
  for (size_t i = 0; i < trial->out_size; i++) {
    cr_assert(naive_near(trial->out[0][i], out[i], 3e-6), "%s: value %zu is %g, not %g", trial->c->name, i,
              (double)trial->out[0][i], out[i]);
  }
  for (size_t i = 0; i < trial->n_in; i++) {
    for (size_t p = 0; p < probes && p < trial->size[i]; p++) {
      size_t at = trial->size[i] <= probes ? p : naive_below(rng, (uint32_t)trial->size[i]);
      const double h = 1e-6, kept = x[i][at];
      x[i][at] = kept + h;
      double above = twin_loss(trial, x, out);
      x[i][at] = kept - h;
      double want = (above - twin_loss(trial, x, out)) / (2 * h);
      x[i][at] = kept;
      /* gradients were started at 1: backward adds */
      cr_assert(naive_near(trial->gradient[0][i][at] - 1, want, 2e-5),
                "%s: derivative %zu of operand %zu is %g, not %g", trial->c->name, at, i,
                (double)trial->gradient[0][i][at] - 1, want);
    }
  }
  for (size_t i = 0; i < trial->n_in; i++) free(x[i]);
  free(out);
}

static void check_case(const op_case_t *c, sizes_t s, plt_tape_t **tapes, size_t probes, naive_rng_t *rng) {
  trial_t trial = {.c = c, .s = s, .out_size = elements(c->out, &s)};
  trial.weights = naive_matrix(rng, trial.out_size, -1, 1);
  while (trial.n_in < OPERANDS && c->in[trial.n_in] != NULL) {
    size_t i = trial.n_in++;
    trial.size[i] = elements(c->in[i], &s);
    trial.value[i] = naive_matrix(rng, trial.size[i], c->low, c->high);
  }
  for (size_t crew = 0; crew < CREWS; crew++) {
    trial.out[crew] = malloc(trial.out_size * sizeof(float));
    for (size_t i = 0; i < trial.n_in; i++) {
      trial.gradient[crew][i] = malloc(trial.size[i] * sizeof(float));
      for (size_t j = 0; j < trial.size[i]; j++) trial.gradient[crew][i][j] = 1;
    }
    run(&trial, tapes[crew], trial.gradient[crew], trial.out[crew]);
    cr_assert_arr_eq(trial.out[crew], trial.out[0], trial.out_size * sizeof(float), "%s: bits of values", c->name);
    for (size_t i = 0; i < trial.n_in; i++) {
      cr_assert_arr_eq(trial.gradient[crew][i], trial.gradient[0][i], trial.size[i] * sizeof(float),
                       "%s: bits of derivatives", c->name);
    }
  }
  check_against_twin(&trial, probes, rng);
  for (size_t crew = 0; crew < CREWS; crew++) {
    for (size_t i = 0; i < trial.n_in; i++) free(trial.gradient[crew][i]);
    free(trial.out[crew]);
  }
  for (size_t i = 0; i < trial.n_in; i++) free(trial.value[i]);
  free(trial.weights);
}

static plt_sparse_t make_sparse(size_t rows, size_t cols, plt_arena_t *arena) {
  uint64_t *offset = plt_arena_zalloc(arena, (rows + 1) * sizeof *offset);
  uint32_t *index = plt_arena_alloc(arena, rows * cols * sizeof *index);
  float *weight = plt_arena_alloc(arena, rows * cols * sizeof *weight);
  for (size_t i = 0; i < rows; i++) {
    offset[i + 1] = offset[i];
    for (size_t j = 0; j < cols; j++) {
      if (sparse_at(i, j) == 0) continue;
      index[offset[i + 1]] = (uint32_t)j;
      weight[offset[i + 1]++] = (float)sparse_at(i, j);
    }
  }
  plt_sparse_t sparse = {.matrix = {rows, cols, offset, index, weight}};
  plt_sparse_transpose(NULL, &sparse, 1, arena);
  return sparse;
}

static void check_all(size_t n, size_t c, size_t k, size_t probes, naive_rng_t *rng) {
  plt_crew_t *crews[CREWS];
  plt_tape_t *tapes[CREWS];
  uint32_t *index = malloc(k * sizeof *index);
  for (size_t i = 0; i < k; i++) index[i] = naive_below(rng, (uint32_t)n);
  for (size_t i = 0; i < CREWS; i++) {
    crews[i] = plt_crew_create(i + 1);
    tapes[i] = plt_tape_create(crews[i]);
  }
  plt_arena_t *arena = plt_arena_create();
  plt_sparse_t sparse = make_sparse(k, n, arena);
  sizes_t sizes = {n, c, k, c + k + 1, index, &sparse};
  for (size_t i = 0; i < CASES; i++) check_case(&cases[i], sizes, tapes, probes, rng);
  plt_arena_destroy(&arena);
  for (size_t i = 0; i < CREWS; i++) {
    plt_tape_destroy(&tapes[i]);
    plt_crew_destroy(&crews[i]);
    cr_assert_null(tapes[i]);
  }
  free(index);
}

Test(tape, one_element) {
  naive_rng_t rng = {1};
  check_all(1, 1, 1, 100, &rng);
}

Test(tape, one_row) {
  naive_rng_t rng = {2};
  check_all(1, 19, 5, 100, &rng);
}

Test(tape, one_column) {
  naive_rng_t rng = {3};
  check_all(23, 1, 3, 100, &rng);
}

Test(tape, random_shapes) {
  naive_rng_t rng = {4};
  for (int round = 0; round < 12; round++) {
    check_all(1 + naive_below(&rng, 40), 1 + naive_below(&rng, 40), 1 + naive_below(&rng, 20), 60, &rng);
  }
}

Test(tape, many_blocks) {
  naive_rng_t rng = {5};
  check_all(700, 131, 37, 6, &rng);
}

/* ---- the tape itself ---- */

Test(tape, a_variable_used_twice_sums_its_derivatives) {
  plt_tape_t *t = plt_tape_create(NULL);
  float w[] = {3}, g[] = {100};
  plt_var_t x = plt_tape_parameter(t, 1, 1, w, g);
  plt_var_t y = plt_op_add(t, plt_op_mul(t, x, x), plt_op_scale(t, x, 5));
  plt_tape_backward(t, y);
  cr_assert_eq(plt_tape_scalar(t, y), 24);
  cr_assert_eq(g[0], 111);
  plt_tape_destroy(&t);
  plt_tape_destroy(&t); /* takes NULL */
}

Test(tape, constants_get_no_gradient) {
  plt_tape_t *t = plt_tape_create(NULL);
  float features[] = {1, 2, 3, 4}, w[] = {5, 6}, g[] = {0, 0};
  plt_var_t x = plt_tape_constant(t, 2, 2, features), v = plt_tape_parameter(t, 2, 1, w, g);
  plt_var_t frozen = plt_op_mul(t, x, x), stopped = plt_op_stop(t, v);
  plt_var_t y = plt_op_add(t, plt_op_matmul(t, frozen, v), plt_op_matmul(t, x, stopped));
  plt_tape_backward(t, plt_op_sum(t, y));
  cr_assert(g[0] == 1 + 9 && g[1] == 4 + 16);
  cr_assert_null(plt_tape_node(t, x)->gradient);
  cr_assert_null(plt_tape_node(t, frozen)->gradient);
  cr_assert_null(plt_tape_node(t, stopped)->gradient);
  cr_assert_eq(plt_tape_value(t, stopped), w, "stop shares the value");
  plt_tape_destroy(&t);
}

Test(tape, backward_of_a_constant_does_nothing) {
  plt_tape_t *t = plt_tape_create(NULL);
  float one[] = {1};
  plt_var_t x = plt_tape_constant(t, 1, 1, one);
  plt_tape_backward(t, plt_op_exp(t, x));
  cr_assert_null(plt_tape_node(t, x)->gradient);
  plt_tape_destroy(&t);
}

Test(tape, zero_vectors) {
  plt_tape_t *t = plt_tape_create(NULL);
  float w[4] = {0}, g[4] = {0};
  plt_var_t x = plt_tape_parameter(t, 2, 2, w, g);
  plt_tape_backward(t, plt_op_add(t, plt_op_norm(t, x), plt_op_sum(t, plt_op_mul(t, plt_op_normalise(t, x), x))));
  for (size_t i = 0; i < 4; i++) cr_assert_eq(g[i], 0);
  plt_tape_destroy(&t);
}

Test(tape, extremes_stay_finite) {
  plt_tape_t *t = plt_tape_create(NULL);
  float w[] = {-200, 200}, g[] = {0, 0};
  plt_var_t x = plt_tape_parameter(t, 2, 1, w, g);
  const float *softplus = plt_tape_value(t, plt_op_softplus(t, x)), *sigmoid = plt_tape_value(t, plt_op_sigmoid(t, x));
  cr_assert(softplus[0] == 0 && softplus[1] == 200);
  cr_assert(sigmoid[0] == 0 && sigmoid[1] == 1);
  const float other[] = {200, -200};
  plt_var_t loss = plt_op_bpr(t, x, plt_tape_constant(t, 2, 1, other));
  plt_tape_backward(t, loss);
  cr_assert(naive_near(plt_tape_scalar(t, loss), -log(1e-10) / 2, 1e-6));
  cr_assert(g[0] == 0 && g[1] == 0);
  plt_tape_destroy(&t);
}

Test(tape, not_a_number_is_not_hidden) {
  plt_tape_t *t = plt_tape_create(NULL);
  const float nan[] = {NAN};
  plt_var_t x = plt_tape_constant(t, 1, 1, nan);
  plt_var_t all[] = {plt_op_softplus(t, x), plt_op_clamp(t, x, 0, 1), plt_op_leaky_relu(t, x, 0.1f),
                     plt_op_softmax(t, x),  plt_op_normalise(t, x),   plt_op_sum(t, x),
                     plt_op_norm(t, x),     plt_op_bpr(t, x, x),      plt_op_contrast(t, x, x)};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    cr_assert(isnan(plt_tape_scalar(t, all[i])), "operation %zu", i);
  }
  plt_tape_destroy(&t);
}

Test(tape, nothing_is_allocated_once_warm) {
  plt_tape_t *t = plt_tape_create(NULL);
  naive_rng_t rng = {6};
  enum { ROWS = 300, COLS = 24 };
  float *w = naive_matrix(&rng, ROWS * COLS, -1, 1), *g = naive_matrix(&rng, ROWS * COLS, -1, 1);
  size_t warm = 0;
  for (int pass = 0; pass < 20; pass++) {
    plt_tape_reset(t);
    plt_var_t x = plt_tape_parameter(t, ROWS, COLS, w, g), y = x;
    for (int depth = 0; depth < 100; depth++) y = plt_op_tanh(t, plt_op_add(t, y, x));
    plt_tape_backward(t, plt_op_mean(t, y));
    if (pass == 2) warm = plt_tape_allocations(t);
    if (pass > 2) cr_assert_eq(plt_tape_allocations(t), warm, "pass %d", pass);
  }
  free(w), free(g);
  plt_tape_destroy(&t);
}
