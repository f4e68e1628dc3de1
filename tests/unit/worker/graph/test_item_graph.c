/* test_item_graph.c - nearest neighbours against a full sort of cosines in double, S as a dense matrix, the file; and
 * the pruning of edges. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "tests/unit/worker/folder.h"
#include "tests/unit/worker/naive_graph.h"
#include "worker/graph/item_graph.h"

enum { MODALITIES = 2 };

/* Features with copies, zero rows and rows of great length; `cols` columns. */
static plt_dataset_t invent(uint32_t items, uint32_t cols, uint32_t seed, plt_feature_t *features) {
  naive_rng_t rng = {seed};
  for (size_t m = 0; m < MODALITIES; m++) {
    float *x = naive_matrix(&rng, (size_t)items * cols, -1, 1);
    for (uint32_t i = 0; i < items; i++) {
      float *row = x + (size_t)i * cols;
      uint32_t kind = naive_below(&rng, 8);
      if (kind < 2 && i > 0) memcpy(row, x + (size_t)naive_below(&rng, i) * cols, cols * sizeof *row);
      for (uint32_t c = 0; c < cols && kind == 2; c++) row[c] *= 0x1p100f;
      if (kind == 3 && i % 3 == 0) memset(row, 0, cols * sizeof *row);
    }
    features[m] = (plt_feature_t){.array = {.type = PLT_NPY_F4, .rows = items, .cols = cols, .dims = 2, .data = x}};
  }
  return (plt_dataset_t){.items = items, .features = features, .n_features = MODALITIES};
}

static void forget(plt_dataset_t *data) {
  for (size_t m = 0; m < data->n_features; m++) free((void *)(uintptr_t)data->features[m].array.data);
}

static double cosine(const plt_feature_t *feature, uint32_t a, uint32_t b) {
  const float *x = feature->array.data, *of_a = x + a * feature->array.cols, *of_b = x + b * feature->array.cols;
  double dot = 0, aa = 0, bb = 0;
  for (uint64_t c = 0; c < feature->array.cols; c++) {
    dot += (double)of_a[c] * of_b[c];
    aa += (double)of_a[c] * of_a[c];
    bb += (double)of_b[c] * of_b[c];
  }
  return aa == 0 || bb == 0 ? 0 : dot / sqrt(aa) / sqrt(bb);
}

/* How many others come before `b` in item a's list: larger cosine, or as large (to rounding) and smaller id. */
static uint32_t rank_of(const plt_feature_t *feature, uint32_t items, uint32_t a, uint32_t b) {
  uint32_t rank = 0;
  double mine = a == b ? 2 : cosine(feature, a, b);
  for (uint32_t i = 0; i < items; i++) {
    double other = a == i ? 2 : cosine(feature, a, i);
    if (i != b) rank += other > mine + 1e-9 || (fabs(other - mine) <= 1e-9 && i < b);
  }
  return rank;
}

static void check_neighbours(uint32_t items, uint32_t cols, uint32_t k, uint32_t seed) {
  plt_feature_t features[MODALITIES];
  plt_dataset_t data = invent(items, cols, seed, features);
  uint32_t width = k < items ? k : items, *near = malloc((size_t)items * width * sizeof *near);
  uint32_t *again = malloc((size_t)items * width * sizeof *again);
  plt_item_neighbours(&features[0], items, k, 1, near);
  for (uint32_t i = 0; i < items; i++) {
    for (uint32_t n = 0; n < width; n++) {
      uint32_t b = near[i * width + n];
      cr_assert(b < items && (n == 0 || b > near[i * width + n - 1]));
      cr_assert_lt(rank_of(&features[0], items, i, b), width, "%u items: %u is not near %u", items, b, i);
    }
  }
  for (uint32_t threads = 2; threads < 6; threads++) {
    plt_item_neighbours(&features[0], items, k, threads, again);
    cr_assert_arr_eq(again, near, (size_t)items * width * sizeof *near, "%u threads", threads);
  }
  free(near), free(again);
  forget(&data);
}

Test(item_graph, neighbours_are_those_of_a_full_sort) {
  check_neighbours(1, 3, 10, 1);
  check_neighbours(7, 1, 3, 2);
  check_neighbours(40, 5, 10, 3);
  check_neighbours(300, 33, 10, 4); /* more than a block of rows */
  check_neighbours(5, 4, 9, 5);
}

Test(item_graph, is_the_weighted_sum_of_the_modalities) {
  enum { ITEMS = 60, K = 4 };
  plt_feature_t features[MODALITIES];
  plt_dataset_t data = invent(ITEMS, 6, 9, features);
  plt_item_graph_plan_t plan = {.k = K, .share = {0.25f, 0.75f}};
  double want[ITEMS][ITEMS] = {{0}};
  for (uint32_t m = 0; m < MODALITIES; m++) {
    for (uint32_t a = 0; a < ITEMS; a++)
      for (uint32_t b = 0; b < ITEMS; b++)
        if (rank_of(&features[m], ITEMS, a, b) < K) want[a][b] += plan.share[m] / K;
  }
  plt_item_graph_t *graph;
  cr_assert_eq(plt_item_graph_open(&data, &plan, 2, NULL, &graph), PLT_OK);
  for (uint32_t a = 0; a < ITEMS; a++) {
    for (uint64_t e = graph->matrix.offset[a]; e < graph->matrix.offset[a + 1]; e++) {
      uint32_t b = graph->matrix.index[e];
      cr_assert(e == graph->matrix.offset[a] || b > graph->matrix.index[e - 1]);
      cr_assert_float_eq(graph->matrix.weight[e], want[a][b], 1e-7, "%u, %u", a, b);
      want[a][b] = 0;
    }
    for (uint32_t b = 0; b < ITEMS; b++) cr_assert_eq(want[a][b], 0, "%u, %u is not there", a, b);
  }
  plt_item_graph_destroy(&graph);
  forget(&data);
}

/* Edges weigh their cosines, divided by the roots of the sums of both ends' rows. */
Test(item_graph, weighed_by_cosines) {
  enum { ITEMS = 60, K = 7 };
  naive_rng_t rng = {5};
  float *x = naive_matrix(&rng, ITEMS * 4, -0.2, 1);
  plt_feature_t feature = {.name = (char *)(uintptr_t) "text",
                           .array = {.type = PLT_NPY_F4, .rows = ITEMS, .cols = 4, .dims = 2, .data = x}};
  plt_dataset_t data = {.items = ITEMS, .features = &feature, .n_features = 1};
  plt_item_graph_plan_t plan = {.k = K, .share = {0.5f}, .by_cosine = true};
  double want[ITEMS][ITEMS] = {{0}}, sum[ITEMS] = {0};
  for (uint32_t a = 0; a < ITEMS; a++)
    for (uint32_t b = 0; b < ITEMS; b++)
      if (rank_of(&feature, ITEMS, a, b) < K) sum[a] += want[a][b] = cosine(&feature, a, b);
  plt_item_graph_t *graph = NULL;
  cr_assert_eq(plt_item_graph_open(&data, &plan, 3, NULL, &graph), PLT_OK, "%s", plt_fail_text());
  for (uint32_t a = 0; a < ITEMS; a++) {
    cr_assert_eq(graph->matrix.offset[a + 1] - graph->matrix.offset[a], K);
    for (uint64_t e = graph->matrix.offset[a]; e < graph->matrix.offset[a + 1]; e++) {
      uint32_t b = graph->matrix.index[e];
      cr_assert_float_eq(graph->matrix.weight[e], want[a][b] / sqrt(sum[a] * sum[b]) / 2, 1e-6, "%u, %u", a, b);
    }
  }
  plt_item_graph_destroy(&graph);
  memset(x + 17 * 4, 0, 4 * sizeof *x);
  cr_assert_eq(plt_item_graph_open(&data, &plan, 1, NULL, &graph), PLT_ERR_DATA);
  cr_assert(strstr(plt_fail_text(), "text") && strstr(plt_fail_text(), "item 17"), "%s", plt_fail_text());
  cr_assert_null(graph);
  free(x);
}

Test(item_graph, a_file_of_neighbours_is_used_and_made_anew_when_damaged) {
  enum { ITEMS = 50, K = 5, N = ITEMS * K };
  plt_feature_t features[MODALITIES];
  folder_t folder = folder_make();
  plt_dataset_t data = invent(ITEMS, 6, 11, features);
  uint32_t want[N], got[N];
  char **names = NULL, path[PLT_PATH_MAX] = "";
  size_t n;
  plt_item_neighbours(&features[0], ITEMS, K, 1, want);
  plt_item_neighbours_open(&features[0], ITEMS, K, 1, folder.path, got);
  cr_assert_arr_eq(got, want, sizeof want);
  cr_assert_eq(plt_dir_list(folder.path, &names, &n), PLT_OK);
  for (size_t i = 0; i < n; i++)
    if (strstr(names[i], ".lock") == NULL) snprintf(path, sizeof path, "%s/%s", folder.path, names[i]);
  plt_names_free(&names, n);
  for (long at = 0; at < 40 + N * 4; at += 7) {
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file);
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 4, file);
    fclose(file);
    if (at % 5 == 0) cr_assert_eq(truncate(path, at), 0);
    memset(got, 0, sizeof got);
    plt_item_neighbours_open(&features[0], ITEMS, K, 1, folder.path, got);
    cr_assert_arr_eq(got, want, sizeof want, "byte %ld", at);
  }
  plt_item_neighbours_open(&features[1], ITEMS, K, 1, folder.path, got);
  plt_item_neighbours(&features[1], ITEMS, K, 1, want);
  cr_assert_arr_eq(got, want, sizeof want, "another modality has another file");
  plt_item_neighbours_open(&features[1], ITEMS, K, 1, path, got); /* no directory */
  cr_assert_arr_eq(got, want, sizeof want);
  folder_remove(&folder);
  forget(&data);
}

/* ---- pruning ---- */

Test(prune, keeps_a_share_of_the_edges_with_norms_of_their_own) {
  naive_graph_t naive = naive_graph_make(40, 30, 300, 5);
  plt_graph_t *graph = plt_graph_create(&naive.data, 2), *kept[3];
  kept[0] = plt_graph_prune(graph, 0.6, false, 7, 1, NULL);
  plt_crew_t *crew = plt_crew_create(3);
  kept[1] = plt_graph_prune(graph, 0.6, false, 7, 1, crew);
  kept[2] = plt_graph_prune(graph, 0.6, false, 7, 2, crew);
  const plt_neighbours_t *users = &kept[0]->of[PLT_SIDE_USER];
  cr_assert_eq(kept[0]->edges, (uint64_t)((double)graph->edges * 0.4));
  for (uint32_t u = 0; u < 40; u++) {
    uint64_t degree = users->offset[u + 1] - users->offset[u];
    cr_assert_float_eq(users->norm[u], degree == 0 ? 0 : 1 / sqrt((double)degree), 1e-7);
    for (uint64_t e = users->offset[u]; e < users->offset[u + 1]; e++)
      cr_assert_neq(naive.edge[u * naive.nodes + 40 + users->id[e]], 0);
  }
  cr_assert_arr_eq(kept[1]->of[PLT_SIDE_USER].id, users->id, kept[0]->edges * sizeof *users->id);
  cr_assert_neq(memcmp(kept[2]->of[PLT_SIDE_USER].id, users->id, kept[0]->edges * sizeof *users->id), 0);
  for (int i = 0; i < 3; i++) plt_graph_destroy(&kept[i]);
  plt_graph_destroy(&graph);
  plt_crew_destroy(&crew);
  naive_graph_free(&naive);
}

/* One edge of several is drawn: how often is its weight's share. */
Test(prune, chances_are_in_proportion_to_weights) {
  enum { USERS = 3, TURNS = 20000 };
  /* user 0 has items 0, 1, 2; user 1 has item 0; user 2 has item 1: weights 1/sqrt(6) twice, 1/sqrt(3), 1/sqrt(2)
   * twice */
  uint64_t offset[] = {0, 3, 4, 5};
  uint32_t item[] = {0, 1, 2, 0, 1};
  double weight[] = {1 / sqrt(6), 1 / sqrt(6), 1 / sqrt(3), 1 / sqrt(2), 1 / sqrt(2)}, sum = 0;
  uint32_t drawn[5] = {0};
  plt_graph_t *graph = plt_graph_from_rows(&(plt_user_items_t){offset, item, 5}, USERS, 3, NULL);
  for (uint32_t epoch = 0; epoch < TURNS; epoch++) {
    plt_graph_t *one = plt_graph_prune(graph, 0.79, false, 3, epoch, NULL);
    const plt_neighbours_t *users = &one->of[PLT_SIDE_USER];
    cr_assert_eq(one->edges, 1);
    uint32_t u = users->offset[1] == 1 ? 0 : users->offset[2] == 1 ? 1 : 2;
    drawn[u == 0 ? users->id[0] : u + 2]++;
    plt_graph_destroy(&one);
  }
  for (int e = 0; e < 5; e++) sum += weight[e];
  for (int e = 0; e < 5; e++) cr_assert_float_eq((double)drawn[e] / TURNS, weight[e] / sum, 0.012, "edge %d", e);
  plt_graph_destroy(&graph);
}

/* Evenly drawn edges stay as often whatever their weights. */
Test(prune, chances_are_the_same_where_that_is_asked_for) {
  enum { TURNS = 6000 };
  uint64_t offset[] = {0, 3, 4, 5};
  uint32_t item[] = {0, 1, 2, 0, 1}, stayed[5] = {0};
  plt_graph_t *graph = plt_graph_from_rows(&(plt_user_items_t){offset, item, 5}, 3, 3, NULL);
  for (uint32_t epoch = 0; epoch < TURNS; epoch++) {
    plt_graph_t *some = plt_graph_prune(graph, 0.39, true, 3, epoch, NULL);
    const plt_neighbours_t *users = &some->of[PLT_SIDE_USER];
    cr_assert_eq(some->edges, 3);
    for (uint32_t u = 0; u < 3; u++)
      for (uint64_t e = users->offset[u]; e < users->offset[u + 1]; e++) stayed[u == 0 ? users->id[e] : u + 2]++;
    plt_graph_destroy(&some);
  }
  for (int e = 0; e < 5; e++) cr_assert_float_eq((double)stayed[e] / TURNS, 0.6, 0.025, "edge %d", e);
  plt_graph_destroy(&graph);
}
