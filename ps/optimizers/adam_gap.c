/* adam_gap.c - see adam_gap.h.
 *
 * Rows that were pushed at the same step share the sums of the series: they are cached by `last` and grow by a term per
 * step. What falls out of the cache is worked out anew, to the same bits. */
#include "ps/optimizers/adam_gap.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
  SPAN_MAX = 8192,    /* steps after which a push must have faded */
  DECAYS_MAX = 16384, /* powers of the betas that are tabled */
  BIAS_MAX = 65536,   /* steps whose bias corrections are tabled; the default betas need 37,412 */
  SLOTS_MIN = 256,
  SLOTS_MAX = 16384 /* values of `last` that are remembered */
};

static const double tolerance = 3e-8; /* of the learning rate, for each of: series, span */

typedef struct bias {
  double root;   /* sqrt(1 - beta2^n) */
  double weight; /* sqrt(1 - beta2^n) / (1 - beta1^n) */
} bias_t;

/* Sums of one `last`, over the steps last + 1 .. upto. */
typedef struct sums {
  uint64_t last, upto;
  double centre;
  plt_adam_series_t series; /* where there are 8 terms */
} sums_t;

/* Direct-mapped by `last`; terms doubles beside each slot. */
typedef struct cache {
  sums_t *slots;
  double *values;
  size_t n, n_max, terms;
} cache_t;

struct plt_adam_gap {
  double beta1, beta2, eps, decay;
  size_t span, centre; /* in steps: the last j that counts, the j of Q */
  double *fade, *grow; /* r^j, beta2^(-j/2), for j <= span */
  uint64_t settled;    /* from this step on both bias corrections are 1, to the bit */
  uint64_t from_short, from_long;
  bias_t *bias; /* of steps 0 .. n_bias - 1 */
  size_t n_bias, bias_capacity;
  plt_adam_decay_t *decays; /* of 0 .. n_decays - 1 steps */
  size_t n_decays, decays_capacity;
  cache_t brief, wide;   /* 8 and 32 terms */
  double *weight, *root; /* of the steps in [steps_last + 1, steps_now], for rows without a series */
  uint64_t steps_last, steps_now;
  double *faded; /* of each run of the history but the last: log of the product of f up to its end */
  size_t n_faded, faded_capacity;
  uint64_t t;
  const plt_eta_history_t *history;
};

double plt_adam_gap_keep(const plt_adam_gap_t *gap, double eta) { return fmax(1 - eta * gap->decay, 0x1p-1000); }

/* Log of the product of f over the steps 1 .. n. */
static double log_kept(const plt_adam_gap_t *gap, uint64_t n) {
  if (n == 0) return 0;
  size_t run = plt_eta_history_find(gap->history, n);
  double before = run == 0 ? 0 : gap->faded[run - 1], steps = (double)(n - gap->history->runs[run].first + 1);
  return before + steps * log(plt_adam_gap_keep(gap, gap->history->runs[run].eta));
}

/* The product of f over the steps last + 1 .. now. */
static double kept_since(const plt_adam_gap_t *gap, uint64_t last, uint64_t now) {
  return gap->decay == 0 || last == now ? 1 : exp(log_kept(gap, now) - log_kept(gap, last));
}

/* The runs that have ended since the last call. */
static void log_runs(plt_adam_gap_t *gap) {
  while (gap->n_faded + 1 < gap->history->n) {
    double until = log_kept(gap, gap->history->runs[gap->n_faded + 1].first - 1);
    PLT_MEM_GROW(gap->faded, gap->n_faded, gap->faded_capacity);
    gap->faded[gap->n_faded++] = until;
  }
}

static bias_t bias_of(const plt_adam_gap_t *gap, uint64_t n) {
  if (n >= gap->settled) return (bias_t){1, 1};
  if (n < gap->n_bias) return gap->bias[n];
  double root = sqrt(1 - pow(gap->beta2, (double)n));
  return (bias_t){.root = root, .weight = root / (1 - pow(gap->beta1, (double)n))};
}

static double q_of(const plt_adam_gap_t *gap, uint64_t last, size_t j) {
  return bias_of(gap, last + j).root * gap->grow[j];
}

/* What `terms` terms may miss of a row last pushed at `last`, in learning rates. */
static double series_error(const plt_adam_gap_t *gap, uint64_t last, size_t terms, double largest) {
  double error = 0, centre = q_of(gap, last, gap->centre);
  for (size_t j = 1; j <= gap->span; j++) {
    double q = q_of(gap, last, j), tau = (centre - q) / (centre + q);
    double weight = bias_of(gap, last + j).weight * gap->fade[j];
    error += weight * (1 + tau) * pow(fabs(tau), (double)terms) / (1 - fabs(tau));
  }
  return error * largest;
}

/* The smallest `last` from which the series does; UINT64_MAX if there is none. The error falls with `last`. */
static uint64_t series_from(const plt_adam_gap_t *gap, size_t terms, double largest) {
  uint64_t low = 0, high = gap->settled; /* it does at high, not at low */
  if (series_error(gap, high, terms, largest) > tolerance) return UINT64_MAX;
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    if (series_error(gap, middle, terms, largest) > tolerance) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return high;
}

static void cache_clear(cache_t *cache, size_t n) {
  if (n != cache->n) {
    free(cache->slots);
    free(cache->values);
    cache->slots = plt_mem_zalloc(n, sizeof *cache->slots);
    cache->values = plt_mem_zalloc(n * cache->terms, sizeof *cache->values);
    cache->n = n;
  } else if (n > 0) {
    memset(cache->slots, 0, n * sizeof *cache->slots);
  }
}

/* A step more widens the cache when rows may be that old; what it held is computed again. */
static void cache_fit(cache_t *cache, uint64_t t) {
  size_t n = cache->n == 0 ? SLOTS_MIN : cache->n;
  while (n < cache->n_max && n <= t) n *= 4;
  if (n != cache->n) cache_clear(cache, n);
}

plt_status_t plt_adam_gap_create(double beta1, double beta2, double eps, double decay, plt_adam_gap_t **out) {
  double r = beta1 / sqrt(beta2), largest = (1 - beta1) / sqrt((1 - beta2) * (1 - r * r)), span = 1;
  if (beta1 > 0) span = ceil(log(tolerance * (1 - r) / fmax(largest, 1)) / log(r));
  if (!(beta2 > 0 && r < 1 && span <= SPAN_MAX))
    return plt_fail(PLT_ERR_USAGE,
                    "adam needs beta1 (%g) well below the root of beta2 (%g), so that a gradient fades "
                    "within %d steps",
                    beta1, beta2, SPAN_MAX);
  plt_adam_gap_t *gap = plt_mem_zalloc(1, sizeof *gap);
  gap->beta1 = beta1;
  gap->beta2 = beta2;
  gap->eps = eps;
  gap->decay = decay;
  gap->span = span < 1 ? 1 : (size_t)span;
  gap->centre = (size_t)fmin((double)gap->span, round(1 / (1 - r)));
  gap->settled = (uint64_t)ceil(54 * log(2) / -log(fmax(beta1, beta2))) + 1;
  gap->fade = plt_mem_alloc((gap->span + 1) * sizeof(double));
  gap->grow = plt_mem_alloc((gap->span + 1) * sizeof(double));
  for (size_t j = 0; j <= gap->span; j++) {
    gap->fade[j] = pow(r, (double)j);
    gap->grow[j] = pow(beta2, -(double)j / 2);
  }
  gap->from_short = series_from(gap, PLT_ADAM_SHORT, largest);
  gap->from_long = series_from(gap, PLT_ADAM_LONG, largest);
  gap->brief = (cache_t){.terms = PLT_ADAM_SHORT, .n_max = SLOTS_MAX};
  gap->wide = (cache_t){.terms = PLT_ADAM_LONG, .n_max = SLOTS_MAX};
  while (gap->wide.n_max / 4 >= SLOTS_MIN && gap->wide.n_max / 4 >= gap->from_short) gap->wide.n_max /= 4;
  *out = gap;
  return PLT_OK;
}

void plt_adam_gap_destroy(plt_adam_gap_t **gap) {
  if (*gap == NULL) return;
  plt_adam_gap_t *self = *gap;
  void *arrays[] = {self->faded,        self->fade,       self->grow,       self->bias,
                    self->decays,       self->weight,     self->root,       self->brief.slots,
                    self->brief.values, self->wide.slots, self->wide.values};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
  free(self);
  *gap = NULL;
}

void plt_adam_gap_reach(const plt_adam_gap_t *gap, uint64_t *from_short, uint64_t *from_long) {
  *from_short = gap->from_short;
  *from_long = gap->from_long;
}

static plt_adam_decay_t decay_of(const plt_adam_gap_t *gap, uint64_t k) {
  return (plt_adam_decay_t){pow(gap->beta1, (double)k), pow(gap->beta2, (double)k)};
}

plt_adam_decay_t plt_adam_gap_decay(const plt_adam_gap_t *gap, uint64_t k) {
  return k < gap->n_decays ? gap->decays[k] : decay_of(gap, k);
}

void plt_adam_gap_begin(plt_adam_gap_t *gap, uint64_t t, const plt_eta_history_t *history) {
  if (t != gap->t + 1) { /* another past: after a reset or a restore */
    cache_clear(&gap->brief, gap->brief.n);
    cache_clear(&gap->wide, gap->wide.n);
    gap->steps_last = gap->steps_now = 0;
    gap->n_faded = 0;
  }
  gap->t = t;
  gap->history = history;
  log_runs(gap);
  while (gap->n_bias <= t && gap->n_bias < BIAS_MAX && gap->n_bias < gap->settled) {
    bias_t bias = bias_of(gap, gap->n_bias);
    PLT_MEM_GROW(gap->bias, gap->n_bias, gap->bias_capacity);
    gap->bias[gap->n_bias++] = bias;
  }
  for (; gap->n_decays <= t && gap->n_decays < DECAYS_MAX; gap->n_decays++) {
    PLT_MEM_GROW(gap->decays, gap->n_decays, gap->decays_capacity);
    gap->decays[gap->n_decays] = decay_of(gap, gap->n_decays);
  }
  cache_fit(&gap->brief, t);
  cache_fit(&gap->wide, t);
}

/* Calls for the learning rates of ascending steps: remembers the run. */
typedef struct eta_walk {
  const plt_eta_history_t *history;
  size_t run;
} eta_walk_t;

static double eta_next(eta_walk_t *walk, uint64_t n) {
  while (walk->run + 1 < walk->history->n && walk->history->runs[walk->run + 1].first <= n) walk->run++;
  return walk->history->runs[walk->run].eta;
}

static void sums_extend(plt_adam_gap_t *gap, sums_t *sums, double *restrict value, size_t terms, uint64_t end) {
  eta_walk_t walk = {gap->history, plt_eta_history_find(gap->history, sums->upto + 1)};
  for (uint64_t n = sums->upto + 1; n <= end; n++) {
    size_t j = (size_t)(n - sums->last);
    bias_t bias = bias_of(gap, n);
    double q = bias.root * gap->grow[j], tau = (sums->centre - q) / (sums->centre + q);
    double eta = eta_next(&walk, n), keep = plt_adam_gap_keep(gap, eta);
    double term = eta * gap->fade[j] * bias.weight * (1 + tau);
    for (size_t p = 0; p < terms; p++) {
      value[p] = value[p] * keep + term;
      term *= tau;
    }
  }
  sums->upto = end;
}

static plt_adam_series_t series_of(const double *sum, double shift) {
  const float t0 = (float)-sum[0], near = (float)shift;
  return (plt_adam_series_t){.t0 = t0,
                             .t0_rest = (float)(-sum[0] - t0),
                             .t1 = (float)-sum[1],
                             .t2 = (float)-sum[2],
                             .t3 = (float)-sum[3],
                             .t4 = (float)-sum[4],
                             .t5 = (float)-sum[5],
                             .t6 = (float)-sum[6],
                             .t7 = (float)-sum[7],
                             .shift = near,
                             .shift_rest = (float)(shift - near),
                             .shift_twice = 2 * near};
}

/* Where the bias has settled and the learning rate is the same in all steps that count, the sums of all `last`
 * are the same to the bit: one slot for all rows that are not pushed for long. */
static uint64_t settled_last(const plt_adam_gap_t *gap, uint64_t last, uint64_t now) {
  if (last < gap->settled || now - last < gap->span) return last;
  size_t run = plt_eta_history_find(gap->history, last + 1);
  if (run + 1 < gap->history->n && gap->history->runs[run + 1].first <= last + gap->span) return last;
  uint64_t first = gap->history->runs[run].first - 1;
  return first > gap->settled ? first : gap->settled;
}

/* Fills move with the sums of `last`. */
static void find_sums(plt_adam_gap_t *gap, cache_t *cache, uint64_t last, uint64_t now, plt_adam_move_t *move) {
  last = settled_last(gap, last, now);
  uint64_t end = now - last < gap->span ? now : last + gap->span;
  size_t slot = (size_t)(last & (cache->n - 1));
  sums_t *sums = &cache->slots[slot];
  double *value = cache->values + slot * cache->terms;
  if (sums->last != last || sums->upto > end) {
    *sums = (sums_t){.last = last, .upto = last, .centre = q_of(gap, last, gap->centre)};
    memset(value, 0, cache->terms * sizeof *value);
  }
  move->terms = cache->terms;
  move->shift = gap->eps * sums->centre;
  move->sum = value;
  move->series = &sums->series;
  if (sums->upto == end) return;
  sums_extend(gap, sums, value, cache->terms, end);
  if (cache->terms == PLT_ADAM_SHORT) sums->series = series_of(value, move->shift);
}

static void list_steps(plt_adam_gap_t *gap, uint64_t last, uint64_t end) {
  if (gap->weight == NULL) {
    gap->weight = plt_mem_alloc(gap->span * sizeof(double));
    gap->root = plt_mem_alloc(gap->span * sizeof(double));
  }
  if (gap->steps_last == last && gap->steps_now == end) return;
  eta_walk_t walk = {gap->history, plt_eta_history_find(gap->history, last + 1)};
  for (uint64_t n = last + 1; n <= end; n++) {
    size_t j = (size_t)(n - last);
    bias_t bias = bias_of(gap, n);
    gap->weight[j - 1] = eta_next(&walk, n) * gap->fade[j] * bias.weight;
    gap->root[j - 1] = gap->eps * (bias.root * gap->grow[j]);
  }
  double later = 1;
  for (uint64_t n = end; n > last && gap->decay > 0; n--) {
    gap->weight[n - last - 1] *= later;
    later *= plt_adam_gap_keep(gap, plt_eta_history_at(gap->history, n));
  }
  gap->steps_last = last;
  gap->steps_now = end;
}

plt_adam_move_t plt_adam_gap_move(plt_adam_gap_t *gap, uint64_t last, uint64_t now) {
  uint64_t k = now - last;
  plt_adam_move_t move = {.kept = kept_since(gap, last, now), .later = 1};
  assert(last <= now && now <= gap->t);
  if (k == 0) return move;
  if (last == 0) return move; /* never pushed: m = v = 0 */
  if (k > gap->span) move.later = kept_since(gap, last + gap->span, now);
  if (last >= gap->from_short || last >= gap->from_long) {
    find_sums(gap, last >= gap->from_short ? &gap->brief : &gap->wide, last, now, &move);
  } else {
    move.steps = k < gap->span ? (size_t)k : gap->span;
    list_steps(gap, last, last + move.steps);
    move.weight = gap->weight;
    move.root = gap->root;
  }
  return move;
}
