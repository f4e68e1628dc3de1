/* Reading data folders: every format, every fault once. Expected values are written out by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "common/rng.h"
#include "common/time.h"
#include "tests/unit/worker/folder.h"
#include "worker/data/features.h"
#include "worker/data/interactions.h"

#define HEADER "userID\titemID\tx_label\n"
/* 3 users, 4 items; user 2 has no training pairs. */
#define SMALL HEADER "0\t3\t0\n1\t0\t0\n0\t1\t0\n0\t2\t1\n1\t3\t2\n2\t0\t2\n"

static plt_dataset_t *open_ok(const folder_t *folder, const char *const *features, size_t n) {
  plt_dataset_t *data = NULL;
  plt_status_t status = plt_dataset_open(folder->path, NULL, features, n, &data);
  cr_assert_eq(status, PLT_OK, "%s", plt_fail_text());
  return data;
}

/* Opening fails with 65 and a text that has all the words. */
static void expect_failure(const folder_t *folder, const char *interactions, const char *feature,
                           const char *const *words) {
  plt_dataset_t *data = NULL;
  plt_status_t status = plt_dataset_open(folder->path, interactions, &feature, feature != NULL, &data);
  cr_expect_eq(status, PLT_ERR_DATA, "expected %s", words[0]);
  cr_expect_null(data);
  for (; *words != NULL; words++)
    cr_expect_not_null(strstr(plt_fail_text(), *words), "no \"%s\" in: %s", *words, plt_fail_text());
}

#define EXPECT_FAILURE(folder, interactions, feature, ...) \
  expect_failure(folder, interactions, feature, (const char *const[]){__VA_ARGS__, NULL})

static void expect_text_failure(const char *text, const char *const *words) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter", text);
  expect_failure(&folder, NULL, NULL, words);
  folder_remove(&folder);
}

#define EXPECT_TEXT_FAILURE(text, ...) expect_text_failure(text, (const char *const[]){__VA_ARGS__, NULL})

static void expect_small(const plt_dataset_t *data) {
  cr_expect_eq(data->users, 3);
  cr_expect_eq(data->items, 4);
  cr_assert_eq(data->n_train, 3);
  cr_expect_eq(data->train[0].item, 3);
  cr_expect_eq(data->train[1].user, 1);
  cr_expect_eq(data->train[2].item, 1);
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN];
  cr_expect_eq(train->offset[1], 2);
  cr_expect_eq(train->offset[3], 3);
  cr_expect_eq(train->item[0], 1);
  cr_expect_eq(train->item[1], 3);
  cr_expect_eq(data->part[PLT_PART_VALID].n, 1);
  cr_expect_eq(data->part[PLT_PART_TEST].n, 2);
  cr_expect(plt_user_items_has(train, 0, 3));
  cr_expect_not(plt_user_items_has(train, 0, 2));
  cr_expect_not(plt_user_items_has(train, 2, 0));
  cr_assert_eq(data->n_train_items, 3);
  cr_expect_eq(data->train_items[2], 3);
  cr_expect_eq(data->duplicates, 0);
}

Test(dataset, small_folder) {
  folder_t folder = folder_make();
  folder_text(&folder, "small.inter", SMALL);
  plt_dataset_t *data = open_ok(&folder, NULL, 0);
  expect_small(data);
  cr_expect_str_eq(data->name, "small");
  cr_expect_eq(plt_dataset_feature_cols(data), 0);
  plt_dataset_destroy(&data);
  cr_expect_null(data);
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

Test(dataset, columns_in_other_order_crlf_and_more_columns) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter",
              "\xEF\xBB\xBFrating\titemID\tx_label\ttime\tuserID\r\n"
              "5.0\t3\t0\t1\t0\r\n1\t0\t0\t\t1\r\n\t1\t0\tx y\t0\r\n5\t2\t1\t1\t0\r\n5\t3\t2\t1\t1\r\n5\t0\t2\t1\t2");
  plt_dataset_t *data = open_ok(&folder, NULL, 0);
  expect_small(data);
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

/* Environments of training pairs, in the order of the file; the column's name is met in any place. */
Test(dataset, shift_and_environments) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter",
              "userID\titemID\tx_label\tnote\tenvironment\n"
              "1\t0\t0\t\t2\n0\t1\t3\tx\t5\n0\t2\t0\t\t0\n1\t2\t3\t\t65534\n0\t0\t0\t\t2\n");
  plt_dataset_t *data = open_ok(&folder, NULL, 0);
  cr_assert_not_null(data->environment);
  cr_expect_eq(data->environments, 3);
  const uint16_t expected[] = {2, 0, 2};
  cr_expect_arr_eq(data->environment, expected, sizeof expected);
  cr_expect_eq(data->part[PLT_PART_SHIFT].n, 2);
  cr_expect(plt_user_items_has(&data->part[PLT_PART_SHIFT], 1, 2));
  cr_expect_not(plt_user_items_has(&data->part[PLT_PART_SHIFT], 1, 0));
  cr_expect_null(data->part[PLT_PART_TEST].offset, "a part without pairs takes no memory");
  plt_dataset_destroy(&data);
  folder_text(&folder, "a.inter", HEADER "0\t1\t0\n");
  data = open_ok(&folder, NULL, 0);
  cr_expect_null(data->environment);
  cr_expect_eq(data->environments, 0);
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

Test(dataset, lightgcn) {
  folder_t folder = folder_make();
  folder_text(&folder, "train.txt", "0 3 1 \n1 0\n2\n");
  folder_text(&folder, "test.txt", "1 3\n2 0\n");
  plt_dataset_t *data = open_ok(&folder, NULL, 0);
  cr_expect_eq(data->users, 3);
  cr_expect_eq(data->items, 4);
  cr_expect_eq(data->n_train, 3);
  cr_expect_eq(data->part[PLT_PART_VALID].n, 0);
  cr_expect(plt_user_items_has(&data->part[PLT_PART_TEST], 2, 0));
  plt_dataset_destroy(&data);
  folder_text(&folder, "test.txt", "1 3\n2 x\n");
  EXPECT_FAILURE(&folder, NULL, NULL, "test.txt:2", "\"x\"");
  folder_text(&folder, "test.txt", "1 3\n-1 2\n");
  EXPECT_FAILURE(&folder, NULL, NULL, "test.txt:2", "user \"-1\"");
  folder_text(&folder, "test.txt", "1 3\n\n2 2\n");
  EXPECT_FAILURE(&folder, NULL, NULL, "test.txt:2", "empty");
  folder_text(&folder, "test.txt", "");
  EXPECT_FAILURE(&folder, NULL, NULL, "test.txt", "empty");
  folder_remove(&folder);
}

Test(dataset, lightgcn_without_test) {
  folder_t folder = folder_make();
  folder_text(&folder, "train.txt", "0 3 1\n");
  EXPECT_FAILURE(&folder, NULL, NULL, "test.txt", "missing");
  folder_remove(&folder);
}

Test(dataset, duplicates_are_counted_and_kept) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter", HEADER "0\t1\t0\n0\t0\t0\n0\t1\t0\n0\t1\t0\n0\t1\t2\n");
  plt_dataset_t *data = open_ok(&folder, NULL, 0);
  cr_expect_eq(data->duplicates, 2);
  cr_expect_eq(data->n_train, 4);
  cr_expect_eq(data->part[PLT_PART_TRAIN].n, 4);
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

Test(dataset, bad_headers) {
  EXPECT_TEXT_FAILURE("", "a.inter", "empty");
  EXPECT_TEXT_FAILURE("\n\r\n", "a.inter", "empty");
  EXPECT_TEXT_FAILURE(HEADER, "a.inter", "no rows");
  EXPECT_TEXT_FAILURE("user_id:token\titemID\tx_label\n0\t0\t0\n", "a.inter:1", "no column userID",
                      "user_id:token itemID x_label");
  EXPECT_TEXT_FAILURE("userID,itemID,x_label\n0,0,0\n", "a.inter:1", "no column userID");
  EXPECT_TEXT_FAILURE("userID\titemID\tx_label\tuserID\n0\t0\t0\t0\n", "a.inter:1", "userID", "twice");
}

Test(dataset, bad_rows) {
  EXPECT_TEXT_FAILURE(HEADER "0\t0\t0\n1\t2\n", "a.inter:3", "2 of the header's 3");
  EXPECT_TEXT_FAILURE(HEADER "0\t0\t0\n\n1\t2\t0\n", "a.inter:3", "0 of the header's 3");
  EXPECT_TEXT_FAILURE(HEADER "3.0\t0\t0\n", "a.inter:2", "userID \"3.0\"");
  EXPECT_TEXT_FAILURE(HEADER "0\t-1\t0\n", "a.inter:2", "itemID \"-1\"");
  EXPECT_TEXT_FAILURE(HEADER "0\t\t0\n", "a.inter:2", "itemID \"\"");
  EXPECT_TEXT_FAILURE(HEADER " 1\t2\t0\n", "a.inter:2", "userID \" 1\"");
  EXPECT_TEXT_FAILURE(HEADER "4294967295\t2\t0\n", "a.inter:2", "userID \"4294967295\"");
  EXPECT_TEXT_FAILURE(HEADER "99999999999999999999999999\t2\t0\n", "a.inter:2", "is not an id");
  EXPECT_TEXT_FAILURE(HEADER "4294967294\t2\t0\n", "a.inter:2", "userID 4294967294 is far above", "renumber");
  EXPECT_TEXT_FAILURE(HEADER "0\t0\t4\n", "a.inter:2", "x_label \"4\"");
  EXPECT_TEXT_FAILURE("userID\titemID\tx_label\tenvironment\n0\t0\t0\t0\n0\t1\t2\t\n", "a.inter:3", "environment \"\"");
  EXPECT_TEXT_FAILURE("userID\titemID\tx_label\tenvironment\n0\t0\t0\t65535\n", "a.inter:2", "environment \"65535\"");
  EXPECT_TEXT_FAILURE("environment\tuserID\titemID\tx_label\nweb\t0\t0\t0\n", "a.inter:2", "environment \"web\"",
                      "another name");
  EXPECT_TEXT_FAILURE(HEADER "0\t0\t\n", "a.inter:2", "x_label \"\"");
  EXPECT_TEXT_FAILURE(HEADER "0\t0\t1\n0\t1\t2\n", "a.inter", "no training pairs");
}

Test(dataset, files_that_are_not_there) {
  folder_t folder = folder_make();
  EXPECT_FAILURE(&folder, NULL, NULL, folder.path, "no NAME.inter", "none");
  folder_text(&folder, "a.inter", SMALL);
  folder_text(&folder, "b.inter", SMALL);
  EXPECT_FAILURE(&folder, NULL, NULL, "more than one", "a.inter, b.inter");
  EXPECT_FAILURE(&folder, "c.inter", NULL, "no c.inter", "a.inter, b.inter");
  plt_dataset_t *data = NULL;
  cr_assert_eq(plt_dataset_open(folder.path, "b.inter", NULL, 0, &data), PLT_OK);
  cr_expect_str_eq(data->name, "b");
  plt_dataset_destroy(&data);
  EXPECT_FAILURE(&(folder_t){"/nowhere"}, NULL, NULL, "/nowhere", "no such folder");
  folder_t file;
  snprintf(file.path, sizeof file.path, "%s/a.inter", folder.path);
  EXPECT_FAILURE(&file, NULL, NULL, "is a file");
  folder_remove(&folder);
}

/* 0.5, -2 and the largest half, by their bits. */
static const uint16_t halves[] = {0x3800, 0xC000, 0x7BFF, 0x3800, 0xC000, 0x7BFF, 0x3800, 0x0000};
static const float floats[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const double doubles[] = {0.1, 1e-300, -3, 1e30};

static folder_t folder_with_features(void) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter", SMALL);
  folder_npy(&folder, "image_feat.npy", "<f2", "(4, 2)", halves, sizeof halves);
  folder_npy(&folder, "text_feat.npy", "<f4", "(4, 3)", floats, sizeof floats);
  folder_npy(&folder, "wide_feat.npy", "<f8", "(4, 1)", doubles, sizeof doubles);
  return folder;
}

Test(dataset, features_of_all_types_are_concatenated) {
  folder_t folder = folder_with_features();
  plt_dataset_t *data = open_ok(&folder, (const char *const[]){"text_feat.npy", "image_feat.npy", "wide_feat.npy"}, 3);
  cr_assert_eq(plt_dataset_feature_cols(data), 6);
  cr_expect_str_eq(data->features[1].name, "image");
  float out[12];
  plt_dataset_features(NULL, data, (const uint32_t[]){3, 0}, 2, out);
  const float expected[12] = {10, 11, 12, 0.5F, 0, 1e30F, 1, 2, 3, 0.5F, -2, 0.1F};
  for (int i = 0; i < 12; i++) cr_expect_eq(out[i], expected[i], "value %d is %g", i, (double)out[i]);
  const float half[] = {0.5F, 0.5F, 0.5F, 0.5F}, two[] = {2, 2, 2, 4};
  plt_feature_rows_t rows = {.feature = data->features,
                             .n_features = 2,
                             .items = (const uint32_t[]){0, 3},
                             .scale = (const float *const[]){half, two}};
  plt_lazy_t x = plt_feature_rows(&rows, 2);
  cr_assert(x.rows == 2 && x.cols == plt_dataset_feature_cols(data) - data->features[2].array.cols);
  for (size_t i = 0; i < 2; i++) {
    float row[6];
    plt_dataset_features(NULL, data, &rows.items[i], 1, row);
    x.make(x.context, i, 1, out);
    for (size_t j = 0; j < x.cols; j++) {
      const float *scale = rows.scale[j < data->features[0].array.cols ? 0 : 1];
      cr_expect_eq(out[j], row[j] * scale[rows.items[i]], "row %zu, column %zu: %g", i, j, (double)out[j]);
    }
  }
  plt_feature_lengths(&data->features[0], 4, out);
  cr_expect_eq(out[0], (float)sqrt(1 + 4 + 9));
  cr_expect_eq(out[3], (float)sqrt(100 + 121 + 144));
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

Test(dataset, bad_features) {
  folder_t folder = folder_with_features();
  EXPECT_FAILURE(&folder, NULL, "audio_feat.npy", "no feature file audio_feat.npy",
                 "image_feat.npy, text_feat.npy, wide_feat.npy");
  folder_npy(&folder, "x_feat.npy", "<f4", "(3, 2)", floats, 24);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy", "has 3 rows", "4 rows are needed");
  folder_npy(&folder, "x_feat.npy", "<f4", "(4,)", floats, 16);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy", "1-dimensional");
  folder_npy(&folder, "x_feat.npy", "<f4", "(4, 1, 3)", floats, 48);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy", "3-dimensional");
  folder_npy(&folder, "x_feat.npy", "<i4", "(4, 3)", floats, 48);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy", "integers");
  folder_npy(&folder, "x_feat.npy", "<f4", "(4, 0)", floats, 0);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy", "empty");
  folder_npy(&folder, "x_feat.npy", "<f4", "(4, 3)", floats, 20);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy");
  folder_remove(&folder);
}

Test(dataset, values_that_are_not_finite) {
  folder_t folder = folder_with_features();
  float bad[12] = {0};
  bad[7] = NAN;
  bad[8] = NAN;
  folder_npy(&folder, "x_feat.npy", "<f4", "(4, 3)", bad, sizeof bad);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy: row 2, column 1", "NaN", "1 more");
  double huge[4] = {0, 0, 0, -1e200};
  folder_npy(&folder, "x_feat.npy", "<f8", "(4, 1)", huge, sizeof huge);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy: row 3, column 0", "infinite as float32");
  uint16_t half_inf[4] = {0x7C00, 0, 0, 0};
  folder_npy(&folder, "x_feat.npy", "<f2", "(4, 1)", half_inf, sizeof half_inf);
  EXPECT_FAILURE(&folder, NULL, "x_feat.npy", "x_feat.npy: row 0, column 0", "infinite");
  folder_remove(&folder);
}

Test(dataset, one_feature_name_for_two_files) {
  folder_t folder = folder_with_features();
  folder_npy(&folder, "text.npy", "<f4", "(4, 3)", floats, sizeof floats);
  plt_dataset_t *data = NULL;
  const char *const files[] = {"text_feat.npy", "text.npy"};
  cr_expect_eq(plt_dataset_open(folder.path, NULL, files, 2, &data), PLT_ERR_DATA);
  cr_expect_not_null(strstr(plt_fail_text(), "a second feature named \"text\""), "%s", plt_fail_text());
  folder_remove(&folder);
}

/* A million rows against sums that do not go through the reader. */
Test(dataset, a_million_rows) {
  enum { ROWS = 1000000, USERS = 30000, ITEMS = 8000 };
  folder_t folder = folder_make();
  FILE *file = folder_create(&folder, "big.inter");
  plt_rng_key_t key = plt_rng_key(7, "test", 0);
  uint64_t user_sum = 0, item_sum = 0, train = 0;
  fputs(HEADER, file);
  for (uint32_t i = 0; i < ROWS; i++) {
    plt_rng_block_t draw = plt_rng_draw(key, i, 0, 0, 0);
    uint32_t user = draw.word[0] % USERS, item = draw.word[1] % ITEMS, label = draw.word[2] % 10;
    fprintf(file, "%u\t%u\t%u\n", user, item, label > 2 ? 0 : label);
    if (label == 1 || label == 2) continue;
    user_sum += user;
    item_sum += item;
    train++;
  }
  fclose(file);
  int64_t start = plt_time_ns();
  plt_dataset_t *data = open_ok(&folder, NULL, 0);
  double seconds = plt_time_seconds(plt_time_ns() - start);
  cr_log_info("a million rows in %.3f s", seconds);
  cr_expect_eq(data->n_train, train);
  for (uint64_t i = 0; i < data->n_train; i++) {
    user_sum -= data->train[i].user;
    item_sum -= data->train[i].item;
  }
  cr_expect_eq(user_sum, 0);
  cr_expect_eq(item_sum, 0);
  const plt_user_items_t *part = &data->part[PLT_PART_TRAIN];
  cr_expect_eq(part->n, train);
  for (uint32_t user = 0; user < data->users; user++)
    for (uint64_t i = part->offset[user] + 1; i < part->offset[user + 1]; i++)
      cr_assert_leq(part->item[i - 1], part->item[i]);
  for (uint64_t i = 0; i < 1000; i++) cr_assert(plt_user_items_has(part, data->train[i].user, data->train[i].item));
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

static plt_status_t keep_last(void *context, plt_problem_t kind, const char *text) {
  (void)text;
  ((uint64_t *)context)[kind]++;
  return PLT_OK;
}

Test(dataset, a_sink_that_goes_on_gets_all_faults_and_the_good_rows) {
  folder_t folder = folder_make();
  folder_text(&folder, "a.inter", HEADER "0\t1\t0\nx\t1\t0\n1\t2\n1\t1\t7\n0\t4000000000\t0\n1\t0\t1\n\n2\t2\t2\n");
  uint64_t counts[PLT_PROBLEM_KINDS] = {0};
  plt_problem_sink_t sink = {keep_last, counts};
  plt_interactions_t *rows = NULL;
  plt_source_t source;
  cr_assert_eq(plt_source_find(folder.path, NULL, PLT_SOURCE_ANY, &source), PLT_OK);
  cr_assert_eq(plt_interactions_read(&source, &sink, &rows), PLT_OK);
  plt_source_clear(&source);
  cr_expect_eq(counts[PLT_PROBLEM_BAD_ID], 1);
  cr_expect_eq(counts[PLT_PROBLEM_SHORT_ROW], 2);
  cr_expect_eq(counts[PLT_PROBLEM_BAD_LABEL], 1);
  cr_expect_eq(counts[PLT_PROBLEM_FAR_ID], 1);
  cr_expect_eq(rows->n, 3);
  cr_expect_eq(rows->items, 3);
  cr_expect_eq(rows->row[2].line, 9);
  plt_interactions_destroy(&rows);
  folder_remove(&folder);
}

Test(dataset, from_config) {
  folder_t folder = folder_with_features();
  plt_config_t *config = plt_config_create();
  plt_dataset_t *data = NULL;
  cr_assert_eq(plt_config_apply(config, &plt_dataset_options), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(plt_dataset_from_config(config, NULL, &data), PLT_ERR_USAGE);
  cr_expect_not_null(strstr(plt_fail_text(), "data.path"));
  plt_config_destroy(&config);
  config = plt_config_create();
  char assignment[128];
  snprintf(assignment, sizeof assignment, "data.path=%s", folder.path);
  cr_assert_eq(plt_config_set(config, assignment), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_config_set(config, "data.features=[image_feat.npy, text_feat.npy]"), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_config_apply(config, &plt_dataset_options), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_dataset_from_config(config, NULL, &data), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(plt_dataset_feature_cols(data), 5);
  plt_dataset_destroy(&data);
  plt_config_destroy(&config);
  folder_remove(&folder);
}
