/* test_kit.c - what models are made of, where there is too much of it: modalities, tables, states. */
#include <stdio.h>
#include <string.h>

#include "common/rng.h"
#include "tests/unit/worker/golden.h"
#include "tests/unit/worker/make.h"
#include "tests/unit/worker/naive.h"
#include "worker/kit/kit.h"

enum { USERS = 30, ITEMS = 20, MODALITIES = PLT_MODALITIES_MAX + 1 };

static const char *const names[MODALITIES] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"};

/* Data with so many modalities of 3 columns; every user has item 0. */
static plt_dataset_t invent(size_t modalities, plt_feature_t *features) {
  static uint64_t offset[USERS + 1];
  static uint32_t item[USERS];
  static plt_pair_t pairs[USERS];
  for (uint32_t u = 0; u < USERS; u++) {
    offset[u + 1] = u + 1;
    pairs[u] = (plt_pair_t){u, 0};
  }
  for (size_t m = 0; m < modalities; m++)
    features[m] = (plt_feature_t){.name = (char *)(uintptr_t)names[m], .array = {.cols = 3, .rows = ITEMS}};
  return (plt_dataset_t){.users = USERS,
                         .items = ITEMS,
                         .train = pairs,
                         .n_train = USERS,
                         .part = {[PLT_PART_TRAIN] = {offset, item, USERS}},
                         .features = features,
                         .n_features = modalities};
}

/* A model refuses more modalities than its arrays hold; vbpr and bm3 have none of them. */
Test(kit, more_modalities_than_there_is_room_for) {
  plt_feature_t features[MODALITIES];
  plt_dataset_t data = invent(MODALITIES, features);
  for (size_t i = 0; plt_models[i] != NULL; i++) {
    char name[64];
    plt_model_t *model = NULL;
    if (!plt_models[i]->uses_features || plt_models[i]->of_stage != NULL) continue;
    snprintf(name, sizeof name, "model.name=%s", plt_models[i]->name);
    bool any = strcmp(plt_models[i]->name, "vbpr") == 0 || strcmp(plt_models[i]->name, "bm3") == 0;
    plt_status_t status = MAKE(&model, &data, name, "model.dim=4");
    cr_assert_eq(status, any ? PLT_OK : PLT_ERR_USAGE, "%s", name);
    const char *most = strcmp(plt_models[i]->name, "slmrec") == 0 ? "at most 2 modalities" : "at most 8 modalities";
    if (!any) cr_assert(strstr(plt_fail_text(), most), "%s", plt_fail_text());
    cr_assert_eq(model != NULL, any);
    plt_model_destroy(&model);
  }
}

Test(kit, more_tables_than_there_is_room_for) {
  plt_feature_t features[MODALITIES];
  plt_dataset_t data = invent(8, features);
  plt_model_t *model = NULL;
  /* users, items; per modality preferences and five per layer */
  cr_assert_eq(MAKE(&model, &data, "model.name=mmgcn", "model.layers=3", "model.dim=4"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "mmgcn has 130 tables") && strstr(plt_fail_text(), "96"), "%s", plt_fail_text());
  cr_assert_null(model);
  cr_assert_eq(MAKE(&model, &data, "model.name=mmgcn", "model.layers=2", "model.dim=4"), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(model->n_tables, 2 + 8 * 11);
  plt_model_destroy(&model);
}

Test(kit, more_states_than_there_is_room_for) {
  plt_feature_t features[MODALITIES];
  plt_dataset_t data = invent(8, features);
  plt_model_t *model = NULL;
  cr_assert_eq(MAKE(&model, &data, "model.name=grcn", "model.routing=8", "model.dim=4", "model.latent=4"),
               PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "91 states") && strstr(plt_fail_text(), "64"), "%s", plt_fail_text());
  cr_assert_null(model);
}

/* Chains go on where there is no room for them any more: settling says so. */
Test(kit, chains_beyond_the_last_state) {
  plt_model_t *model = plt_mem_zalloc(1, sizeof *model);
  plt_relation_plan_t likes = {.kind = PLT_RELATION_ITEM_ITEM};
  size_t last = 0, items = plt_model_add_relation(model, &likes);
  model->layers.n = PLT_LAYERS_MAX;
  for (size_t chain = 0; chain < 9; chain++) {
    last = plt_model_add_propagation(model, &(plt_state_t){.cols = 4}, 0);
    cr_assert_eq(last, 9 * chain + 8);
  }
  last = plt_model_add_layers(model, 0, last);
  cr_assert_eq(plt_model_add_item_hops(model, items, last, 3), last + 3);
  cr_assert_eq(model->programme.n_states, 9 * 9 + 8 + 3);
  cr_assert_eq(plt_programme_settle(&model->programme), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "92 states"), "%s", plt_fail_text());
  free(model);
}

/* ---- programmes ---- */

Test(kit, layers_draw_the_nearest_first) {
  plt_model_t *model = plt_mem_zalloc(1, sizeof *model);
  model->layers = (plt_model_layers_t){.n = 3, .n_fanout = 3, .fanout = {7, 5, 2}};
  cr_assert_eq(plt_model_add_propagation(model, &(plt_state_t){.cols = 4, .computes = true, .floats = 9}, 0.25), 3);
  const plt_programme_t *p = &model->programme;
  cr_assert(p->n_relations == 1 && p->relation[0].kind == PLT_RELATION_USER_ITEM &&
            p->relation[0].edge_dropout == 0.25);
  cr_assert(p->n_states == 4 && p->outputs == 15 && p->state[0].relation == PLT_ALONE && p->state[0].floats == 9);
  cr_assert(p->state[0].computes && p->state[0].sides == PLT_BOTH);
  for (size_t k = 1; k < 4; k++) {
    const plt_state_t *hop = &p->state[k];
    cr_assert(hop->from == k - 1 && hop->cols == 4 && hop->sides == PLT_BOTH && !hop->computes && hop->relation == 0);
    cr_assert_eq(hop->fanout, model->layers.fanout[3 - k], "the last hop's rows are the own nodes");
    for (size_t other = 1; other < k; other++) cr_assert_neq(p->state[other].draw, hop->draw);
  }
  free(model);
}

/* Which elements are left out is a function of node and column: a word of a block for each, whatever the width, whoever
 * computes, and however many nodes stand beside it. */
Test(kit, dropout_has_a_word_for_each_element) {
  enum { NODES = 40, WIDE = 150 };
  static const double rates[] = {0.3, 0.5, 0.999};
  static const size_t widths[] = {1, 6, 63, 64, 65, WIDE};
  plt_crew_t *crew = plt_crew_create(3);
  plt_tape_t *tape = plt_tape_create(crew);
  plt_draws_t draws = {.seed = 9, .epoch = 3, .batch = 7, .leaf = 1};
  plt_rng_key_t key = plt_rng_key(9, "dropout test", UINT64_C(3) << 32 | 7);
  uint32_t id[NODES];
  float ones[NODES * WIDE];
  for (size_t i = 0; i < NODES; i++) id[i] = (uint32_t)(i * i);
  for (size_t i = 0; i < NODES * WIDE; i++) ones[i] = 1;
  for (size_t k = 0; k < sizeof rates / sizeof *rates * sizeof widths / sizeof *widths; k++) {
    double rate = rates[k % 3];
    size_t cols = widths[k / 3];
    plt_tape_reset(tape);
    plt_nodes_t nodes = {.tape = tape, .side = PLT_SIDE_USER, .id = id, .n = NODES, .draws = &draws};
    plt_var_t x = plt_tape_constant(tape, NODES, cols, ones);
    const float *got = plt_tape_value(tape, plt_nodes_dropout(&nodes, x, rate, "dropout test"));
    for (size_t i = 0; i < NODES; i++) {
      for (size_t j = 0; j < cols; j++) {
        uint32_t word = plt_rng_draw(key, id[i], (uint32_t)(j / 4), 0, 0).word[j % 4];
        float want = plt_rng_unit(word) < rate ? 0 : (float)(1 / (1 - rate));
        cr_assert_eq(got[i * cols + j], want, "rate %g, node %zu, column %zu of %zu", rate, i, j, cols);
      }
    }
  }
  plt_tape_destroy(&tape);
  plt_crew_destroy(&crew);
}

/* Mean and variance of the Gumbel distribution are Euler's constant and pi^2/6; the same draws in every pass, others at
 * other nodes, batches and for other purposes. */
Test(kit, gumbel_noise) {
  enum { NODES = 40000, COLS = 5, N = NODES * COLS };
  plt_tape_t *tape = plt_tape_create(NULL);
  static uint32_t id[NODES];
  for (size_t i = 0; i < NODES; i++) id[i] = (uint32_t)(3 * i);
  plt_draws_t draws = {.seed = 9, .epoch = 3, .batch = 7, .leaf = 1}, leaf = draws, batch = draws;
  leaf.leaf++, batch.batch++;
  const plt_draws_t *all[] = {&draws, &leaf, &batch};
  const float *noise[4];
  for (size_t k = 0; k < 4; k++) {
    plt_nodes_t nodes = {.tape = tape, .side = PLT_SIDE_USER, .id = id, .n = NODES, .draws = all[k % 3]};
    noise[k] = plt_tape_value(tape, plt_nodes_gumbel(&nodes, COLS, k == 3 ? "other" : "test"));
  }
  double mean = 0, square = 0, with[4] = {0};
  size_t above = 0;
  for (size_t i = 0; i < N; i++) {
    mean += noise[0][i] / (double)N;
    square += (double)noise[0][i] * noise[0][i] / N;
    above += noise[0][i] > 3;
    cr_assert(isfinite(noise[0][i]) && noise[1][i] == noise[0][i], "leaves of a batch share them");
    with[2] += (double)noise[0][i] * noise[2][i] / N;
    with[3] += (double)noise[0][i] * noise[3][i] / N;
    with[1] += (double)noise[0][i] * noise[0][(i + 1) % N] / N;
  }
  cr_assert_float_eq(mean, 0.57722, 0.015);
  cr_assert_float_eq(square - mean * mean, 1.64493, 0.03);
  cr_assert_float_eq((double)above / N, 1 - exp(-exp(-3)), 0.0025);
  for (size_t k = 1; k < 4; k++) cr_assert_float_eq(with[k] - mean * mean, 0, 0.02, "%zu", k);
  plt_tape_destroy(&tape);
}

/* Models that need all neighbours say so when they are asked for some. */
Test(kit, fan_out_is_refused_with_the_reason) {
  static const char *const refused[][3] = {{"model.name=grcn", "softmax"}, {"model.name=lgmrec", "hyperedges"}};
  plt_feature_t features[MODALITIES];
  plt_dataset_t data = invent(2, features);
  for (size_t i = 0; i < 2; i++) {
    plt_model_t *model = NULL;
    cr_assert_eq(MAKE(&model, &data, refused[i][0], "model.dim=4", "model.fanout=[3, 3]"), PLT_ERR_USAGE);
    cr_assert(strstr(plt_fail_text(), refused[i][1]), "%s", plt_fail_text());
    cr_assert_eq(MAKE(&model, &data, refused[i][0], "model.dim=4", "model.fanout=exact"), PLT_OK);
    plt_model_destroy(&model);
  }
}

/* Half of an odd number of columns is none. */
Test(kit, slmrec_compares_two_modalities_in_even_columns) {
  plt_feature_t features[MODALITIES];
  plt_model_t *model = NULL;
  for (size_t modalities = 1; modalities <= 2; modalities++) {
    static const float zeros[ITEMS * 3];
    plt_dataset_t data = invent(modalities, features);
    for (size_t m = 0; m < modalities; m++) features[m].array.type = PLT_NPY_F4, features[m].array.data = zeros;
    plt_status_t status = MAKE(&model, &data, "model.name=slmrec", "model.dim=5");
    cr_assert_eq(status, modalities == 1 ? PLT_OK : PLT_ERR_USAGE);
    if (status != PLT_OK) cr_assert(strstr(plt_fail_text(), "6 would fit"), "%s", plt_fail_text());
    plt_model_destroy(&model);
  }
}

/* ---- losses ---- */

/* Three modalities, each pair in both directions; loss and tau are those of its expect.json. */
Test(kit, golden_nce) {
  enum { OF = 3 };
  plt_tape_t *tape = plt_tape_create(NULL);
  float *x[OF], *gradient[OF], *want[OF];
  size_t rows = 0, cols = 0;
  plt_var_t c[OF], sum = {0};
  for (size_t m = 0; m < OF; m++) {
    char name[32];
    snprintf(name, sizeof name, "c%zu", m);
    golden_t given = golden_read("m3-infonce", name);
    x[m] = given.value;
    rows = given.rows;
    cols = given.cols;
    snprintf(name, sizeof name, "expect_grad_c%zu", m);
    want[m] = golden_read("m3-infonce", name).value;
    gradient[m] = calloc(rows * cols, sizeof *gradient[m]);
    c[m] = plt_tape_parameter(tape, rows, cols, x[m], gradient[m]);
  }
  for (size_t a = 0; a < OF; a++)
    for (size_t b = 0; b < OF; b++) {
      if (a == b) continue;
      plt_var_t nce = plt_loss_nce(tape, c[a], c[b], 0.3f);
      sum = a == 0 && b == 1 ? nce : plt_op_add(tape, sum, nce);
    }
  plt_var_t loss = plt_op_scale(tape, sum, 1.0f / (OF * (OF - 1)));
  cr_assert(naive_near(plt_tape_scalar(tape, loss), 3.1440856800518, 1e-6), "%.9g", plt_tape_scalar(tape, loss));
  plt_tape_backward(tape, loss);
  for (size_t m = 0; m < OF; m++) {
    for (size_t i = 0; i < rows * cols; i++)
      cr_assert(naive_near(gradient[m][i], want[m][i], 1e-6), "modality %zu, derivative %zu is %g, not %g", m, i,
                (double)gradient[m][i], (double)want[m][i]);
    free(x[m]), free(gradient[m]), free(want[m]);
  }
  plt_tape_destroy(&tape);
}

/* One row has no other to be told from. */
Test(kit, nce_of_one_row) {
  plt_tape_t *tape = plt_tape_create(NULL);
  float x[] = {0.3f, -0.7f}, gradient[] = {0, 0};
  plt_var_t a = plt_tape_parameter(tape, 1, 2, x, gradient);
  plt_var_t loss = plt_op_add(tape, plt_loss_nce(tape, a, a, 0.1f), plt_loss_cross_entropy(tape, a, a, 0.1f));
  cr_assert_eq(plt_tape_scalar(tape, loss), 0);
  plt_tape_backward(tape, loss);
  cr_assert(gradient[0] == 0 && gradient[1] == 0);
  plt_tape_destroy(&tape);
}
