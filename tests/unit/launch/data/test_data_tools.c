/* What `plateau data` does, below its command line: the generator's promises and the check's report. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>

#include "launch/commands/command.h"
#include "launch/data/check.h"
#include "launch/data/synth.h"
#include "tests/unit/worker/folder.h"

static const plt_synth_modality_t modalities[] = {{"text", 32}, {"image", 48}};

static plt_synth_t toy(void) {
  return (plt_synth_t){.users = 400,
                       .items = 300,
                       .interactions = 4000,
                       .modalities = modalities,
                       .n_modalities = 2,
                       .factors = 8,
                       .noise = 0.5,
                       .pool = PLT_SYNTH_POOL,
                       .seed = 3,
                       .threads = 1};
}

static plt_synth_world_t draw(const plt_synth_t *synth) {
  plt_synth_world_t world;
  cr_assert_eq(plt_synth_draw(synth, &world), PLT_OK, "%s", plt_fail_text());
  return world;
}

static void check_numbers(const plt_synth_t *wanted) {
  plt_synth_t synth = *wanted;
  plt_synth_world_t world = draw(&synth);
  bool *seen = calloc(synth.items, sizeof *seen);
  uint64_t most = 0;
  bool last_used = false;
  cr_expect_eq(world.offset[synth.users], synth.interactions);
  for (uint32_t user = 0; user < synth.users; user++) {
    uint64_t first = world.offset[user], end = world.offset[user + 1], n = end - first;
    cr_assert_gt(n, 2 * plt_synth_held_out(n), "user %u has nothing to train with", user);
    if (n > most) most = n;
    for (uint64_t i = first; i < end; i++) {
      cr_assert_lt(world.item[i], synth.items);
      cr_assert_not(seen[world.item[i]], "user %u takes an item twice", user);
      seen[world.item[i]] = true;
      last_used = last_used || world.item[i] == synth.items - 1;
    }
    for (uint64_t i = first; i < end; i++) seen[world.item[i]] = false;
  }
  free(seen);
  cr_expect(last_used);
  cr_expect_gt(most, 40, "the most active of 400 users has only %llu items", (unsigned long long)most);
  plt_synth_free(&world);
}

Test(data_synth, keeps_its_numbers) {
  plt_synth_t synth = toy();
  check_numbers(&synth);
}

/* More items than a user chooses from: each chooses from others, so that together they take most parts of them. */
Test(data_synth, takes_from_a_large_catalogue) {
  enum { PARTS = 10 };
  plt_synth_t synth = toy();
  synth.items = 50000;
  check_numbers(&synth);
  plt_synth_world_t world = draw(&synth);
  uint64_t taken[PARTS] = {0};
  for (uint64_t i = 0; i < synth.interactions; i++) taken[world.item[i] / (synth.items / PARTS)]++;
  for (int part = 0; part < PARTS; part++)
    cr_assert(taken[part] > synth.interactions / 40, "part %d: only %llu", part, (unsigned long long)taken[part]);
  plt_synth_free(&world);
}

static bool same_world(const plt_synth_t *a, const plt_synth_t *b) {
  plt_synth_world_t x = draw(a), y = draw(b);
  bool same = memcmp(x.offset, y.offset, (a->users + 1) * sizeof *x.offset) == 0 &&
              memcmp(x.item, y.item, a->interactions * sizeof *x.item) == 0;
  plt_synth_free(&x);
  plt_synth_free(&y);
  return same;
}

Test(data_synth, depends_on_the_seed_and_not_on_the_threads) {
  plt_synth_t one = toy(), threads = toy(), other = toy();
  threads.threads = 3;
  other.seed = 4;
  cr_expect(same_world(&one, &threads));
  cr_expect_not(same_world(&one, &other));
  one.items = threads.items = 20000;
  cr_expect(same_world(&one, &threads));
}

Test(data_synth, refuses_what_cannot_be) {
  plt_synth_t few = toy(), many = toy();
  few.interactions = 399;
  many.interactions = 400 * 150 + 1;
  cr_expect_eq(plt_synth_check(&few), PLT_ERR_USAGE);
  cr_expect_eq(plt_synth_check(&many), PLT_ERR_USAGE);
  many.interactions--;
  plt_synth_world_t world = draw(&many);
  plt_synth_free(&world);
}

static plt_dataset_t *write_and_open(const plt_synth_t *synth, const folder_t *folder) {
  plt_synth_world_t world = draw(synth);
  cr_assert_eq(plt_synth_write(synth, &world, folder->path), PLT_OK, "%s", plt_fail_text());
  plt_synth_free(&world);
  plt_dataset_t *data = NULL;
  const char *const files[] = {"text_feat.npy", "image_feat.npy"};
  cr_assert_eq(plt_dataset_open(folder->path, NULL, files, 2, &data), PLT_OK, "%s", plt_fail_text());
  return data;
}

static double cosine(const float *a, const float *b, size_t n) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < n; i++) {
    ab += (double)a[i] * b[i];
    aa += (double)a[i] * a[i];
    bb += (double)b[i] * b[i];
  }
  return ab / sqrt(aa * bb);
}

/* Share of (test item, any other item) comparisons that the mean of the user's training features decides rightly. */
static double feature_auc(const plt_dataset_t *data) {
  size_t cols = plt_dataset_feature_cols(data);
  float *feature = malloc((data->items + 1) * cols * sizeof *feature), *mean = feature + data->items * cols;
  uint64_t right = 0, all = 0;
  for (uint32_t item = 0; item < data->items; item++) plt_dataset_features(NULL, data, &item, 1, feature + item * cols);
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN], *test = &data->part[PLT_PART_TEST];
  for (uint32_t user = 0; user < data->users; user++) {
    memset(mean, 0, cols * sizeof *mean);
    for (uint64_t i = train->offset[user]; i < train->offset[user + 1]; i++)
      for (size_t c = 0; c < cols; c++) mean[c] += feature[train->item[i] * cols + c];
    for (uint64_t i = test->offset[user]; i < test->offset[user + 1]; i++) {
      double taken = cosine(mean, feature + test->item[i] * cols, cols);
      for (uint32_t other = user % 7; other < data->items; other += 7, all++)
        right += taken > cosine(mean, feature + other * cols, cols);
    }
  }
  free(feature);
  return (double)right / (double)all;
}

Test(data_synth, features_tell_what_a_user_takes) {
  folder_t folder = folder_make();
  plt_synth_t synth = toy();
  plt_dataset_t *data = write_and_open(&synth, &folder);
  cr_expect_eq(data->users, synth.users);
  cr_expect_eq(data->items, synth.items);
  cr_expect_eq(data->part[PLT_PART_VALID].n, data->part[PLT_PART_TEST].n);
  double auc = feature_auc(data);
  cr_expect_gt(auc, 0.85, "features decide only %.3f of the comparisons", auc);
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

static plt_data_report_t *check(const folder_t *folder) {
  plt_data_report_t *report = NULL;
  plt_data_check(folder->path, NULL, NULL, 0, &report);
  return report;
}

Test(data_check, shift_and_environments) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter",
              "userID\titemID\tx_label\tenvironment\n0\t0\t0\t0\n0\t1\t0\t2\n1\t1\t0\t2\n0\t0\t3\t7\n0\t2\t3\t7\n"
              "1\t0\t2\t0\n1\t2\t1\tfair\n");
  plt_data_report_t *report = check(&folder);
  cr_expect_eq(report->pairs[PLT_PART_SHIFT], 2);
  cr_expect_eq(report->user_degree.median, 1.5, "of two users: %g", report->user_degree.median);
  cr_expect_eq(report->leaks[PLT_PART_SHIFT], 1);
  cr_assert_eq(report->environments, 3, "those of training pairs");
  cr_expect_eq(report->environment[0], 1);
  cr_expect_eq(report->environment[1], 0);
  cr_expect_eq(report->environment[2], 2);
  cr_expect_eq(report->problems[PLT_PROBLEM_EMPTY_ENVIRONMENT].count, 1);
  cr_expect_eq(report->problems[PLT_PROBLEM_BAD_ENVIRONMENT].count, 1);
  cr_expect_not_null(strstr(report->problems[PLT_PROBLEM_BAD_ENVIRONMENT].text[0], "a.inter:8: environment \"fair\""));
  cr_expect_eq(report->errors, 1);
  plt_data_report_destroy(&report);
  folder_remove(&folder);
}

Test(data_check, finds_everything_in_one_pass) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter",
              "userID\titemID\tx_label\n0\t0\t0\n0\t0\t0\n0\t0\t2\nx\t1\t0\n1\t1\t0\n1\t2\t9\n2\t2\t1\n2\t2\t1\n3\n");
  const float values[] = {1, NAN, 0, 0, 3, -2};
  folder_npy(&folder, "a_feat.npy", "<f4", "(3, 2)", values, sizeof values);
  folder_npy(&folder, "b_feat.npy", "<f4", "(2, 3)", values, sizeof values);
  folder_text(&folder, "c_feat.npy", "no array");
  plt_data_report_t *report = check(&folder);
  cr_expect_eq(report->users, 3);
  cr_expect_eq(report->items, 3);
  cr_expect_eq(report->pairs[PLT_PART_TRAIN], 3);
  cr_expect_eq(report->duplicates[PLT_PART_TRAIN], 1);
  cr_expect_eq(report->duplicates[PLT_PART_VALID], 1);
  cr_expect_eq(report->leaks[PLT_PART_TEST], 1);
  cr_expect_eq(report->leaks[PLT_PART_VALID], 0);
  cr_expect_eq(report->untrained_evaluated, 1);
  cr_expect_eq(report->cold_items, 1);
  cr_expect_eq(report->user_degree.max, 2);
  cr_expect_eq(report->user_degree.median, 1);
  cr_expect_not_null(
      strstr(report->problems[PLT_PROBLEM_DUPLICATE].text[0], "a.inter:3: training pair user 0, item 0"));
  cr_expect_not_null(strstr(report->problems[PLT_PROBLEM_LEAK].text[0], "a.inter:4"));
  cr_expect_eq(report->problems[PLT_PROBLEM_BAD_ID].count, 1);
  cr_expect_eq(report->problems[PLT_PROBLEM_BAD_LABEL].count, 1);
  cr_expect_eq(report->problems[PLT_PROBLEM_SHORT_ROW].count, 1);
  cr_expect_eq(report->problems[PLT_PROBLEM_UNREADABLE].count, 1);
  cr_expect_eq(report->problems[PLT_PROBLEM_FEATURE_ROWS].count, 1);
  cr_expect_eq(report->problems[PLT_PROBLEM_FEATURE_VALUE].count, 2);
  cr_expect_eq(report->problems[PLT_PROBLEM_ZERO_FEATURE].count, 1);
  cr_expect_eq(report->errors, 7);
  cr_assert_eq(report->n_features, 2);
  const plt_feature_report_t *feature = &report->features[0];
  cr_expect_eq(feature->not_finite, 1);
  cr_expect_eq(feature->min, -2);
  cr_expect_eq(feature->max, 3);
  cr_expect_float_eq(feature->mean, 0.4, 1e-12);
  cr_expect_float_eq(feature->deviation, sqrt(2.64), 1e-12);
  plt_data_report_destroy(&report);
  folder_remove(&folder);
}

Test(data_check, missing_items_and_scales) {
  folder_t folder = folder_make();
  const float text[] = {1, -1, NAN, NAN, 1, -1}, image[] = {20, -20, 10, -10, NAN, NAN}, none[] = {NAN, NAN, NAN};
  folder_text(&folder, "a.inter", "userID\titemID\tx_label\n0\t0\t0\n1\t1\t0\n0\t2\t1\n1\t2\t2\n");
  folder_npy(&folder, "text_feat.npy", "<f4", "(3, 2)", text, sizeof text);
  plt_data_report_t *report = check(&folder);
  cr_expect_eq(report->problems[PLT_PROBLEM_MISSING_FEATURE].count, 1);
  cr_expect_not_null(strstr(report->problems[PLT_PROBLEM_MISSING_FEATURE].text[0], "1 of 3 rows are NaN throughout"));
  cr_expect_eq(report->problems[PLT_PROBLEM_SCALES].count, 0);
  cr_expect(report->errors == 0 && report->warnings == 1);
  plt_data_report_destroy(&report);
  folder_npy(&folder, "image_feat.npy", "<f4", "(3, 2)", image, sizeof image);
  report = check(&folder);
  cr_assert_eq(report->problems[PLT_PROBLEM_SCALES].count, 1);
  cr_expect_not_null(strstr(report->problems[PLT_PROBLEM_SCALES].text[0],
                            "image has deviation 15.8, text 1, a factor of 15.8: what reads both"));
  cr_expect(report->errors == 0 && report->warnings == 3);
  plt_data_report_destroy(&report);
  folder_npy(&folder, "image_feat.npy", "<f4", "(3, 1)", none, sizeof none);
  report = check(&folder);
  cr_assert_eq(report->problems[PLT_PROBLEM_FEATURE_VALUE].count, 1);
  cr_expect_not_null(strstr(report->problems[PLT_PROBLEM_FEATURE_VALUE].text[0], "no item has image"));
  plt_data_report_destroy(&report);
  folder_remove(&folder);
}

Test(data_check, shows_the_first_twenty_of_a_kind) {
  folder_t folder = folder_make();
  FILE *file = folder_create(&folder, "a.inter");
  fputs("userID\titemID\tx_label\n0\t0\t0\n", file);
  for (int i = 0; i < 50; i++) fputs("0\t0\tq\n", file);
  fclose(file);
  plt_data_report_t *report = check(&folder);
  const plt_problem_group_t *group = &report->problems[PLT_PROBLEM_BAD_LABEL];
  cr_expect_eq(group->count, 50);
  cr_expect_not_null(strstr(group->text[PLT_PROBLEMS_SHOWN - 1], "a.inter:22:"));
  char *page = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&page, &bytes);
  plt_data_report_print(report, out);
  fclose(out);
  cr_expect_not_null(strstr(page, "... and 30 more"));
  free(page);
  plt_data_report_destroy(&report);
  folder_remove(&folder);
}

Test(data_check, of_a_folder_without_interactions_still_looks_at_features) {
  folder_t folder = folder_make();
  const float values[] = {1, INFINITY};
  folder_npy(&folder, "a_feat.npy", "<f4", "(1, 2)", values, sizeof values);
  plt_data_report_t *report = check(&folder);
  cr_expect_null(report->source);
  cr_expect_eq(report->problems[PLT_PROBLEM_UNREADABLE].count, 1);
  cr_expect_eq(report->problems[PLT_PROBLEM_FEATURE_VALUE].count, 1);
  plt_data_report_destroy(&report);
  folder_remove(&folder);
}

/* Runs `plateau data` with the words of a line. */
static plt_status_t command(const char *line) {
  char copy[512], *argv[32], *rest = copy;
  int argc = 0;
  snprintf(copy, sizeof copy, "%s", line);
  for (char *word; (word = strsep(&rest, " ")) != NULL;) argv[argc++] = word;
  argv[argc] = NULL;
  return plt_command_data.run(argc, argv);
}

static plt_status_t command_in(const char *format, const folder_t *folder) {
  char *line = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&line, &bytes);
  const char *place = strstr(format, "DIR");
  fprintf(out, "%.*s%s%s", (int)(place - format), format, folder->path, place + 3);
  fclose(out);
  plt_status_t status = command(line);
  free(line);
  return status;
}

#define SYNTH "data synth DIR --users 40 --items 30 --interactions 200 --modalities a:4"

Test(data_command, refuses_wrong_arguments, .init = cr_redirect_stdout) {
  static const char *const wrong[] = {
      "data",
      "data mend",
      "data check",
      "data check a b",
      "data check a --colour",
      "data check a -q",
      "data check a --json=3",
      "data check --interactions",
      "data synth a --users 3",
      "data synth a --users 3x",
      "data synth a --users -3",
      "data synth a --users 99999999999999999999999",
      "data synth a --noise nan",
      "data synth a --noise -1",
      "data synth a --factors 0",
      "data synth a --modalities text",
      "data synth a --modalities text:0",
      "data synth a --modalities te/xt:3",
      "data synth a --modalities t:3,t:4",
      "data synth a --users 10 --items 10 --interactions 51",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    cr_expect_eq(command(wrong[i]), PLT_ERR_USAGE, "%s", wrong[i]);
    cr_expect_eq(strncmp(plt_fail_text(), "data", 4), 0, "%s: %s", wrong[i], plt_fail_text());
  }
}

Test(data_command, synth_spares_what_is_there, .init = cr_redirect_stdout) {
  folder_t folder = folder_make();
  cr_expect_eq(command_in(SYNTH, &folder), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(command_in(SYNTH, &folder), PLT_ERR_CREATE);
  cr_expect_not_null(strstr(plt_fail_text(), "--force"));
  cr_expect_eq(command_in(SYNTH " --force", &folder), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(command_in("data check DIR", &folder), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(command_in("data check DIR --json --features a_feat.npy", &folder), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(command_in("data check DIR --features b_feat.npy", &folder), PLT_ERR_DATA);
  cr_expect_eq(command_in("data check DIR/nowhere", &folder), PLT_ERR_DATA);
  folder_text(&folder, "file", "");
  cr_expect_eq(command_in("data synth DIR/file --users 40 --items 30 --interactions 200", &folder), PLT_ERR_CREATE);
  folder_remove(&folder);
}
