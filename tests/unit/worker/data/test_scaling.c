/* Features scaled and filled: against sums of two passes in double, and against files that hold the scaled values. */
#include <criterion/criterion.h>
#include <math.h>

#include "common/rng.h"
#include "tests/unit/worker/folder.h"
#include "worker/data/features.h"
#include "worker/data/prepare.h"
#include "worker/data/scaling.h"
#include "worker/graph/item_graph.h"

enum { ITEMS = 41, COLS = 5, CONSTANT = 3, FAR = 4, MISSING = 7 };

typedef struct world {
  folder_t folder;
  float x[ITEMS * COLS];
  plt_config_t *config;
  plt_dataset_t *data;
} world_t;

static void write_features(const world_t *world, const char *name, const float *x, uint32_t cols) {
  char shape[32];
  snprintf(shape, sizeof shape, "(%d, %u)", ITEMS, cols);
  folder_npy(&world->folder, name, "<f4", shape, x, sizeof *x * ITEMS * cols);
}

/* A column that does not vary, one far from 0, an item without the modality. */
static world_t world_make(void) {
  world_t world = {.folder = folder_make()};
  plt_rng_key_t key = plt_rng_key(3, "test", 0);
  char inter[64];
  snprintf(inter, sizeof inter, "userID\titemID\tx_label\n0\t%d\t0\n", ITEMS - 1);
  folder_text(&world.folder, "a.inter", inter);
  for (uint32_t i = 0; i < ITEMS; i++)
    for (uint32_t c = 0; c < COLS; c++) {
      double u = plt_rng_open01(plt_rng_draw(key, i, c, 0, 0).word[0]);
      world.x[i * COLS + c] = i == MISSING ? NAN : c == CONSTANT ? 0.1F : (float)(20 * u * u + (c == FAR ? 1e5 : 0));
    }
  write_features(&world, "a_feat.npy", world.x, COLS);
  return world;
}

static void set(world_t *world, const char *key, const char *value) {
  char assignment[256];
  snprintf(assignment, sizeof assignment, "%s=%s", key, value);
  cr_assert_eq(plt_config_set(world->config, assignment), PLT_OK, "%s", plt_fail_text());
}

static plt_status_t world_open(world_t *world, const char *scale, const char *missing, const plt_kept_t *kept) {
  plt_dataset_destroy(&world->data);
  plt_config_destroy(&world->config);
  world->config = plt_config_create();
  set(world, "data.path", world->folder.path);
  set(world, "data.features", "[a_feat.npy]");
  set(world, "data.scale", scale);
  set(world, "data.missing", missing);
  plt_status_t status = plt_config_apply(world->config, &plt_dataset_options);
  return status == PLT_OK ? plt_dataset_from_config(world->config, kept, &world->data) : status;
}

static void world_close(world_t *world) {
  plt_dataset_destroy(&world->data);
  plt_config_destroy(&world->config);
  folder_remove(&world->folder);
}

#define OPEN(world, scale, kept) \
  cr_assert_eq(world_open((world), (scale), "mean", (kept)), PLT_OK, "%s", plt_fail_text())

/* ---- against two passes in double ---- */

typedef struct naive {
  double x[ITEMS][COLS]; /* with means for who is missing */
  double mean[COLS], deviation[COLS], overall;
} naive_t;

static naive_t naive_of(const float *x) {
  naive_t naive = {0};
  double n = ITEMS - 1, mean = 0;
  for (int c = 0; c < COLS; c++) {
    for (int i = 0; i < ITEMS; i++) naive.mean[c] += i == MISSING ? 0 : (double)x[i * COLS + c] / n;
    for (int i = 0; i < ITEMS; i++) naive.x[i][c] = i == MISSING ? naive.mean[c] : (double)x[i * COLS + c];
    for (int i = 0; i < ITEMS; i++)
      if (i != MISSING) naive.deviation[c] += pow(naive.x[i][c] - naive.mean[c], 2) / n;
    naive.deviation[c] = sqrt(naive.deviation[c]);
    mean += naive.mean[c] / COLS;
  }
  for (int i = 0; i < ITEMS; i++)
    for (int c = 0; c < COLS && i != MISSING; c++) naive.overall += pow(naive.x[i][c] - mean, 2) / (n * COLS);
  naive.overall = sqrt(naive.overall);
  return naive;
}

static double expected(const naive_t *naive, plt_scale_t scale, int i, int c) {
  double squares = 0;
  for (int k = 0; k < COLS; k++) squares += naive->x[i][k] * naive->x[i][k];
  switch (scale) {
    case PLT_SCALE_STANDARD: return c == CONSTANT ? 0 : (naive->x[i][c] - naive->mean[c]) / naive->deviation[c];
    case PLT_SCALE_L2: return naive->x[i][c] / sqrt(squares);
    case PLT_SCALE_UNIT: return naive->x[i][c] / naive->overall;
    default: return naive->x[i][c];
  }
}

Test(scaling, as_two_passes_in_double) {
  world_t world = world_make();
  naive_t naive = naive_of(world.x);
  for (plt_scale_t scale = PLT_SCALE_NONE; scale <= PLT_SCALE_UNIT; scale++) {
    OPEN(&world, plt_scale_names[scale], NULL);
    const plt_feature_t *feature = &world.data->features[0];
    cr_assert(feature->missing.n == 1 && feature->missing.first == MISSING);
    for (int i = 0; i < ITEMS; i++) {
      float row[COLS];
      plt_feature_row(feature, (uint64_t)i, row);
      for (int c = 0; c < COLS; c++)
        cr_expect_float_eq((double)row[c], expected(&naive, scale, i, c), 2e-7 * fmax(1, fabs((double)row[c])),
                           "%s: item %d, column %d: %.9g, not %.9g", plt_scale_names[scale], i, c, (double)row[c],
                           expected(&naive, scale, i, c));
      if (scale == PLT_SCALE_STANDARD) cr_expect_eq(row[CONSTANT], 0);
      for (int c = 0; c < COLS && i == MISSING && scale == PLT_SCALE_STANDARD; c++) cr_expect_eq(row[c], 0);
    }
  }
  world_close(&world);
}

Test(scaling, deviations_are_those_wanted) {
  world_t world = world_make();
  OPEN(&world, "unit", NULL);
  cr_expect_float_eq(plt_feature_deviation(&world.data->features[0], ITEMS), 1, 0.02);
  OPEN(&world, "{a: standard}", NULL);
  cr_expect_float_eq(plt_feature_deviation(&world.data->features[0], ITEMS), sqrt(4.0 / 5.0), 0.02);
  world_close(&world);
}

/* What nothing varies in, and rows of zeros, stay finite. */
Test(scaling, degenerate_features) {
  world_t world = world_make();
  float same[ITEMS * 2] = {0}, row[2];
  for (int i = 0; i < ITEMS * 2; i++) same[i] = i < 4 ? 0 : 3e30F;
  write_features(&world, "a_feat.npy", same, 2);
  OPEN(&world, "l2", NULL);
  plt_feature_row(&world.data->features[0], 1, row);
  cr_expect(row[0] == 0 && row[1] == 0);
  plt_feature_row(&world.data->features[0], 2, row);
  cr_expect_float_eq((double)row[0], sqrt(0.5), 1e-6);
  for (int i = 0; i < ITEMS * 2; i++) same[i] = 0.3F;
  write_features(&world, "a_feat.npy", same, 2);
  OPEN(&world, "unit", NULL);
  plt_feature_row(&world.data->features[0], 2, row);
  cr_expect_eq(row[0], 0.3F);
  OPEN(&world, "standard", NULL);
  plt_feature_row(&world.data->features[0], 2, row);
  cr_expect_eq(row[0], 0);
  world_close(&world);
}

/* ---- everything that reads features reads the same ---- */

Test(scaling, as_a_file_of_scaled_values) {
  enum { K = 4 };
  world_t world = world_make(), other = world_make();
  static const char *const scales[] = {"standard", "l2", "unit", "none"};
  for (size_t s = 0; s < 4; s++) {
    OPEN(&world, scales[s], NULL);
    const plt_feature_t *scaled = &world.data->features[0], *read;
    float rows[ITEMS * COLS], gathered[3 * COLS], of_file[3 * COLS], lengths[2][ITEMS], cosines[2][ITEMS * K];
    uint32_t near[2][ITEMS * K];
    for (uint32_t i = 0; i < ITEMS; i++) plt_feature_row(scaled, i, rows + i * COLS);
    write_features(&other, "a_feat.npy", rows, COLS);
    OPEN(&other, "none", NULL);
    read = &other.data->features[0];
    cr_assert_null(read->scaling);
    const uint32_t items[] = {MISSING, 0, ITEMS - 1};
    plt_dataset_features(NULL, world.data, items, 3, gathered);
    plt_dataset_features(NULL, other.data, items, 3, of_file);
    cr_expect_arr_eq(gathered, of_file, sizeof of_file);
    for (int w = 0; w < 2; w++) {
      const plt_feature_t *of = w == 0 ? scaled : read;
      plt_feature_lengths(of, ITEMS, lengths[w]);
      plt_item_neighbours(of, ITEMS, K, 1, near[w]);
      plt_item_cosines(of, ITEMS, K, near[w], 1, cosines[w]);
    }
    cr_expect_arr_eq(lengths[0], lengths[1], sizeof lengths[0], "%s", scales[s]);
    cr_expect_arr_eq(near[0], near[1], sizeof near[0], "%s", scales[s]);
    cr_expect_arr_eq(cosines[0], cosines[1], sizeof cosines[0], "%s", scales[s]);
  }
  world_close(&other);
  world_close(&world);
}

/* The cache of neighbours knows how features are scaled. */
Test(scaling, hashes_differ) {
  world_t world = world_make();
  uint64_t hash[3];
  static const char *const scales[] = {"standard", "l2", "unit"};
  for (int s = 0; s < 3; s++) {
    OPEN(&world, scales[s], NULL);
    hash[s] = plt_scaling_hash(world.data->features[0].scaling, 1);
  }
  cr_expect(hash[0] != hash[1] && hash[1] != hash[2] && hash[0] != hash[2]);
  world_close(&world);
}

/* ---- kept ---- */

Test(scaling, kept_figures_hold_when_the_file_changes) {
  world_t world = world_make();
  char path[128];
  snprintf(path, sizeof path, "%s/%s", world.folder.path, PLT_KEPT_FILE);
  const plt_kept_t kept = {.path = path, .is_whole = true}, given = {.path = path};
  static const char *const scales[] = {"standard", "l2", "unit", "none"};
  for (size_t s = 0; s < 4; s++) {
    float before[2][COLS], after[2][COLS], fresh[COLS], changed[ITEMS * COLS];
    write_features(&world, "a_feat.npy", world.x, COLS);
    OPEN(&world, scales[s], NULL);
    cr_assert_eq(plt_features_keep(world.data, world.folder.path), PLT_OK, "%s", plt_fail_text());
    plt_feature_row(&world.data->features[0], 0, before[0]);
    plt_feature_row(&world.data->features[0], MISSING, before[1]);
    memcpy(changed, world.x, sizeof changed);
    for (int i = 1; i < ITEMS * COLS; i++) changed[i] *= i < COLS ? 1 : 2;
    write_features(&world, "a_feat.npy", changed, COLS);
    for (int k = 0; k < 2; k++) {
      OPEN(&world, scales[s], k == 0 ? &kept : &given);
      plt_feature_row(&world.data->features[0], 0, after[0]);
      plt_feature_row(&world.data->features[0], MISSING, after[1]);
      cr_expect_arr_eq(before, after, sizeof before, "%s: other rows by kept figures", scales[s]);
    }
    OPEN(&world, scales[s], NULL);
    plt_feature_row(&world.data->features[0], MISSING, fresh);
    if (s != 0) cr_expect_arr_neq(fresh, before[1], sizeof fresh, "%s: measuring anew says the same", scales[s]);
  }
  write_features(&world, "a_feat.npy", (const float[ITEMS * COLS]){0}, COLS);
  OPEN(&world, "none", NULL);
  cr_assert_eq(plt_features_keep(world.data, world.folder.path), PLT_OK);
  FILE *file = fopen(path, "r");
  cr_expect_null(file, "a file although nothing is to be kept");
  world_close(&world);
}

static void expect_fault(world_t *world, const char *scale, const char *missing, const plt_kept_t *kept,
                         plt_status_t status, const char *word) {
  cr_expect_eq(world_open(world, scale, missing, kept), status, "expected: %s", word);
  cr_expect_not_null(strstr(plt_fail_text(), word), "no \"%s\" in: %s", word, plt_fail_text());
  cr_expect_null(world->data);
}

Test(scaling, kept_figures_that_do_not_fit) {
  world_t world = world_make();
  char path[128];
  snprintf(path, sizeof path, "%s/%s", world.folder.path, PLT_KEPT_FILE);
  const plt_kept_t kept = {.path = path, .is_whole = true}, given = {.path = path};
  expect_fault(&world, "unit", "mean", &kept, PLT_ERR_DATA, "features.json: is not there");
  OPEN(&world, "unit", &given);
  cr_assert_eq(plt_features_keep(world.data, world.folder.path), PLT_OK);
  expect_fault(&world, "l2", "mean", &kept, PLT_ERR_USAGE, "trained with data.scale unit of a, and it is l2 now");
  expect_fault(&world, "none", "mean", &given, PLT_ERR_USAGE, "set it to {a: unit}");
  write_features(&world, "a_feat.npy", world.x + COLS * (MISSING + 1), 3);
  expect_fault(&world, "unit", "mean", &kept, PLT_ERR_DATA, "a had 5 columns");
  static const struct {
    const char *text, *word;
  } faults[] = {
      {"{", "features.json:1:"},
      {"{\"format\": 2}", "a format that is not known"},
      {"{\"format\": 1, \"features\": 5}", "has no figures"},
      {"{\"format\": 1, \"features\": [{\"name\": \"a\"}]}", "scale or columns are damaged"},
      {"{\"format\": 1, \"features\": [{\"name\": \"a\", \"scale\": \"unit\", \"columns\": 3, \"items\": 40, "
       "\"mean\": [1, 2], \"factor\": [1]}]}",
       "the figures of a are damaged"},
      {"{\"format\": 1, \"features\": [{\"name\": \"a\", \"scale\": \"unit\", \"columns\": 3, \"items\": 40, "
       "\"mean\": [1, 2, null], \"factor\": [1]}]}",
       "the figures of a are damaged"},
  };
  for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
    folder_text(&world.folder, PLT_KEPT_FILE, faults[f].text);
    expect_fault(&world, "unit", "mean", &kept, PLT_ERR_DATA, faults[f].word);
  }
  world_close(&world);
}

/* ---- faults of data and options ---- */

Test(scaling, faults) {
  world_t world = world_make();
  plt_dataset_t *data = NULL;
  expect_fault(&world, "none", "error", NULL, PLT_ERR_DATA, "row 7 is NaN throughout: item 7 has no a, one of 1");
  cr_expect_eq(plt_dataset_open(world.folder.path, NULL, (const char *const[]){"a_feat.npy"}, 1, &data), PLT_ERR_DATA);
  expect_fault(&world, "{b: l2}", "mean", NULL, PLT_ERR_USAGE, "no modality \"b\"; there are a");
  expect_fault(&world, "standart", "mean", NULL, PLT_ERR_USAGE, "did you mean standard?");
  world.x[5 * COLS + 2] = NAN;
  write_features(&world, "a_feat.npy", world.x, COLS);
  expect_fault(&world, "standard", "mean", NULL, PLT_ERR_DATA, "row 5, column 2 (from 0): NaN");
  for (int i = 0; i < ITEMS * COLS; i++) world.x[i] = NAN;
  write_features(&world, "a_feat.npy", world.x, COLS);
  expect_fault(&world, "none", "mean", NULL, PLT_ERR_DATA, "every row is NaN");
  world_close(&world);
}
