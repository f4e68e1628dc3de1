/* gemm_onednn.c - gemm.h by oneDNN.
 *
 * Its matmul primitive is up to a tenth faster than this one call, but wants an object for every shape, and shapes
 * change with every batch. */
#include <dlfcn.h>
#include <dnnl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/math/gemm.h"

/* For float32, what goes beyond AVX512_CORE (VNNI, bf16, AMX) changes nothing. */
static const char *const sets[PLT_ISA_LEVELS] = {
    [PLT_ISA_SSE42] = "SSE41", [PLT_ISA_AVX] = "AVX", [PLT_ISA_AVX2] = "AVX2", [PLT_ISA_AVX512] = "AVX512_CORE"};

void plt_gemm_init(void) {} /* each caller sees to itself */

/* OpenMP's number of threads belongs to the thread that sets it. The function is looked up, not linked: it has to be of
 * the runtime that oneDNN was built with, which is the compiler's affair. */
static void use_one_thread(void) {
  static _Thread_local bool is_set;
  if (is_set) return;
  void (*set_threads)(int) = NULL; /* stays so where oneDNN has no threads */
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  memcpy(&set_threads, &symbol, sizeof symbol);
  if (set_threads != NULL) set_threads(1);
  is_set = true;
}

/* Some kernels lay the stack pointer at the beginning of a buffer, and the frame of a handler would be written into
 * what stands before it. Signals wait until the product is there, but for those that tell of a fault. */
static void hold_signals(sigset_t *before) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
  sigset_t held;
  sigfillset(&held);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&held, faults[i]);
  pthread_sigmask(SIG_BLOCK, &held, before);
}

void plt_gemm(const plt_gemm_t *p) {
  sigset_t before;
  use_one_thread();
  hold_signals(&before);
  dnnl_status_t status = dnnl_sgemm(p->a_transposed ? 'T' : 'N', p->b_transposed ? 'T' : 'N', (dnnl_dim_t)p->n,
                                    (dnnl_dim_t)p->m, (dnnl_dim_t)p->k, 1.0f, p->a, (dnnl_dim_t)p->a_stride, p->b,
                                    (dnnl_dim_t)p->b_stride, p->add ? 1.0f : 0.0f, p->out, (dnnl_dim_t)p->out_stride);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (status != dnnl_success) plt_mem_exhausted("a matrix product of %zu x %zu x %zu", p->n, p->k, p->m);
}

/* ---- bfloat16 ---- */

bool plt_gemm_narrow_is_there(void) {
  return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
}

/* A shape's primitive, which any number of threads may run: each brings its own scratchpad. */
typedef struct shape {
  plt_gemm_narrow_t of; /* its sizes */
  dnnl_primitive_t primitive;
  dnnl_memory_desc_t a, b, out, scratchpad;
} shape_t;

static pthread_mutex_t shapes_mutex = PTHREAD_MUTEX_INITIALIZER;
static dnnl_engine_t engine;
static shape_t **shapes; /* they stay where they are */
static size_t n_shapes, shapes_capacity;

static dnnl_status_t describe(dnnl_memory_desc_t *out, size_t rows, size_t cols, dnnl_data_type_t type,
                              size_t row_stride, size_t col_stride) {
  dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)cols};
  dnnl_dims_t strides = {(dnnl_dim_t)row_stride, (dnnl_dim_t)col_stride};
  return dnnl_memory_desc_init_by_strides(out, 2, dims, type, strides);
}

static dnnl_status_t make_primitive(const plt_gemm_narrow_t *p, shape_t *shape) {
  dnnl_primitive_attr_t attr = NULL;
  dnnl_post_ops_t sum = NULL;
  dnnl_matmul_desc_t product;
  dnnl_primitive_desc_t desc = NULL;
  dnnl_status_t status =
      describe(&shape->a, p->n, p->k, dnnl_bf16, p->a_transposed ? 1 : p->a_stride, p->a_transposed ? p->a_stride : 1);
  if (status == dnnl_success) status = describe(&shape->b, p->k, p->m, dnnl_bf16, p->m, 1);
  if (status == dnnl_success) status = describe(&shape->out, p->n, p->m, dnnl_f32, p->m, 1);
  if (status == dnnl_success) status = dnnl_primitive_attr_create(&attr);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) status = dnnl_post_ops_create(&sum);
  if (status == dnnl_success && p->add) status = dnnl_post_ops_append_sum(sum, 1.0f);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attr, sum);
  if (status == dnnl_success) status = dnnl_matmul_desc_init(&product, &shape->a, &shape->b, NULL, &shape->out);
  if (status == dnnl_success) status = dnnl_primitive_desc_create(&desc, &product, attr, engine, NULL);
  if (status == dnnl_success) {
    shape->scratchpad = *dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    status = dnnl_primitive_create(&shape->primitive, desc);
  }
  dnnl_primitive_desc_destroy(desc);
  dnnl_post_ops_destroy(sum);
  dnnl_primitive_attr_destroy(attr);
  return status;
}

static bool is_of(const shape_t *shape, const plt_gemm_narrow_t *p) {
  return shape->of.n == p->n && shape->of.k == p->k && shape->of.m == p->m && shape->of.a_stride == p->a_stride &&
         shape->of.a_transposed == p->a_transposed && shape->of.add == p->add;
}

static const shape_t *shape_of(const plt_gemm_narrow_t *p) {
  shape_t *found = NULL;
  dnnl_status_t status = dnnl_success;
  pthread_mutex_lock(&shapes_mutex);
  for (size_t i = 0; i < n_shapes && found == NULL; i++)
    if (is_of(shapes[i], p)) found = shapes[i];
  if (found == NULL) {
    found = plt_mem_zalloc(1, sizeof *found);
    found->of = *p;
    if (engine == NULL) status = dnnl_engine_create(&engine, dnnl_cpu, 0);
    if (status == dnnl_success) status = make_primitive(p, found);
    PLT_MEM_GROW(shapes, n_shapes, shapes_capacity);
    shapes[n_shapes++] = found;
  }
  pthread_mutex_unlock(&shapes_mutex);
  if (status != dnnl_success) plt_mem_exhausted("a matrix product of %zu x %zu x %zu", p->n, p->k, p->m);
  return found;
}

void plt_gemm_narrow(const plt_gemm_narrow_t *p) {
  enum { OPERANDS = 4 };
  static const int number[OPERANDS] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
  sigset_t before;
  use_one_thread();
  hold_signals(&before);
  const shape_t *shape = shape_of(p);
  const dnnl_memory_desc_t *desc[OPERANDS] = {&shape->a, &shape->b, &shape->out, &shape->scratchpad};
  void *scratchpad = plt_mem_alloc(dnnl_memory_desc_get_size(&shape->scratchpad));
  void *at[OPERANDS] = {(void *)p->a, (void *)p->b, p->out, scratchpad};
  dnnl_exec_arg_t operands[OPERANDS] = {0};
  dnnl_stream_t stream = NULL;
  dnnl_status_t status = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
  for (size_t i = 0; i < OPERANDS && status == dnnl_success; i++) {
    operands[i].arg = number[i];
    status = dnnl_memory_create(&operands[i].memory, desc[i], engine, at[i]);
  }
  if (status == dnnl_success) status = dnnl_primitive_execute(shape->primitive, stream, OPERANDS, operands);
  if (status == dnnl_success) status = dnnl_stream_wait(stream);
  for (size_t i = 0; i < OPERANDS; i++) dnnl_memory_destroy(operands[i].memory);
  dnnl_stream_destroy(stream);
  free(scratchpad);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (status != dnnl_success) plt_mem_exhausted("a matrix product of %zu x %zu x %zu", p->n, p->k, p->m);
}

/* ---- the library ---- */

void plt_gemm_library(char *out, size_t bytes) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(out, bytes, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
}

const char *plt_gemm_set(void) {
  unsigned has = dnnl_get_effective_cpu_isa(); /* a bit for each set of instructions, and those below */
  static const struct {
    unsigned bits;
    plt_isa_t level;
  } rows[] = {{dnnl_cpu_isa_avx512_core, PLT_ISA_AVX512},
              {dnnl_cpu_isa_avx2, PLT_ISA_AVX2},
              {dnnl_cpu_isa_avx, PLT_ISA_AVX},
              {dnnl_cpu_isa_sse41, PLT_ISA_SSE42}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if ((has & rows[i].bits) == rows[i].bits) return sets[rows[i].level];
  return "any processor";
}

const char *plt_gemm_variable(void) { return "ONEDNN_MAX_CPU_ISA"; }

bool plt_gemm_asks_processor(void) { return true; }

const char *plt_gemm_set_of(plt_isa_t level) { return sets[level]; }

plt_isa_t plt_gemm_level_of(const char *set) {
  for (plt_isa_t level = PLT_ISA_UNKNOWN; level < PLT_ISA_LEVELS; level++)
    if (sets[level] != NULL && strcmp(sets[level], set) == 0) return level;
  return PLT_ISA_UNKNOWN;
}
