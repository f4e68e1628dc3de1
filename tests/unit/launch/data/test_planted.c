/* `plateau data synth --kind planted`: a naive twin by the formulas, at other numbers than the golden case's, and what
 * is planted. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/data/planted.h"

/* ---- the twin: draws by place, everything sorted in full ---- */

static uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

static double u(uint64_t seed, uint64_t stream, uint64_t i) {
  return ldexp((double)(mix(mix(mix(seed) ^ stream) ^ i) >> 11) + 0.5, -53);
}

static double g(uint64_t seed, uint64_t stream, uint64_t i) {
  return sqrt(-2 * log(u(seed, stream, 2 * i))) * cos(2 * acos(-1) * u(seed, stream, 2 * i + 1));
}

typedef struct choice {
  double key;
  uint32_t item;
} choice_t;

static int ascending(const void *a, const void *b) {
  const choice_t *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->item > y->item) - (x->item < y->item);
}

static double fashion(const plt_planted_t *p, uint32_t e, uint32_t f) {
  if (e < p->environments) return g(p->seed, 12, (uint64_t)e * p->latent + f);
  double sum = 0;
  for (uint32_t k = 0; k < p->environments; k++) sum += fashion(p, k, f);
  return -sum / p->environments;
}

static double value(const plt_planted_t *p, uint32_t e, uint32_t user, uint32_t item) {
  double taste = 0, pull = 0, trend = 0, rho = e < p->environments ? p->rho[e] : p->rho_shift;
  for (uint32_t f = 0; f < p->latent; f++) {
    double y = g(p->seed, 2, (uint64_t)item * p->latent + f);
    taste += g(p->seed, 3, (uint64_t)user * p->latent + f) * g(p->seed, 1, (uint64_t)item * p->latent + f);
    pull += g(p->seed, 4, (uint64_t)user * p->latent + f) * y;
    trend += fashion(p, e, f) * y;
  }
  double noise = -log(-log(u(p->seed, 9, ((uint64_t)e * p->users + user) * p->items + item)));
  return (p->kappa * taste + rho * pull + p->trend * trend) / sqrt(p->latent) + p->pop * g(p->seed, 10, item) + noise;
}

/* label[item], environment[item] of a user; label -1: not taken. */
static void choose(const plt_planted_t *p, uint32_t user, int *label, int *environment) {
  choice_t *all = malloc(p->items * sizeof *all);
  for (uint32_t i = 0; i < p->items; i++) label[i] = -1;
  for (uint32_t e = 0; e <= p->environments; e++) {
    uint32_t n = 0, wanted = e < p->environments ? p->n_train + p->n_valid + p->n_test : p->n_shift;
    for (uint32_t i = 0; i < p->items; i++)
      if (label[i] < 0) all[n++] = (choice_t){-value(p, e, user, i), i};
    qsort(all, n, sizeof *all, ascending);
    for (uint32_t k = 0; k < wanted; k++)
      all[k].key = u(p->seed, 11, ((uint64_t)e * p->users + user) * p->items + all[k].item);
    qsort(all, wanted, sizeof *all, ascending);
    for (uint32_t k = 0; k < wanted; k++) {
      environment[all[k].item] = (int)e;
      label[all[k].item] = e == p->environments ? 3 : k < p->n_valid ? 1 : k < p->n_valid + p->n_test ? 2 : 0;
    }
  }
  free(all);
}

static void expect_twin(const plt_planted_t *p) {
  plt_interactions_t *rows = NULL;
  cr_assert_eq(plt_planted_draw(p, &rows), PLT_OK, "%s", plt_fail_text());
  cr_expect(rows->has_environments);
  int *label = malloc(p->items * sizeof *label), *environment = malloc(p->items * sizeof *environment);
  const plt_interaction_t *row = rows->row;
  for (uint32_t user = 0; user < p->users; user++) {
    choose(p, user, label, environment);
    for (uint32_t i = 0; i < p->items; i++) {
      if (label[i] < 0) continue;
      cr_assert(row < rows->row + rows->n && row->user == user && row->item == i, "user %u takes item %u", user, i);
      cr_assert_eq(row->part, label[i]);
      cr_assert_eq(row->environment, environment[i]);
      row++;
    }
  }
  cr_expect_eq(row - rows->row, (ptrdiff_t)rows->n);
  free(environment);
  free(label);
  plt_interactions_destroy(&rows);
}

static plt_planted_t other(void) {
  return (plt_planted_t){.users = 9,
                         .items = 70,
                         .latent = 6,
                         .width = 5,
                         .rho = {-0.5, 3},
                         .environments = 2,
                         .rho_shift = 1.5,
                         .kappa = 0.7,
                         .trend = -1,
                         .pop = 2,
                         .noise = 1.25,
                         .n_train = 5,
                         .n_valid = 2,
                         .n_test = 3,
                         .n_shift = 11,
                         .seed = 987654321,
                         .threads = 1};
}

Test(data_planted, is_its_twin) {
  plt_planted_t planted = other();
  expect_twin(&planted);
  planted.threads = 3;
  expect_twin(&planted);
  planted.items = 31; /* all of them */
  expect_twin(&planted);
  planted.n_valid = planted.n_test = planted.n_shift = 0;
  expect_twin(&planted);
  planted = plt_planted_usual;
  planted.users = 6;
  expect_twin(&planted);
}

Test(data_planted, has_the_features_of_its_twin) {
  plt_planted_t p = other();
  for (plt_planted_feature_t f = 0; f < PLT_PLANTED_FEATURES; f++) {
    float *feature = plt_planted_features(&p, f);
    for (uint32_t item = 0; item < p.items; item++)
      for (uint32_t c = 0; c < p.width; c++) {
        double sum = 0;
        for (uint32_t k = 0; k < p.latent; k++)
          sum += g(p.seed, 1 + f, (uint64_t)item * p.latent + k) * g(p.seed, 5 + f, (uint64_t)k * p.width + c);
        double x = sum / sqrt(p.latent) + p.noise * g(p.seed, 7 + f, (uint64_t)item * p.width + c);
        cr_assert_float_eq(feature[item * p.width + c], x, 1e-6 * (1 + fabs(x)));
      }
    free(feature);
  }
}

/* What users take in an environment has style that is in fashion there, in the shift the reverse; taste stays. */
Test(data_planted, style_turns_round_and_taste_stays) {
  plt_planted_t p = plt_planted_usual;
  plt_interactions_t *rows = NULL;
  cr_assert_eq(plt_planted_draw(&p, &rows), PLT_OK);
  double taste[2] = {0}, style[2] = {0}, n[2] = {0};
  for (uint64_t i = 0; i < rows->n; i++) {
    const plt_interaction_t *row = &rows->row[i];
    int at = row->environment == p.environments;
    for (uint32_t f = 0; f < p.latent; f++) {
      taste[at] += g(p.seed, 3, (uint64_t)row->user * p.latent + f) * g(p.seed, 1, (uint64_t)row->item * p.latent + f);
      style[at] += fashion(&p, p.environments, f) * g(p.seed, 2, (uint64_t)row->item * p.latent + f);
    }
    n[at]++;
  }
  cr_expect_gt(taste[0] / n[0], 1);
  cr_expect_gt(taste[1] / n[1], 1);
  cr_expect_lt(style[0] / n[0], 0);
  cr_expect_gt(style[1] / n[1], 0);
  plt_interactions_destroy(&rows);
}

Test(data_planted, refuses_what_cannot_be) {
  plt_interactions_t *rows = NULL;
  plt_planted_t p = plt_planted_usual;
  p.items = 20;
  cr_expect_eq(plt_planted_draw(&p, &rows), PLT_ERR_USAGE);
  cr_expect_not_null(strstr(plt_fail_text(), "would take 21 items"), "%s", plt_fail_text());
  p = plt_planted_usual;
  p.environments = 0;
  cr_expect_eq(plt_planted_check(&p), PLT_ERR_USAGE);
  p = plt_planted_usual;
  p.n_train = 0;
  cr_expect_eq(plt_planted_check(&p), PLT_ERR_USAGE);
}
