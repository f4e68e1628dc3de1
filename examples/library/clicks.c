/* clicks.c - a log of clicks whose ids come and go, foretold and then learnt as it is read: docs/library.md.
 * People and goods have ids of 64 bits that nobody has numbered. Some come and some go for good in each step, and every
 * fourth click is of somebody who is never seen again. A row is stored at its second push and forgotten when 200 steps
 * have not pushed it, so tables stay small however long the log is. */
#include <math.h>
#include <plateau.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
enum { PEOPLE = 2000, GOODS = 500, DIM = 1 + 8, STEPS = 1000 }; /* around at a time; a row: weight, vector */
enum { LEAVES = 8, CLICKS = 64, ALL = LEAVES * CLICKS };        /* CLICKS of a leaf */
/* People, or goods, of a step: ids as they come, and distinct. */
typedef struct side {
  uint64_t ids[ALL], keys[ALL];
  uint32_t place[ALL];
  float rows[ALL * DIM];
} side_t;
static uint64_t mix(uint64_t x) { /* much like splitmix64 */
  x = ((x + 0x9e3779b97f4a7c15) ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}
static double angle(uint64_t id) { return 6.283185307 * (double)(mix(id) >> 11) * 0x1p-53; }
/* Clicks of some leaves of step t, in place of lines of a file. */
static void read_clicks(uint64_t t, uint64_t first, size_t leaves, side_t *side, plateau_pull_t *pull) {
  for (uint64_t n = 0, i = (t * LEAVES + first) * CLICKS; n < leaves * CLICKS; n++, i++) {
    uint64_t known = mix(((uint64_t)1 << 60) + 2 * t + mix(4 * i + 2) % PEOPLE);
    side[0].ids[n] = mix(4 * i) % 4 == 0 ? mix(4 * i + 1) : known; /* a stranger, or one of the known */
    side[1].ids[n] = mix(((uint64_t)2 << 60) + t / 4 + mix(4 * i + 3) % GOODS);
  }
  for (uint32_t s = 0; s < 2; s++) {
    memcpy(side[s].keys, side[s].ids, leaves * CLICKS * sizeof *side[s].keys);
    size_t n = plateau_distinct(side[s].keys, leaves * CLICKS, side[s].place);
    pull[s] = (plateau_pull_t){s, side[s].keys, n, side[s].rows};
  }
}
typedef struct leaf { /* of people, of goods */
  uint64_t keys[2][CLICKS];
  float grad[2][CLICKS * DIM];
} leaf_t;
/* Logistic loss of leaf l as it is foretold, and its gradients, as parts of the step's mean. */
static void learn(const side_t *side, size_t l, uint32_t number, leaf_t *leaf, plateau_push_t *push,
                  plateau_loss_t *loss) {
  uint32_t place[2][CLICKS];
  *loss = (plateau_loss_t){number, 0}, memset(leaf->grad, 0, sizeof leaf->grad);
  for (uint32_t s = 0; s < 2; s++) {
    memcpy(leaf->keys[s], side[s].ids + l * CLICKS, sizeof leaf->keys[s]);
    push[s] = (plateau_push_t){s, number, .keys = leaf->keys[s], .values = leaf->grad[s]};
    push[s].n = plateau_distinct(leaf->keys[s], CLICKS, place[s]);
  }
  for (size_t i = 0, at = l * CLICKS; i < CLICKS; i++, at++) {
    const float *u = &side[0].rows[side[0].place[at] * DIM], *v = &side[1].rows[side[1].place[at] * DIM];
    float *gu = &leaf->grad[0][place[0][i] * DIM], *gv = &leaf->grad[1][place[1][i] * DIM];
    double s = u[0] + v[0], is_liked = cos(angle(side[0].ids[at]) - angle(side[1].ids[at])) > 0;
    for (int k = 1; k < DIM; k++) s += (double)u[k] * v[k];
    float d = (float)((1 / (1 + exp(-s)) - is_liked) / ALL);
    loss->loss += log1p(exp(is_liked > 0 ? -s : s)) / ALL, gu[0] += d, gv[0] += d;
    for (int k = 1; k < DIM; k++) gu[k] += d * v[k], gv[k] += d * u[k];
  }
}
static plateau_t *job;
static void check(int status) {
  if (status == PLATEAU_OK) return;
  fprintf(stderr, "clicks: %s\n", plateau_error());
  plateau_abandon(&job, plateau_error()); /* the other workers need not wait for this one */
  exit(75);
}
int main(int argc, char **argv) {
  static side_t side[2][2]; /* of this step and of the next */
  static leaf_t leaf[LEAVES];
  if (argc < 3) return fputs("usage: clicks JOB-FILE WORKER\n", stderr), 64;
  plateau_sparse_t sparse = {.admit_pushes = 2, .max_age = 200, .max_rows = 1000000};
  plateau_table_t table = {"people", .dim = DIM, .init = PLATEAU_NORMAL, .scale = 0.1, .optimizer = "adagrad"};
  plateau_info_t info;
  plateau_pull_t pull[2];
  double loss, sum = 0; /* sum: of the hundred steps under way */
  check(plateau_connect(&(plateau_options_t){.job_file = argv[1], .worker = (uint32_t)atoi(argv[2])}, &job));
  for (int s = 0; s < 2; s++, table.name = "goods") check(plateau_declare_sparse(job, &table, &sparse, &(uint32_t){0}));
  plateau_info(job, &info);
  uint64_t hash = 0, first = LEAVES * info.worker / info.workers, n = LEAVES * (info.worker + 1) / info.workers - first;
  read_clicks(info.start, first, n, side[info.start % 2], pull);
  check(plateau_pull(job, pull, 2));
  for (uint64_t t = info.start; t < STEPS; t++) {
    plateau_push_t push[2 * LEAVES];
    plateau_loss_t losses[LEAVES];
    for (uint32_t l = 0; l < n; l++) learn(side[t % 2], l, (uint32_t)first + l, &leaf[l], &push[2 * l], &losses[l]);
    read_clicks(t + 1, first, n, side[(t + 1) % 2], pull);
    check(plateau_step(job, &(plateau_step_t){0.5, push, 2 * n, pull, 2, losses, n}, &loss));
    sum = t % 100 == 0 ? loss : sum + loss;
    if ((t + 1) % 100 != 0) continue;
    check(plateau_checkpoint(job));
    if (info.worker == 0) fprintf(stderr, "step %u foretold with a loss of %.4f\n", (unsigned)t + 1, sum / 100);
  }
  read_clicks(STEPS - 1, 0, LEAVES, side[0], pull);
  check(plateau_pull(job, pull, 2));
  for (size_t i = 0; i < pull[0].n * DIM; i++) hash = mix(hash ^ (uint64_t)(int64_t)(side[0][0].rows[i] * 0x1p40f));
  if (info.worker == 0) printf("loss %.4f tables %016llx\n", sum / 100, (unsigned long long)hash);
  check(plateau_close(&job));
  return 0;
}
