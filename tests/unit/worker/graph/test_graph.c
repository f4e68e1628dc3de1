/* test_graph.c - the graph against a dense matrix; its file, whole and damaged. */
#include <unistd.h>

#include "common/io/fileio.h"
#include "tests/unit/worker/folder.h"
#include "tests/unit/worker/naive_graph.h"

/* ---- the graph ---- */

Test(graph, is_the_matrix_of_distinct_pairs) {
  for (uint32_t turn = 0; turn < 12; turn++) {
    naive_graph_t naive = naive_graph_make(2 + 7 * turn, 2 + 5 * turn, 1 + 30 * turn, turn + 1);
    for (uint32_t threads = 1; threads < 40; threads += 1 + threads) {
      plt_graph_t *graph = plt_graph_create(&naive.data, threads);
      uint64_t edges = 0;
      for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
        const plt_neighbours_t *of = &graph->of[s];
        uint32_t shift = s == PLT_SIDE_USER ? 0 : naive.users, across = s == PLT_SIDE_USER ? naive.users : 0;
        cr_assert_eq(of->nodes, s == PLT_SIDE_USER ? naive.users : naive.items);
        for (uint32_t n = 0; n < of->nodes; n++) {
          const double *row = naive.edge + (size_t)(n + shift) * naive.nodes;
          double degree = 0;
          for (uint32_t other = 0; other < naive.nodes; other++) degree += row[other];
          cr_assert_eq(plt_graph_degree(graph, s, n), (uint64_t)degree);
          cr_assert(naive_near(of->norm[n], degree == 0 ? 0 : 1 / sqrt(degree), 1e-7));
          for (uint64_t e = of->offset[n]; e < of->offset[n + 1]; e++) {
            cr_assert(e == of->offset[n] || of->id[e - 1] < of->id[e]);
            cr_assert_eq(row[across + of->id[e]], 1);
            edges++;
          }
        }
      }
      cr_assert_eq(edges, 2 * graph->edges);
      plt_graph_destroy(&graph);
      cr_assert_null(graph);
    }
    naive_graph_free(&naive);
  }
}

/* ---- the file ---- */

static void expect_same(const plt_graph_t *a, const plt_graph_t *b) {
  cr_assert_eq(a->edges, b->edges);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    uint32_t n = a->of[s].nodes;
    cr_assert_eq(n, b->of[s].nodes);
    cr_assert_eq(memcmp(a->of[s].offset, b->of[s].offset, (n + 1) * sizeof(uint64_t)), 0);
    cr_assert_eq(memcmp(a->of[s].id, b->of[s].id, a->edges * sizeof(uint32_t)), 0);
    cr_assert_eq(memcmp(a->of[s].norm, b->of[s].norm, n * sizeof(float)), 0);
  }
}

/* The only graph file in a directory. */
static void find_file(const folder_t *folder, char path[PLT_PATH_MAX]) {
  char **names;
  size_t n, found = 0;
  cr_assert_eq(plt_dir_list(folder->path, &names, &n), PLT_OK);
  for (size_t i = 0; i < n; i++) {
    cr_assert_null(strstr(names[i], ".part"));
    if (strstr(names[i], ".lock") != NULL) continue;
    cr_assert_eq(plt_path_join(folder->path, names[i], path), PLT_OK);
    found++;
  }
  cr_assert_eq(found, 1);
  plt_names_free(&names, n);
}

static void damage(const char *path, long at) {
  FILE *file = fopen(path, "r+b");
  cr_assert_eq(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
  int byte = fgetc(file);
  fseek(file, -1, SEEK_CUR);
  fputc(byte ^ 4, file);
  fclose(file);
}

Test(graph, is_shared_through_a_file_that_is_made_anew_when_damaged) {
  folder_t folder = folder_make();
  naive_graph_t naive = naive_graph_make(40, 30, 300, 1), other = naive_graph_make(40, 30, 300, 2);
  plt_graph_t *memory = plt_graph_open(&naive.data, 2, NULL), *first = plt_graph_open(&naive.data, 2, folder.path);
  char path[PLT_PATH_MAX];
  cr_assert(memory->map == NULL && first->map != NULL);
  expect_same(memory, first);
  find_file(&folder, path);
  /* -1: the last array; 8: the version; 16: the key; 40: a number of nodes; 3000: in the middle */
  const long places[] = {-1, 0, 8, 16, 24, 32, 40, 48, 64, 3000};
  for (size_t i = 0; i < sizeof places / sizeof *places + 2; i++) {
    if (i < sizeof places / sizeof *places)
      damage(path, places[i]);
    else
      cr_assert_eq(truncate(path, i % 2 == 0 ? 100 : 0), 0);
    plt_graph_t *again = plt_graph_open(&naive.data, 1, folder.path);
    cr_assert_not_null(again->map, "damage %zu", i);
    expect_same(memory, again);
    plt_graph_destroy(&again);
    find_file(&folder, path);
  }
  plt_graph_t *foreign = plt_graph_open(&other.data, 2, folder.path), *want = plt_graph_create(&other.data, 1);
  expect_same(want, foreign);
  plt_graph_destroy(&foreign);
  plt_graph_destroy(&want);
  plt_graph_t *without = plt_graph_open(&naive.data, 2, path); /* no directory: in memory */
  cr_assert_null(without->map);
  expect_same(memory, without);
  plt_graph_destroy(&without);
  plt_graph_destroy(&memory);
  plt_graph_destroy(&first);
  naive_graph_free(&naive);
  naive_graph_free(&other);
  folder_remove(&folder);
}
