// consumer.cpp - a program in C++ that uses an installed libplateau: one worker, one table, one step.
#include <plateau.h>

#include <cstdint>
#include <cstdio>
#include <vector>

static int fail() {
  std::fprintf(stderr, "consumer: %s\n", plateau_error());
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2) { // without servers: what a program sees that finds none
    plateau_options_t options = {};
    plateau_t *job = nullptr;
    options.job_file = "/nowhere/job";
    options.deadline_s = 0.1;
    int status = plateau_connect(&options, &job);
    std::printf("plateau %s: %s: %s\n", plateau_version(), plateau_status_name(status), plateau_error());
    return status == PLATEAU_DEADLINE ? 0 : 1;
  }
  plateau_options_t options = {};
  options.job_file = argv[1];
  plateau_t *job = nullptr;
  if (plateau_connect(&options, &job) != PLATEAU_OK) return fail();
  plateau_table_t table = {};
  table.name = "rows";
  table.rows = 100;
  table.dim = 2;
  std::uint32_t number = 0;
  if (plateau_declare(job, &table, &number) != PLATEAU_OK) return fail();
  std::vector<std::uint64_t> keys = {42, 7, 42};
  std::vector<std::uint32_t> place(keys.size());
  keys.resize(plateau_distinct(keys.data(), keys.size(), place.data()));
  std::vector<float> gradient(keys.size() * 2, 1), values(gradient.size());
  plateau_push_t push = {number, 0, keys.data(), keys.size(), gradient.data()};
  plateau_pull_t pull = {number, keys.data(), keys.size(), values.data()};
  plateau_step_t step = {};
  step.lr = 0.5;
  step.push = &push;
  step.pull = &pull;
  step.n_push = step.n_pull = 1;
  if (plateau_step(job, &step, nullptr) != PLATEAU_OK) return fail();
  std::printf("%zu rows, %g\n", keys.size(), static_cast<double>(values[0]));
  return plateau_close(&job) == PLATEAU_OK ? 0 : fail();
}
