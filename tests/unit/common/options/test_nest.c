#include "common/options/nest.h"

#include "tests/unit/common/scratch.h"

static const plt_option_t top_rows[] = {{.key = "run.dir", .type = PLT_OPT_TEXT},
                                        {.key = "stages", .type = PLT_OPT_LIST, .help = "Stages."}};
static const plt_option_t stage_rows[] = {
    {.key = "name", .type = PLT_OPT_TEXT},
    {.key = "train.epochs", .type = PLT_OPT_INT, .fallback = "9", .min = 0, .max = 100, .resumable = true},
    {.key = "train.path", .type = PLT_OPT_PATH},
    {.key = "optimizer.name", .type = PLT_OPT_TEXT, .fallback = "adam"},
    {.key = "optimizer.lr", .type = PLT_OPT_REAL, .fallback = "0.5"},
    {.key = "optimizer.weights", .type = PLT_OPT_WEIGHTS},
    {.key = "optimizer.tables", .type = PLT_OPT_MAP}};
static const plt_option_t loop_rows[] = {{.key = "repeat", .type = PLT_OPT_INT},
                                         {.key = "stages", .type = PLT_OPT_LIST}};
static const plt_option_t other_rows[] = {{.key = "model.layers", .type = PLT_OPT_INT}};
#define TABLE(title, rows) \
  { title, rows, sizeof(rows) / sizeof *(rows) }
static const plt_option_table_t top = TABLE("top", top_rows), stage = TABLE("stage", stage_rows),
                                loop = TABLE("loop", loop_rows), table = {"table", stage_rows + 3, 2},
                                other = TABLE("model gcn", other_rows);

static plt_config_t *read_text(const char *text) {
  plt_config_t *config = plt_config_create();
  CR_OK(plt_config_read(config, scratch_write_text("c.yaml", text)));
  return config;
}

static plt_config_t *nest_stage(plt_config_t *config, const char *section) {
  plt_config_t *nested = plt_config_nest(config, section, "", true);
  cr_assert_eq(plt_config_apply(nested, &stage), PLT_OK, "%s", plt_fail_text());
  return nested;
}

/* That a text is `expected` but for the directory of the file. */
static void expect(const char *text, const char *expected) {
  char shown[4096] = "";
  size_t length = strlen(scratch) + 1;
  for (const char *at = text, *next; *at != '\0'; at = next) {
    next = strstr(at, scratch);
    snprintf(shown + strlen(shown), sizeof shown - strlen(shown), "%.*s", next == NULL ? 4000 : (int)(next - at), at);
    next = next == NULL ? "" : next + length;
  }
  cr_assert_str_eq(shown, expected);
}

static plt_status_t finish(plt_config_t *config, char **warnings) {
  const plt_option_table_t *known[] = {&stage, &other};
  *warnings = NULL;
  return plt_config_finish(config, known, 2, warnings);
}

static void finish_well(plt_config_t *config) {
  char *warnings;
  cr_assert_eq(finish(config, &warnings), PLT_OK, "%s", plt_fail_text());
  cr_assert_null(warnings, "%s", warnings);
}

TestSuite(nest, .init = scratch_make, .fini = scratch_remove);

Test(nest, a_section_goes_over_what_stands_outside_key_by_key) {
  plt_config_t *config = read_text(
      "run: {dir: x}\n"
      "train: {epochs: 7, path: a}\n"
      "optimizer: {lr: 2, weights: {a: 1, b: 2}}\n"
      "stages:\n"
      "  - {name: one, train: {epochs: 3}}\n"
      "  - {name: two, optimizer: {weights: {b: 5}}, train: {path: null}}\n");
  size_t n;
  cr_assert_eq(plt_config_set(config, "stages.1.optimizer.lr=4"), PLT_OK);
  cr_assert_eq(plt_config_items(config, "stages", &n), PLT_OK);
  cr_assert_eq(n, 2);
  plt_config_t *one = nest_stage(config, "stages.0"), *two = nest_stage(config, "stages.1");
  cr_assert_str_eq(plt_config_text(one, "name"), "one");
  cr_assert_eq(plt_config_int(one, "train.epochs"), 3);
  expect(plt_config_origin(one, "train.epochs"), "c.yaml:5:33");
  cr_assert_str_eq(plt_config_text(one, "train.path"), scratch_path("a"));
  cr_assert(plt_config_real(one, "optimizer.lr") == 2 && plt_config_list_size(one, "optimizer.weights") == 2);
  cr_assert_eq(plt_config_int(two, "train.epochs"), 7);
  cr_assert_null(plt_config_text(two, "train.path"), "null hides what stands outside");
  cr_assert(plt_config_real(two, "optimizer.lr") == 4 && plt_config_list_size(two, "optimizer.weights") == 1);
  expect(plt_config_origin(two, "optimizer.lr"), "command line");
  cr_assert_eq(plt_config_nested(config, "stages.1"), two);
  cr_assert_null(plt_config_nested(config, "stages.2"));
  finish_well(one);
  finish_well(two);
  CR_OK(plt_config_apply(config, &top));
  finish_well(config);
  plt_config_destroy(&config);
}

Test(nest, names_of_tables_and_which_value_counts) {
  plt_config_t *config = read_text(
      "optimizer: {lr: 1, tables: {user: {lr: 2}, item: {name: sgd}}}\n"
      "stages:\n"
      "  - {name: a, optimizer: {lr: 3, tables: {user: {name: ftrl}, \"p_*\": {lr: 4}}}}\n");
  size_t n;
  char **names;
  plt_config_t *a = nest_stage(config, "stages.0");
  cr_assert_eq(plt_config_names(a, "optimizer.tables", &names, &n), PLT_OK);
  cr_assert_eq(n, 3);
  cr_assert(strcmp(names[0], "user") == 0 && strcmp(names[1], "item") == 0 && strcmp(names[2], "p_*") == 0);
  plt_names_free(&names, n);
  plt_config_t *user = plt_config_nest(a, "optimizer.tables.user", "optimizer", true);
  plt_config_t *item = plt_config_nest(a, "optimizer.tables.item", "optimizer", true);
  plt_config_t *p = plt_config_nest(a, "optimizer.tables.p_*", "optimizer", true);
  cr_assert_eq(plt_config_apply(user, &table), PLT_OK);
  cr_assert_eq(plt_config_apply(item, &table), PLT_OK);
  cr_assert_eq(plt_config_apply(p, &table), PLT_OK);
  cr_assert(strcmp(plt_config_text(user, "optimizer.name"), "ftrl") == 0 && plt_config_real(user, "optimizer.lr") == 2);
  cr_assert(strcmp(plt_config_text(item, "optimizer.name"), "sgd") == 0 && plt_config_real(item, "optimizer.lr") == 3);
  cr_assert(strcmp(plt_config_text(p, "optimizer.name"), "adam") == 0 && plt_config_real(p, "optimizer.lr") == 4);
  finish_well(user);
  finish_well(item);
  finish_well(p);
  finish_well(a);
  CR_OK(plt_config_apply(config, &top));
  finish_well(config);
  char *text = plt_config_dump(config);
  cr_assert_str_eq(text,
                   "stages:\n"
                   "  - name: a\n"
                   "    train:\n"
                   "      epochs: 9\n"
                   "    optimizer:\n"
                   "      name: adam\n"
                   "      lr: 3\n"
                   "      tables:\n"
                   "        user:\n"
                   "          name: ftrl\n"
                   "          lr: 2\n"
                   "        item:\n"
                   "          name: sgd\n"
                   "          lr: 3\n"
                   "        \"p_*\":\n"
                   "          name: adam\n"
                   "          lr: 4\n");
  free(text);
  plt_config_destroy(&config);
}

Test(nest, lists_in_lists_and_differences) {
  static const char *const texts[] = {
      "stages:\n  - repeat: 2\n    stages: [{name: a}, {name: b, train: {epochs: 1}}]\n",
      "stages:\n  - repeat: 3\n    stages: [{name: a}, {name: c, train: {epochs: 2}}]\n"};
  plt_config_t *configs[2];
  for (size_t i = 0; i < 2; i++) {
    size_t n;
    configs[i] = read_text(texts[i]);
    cr_assert_eq(plt_config_items(configs[i], "stages.0.stages", &n), PLT_OK);
    cr_assert_eq(n, 2);
    finish_well(nest_stage(configs[i], "stages.0.stages.0"));
    finish_well(nest_stage(configs[i], "stages.0.stages.1"));
    plt_config_t *around = plt_config_nest(configs[i], "stages.0", "", false);
    cr_assert_eq(plt_config_apply(around, &loop), PLT_OK);
    finish_well(around);
    cr_assert_eq(plt_config_apply(configs[i], &top), PLT_OK);
    finish_well(configs[i]);
  }
  char *text = plt_config_dump(configs[0]);
  cr_assert(strncmp(text, "stages:\n  - repeat: 2\n    stages:\n      - name: a\n        train:\n          epochs: 9\n",
                    80) == 0,
            "%s", text);
  plt_config_t *back = read_text(text);
  cr_assert(plt_config_has(back, "stages.0.stages.1.name") && !plt_config_has(back, "stages.0.stages.2"));
  plt_config_destroy(&back);
  free(text);
  text = plt_config_differences(configs[1], configs[0], false);
  cr_assert_str_eq(text, "stages.0.stages.1.name: c, was b\nstages.0.repeat: 3, was 2");
  free(text);
  plt_config_destroy(&configs[0]);
  plt_config_destroy(&configs[1]);
}

Test(nest, faults_name_the_whole_path) {
  char *warnings;
  plt_config_t *config = read_text(
      "train: {epochz: 7}\n"
      "model: {layers: 2}\n"
      "stages:\n"
      "  - {name: a, model: {layers: 3}}\n"
      "  - {train: {epochs: 700}}\n"
      "  - {trian.epochs: 1, run: {dir: y}}\n");
  plt_config_t *a = nest_stage(config, "stages.0");
  cr_assert_eq(finish(a, &warnings), PLT_OK);
  expect(warnings, "c.yaml:4:31: stages.0.model.layers: ignored, it belongs to model gcn, which is not in use");
  free(warnings);
  plt_config_t *b = plt_config_nest(config, "stages.1", "", true);
  cr_assert_eq(plt_config_apply(b, &stage), PLT_ERR_USAGE);
  expect(plt_fail_text(), "c.yaml:5:22: stages.1.train.epochs: 700 must be in [0, 100]");
  plt_config_t *c = nest_stage(config, "stages.2");
  cr_assert_eq(plt_config_refuse(c, "run", "is of the whole run"), PLT_ERR_USAGE);
  expect(plt_fail_text(), "c.yaml:6:34: stages.2.run.dir: is of the whole run");
  cr_assert_eq(finish(c, &warnings), PLT_ERR_USAGE);
  expect(plt_fail_text(), "c.yaml:6:20: stages.2.trian.epochs: unknown option, did you mean train.epochs?");
  CR_OK(plt_config_apply(config, &top));
  cr_assert_eq(finish(config, &warnings), PLT_ERR_USAGE);
  expect(plt_fail_text(), "c.yaml:1:17: train.epochz: unknown option, did you mean train.epochs?");
  plt_config_destroy(&config);
}

Test(nest, what_nobody_inherits_is_told_of_outside) {
  char *warnings;
  plt_config_t *config = read_text("model: {layers: 2}\ntrain: {epochs: 2}\nstages: [{train: {epochs: 3}}]\n");
  finish_well(nest_stage(config, "stages.0"));
  CR_OK(plt_config_apply(config, &top));
  cr_assert_eq(finish(config, &warnings), PLT_OK);
  expect(warnings, "c.yaml:1:17: model.layers: ignored, it belongs to model gcn, which is not in use");
  free(warnings);
  plt_config_destroy(&config);
}

static void expect_no_list(const char *text, const char *set, const char *fault) {
  size_t n;
  plt_config_t *config = read_text(text);
  if (set != NULL) cr_assert_eq(plt_config_set(config, set), PLT_OK);
  cr_assert_eq(plt_config_items(config, "stages", &n), PLT_ERR_USAGE);
  expect(plt_fail_text(), fault);
  plt_config_destroy(&config);
}

static void expect_no_names(const char *text, const char *fault) {
  size_t n;
  char **names;
  plt_config_t *config = read_text(text);
  cr_assert_eq(plt_config_names(config, "tables", &names, &n), PLT_ERR_USAGE);
  expect(plt_fail_text(), fault);
  plt_config_destroy(&config);
}

Test(nest, what_is_no_list_and_no_mapping) {
  expect_no_list("stages: 5\n", NULL, "c.yaml:1:9: stages: expected a list of mappings");
  expect_no_list("stages: [a, b]\n", NULL, "c.yaml:1:9: stages: expected a list of mappings");
  expect_no_list("stages: []\n", NULL, "c.yaml:1:9: stages: expected a list of mappings");
  expect_no_list("stages: {a: 1}\n", NULL, "c.yaml:1:13: stages.a: the list has 0 entries, the next one is stages.0");
  expect_no_list("stages: [{a: 1}]\n", "stages.2.a=1",
                 "command line: stages.2.a: the list has 1 entries, the next one is stages.1");
  expect_no_names("tables: 5\n", "c.yaml:1:9: tables: expected a mapping of names to mappings");
  expect_no_names("tables: {user: 5}\n", "c.yaml:1:16: tables.user: expected a mapping");
}
