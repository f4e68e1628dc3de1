/* Runs as their directories tell them: states, what is read of events, groups and differences of several. */
#include "launch/runs/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/runs/compare.h"
#include "tests/unit/common/scratch.h"

TestSuite(run, .init = scratch_make, .fini = scratch_remove);

static void write_file(const char *dir, const char *name, const char *text) {
  char path[PLT_PATH_MAX];
  cr_assert_eq(plt_path_join(dir, name, path), PLT_OK);
  FILE *file = fopen(path, "w");
  cr_assert_not_null(file, "%s", path);
  fputs(text, file);
  fclose(file);
}

/* A run directory of that name in the scratch folder; free it. */
static char *make_run(const char *name, const char *strategy, int seed, const char *word, const char *events) {
  char *dir = plt_mem_print("%s/%s", scratch, name), *logs = plt_mem_print("%s/logs", dir);
  cr_assert_eq(plt_dir_create(logs), PLT_OK);
  char *config = plt_mem_print(
      "run: {dir: %s, seed: %d}\nmodel: {name: vbpr}\nstrategy: %s\neval: {topk: [5, 20], "
      "metric: recall@20}\ncluster: {workers: %d}\n",
      dir, seed, strategy, seed);
  write_file(dir, "config.yaml", config);
  write_file(dir, "metrics.jsonl", events);
  char *log = plt_mem_print("2026-11-29 20:51:53.149 note  vbpr\n2026-11-29 21:06:41.405 info  %s\n", word);
  write_file(dir, "logs/launcher-0.txt", log);
  free(log);
  free(config);
  free(logs);
  return dir;
}

static const char under_way[] =
    "{\"event\": \"step\", \"epoch\": 0, \"loss\": 0.7}\n"
    "{\"event\": \"epoch\", \"epoch\": 0, \"loss\": 0.7, \"seconds\": 2}\n"
    "{\"event\": \"eval\", \"epoch\": 0, \"split\": \"valid\", \"recall@20\": 0.25}\n"
    "{\"event\": \"undone\", \"was\": \"epoch\", \"epoch\": 1, \"loss\": 9}\n"
    "{\"event\": \"epoch\", \"epoch\": 1, \"loss\": 0.6, \"seconds\": 3}\n"
    "{\"event\": \"eval\", \"epoch\": 1, \"split\": \"valid\", \"recall@20\": 0.125}\n"
    "{\"event\": \"ep";

static plt_run_state_t state_of(const char *dir) {
  plt_run_t run;
  cr_assert_eq(plt_run_open(dir, "x", &run), PLT_OK, "%s", plt_fail_text());
  plt_run_state_t state = run.state;
  plt_run_clear(&run);
  return state;
}

Test(run, states) {
  const char *const words[] = {"stopped by request at epoch 3", "error: the loss is NaN", "training goes on"};
  const plt_run_state_t want[] = {PLT_RUN_STOPPED, PLT_RUN_FAILED, PLT_RUN_KILLED};
  for (size_t i = 0; i < 3; i++) {
    char *dir = make_run("a", "{name: plain}", 1, words[i], under_way);
    cr_expect_eq(state_of(dir), want[i], "%s", words[i]);
    free(dir);
  }
  char *ended = plt_mem_print("%s\n{\"event\": \"final\", \"epochs\": 2}\n", "{\"event\": \"epoch\", \"epoch\": 1}");
  char *dir = make_run("b", "{name: plain}", 1, "", ended);
  cr_expect_eq(state_of(dir), PLT_RUN_FINISHED);
  free(dir);
  char *more = plt_mem_print("%s{\"event\": \"epoch\", \"epoch\": 2}\n", ended);
  dir = make_run("c", "{name: plain}", 1, "error: it goes on", more);
  cr_expect_eq(state_of(dir), PLT_RUN_FAILED, "resumed behind its end");
  char *log = plt_mem_print("%s/logs/launcher-0.txt", dir);
  int fd = open(log, O_WRONLY | O_APPEND);
  cr_assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
  cr_expect_eq(state_of(dir), PLT_RUN_RUNNING);
  close(fd);
  cr_expect_eq(state_of(dir), PLT_RUN_FAILED, "the lock was not taken");
  free(log);
  free(dir);
  free(more);
  free(ended);
}

Test(run, what_is_told) {
  plt_run_t run;
  char *dir = make_run("a", "{name: plain}", 4, "stopped", under_way), *option;
  cr_assert_eq(plt_run_open(dir, "a", &run), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(run.n_events, 4, "no steps, nothing that was taken back, no half lines: %zu", run.n_events);
  cr_expect_eq(plt_run_best(&run, "recall@20"), 0.25);
  cr_expect(isnan(plt_run_best(&run, "map@20")) && isnan(plt_run_outcome(&run, "test", "recall@20")));
  cr_expect_eq(plt_run_epochs(&run), 2);
  cr_expect_eq(plt_run_total(&run, "epoch", "seconds"), 5);
  cr_expect_str_eq(option = plt_run_option(&run, "eval.topk"), "[5, 20]");
  free(option);
  cr_expect_null(plt_run_option(&run, "strategy.rho"));
  cr_expect_gt(run.began, 0);
  plt_run_clear(&run);
  free(dir);
  cr_expect_eq(plt_run_open(scratch, "none", &run), PLT_ERR_USAGE);
}

Test(run, runs_below_a_folder) {
  plt_run_list_t list = {0};
  free(make_run("deep/er/b", "{name: plain}", 1, "", ""));
  free(make_run("a", "{name: plain}", 1, "", ""));
  cr_assert_eq(plt_runs_add(&list, scratch), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(list.n, 2);
  cr_expect_str_eq(list.run[0].name, "a");
  cr_expect_str_eq(list.run[1].name, "deep/er/b");
  char *again = plt_mem_print("%s/deep/../a/", scratch);
  cr_expect_eq(plt_runs_add(&list, again), PLT_OK);
  cr_expect_eq(plt_runs_add(&list, scratch), PLT_OK);
  cr_expect_eq(list.n, 2, "runs named twice count once");
  free(again);
  plt_runs_clear(&list);
  char *empty = plt_mem_print("%s/a/logs", scratch);
  cr_expect_eq(plt_runs_add(&list, empty), PLT_ERR_USAGE, "no run in it");
  free(empty);
  plt_runs_clear(&list);
}

static char *ending(double recall) {
  return plt_mem_print(
      "{\"event\": \"final\", \"epochs\": 3, \"seconds\": 4, \"gradients\": 5, \"valid\": {\"recall@20\": "
      "0.5}, \"test\": {\"recall@20\": %.17g, \"ndcg@20\": 0.25}}\n",
      recall);
}

/* Two groups of two seeds; users' values such that B is ahead by 0.1 and 0.3 for the two users that both have. */
Test(run, groups_and_differences) {
  plt_run_list_t list = {0};
  const char *const strategies[] = {"{name: plain}", "{name: bsam, rho: 0.5}"};
  for (int i = 0; i < 4; i++) {
    char name[8], *events = ending(0.1 * (i + 1));
    snprintf(name, sizeof name, "r%d", i);
    char *dir = make_run(name, strategies[i / 2], i % 2 + 1, "", events);
    write_file(dir, "users.tsv",
               i < 2 ? "part\tuser\trecall@20\ntest\t1\t0.5\ntest\t2\t0.5\ntest\t9\t0.5\n"
                     : "part\tuser\trecall@20\nvalid\t1\t9\ntest\t1\t0.6\ntest\t2\t0.8\n");
    cr_assert_eq(plt_runs_add(&list, dir), PLT_OK, "%s", plt_fail_text());
    free(dir);
    free(events);
  }
  const plt_run_t *runs[4] = {&list.run[0], &list.run[1], &list.run[2], &list.run[3]};
  plt_comparison_t c;
  double mean, deviation;
  cr_assert_eq(plt_compare(runs, 4, NULL, &c), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(c.n_groups, 2, "seeds and workers make no group");
  cr_expect(c.n_keys == 2 && strcmp(c.keys[0], "strategy.name") == 0 && strcmp(c.keys[1], "strategy.rho") == 0);
  cr_expect(c.n_metrics == 2 && strcmp(c.metrics[1], "ndcg@20") == 0);
  cr_expect_eq(plt_group_metric(&c.groups[1], "test", "recall@20", &mean, &deviation), 2);
  cr_expect_float_eq(mean, 0.35, 1e-15);
  cr_expect_float_eq(deviation, 0.1 / sqrt(2), 1e-15);
  const plt_difference_t *d = &c.differences[1 * c.n_metrics + 0];
  cr_assert(d->is_there && d->paired.n == 2 && d->runs == 2 && d->first_runs == 2);
  cr_expect_float_eq(d->paired.mean, 0.2, 1e-15);
  cr_expect_not(c.differences[1 * c.n_metrics + 1].is_there, "no values of ndcg");
  plt_comparison_clear(&c);
  cr_expect_eq(plt_compare(runs, 4, ",", &c), PLT_ERR_USAGE, "no metric is named");
  cr_expect_eq(plt_compare(runs, 4, "", &c), PLT_ERR_USAGE);
  cr_expect_eq(plt_compare(runs, 0, NULL, &c), PLT_ERR_USAGE, "no run");
  plt_runs_clear(&list);
}
