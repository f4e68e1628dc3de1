/* Numbers of workers that ranks make. */
#include <criterion/criterion.h>

#include "launch/cluster/cluster.h"

static const plt_option_t rows[] = {
    {.key = "cluster.workers", .type = PLT_OPT_INT, .fallback = "1", .min = 1, .max = PLT_WORKERS_MAX},
    {.key = "cluster.servers", .type = PLT_OPT_INT, .fallback = "2", .min = 1, .max = PLT_SERVERS_MAX},
    {.key = "cluster.threads", .type = PLT_OPT_INT, .min = 1, .max = PLT_THREADS_MAX}};
static const plt_option_table_t table = {"cluster", rows, sizeof rows / sizeof *rows};

static plt_status_t shape(int ranks, const char *assignment, int64_t *workers, int64_t *threads) {
  plt_config_t *config = plt_config_create();
  if (assignment != NULL) cr_assert_eq(plt_config_set(config, assignment), PLT_OK);
  cr_assert_eq(plt_config_apply(config, &table), PLT_OK);
  plt_status_t status = plt_cluster_shape(&(plt_rendezvous_t){.size = ranks}, config);
  *workers = plt_config_int(config, "cluster.workers");
  *threads = plt_config_int(config, "cluster.threads");
  plt_config_destroy(&config);
  return status;
}

Test(shape, ranks_are_servers_and_workers) {
  int64_t workers, threads;
  cr_expect_eq(shape(8, NULL, &workers, &threads), PLT_OK);
  cr_expect(workers == 6 && threads == 1);
  cr_expect_eq(shape(8, "cluster.threads=3", &workers, &threads), PLT_OK);
  cr_expect(workers == 6 && threads == 3);
  cr_expect_eq(shape(8, "cluster.workers=6", &workers, &threads), PLT_OK);
  cr_expect_eq(shape(PLT_WORKERS_MAX + 2, NULL, &workers, &threads), PLT_OK);
  cr_expect_eq(workers, PLT_WORKERS_MAX);
}

Test(shape, too_few_too_many_and_other_numbers_are_refused) {
  int64_t workers, threads;
  cr_expect_eq(shape(2, NULL, &workers, &threads), PLT_ERR_USAGE);
  cr_expect_eq(shape(8, "cluster.workers=7", &workers, &threads), PLT_ERR_USAGE);
  cr_expect_eq(shape(PLT_WORKERS_MAX + 3, NULL, &workers, &threads), PLT_ERR_USAGE);
}
