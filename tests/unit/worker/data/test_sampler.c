/* Samples: an epoch is a permutation of the training pairs, negatives are uniform over what the user does not have,
 * and nothing depends on how a batch is asked for. */
#include "tests/unit/worker/tiny.h"
#include "worker/data/sampler.h"

static plt_status_t make(const plt_dataset_t *data, uint64_t seed, uint32_t stage, uint32_t batch_size,
                         size_t negatives, const char *replay, plt_sampler_t **out) {
  plt_sampler_config_t config = {
      .seed = seed, .stage = stage, .batch_size = batch_size, .negatives = negatives, .replay = replay};
  return plt_sampler_create(data, &config, out);
}

/* All samples of an epoch, in its order. */
static uint64_t draw_epoch(const plt_sampler_t *sampler, uint32_t epoch, uint32_t *user, uint32_t *positive,
                           uint32_t *negative, size_t negatives) {
  uint64_t n = 0;
  for (uint32_t b = 0; b < plt_sampler_batches(sampler); b++) {
    uint32_t size = plt_sampler_samples(sampler, b);
    plt_sampler_draw(sampler, epoch, b, 0, size, user + n, positive + n, negative + n * negatives);
    n += size;
  }
  return n;
}

static bool in_training(const plt_dataset_t *data, uint32_t user, uint32_t item) {
  for (uint64_t i = 0; i < data->n_train; i++)
    if (data->train[i].user == user && data->train[i].item == item) return true;
  return false;
}

/* Some of the pairs: they, each once in an epoch, in another order in another slot. */
Test(sampler, over_some_pairs) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  uint32_t pairs[] = {1, 4, 5, 9, 12, 13, 17, 20, 21, 28}, n = sizeof pairs / sizeof *pairs, user[10], positive[10];
  uint32_t negative[10], first_user = 0, differ = 0;
  cr_assert_gt(tiny.data->n_train, 28);
  plt_sampler_t *whole, *some;
  cr_assert_eq(make(tiny.data, 1, 0, 4, 1, NULL, &whole), PLT_OK);
  for (uint32_t slot = 1; slot < 9; slot++) {
    bool seen[10] = {false};
    some = plt_sampler_over(whole, slot, pairs, n);
    cr_assert_eq(plt_sampler_batches(some), 3);
    cr_assert_eq(draw_epoch(some, 0, user, positive, negative, 1), n);
    for (uint32_t s = 0; s < n; s++) {
      uint32_t i = 0;
      while (i < n &&
             (seen[i] || tiny.data->train[pairs[i]].user != user[s] || tiny.data->train[pairs[i]].item != positive[s]))
        i++;
      cr_assert_lt(i, n, "sample %u is none of the pairs that are left", s);
      seen[i] = true;
    }
    differ += slot > 1 && user[0] * 1000 + positive[0] != first_user;
    first_user = user[0] * 1000 + positive[0];
    plt_sampler_destroy(&some);
  }
  cr_assert_gt(differ, 2);
  some = plt_sampler_over(whole, 1, pairs, 0);
  cr_assert_eq(plt_sampler_batches(some), 0);
  plt_sampler_destroy(&some);
  plt_sampler_destroy(&whole);
  tiny_close(&tiny);
}

Test(sampler, every_epoch_has_every_pair_once_in_another_order) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  uint64_t n = tiny.data->n_train;
  uint32_t *user = calloc(n, 4), *positive = calloc(n, 4), *negative = calloc(n, 4), *before = calloc(n, 4);
  for (uint32_t batch_size = 1; batch_size < 2 * n; batch_size = batch_size * 5 + 2) {
    plt_sampler_t *sampler;
    cr_assert_eq(make(tiny.data, 1, 0, batch_size, 1, NULL, &sampler), PLT_OK);
    cr_assert_eq(plt_sampler_batches(sampler), (n + batch_size - 1) / batch_size);
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
      size_t same = 0;
      cr_assert_eq(draw_epoch(sampler, epoch, user, positive, negative, 1), n);
      bool *seen = calloc(n, sizeof *seen);
      for (uint64_t s = 0; s < n; s++) {
        uint64_t i = 0;
        while (i < n && (seen[i] || tiny.data->train[i].user != user[s] || tiny.data->train[i].item != positive[s]))
          i++;
        cr_assert_lt(i, n, "sample %d is no pair that is left", (int)s);
        seen[i] = true;
        same += epoch > 0 && before[s] == user[s];
        before[s] = user[s];
        cr_assert(!in_training(tiny.data, user[s], negative[s]) && negative[s] != 49);
      }
      free(seen);
      cr_assert_lt(same, n / 2, "the order of epoch %u is that of the one before", epoch);
    }
    plt_sampler_destroy(&sampler);
  }
  free(user), free(positive), free(negative), free(before);
  tiny_close(&tiny);
}

Test(sampler, samples_depend_on_seed_stage_and_epoch_but_not_on_the_asking) {
  tiny_t tiny;
  enum { SIZE = 64, NEGATIVES = 3 };
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  plt_sampler_t *sampler, *other_seed, *other_stage;
  uint32_t u[4][SIZE], p[4][SIZE], g[4][SIZE * NEGATIVES];
  cr_assert_eq(make(tiny.data, 1, 0, SIZE, NEGATIVES, NULL, &sampler), PLT_OK);
  cr_assert_eq(make(tiny.data, 2, 0, SIZE, NEGATIVES, NULL, &other_seed), PLT_OK);
  cr_assert_eq(make(tiny.data, 1, 1, SIZE, NEGATIVES, NULL, &other_stage), PLT_OK);
  plt_sampler_draw(sampler, 5, 1, 0, SIZE, u[0], p[0], g[0]);
  plt_sampler_draw(other_seed, 5, 1, 0, SIZE, u[1], p[1], g[1]);
  plt_sampler_draw(other_stage, 5, 1, 0, SIZE, u[2], p[2], g[2]);
  plt_sampler_draw(sampler, 6, 1, 0, SIZE, u[3], p[3], g[3]);
  for (int other = 1; other < 4; other++)
    cr_assert(memcmp(u[0], u[other], sizeof u[0]) != 0 && memcmp(g[0], g[other], sizeof g[0]) != 0);
  naive_rng_t rng = {4};
  for (int turn = 0; turn < 50; turn++) { /* any split of the batch */
    for (uint32_t first = 0, n; first < SIZE; first += n) {
      n = 1 + naive_below(&rng, SIZE - first);
      plt_sampler_draw(sampler, 5, 1, first, n, u[1] + first, p[1] + first, g[1] + first * NEGATIVES);
    }
    cr_assert(memcmp(u[0], u[1], sizeof u[0]) == 0 && memcmp(p[0], p[1], sizeof p[0]) == 0);
    cr_assert_eq(memcmp(g[0], g[1], sizeof g[0]), 0);
  }
  plt_sampler_destroy(&sampler);
  plt_sampler_destroy(&other_seed);
  plt_sampler_destroy(&other_stage);
  tiny_close(&tiny);
}

/* Chi-square of each user's negatives over the items that may be drawn: its mean is the degrees of freedom k, its
 * variance 2k; over all users together 5 deviations are never reached by chance. */
Test(sampler, negatives_are_uniform) {
  tiny_t tiny;
  enum { NEGATIVES = 200, EPOCHS = 20 };
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  plt_sampler_t *sampler;
  cr_assert_eq(make(tiny.data, 9, 0, 1024, NEGATIVES, NULL, &sampler), PLT_OK);
  uint64_t n = tiny.data->n_train;
  uint32_t *user = calloc(n, 4), *positive = calloc(n, 4), *negative = calloc(n * NEGATIVES, 4);
  static double count[TINY_USERS][TINY_ITEMS];
  for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
    draw_epoch(sampler, epoch, user, positive, negative, NEGATIVES);
    for (uint64_t s = 0; s < n * NEGATIVES; s++) count[user[s / NEGATIVES]][negative[s]]++;
  }
  double chi = 0, freedom = 0;
  for (uint32_t u = 0; u < TINY_USERS; u++) {
    double drawn = 0, free_items = 0;
    for (uint32_t i = 0; i < TINY_ITEMS; i++) {
      bool trained = false;
      for (uint64_t k = 0; k < n; k++) trained |= tiny.data->train[k].item == i;
      bool may = trained && !in_training(tiny.data, u, i);
      cr_assert(may || count[u][i] == 0);
      free_items += may;
      drawn += count[u][i];
    }
    if (drawn == 0) continue;
    freedom += free_items - 1;
    for (uint32_t i = 0; i < TINY_ITEMS; i++)
      if (count[u][i] > 0)
        chi += (count[u][i] - drawn / free_items) * (count[u][i] - drawn / free_items) * free_items / drawn;
  }
  cr_assert(fabs(chi - freedom) < 5 * sqrt(2 * freedom), "chi-square %g with %g degrees of freedom", chi, freedom);
  free(user), free(positive), free(negative);
  plt_sampler_destroy(&sampler);
  tiny_close(&tiny);
}

static plt_dataset_t *open_text(const folder_t *folder, const char *text) {
  plt_dataset_t *data;
  folder_text(folder, "a.inter", text);
  cr_assert_eq(plt_dataset_open(folder->path, NULL, NULL, 0, &data), PLT_OK, "%s", plt_fail_text());
  return data;
}

Test(sampler, a_user_with_all_items_is_left_out_or_refused_and_one_with_all_but_one_gets_that) {
  folder_t folder = folder_make();
  plt_sampler_t *sampler = NULL;
  plt_dataset_t *data = open_text(&folder, "userID\titemID\tx_label\n0\t0\t0\n1\t1\t0\n1\t0\t0\n1\t0\t0\n1\t2\t1\n");
  plt_sampler_config_t strict = {.seed = 1, .batch_size = 4, .negatives = 1, .refuses_full = true};
  cr_assert_eq(plt_sampler_create(data, &strict, &sampler), PLT_ERR_DATA);
  cr_assert(sampler == NULL && strstr(plt_fail_text(), "user 1 ") && strstr(plt_fail_text(), "a.inter"));
  cr_assert_eq(make(data, 1, 0, 4, 1, NULL, &sampler), PLT_OK, "%s", plt_fail_text());
  for (int turn = 0; turn < 2; turn++) { /* the pair of user 0; the second time of some pairs */
    plt_sampler_t *some = turn == 0 ? NULL : plt_sampler_over(sampler, 1, (const uint32_t[]){3, 0, 1}, 3);
    const plt_sampler_t *here = turn == 0 ? sampler : some;
    uint32_t one[3];
    cr_assert(plt_sampler_batches(here) == 1 && plt_sampler_samples(here, 0) == 1);
    plt_sampler_draw(here, 0, 0, 0, 1, one, one + 1, one + 2);
    cr_assert(one[0] == 0 && one[1] == 0 && one[2] == 1);
    plt_sampler_destroy(&some);
  }
  plt_sampler_destroy(&sampler);
  plt_dataset_destroy(&data);
  data = open_text(&folder, "userID\titemID\tx_label\n0\t0\t0\n1\t0\t0\n1\t2\t1\n");
  cr_assert_eq(make(data, 1, 0, 4, 1, NULL, &sampler), PLT_ERR_DATA, "nobody is left");
  plt_dataset_destroy(&data);

  char text[60000] = "userID\titemID\tx_label\n1\t2999\t0\n"; /* user 0 lacks item 2999 alone: counted out */
  size_t at = strlen(text);
  for (int i = 0; i < 2999; i++) at += (size_t)snprintf(text + at, sizeof text - at, "0\t%d\t0\n", i);
  for (int i = 0; i < 3; i++) at += (size_t)snprintf(text + at, sizeof text - at, "0\t%d\t0\n", i); /* 3002 pairs */
  data = open_text(&folder, text);
  cr_assert_eq(data->duplicates, 3);
  cr_assert_eq(make(data, 1, 0, 3003, 1, NULL, &sampler), PLT_OK);
  cr_assert(plt_sampler_batches(sampler) == 1 && plt_sampler_samples(sampler, 0) == 3003, "user 0 is left out");
  enum { DRAWN = 200 }; /* some of them are counted out, after thousands of tries */
  uint32_t user[DRAWN], positive[DRAWN], negative[DRAWN];
  plt_sampler_draw(sampler, 0, 0, 0, DRAWN, user, positive, negative);
  for (int s = 0; s < DRAWN; s++)
    if (user[s] == 0) cr_assert_eq(negative[s], 2999);
  plt_sampler_destroy(&sampler);
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

Test(sampler, replay_is_read_as_it_stands_and_checked) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  int64_t good[2][3][4] = {{{0, 1, 2, 3}, {36, 49, 0, 0}, {5, 5, 5, 5}}, {{1, 2, 3, 4}, {6, 7, 8, 9}, {2, 2, 2, 2}}};
  plt_sampler_t *sampler = NULL;
  char path[128];
  uint32_t user[3], positive[3], negative[6];
  snprintf(path, sizeof path, "%s/replay.npy", tiny.folder.path);
  folder_npy(&tiny.folder, "replay.npy", "<i8", "(2, 3, 4)", good, sizeof good);
  cr_assert_eq(make(tiny.data, 1, 0, 3, 2, path, &sampler), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_sampler_batches(sampler), 2);
  for (uint32_t b = 0; b < 2; b++) {
    cr_assert_eq(plt_sampler_samples(sampler, b), 3);
    plt_sampler_draw(sampler, 7, b, 1, 2, user, positive, negative);
    for (int s = 0; s < 2; s++) {
      cr_assert(user[s] == good[b][s + 1][0] && positive[s] == good[b][s + 1][1]);
      cr_assert(negative[2 * s] == good[b][s + 1][2] && negative[2 * s + 1] == good[b][s + 1][3]);
    }
  }
  plt_sampler_destroy(&sampler);

  cr_assert_eq(make(tiny.data, 1, 0, 4, 2, path, &sampler), PLT_ERR_DATA, "another batch size");
  cr_assert(strstr(plt_fail_text(), "[batches, 4, 4]") != NULL, "%s", plt_fail_text());
  cr_assert_eq(make(tiny.data, 1, 0, 3, 1, path, &sampler), PLT_ERR_DATA, "another number of negatives");
  const struct {
    int sample, column;
    int64_t id;
    const char *text;
  } bad[] = {{1, 0, TINY_USERS, "sample 1: user 37 is not in [0, 37)"},
             {2, 1, TINY_ITEMS, "sample 2: item 50"},
             {0, 3, -1, "sample 0: item -1"}};
  for (size_t i = 0; i < 3; i++) {
    int64_t spoilt[2][3][4];
    memcpy(spoilt, good, sizeof good);
    spoilt[1][bad[i].sample][bad[i].column] = bad[i].id;
    folder_npy(&tiny.folder, "replay.npy", "<i8", "(2, 3, 4)", spoilt, sizeof spoilt);
    cr_assert_eq(make(tiny.data, 1, 0, 3, 2, path, &sampler), PLT_ERR_DATA);
    cr_assert(strstr(plt_fail_text(), "batch 1") && strstr(plt_fail_text(), bad[i].text), "%s", plt_fail_text());
  }
  folder_npy(&tiny.folder, "replay.npy", "<f8", "(2, 3, 4)", good, sizeof good);
  cr_assert_eq(make(tiny.data, 1, 0, 3, 2, path, &sampler), PLT_ERR_DATA, "not whole numbers");
  folder_npy(&tiny.folder, "replay.npy", "<i8", "(2, 12)", good, sizeof good);
  cr_assert_eq(make(tiny.data, 1, 0, 3, 2, path, &sampler), PLT_ERR_DATA, "two dimensions");
  folder_npy(&tiny.folder, "replay.npy", "<i8", "(2, 3, 4)", good, sizeof good / 2);
  cr_assert_neq(make(tiny.data, 1, 0, 3, 2, path, &sampler), PLT_OK, "cut short");
  snprintf(path, sizeof path, "%s/missing.npy", tiny.folder.path);
  cr_assert_neq(make(tiny.data, 1, 0, 3, 2, path, &sampler), PLT_OK);
  cr_assert(strstr(plt_fail_text(), "missing.npy") && sampler == NULL);
  tiny_close(&tiny);
}

Test(sampler, a_short_batch_of_a_replay_ends_with_rows_of_minus_one) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  int64_t good[2][3][3] = {{{0, 1, 2}, {-1, -1, -1}, {-1, -1, -1}}, {{1, 2, 3}, {6, 7, 8}, {-1, -1, -1}}};
  plt_sampler_t *sampler = NULL;
  uint32_t user[3], positive[3], negative[3];
  char path[128];
  snprintf(path, sizeof path, "%s/replay.npy", tiny.folder.path);
  folder_npy(&tiny.folder, "replay.npy", "<i8", "(2, 3, 3)", good, sizeof good);
  cr_assert_eq(make(tiny.data, 1, 0, 3, 1, path, &sampler), PLT_OK, "%s", plt_fail_text());
  plt_sampler_t *another = plt_sampler_at(sampler, 5);
  for (uint32_t b = 0; b < 2; b++) {
    cr_assert_eq(plt_sampler_samples(sampler, b), b + 1);
    cr_assert_eq(plt_sampler_samples(another, b), b + 1);
    plt_sampler_draw(another, 0, b, 0, b + 1, user, positive, negative);
    for (uint32_t s = 0; s <= b; s++)
      cr_assert(user[s] == good[b][s][0] && positive[s] == good[b][s][1] && negative[s] == good[b][s][2]);
  }
  plt_sampler_destroy(&another);
  cr_assert_eq(plt_sampler_samples(sampler, 1), 2, "what is read from it is the first one's to close");
  plt_sampler_destroy(&sampler);

  const struct {
    int sample, column;
    int64_t id;
    const char *text;
  } bad[] = {{2, 1, 4, "sample 2: 4 stands"}, {1, 0, -1, "sample 1: 7 stands"}, {0, 0, -1, "sample 0: 2 stands"}};
  for (size_t i = 0; i < 3; i++) { /* no samples behind the end, none of which half is absent */
    int64_t spoilt[2][3][3];
    memcpy(spoilt, good, sizeof good);
    spoilt[1][bad[i].sample][bad[i].column] = bad[i].id;
    folder_npy(&tiny.folder, "replay.npy", "<i8", "(2, 3, 3)", spoilt, sizeof spoilt);
    cr_assert_eq(make(tiny.data, 1, 0, 3, 1, path, &sampler), PLT_ERR_DATA);
    cr_assert(strstr(plt_fail_text(), "batch 1") && strstr(plt_fail_text(), bad[i].text), "%s", plt_fail_text());
  }
  memset(good[1], -1, sizeof good[1]);
  folder_npy(&tiny.folder, "replay.npy", "<i8", "(2, 3, 3)", good, sizeof good);
  cr_assert_eq(make(tiny.data, 1, 0, 3, 1, path, &sampler), PLT_ERR_DATA);
  cr_assert(strstr(plt_fail_text(), "batch 1 has no samples") != NULL, "%s", plt_fail_text());
  tiny_close(&tiny);
}

/* Every item alike, the user's own and those that never occur in training among them. */
Test(sampler, negatives_of_all_items_are_uniform) {
  enum { NEGATIVES = 40, EPOCHS = 5 };
  tiny_t tiny;
  plt_sampler_t *sampler;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  plt_sampler_config_t config = {.seed = 3, .batch_size = 50, .negatives = NEGATIVES, .of_all = true};
  cr_assert_eq(plt_sampler_create(tiny.data, &config, &sampler), PLT_OK);
  uint64_t n = tiny.data->n_train, own = 0, count[TINY_ITEMS] = {0};
  uint32_t *user = calloc(n, 4), *positive = calloc(n, 4), *negative = calloc(n * NEGATIVES, 4);
  for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
    draw_epoch(sampler, epoch, user, positive, negative, NEGATIVES);
    for (uint64_t k = 0; k < n * NEGATIVES; k++) {
      count[negative[k]]++;
      own += in_training(tiny.data, user[k / NEGATIVES], negative[k]);
    }
  }
  double expected = (double)(n * NEGATIVES * EPOCHS) / TINY_ITEMS;
  for (uint32_t i = 0; i < TINY_ITEMS; i++)
    cr_assert(fabs((double)count[i] - expected) < 5 * sqrt(expected), "item %u: %g of %g", i, (double)count[i],
              expected);
  cr_assert_gt(own, 0);
  plt_sampler_destroy(&sampler);
  config = (plt_sampler_config_t){.seed = 3, .batch_size = 1u << 24, .negatives = 256, .of_all = true};
  cr_assert_eq(plt_sampler_create(tiny.data, &config, &sampler), PLT_ERR_USAGE);
  free(user), free(positive), free(negative);
  tiny_close(&tiny);
}
