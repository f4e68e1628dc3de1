/* test_model.c - losses of bpr and vbpr against plain loops in double, their gradients against differences of those
 * loops, and golden runs under sgd, where a whole run is w -= lr * g. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "common/io/npy.h"
#include "tests/unit/worker/make.h"
#include "tests/unit/worker/naive.h"
#include "worker/kit/forward.h"
#include "worker/math/vectors.h"
#include "worker/strategies/registry.h"

enum { TABLES = 4, IDS = 64, MOST_FEATURES = 8 };

static const plt_option_t optimizer_rows[] = {
    {.key = "optimizer.name", .type = PLT_OPT_TEXT, .fallback = "sgd", .help = "For the tests."},
    {.key = "optimizer.lr", .type = PLT_OPT_REAL, .fallback = "0.1", .help = "For the tests."}};
static const plt_option_table_t optimizer_options = {"optimizer", optimizer_rows, 2};

/* ---- a leaf with all its numbers in one vector, table after table ---- */

typedef struct leaf {
  plt_model_t *model;
  plt_tape_t *tape;
  plt_arena_t *arena;
  plt_closure_maker_t *maker;
  plt_leaf_pass_t pass;
  size_t rows[TABLES], first[TABLES], n; /* of the tables in the vector */
} leaf_t;

/* Of users 0 .. users - 1 and items 0 .. items - 1; `ids` counts as far. */
static void leaf_open(leaf_t *leaf, const plt_dataset_t *data, const uint32_t *ids, size_t users, size_t items,
                      const plt_samples_t *samples) {
  leaf->tape = plt_tape_create(NULL);
  leaf->arena = plt_arena_create();
  leaf->maker = plt_closure_maker_create(&leaf->model->programme, NULL, 0, NULL);
  plt_frontier_t own = {{ids, ids}, {users, items}};
  leaf->pass = (plt_leaf_pass_t){
      .data = data, .closure = plt_closure_make(leaf->maker, 0, 0, 0, &own, leaf->arena), .samples = *samples};
  leaf->n = 0;
  for (size_t i = 0; i < leaf->model->n_tables; i++) {
    const plt_model_table_t *table = &leaf->model->tables[i];
    plt_side_t side = plt_entity_side(table->entity);
    leaf->rows[i] = side == PLT_SIDES ? table->rows : own.n[side];
    leaf->first[i] = leaf->n;
    leaf->n += leaf->rows[i] * table->cols;
  }
}

static void leaf_close(leaf_t *leaf) {
  plt_closure_maker_destroy(&leaf->maker);
  plt_arena_destroy(&leaf->arena);
  plt_tape_destroy(&leaf->tape);
  plt_model_destroy(&leaf->model);
  cr_assert_null(leaf->model);
}

/* A plt_gradient_fn. */
static double gradient_at(void *context, const float *w, float *gradient) {
  leaf_t *leaf = context;
  plt_var_t tables[TABLES];
  plt_tape_reset(leaf->tape);
  memset(gradient, 0, leaf->n * sizeof *gradient);
  for (size_t i = 0; i < leaf->model->n_tables; i++) {
    tables[i] = plt_tape_parameter(leaf->tape, leaf->rows[i], leaf->model->tables[i].cols, w + leaf->first[i],
                                   gradient + leaf->first[i]);
  }
  plt_var_t loss = plt_model_loss(leaf->model, leaf->tape, &leaf->pass, tables);
  plt_tape_backward(leaf->tape, loss);
  return plt_tape_scalar(leaf->tape, loss);
}

/* ---- the naive twin ---- */

/* Column j of item row i. */
static double item_at(const leaf_t *leaf, const double *w, size_t i, size_t j, size_t f) {
  size_t d = leaf->model->tables[1].cols;
  if (j < d) return w[leaf->first[1] + i * d + j];
  double sum = w[leaf->first[3] + j - d];
  float x[MOST_FEATURES];
  plt_dataset_features(NULL, leaf->pass.data, &(uint32_t){(uint32_t)i}, 1, x);
  for (size_t l = 0; l < f; l++) sum += x[l] * w[leaf->first[2] + l * d + j - d];
  return sum;
}

static double twin_loss(const leaf_t *leaf, const double *w, size_t f, double reg) {
  const plt_samples_t *samples = &leaf->pass.samples;
  size_t width = leaf->model->score_cols;
  double bpr = 0, squares[3] = {0};
  for (size_t s = 0; s < samples->n; s++) {
    double difference = 0;
    for (size_t j = 0; j < width; j++) {
      double u = w[samples->user[s] * width + j], p = item_at(leaf, w, samples->positive[s], j, f);
      double n = item_at(leaf, w, samples->negative[s], j, f);
      difference += u * (p - n);
      squares[0] += u * u, squares[1] += p * p, squares[2] += n * n;
    }
    bpr -= log(1e-10 + 1 / (1 + exp(-difference)));
  }
  double norms = sqrt(squares[0]) + sqrt(squares[1]) + sqrt(squares[2]);
  return (bpr + reg * norms) / (double)samples->n;
}

static void check_model(const char *name, size_t users, size_t items, size_t n, plt_dataset_t *data, uint32_t seed) {
  naive_rng_t rng = {seed};
  leaf_t leaf = {0};
  char setting[64];
  snprintf(setting, sizeof setting, "model.name=%s", name);
  cr_assert_eq(MAKE(&leaf.model, data, setting, "model.dim=5", "model.reg=0.125"), PLT_OK, "%s", plt_fail_text());
  size_t f = leaf.model->ops->uses_features ? plt_dataset_feature_cols(data) : 0;
  uint32_t *places = malloc(3 * n * sizeof *places);
  for (size_t s = 0; s < n; s++) {
    places[s] = naive_below(&rng, (uint32_t)users);
    places[n + s] = naive_below(&rng, (uint32_t)items);
    places[2 * n + s] = naive_below(&rng, (uint32_t)items);
  }
  uint32_t ids[IDS];
  for (uint32_t i = 0; i < IDS; i++) ids[i] = i;
  leaf_open(
      &leaf, data, ids, users, items,
      &(plt_samples_t){.n = n, .negatives = 1, .user = places, .positive = places + n, .negative = places + 2 * n});
  float *w = naive_matrix(&rng, leaf.n, -1, 1), *gradient = malloc(leaf.n * sizeof *gradient);
  double *exact = malloc(leaf.n * sizeof *exact);
  for (size_t i = 0; i < leaf.n; i++) exact[i] = w[i];
  double loss = gradient_at(&leaf, w, gradient);
  cr_assert(naive_near(loss, twin_loss(&leaf, exact, f, 0.125), 1e-6), "%s: %.9g", name, loss);
  for (size_t i = 0; i < leaf.n; i++) {
    const double h = 1e-6;
    exact[i] = w[i] + h;
    double above = twin_loss(&leaf, exact, f, 0.125);
    exact[i] = w[i] - h;
    double want = (above - twin_loss(&leaf, exact, f, 0.125)) / (2 * h);
    exact[i] = w[i];
    cr_assert(naive_near(gradient[i], want, 2e-6), "%s: derivative %zu is %g, not %g", name, i, (double)gradient[i],
              want);
  }
  free(places), free(w), free(gradient), free(exact);
  leaf_close(&leaf);
}

Test(model, losses_and_gradients) {
  naive_rng_t rng = {4};
  float *x = naive_matrix(&rng, 9 * 7, -1, 1);
  plt_feature_t features[] = {{.array = {.type = PLT_NPY_F4, .rows = 9, .cols = 3, .data = x}},
                              {.array = {.type = PLT_NPY_F4, .rows = 9, .cols = 4, .data = x + 9 * 3}}};
  plt_dataset_t data = {.users = 8, .items = 9, .features = features, .n_features = 2};
  const char *names[] = {"bpr", "vbpr"};
  for (size_t i = 0; i < 2; i++) {
    check_model(names[i], 1, 1, 1, &data, 1);
    check_model(names[i], 6, 7, 20, &data, 2);
    check_model(names[i], 3, 9, 40, &data, 3);
  }
  free(x);
}

static void expect_table(const plt_model_t *model, size_t at, const char *name, plt_entity_t entity, uint64_t rows,
                         uint32_t cols, plt_init_kind_t kind, double scale) {
  const plt_model_table_t *table = &model->tables[at];
  cr_assert_str_eq(table->name, name);
  cr_assert(table->entity == entity && table->rows == rows && table->cols == cols, "%s", name);
  cr_assert(table->init.kind == kind && naive_near(table->init.scale, scale, 1e-15), "%s: %g", name, table->init.scale);
}

Test(model, tables) {
  plt_feature_t features[] = {{.array = {.cols = 3}}, {.array = {.cols = 4}}};
  plt_dataset_t data = {.users = 80, .items = 90, .features = features, .n_features = 2};
  plt_model_t *model;
  cr_assert_eq(MAKE(&model, &data, "model.name=bpr"), PLT_OK, "%s", plt_fail_text());
  cr_assert(model->n_tables == 2 && model->score_cols == 64 && model->negatives == 1 && model->ops->loss_is_mean);
  expect_table(model, 0, "user", PLT_ENTITY_USER, 80, 64, PLT_INIT_NORMAL, sqrt(2.0 / 144));
  expect_table(model, 1, "item", PLT_ENTITY_ITEM, 90, 64, PLT_INIT_NORMAL, sqrt(2.0 / 154));
  plt_model_destroy(&model);
  cr_assert_eq(MAKE(&model, &data, "model.name=vbpr", "model.dim=10"), PLT_OK, "%s", plt_fail_text());
  cr_assert(model->n_tables == 4 && model->score_cols == 20 && model->negatives == 1);
  expect_table(model, 0, "user", PLT_ENTITY_USER, 80, 20, PLT_INIT_UNIFORM, sqrt(6.0 / 100));
  expect_table(model, 1, "item", PLT_ENTITY_ITEM, 90, 10, PLT_INIT_UNIFORM, sqrt(6.0 / 100));
  expect_table(model, 2, "proj_w", PLT_ENTITY_DENSE, 7, 10, PLT_INIT_NORMAL, sqrt(2.0 / 17));
  expect_table(model, 3, "proj_b", PLT_ENTITY_DENSE, 1, 10, PLT_INIT_ZERO, 0);
  plt_model_destroy(&model);
}

Test(model, errors) {
  plt_dataset_t data = {.users = 8, .items = 9};
  plt_model_t *model = NULL;
  cr_assert_eq(MAKE(&model, &data, "model.dim=5"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "bpr, vbpr"), "%s", plt_fail_text());
  cr_assert_eq(MAKE(&model, &data, "model.name=vbrp"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "vbrp") && strstr(plt_fail_text(), "bpr, vbpr"), "%s", plt_fail_text());
  cr_assert_eq(MAKE(&model, &data, "model.name=vbpr"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "data.features"), "%s", plt_fail_text());
  cr_assert_null(model);
}

/* ---- golden runs ---- */

static char *golden_path(const char *name, const char *file) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s/%s", PLT_GOLDEN_DIR, name, file);
  return path;
}

static void read_table(const char *name, const char *folder, const char *table, float *out) {
  char file[128];
  plt_npy_t npy;
  snprintf(file, sizeof file, "%s/%s.npy", folder, table);
  cr_assert_eq(plt_npy_open(golden_path(name, file), &npy), PLT_OK, "%s", plt_fail_text());
  for (uint64_t row = 0; row < npy.rows; row++) plt_npy_row_f32(&npy, row, out + row * npy.cols);
  plt_npy_close(&npy);
}

/* The numbers of "loss": [...]. */
static size_t read_losses(const char *name, double *out, size_t room) {
  char text[8192];
  FILE *file = fopen(golden_path(name, "expect/loss.json"), "r");
  cr_assert_not_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  size_t n = 0;
  for (char *at = strchr(text, '['); *at != ']' && n < room;) out[n++] = strtod(at + 1, &at), at += strspn(at, " \n");
  return n;
}

static plt_config_t *golden_config(const char *name) {
  plt_config_t *config = plt_config_create();
  cr_assert_eq(plt_config_read(config, golden_path(name, "config.yaml")), PLT_OK, "%s", plt_fail_text());
  make_apply(config, &optimizer_options);
  make_apply(config, &plt_model_options);
  make_apply(config, &plt_augment_options);
  make_apply(config, &plt_strategy_options);
  make_apply(config, &plt_model_find(plt_config_text(config, "model.name"))->options);
  make_apply(config, &plt_strategy_find(plt_config_text(config, "strategy.name"))->options);
  return config;
}

/* The tables of `folder`, one behind the other as the leaf has them. */
static void read_tables(const char *name, const char *folder, const leaf_t *leaf, float *out) {
  for (size_t i = 0; i < leaf->model->n_tables; i++) {
    read_table(name, folder, leaf->model->tables[i].name, out + leaf->first[i]);
  }
}

static void expect_near(const char *name, const float *w, const float *want, size_t n) {
  for (size_t i = 0; i < n; i++) {
    cr_assert(fabs((double)w[i] - want[i]) <= 2e-6, "%s: number %zu is %.9g, not %.9g", name, i, (double)w[i],
              (double)want[i]);
  }
}

/* A whole run under sgd, its first loss under other optimizers.
 * Every row of the case is in the leaf, so positions are ids and rows that a batch does not touch have gradient 0. */
static void check_golden(const char *name) {
  enum { SAMPLES = 64, STEPS = 32 };
  static const char *const feature_files[] = {"text_feat.npy", "image_feat.npy"};
  plt_config_t *config = golden_config(name);
  plt_dataset_t *data;
  leaf_t leaf = {0};
  plt_strategy_t *strategy;
  cr_assert_eq(plt_dataset_open(golden_path(name, "data"), NULL, feature_files, 2, &data), PLT_OK, "%s",
               plt_fail_text());
  cr_assert_eq(plt_model_create(config, data, &leaf.model), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_strategy_create(config, &strategy), PLT_OK, "%s", plt_fail_text());

  uint32_t ids[IDS], user[SAMPLES], positive[SAMPLES], negative[SAMPLES];
  for (uint32_t i = 0; i < IDS; i++) ids[i] = i;
  leaf_open(&leaf, data, ids, data->users, data->items,
            &(plt_samples_t){.negatives = 1, .user = user, .positive = positive, .negative = negative});
  float *w = malloc(4 * leaf.n * sizeof *w), *gradient = w + leaf.n;
  read_tables(name, "init", &leaf, w);

  plt_npy_t batches;
  double losses[STEPS];
  size_t steps = read_losses(name, losses, STEPS);
  cr_assert_eq(plt_npy_open(golden_path(name, "batches.npy"), &batches), PLT_OK, "%s", plt_fail_text());
  cr_assert(steps > 0 && batches.rows == steps);
  leaf.pass.samples.n = batches.cols / 3;
  bool whole_run = strcmp(plt_config_text(config, "optimizer.name"), "sgd") == 0;
  if (!whole_run) steps = 1;
  for (uint32_t step = 0; step < steps; step++) {
    for (size_t s = 0; s < leaf.pass.samples.n; s++) {
      user[s] = (uint32_t)plt_npy_int(&batches, step, 3 * s);
      positive[s] = (uint32_t)plt_npy_int(&batches, step, 3 * s + 1);
      negative[s] = (uint32_t)plt_npy_int(&batches, step, 3 * s + 2);
    }
    double lr = plt_config_real(config, "optimizer.lr");
    plt_objective_t objective = {.gradient_at = gradient_at,
                                 .context = &leaf,
                                 .n = leaf.n,
                                 .w = w,
                                 .point = w + 2 * leaf.n,
                                 .second = w + 3 * leaf.n,
                                 .batch = step,
                                 .eta = lr};
    double loss = strategy->ops->gradient(strategy, &objective, gradient);
    cr_assert(fabs(loss - losses[step]) <= 1e-6 * losses[step], "%s: loss of step %u is %.9g, not %.9g", name, step,
              loss, losses[step]);
    plt_vector_blend(w, 1, w, -lr, gradient, leaf.n);
  }

  read_tables(name, "expect", &leaf, gradient);
  if (whole_run) expect_near(name, w, gradient, leaf.n);
  plt_npy_close(&batches);
  free(w);
  plt_strategy_destroy(&strategy);
  leaf_close(&leaf);
  plt_dataset_destroy(&data);
  plt_config_destroy(&config);
}

Test(model, golden_vbpr_plain_sgd) { check_golden("vbpr-plain-sgd"); }
Test(model, golden_vbpr_bsam_plus_sgd) { check_golden("vbpr-bsam+-sgd"); }
Test(model, golden_vbpr_mirror_sgd) { check_golden("vbpr-mirror-sgd"); }
Test(model, golden_vbpr_plain_adam) { check_golden("vbpr-plain-adam"); }
Test(model, golden_bpr_plain_adam) { check_golden("bpr-plain-adam"); }
