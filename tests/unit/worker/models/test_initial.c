/* test_initial.c - what the tables of every model start as: mean, deviation and shape of many draws, against the laws
 * that docs/methods/models.md and docs/methods/m3invrl.md write down, not against the models' own words for them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "proto/table_spec.h"
#include "worker/data/derived.h"
#include "worker/kit/augment.h"
#include "worker/models/registry.h"

/* No two sizes give the same deviation by chance. Modalities "text" and "image" of F columns; L: latents. */
enum { U = 300, I = 190, D = 16, F = 26, L = 12, K = 10, VALUES = 40000 };

typedef enum { XN, XU, LINEAR, NORMAL, ZERO, SOFTMAX } law_t;

/* XN, XU: xavier of a matrix of `rows` and `cols`. LINEAR: U(+-1 / sqrt(rows)). SOFTMAX: of such XN values. */
typedef struct start {
  const char *model, *table; /* a table of this name, or that and a modality */
  law_t law;
  double rows, cols;
} start_t;

static const start_t starts[] = {
    {"bpr", "user", XN, U, D},
    {"bpr", "item", XN, I, D},
    {"vbpr", "user", XU, U, 2 * D},
    {"vbpr", "item", XU, I, D},
    {"vbpr", "proj_w", XN, 2 * F, D},
    {"vbpr", "proj_b", ZERO, 0, 0},
    {"lightgcn", "user", XU, U, D},
    {"lightgcn", "item", XU, I, D},
    {"freedom", "user", XU, U, D},
    {"freedom", "item", XU, I, D},
    {"freedom", "trs_w", LINEAR, F, 0},
    {"freedom", "trs_b", LINEAR, F, 0},
    {"bm3", "user", XU, U, D},
    {"bm3", "item", XU, I, D},
    {"bm3", "pred_w", XN, D, D},
    {"bm3", "pred_b", LINEAR, D, 0},
    {"bm3", "trs_w", XN, F, D},
    {"bm3", "trs_b", LINEAR, F, 0},
    {"cm3", "user", XN, U, D},
    {"cm3", "mlp1_w", LINEAR, F, 0},
    {"cm3", "mlp1_b", LINEAR, F, 0},
    {"cm3", "mlp2_w", LINEAR, 4 * D, 0},
    {"cm3", "mix_w", XN, F, D},
    {"cm3", "mix_b", LINEAR, F, 0},
    {"cm3", "user_id", XN, U, D},
    {"cm3", "user_weight", XN, U, 3},
    {"ultragcn", "user", NORMAL, 0.01, 0},
    {"ultragcn", "item", NORMAL, 0.01, 0},
    {"ultragcn", "proj_w", NORMAL, 0.01, 0},
    {"ultragcn", "proj_b", ZERO, 0, 0},
    {"invrl", "user", NORMAL, 0.01, 0},
    {"invrl", "item", NORMAL, 0.01, 0},
    {"invrl", "proj_w", NORMAL, 0.01, 0},
    {"invrl", "proj_b", ZERO, 0, 0},
    {"m3invrl", "user", NORMAL, 0.01, 0},
    {"m3invrl", "item", NORMAL, 0.01, 0},
    {"m3invrl", "proj_w", NORMAL, 0.01, 0},
    {"m3invrl", "proj_b", ZERO, 0, 0},
    {"m3invrl", "enc_c_w", XN, F, K},
    {"m3invrl", "enc_c_b", ZERO, 0, 0},
    {"m3invrl", "enc_s_w", XN, F, K},
    {"m3invrl", "enc_s_b", ZERO, 0, 0},
    {"m3invrl", "mi_mu1_w", XN, K, K / 2.0},
    {"m3invrl", "mi_mu1_b", ZERO, 0, 0},
    {"m3invrl", "mi_mu2_w", XN, K / 2.0, K},
    {"m3invrl", "mi_mu2_b", ZERO, 0, 0},
    {"m3invrl", "mi_lv1_w", XN, K, K / 2.0},
    {"m3invrl", "mi_lv1_b", ZERO, 0, 0},
    {"m3invrl", "mi_lv2_w", XN, K / 2.0, K},
    {"m3invrl", "mi_lv2_b", ZERO, 0, 0},
    {"dragon", "pref", XN, U, D},
    {"dragon", "mlp1_w", LINEAR, F, 0},
    {"dragon", "mlp1_b", LINEAR, F, 0},
    {"dragon", "mlp2_w", LINEAR, 4 * D, 0},
    {"dragon", "mlp2_b", LINEAR, 4 * D, 0},
    {"dragon", "user_weight", SOFTMAX, U, 2},
    {"dualgnn", "pref", XN, U, D},
    {"dualgnn", "mlp1_w", LINEAR, F, 0},
    {"dualgnn", "mlp1_b", LINEAR, F, 0},
    {"dualgnn", "mlp2_w", LINEAR, 4 * D, 0},
    {"dualgnn", "mlp2_b", LINEAR, 4 * D, 0},
    {"dualgnn", "user_weight", SOFTMAX, U, 2},
    {"mmgcn", "user", XN, U + I, D},
    {"mmgcn", "item", XN, U + I, D},
    {"mmgcn", "pref_text", XN, U, F},
    {"mmgcn", "pref_image", XN, U, L},
    {"mmgcn", "mlp_w", LINEAR, F, 0},
    {"mmgcn", "mlp_b", LINEAR, F, 0},
    {"mmgcn", "conv1_w_text", XN, F, F},
    {"mmgcn", "conv1_w_image", XN, L, L},
    {"mmgcn", "conv2_w", XN, D, D},
    {"mmgcn", "conv3_w", XN, D, D},
    {"mmgcn", "lin1_w_text", XN, F, D},
    {"mmgcn", "lin1_w_image", XN, L, D},
    {"mmgcn", "lin1_b_text", LINEAR, F, 0},
    {"mmgcn", "lin1_b_image", LINEAR, L, 0},
    {"mmgcn", "lin2_w", XN, D, D},
    {"mmgcn", "lin2_b", LINEAR, D, 0},
    {"mmgcn", "lin3_w", XN, D, D},
    {"mmgcn", "lin3_b", LINEAR, D, 0},
    {"mmgcn", "mix1_w_text", XN, F + D, D},
    {"mmgcn", "mix1_w_image", XN, L + D, D},
    {"mmgcn", "mix1_b_text", LINEAR, F + D, 0},
    {"mmgcn", "mix1_b_image", LINEAR, L + D, 0},
    {"mmgcn", "mix2_w", LINEAR, 2 * D, 0},
    {"mmgcn", "mix2_b", LINEAR, 2 * D, 0},
    {"mmgcn", "mix3_w", LINEAR, 2 * D, 0},
    {"mmgcn", "mix3_b", LINEAR, 2 * D, 0},
    {"grcn", "user", XN, U + I, D},
    {"grcn", "item", XN, U + I, D},
    {"grcn", "conf_user", XN, U + I, 2},
    {"grcn", "conf_item", XN, U + I, 2},
    {"grcn", "pref", XN, U, L},
    {"grcn", "mlp_w", XN, F, L},
    {"grcn", "mlp_b", LINEAR, F, 0},
    {"mgcn", "user", XU, U, D},
    {"mgcn", "item", XU, I, D},
    {"mgcn", "query1_w", LINEAR, D, 0},
    {"mgcn", "query1_b", LINEAR, D, 0},
    {"mgcn", "query2_w", LINEAR, D, 0},
    {"mgcn", "gate_w", LINEAR, D, 0},
    {"mgcn", "gate_b", LINEAR, D, 0},
    {"mgcn", "prefer_w", LINEAR, D, 0},
    {"mgcn", "prefer_b", LINEAR, D, 0},
    {"mgcn", "trs_w", LINEAR, F, 0},
    {"mgcn", "trs_b", LINEAR, F, 0},
    {"slmrec", "user", XU, U, D},
    {"slmrec", "item", XU, I, D},
    {"slmrec", "fuse_user_w", XU, 3 * D, D},
    {"slmrec", "fuse_user_b", LINEAR, 3 * D, 0},
    {"slmrec", "fuse_item_w", XU, 3 * D, D},
    {"slmrec", "fuse_item_b", LINEAR, 3 * D, 0},
    {"slmrec", "fac_id_w", XU, D, D},
    {"slmrec", "fac_id_b", LINEAR, D, 0},
    {"slmrec", "trs_w", XU, F, D},
    {"slmrec", "trs_b", LINEAR, F, 0},
    {"slmrec", "fac_w_text", XU, D, D},
    {"slmrec", "fac_w_image", XU, D, D / 2.0},
    {"slmrec", "fac_b", LINEAR, D, 0},
    {"slmrec", "fac_mid_w", XU, D, D},
    {"slmrec", "fac_mid_b", LINEAR, D, 0},
    {"slmrec", "fac_down_w", XU, D, D / 2.0},
    {"slmrec", "fac_down_b", LINEAR, D, 0},
    {"lgmrec", "user", XU, U, D},
    {"lgmrec", "item", XU, I, D},
    {"lgmrec", "trs_w", XU, F, D},
    {"lgmrec", "hyper_w", XU, F, 4},
};

enum { STARTS = sizeof starts / sizeof *starts };

/* The row that says most of a table's name. */
static const start_t *find_start(const char *model, const char *table) {
  const start_t *found = NULL;
  for (size_t k = 0; k < STARTS; k++) {
    size_t n = strlen(starts[k].table);
    if (strcmp(starts[k].model, model) != 0 || strncmp(starts[k].table, table, n) != 0) continue;
    if (table[n] != '\0' && strcmp(table + n, "_text") != 0 && strcmp(table + n, "_image") != 0) continue;
    if (found == NULL || n > strlen(found->table)) found = &starts[k];
  }
  return found;
}

/* ---- models ---- */

/* Those of a procedure have the tables of the stage in which they are born. */
static const plt_option_t stage_rows[] = {{.key = "stage", .type = PLT_OPT_TEXT, .fallback = "train"},
                                          {.key = "mi", .type = PLT_OPT_TEXT, .fallback = "vclub"},
                                          {.key = "alignment", .type = PLT_OPT_BOOL, .fallback = "true"},
                                          {.key = "a_con", .type = PLT_OPT_REAL, .fallback = "0.1"},
                                          {.key = "tau", .type = PLT_OPT_REAL, .fallback = "0.2"},
                                          {.key = "a_mi", .type = PLT_OPT_REAL, .fallback = "0.01"}};
static const plt_option_table_t stage_options = {"stage", stage_rows, sizeof stage_rows / sizeof *stage_rows};

static void set(plt_config_t *config, const char *key, const char *value) {
  char assignment[128];
  snprintf(assignment, sizeof assignment, "%s=%s", key, value);
  cr_assert_eq(plt_config_set(config, assignment), PLT_OK);
}

static plt_model_t *make(const plt_model_ops_t *ops, const plt_dataset_t *data) {
  plt_config_t *config = plt_config_create();
  plt_model_t *model = NULL;
  set(config, "model.name", ops->name);
  set(config, "model.dim", "16");
  if (strcmp(ops->name, "mmgcn") == 0) set(config, "model.latent", "{image: 12}");
  if (strcmp(ops->name, "mmgcn") == 0) set(config, "model.layers", "3");
  if (strcmp(ops->name, "grcn") == 0) set(config, "model.latent", "12");
  if (strcmp(ops->name, "m3invrl") == 0) set(config, "model.width", "10");
  if (ops->of_stage != NULL) set(config, "stage", strcmp(ops->name, "invrl") == 0 ? "pretrain" : "encoders");
  const plt_option_table_t *const tables[] = {&plt_model_options, &plt_augment_options, &ops->options, &stage_options};
  for (size_t t = 0; t < 4; t++) cr_assert_eq(plt_config_apply(config, tables[t]), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_model_create(config, data, &model), PLT_OK, "%s: %s", ops->name, plt_fail_text());
  plt_config_destroy(&config);
  return model;
}

/* ---- draws ---- */

typedef struct draws {
  double n, mean, square, fourth, largest;
} draws_t;

static void add(draws_t *draws, double x) {
  draws->n++;
  draws->mean += x;
  draws->square += x * x;
  draws->fourth += x * x * x * x;
  draws->largest = fmax(draws->largest, fabs(x));
}

/* Rows of tables of many seeds; of a softmax the logarithm of the first's share over the second's. */
static draws_t draw(const plt_model_table_t *table, law_t law) {
  draws_t draws = {0};
  plt_table_spec_t spec = {.rows = table->rows, .cols = table->cols, .init = table->init};
  snprintf(spec.name, sizeof spec.name, "%s", table->name);
  float *row = plt_mem_alloc(table->cols * sizeof *row);
  for (spec.seed = 1; draws.n < VALUES; spec.seed++)
    for (uint64_t key = 0; key < table->rows && draws.n < VALUES; key++) {
      plt_table_spec_birth(&spec, 0, key, row);
      if (law == SOFTMAX) cr_assert_float_eq((double)row[0] + (double)row[1], 1, 1e-6);
      if (law == SOFTMAX) add(&draws, log((double)row[0] / (double)row[1]));
      for (uint32_t c = 0; c < table->cols && law != SOFTMAX; c++) add(&draws, (double)row[c]);
    }
  free(row);
  draws.mean /= draws.n;
  draws.square /= draws.n;
  draws.fourth /= draws.n;
  return draws;
}

static double deviation_of(const start_t *start) {
  switch (start->law) {
    case XN:
    case XU: return sqrt(2 / (start->rows + start->cols));
    case LINEAR: return sqrt(1 / (3 * start->rows));
    case NORMAL: return start->rows;
    case SOFTMAX: return sqrt(2 * 2 / (start->rows + start->cols));
    default: return 0;
  }
}

/* Within five standard errors: of a deviation it is 1 / sqrt(2n) of it at most, of normal kurtosis sqrt(24 / n). */
static void expect(const start_t *start, const plt_model_table_t *table) {
  draws_t draws = draw(table, start->law);
  double deviation = deviation_of(start), n = draws.n, kurtosis = draws.fourth / (draws.square * draws.square);
  bool is_uniform = start->law == XU || start->law == LINEAR;
  cr_expect_leq(fabs(draws.mean), 5 * deviation / sqrt(n), "%s %s: mean %g", start->model, table->name, draws.mean);
  cr_expect_leq(fabs(sqrt(draws.square) - deviation), 5 * deviation / sqrt(2 * n), "%s %s: deviation %g, not %g",
                start->model, table->name, sqrt(draws.square), deviation);
  if (start->law == ZERO) return;
  cr_expect_leq(fabs(kurtosis - (is_uniform ? 1.8 : 3)), 5 * sqrt(24 / n), "%s %s: kurtosis %g", start->model,
                table->name, kurtosis);
  if (is_uniform) cr_expect_leq(draws.largest, deviation * sqrt(3.0) * (1 + 1e-6), "%s %s", start->model, table->name);
}

Test(initial, every_table_of_every_model) {
  static plt_pair_t pairs[1];
  static uint64_t offset[U + 1];
  static uint32_t item[1];
  static float zeros[I * F];
  plt_feature_t features[] = {
      {.name = (char *)(uintptr_t) "text", .array = {.type = PLT_NPY_F4, .cols = F, .rows = I, .data = zeros}},
      {.name = (char *)(uintptr_t) "image", .array = {.type = PLT_NPY_F4, .cols = F, .rows = I, .data = zeros}}};
  for (uint32_t u = 0; u < U; u++) offset[u + 1] = 1;
  plt_dataset_t data = {.users = U,
                        .items = I,
                        .train = pairs,
                        .n_train = 1,
                        .part = {[PLT_PART_TRAIN] = {offset, item, 1}},
                        .features = features,
                        .n_features = 2};
  for (size_t k = 0; plt_models[k] != NULL; k++) {
    const char *name = plt_models[k]->name;
    data.derived = plt_derived_create();
    plt_model_t *model = make(plt_models[k], &data);
    for (size_t t = 0; t < model->n_tables; t++) {
      const start_t *start = find_start(name, model->tables[t].name);
      cr_assert_not_null(start, "%s: nobody says what table %s starts as", name, model->tables[t].name);
      expect(start, &model->tables[t]);
    }
    plt_model_destroy(&model);
    plt_derived_destroy(&data.derived);
  }
}
