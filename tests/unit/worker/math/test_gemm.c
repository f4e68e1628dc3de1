/* Products of each library beside plain loops in double: transposed or not, added or not, cut out of larger matrices;
 * their bits from several threads at once; and the names of kernel sets. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include "tests/unit/worker/naive.h"
#include "worker/math/gemm.h"

typedef struct shape {
  size_t n, k, m;
} shape_t;

static const shape_t shapes[] = {{1, 1, 1},    {1, 7, 5},     {5, 1, 3},     {3, 4, 1},    {16, 16, 16},
                                 {17, 33, 9},  {256, 20, 64}, {257, 31, 7},  {1, 300, 64}, {64, 2048, 64},
                                 {256, 64, 3}, {48, 48, 48},  {128, 64, 512}};
enum { SHAPES = sizeof shapes / sizeof *shapes, GAP = 3, CALLERS = 4 };

TestSuite(gemm, .init = plt_gemm_init);

typedef struct operands {
  float *a, *b, *before;
} operands_t;

/* All strides are GAP wider than they need be. */
static plt_gemm_t make(shape_t s, unsigned kind, naive_rng_t *rng, operands_t *own) {
  plt_gemm_t p = {.n = s.n,
                  .k = s.k,
                  .m = s.m,
                  .a_transposed = (kind & 1) != 0,
                  .b_transposed = (kind & 2) != 0,
                  .add = (kind & 4) != 0,
                  .out_stride = s.m + GAP};
  p.a_stride = (p.a_transposed ? s.n : s.k) + GAP;
  p.b_stride = (p.b_transposed ? s.k : s.m) + GAP;
  p.a = own->a = naive_matrix(rng, (p.a_transposed ? s.k : s.n) * p.a_stride, -1, 1);
  p.b = own->b = naive_matrix(rng, (p.b_transposed ? s.m : s.k) * p.b_stride, -1, 1);
  own->before = naive_matrix(rng, s.n * p.out_stride, -1, 1);
  return p;
}

static void release(operands_t *own) { free(own->a), free(own->b), free(own->before); }

static void check(const plt_gemm_t *p, const float *before) {
  for (size_t i = 0; i < p->n; i++) {
    for (size_t j = 0; j < p->m; j++) {
      double want = p->add ? before[i * p->out_stride + j] : 0, size = 1;
      for (size_t l = 0; l < p->k; l++) {
        double term = (double)p->a[p->a_transposed ? l * p->a_stride + i : i * p->a_stride + l] *
                      p->b[p->b_transposed ? j * p->b_stride + l : l * p->b_stride + j];
        want += term;
        size += fabs(term);
      }
      cr_assert(fabs(p->out[i * p->out_stride + j] - want) < 1e-6 * size, "[%zu,%zu,%zu] at %zu,%zu", p->n, p->k, p->m,
                i, j);
    }
    for (size_t j = p->m; j < p->out_stride; j++)
      cr_assert_eq(p->out[i * p->out_stride + j], before[i * p->out_stride + j], "written beside the result");
  }
}

Test(gemm, products_are_those_of_plain_loops) {
  naive_rng_t rng = {7};
  for (size_t i = 0; i < SHAPES; i++) {
    for (unsigned kind = 0; kind < 8; kind++) {
      operands_t own;
      plt_gemm_t p = make(shapes[i], kind, &rng, &own);
      p.out = naive_copy(own.before, p.n * p.out_stride);
      plt_gemm(&p);
      check(&p, own.before);
      free(p.out);
      release(&own);
    }
  }
}

static void *multiply(void *context) {
  plt_gemm(context);
  return NULL;
}

Test(gemm, callers_at_once_get_the_same_bits) {
  naive_rng_t rng = {8};
  operands_t own;
  plt_gemm_t p = make((shape_t){256, 300, 96}, 0, &rng, &own);
  size_t floats = p.n * p.out_stride;
  plt_gemm_t of[CALLERS + 1];
  pthread_t threads[CALLERS];
  for (size_t c = 0; c <= CALLERS; c++) of[c] = p, of[c].out = naive_copy(own.before, floats);
  plt_gemm(&of[CALLERS]);
  for (size_t c = 0; c < CALLERS; c++) cr_assert_eq(pthread_create(&threads[c], NULL, multiply, &of[c]), 0);
  for (size_t c = 0; c < CALLERS; c++) {
    pthread_join(threads[c], NULL);
    cr_assert_arr_eq(of[c].out, of[CALLERS].out, floats * sizeof(float), "caller %zu: other bits", c);
  }
  for (size_t c = 0; c <= CALLERS; c++) free(of[c].out);
  release(&own);
}

static pthread_t multiplier;
static const char *volatile stack_top;
static volatile sig_atomic_t signals, elsewhere;

static void on_alarm(int number) {
  const char here = (char)number;
  if (!pthread_equal(pthread_self(), multiplier)) return; /* a thread of the library: it has a stack of its own */
  signals++;
  if ((uintptr_t)stack_top - (uintptr_t)&here > 1 << 20) elsewhere++;
}

/* Products that took a page of the heap for a stack had it overwritten by whatever a handler does. */
Test(gemm, signals_find_the_stack_in_its_place) {
  const struct itimerval often = {{0, 50}, {0, 50}}, never = {0};
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  naive_rng_t rng = {9};
  const char top = 0;
  stack_top = &top;
  multiplier = pthread_self();
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  for (int round = 0; signals < 5000; round++) {
    for (unsigned kind = 0; kind < 8; kind++) {
      operands_t own;
      plt_gemm_t p = make(shapes[(size_t)round % SHAPES], kind, &rng, &own);
      p.out = own.before;
      for (int again = 0; again < 20; again++) plt_gemm(&p);
      release(&own);
    }
  }
  setitimer(ITIMER_REAL, &never, NULL);
  cr_assert_eq(elsewhere, 0, "%d of %d", (int)elsewhere, (int)signals);
}

Test(gemm, every_level_from_avx_on_has_a_kernel_set_that_stands_there) {
  for (plt_isa_t level = PLT_ISA_AVX; level < PLT_ISA_LEVELS; level++) {
    cr_assert_not_null(plt_gemm_set_of(level));
    cr_assert_eq(plt_gemm_level_of(plt_gemm_set_of(level)), level);
  }
  cr_assert_null(plt_gemm_set_of(PLT_ISA_UNKNOWN));
  cr_assert_eq(plt_gemm_level_of(""), PLT_ISA_UNKNOWN);
  cr_assert_eq(plt_gemm_level_of("abacus"), PLT_ISA_UNKNOWN);
}

Test(gemm, the_label_names_library_version_and_set) {
  char label[PLT_GEMM_LABEL_MAX], library[PLT_GEMM_LABEL_MAX];
  plt_gemm_label(label);
  plt_gemm_library(library, sizeof library);
  cr_assert_eq(strncmp(label, library, strlen(library)), 0, "%s", label);
  cr_assert(strlen(library) > strcspn(library, "0123456789"), "%s has no version", library);
  cr_assert_not_null(strstr(label, plt_gemm_set()), "%s", label);
}
