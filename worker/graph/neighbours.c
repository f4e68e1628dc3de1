/* neighbours.c - the search for the nearest items, and their cosines: plt_item_neighbours() and plt_item_cosines() in
 * item_graph.h.
 *
 *   PLT_ITEM_GRAPH_ROWS rows at a time:  unit rows x all unit rows^T ─▶ float scores, good to `slack`
 *   per row:  k-th largest score less slack ─▶ candidates ─▶ cosines in double ─▶ the k largest, by id where equal */
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/data/features.h"
#include "worker/graph/item_graph.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"

/* More than float products of unit vectors of 2^16 columns are off in practice; costs only candidates. */
static const float slack = 1e-4f;

typedef struct candidate {
  double cosine;
  uint32_t item;
} candidate_t;

typedef struct search {
  const float *x; /* [items, cols]: unit rows in float, or zero rows */
  double *norm;   /* of each of them: not quite 1 */
  uint32_t items, k;
  size_t cols;
  uint32_t first; /* of the rows that `scores` holds */
  float *scores;  /* [PLT_ITEM_GRAPH_ROWS, items] */
  uint32_t *out;
} search_t;

static int by_cosine(const void *a, const void *b) {
  const candidate_t *x = a, *y = b;
  if (x->cosine != y->cosine) return x->cosine > y->cosine ? -1 : 1;
  return x->item < y->item ? -1 : x->item > y->item;
}

static int by_id(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* Moves the root of a heap whose smallest value is on top to where it belongs. */
static void sift(float *heap, uint32_t n) {
  for (uint32_t at = 0, child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && heap[child + 1] < heap[child]) child++;
    if (heap[at] <= heap[child]) return;
    float moved = heap[at];
    heap[at] = heap[child];
    heap[child] = moved;
  }
}

/* The k-th largest of n >= k scores; heap [k] is scratch. */
static float kth_largest(const float *scores, uint32_t n, uint32_t k, float *heap) {
  for (uint32_t i = 0; i < k; i++) heap[i] = -INFINITY;
  for (uint32_t i = 0; i < n; i++) {
    if (scores[i] <= heap[0]) continue;
    heap[0] = scores[i];
    sift(heap, k);
  }
  return heap[0];
}

static void search_range(void *context, size_t first, size_t last) {
  const search_t *s = context;
  candidate_t *found = plt_mem_alloc(s->items * sizeof *found);
  float *heap = plt_mem_alloc(s->k * sizeof *heap);
  for (size_t r = first; r < last; r++) {
    const uint32_t item = s->first + (uint32_t)r;
    const float *scores = s->scores + r * s->items;
    const float floor = kth_largest(scores, s->items, s->k, heap) - slack;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->items; i++) {
      if (scores[i] < floor && i != item) continue;
      double dot = plt_kernel_dot(s->x + item * s->cols, s->x + i * s->cols, s->cols);
      found[n++] = (candidate_t){i == item ? INFINITY : s->norm[i] == 0 ? 0 : dot / s->norm[i], i};
    }
    qsort(found, n, sizeof *found, by_cosine);
    uint32_t *out = s->out + (size_t)item * s->k;
    for (uint32_t i = 0; i < s->k; i++) out[i] = found[i].item;
    qsort(out, s->k, sizeof *out, by_id);
  }
  free(heap);
  free(found);
}

static void read_unit_rows(const plt_feature_t *feature, search_t *s, float *x) {
  for (uint32_t i = 0; i < s->items; i++) {
    float *row = x + i * s->cols, largest = 0; /* divided by first: a product of large floats is infinite */
    plt_feature_row(feature, i, row);
    for (size_t c = 0; c < s->cols; c++) largest = fmaxf(largest, fabsf(row[c]));
    double squares = 0;
    s->norm[i] = 0;
    if (largest == 0) continue;
    for (size_t c = 0; c < s->cols; c++)
      squares += ((double)row[c] / (double)largest) * ((double)row[c] / (double)largest);
    for (size_t c = 0; c < s->cols; c++) row[c] = (float)((double)row[c] / (double)largest / sqrt(squares));
    s->norm[i] = sqrt(plt_kernel_dot(row, row, s->cols));
  }
}

/* Room for the unit rows, read. */
static void open_rows(const plt_feature_t *feature, search_t *s) {
  float *x = plt_mem_alloc((size_t)s->items * s->cols * sizeof *x);
  s->x = x;
  s->norm = plt_mem_alloc(s->items * sizeof *s->norm);
  read_unit_rows(feature, s, x);
}

static void close_rows(search_t *s) {
  free(s->norm);
  free((void *)(uintptr_t)s->x);
}

void plt_item_neighbours(const plt_feature_t *feature, uint32_t items, uint32_t k, uint32_t threads, uint32_t *out) {
  search_t s = {.items = items, .k = k < items ? k : items, .cols = feature->array.cols, .out = out};
  plt_gemm_init();
  open_rows(feature, &s);
  s.scores = plt_mem_alloc((size_t)PLT_ITEM_GRAPH_ROWS * items * sizeof *s.scores);
  plt_crew_t *crew = plt_crew_create(threads);
  for (s.first = 0; s.first < items; s.first += PLT_ITEM_GRAPH_ROWS) {
    size_t n = items - s.first < PLT_ITEM_GRAPH_ROWS ? items - s.first : PLT_ITEM_GRAPH_ROWS;
    plt_kernel_scores(crew, n, items, s.cols, s.x + s.first * s.cols, s.x, s.scores);
    plt_kernel_ranges(crew, n, 8 * (size_t)items, search_range, &s);
  }
  plt_crew_destroy(&crew);
  free(s.scores);
  close_rows(&s);
}

/* ---- cosines ---- */

typedef struct cosines {
  search_t rows;
  const uint32_t *near;
  float *out;
} cosines_t;

static void cosines_range(void *context, size_t first, size_t last) {
  const cosines_t *job = context;
  const search_t *s = &job->rows;
  for (size_t i = first; i < last; i++)
    for (size_t e = i * s->k; e < (i + 1) * s->k; e++) {
      size_t j = job->near[e];
      double norms = s->norm[i] * s->norm[j];
      double dot = norms == 0 || i == j ? norms : plt_kernel_dot(s->x + i * s->cols, s->x + j * s->cols, s->cols);
      job->out[e] = norms == 0 ? 0 : (float)(dot / norms);
    }
}

void plt_item_cosines(const plt_feature_t *feature, uint32_t items, uint32_t k, const uint32_t *near, uint32_t threads,
                      float *out) {
  cosines_t job = {.rows = {.items = items, .k = k, .cols = feature->array.cols}, .near = near, .out = out};
  open_rows(feature, &job.rows);
  plt_crew_t *crew = plt_crew_create(threads);
  plt_kernel_ranges(crew, items, k * job.rows.cols, cosines_range, &job);
  plt_crew_destroy(&crew);
  close_rows(&job.rows);
}
