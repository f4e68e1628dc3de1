/* invariance.c - see invariance.h. */
#include "worker/math/invariance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/elementary.h"
#include "common/mem.h"
#include "worker/math/kernels.h"

/* What the first sweep leaves for the second, of one environment. */
typedef struct part {
  size_t capacity;      /* pairs */
  float *slope, *curve; /* [pairs]: of the pair's loss by its score, first and second derivative */
  float *pulled;        /* [F, f]: x^T B, B the items' sums of slope times the user's last columns */
} part_t;

struct plt_invariance {
  plt_invariance_shape_t shape;
  plt_crew_t *crew;
  part_t *parts;
  size_t environments, met; /* met: those with a batch */
  float *mean, *variance;   /* [F, f] */
  float *gate;              /* [F]: z of an environment */
  float *gated;             /* [F, f]: rows of a matrix times gate */
  size_t capacity;          /* items */
  float *x, *product, *sums;
};

plt_invariance_t *plt_invariance_create(const plt_invariance_shape_t *shape, size_t environments, plt_crew_t *crew) {
  plt_invariance_t *self = plt_mem_zalloc(1, sizeof *self);
  size_t floats = shape->features * shape->f;
  *self = (plt_invariance_t){.shape = *shape, .crew = crew, .environments = environments};
  self->parts = plt_mem_zalloc(environments, sizeof *self->parts);
  self->mean = plt_mem_alloc(floats * sizeof(float));
  self->variance = plt_mem_alloc(floats * sizeof(float));
  self->gated = plt_mem_alloc(floats * sizeof(float));
  self->gate = plt_mem_alloc(shape->features * sizeof(float));
  return self;
}

void plt_invariance_destroy(plt_invariance_t **self_at) {
  plt_invariance_t *self = *self_at;
  if (self == NULL) return;
  for (size_t e = 0; e < self->environments; e++) {
    free(self->parts[e].slope);
    free(self->parts[e].curve);
    free(self->parts[e].pulled);
  }
  float *const owned[] = {self->mean, self->variance, self->gated, self->gate, self->x, self->product, self->sums};
  for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) free(owned[k]);
  free(self->parts);
  free(self);
  *self_at = NULL;
}

static void make_room(plt_invariance_t *self, part_t *part, const plt_invariance_batch_t *batch) {
  const plt_invariance_shape_t *shape = &self->shape;
  size_t pairs = batch->n * batch->items_each;
  if (part->pulled == NULL) part->pulled = plt_mem_alloc(shape->features * shape->f * sizeof(float));
  if (pairs > part->capacity) {
    free(part->slope);
    free(part->curve);
    part->slope = plt_mem_alloc(pairs * sizeof(float));
    part->curve = plt_mem_alloc(pairs * sizeof(float));
    part->capacity = pairs;
  }
  if (batch->n_items <= self->capacity) return;
  free(self->x);
  free(self->product);
  free(self->sums);
  self->x = plt_mem_alloc(batch->n_items * shape->features * sizeof(float));
  self->product = plt_mem_alloc(batch->n_items * shape->f * sizeof(float));
  self->sums = plt_mem_alloc(batch->n_items * shape->f * sizeof(float));
  self->capacity = batch->n_items;
}

static float shift(const float *mu, const float *noise, size_t k) { return mu[k] + noise[k] + 0.5f; }

static void open_gates(plt_invariance_t *self, const float *mu, const float *noise) {
  for (size_t k = 0; k < self->shape.features; k++) self->gate[k] = fminf(fmaxf(shift(mu, noise, k), 0), 1);
}

/* out [F, f] = rows of m times the gates */
static void gate_rows(const plt_invariance_t *self, const float *m, float *out) {
  size_t f = self->shape.f;
  for (size_t k = 0; k < self->shape.features; k++)
    for (size_t j = 0; j < f; j++) out[k * f + j] = self->gate[k] * m[k * f + j];
}

static float dot(const float *a, const float *b, size_t n) { return (float)plt_kernel_dot(a, b, n); }

/* The last f columns of a pair's user. */
static const float *tail(const plt_invariance_t *self, const plt_invariance_batch_t *batch, size_t sample) {
  const plt_invariance_shape_t *shape = &self->shape;
  return batch->users + batch->user[sample] * (shape->d + shape->f) + shape->d;
}

/* sums [n_items, f] += factor[pair] * tail of its user, at its item; from zero. */
static void gather_tails(plt_invariance_t *self, const plt_invariance_batch_t *batch, const float *factor) {
  size_t f = self->shape.f;
  memset(self->sums, 0, batch->n_items * f * sizeof(float));
  for (size_t s = 0; s < batch->n; s++) {
    const float *h = tail(self, batch, s);
    for (size_t p = s * batch->items_each; p < (s + 1) * batch->items_each; p++) {
      float *sum = self->sums + batch->item[p] * f;
      for (size_t j = 0; j < f; j++) sum[j] += factor[p] * h[j];
    }
  }
}

/* The loss of a sample's pairs, and its derivatives by their scores. */
static double lose(const plt_invariance_t *self, const plt_invariance_batch_t *batch, size_t s, part_t *part) {
  const plt_invariance_shape_t *shape = &self->shape;
  const float *user = batch->users + batch->user[s] * (shape->d + shape->f), *h = user + shape->d;
  double loss = 0;
  for (size_t k = 0; k < batch->items_each; k++) {
    size_t p = s * batch->items_each + k, item = batch->item[p];
    float sign = k == 0 ? -1 : 1, weight = batch->weight[p];
    double score = plt_kernel_dot(user, batch->items + item * shape->d, shape->d) +
                   plt_kernel_dot(h, self->product + item * shape->f, shape->f);
    float x = sign * (float)score, sigmoid = plt_sigmoid(x);
    loss += (double)weight * (double)plt_softplus(x);
    part->slope[p] = sign * weight * sigmoid;
    part->curve[p] = weight * sigmoid * plt_sigmoid(-x);
  }
  return loss;
}

float plt_invariance_first(plt_invariance_t *self, size_t e, const plt_invariance_batch_t *batch, const float *w,
                           const float *mu, float *gradient) {
  const plt_invariance_shape_t *shape = &self->shape;
  part_t *part = &self->parts[e];
  double loss = 0;
  make_room(self, part, batch);
  open_gates(self, mu, batch->noise);
  gate_rows(self, w, self->gated);
  plt_lazy_matmul(self->crew, &batch->x, shape->f, self->gated, self->x, self->product);
  for (size_t s = 0; s < batch->n; s++) loss += lose(self, batch, s, part);
  gather_tails(self, batch, part->slope);
  plt_kernel_matmul_at(self->crew, shape->features, batch->n_items, shape->f, self->x, self->sums, false, part->pulled);
  gate_rows(self, part->pulled, gradient);
  return (float)loss;
}

double plt_invariance_meet(plt_invariance_t *self, size_t n, const float *const *gradients, const float *mu,
                           float *mu_gradient) {
  const plt_invariance_shape_t *shape = &self->shape;
  double penalty = 0;
  self->met = n;
  for (size_t k = 0; k < shape->features; k++) {
    double a = (double)mu[k] + 0.5, squares = 0;
    for (size_t j = 0; j < shape->f; j++) {
      size_t at = k * shape->f + j;
      double mean = 0, variance = 0;
      for (size_t e = 0; e < n; e++) mean += (double)gradients[e][at];
      mean /= (double)n;
      for (size_t e = 0; e < n; e++) {
        double away = (double)gradients[e][at] - mean;
        variance += away * away;
      }
      self->mean[at] = (float)mean;
      self->variance[at] = (float)variance;
      squares += variance * variance;
    }
    penalty += (double)shape->alpha * a * a * squares + (double)shape->lambda * (double)mu[k] * (double)mu[k];
    mu_gradient[k] = (float)(2 * (double)shape->alpha * a * squares + 2 * (double)shape->lambda * (double)mu[k]);
  }
  return penalty;
}

/* out [F, f]: the derivative of the penalty by g_e, 4 alpha a^2 P (g_e - mean). */
static void pull_apart(const plt_invariance_t *self, const float *mu, const float *gradient, float *out) {
  const plt_invariance_shape_t *shape = &self->shape;
  for (size_t k = 0; k < shape->features; k++) {
    float a = mu[k] + 0.5f, factor = 4 * shape->alpha * a * a;
    for (size_t at = k * shape->f; at < (k + 1) * shape->f; at++)
      out[at] = factor * self->variance[at] * (gradient[at] - self->mean[at]);
  }
}

/* curve[pair] becomes curve times <x z, r h>, from the product of x and gated r. */
static void bend(plt_invariance_t *self, const plt_invariance_batch_t *batch, part_t *part) {
  size_t f = self->shape.f;
  for (size_t s = 0; s < batch->n; s++)
    for (size_t p = s * batch->items_each; p < (s + 1) * batch->items_each; p++)
      part->curve[p] *= dot(self->product + batch->item[p] * f, tail(self, batch, s), f);
}

void plt_invariance_second(plt_invariance_t *self, size_t e, const plt_invariance_batch_t *batch, const float *w,
                           const float *mu, const float *gradient, float *by_w, float *by_mu) {
  const plt_invariance_shape_t *shape = &self->shape;
  part_t *part = &self->parts[e];
  size_t f = shape->f, floats = shape->features * f;
  const float share = 1 / (float)self->met;
  float *pull = plt_mem_alloc(2 * floats * sizeof *pull), *bent = pull + floats;
  open_gates(self, mu, batch->noise);
  pull_apart(self, mu, gradient, pull);
  gate_rows(self, pull, self->gated);
  plt_lazy_matmul(self->crew, &batch->x, f, self->gated, self->x, self->product);
  bend(self, batch, part);
  gather_tails(self, batch, part->curve);
  plt_kernel_matmul_at(self->crew, shape->features, batch->n_items, f, self->x, self->sums, false, bent);
  for (size_t k = 0; k < shape->features; k++) {
    const float at_gate = shift(mu, batch->noise, k);
    double sum = 0;
    for (size_t at = k * f; at < (k + 1) * f; at++) {
      by_w[at] = self->gate[k] * (share * part->pulled[at] + bent[at]);
      sum += (double)w[at] * ((double)share * (double)part->pulled[at] + (double)bent[at]) +
             (double)pull[at] * (double)part->pulled[at];
    }
    by_mu[k] = at_gate >= 0 && at_gate <= 1 ? (float)sum : 0;
  }
  free(pull);
}
