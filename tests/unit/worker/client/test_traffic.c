/* What training costs on the wire: one message to each server per step, and no more for flat minima. Evaluation by
 * 1, 2 and 3 workers against a ranking by hand in double; what it reads: rows that the model asks for, no others. */
#include "tests/unit/worker/tiny.h"
#include "worker/procedures/trainer.h"
#include "worker/rank/evaluate.h"

typedef struct counted {
  plt_client_count_t before, after;
  double loss_sum;
} counted_t;

static plt_status_t train_and_count(plt_session_t *session, void *context) {
  counted_t *counted = context;
  plt_training_t training = {0};
  counted->before = plt_client_count(session->client);
  plt_status_t status = plt_train(session, &training);
  counted->after = plt_client_count(session->client);
  return status;
}

static plt_wire_count_t difference(const counted_t *counted) {
  const plt_wire_count_t *a = &counted->before.wire, *b = &counted->after.wire;
  return (plt_wire_count_t){.messages_out = b->messages_out - a->messages_out,
                            .bytes_out = b->bytes_out - a->bytes_out,
                            .messages_in = b->messages_in - a->messages_in,
                            .bytes_in = b->bytes_in - a->bytes_in};
}

enum { EPOCHS = 12 /* more than 128 gradients */, WORKERS = 2, SERVERS = 2 };

static void train_once(const char *strategy, const char *mode, plt_wire_count_t out[WORKERS], uint32_t *batches) {
  tiny_t tiny;
  counted_t counted[WORKERS];
  void *contexts[WORKERS] = {&counted[0], &counted[1]};
  char name[64];
  snprintf(name, sizeof name, "strategy.name=%s", strategy);
  if (mode != NULL)
    TINY_OPEN(&tiny, "model.name=vbpr", "model.dim=4", name, mode);
  else
    TINY_OPEN(&tiny, "model.name=vbpr", "model.dim=4", name);
  tiny.plan.epochs = EPOCHS;
  tiny.plan.workers = WORKERS;
  tiny.plan.servers = SERVERS;
  tiny_settle(&tiny);
  *batches = plt_sampler_batches(tiny.sampler);
  cr_assert_eq(tiny_run(&tiny.plan, train_and_count, contexts), PLT_OK, "%s", plt_fail_text());
  for (int w = 0; w < WORKERS; w++) out[w] = difference(&counted[w]);
  tiny_close(&tiny);
}

/* On a starved machine a request may be asked twice, or be answered by a WAIT first: such a run is no measure. */
static void train(const char *strategy, const char *mode, uint64_t extra, plt_wire_count_t out[WORKERS],
                  uint32_t *batches) {
  for (int attempt = 0; attempt < 10; attempt++) {
    train_once(strategy, mode, out, batches);
    bool undisturbed = true;
    for (int w = 0; w < WORKERS; w++)
      undisturbed = undisturbed && out[w].messages_in == out[w].messages_out &&
                    out[w].messages_out == EPOCHS * ((1 + *batches) * SERVERS + 1) + 1 + extra;
    if (undisturbed) return;
  }
}

/* Under sgd, as the strategies are without options: mirror combined. */
Test(traffic, flat_minima_cost_no_message_and_no_byte) {
  plt_wire_count_t plain[WORKERS], other[WORKERS];
  uint32_t batches;
  train("plain", NULL, 0, plain, &batches);
  /* per epoch: a bare pull, a step per batch, each to every server; the sum of bytes to server 0. At the end where
   * time went, to server 0. */
  for (int w = 0; w < WORKERS; w++) {
    cr_assert_eq(plain[w].messages_out, EPOCHS * ((1 + batches) * SERVERS + 1) + 1, "%d messages, %u batches",
                 (int)plain[w].messages_out, batches);
    cr_assert_eq(plain[w].messages_in, plain[w].messages_out, "and as many answers");
  }
  for (size_t i = 0; plt_strategies[i] != NULL; i++) {
    const char *name = plt_strategies[i]->name;
    train(name, NULL, 0, other, &batches);
    for (int w = 0; w < WORKERS; w++) {
      cr_assert_eq(other[w].messages_out, plain[w].messages_out, "%s", name);
      cr_assert_eq(other[w].messages_in, plain[w].messages_in, "%s", name);
      cr_assert_eq(other[w].bytes_in, plain[w].bytes_in, "%s", name);
      cr_assert_eq(other[w].bytes_out, plain[w].bytes_out, "%s: %d bytes, not %d", name, (int)other[w].bytes_out,
                   (int)plain[w].bytes_out);
    }
  }
}

Test(traffic, sequential_mirror_pays_for_its_second_exchange) {
  plt_wire_count_t plain[WORKERS], mirror[WORKERS];
  uint32_t batches;
  train("plain", NULL, 0, plain, &batches);
  uint64_t second = EPOCHS * ((batches + 2) / 3) * SERVERS; /* beta is 3 */
  train("mirror", "strategy.mode=sequential", second, mirror, &batches);
  for (int w = 0; w < WORKERS; w++) cr_assert_eq(mirror[w].messages_out, plain[w].messages_out + second);
}

/* ---- evaluation ---- */

typedef struct evaluated {
  plt_metrics_t metrics[PLT_PARTS];
  size_t told[PLT_PARTS]; /* times that how far a part is was told */
  uint64_t done[PLT_PARTS];
} evaluated_t;

/* From nothing to all users. */
static void hear(void *context, plt_part_t part, uint64_t done, uint64_t users) {
  evaluated_t *evaluated = context;
  cr_assert(evaluated->told[part]++ == 0 ? done == 0 : done > evaluated->done[part]);
  cr_assert(done <= users);
  evaluated->done[part] = done;
}

static plt_status_t evaluate(plt_session_t *session, void *context) {
  const bool wanted[PLT_PARTS] = {[PLT_PART_VALID] = true, [PLT_PART_TEST] = true};
  plt_eval_watch_t watch = {hear, context};
  return plt_evaluate(session, "by hand", wanted, session->worker == 0 ? &watch : NULL,
                      ((evaluated_t *)context)->metrics);
}

static bool is_in(const plt_dataset_t *data, plt_part_t part, uint32_t user, uint32_t item) {
  for (uint64_t i = data->part[part].offset[user]; i < data->part[part].offset[user + 1]; i++)
    if (data->part[part].item[i] == item) return true;
  return false;
}

/* Recall and NDCG at k of a part, from the tables as they are born. */
static void naive_metrics(const tiny_t *tiny, plt_part_t part, uint32_t k, double *recall, double *ndcg,
                          uint64_t *users) {
  enum { COLS = 4 };
  const plt_table_spec_t *specs = tiny->plan.specs;
  *recall = *ndcg = 0;
  *users = 0;
  for (uint32_t u = 0; u < TINY_USERS; u++) {
    float user[COLS];
    double score[TINY_ITEMS];
    size_t n_train = 0, positives = 0, hits = 0;
    plt_table_spec_birth(&specs[0], 0, u, user);
    for (uint32_t i = 0; i < TINY_ITEMS; i++) {
      float item[COLS];
      plt_table_spec_birth(&specs[1], 0, i, item);
      score[i] = 0;
      for (int c = 0; c < COLS; c++) score[i] += (double)user[c] * item[c];
      n_train += is_in(tiny->data, PLT_PART_TRAIN, u, i);
      positives += is_in(tiny->data, part, u, i);
    }
    if (n_train == 0 || positives == 0) continue;
    double gain = 0, ideal = 0;
    for (uint32_t i = 0; i < TINY_ITEMS; i++) {
      size_t rank = 0; /* items before it */
      if (!is_in(tiny->data, part, u, i) || is_in(tiny->data, PLT_PART_TRAIN, u, i)) continue;
      for (uint32_t j = 0; j < TINY_ITEMS; j++)
        rank += !is_in(tiny->data, PLT_PART_TRAIN, u, j) && (score[j] > score[i] || (score[j] == score[i] && j < i));
      if (rank >= k) continue;
      hits++;
      gain += 1 / log2((double)rank + 2);
    }
    for (size_t r = 0; r < positives && r < k; r++) ideal += 1 / log2((double)r + 2);
    *recall += (double)hits / (double)positives;
    *ndcg += gain / ideal;
    (*users)++;
  }
  *recall /= (double)*users;
  *ndcg /= (double)*users;
}

Test(traffic, evaluation_equals_a_ranking_by_hand) {
  tiny_t tiny;
  evaluated_t first = {0};
  TINY_OPEN(&tiny, "model.name=bpr", "model.dim=4", "strategy.name=plain");
  for (uint32_t workers = 1; workers <= 3; workers++) {
    evaluated_t evaluated[3] = {0};
    void *contexts[3] = {&evaluated[0], &evaluated[1], &evaluated[2]};
    tiny.plan.workers = workers;
    tiny.plan.servers = 1 + workers % 2;
    tiny.plan.threads = workers;
    tiny_settle(&tiny);
    cr_assert_eq(tiny_run(&tiny.plan, evaluate, contexts), PLT_OK, "%s", plt_fail_text());
    if (workers == 1) first = evaluated[0];
    for (plt_part_t part = PLT_PART_VALID; part <= PLT_PART_TEST; part++) {
      cr_assert(evaluated[0].told[part] >= 2 && evaluated[0].done[part] == evaluated[0].metrics[part].users);
      for (uint32_t w = 0; w < workers; w++)
        cr_assert_eq(memcmp(&evaluated[w].metrics[part], &first.metrics[part], sizeof first.metrics[part]), 0);
      for (size_t k = 0; k < 2; k++) {
        double recall, ndcg;
        uint64_t users;
        naive_metrics(&tiny, part, tiny.plan.topk.k[k], &recall, &ndcg, &users);
        cr_assert_eq(evaluated[0].metrics[part].users, users);
        char name[32];
        snprintf(name, sizeof name, "recall@%u", tiny.plan.topk.k[k]);
        double got = evaluated[0].metrics[part].value[plt_metric_index(&tiny.plan.topk, name)];
        cr_assert(naive_near(got, recall, 1e-12), "%s: %.17g, not %.17g", name, got, recall);
        snprintf(name, sizeof name, "ndcg@%u", tiny.plan.topk.k[k]);
        got = evaluated[0].metrics[part].value[plt_metric_index(&tiny.plan.topk, name)];
        cr_assert(naive_near(got, ndcg, 1e-12), "%s: %.17g, not %.17g", name, got, ndcg);
      }
    }
  }
  tiny_close(&tiny);
}

/* ---- what evaluation reads ---- */

typedef struct reading {
  plt_client_count_t before, after;
} reading_t;

static plt_status_t evaluate_and_count(plt_session_t *session, void *context) {
  reading_t *reading = context;
  evaluated_t evaluated = {0};
  reading->before = plt_client_count(session->client);
  plt_status_t status = evaluate(session, &evaluated);
  reading->after = plt_client_count(session->client);
  return status;
}

/* Bytes that come in during evaluation by one worker. */
static uint64_t bytes_of_evaluation(size_t modalities, const char *const *settings) {
  plt_wire_count_t *before, *after;
  reading_t reading;
  for (int attempt = 0; attempt < 10; attempt++) { /* a request that was asked twice is no measure */
    tiny_t tiny;
    tiny_open_with(&tiny, modalities, settings);
    tiny_settle(&tiny);
    cr_assert_eq(tiny_run(&tiny.plan, evaluate_and_count, (void *[]){&reading}), PLT_OK, "%s", plt_fail_text());
    tiny_close(&tiny);
    before = &reading.before.wire;
    after = &reading.after.wire;
    if (after->messages_in - before->messages_in == after->messages_out - before->messages_out) break;
  }
  return after->bytes_in - before->bytes_in;
}

#define BYTES(modalities, ...) \
  bytes_of_evaluation(modalities, (const char *const[]){__VA_ARGS__, "strategy.name=plain", NULL})

/* Users that are ranked in a part. */
static uint64_t ranked(const plt_dataset_t *data, plt_part_t part) {
  uint64_t n = 0;
  for (uint32_t u = 0; u < TINY_USERS; u++)
    n += data->part[part].offset[u + 1] > data->part[part].offset[u] &&
         data->part[PLT_PART_TRAIN].offset[u + 1] > data->part[PLT_PART_TRAIN].offset[u];
  return n;
}

/* Rows by hand, of as many columns as model.dim says: twice the columns, twice their bytes. */
Test(traffic, evaluation_reads_rows_once) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  const plt_user_items_t *train = &tiny.data->part[PLT_PART_TRAIN];
  uint64_t users = ranked(tiny.data, PLT_PART_VALID) + ranked(tiny.data, PLT_PART_TEST), with_pairs = 0;
  for (uint32_t u = 0; u < TINY_USERS; u++) with_pairs += train->offset[u + 1] > train->offset[u];
  uint64_t bpr = users + TINY_ITEMS;
  /* the hop reads items for users and users for items, that of likes every item; vectors read two and three states */
  uint64_t freedom = tiny.data->n_train_items + with_pairs + TINY_ITEMS + 2 * users + 3 * TINY_ITEMS;
  /* the same without likes; vectors read items once more for what is added, and the predictor's bias */
  uint64_t bm3 = tiny.data->n_train_items + with_pairs + 2 * users + 3 * TINY_ITEMS + 1;
  uint64_t predictor[] = {4 * 4, 8 * 8};
  tiny_close(&tiny);
  cr_assert_eq(BYTES(1, "model.name=bpr", "model.dim=8") - BYTES(1, "model.name=bpr", "model.dim=4"), 16 * bpr);
  cr_assert_eq(BYTES(2, "model.name=freedom", "model.dim=8", "model.layers=1", "model.knn=3") -
                   BYTES(2, "model.name=freedom", "model.dim=4", "model.layers=1", "model.knn=3"),
               16 * freedom);
  cr_assert_eq(BYTES(2, "model.name=bm3", "model.dim=8", "model.layers=1") -
                   BYTES(2, "model.name=bm3", "model.dim=4", "model.layers=1"),
               16 * bm3 + 4 * (predictor[1] - predictor[0]));
}

/* Features that are trained are wide tables, which only losses see. */
Test(traffic, evaluation_reads_no_features_of_losses) {
  for (int other = 0; other < 2; other++) {
    const char *name = other ? "model.name=bm3" : "model.name=freedom";
    cr_assert_eq(BYTES(2, name, "model.dim=4", "model.train_features=true"),
                 BYTES(2, name, "model.dim=4", "model.train_features=false"), "%s", name);
  }
}

/* A table that is declared with another width than the model reads it with is refused: evaluation meets that for the
 * tables that it reads, and for no others. (Trained features are filled at the start: the test before this one.) */
static void check_tables_read(size_t modalities, const char *const *unread, const char *const *settings) {
  tiny_t tiny;
  tiny_open_with(&tiny, modalities, settings);
  tiny_settle(&tiny);
  for (size_t t = 0; t < tiny.model->n_tables; t++) {
    bool reads = true;
    evaluated_t evaluated = {0};
    plt_plan_t plan = tiny.plan;
    if (tiny.model->tables[t].initial != NULL) continue;
    for (size_t u = 0; unread[u] != NULL; u++)
      reads &= strncmp(tiny.model->tables[t].name, unread[u], strlen(unread[u])) != 0;
    plan.specs[t].cols++;
    plt_status_t status = tiny_run(&plan, evaluate, (void *[]){&evaluated});
    cr_assert_eq(status, reads ? PLT_ERR_PROTOCOL : PLT_OK, "%s: table %s", tiny.model->ops->name,
                 tiny.model->tables[t].name);
  }
  tiny_close(&tiny);
}

#define TABLES_READ(modalities, unread, ...) \
  check_tables_read(modalities, unread, (const char *const[]){__VA_ARGS__, "strategy.name=plain", NULL})

Test(traffic, evaluation_reads_the_tables_of_representations) {
  const char *const none[] = {NULL}, *const projections[] = {"trs_", NULL}, *const aligned[] = {"fac_", NULL};
  TABLES_READ(1, none, "model.name=bpr", "model.dim=4");
  TABLES_READ(1, none, "model.name=vbpr", "model.dim=4");
  TABLES_READ(2, none, "model.name=ultragcn", "model.dim=4", "model.feat_dim=3");
  TABLES_READ(1, none, "model.name=lightgcn", "model.dim=4", "model.layers=1");
  TABLES_READ(2, projections, "model.name=freedom", "model.dim=4", "model.train_features=true");
  TABLES_READ(2, projections, "model.name=freedom", "model.dim=4");
  TABLES_READ(2, projections, "model.name=bm3", "model.dim=4", "model.train_features=true");
  TABLES_READ(2, none, "model.name=cm3", "model.dim=4", "model.layers=1");
  TABLES_READ(2, none, "model.name=dragon", "model.dim=4", "model.layers=1");
  TABLES_READ(2, none, "model.name=mmgcn", "model.dim=4", "model.layers=1", "model.latent={text: 3}");
  TABLES_READ(2, none, "model.name=grcn", "model.dim=4", "model.layers=1", "model.latent=3");
  TABLES_READ(2, none, "model.name=dualgnn", "model.dim=4", "model.layers=1");
  TABLES_READ(2, none, "model.name=mgcn", "model.dim=4", "model.layers=1", "model.train_features=true");
  TABLES_READ(2, none, "model.name=lgmrec", "model.dim=4", "model.layers=1");
  TABLES_READ(2, aligned, "model.name=slmrec", "model.dim=4", "model.layers=1");
}
