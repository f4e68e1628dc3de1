/* Disturbed features: how large noise is, who is replaced by whom, what stays, what a draw depends on. */
#include <criterion/criterion.h>
#include <math.h>

#include "common/rng.h"
#include "tests/unit/worker/folder.h"
#include "worker/data/derived.h"
#include "worker/data/disturb.h"
#include "worker/data/features.h"

enum { ITEMS = 500, COLS = 67, FILES = 2 };

typedef struct world {
  folder_t folder;
  plt_dataset_t *data;
} world_t;

static void write_feature(const folder_t *folder, const char *name, double scale) {
  static float x[ITEMS * COLS];
  plt_rng_key_t key = plt_rng_key(5, name, 0);
  char shape[32];
  for (uint32_t i = 0; i < ITEMS * COLS; i++)
    x[i] = (float)(scale * (plt_rng_open01(plt_rng_draw(key, i, 0, 0, 0).word[0]) + 1));
  snprintf(shape, sizeof shape, "(%d, %d)", ITEMS, COLS);
  folder_npy(folder, name, "<f4", shape, x, sizeof x);
}

static world_t world_make(void) {
  static const char *const files[FILES] = {"a_feat.npy", "b_feat.npy"};
  world_t world = {.folder = folder_make()};
  char inter[64];
  snprintf(inter, sizeof inter, "userID\titemID\tx_label\n0\t%d\t0\n", ITEMS - 1);
  folder_text(&world.folder, "a.inter", inter);
  write_feature(&world.folder, files[0], 1);
  write_feature(&world.folder, files[1], 40);
  cr_assert_eq(plt_dataset_open(world.folder.path, NULL, files, FILES, &world.data), PLT_OK, "%s", plt_fail_text());
  return world;
}

static void world_free(world_t *world) {
  plt_dataset_destroy(&world->data);
  folder_remove(&world->folder);
}

static bool rows_equal(const plt_dataset_t *a, const plt_dataset_t *b, size_t m, uint32_t i, uint32_t j) {
  float x[COLS], y[COLS];
  plt_feature_row(&a->features[m], i, x);
  plt_feature_row(&b->features[m], j, y);
  return memcmp(x, y, sizeof x) == 0;
}

Test(disturb, noise_has_the_deviation_that_is_asked_for) {
  world_t world = world_make();
  const plt_disturbance_t disturbance = {.kind = PLT_DISTURB_NOISE, .amount = 0.25, .seed = 3};
  plt_dataset_t *noisy = plt_disturb_create(world.data, &disturbance);
  for (size_t m = 0; m < FILES; m++) {
    double sum = 0, squares = 0, n = ITEMS * COLS;
    for (uint32_t i = 0; i < ITEMS; i++) {
      float x[COLS], y[COLS];
      plt_feature_row(&world.data->features[m], i, x);
      plt_feature_row(&noisy->features[m], i, y);
      for (int c = 0; c < COLS; c++) {
        double noise = ((double)y[c] - (double)x[c]) / (0.25 * (m == 0 ? 1 : 40) / sqrt(12)); /* of a uniform law */
        sum += noise;
        squares += noise * noise;
      }
    }
    cr_expect_lt(fabs(sum / n), 4 / sqrt(n), "mean %g", sum / n);
    cr_expect_lt(fabs(squares / n - 1), 0.03, "variance %g", squares / n);
  }
  plt_disturb_destroy(&noisy);
  world_free(&world);
}

Test(disturb, a_share_of_the_items_has_others_features_of_all_modalities) {
  world_t world = world_make();
  const plt_disturbance_t disturbance = {.kind = PLT_DISTURB_REPLACE, .amount = 0.3, .seed = 3};
  plt_dataset_t *replaced = plt_disturb_create(world.data, &disturbance);
  uint32_t changed = 0;
  for (uint32_t i = 0; i < ITEMS; i++) {
    if (rows_equal(world.data, replaced, 0, i, i)) {
      cr_expect(rows_equal(world.data, replaced, 1, i, i));
      continue;
    }
    uint32_t from = 0;
    while (from < ITEMS && !rows_equal(world.data, replaced, 0, from, i)) from++;
    cr_assert_lt(from, ITEMS, "item %u has nobody's features", i);
    cr_expect(rows_equal(world.data, replaced, 1, from, i));
    changed++;
  }
  cr_expect_eq(changed, 150);
  plt_disturb_destroy(&replaced);
  world_free(&world);
}

Test(disturb, a_draw_depends_on_seed_and_place_alone) {
  world_t world = world_make();
  const bool second[FILES] = {false, true};
  for (plt_disturb_kind_t kind = 0; kind < PLT_DISTURB_KINDS; kind++) {
    const plt_disturbance_t all = {.kind = kind, .amount = 0.5, .seed = 1},
                            one = {.kind = kind, .amount = 0.5, .seed = 1, .of = second},
                            other = {.kind = kind, .amount = 0.5, .seed = 2};
    plt_dataset_t *a = plt_disturb_create(world.data, &all), *b = plt_disturb_create(world.data, &one);
    plt_dataset_t *c = plt_disturb_create(world.data, &other);
    uint32_t differ = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
      cr_expect(rows_equal(a, b, 1, i, i), "item %u: another draw when the first modality stays", i);
      cr_expect(rows_equal(b, world.data, 0, i, i), "item %u: a modality that was not asked for", i);
      differ += !rows_equal(a, c, 1, i, i);
    }
    cr_expect_gt(differ, ITEMS / 3, "%s: seeds give the same", plt_disturb_names[kind]);
    plt_disturb_destroy(&a);
    plt_disturb_destroy(&b);
    plt_disturb_destroy(&c);
  }
  world_free(&world);
}

Test(disturb, nothing_and_everything) {
  world_t world = world_make();
  const plt_disturbance_t none = {.kind = PLT_DISTURB_REPLACE, .amount = 0.0009, .seed = 1},
                          all = {.kind = PLT_DISTURB_REPLACE, .amount = 1, .seed = 1};
  plt_dataset_t *a = plt_disturb_create(world.data, &none), *b = plt_disturb_create(world.data, &all);
  for (uint32_t i = 0; i < ITEMS; i++) {
    cr_expect(rows_equal(world.data, a, 0, i, i));
    cr_expect_not(rows_equal(world.data, b, 0, i, i));
  }
  cr_expect_neq(plt_derived_units(a), plt_derived_units(world.data));
  plt_disturb_destroy(&a);
  plt_disturb_destroy(&b);
  world_free(&world);
}
