/* fm.c - a factorisation machine on made-up tastes, trained on parameter servers: docs/library.md.
 * A step has 8 leaves whoever computes them, and its samples are a function of its number: the last line is the same
 * for any number of servers and workers, and after any stop. Source: Rendle, Factorization Machines, ICDM 2010. */
#include <math.h>
#include <plateau.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { USERS = 2000, ITEMS = 1000, ROWS = USERS + ITEMS, K = 8, DIM = 1 + K };          /* a row: weight, vector */
enum { LEAVES = 8, SAMPLES = 64, IDS = 2 * SAMPLES, ALL = LEAVES * IDS, TEST = 20000 }; /* SAMPLES of a leaf */
typedef struct batch {
  uint64_t ids[ALL], keys[ALL]; /* users and items of the samples as they come; distinct */
  uint32_t place[ALL];          /* of each id among the keys */
  float rows[ALL * DIM];        /* of the keys */
  plateau_pull_t pull;
} batch_t;
static uint64_t mix(uint64_t x) { /* much like splitmix64 */
  x = ((x + 0x9e3779b97f4a7c15) ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}
static double angle(uint64_t id) { return 6.283185307 * (double)(mix(id + 7777777) >> 11) * 0x1p-53; }
static int is_liked(uint64_t user, uint64_t item) { return cos(angle(user) - angle(item)) > 0; } /* what is learnt */
static void draw(uint64_t i, uint64_t *id) { id[0] = mix(2 * i) % USERS, id[1] = USERS + mix(2 * i + 1) % ITEMS; }
static void draw_batch(uint64_t t, uint64_t first, size_t leaves, batch_t *b) {
  for (size_t i = 0; i < leaves * SAMPLES; i++) draw((t * LEAVES + first) * SAMPLES + i, &b->ids[2 * i]);
  memcpy(b->keys, b->ids, leaves * IDS * sizeof *b->keys);
  b->pull = (plateau_pull_t){0, b->keys, plateau_distinct(b->keys, leaves * IDS, b->place), b->rows};
}
static double score(const float *u, const float *v) {
  double s = u[0] + v[0];
  for (int k = 1; k < DIM; k++) s += (double)u[k] * v[k];
  return s;
}
/* Logistic loss of a leaf and its gradient by the rows of its own keys, as parts of the step's mean. */
static double leaf(const batch_t *b, size_t l, uint64_t *keys, float *grad, size_t *n) {
  uint32_t place[IDS];
  double loss = 0;
  memcpy(keys, b->ids + l * IDS, IDS * sizeof *keys);
  *n = plateau_distinct(keys, IDS, place);
  memset(grad, 0, *n * DIM * sizeof *grad);
  for (size_t i = 0; i < IDS; i += 2) {
    const float *u = &b->rows[b->place[l * IDS + i] * DIM], *v = &b->rows[b->place[l * IDS + i + 1] * DIM];
    float *gu = &grad[place[i] * DIM], *gv = &grad[place[i + 1] * DIM];
    double s = score(u, v), y = is_liked(b->ids[l * IDS + i], b->ids[l * IDS + i + 1]);
    float d = (float)((1 / (1 + exp(-s)) - y) / (LEAVES * SAMPLES));
    loss += log1p(exp(y > 0 ? -s : s)) / (LEAVES * SAMPLES);
    gu[0] += d, gv[0] += d;
    for (int k = 1; k < DIM; k++) gu[k] += d * v[k], gv[k] += d * u[k];
  }
  return loss;
}
static plateau_t *job;
static void check(int status) {
  if (status == PLATEAU_OK) return;
  fprintf(stderr, "fm: %s\n", plateau_error());
  plateau_abandon(&job, plateau_error()); /* the other workers need not wait for this one */
  exit(75);
}
int main(int argc, char **argv) {
  static batch_t batch[2];
  static uint64_t keys[LEAVES][IDS], all[ROWS];
  static float grad[LEAVES][IDS * DIM], rows[ROWS * DIM];
  double loss;
  if (argc < 3) return fputs("usage: fm JOB-FILE WORKER [STEPS]\n", stderr), 64;
  uint64_t steps = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000, right = 0, hash = 0, id[2];
  plateau_options_t options = {.job_file = argv[1], .worker = (uint32_t)atoi(argv[2])};
  plateau_table_t table = {"fm", .rows = ROWS, .dim = DIM, .init = PLATEAU_NORMAL, .scale = 0.1, .optimizer = "adam"};
  plateau_info_t info;
  check(plateau_connect(&options, &job));
  check(plateau_declare(job, &table, &(uint32_t){0})); /* the first table is number 0 */
  plateau_info(job, &info);
  uint64_t first = LEAVES * info.worker / info.workers, n = LEAVES * (info.worker + 1) / info.workers - first;
  draw_batch(info.start, first, n, &batch[info.start % 2]);
  check(plateau_pull(job, &batch[info.start % 2].pull, 1));
  for (uint64_t t = info.start; t < steps; t++) {
    batch_t *now = &batch[t % 2], *next = &batch[(t + 1) % 2];
    plateau_push_t push[LEAVES] = {{0}};
    plateau_loss_t losses[LEAVES];
    for (uint32_t l = 0; l < n; l++) {
      losses[l] = (plateau_loss_t){(uint32_t)first + l, leaf(now, l, keys[l], grad[l], &push[l].n)};
      push[l].leaf = losses[l].leaf, push[l].keys = keys[l], push[l].values = grad[l];
    }
    draw_batch(t + 1, first, n, next);
    check(plateau_step(job, &(plateau_step_t){0.02, push, n, &next->pull, 1, losses, n}, &loss));
    if ((t + 1) % 100 != 0) continue;
    check(plateau_checkpoint(job));
    if (info.worker == 0) fprintf(stderr, "step %u loss %.4f\n", (unsigned)t + 1, loss);
  }
  for (uint64_t k = 0; k < ROWS; k++) all[k] = k;
  check(plateau_pull(job, &(plateau_pull_t){0, all, ROWS, rows}, 1));
  for (uint64_t i = 0; i < TEST; i++) { /* samples that no step has seen */
    draw(i + ((uint64_t)1 << 40), id);
    right += (score(&rows[id[0] * DIM], &rows[id[1] * DIM]) > 0) == is_liked(id[0], id[1]);
  }
  for (size_t i = 0; i < ROWS * DIM; i++) hash = mix(hash ^ (uint64_t)(int64_t)(rows[i] * 0x1p40f));
  if (info.worker == 0) printf("accuracy %.4f tables %016llx\n", (double)right / TEST, (unsigned long long)hash);
  check(plateau_close(&job));
  return 0;
}
