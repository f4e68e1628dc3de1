/* test_augment.c - features as a batch sees them, by their statistics; the same wherever, and by whomever, they are
 * read; edges of an epoch; models that have nothing of it. */
#include "common/threads.h"
#include "tests/unit/worker/make.h"
#include "tests/unit/worker/naive.h"
#include "worker/kit/kit.h"

enum { ITEMS = 3000, FIRST = 7, SECOND = 30, ALL = FIRST + SECOND };

typedef struct world {
  float *x[2];
  plt_feature_t features[2];
  plt_dataset_t data;
  uint32_t id[ITEMS];
  plt_tape_t *tape;
  plt_augment_t augment;
  plt_draws_t draws;
} world_t;

/* Modality 0 is a hundred times as large as modality 1. */
static void world_open(world_t *w, plt_crew_t *crew) {
  naive_rng_t rng = {8};
  *w = (world_t){.x = {naive_matrix(&rng, ITEMS * FIRST, 50, 150), naive_matrix(&rng, ITEMS * SECOND, 0.5, 1.5)}};
  static const size_t cols[] = {FIRST, SECOND};
  static const char *const names[] = {"first", "second"};
  for (size_t m = 0; m < 2; m++)
    w->features[m] =
        (plt_feature_t){.name = (char *)(uintptr_t)names[m],
                        .array = {.type = PLT_NPY_F4, .rows = ITEMS, .cols = cols[m], .dims = 2, .data = w->x[m]}};
  w->data = (plt_dataset_t){.users = 4, .items = ITEMS, .features = w->features, .n_features = 2};
  for (uint32_t i = 0; i < ITEMS; i++) w->id[i] = i;
  w->tape = plt_tape_create(crew);
  w->draws = (plt_draws_t){.seed = 4, .epoch = 2, .batch = 9, .augment = &w->augment, .replayed = -1};
}

static void world_close(world_t *w) {
  plt_tape_destroy(&w->tape);
  free(w->x[0]), free(w->x[1]);
}

static const plt_row_source_t source = {.table = NULL};

/* The features of items [first, first + n), all modalities or one; training: as `draws` has them. */
static const float *seen(world_t *w, const plt_draws_t *draws, int modality, size_t first, size_t n) {
  plt_nodes_t nodes = {.tape = w->tape,
                       .data = &w->data,
                       .side = PLT_SIDE_ITEM,
                       .id = w->id + first,
                       .n = n,
                       .draws = draws,
                       .source = &source};
  plt_var_t x = modality < 0 ? plt_nodes_features(&nodes) : plt_nodes_modality(&nodes, (size_t)modality);
  return plt_tape_value(w->tape, plt_op_scale(w->tape, x, 1));
}

static float given(const world_t *w, size_t i, size_t j) {
  return j < FIRST ? w->x[0][i * FIRST + j] : w->x[1][i * SECOND + j - FIRST];
}

Test(augment, elements_are_left_out_and_the_others_grow) {
  world_t w;
  world_open(&w, NULL);
  w.augment = (plt_augment_t){.features = true, .dropout = 0.3};
  const float *x = seen(&w, &w.draws, -1, 0, ITEMS);
  size_t left_out = 0;
  for (size_t k = 0; k < ITEMS * ALL; k++) {
    float own = given(&w, k / ALL, k % ALL);
    left_out += x[k] == 0;
    cr_assert(x[k] == 0 || naive_near(x[k], own / 0.7, 1e-6));
  }
  cr_assert_float_eq((double)left_out / (ITEMS * ALL), 0.3, 0.007);
  world_close(&w);
}

/* Mean 0, and the deviation asked for in each modality's own size. */
Test(augment, noise_has_the_deviation_of_each_modality) {
  world_t w;
  world_open(&w, NULL);
  w.augment = (plt_augment_t){.features = true, .noise = 0.2};
  const float *x = seen(&w, &w.draws, -1, 0, ITEMS);
  double sum[2] = {0}, squares[2] = {0}, size[2] = {0};
  for (size_t k = 0; k < ITEMS * ALL; k++) {
    size_t m = k % ALL >= FIRST;
    double own = given(&w, k / ALL, k % ALL), noise = x[k] - own, n = (double)ITEMS * (m ? SECOND : FIRST);
    sum[m] += noise / n, squares[m] += noise * noise / n, size[m] += own * own / n;
  }
  for (size_t m = 0; m < 2; m++) {
    cr_assert_float_eq(sum[m] / sqrt(size[m]), 0, 0.006, "modality %zu", m);
    cr_assert_float_eq(sqrt(squares[m] / size[m]), 0.2, 0.004, "modality %zu", m);
  }
  world_close(&w);
}

/* All columns of an item move by one share towards those of one other item: from 0 up to what is asked for. */
Test(augment, mixes_are_means_with_another_item) {
  world_t w;
  double mean = 0, most = 0;
  world_open(&w, NULL);
  for (size_t i = 0; i < ITEMS; i++) /* column 0 tells who, and a line through the others how much */
    for (size_t j = 0; j < FIRST; j++) w.x[0][i * FIRST + j] = (float)(j == 0 ? i : j == 1 ? i * (i % 97) : j);
  w.augment = (plt_augment_t){.features = true, .mix = 0.4};
  const float *x = seen(&w, &w.draws, 0, 0, ITEMS);
  for (size_t i = 0; i < ITEMS; i++) {
    const float *row = x + i * FIRST;
    double moved = (double)row[0] - (double)i, share = fabs(moved) / (ITEMS - 1);
    for (size_t j = 2; j < FIRST; j++) cr_assert(naive_near(row[j], (double)j, 1e-6), "what all have alike stays");
    cr_assert(share <= 0.4);
    mean += share / ITEMS;
    most = fmax(most, share);
  }
  /* the mean distance of two of [0, 1] is 1/3, of the share 0.2 */
  cr_assert_float_eq(mean, 0.2 / 3, 0.004);
  cr_assert(most > 0.25);
  world_close(&w);
}

/* Alone or beside others, in any leaf, by any number of threads; another batch has others, evaluation has none. */
Test(augment, draws_are_those_of_the_batch) {
  plt_crew_t *crew = plt_crew_create(3);
  world_t w, threads;
  world_open(&w, NULL);
  world_open(&threads, crew);
  w.augment = threads.augment = (plt_augment_t){.features = true, .dropout = 0.2, .noise = 0.1, .mix = 0.5};
  plt_draws_t leaf = w.draws, batch = w.draws;
  leaf.leaf = 3, batch.batch++;
  const float *all = seen(&w, &w.draws, -1, 0, ITEMS), *other = seen(&w, &batch, -1, 0, ITEMS);
  const float *some = seen(&w, &leaf, 1, 500, 40), *clean = seen(&w, NULL, -1, 0, ITEMS);
  size_t alike = 0;
  cr_assert_eq(memcmp(seen(&threads, &threads.draws, -1, 0, ITEMS), all, ITEMS * ALL * sizeof *all), 0);
  for (size_t k = 0; k < 40 * SECOND; k++)
    cr_assert_eq(some[k], all[(500 + k / SECOND) * ALL + FIRST + k % SECOND], "%zu", k);
  for (size_t k = 0; k < ITEMS * ALL; k++) {
    alike += all[k] == other[k];
    cr_assert_eq(clean[k], given(&w, k / ALL, k % ALL));
  }
  cr_assert_lt((double)alike, 0.05 * ITEMS * ALL); /* left out in both: 4 % */
  world_close(&w);
  world_close(&threads);
  plt_crew_destroy(&crew);
}

Test(augment, models_without_what_is_to_be_changed_say_so) {
  static const char *const refused[][4] = {
      {"model.name=bpr", "augment.feature_noise=0.1", "model.dim=4", "reads no features"},
      {"model.name=bm3", "augment.feature_mix=0.1", "model.train_features=true", "one of the two"},
      {"model.name=vbpr", "augment.edge_dropout=0.1", "model.dim=4", "no graph of users and items"},
      {"model.name=freedom", "augment.edge_dropout=0.1", "model.dim=4", "model.edge_dropout"}};
  world_t w;
  world_open(&w, NULL);
  for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
    plt_model_t *model = NULL;
    cr_assert_eq(MAKE(&model, &w.data, refused[k][0], refused[k][1], refused[k][2]), PLT_ERR_USAGE, "%zu", k);
    cr_assert(strstr(plt_fail_text(), refused[k][3]), "%s", plt_fail_text());
    cr_assert_null(model);
  }
  world_close(&w);
}

/* Every relation of users and items leaves out the same edges. */
Test(augment, edges_of_all_relations_of_pairs) {
  world_t w;
  plt_model_t *model;
  world_open(&w, NULL);
  cr_assert_eq(MAKE(&model, &w.data, "model.name=lgmrec", "augment.edge_dropout=0.25"), PLT_OK, "%s", plt_fail_text());
  cr_assert(model->programme.n_relations == 3 && !model->augment.features);
  for (size_t r = 0; r < 3; r++)
    cr_assert(model->programme.relation[r].edge_dropout == 0.25 && model->programme.relation[r].evenly);
  plt_model_destroy(&model);
  world_close(&w);
}
