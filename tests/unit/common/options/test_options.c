#include "common/options/options.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/options/nearest.h"
#include "tests/unit/common/scratch.h"

TestSuite(options, .init = scratch_make, .fini = scratch_remove);

static const plt_option_t train_rows[] = {
    {.key = "train.batch_size",
     .type = PLT_OPT_INT,
     .fallback = "2048",
     .min = 1,
     .max = 1000000,
     .unit = "rows",
     .help = "Samples of one step."},
    {.key = "train.epochs", .type = PLT_OPT_INT, .fallback = "5", .resumable = true, .help = "Passes."},
    {.key = "optimizer.lr", .type = PLT_OPT_REAL, .fallback = "1e-3", .max = 1, .above_min = true},
    {.key = "optimizer.clip", .type = PLT_OPT_REAL, .max = HUGE_VAL},
    {.key = "train.shuffle", .type = PLT_OPT_BOOL, .fallback = "true"},
    {.key = "data.path", .type = PLT_OPT_PATH},
    {.key = "data.note", .type = PLT_OPT_TEXT},
    {.key = "data.features", .type = PLT_OPT_TEXTS, .fallback = "[]"},
    {.key = "eval.topk", .type = PLT_OPT_INTS, .fallback = "[5, 10]", .min = 1, .max = 100},
    {.key = "optimizer.betas", .type = PLT_OPT_REALS},
    {.key = "optimizer.name", .type = PLT_OPT_CHOICE, .fallback = "adam", .choices = "adam|adagrad|sgd"},
    {.key = "model.graph.weights", .type = PLT_OPT_WEIGHTS, .fallback = "{image: 0.1, text: 0.9}", .max = 1},
};
static const plt_option_table_t train = {"train", train_rows, sizeof train_rows / sizeof *train_rows};

static const plt_option_t other_rows[] = {{.key = "model.layers", .type = PLT_OPT_INT, .fallback = "2"}};
static const plt_option_table_t other = {"model lightgcn", other_rows, 1};
static const plt_option_table_t *const known[] = {&other};

static const char *config_path(void) { return scratch_path("config.yaml"); }

/* A configuration from the text of a file, not yet applied. */
static plt_config_t *read_text(const char *text) {
  plt_config_t *config = plt_config_create();
  CR_OK(plt_config_read(config, scratch_write_text("config.yaml", text)));
  return config;
}

static plt_config_t *apply_text(const char *text) {
  plt_config_t *config = read_text(text);
  CR_OK(plt_config_apply(config, &train));
  return config;
}

/* The message that the table gives for the text, without the path of the file. */
static void expect_fault(const char *text, const char *fault) {
  plt_config_t *config = read_text(text);
  plt_status_t status = plt_config_apply(config, &train);
  char *warnings = NULL;
  if (status == PLT_OK) status = plt_config_finish(config, known, 1, &warnings);
  CR_FAILED_WITH(status, PLT_ERR_USAGE, fault);
  cr_assert_eq(strncmp(plt_fail_text(), scratch, strlen(scratch)), 0);
  plt_config_destroy(&config);
}

Test(options, defaults) {
  plt_config_t *config = apply_text("");
  cr_assert_eq(plt_config_int(config, "train.batch_size"), 2048);
  cr_assert_eq(plt_config_real(config, "optimizer.lr"), 1e-3);
  cr_assert(plt_config_bool(config, "train.shuffle"));
  cr_assert_str_eq(plt_config_text(config, "optimizer.name"), "adam");
  cr_assert_null(plt_config_text(config, "data.path"));
  cr_assert_not(plt_config_given(config, "data.path"));
  cr_assert(plt_config_given(config, "data.features"));
  cr_assert_eq(plt_config_list_size(config, "data.features"), 0);
  cr_assert_eq(plt_config_list_int(config, "eval.topk", 1), 10);
  cr_assert_eq(plt_config_list_size(config, "model.graph.weights"), 2);
  cr_assert_str_eq(plt_config_list_text(config, "model.graph.weights", 1), "text");
  cr_assert_eq(plt_config_list_real(config, "model.graph.weights", 1), 0.9);
  cr_assert_not(plt_config_is_set(config, "eval.topk"));
  cr_assert_str_eq(plt_config_origin(config, "eval.topk"), "default");
  plt_config_destroy(&config);
  plt_config_destroy(&config);
}

Test(options, values_of_a_file) {
  plt_config_t *config = apply_text(
      "train: {batch_size: 010, shuffle: false, epochs: null}\noptimizer:\n  lr: 5E-2\n  betas: 0.5\n"
      "data:\n  note: \"4x\"\n  features: [a.npy, 'b c']\neval.topk: 7\nmodel:\n  graph:\n    weights: {audio: 1}\n");
  cr_assert_eq(plt_config_int(config, "train.batch_size"), 10);
  cr_assert_not(plt_config_bool(config, "train.shuffle"));
  cr_assert_eq(plt_config_int(config, "train.epochs"), 5);
  cr_assert_not(plt_config_is_set(config, "train.epochs"));
  cr_assert_eq(plt_config_real(config, "optimizer.lr"), 0.05);
  cr_assert_eq(plt_config_list_real(config, "optimizer.betas", 0), 0.5);
  cr_assert_str_eq(plt_config_text(config, "data.note"), "4x");
  cr_assert_str_eq(plt_config_list_text(config, "data.features", 1), "b c");
  cr_assert_eq(plt_config_list_size(config, "eval.topk"), 1);
  cr_assert_eq(plt_config_list_size(config, "model.graph.weights"), 1);
  cr_assert_str_eq(plt_config_list_text(config, "model.graph.weights", 0), "audio");
  cr_assert(plt_config_is_set(config, "optimizer.lr"));
  const char *origin = plt_config_origin(config, "optimizer.lr");
  cr_assert_str_eq(origin + strlen(config_path()), ":3:7");
  plt_config_destroy(&config);
}

Test(options, faults_name_place_and_cause) {
  expect_fault("train:\n  batch_size: 4x\n", "config.yaml:2:15: train.batch_size: \"4x\" is not a whole number");
  expect_fault("train: {batch_size: 1.5}", "\"1.5\" is not a whole number");
  expect_fault("train: {batch_size: 1e3}", "\"1e3\" is not a whole number");
  expect_fault("train: {batch_size: 0x10}", "\"0x10\" is not a whole number");
  expect_fault("train: {batch_size: \"8\"}", "expected a whole number, not a quoted text");
  expect_fault("train: {batch_size: [8]}", "expected a whole number, not a list");
  expect_fault("train: {batch_size: {a: 1}}", "train.batch_size: expected a whole number, not a mapping");
  expect_fault("train: {batch_size: 0}", "0 must be in [1, 1000000]");
  expect_fault("train: {epochs: 9223372036854775808}", "does not fit into 64 bits");
  expect_fault("train: {shuffle: yes}", "\"yes\" is not true or false");
  expect_fault("optimizer: {lr: 0}", "optimizer.lr: 0 must be in (0, 1]");
  expect_fault("optimizer: {lr: nan}", "\"nan\" is not a number");
  expect_fault("optimizer: {lr: .inf}", "\".inf\" is not a number");
  expect_fault("optimizer: {lr: inf}", "\"inf\" is not a number");
  expect_fault("optimizer: {lr: 0x1p-3}", "is not a number");
  expect_fault("optimizer: {lr: 0.1abc}", "is not a number");
  expect_fault("optimizer: {lr: 1e999}", "1e999 is too large");
  expect_fault("optimizer: {clip: -1}", "-1 must be in [0, inf)");
  expect_fault("optimizer: {name: adem}", "\"adem\" is not one of adam, adagrad, sgd; did you mean adam?");
  expect_fault("eval: {topk: [5, 101]}", "101 must be in [1, 100]");
  expect_fault("data: {path: ''}", "a path cannot be empty");
  expect_fault("model: {graph: {weights: 3}}", "expected a mapping of names to numbers");
  expect_fault("model: {graph: {weights: {image: 2}}}", "model.graph.weights.image: 2 must be in [0, 1]");
  expect_fault("model: {graph: {weights: {image: }}}", "model.graph.weights.image: expected a number");
}

/* A choice for all, or by name; "*" are the names that are not named. */
Test(options, choices_by_name) {
  static const char key[] = "data.scale";
  static const plt_option_t row = {
      .key = key, .type = PLT_OPT_CHOICES, .fallback = "none", .choices = "none|standard|unit"};
  static const plt_option_table_t table = {"data", &row, 1};
  static const struct {
    const char *set[2], *dump;
  } cases[] = {
      {{NULL}, "data:\n  scale: none\n"},
      {{"data.scale=unit"}, "data:\n  scale: unit\n"},
      {{"data.scale={image: standard, \"a b\": unit}"}, "data:\n  scale: {image: standard, \"a b\": unit}\n"},
      {{"data.scale=unit", "data.scale.image=none"}, "data:\n  scale: {\"*\": unit, image: none}\n"},
      {{"data.scale={\"*\": unit, image: none}"}, "data:\n  scale: {\"*\": unit, image: none}\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_config_t *config = plt_config_create(), *back;
    for (int s = 0; s < 2 && cases[i].set[s] != NULL; s++) CR_OK(plt_config_set(config, cases[i].set[s]));
    CR_OK(plt_config_apply(config, &table));
    char *text = plt_config_dump(config);
    cr_expect_str_eq(text, cases[i].dump);
    back = read_text(text);
    CR_OK(plt_config_apply(back, &table));
    char *differences = plt_config_differences(config, back, false);
    cr_expect_null(differences, "%s", differences);
    if (i == 2) cr_expect_str_eq(plt_config_list_text(back, key, 0), "image");
    if (i == 2) cr_expect_eq(plt_config_list_int(back, key, 1), 2);
    plt_config_destroy(&back);
    plt_config_destroy(&config);
    free(text);
  }
  static const char *const faults[][2] = {{"data.scale=unti", "did you mean unit?"},
                                          {"data.scale=[unit]", "not a list"},
                                          {"data.scale={image: }", "expected a choice"}};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    plt_config_t *config = plt_config_create();
    CR_OK(plt_config_set(config, faults[i][0]));
    CR_FAILED_WITH(plt_config_apply(config, &table), PLT_ERR_USAGE, faults[i][1]);
    plt_config_destroy(&config);
  }
}

Test(options, all_faults_of_a_call_together) {
  plt_config_t *config = read_text("train: {batch_size: x, epochs: y}\n");
  CR_OK(plt_config_set(config, "optimizer.lr=z"));
  CR_FAILED_WITH(plt_config_apply(config, &train), PLT_ERR_USAGE, "command line: optimizer.lr: \"z\"");
  size_t lines = 1;
  for (const char *c = plt_fail_text(); *c != '\0'; c++) lines += *c == '\n';
  cr_assert_eq(lines, 3, "%s", plt_fail_text());
  plt_config_destroy(&config);
}

Test(options, unknown_keys) {
  expect_fault("train: {batch_sise: 8}", "train.batch_sise: unknown option, did you mean train.batch_size?");
  expect_fault("lr: 0.1", "lr: unknown option, did you mean optimizer.lr?");
  expect_fault("completely: {different: 1}", "completely.different: unknown option");
  cr_assert_null(strstr(plt_fail_text(), "did you mean"));
  expect_fault("train: 5", "train: is a section (train.batch_size, ...), not an option");
  expect_fault("train: {epochs.: 3}", "train.epochs.: unknown option, did you mean train.epochs?");
  expect_fault("\"a\\n\\e[1m\": 1", ": a\\n\\x1B[1m: unknown option");
  expect_fault("a: 1\nb: 2", "b: unknown option");
  cr_assert_not_null(strstr(plt_fail_text(), ":1:4: a: unknown option"));
}

Test(options, options_of_other_tables_are_warned_about) {
  char *warnings = NULL;
  plt_config_t *config = apply_text("model: {layers: 3}\neval:\n");
  CR_OK(plt_config_finish(config, known, 1, &warnings));
  cr_assert_not_null(strstr(warnings, ":1:17: model.layers: ignored, it belongs to model lightgcn"));
  free(warnings);
  plt_config_destroy(&config);
  config = apply_text("eval:\n");
  CR_OK(plt_config_finish(config, known, 1, &warnings));
  cr_assert_null(warnings);
  plt_config_destroy(&config);
}

/* What a shell hands on as one word stays one: YAML's comments and line ends are for files. */
Test(options, set_takes_a_text_whole) {
  static const char *const texts[] = {"a #b", "#b", "two\nlines", "\\ \"#\" #", "a #", "it's #1"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    plt_config_t *config = plt_config_create();
    char *assignment = plt_mem_print("train.name=%s", texts[i]);
    CR_OK(plt_config_set(config, assignment));
    cr_expect_str_eq(plt_config_written(config, "train.name"), texts[i]);
    free(assignment);
    plt_config_destroy(&config);
  }
}

Test(options, set_wins) {
  plt_config_t *config = read_text(
      "train: {epochs: 3, batch_size: 4}\neval: {topk: [1, 2]}\nmodel: {graph: {weights: {image: 0.5, text: 0.5}}}\n");
  CR_OK(plt_config_set(config, "train.epochs=9"));
  CR_OK(plt_config_set(config, "train.epochs=7"));
  CR_OK(plt_config_set(config, "train.batch_size=null"));
  cr_expect_eq(plt_config_set(config, "train.epochs="), PLT_ERR_USAGE);
  CR_OK(plt_config_set(config, "eval.topk=50"));
  CR_OK(plt_config_set(config, "model.graph.weights={audio: 1}"));
  CR_OK(plt_config_set(config, "data.note=a = b"));
  CR_OK(plt_config_apply(config, &train));
  cr_assert_eq(plt_config_int(config, "train.epochs"), 7);
  cr_assert_str_eq(plt_config_origin(config, "train.epochs"), "command line");
  cr_assert_eq(plt_config_int(config, "train.batch_size"), 2048);
  cr_assert_eq(plt_config_list_size(config, "eval.topk"), 1);
  cr_assert_eq(plt_config_list_int(config, "eval.topk", 0), 50);
  cr_assert_eq(plt_config_list_size(config, "model.graph.weights"), 1);
  cr_assert_str_eq(plt_config_text(config, "data.note"), "a = b");
  CR_FAILED_WITH(plt_config_set(config, "novalue"), PLT_ERR_USAGE, "not of the form key=value");
  CR_FAILED_WITH(plt_config_set(config, "=5"), PLT_ERR_USAGE, "not of the form key=value");
  CR_FAILED_WITH(plt_config_set(config, "a=[1"), PLT_ERR_USAGE, "command line: a:");
  CR_FAILED_WITH(plt_config_read(config, config_path()), PLT_ERR_BUG, "before --set");
  plt_config_destroy(&config);
}

Test(options, a_section_with_a_value_lacks_what_is_below_it) {
  plt_config_t *config = apply_text("data: x\n");
  CR_FAILED_WITH(plt_config_require(config, "data.path"), PLT_ERR_USAGE, ":1:7: data: is a section (data.path, ...)");
  plt_config_destroy(&config);
}

Test(options, paths_that_nobody_means) {
  expect_fault("data: {path: ~/x}", "data.path: \"~/x\": ~ is not your home here");
  CR_OK(plt_dir_create(scratch_path("\xFF")));
  cr_assert_eq(chdir(scratch_path("\xFF")), 0);
  plt_config_t *config = plt_config_create();
  CR_OK(plt_config_set(config, "data.path=./~/x"));
  CR_OK(plt_config_apply(config, &train));
  CR_FAILED_WITH(plt_config_check_texts(config), PLT_ERR_USAGE, "data.path: ");
  plt_config_put(config, "data.path", "/\xC3\xA4");
  CR_OK(plt_config_check_texts(config));
  plt_config_destroy(&config);
}

Test(options, paths) {
  char expected[PLT_PATH_MAX];
  CR_OK(plt_dir_create(scratch_path("sub")));
  plt_config_t *config = plt_config_create();
  CR_OK(plt_config_read(config, scratch_write_text("sub/config.yaml", "data: {path: ./../a/../b}\n")));
  CR_OK(plt_config_apply(config, &train));
  cr_assert_str_eq(plt_config_text(config, "data.path"), scratch_path("a/../b"));
  plt_config_destroy(&config);
  cr_assert_eq(chdir(scratch), 0);
  config = plt_config_create();
  CR_OK(plt_config_read(config, "sub/config.yaml"));
  CR_OK(plt_config_set(config, "data.path=x/y"));
  CR_OK(plt_config_apply(config, &train));
  CR_OK(plt_path_join(scratch, "x/y", expected));
  cr_assert_str_eq(plt_config_text(config, "data.path"), expected);
  plt_config_put(config, "data.path", "c: #1");
  cr_assert_str_eq(plt_config_text(config, "data.path"), scratch_path("c: #1"));
  plt_config_put(config, "data.path", "/abs");
  cr_assert_str_eq(plt_config_text(config, "data.path"), "/abs");
  plt_config_destroy(&config);
  config = plt_config_create();
  CR_FAILED_WITH(plt_config_read(config, "missing.yaml"), PLT_ERR_USAGE, "missing.yaml: cannot open");
  plt_config_destroy(&config);
}

Test(options, put_replaces) {
  plt_config_t *config = apply_text("");
  plt_config_put(config, "train.batch_size", "16");
  plt_config_put(config, "eval.topk", "[1, 2, 3]");
  cr_assert_eq(plt_config_int(config, "train.batch_size"), 16);
  cr_assert_eq(plt_config_list_size(config, "eval.topk"), 3);
  cr_assert_not(plt_config_is_set(config, "train.batch_size"));
  plt_config_destroy(&config);
}

Test(options, dump_groups_sections) {
  plt_config_t *config = apply_text("optimizer: {lr: 1e-5}\ndata: {path: /d, note: 'true'}\n");
  char *text = plt_config_dump(config);
  cr_assert_str_eq(text,
                   "train:\n  batch_size: 2048\n  epochs: 5\n  shuffle: true\n"
                   "optimizer:\n  lr: 1.0e-05\n  name: adam\n"
                   "data:\n  path: /d\n  note: \"true\"\n  features: []\n"
                   "eval:\n  topk: [5, 10]\n"
                   "model:\n  graph:\n    weights: {image: 0.1, text: 0.9}\n");
  free(text);
  plt_config_destroy(&config);
}

Test(options, dump_reads_back) {
  const char *const notes[] = {"null",
                               "~",
                               "",
                               "- a",
                               "a: b",
                               "a #b",
                               "it's \"q\"\\",
                               "12",
                               "*a",
                               "x\ty\nz",
                               "\xC3\xA9\xE2\x80\xA8\xC2\x85\xEF\xBB\xBF\xF0\x9F\x98\x80",
                               "[",
                               "{}",
                               "y"};
  for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
    plt_config_t *config = apply_text(
        "optimizer: {lr: 0.30000000000000004, betas: [1e-320, -1.7976931348623157e308]}\n"
        "data: {features: [\"a,b\", 'null', '[x]']}\n"
        "model.graph.weights: {\"a b\": 0.5, '1': 1}\n");
    plt_config_put(config, "data.note", notes[i]);
    char *text = plt_config_dump(config);
    plt_config_t *back = apply_text(text);
    cr_assert_str_eq(plt_config_text(back, "data.note"), notes[i]);
    char *differences = plt_config_differences(back, config, false);
    cr_assert_null(differences, "%s", differences);
    cr_assert_eq(plt_config_real(back, "optimizer.lr"), 0.30000000000000004);
    free(text);
    plt_config_destroy(&back);
    plt_config_destroy(&config);
  }
}

Test(options, differences) {
  plt_config_t *was = apply_text("train: {epochs: 1, batch_size: 8}\ndata: {note: x}\n");
  plt_config_t *now = apply_text("train: {epochs: 2, batch_size: 9}\n");
  CR_OK(plt_config_apply(was, &other));
  char *text = plt_config_differences(now, was, false);
  cr_assert_str_eq(text, "train.batch_size: 9, was 8\ndata.note: not set, was x\nmodel.layers: not set, was 2");
  free(text);
  cr_assert_null(plt_config_differences(now, now, false));
  plt_config_destroy(&now);
  plt_config_destroy(&was);
}

Test(options, describe) {
  char *plain = plt_option_table_describe(&train, false), *markdown = plt_option_table_describe(&train, true);
  cr_assert_not_null(strstr(plain,
                            "  train.batch_size  a whole number in [1, 1000000] (rows), default 2048\n"
                            "      Samples of one step.\n"));
  cr_assert_not_null(strstr(plain, "optimizer.name  adam, adagrad, sgd, default adam"));
  cr_assert_not_null(strstr(
      markdown, "| `train.batch_size` | a whole number | 2048 | [1, 1000000] | rows | Samples of one step. |\n"));
  free(plain);
  free(markdown);
}

static const char *planet(size_t i) {
  static const char *const names[] = {"earth", "mars", NULL};
  return names[i];
}
static const plt_option_t planet_rows[] = {{.key = "planet.name", .type = PLT_OPT_CHOICE, .choice_at = planet},
                                           {.key = "planet.moons", .type = PLT_OPT_INT}};
static const plt_option_table_t planets = {"planet", planet_rows, 2};

Test(options, choices_of_a_registry) {
  plt_config_t *config = read_text("planet: {name: mrs}");
  cr_assert_eq(plt_config_apply(config, &planets), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), "\"mrs\" is not one of earth, mars; did you mean mars?"), "%s", plt_fail_text());
  plt_config_destroy(&config);
  config = read_text("planet: {name: mars, moons: 2}");
  cr_assert_eq(plt_config_apply(config, &planets), PLT_OK);
  cr_assert_str_eq(plt_config_text(config, "planet.name"), "mars");
  cr_assert_eq(plt_config_require(config, "planet.name"), PLT_OK);
  cr_assert_eq(plt_config_require(config, "planet.moons"), PLT_OK);
  plt_config_destroy(&config);
  char *text = plt_option_table_describe(&planets, false);
  cr_assert(strstr(text, "planet.name  earth, mars\n"), "%s", text);
  free(text);
}

Test(options, what_is_required_is_asked_for_with_its_choices) {
  plt_config_t *config = read_text("{}");
  cr_assert_eq(plt_config_apply(config, &planets), PLT_OK);
  cr_assert_eq(plt_config_require(config, "planet.name"), PLT_ERR_USAGE);
  cr_assert_str_eq(plt_fail_text(), "planet.name is not given: it is one of earth, mars");
  cr_assert_eq(plt_config_require(config, "planet.moons"), PLT_ERR_USAGE);
  cr_assert_str_eq(plt_fail_text(), "planet.moons is not given");
  plt_config_destroy(&config);
}

Test(options, nearest) {
  const char *const words[] = {"adam", "adagrad", "sgd"};
  cr_assert_str_eq(plt_nearest("adma", words, 3), "adam");
  cr_assert_str_eq(plt_nearest("adagrd", words, 3), "adagrad");
  cr_assert_str_eq(plt_nearest("sgd", words, 3), "sgd");
  cr_assert_null(plt_nearest("lion", words, 3));
  cr_assert_null(plt_nearest("", words, 3));
  cr_assert_null(plt_nearest("adam", NULL, 0));
}

Test(options, an_unknown_key_is_our_bug, .signal = SIGABRT) {
  plt_config_t *config = apply_text("");
  scratch_remove(); /* no test that a signal ends comes to its .fini */
  plt_config_int(config, "train.nothing");
}

Test(options, a_wrong_type_is_our_bug, .signal = SIGABRT) {
  plt_config_t *config = apply_text("");
  scratch_remove(); /* no test that a signal ends comes to its .fini */
  plt_config_real(config, "train.batch_size");
}
