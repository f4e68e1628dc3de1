/* The section tune: grids, draws, equal trials, and what is refused. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/tune/space.h"

static plt_status_t read_text(const char *text, plt_space_t *out) {
  char path[] = "/tmp/plateau-test-XXXXXX";
  int fd = mkstemp(path);
  cr_assert_geq(fd, 0);
  cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
  plt_status_t status = plt_space_read(path, NULL, 0, out);
  unlink(path);
  return status;
}

static const char *value_of(const plt_sets_t *point, const char *key) {
  for (size_t i = 0; i < point->n; i++)
    if (strncmp(point->text[i], key, strlen(key)) == 0 && point->text[i][strlen(key)] == '=')
      return point->text[i] + strlen(key) + 1;
  return NULL;
}

static const char two_arms[] =
    "model: {name: bpr}\n"
    "tune:\n"
    "  space: {optimizer.lr: [1, 2, 3], model.dim: [4, 8]}\n"
    "  strategies:\n"
    "    - {strategy.name: plain}\n"
    "    - {strategy.name: bsam, strategy.rho: [0.1, 0.2]}\n";

Test(space, a_grid_that_is_taken_whole_has_every_point_once) {
  plt_space_t space;
  cr_assert_eq(read_text("tune: {space: {optimizer.lr: [1, 2, 3], model.dim: [4, 8]}}\n", &space), PLT_OK, "%s",
               plt_fail_text());
  cr_assert_eq(space.n_arms, 1);
  cr_assert_eq(space.trials, 6);
  bool seen[4][9] = {{false}};
  for (uint32_t i = 0; i < 6; i++) {
    plt_sets_t point = {0};
    plt_space_point(&space, &space.arm[0], i, &point);
    bool *at = &seen[atoi(value_of(&point, "optimizer.lr"))][atoi(value_of(&point, "model.dim"))];
    cr_expect_not(*at, "trial %u is an earlier one again", i);
    *at = true;
    plt_sets_clear(&point);
  }
  plt_space_clear(&space);
}

Test(space, strategies_have_equal_numbers_of_distinct_points) {
  plt_space_t space;
  cr_assert_eq(read_text(two_arms, &space), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(space.trials, 6, "the smaller grid has 6 points, the larger 12");
  cr_expect_str_eq(space.arm[0].name, "plain");
  cr_expect_str_eq(space.arm[1].name, "bsam");
  char points[6][128];
  for (uint32_t i = 0; i < 6; i++) {
    plt_sets_t point = {0};
    plt_space_point(&space, &space.arm[1], i, &point);
    cr_expect_str_eq(value_of(&point, "strategy.name"), "bsam");
    snprintf(points[i], sizeof points[i], "%s %s %s", value_of(&point, "strategy.rho"),
             value_of(&point, "optimizer.lr"), value_of(&point, "model.dim"));
    for (uint32_t j = 0; j < i; j++) cr_expect_str_neq(points[i], points[j]);
    plt_sets_clear(&point);
  }
  plt_space_clear(&space);
}

/* Whatever number of trials: no point twice, those of space as often as each other and as those of another strategy,
 * and those of the strategy itself, too. */
Test(space, a_grid_that_is_sampled_tries_the_shared_points_alike) {
  for (int trials = 1; trials <= 12; trials++) {
    char text[400];
    snprintf(text, sizeof text,
             "tune:\n  trials: %d\n  space: {optimizer.lr: [0, 1], model.dim: [0, 1]}\n"
             "  strategies: [{strategy.rho: [0, 1, 2]}, {strategy.rho: [0, 1, 2, 3], strategy.lambda: [0, 1]}]\n",
             trials);
    plt_space_t space;
    cr_assert_eq(read_text(text, &space), PLT_OK, "%s", plt_fail_text());
    int shared[2][4] = {{0}}, own[2][4] = {{0}};
    bool seen[2][4][8] = {{{false}}};
    for (size_t a = 0; a < 2; a++)
      for (uint32_t i = 0; i < space.trials; i++) {
        plt_sets_t point = {0};
        plt_space_point(&space, &space.arm[a], i, &point);
        int s = 2 * atoi(value_of(&point, "optimizer.lr")) + atoi(value_of(&point, "model.dim"));
        int rho = atoi(value_of(&point, "strategy.rho"));
        bool *at = &seen[a][s][a == 0 ? rho : 2 * rho + atoi(value_of(&point, "strategy.lambda"))];
        cr_expect_not(*at, "%d trials: trial %u is an earlier one again", trials, i);
        *at = true;
        shared[a][s]++;
        own[a][rho]++;
        plt_sets_clear(&point);
      }
    for (int s = 0; s < 4; s++) {
      if (trials < 12) cr_expect_eq(shared[0][s], shared[1][s], "%d trials", trials);
      cr_expect(shared[0][s] == trials / 4 || shared[0][s] == (trials + 3) / 4, "%d of %d", shared[0][s], trials);
    }
    for (int r = 0; r < 3; r++)
      cr_expect(own[0][r] >= trials / 4 && own[0][r] <= trials / 3 + 2, "%d of %d", own[0][r], trials);
    plt_space_clear(&space);
  }
}

/* Half of a grid of 3 x 2 x 2: no value of the strategy's goes with one value of space alone. */
Test(space, a_sampled_grid_mixes_what_is_shared_with_what_is_not) {
  plt_space_t space;
  cr_assert_eq(read_text("tune:\n  trials: 6\n  space: {optimizer.lr: [0, 1, 2], model.reg: [0, 1]}\n"
                         "  strategies: [{strategy.name: plain}, {strategy.rho: [0, 1]}]\n",
                         &space),
               PLT_OK, "%s", plt_fail_text());
  int by_lr[3][2] = {{0}}, by_reg[2][2] = {{0}};
  for (uint32_t i = 0; i < 6; i++) {
    plt_sets_t point = {0};
    plt_space_point(&space, &space.arm[1], i, &point);
    int rho = atoi(value_of(&point, "strategy.rho"));
    by_lr[atoi(value_of(&point, "optimizer.lr"))][rho]++;
    by_reg[atoi(value_of(&point, "model.reg"))][rho]++;
    plt_sets_clear(&point);
  }
  for (int lr = 0; lr < 3; lr++) cr_expect(by_lr[lr][0] == 1 && by_lr[lr][1] == 1, "lr %d", lr);
  for (int reg = 0; reg < 2; reg++) cr_expect(by_reg[reg][0] >= 1 && by_reg[reg][1] >= 1, "reg %d", reg);
  plt_space_clear(&space);
}

Test(space, a_strategy_may_have_nothing_of_its_own) {
  plt_space_t space;
  cr_assert_eq(read_text("tune: {space: {model.dim: [1, 2]}, strategies: [{}, {strategy.name: bsam}]}\n", &space),
               PLT_OK, "%s", plt_fail_text());
  cr_expect(space.n_arms == 2 && space.arm[0].n == 1 && space.arm[1].n == 2);
  plt_space_clear(&space);
}

Test(space, draws_keep_to_their_range_and_are_shared_by_strategies) {
  plt_space_t space;
  cr_assert_eq(read_text("tune:\n"
                         "  search: random\n"
                         "  trials: 400\n"
                         "  space:\n"
                         "    optimizer.lr: {from: 1e-4, to: 1, log: true}\n"
                         "    model.reg: {from: 2, to: 3}\n"
                         "    model.dim: {from: 4, to: 6, whole: true}\n"
                         "    model.layers: [1, 2]\n"
                         "  strategies: [{strategy.name: plain}, {strategy.name: bsam, strategy.rho: [0.1, 0.2]}]\n",
                         &space),
               PLT_OK, "%s", plt_fail_text());
  int low = 0, dims[7] = {0}, layers[3] = {0};
  double sum = 0;
  for (uint32_t i = 0; i < space.trials; i++) {
    plt_sets_t a = {0}, b = {0};
    plt_space_point(&space, &space.arm[0], i, &a);
    plt_space_point(&space, &space.arm[1], i, &b);
    double lr = atof(value_of(&a, "optimizer.lr")), reg = atof(value_of(&a, "model.reg"));
    int dim = atoi(value_of(&a, "model.dim"));
    cr_expect(lr >= 1e-4 && lr <= 1 && reg >= 2 && reg <= 3 && dim >= 4 && dim <= 6, "%g %g %d", lr, reg, dim);
    cr_expect_str_eq(value_of(&a, "optimizer.lr"), value_of(&b, "optimizer.lr"), "strategies draw alike");
    low += lr < 0.01;
    sum += reg;
    dims[dim]++;
    layers[atoi(value_of(&a, "model.layers"))]++;
    plt_sets_clear(&a);
    plt_sets_clear(&b);
  }
  cr_expect(abs(low - 200) < 50, "%d of 400 below the middle of a logarithmic range", low);
  cr_expect_lt(fabs(sum / 400 - 2.5), 0.06);
  for (int d = 4; d <= 6; d++) cr_expect(abs(dims[d] - 133) < 45, "%d times %d", dims[d], d);
  cr_expect(abs(layers[1] - 200) < 50);
  plt_space_clear(&space);
}

static void expect_refused(const char *text, const char *why) {
  plt_space_t space;
  cr_expect_eq(read_text(text, &space), PLT_ERR_USAGE, "accepted: %s", text);
  cr_expect_neq(strstr(plt_fail_text(), why), NULL, "\"%s\" does not say %s", plt_fail_text(), why);
}

Test(space, what_makes_no_sense_is_refused_with_its_place) {
  expect_refused("model: {name: bpr}\n", "no section tune");
  expect_refused("tune: {trails: 3, space: {optimizer.lr: [1]}}\n", ":1:16: tune.trails: unknown");
  expect_refused("tune: {search: random, space: {optimizer.lr: [1]}}\n", "tune.trials");
  expect_refused("tune: {space: {optimizer.lr: {from: 1, to: 2}}}\n", "a range has no grid");
  expect_refused("tune: {trials: 3, space: {optimizer.lr: [1, 2]}}\n", "fewer than tune.trials 3");
  expect_refused("tune: {search: random, trials: 3, space: {optimizer.lr: {from: 2, to: 1}}}\n", "less than to");
  expect_refused("tune: {search: random, trials: 3, space: {optimizer.lr: {from: 0, to: 1, log: true}}}\n", "above 0");
  expect_refused("tune: {search: random, trials: 3, space: {optimizer.lr: {from: 0, to: 1, lug: true}}}\n",
                 "from, to, log and whole");
  expect_refused("tune: {space: {optimizer.lr: []}}\n", "no values");
  expect_refused("tune: {space: {lr: [1, 2]}}\n", "a section and a name");
  expect_refused("tune: {seeds: [], space: {optimizer.lr: [1, 2]}}\n", "tune.seeds");
  expect_refused("tune: {space: {model.dim: [1]}, strategies: [{model.dim: 2}]}\n", "in space and in a strategy");
  expect_refused("tune: {trials: 0}\n", "nothing to search");
  expect_refused("tune: {strategies: {bsam: {strategy.rho: [1, 2]}}, space: {model.dim: [1]}}\n", "is a list");
  expect_refused("tune.strategies.4000000000.model.dim: 1\n", "is a list");
  expect_refused("tune.strategies.00.model.dim: 1\n", "is a list");
  expect_refused("tune.strategies.0: 1\n", "is a list");
}
