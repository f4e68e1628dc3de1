/* test_information.c - losses of what representations tell of each other: the golden cases, and derivatives by
 * differences of twins in double. */
#include "tests/unit/worker/golden.h"
#include "tests/unit/worker/naive.h"
#include "worker/kit/information.h"

enum { NETS = 8 };
static const char *const nets[NETS] = {"mu1_w", "mu1_b", "mu2_w", "mu2_b", "lv1_w", "lv1_b", "lv2_w", "lv2_b"};

/* A tape with c, s and the nets as parameters. */
typedef struct bench {
  plt_tape_t *tape;
  golden_t in[2 + NETS];
  float *gradient[2 + NETS];
  plt_var_t var[2 + NETS];
} bench_t;

static plt_vclub_t vclub_of(const bench_t *b) {
  const plt_var_t *q = b->var + 2;
  return (plt_vclub_t){q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7]};
}

static void place(bench_t *b, size_t n) {
  plt_tape_reset(b->tape);
  for (size_t i = 0; i < n; i++) {
    size_t floats = b->in[i].rows * b->in[i].cols;
    if (b->gradient[i] == NULL) b->gradient[i] = malloc(floats * sizeof(float));
    memset(b->gradient[i], 0, floats * sizeof(float));
    b->var[i] = plt_tape_parameter(b->tape, b->in[i].rows, b->in[i].cols, b->in[i].value, b->gradient[i]);
  }
}

static bench_t open_bench(const char *folder, size_t n) {
  bench_t b = {.tape = plt_tape_create(NULL)};
  for (size_t i = 0; i < n; i++) b.in[i] = golden_read(folder, i == 0 ? "c" : i == 1 ? "s" : nets[i - 2]);
  return b;
}

static void close_bench(bench_t *b) {
  for (size_t i = 0; i < 2 + NETS; i++) free(b->in[i].value), free(b->gradient[i]);
  plt_tape_destroy(&b->tape);
}

static void expect_gradient(const bench_t *b, size_t i, const char *folder, const char *name) {
  golden_t want = golden_read(folder, name);
  cr_assert_eq(want.rows * want.cols, b->in[i].rows * b->in[i].cols);
  for (size_t k = 0; k < want.rows * want.cols; k++)
    cr_assert(naive_near((double)b->gradient[i][k], (double)want.value[k], 2e-6), "%s %zu: %g, not %g", name, k,
              (double)b->gradient[i][k], (double)want.value[k]);
  free(want.value);
}

static void expect_zeros(const bench_t *b, size_t first, size_t end) {
  for (size_t i = first; i < end; i++)
    for (size_t k = 0; k < b->in[i].rows * b->in[i].cols; k++) cr_assert_eq(b->gradient[i][k], 0);
}

Test(information, golden_vclub) {
  bench_t b = open_bench("m3-vclub", 2 + NETS);
  place(&b, 2 + NETS);
  plt_vclub_t q = vclub_of(&b);
  plt_var_t loss = plt_loss_vclub(b.tape, b.var[0], b.var[1], &q, 1);
  cr_assert(naive_near(plt_tape_scalar(b.tape, loss), 0.20539321443719738, 1e-6));
  plt_tape_backward(b.tape, loss);
  expect_gradient(&b, 0, "m3-vclub", "expect_grad_c_shift_1");
  expect_gradient(&b, 1, "m3-vclub", "expect_grad_s_shift_1");
  expect_zeros(&b, 2, 2 + NETS); /* q is held */
  place(&b, 2 + NETS);
  q = vclub_of(&b);
  loss = plt_loss_vclub(b.tape, b.var[0], b.var[1], &q, 3);
  cr_assert_eq(plt_tape_scalar(b.tape, loss), 0, "below the floor");
  plt_tape_backward(b.tape, loss);
  expect_zeros(&b, 0, 2 + NETS);
  close_bench(&b);
}

Test(information, golden_vclub_fit) {
  bench_t b = open_bench("m3-vclub", 2 + NETS);
  place(&b, 2 + NETS);
  plt_vclub_t q = vclub_of(&b);
  plt_var_t loss = plt_loss_vclub_fit(b.tape, b.var[0], b.var[1], &q);
  cr_assert(naive_near(plt_tape_scalar(b.tape, loss), 2.7196874445860937, 1e-6));
  plt_tape_backward(b.tape, loss);
  expect_zeros(&b, 0, 2); /* c and s are held */
  for (size_t i = 0; i < NETS; i++) {
    char name[64];
    snprintf(name, sizeof name, "expect_grad_%s", nets[i]);
    expect_gradient(&b, 2 + i, "m3-vclub", name);
  }
  close_bench(&b);
}

Test(information, golden_cross_correlation) {
  bench_t b = open_bench("m3-crosscorr", 2);
  place(&b, 2);
  plt_var_t loss = plt_loss_cross_correlation(b.tape, b.var[0], b.var[1]);
  cr_assert(naive_near(plt_tape_scalar(b.tape, loss), 0.09535420787673764, 1e-6));
  plt_tape_backward(b.tape, loss);
  expect_gradient(&b, 0, "m3-crosscorr", "expect_grad_c");
  expect_gradient(&b, 1, "m3-crosscorr", "expect_grad_s");
  close_bench(&b);
}

/* The squares of the correlations of the columns of x[0] with those of x[1], their mean. */
static double twin(const double *x, size_t n, size_t k) {
  double sum = 0;
  for (size_t a = 0; a < k; a++) {
    for (size_t b = 0; b < k; b++) {
      double mean[2] = {0, 0}, variance[2] = {0, 0}, together = 0;
      const double *of[2] = {x + a, x + n * k + b};
      for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < n; i++) mean[s] += of[s][i * k] / (double)n;
      for (size_t i = 0; i < n; i++) {
        for (int s = 0; s < 2; s++) variance[s] += pow(of[s][i * k] - mean[s], 2) / (double)n;
        together += (of[0][i * k] - mean[0]) * (of[1][i * k] - mean[1]) / (double)n;
      }
      sum += together * together / ((variance[0] + 1e-5) * (variance[1] + 1e-5));
    }
  }
  return sum / (double)(k * k);
}

Test(information, cross_correlation_by_differences) {
  naive_rng_t rng = {naive_seed()};
  for (int round = 0; round < 10; round++) {
    size_t n = 2 + naive_below(&rng, 9), k = 1 + naive_below(&rng, 4), each = n * k;
    bench_t b = {.tape = plt_tape_create(NULL)};
    double at[2 * 10 * 4];
    for (size_t i = 0; i < 2; i++) b.in[i] = (golden_t){n, k, naive_matrix(&rng, each, -1, 1)};
    for (size_t i = 0; i < 2 * each; i++) at[i] = (double)b.in[i / each].value[i % each];
    place(&b, 2);
    plt_var_t loss = plt_loss_cross_correlation(b.tape, b.var[0], b.var[1]);
    cr_assert(naive_near(plt_tape_scalar(b.tape, loss), twin(at, n, k), 1e-5));
    plt_tape_backward(b.tape, loss);
    for (size_t i = 0; i < 2 * each; i++) {
      const double h = 1e-6, here = at[i];
      at[i] = here + h;
      double above = twin(at, n, k);
      at[i] = here - h;
      double want = (above - twin(at, n, k)) / (2 * h);
      at[i] = here;
      cr_assert(naive_near((double)b.gradient[i / each][i % each], want, 1e-4), "%zu x %zu, derivative %zu", n, k, i);
    }
    close_bench(&b);
  }
}
