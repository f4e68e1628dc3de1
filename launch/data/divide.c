/* divide.c - see divide.h. */
#include "launch/data/divide.h"

#include <stdlib.h>

#include "common/mem.h"

plt_status_t plt_divide_check(const plt_divide_t *divide) {
  double sum = 0;
  for (int i = 0; i < PLT_DIVIDE_PARTS; i++) {
    if (!(divide->share[i] >= 0 && divide->share[i] <= 1e9))
      return plt_fail(PLT_ERR_USAGE, "data import: --ratios: a share is a number from 0 on");
    sum += divide->share[i];
  }
  if (!(divide->share[0] > 0) || !(sum > 0))
    return plt_fail(PLT_ERR_USAGE, "data import: --ratios: nothing is left for training");
  return PLT_OK;
}

/* A pair in the order by which it is taken. */
typedef struct place {
  double key;
  uint64_t then; /* of equal keys */
  uint64_t row;
} place_t;

static int by_key(const void *a, const void *b) {
  const place_t *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->then > y->then) - (x->then < y->then);
}

static place_t place_of(const plt_divide_t *divide, plt_stream_t stream, const double *time,
                        const plt_interactions_t *rows, uint64_t p) {
  bool by_time = divide->by_time || divide->kind == PLT_DIVIDE_TIME;
  if (by_time) return (place_t){time[rows->row[p].line], rows->row[p].line, p};
  return (place_t){plt_stream_uniform(stream, p), p, p};
}

/* How many of n go to each part. */
static void count_shares(const plt_divide_t *divide, uint64_t n, uint64_t count[PLT_DIVIDE_PARTS]) {
  double sum = divide->share[0] + divide->share[1] + divide->share[2];
  count[0] = n;
  for (int i = 1; i < PLT_DIVIDE_PARTS; i++) {
    count[i] = (uint64_t)(divide->share[i] / sum * (double)n);
    count[0] -= count[i];
  }
  for (int i = PLT_DIVIDE_PARTS - 1; i >= 1 && count[0] > 1; i--) {
    double wanted = divide->share[i] / sum * (double)n;
    if (!(wanted > 0 && wanted < 1)) continue;
    count[i]++;
    count[0]--;
  }
}

static void count_one_out(uint64_t n, uint64_t count[PLT_DIVIDE_PARTS]) {
  count[2] = n >= 2;
  count[1] = n >= 3;
  count[0] = n - count[1] - count[2];
}

/* Rows [first, end), all of a user or all there are. */
static void divide_group(const plt_divide_t *divide, const double *time, plt_interactions_t *rows, uint64_t first,
                         uint64_t end, place_t *places) {
  plt_stream_t stream = plt_stream(divide->seed, 1);
  uint64_t count[PLT_DIVIDE_PARTS], at = 0;
  for (uint64_t p = first; p < end; p++) places[p - first] = place_of(divide, stream, time, rows, p);
  qsort(places, end - first, sizeof *places, by_key);
  if (divide->kind == PLT_DIVIDE_LEAVE_ONE_OUT)
    count_one_out(end - first, count);
  else
    count_shares(divide, end - first, count);
  for (int part = 0; part < PLT_DIVIDE_PARTS; part++)
    for (uint64_t i = 0; i < count[part]; i++) rows->row[places[at++].row].part = (uint16_t)part;
}

static uint64_t end_of_user(const plt_interactions_t *rows, uint64_t first) {
  uint64_t end = first;
  while (end < rows->n && rows->row[end].user == rows->row[first].user) end++;
  return end;
}

void plt_divide_rows(const plt_divide_t *divide, const double *time, plt_interactions_t *rows) {
  uint64_t most = divide->kind == PLT_DIVIDE_TIME ? rows->n : 0, end;
  for (uint64_t first = 0; most < rows->n && first < rows->n; first = end) {
    end = end_of_user(rows, first);
    if (end - first > most) most = end - first;
  }
  place_t *places = plt_mem_alloc(most * sizeof *places);
  for (uint64_t first = 0; first < rows->n; first = end) {
    end = divide->kind == PLT_DIVIDE_TIME ? rows->n : end_of_user(rows, first);
    divide_group(divide, time, rows, first, end, places);
  }
  free(places);
}
