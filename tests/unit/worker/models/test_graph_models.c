/* test_graph_models.c - multimodal models with programmes: what evaluation scores by inference is what one pass over
 * the whole graph gives, whatever is drawn in training; draws are the same in every pass over a batch and others in the
 * next. */
#include <malloc.h>

#include "tests/unit/worker/make.h"
#include "tests/unit/worker/step.h"
#include "worker/rank/vectors.h"

typedef struct setting {
  const char *training[8]; /* with draws */
  const char *still[8];    /* without */
  bool in_pass;            /* draws belong to the pass, not to the closure's edges */
} setting_t;

static const setting_t settings[] = {
    {{"model.name=freedom", "model.dim=6", "model.layers=2", "model.knn=4", "model.edge_dropout=0.8"},
     {"model.name=freedom", "model.dim=6", "model.layers=2", "model.knn=4", "model.edge_dropout=0"},
     false},
    {{"model.name=bm3", "model.dim=6", "model.layers=3", "model.dropout=0.5"},
     {"model.name=bm3", "model.dim=6", "model.layers=3", "model.dropout=0"},
     true},
    {{"model.name=cm3", "model.dim=6", "model.layers=2", "model.knn=4", "model.item_layers=2", "model.alpha=0.3"},
     {"model.name=cm3", "model.dim=6", "model.layers=2", "model.knn=4", "model.item_layers=2", "model.mix=fixed"},
     true},
    {{"model.name=dragon", "model.dim=6", "model.layers=2", "model.knn=4", "model.item_layers=2",
      "model.user_pad=random"},
     {"model.name=dragon", "model.dim=6", "model.layers=2", "model.knn=4", "model.item_layers=2",
      "model.user_pad=none"},
     false},
    {{"model.name=mmgcn", "model.dim=6", "model.layers=2", "model.latent={image: 5}", "augment.feature_dropout=0.2",
      "augment.feature_noise=0.3", "augment.feature_mix=0.5"},
     {"model.name=mmgcn", "model.dim=6", "model.layers=2", "model.latent={image: 5}"},
     true},
    {{"model.name=grcn", "model.dim=6", "model.layers=2", "model.routing=2", "model.latent=5"},
     {"model.name=grcn", "model.dim=6", "model.layers=2", "model.routing=2", "model.latent=5"},
     false},
    {{"model.name=dualgnn", "model.dim=6", "model.layers=1", "model.user_pad=random"},
     {"model.name=dualgnn", "model.dim=6", "model.layers=1", "model.user_pad=none"},
     false},
    {{"model.name=mgcn", "model.dim=6", "model.layers=2", "model.knn=4", "model.item_layers=2"},
     {"model.name=mgcn", "model.dim=6", "model.layers=2", "model.knn=4", "model.item_layers=2"},
     false},
    {{"model.name=lgmrec", "model.dim=6", "model.layers=2", "model.hyper_layers=2", "model.hyper_num=3",
      "model.keep_rate=0.6"},
     {"model.name=lgmrec", "model.dim=6", "model.layers=2", "model.hyper_layers=2", "model.hyper_num=3",
      "model.keep_rate=1", "model.hyper_noise=none"},
     true},
    {{"model.name=slmrec", "model.dim=6", "model.layers=2"},
     {"model.name=slmrec", "model.dim=6", "model.layers=2"},
     false},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* chosen: NULL-terminated, of the model; the strategy is plain unless they say otherwise. */
static void open_model(tiny_t *tiny, const char *const *chosen) {
  const char *lines[16] = {"strategy.name=plain"};
  for (size_t i = 0; chosen[i] != NULL; i++) lines[i + 1] = chosen[i];
  tiny_open_with(tiny, 2, lines);
  tiny->plan.seed = 5;
  tiny_settle(tiny);
}

/* Rows as they are born, one vector for all tables of a leaf. */
static float *born(const tiny_t *tiny, const plt_leaf_t *leaf) {
  float *w = malloc(leaf->floats * sizeof *w);
  for (size_t t = 0; t < tiny->model->n_tables; t++)
    for (size_t k = 0; k < leaf->rows[t].n; k++)
      plt_table_spec_birth(&tiny->plan.specs[t], 0, leaf->rows[t].keys[k],
                           w + leaf->rows[t].offset + k * tiny->model->tables[t].cols);
  return w;
}

/* The loss of a pass at w. */
static double loss_at(const tiny_t *tiny, plt_leaf_pass_t pass, const plt_leaf_t *leaf, float *w) {
  const plt_model_t *model = tiny->model;
  plt_tape_t *tape = plt_tape_create(NULL);
  plt_var_t table[PLT_MODEL_TABLES_MAX];
  for (size_t t = 0; t < model->n_tables; t++)
    table[t] = plt_tape_constant(tape, leaf->rows[t].n, model->tables[t].cols, w + leaf->rows[t].offset);
  double loss = plt_tape_scalar(tape, plt_model_loss(model, tape, &pass, table));
  plt_tape_destroy(&tape);
  return loss;
}

/* ---- evaluation ---- */

/* A task: the products of all users' and items' final vectors into a float [TINY_USERS, TINY_ITEMS]. */
static plt_status_t score_all(plt_session_t *session, void *out) {
  size_t cols = session->plan->model->score_cols;
  plt_inference_t *inference;
  const float *read;
  PLT_TRY(plt_inference_begin(session, "scores", &inference));
  plt_vectors_t *vectors = plt_vectors_create(session, inference);
  cr_assert_eq(plt_vectors_read_block(vectors, PLT_SIDE_USER, 0, TINY_USERS, &read), PLT_OK);
  float *users = naive_copy(read, TINY_USERS * cols), *scores = out;
  cr_assert_eq(plt_vectors_read_block(vectors, PLT_SIDE_ITEM, 0, TINY_ITEMS, &read), PLT_OK);
  for (size_t a = 0; a < TINY_USERS; a++)
    for (size_t b = 0; b < TINY_ITEMS; b++) {
      double sum = 0;
      for (size_t c = 0; c < cols; c++) sum += (double)users[a * cols + c] * (double)read[b * cols + c];
      scores[a * TINY_ITEMS + b] = (float)sum;
    }
  free(users);
  plt_vectors_destroy(&vectors);
  return plt_inference_end(&inference, PLT_OK);
}

static double want[TINY_USERS][TINY_ITEMS];

/* In place of a loss: the scores of a pass whose own nodes are all. */
static plt_var_t tell_scores(const plt_model_t *self, const plt_samples_t *samples) {
  const plt_nodes_t *users = &samples->nodes[PLT_SIDE_USER], *items = &samples->nodes[PLT_SIDE_ITEM];
  plt_tape_t *tape = users->tape;
  plt_var_t u = plt_model_vectors(self, users), i = plt_model_vectors(self, items);
  const float *of_users = plt_tape_value(tape, u), *of_items = plt_tape_value(tape, i);
  size_t cols = self->score_cols;
  cr_assert(plt_tape_rows(tape, u) == TINY_USERS && plt_tape_rows(tape, i) == TINY_ITEMS);
  for (size_t a = 0; a < TINY_USERS; a++)
    for (size_t b = 0; b < TINY_ITEMS; b++) {
      want[a][b] = 0;
      for (size_t c = 0; c < cols; c++) want[a][b] += (double)of_users[a * cols + c] * of_items[b * cols + c];
    }
  return plt_op_sum(tape, u);
}

/* One leaf that holds every node once; what is not a user's or an item's row is nobody's concern. */
static void whole_pass(tiny_t *tiny) {
  plt_arena_t *arena = plt_arena_create();
  uint32_t ids[TINY_ITEMS];
  for (uint32_t k = 0; k < TINY_ITEMS; k++) ids[k] = k;
  plt_frontier_t all = {{ids, ids}, {TINY_USERS, TINY_ITEMS}};
  plt_closure_maker_t *maker = plt_closure_maker_create(&tiny->model->programme, tiny->relations, 1, NULL);
  plt_rows_view_t rows[PLT_MODEL_TABLES_MAX];
  uint64_t keys[256];
  plt_leaf_t leaf = {.rows = rows};
  for (uint64_t k = 0; k < 256; k++) keys[k] = k;
  for (size_t t = 0; t < tiny->model->n_tables; t++) {
    const plt_model_table_t *table = &tiny->model->tables[t];
    rows[t] = (plt_rows_view_t){.keys = keys, .n = table->rows, .offset = leaf.floats};
    leaf.floats += table->rows * table->cols;
  }
  leaf.pass = (plt_leaf_pass_t){.data = tiny->data, .closure = plt_closure_make(maker, 0, 0, 0, &all, arena)};
  const plt_model_ops_t *real = tiny->model->ops;
  plt_model_ops_t telling = *real;
  telling.loss = tell_scores;
  tiny->model->ops = &telling;
  float *w = born(tiny, &leaf);
  loss_at(tiny, leaf.pass, &leaf, w);
  tiny->model->ops = real;
  free(w);
  plt_closure_maker_destroy(&maker);
  plt_arena_destroy(&arena);
}

Test(graph_models, evaluation_scores_are_those_of_a_pass_over_the_whole_graph) {
  for (size_t s = 0; s < SETTINGS; s++) {
    tiny_t drawing, still;
    const char *name = settings[s].training[0];
    open_model(&drawing, settings[s].training);
    open_model(&still, settings[s].still);
    whole_pass(&still);
    float first[TINY_USERS * TINY_ITEMS];
    for (uint32_t workers = 1; workers <= 3; workers++) {
      static float scores[3][TINY_USERS * TINY_ITEMS];
      void *contexts[] = {scores[0], scores[1], scores[2]};
      drawing.plan.workers = workers;
      drawing.plan.servers = 4 - workers;
      cr_assert_eq(tiny_run(&drawing.plan, score_all, contexts), PLT_OK, "%s", plt_fail_text());
      if (workers == 1) memcpy(first, scores[0], sizeof first);
      for (uint32_t w = 0; w < workers; w++)
        cr_assert_eq(memcmp(scores[w], first, sizeof first), 0, "%s: %u workers", name, workers);
    }
    for (size_t k = 0; k < TINY_USERS * TINY_ITEMS; k++)
      cr_assert(naive_near(first[k], want[k / TINY_ITEMS][k % TINY_ITEMS], 3e-6), "%s: score %zu is %g, not %g", name,
                k, (double)first[k], want[k / TINY_ITEMS][k % TINY_ITEMS]);
    tiny_close(&drawing);
    tiny_close(&still);
  }
}

/* ---- draws ---- */

Test(graph_models, draws_are_those_of_the_batch) {
  for (size_t s = 0; s < SETTINGS; s++) {
    for (int draws = 0; draws < 2; draws++) {
      tiny_t tiny;
      const char *name = settings[s].training[0];
      open_model(&tiny, draws ? settings[s].training : settings[s].still);
      plt_batch_maker_t *maker = plt_batch_maker_create(&tiny.plan, 0, 1, NULL);
      plt_batch_t *batch = plt_batch_create();
      plt_batch_make(maker, 0, 0, batch);
      const plt_leaf_t *leaf = &batch->leaves[0];
      float *w = born(&tiny, leaf);
      plt_leaf_pass_t other = leaf->pass;
      other.draws.batch++;
      double loss = loss_at(&tiny, leaf->pass, leaf, w);
      cr_assert(isfinite(loss));
      cr_assert_eq(loss_at(&tiny, leaf->pass, leaf, w), loss, "%s: another loss in another pass", name);
      cr_assert_eq(loss_at(&tiny, other, leaf, w) != loss, draws && settings[s].in_pass, "%s", name);
      free(w);
      plt_batch_destroy(&batch);
      plt_batch_maker_destroy(&maker);
      tiny_close(&tiny);
    }
  }
}

/* Several leaves pull wide rows for their own items and no others. */
Test(graph_models, tables_of_own_nodes_have_the_rows_of_the_samples) {
  tiny_t tiny;
  open_model(&tiny, (const char *const[]){"model.name=freedom", "model.dim=2", "model.layers=1", "model.knn=4",
                                          "model.train_features=true", NULL});
  size_t item = 1, feat = tiny.model->n_tables - 1;
  cr_assert(tiny.model->tables[item].at == 0 && tiny.model->tables[item].entity == PLT_ENTITY_ITEM);
  cr_assert(tiny.model->tables[feat].at == PLT_AT_OWN && tiny.model->tables[feat].entity == PLT_ENTITY_ITEM);
  plt_batch_maker_t *maker = plt_batch_maker_create(&tiny.plan, 0, 1, NULL);
  plt_batch_t *batch = plt_batch_create();
  plt_batch_make(maker, 0, 0, batch);
  cr_assert_gt(batch->n_leaves, 1);
  for (size_t l = 0; l < batch->n_leaves; l++) {
    const plt_leaf_t *leaf = &batch->leaves[l];
    const plt_frontier_t *own = &leaf->pass.closure->set[0];
    cr_assert(own->n[PLT_SIDE_ITEM] <= 2 * leaf->pass.samples.n && own->n[PLT_SIDE_ITEM] < leaf->rows[item].n);
    cr_assert_eq(leaf->rows[feat].n, own->n[PLT_SIDE_ITEM]);
    for (size_t k = 0; k < leaf->rows[feat].n; k++) {
      cr_assert_eq(leaf->rows[feat].keys[k], own->id[PLT_SIDE_ITEM][k]);
      cr_assert_eq(batch->rows[feat].keys[leaf->rows[feat].place[k]], leaf->rows[feat].keys[k]);
    }
  }
  plt_batch_destroy(&batch);
  plt_batch_maker_destroy(&maker);
  tiny_close(&tiny);
}

/* ---- gradients ---- */

/* A batch of a model as one leaf, at the rows as they are born. */
typedef struct turn {
  tiny_t tiny;
  step_t step;
} turn_t;

static void turn_make(turn_t *turn, uint32_t number) {
  step_make(&turn->step, number);
  float *values = born(&turn->tiny, &turn->step.batch->leaves[0]);
  step_compute(&turn->step, values);
  free(values);
}

static void turn_open(turn_t *turn, const char *const *chosen) {
  open_model(&turn->tiny, chosen);
  plt_plan_t *plan = &turn->tiny.plan;
  plan->micro_batch = plan->batch_size;
  step_open(&turn->step, plan);
  turn_make(turn, 0);
}

static void turn_close(turn_t *turn) {
  step_close(&turn->step);
  tiny_close(&turn->tiny);
}

/* Whether two turns push the same values to a table. */
static bool same_push(const turn_t *a, const turn_t *b, const char *table) {
  for (size_t k = 0; k < a->step.gradients.n_push; k++) {
    const plt_push_t *x = &a->step.gradients.push[k], *y = &b->step.gradients.push[k];
    if (strcmp(a->tiny.model->tables[x->table].name, table) != 0) continue;
    cr_assert(x->table == y->table && x->n == y->n && x->n > 0);
    return memcmp(x->values, y->values, x->n * x->cols * sizeof *x->values) == 0;
  }
  cr_assert_fail("no push of %s", table);
  return false;
}

#define CM3(...) \
  (const char *const[]) { "model.name=cm3", "model.dim=6", "model.layers=2", "model.knn=4", __VA_ARGS__, NULL }

/* The loss is the same; only the mix, whose cosines say how like items are, is pulled elsewhere. */
Test(graph_models, detached_similarity) {
  turn_t with, without;
  turn_open(&with, CM3("model.min_sim=-1", "model.max_sim=1"));
  turn_open(&without, CM3("model.min_sim=-1", "model.max_sim=1", "model.detach_similarity=true"));
  cr_assert_eq(with.step.gradients.losses[0].loss, without.step.gradients.losses[0].loss);
  cr_assert(same_push(&with, &without, "user_id") && same_push(&with, &without, "mlp1_w_text"));
  cr_assert_not(same_push(&with, &without, "mix_w_text"));
  turn_close(&with);
  turn_close(&without);
}

/* Of two modalities both fusions are one interpolation, in the other direction: alike in the middle, nowhere else. */
Test(graph_models, fusions_of_two_modalities) {
  for (int draws = 0; draws < 2; draws++) {
    turn_t curve, nested;
    const char *mix = draws ? "model.mix=beta" : "model.mix=fixed";
    turn_open(&curve, CM3("model.fusion=de_casteljau", mix));
    turn_open(&nested, CM3("model.fusion=nested", mix));
    double a = curve.step.gradients.losses[0].loss, b = nested.step.gradients.losses[0].loss;
    cr_assert_eq(naive_near(a, b, 1e-6), !draws, "%s: %g and %g", mix, a, b);
    turn_close(&curve);
    turn_close(&nested);
  }
}

/* ---- disturbed features ---- */

/* The loss of the first batch with adversarial training of this eps. */
static double adversarial_loss(const char *const *still, const char *eps) {
  const char *lines[12] = {"model.amr_weight=0.5", eps};
  turn_t turn;
  for (size_t k = 0; still[k] != NULL; k++) lines[k + 2] = still[k];
  turn_open(&turn, lines);
  double loss = turn.step.gradients.losses[0].loss;
  turn_close(&turn);
  return loss;
}

/* Features move to where the loss rises most, by as much as eps says: for small ones in proportion. */
Test(graph_models, disturbed_features_raise_the_loss) {
  static const char *const others[][8] = {{"model.name=vbpr", "model.dim=6"},
                                          {"model.name=ultragcn", "model.dim=6", "model.feat_dim=4"}};
  for (size_t s = 0; s < SETTINGS + 2; s++) {
    const char *const *still = s < SETTINGS ? settings[s].still : others[s - SETTINGS];
    double none = adversarial_loss(still, "model.amr_eps=0"), some = adversarial_loss(still, "model.amr_eps=0.02");
    double twice = adversarial_loss(still, "model.amr_eps=0.04"), more = some - none;
    cr_assert(more > 0, "%s: %.9g, %.9g", still[0], none, some);
    cr_assert_float_eq((twice - none) / more, 2, 0.2, "%s: %.9g, %.9g, %.9g", still[0], none, some, twice);
  }
}

Test(graph_models, features_that_are_not_read_or_trained_are_not_disturbed) {
  plt_feature_t features[] = {{.name = (char *)(uintptr_t) "text", .array = {.cols = 3, .rows = 5}}};
  plt_dataset_t data = {.users = 4, .items = 5, .features = features, .n_features = 1};
  plt_model_t *model = NULL;
  cr_assert_eq(MAKE(&model, &data, "model.name=lightgcn", "model.amr_weight=1"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "lightgcn reads no features"), "%s", plt_fail_text());
  cr_assert_eq(MAKE(&model, &data, "model.name=bm3", "model.amr_weight=1", "model.train_features=true"), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "one of the two"), "%s", plt_fail_text());
  cr_assert_null(model);
}

/* ---- memory ---- */

/* The batches of an epoch again and again: once all were seen, no step leaves more memory in use than before. */
Test(graph_models, nothing_is_taken_once_warm) {
  const char *const lightgcn[] = {"strategy.name=bsam", "model.name=lightgcn", "model.dim=6",
                                  "model.layers=2",     "model.fanout=[3, 2]", NULL};
  for (size_t s = 0; s <= SETTINGS; s++) {
    turn_t turn;
    size_t warm = 0;
    turn_open(&turn, s < SETTINGS ? settings[s].training : lightgcn);
    for (int round = 0; round < 4; round++) {
      for (uint32_t b = 0; b < plt_sampler_batches(turn.tiny.sampler); b++) turn_make(&turn, b);
      struct mallinfo2 used = mallinfo2();
      if (round == 1) warm = used.uordblks + used.hblkhd;
      if (round > 1) cr_assert_eq(used.uordblks + used.hblkhd, warm, "%s", turn.tiny.model->ops->name);
    }
    turn_close(&turn);
  }
}
