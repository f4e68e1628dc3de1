/* What training costs on the wire: one message to each server per step, and no more for flat minima. Evaluation by
 * 1, 2 and 3 workers against a ranking by hand in double. */
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
                    out[w].messages_out == EPOCHS * ((1 + *batches) * SERVERS + 1) + extra;
    if (undisturbed) return;
  }
}

/* Under sgd, as the strategies are without options: mirror combined. */
Test(traffic, flat_minima_cost_no_message_and_no_byte) {
  plt_wire_count_t plain[WORKERS], other[WORKERS];
  uint32_t batches;
  train("plain", NULL, 0, plain, &batches);
  /* per epoch: a bare pull, a step per batch, each to every server; the sum of bytes to server 0 */
  for (int w = 0; w < WORKERS; w++) {
    cr_assert_eq(plain[w].messages_out, EPOCHS * ((1 + batches) * SERVERS + 1), "%d messages, %u batches",
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
} evaluated_t;

static plt_status_t evaluate(plt_session_t *session, void *context) {
  const bool wanted[PLT_PARTS] = {[PLT_PART_VALID] = true, [PLT_PART_TEST] = true};
  return plt_evaluate(session, "by hand", wanted, ((evaluated_t *)context)->metrics);
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
