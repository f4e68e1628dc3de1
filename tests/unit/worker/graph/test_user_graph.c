/* test_user_graph.c - who has most items in common with whom, against a count over all pairs; ties, users without
 * neighbours, more neighbours than users; weights; lists padded by epoch. */
#include "tests/unit/worker/folder.h"
#include "tests/unit/worker/naive_graph.h"
#include "worker/graph/user_graph.h"

/* Distinct training items that u and v share. */
static uint32_t common(const naive_graph_t *naive, uint32_t u, uint32_t v) {
  uint32_t n = 0;
  for (uint32_t i = naive->users; i < naive->nodes; i++)
    n += naive->edge[(size_t)u * naive->nodes + i] != 0 && naive->edge[(size_t)v * naive->nodes + i] != 0;
  return n;
}

/* How many come before v in u's list: more in common, or as much and a smaller id. */
static uint32_t rank_of(const naive_graph_t *naive, uint32_t u, uint32_t v) {
  uint32_t before = 0, mine = common(naive, u, v);
  for (uint32_t w = 0; w < naive->users; w++) {
    uint32_t other = w == u || w == v ? 0 : common(naive, u, w);
    before += other > mine || (other == mine && other > 0 && w < v);
  }
  return before;
}

static void check_row(const naive_graph_t *naive, const plt_user_graph_t *graph, uint32_t u,
                      const plt_user_graph_plan_t *plan) {
  const plt_csr_t *m = &graph->matrix;
  uint64_t at = m->offset[u];
  double sum = 0;
  for (int turn = 0; turn < 2; turn++)
    for (uint32_t v = 0; v < naive->users; v++) {
      uint32_t shared = v == u ? 0 : common(naive, u, v);
      if (shared == 0 || rank_of(naive, u, v) >= plan->k) continue;
      double share = plan->mean ? 1 : exp(shared);
      if (turn == 0) {
        sum += share;
        continue;
      }
      cr_assert(at < m->offset[u + 1] && m->index[at] == v, "user %u: %u is missing", u, v);
      cr_assert_eq(graph->count[at], shared);
      cr_assert(naive_near(m->weight[at], share / sum, 1e-7), "user %u, %u: %g, not %g", u, v, (double)m->weight[at],
                share / sum);
      at++;
    }
  cr_assert_eq(at, m->offset[u + 1], "user %u has more neighbours", u);
}

static void expect_same(const plt_user_graph_t *a, const plt_user_graph_t *b) {
  uint64_t n = a->matrix.offset[a->matrix.rows];
  cr_assert_eq(memcmp(a->matrix.offset, b->matrix.offset, (a->matrix.rows + 1) * sizeof *a->matrix.offset), 0);
  cr_assert_eq(memcmp(a->matrix.index, b->matrix.index, n * sizeof *a->matrix.index), 0);
  cr_assert_eq(memcmp(a->matrix.weight, b->matrix.weight, n * sizeof *a->matrix.weight), 0);
  cr_assert_eq(memcmp(a->count, b->count, n * sizeof *a->count), 0);
}

static void check_graph(const naive_graph_t *naive, const plt_user_graph_plan_t *plan) {
  plt_graph_t *graph = plt_graph_create(&naive->data, 2);
  plt_user_graph_t *one = plt_user_graph_create(graph, plan, 1);
  cr_assert(one->matrix.rows == naive->users && one->matrix.cols == naive->users);
  for (uint32_t u = 0; u < naive->users; u++) check_row(naive, one, u, plan);
  cr_assert_eq(one->matrix.offset[naive->users - 1], one->matrix.offset[naive->users], "the last user has no pairs");
  for (uint32_t threads = 2; threads < 6; threads++) {
    plt_user_graph_t *again = plt_user_graph_create(graph, plan, threads);
    expect_same(again, one);
    plt_user_graph_destroy(&again);
    cr_assert_null(again);
  }
  plt_user_graph_destroy(&one);
  plt_user_graph_destroy(&one); /* takes NULL */
  plt_graph_destroy(&graph);
}

Test(user_graph, neighbours_are_those_of_a_count_over_all_pairs) {
  const uint32_t sizes[][3] = {{2, 2, 1}, {12, 30, 60}, {40, 8, 90}, {60, 200, 70}, {90, 25, 1200}};
  const uint32_t ks[] = {1, 3, 10, 500};
  for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
    naive_graph_t naive = naive_graph_make(sizes[size][0], sizes[size][1], sizes[size][2], (uint32_t)size + 1);
    for (size_t k = 0; k < sizeof ks / sizeof *ks; k++)
      for (int mean = 0; mean < 2; mean++) check_graph(&naive, &(plt_user_graph_plan_t){.k = ks[k], .mean = mean});
    naive_graph_free(&naive);
  }
}

/* More users than a block of the search has. */
Test(user_graph, of_many_users) {
  naive_graph_t naive = naive_graph_make(600, 40, 1500, 4);
  plt_user_graph_plan_t plan = {.k = 5};
  plt_graph_t *graph = plt_graph_create(&naive.data, 2);
  plt_user_graph_t *one = plt_user_graph_create(graph, &plan, 1), *three = plt_user_graph_create(graph, &plan, 3);
  expect_same(three, one);
  for (uint32_t u = 0; u < naive.users; u += 23) check_row(&naive, one, u, &plan);
  plt_user_graph_destroy(&one);
  plt_user_graph_destroy(&three);
  plt_graph_destroy(&graph);
  naive_graph_free(&naive);
}

/* Everybody has the same items: the smaller ids are the nearer ones. */
Test(user_graph, of_equal_counts_the_smaller_id_is_nearer) {
  enum { USERS = 9, ITEMS = 2, K = 4 };
  uint64_t offset[USERS + 1] = {0};
  uint32_t item[USERS * ITEMS];
  for (uint32_t u = 0; u < USERS; u++) {
    offset[u + 1] = offset[u] + ITEMS;
    for (uint32_t i = 0; i < ITEMS; i++) item[u * ITEMS + i] = i;
  }
  plt_graph_t *graph = plt_graph_from_rows(&(plt_user_items_t){offset, item, USERS * ITEMS}, USERS, ITEMS, NULL);
  plt_user_graph_t *near = plt_user_graph_create(graph, &(plt_user_graph_plan_t){.k = K}, 2);
  for (uint32_t u = 0; u < USERS; u++)
    for (uint32_t n = 0; n < K; n++) {
      cr_assert_eq(near->matrix.index[u * K + n], n < u ? n : n + 1);
      cr_assert_float_eq(near->matrix.weight[u * K + n], 1.0 / K, 1e-7);
    }
  plt_user_graph_destroy(&near);
  plt_graph_destroy(&graph);
}

/* ---- padded lists ---- */

/* How often each entry of a row stands in its list of k, from the weights. */
static void check_padded_row(const plt_user_graph_t *graph, const plt_user_graph_t *padded, uint32_t u,
                             const plt_user_graph_plan_t *plan) {
  uint64_t from = graph->matrix.offset[u], to = graph->matrix.offset[u + 1];
  double unit[64], sum = 0, total = 0;
  cr_assert_leq(to - from, 64);
  for (uint64_t e = from; e < to; e++)
    sum += unit[e - from] =
        padded->matrix.weight[e] / (plan->mean ? 1 : exp((double)graph->count[e] - graph->count[from]));
  for (uint64_t e = from; e < to; e++) {
    double times = plan->k * unit[e - from] / sum;
    if (to - from == plan->k) cr_assert_eq(padded->matrix.weight[e], graph->matrix.weight[e]);
    cr_assert(times > 0.9 && fabs(times - round(times)) < 1e-3, "user %u: an entry is there %g times", u, times);
    total += padded->matrix.weight[e];
  }
  cr_assert(from == to || naive_near(total, 1, 1e-6));
}

Test(user_graph, padded_lists_repeat_their_entries) {
  naive_graph_t naive = naive_graph_make(50, 60, 130, 3);
  plt_graph_t *graph = plt_graph_create(&naive.data, 1);
  for (int mean = 0; mean < 2; mean++) {
    plt_user_graph_plan_t plan = {.k = 9, .mean = mean, .pads = true};
    plt_user_graph_t *whole = plt_user_graph_create(graph, &plan, 1), *epochs[3];
    uint64_t n = whole->matrix.offset[naive.users];
    for (uint32_t e = 0; e < 3; e++) {
      epochs[e] = plt_user_graph_pad(whole, &plan, 7, 4 + e % 2);
      cr_assert_eq(memcmp(epochs[e]->matrix.offset, whole->matrix.offset, (naive.users + 1) * sizeof(uint64_t)), 0);
      cr_assert_eq(memcmp(epochs[e]->matrix.index, whole->matrix.index, n * sizeof(uint32_t)), 0);
      for (uint32_t u = 0; u < naive.users; u++) check_padded_row(whole, epochs[e], u, &plan);
    }
    plt_user_graph_t *seeded = plt_user_graph_pad(whole, &plan, 8, 4);
    expect_same(epochs[0], epochs[2]);
    cr_assert_neq(memcmp(epochs[0]->matrix.weight, epochs[1]->matrix.weight, n * sizeof(float)), 0);
    cr_assert_neq(memcmp(epochs[0]->matrix.weight, seeded->matrix.weight, n * sizeof(float)), 0);
    for (uint32_t e = 0; e < 3; e++) plt_user_graph_destroy(&epochs[e]);
    plt_user_graph_destroy(&seeded);
    plt_user_graph_destroy(&whole);
  }
  plt_graph_destroy(&graph);
  naive_graph_free(&naive);
}

/* Two entries that fill a list of 5 by what is there: the first stands in it 1, 2, 3 or 4 times, each as likely
 * (Pólya's urn). */
Test(user_graph, padding_draws_from_what_is_there) {
  enum { EPOCHS = 8000, K = 5 };
  uint64_t offset[] = {0, 1, 2, 3};
  uint32_t item[] = {0, 0, 0};
  double times[K] = {0};
  plt_user_graph_plan_t plan = {.k = K, .mean = true, .pads = true};
  plt_graph_t *graph = plt_graph_from_rows(&(plt_user_items_t){offset, item, 3}, 3, 1, NULL);
  plt_user_graph_t *whole = plt_user_graph_create(graph, &plan, 1);
  cr_assert_eq(whole->matrix.offset[1], 2);
  for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
    plt_user_graph_t *padded = plt_user_graph_pad(whole, &plan, 1, epoch);
    times[(int)round((double)padded->matrix.weight[0] * K)]++;
    plt_user_graph_destroy(&padded);
  }
  for (int n = 1; n < K; n++) cr_assert_float_eq(times[n] / EPOCHS, 0.25, 0.025, "%d times: %g", n, times[n]);
  plt_user_graph_destroy(&whole);
  plt_graph_destroy(&graph);
}

/* ---- in a file ---- */

Test(user_graph, is_shared_through_a_file_by_plan_and_data) {
  folder_t folder = folder_make();
  naive_graph_t naive = naive_graph_make(60, 50, 700, 1), other = naive_graph_make(60, 50, 700, 2);
  plt_graph_t *graph = plt_graph_create(&naive.data, 1), *foreign = plt_graph_create(&other.data, 1);
  const plt_user_graph_plan_t plans[] = {{.k = 4}, {.k = 5}, {.k = 4, .mean = true}, {.k = 4, .pads = true}};
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++)
    for (int turn = 0; turn < 2; turn++) { /* made, then found */
      plt_user_graph_t *want = plt_user_graph_create(graph, &plans[i], 1);
      plt_user_graph_t *got = plt_user_graph_open(&naive.data, graph, &plans[i], 2, folder.path);
      cr_assert(got->map != NULL && want->map == NULL);
      expect_same(got, want);
      plt_user_graph_destroy(&got);
      plt_user_graph_destroy(&want);
    }
  plt_user_graph_t *want = plt_user_graph_create(foreign, &plans[0], 1);
  plt_user_graph_t *got = plt_user_graph_open(&other.data, foreign, &plans[0], 2, folder.path);
  expect_same(got, want);
  plt_user_graph_t *padded = plt_user_graph_pad(got, &plans[3], 3, 1),
                   *twin = plt_user_graph_pad(want, &plans[3], 3, 1);
  expect_same(padded, twin);
  plt_user_graph_destroy(&padded);
  plt_user_graph_destroy(&twin);
  plt_user_graph_destroy(&got);
  plt_user_graph_destroy(&want);
  plt_graph_destroy(&graph);
  plt_graph_destroy(&foreign);
  naive_graph_free(&naive);
  naive_graph_free(&other);
  folder_remove(&folder);
}
