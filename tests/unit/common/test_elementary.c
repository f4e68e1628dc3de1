/* Elementary functions: against libm in long double all over float32, at the edges, the same bits for every set of
 * vector instructions, and some bits written down. */
#include "common/elementary.h"

#include <criterion/criterion.h>
#include <float.h>
#include <string.h>

#include "common/isa.h"

enum { N = 1003 }; /* body and tail of a vectorised loop */

typedef void (*row_fn)(size_t n, const float *restrict x, float *restrict out);
typedef struct function {
  const char *name;
  row_fn row;   /* as the compiler vectorises it for every processor */
  row_fn wide;  /* the same with AVX2, */
  row_fn wider; /* and AVX-512 */
  long double (*exact)(long double);
  double ulps;
} function_t;

#if defined(__x86_64__) && defined(__has_attribute) && !defined(__clang__)
#define ON(set) __attribute__((target(set)))
#else
#define ON(set)
#endif
#define ROWS(name)                                                                                        \
  static void name##_row(size_t n, const float *restrict x, float *restrict out) {                        \
    for (size_t i = 0; i < n; i++) out[i] = plt_##name(x[i]);                                             \
  }                                                                                                       \
  ON("avx2,fma") static void name##_wide(size_t n, const float *restrict x, float *restrict out) {        \
    for (size_t i = 0; i < n; i++) out[i] = plt_##name(x[i]);                                             \
  }                                                                                                       \
  ON("arch=x86-64-v4") static void name##_wider(size_t n, const float *restrict x, float *restrict out) { \
    for (size_t i = 0; i < n; i++) out[i] = plt_##name(x[i]);                                             \
  }
ROWS(exp)
ROWS(log)
ROWS(log1p)
ROWS(sigmoid)
ROWS(softplus)
ROWS(tanh)

static long double exact_sigmoid(long double x) { return 1 / (1 + expl(-x)); }
static long double exact_softplus(long double x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }

#define FUNCTION(name, exact, ulps) \
  { #name, name##_row, name##_wide, name##_wider, exact, ulps }
static const function_t functions[] = {
    FUNCTION(exp, expl, 2),     FUNCTION(log, logl, 2),
    FUNCTION(log1p, log1pl, 2), FUNCTION(sigmoid, exact_sigmoid, 3),
    FUNCTION(tanh, tanhl, 3),   FUNCTION(softplus, exact_softplus, 3),
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* The distance of neighbouring floats where `exact` is. */
static double ulp_at(long double exact) {
  int e;
  frexpl(fabsl(exact), &e);
  return fmax(ldexp(1, e - FLT_MANT_DIG), 0x1p-149);
}

static void expect_near(const function_t *f, float x, float got) {
  long double want = f->exact(x);
  if (isnan(want))
    cr_assert(isnan(got), "%s of %a is %a, not NaN", f->name, (double)x, (double)got);
  else if (isinf((float)want))
    cr_assert_eq(got, (float)want, "%s of %a is %a, not %a", f->name, (double)x, (double)got, (double)want);
  else
    cr_assert_leq(fabs((double)(got - want)), f->ulps * ulp_at(want), "%s of %a is %.9g, not %.9Lg", f->name, (double)x,
                  (double)got, want);
}

static float next_float(uint64_t *bits, uint32_t stride) {
  plt_float_bits_t x = {.u = (uint32_t)*bits};
  *bits += stride;
  return x.f;
}

Test(elementary, near_the_exact_value_all_over_float32) {
  float x[N], got[N];
  for (uint64_t bits = 0; bits <= UINT32_MAX;) {
    for (size_t i = 0; i < N; i++) x[i] = next_float(&bits, 9973); /* a prime: other low bits each time */
    for (size_t f = 0; f < FUNCTIONS; f++) {
      functions[f].row(N, x, got);
      for (size_t i = 0; i < N; i++) expect_near(&functions[f], x[i], got[i]);
    }
  }
}

/* Where models are: the range in which results are neither 0 nor 1. */
Test(elementary, near_the_exact_value_at_small_numbers) {
  float x[N], got[N];
  for (int turn = 0; turn < 200; turn++) {
    for (int i = 0; i < N; i++) x[i] = ((float)i / (N / 2) - 1) * (0.01f + 0.1f * (float)turn) + 1e-4f * (float)turn;
    for (size_t f = 0; f < FUNCTIONS; f++) {
      functions[f].row(N, x, got);
      for (size_t i = 0; i < N; i++) expect_near(&functions[f], x[i], got[i]);
    }
  }
}

Test(elementary, edges) {
  static const float edges[] = {0,
                                -0.0f,
                                1,
                                -1,
                                0x1p-149f,
                                -0x1p-149f,
                                0x1.fffffcp-127f,
                                0x1p-126f,
                                FLT_MAX,
                                -FLT_MAX,
                                INFINITY,
                                -INFINITY,
                                NAN,
                                88.72283f,
                                88.722839f,
                                89,
                                -87.33654f,
                                -103.27892f,
                                -103.97208f,
                                -104,
                                -0x1.fffffep-1f,
                                0.70710678f,
                                1.41421356f,
                                0.625f,
                                0x1.400002p-1f,
                                -0x1p-24f,
                                0x1p-24f};
  enum { EDGES = sizeof edges / sizeof *edges };
  float got[EDGES];
  for (size_t f = 0; f < FUNCTIONS; f++) {
    functions[f].row(EDGES, edges, got);
    for (size_t i = 0; i < EDGES; i++) expect_near(&functions[f], edges[i], got[i]);
  }
  cr_assert_eq(plt_exp(0), 1);
  cr_assert_eq(plt_log(1), 0);
  cr_assert_eq(plt_log1p(0), 0);
  cr_assert_eq(plt_sigmoid(0), 0.5f);
  cr_assert_eq(plt_tanh(0), 0);
  cr_assert_eq(plt_tanh(20), 1);
  cr_assert_eq(plt_exp(-105), 0);
  cr_assert_gt(plt_exp(-103), 0, "a subnormal number");
}

Test(elementary, the_same_bits_with_all_vector_instructions) {
  plt_isa_t here = plt_isa_here();
  float x[N], got[N], wide[N];
  for (uint64_t bits = 0; bits <= UINT32_MAX;) {
    for (size_t i = 0; i < N; i++) {
      x[i] = next_float(&bits, 20011);
      if (isnan(x[i])) x[i] = 0; /* whose bits nobody promises */
    }
    for (size_t f = 0; f < FUNCTIONS; f++) {
      functions[f].row(N, x, got);
      for (size_t i = 0; i < N; i++) got[i] = isnan(got[i]) ? 0 : got[i];
      for (plt_isa_t level = PLT_ISA_AVX2; level <= here && level <= PLT_ISA_AVX512; level++) {
        (level == PLT_ISA_AVX2 ? functions[f].wide : functions[f].wider)(N, x, wide);
        for (size_t i = 0; i < N; i++) wide[i] = isnan(wide[i]) ? 0 : wide[i];
        cr_assert_arr_eq(wide, got, sizeof got, "%s with %s", functions[f].name, plt_isa_name(level));
      }
    }
  }
}

/* Written down once: a compiler, a processor or a libc that changes them changes every run. */
Test(elementary, known_answers) {
  static const float x[4] = {-3.7f, -0.3f, 0.45f, 6.125f};
  static const uint32_t want[FUNCTIONS][4] = {
      /* 0: NaN */
      {0x3cca88fe, 0x3f3da643, 0x3fc8be74, 0x43e49286}, {0, 0, 0xbf4c6b00, 0x3fe7fc07},
      {0, 0xbeb69e1a, 0x3ebe3d94, 0x3ffb5790},          {0x3cc5a608, 0x3ed9e2ab, 0x3f1c52da, 0x3f7f70f4},
      {0xbf7fafee, 0xbe9526ee, 0x3ed80325, 0x3f7fff5f}, {0x3cc8126b, 0x3f0dea39, 0x3f7178c4, 0x40c411e6}};
  float got[4];
  for (size_t f = 0; f < FUNCTIONS; f++) {
    functions[f].row(4, x, got);
    for (int i = 0; i < 4; i++) {
      plt_float_bits_t bits = {.f = got[i]};
      cr_expect(isnan(got[i]) || bits.u == want[f][i], "%s of %g: %08x, not %08x", functions[f].name, (double)x[i],
                bits.u, want[f][i]);
    }
  }
}
