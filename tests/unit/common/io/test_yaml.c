#include "common/io/yaml.h"

#include "tests/unit/common/scratch.h"

static plt_status_t parse(const char *text, plt_yaml_t *yaml) {
  return plt_yaml_parse(text, strlen(text), "f.yaml", yaml);
}

#define REFUSED(text, part)                                   \
  do {                                                        \
    plt_yaml_t yaml_ = {0};                                   \
    CR_FAILED_WITH(parse(text, &yaml_), PLT_ERR_USAGE, part); \
    cr_assert_eq(yaml_.n_entries, 0);                         \
  } while (0)

Test(yaml, entries_have_paths_items_and_places) {
  plt_yaml_t yaml;
  CR_OK(parse("# a comment\ntrain:\n  schedule: [0.5, '1.0']\n  name: \"x y\"\ngraph: {image: 0.1}\n", &yaml));
  cr_assert_eq(yaml.n_entries, 3);
  const plt_yaml_entry_t *list = plt_yaml_find(&yaml, "train.schedule");
  cr_assert(list->is_list);
  cr_assert_eq(list->n_items, 2);
  cr_assert_str_eq(list->items[1], "1.0");
  cr_assert_eq(list->line, 3);
  cr_assert_eq(list->column, 13);
  const plt_yaml_entry_t *text = plt_yaml_find(&yaml, "train.name");
  cr_assert(text->is_quoted && !text->is_list);
  cr_assert_str_eq(text->items[0], "x y");
  const plt_yaml_entry_t *weight = plt_yaml_find(&yaml, "graph.image");
  cr_assert_str_eq(weight->items[0], "0.1");
  cr_assert_not(weight->is_quoted);
  cr_assert_eq(weight->line, 5);
  cr_assert_null(plt_yaml_find(&yaml, "graph"));
  plt_yaml_clear(&yaml);
  cr_assert_null(yaml.entries);
}

Test(yaml, nothing_given) {
  plt_yaml_t yaml;
  const char *const empty[] = {"", "# only a comment\n", "---\n", "{}", "null"};
  for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
    CR_OK(parse(empty[i], &yaml));
    cr_assert_eq(yaml.n_entries, 0, "\"%s\"", empty[i]);
    plt_yaml_clear(&yaml);
  }
  CR_OK(parse("a:\nb: null\nc: ~\nd: {}\ne: []\nf: 'null'\ng: ''\n", &yaml));
  for (const char *key = "abcd"; *key != '\0'; key++) {
    char path[2] = {*key, '\0'};
    cr_assert_eq(plt_yaml_find(&yaml, path)->n_items, 0, "%s", path);
    cr_assert_not(plt_yaml_find(&yaml, path)->is_list, "%s", path);
  }
  cr_assert(plt_yaml_find(&yaml, "e")->is_list);
  cr_assert_str_eq(plt_yaml_find(&yaml, "f")->items[0], "null");
  cr_assert_str_eq(plt_yaml_find(&yaml, "g")->items[0], "");
  plt_yaml_clear(&yaml);
}

Test(yaml, lists_of_mappings) {
  plt_yaml_t yaml;
  CR_OK(
      parse("p:\n"
            "  - stage: x\n"
            "    model: {name: a, list: [1, 2]}\n"
            "  - repeat: 2\n"
            "    stages:\n"
            "      - stage: y\n"
            "      - {}\n"
            "q: [{a: 1}, {a: 2}]\n",
            &yaml));
  static const char *const paths[] = {"p.0.stage",          "p.0.model.name", "p.0.model.list", "p.1.repeat",
                                      "p.1.stages.0.stage", "p.1.stages.1",   "q.0.a",          "q.1.a"};
  cr_assert_eq(yaml.n_entries, sizeof paths / sizeof *paths);
  for (size_t i = 0; i < yaml.n_entries; i++) cr_assert_str_eq(yaml.entries[i].path, paths[i]);
  const plt_yaml_entry_t *stage = plt_yaml_find(&yaml, "p.1.stages.0.stage");
  cr_assert_str_eq(stage->items[0], "y");
  cr_assert(stage->line == 6 && stage->column == 16);
  cr_assert(plt_yaml_find(&yaml, "p.0.model.list")->is_list && plt_yaml_find(&yaml, "p.1.stages.1")->n_items == 0);
  plt_yaml_clear(&yaml);
}

Test(yaml, refuses_what_it_cannot_mean) {
  REFUSED("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a: given twice, first in line 1");
  REFUSED("t:\n  a: 1\nt:\n  b: 2\n", "f.yaml:3:1: t: given twice");
  REFUSED("t.a: 1\nt: {a: 2}\n", "given twice");
  REFUSED("a: [[1]]\n", "f.yaml:1:5: a: a list holds single values or mappings, not both");
  REFUSED("a:\n  - b: 1\n  - 2\n", "f.yaml:3:5: a: a list holds single values or mappings, not both");
  REFUSED("a: [2, {b: 1}]\n", "f.yaml:1:8: a: a list holds");
  REFUSED("a: [{b: 1}, [2]]\n", "a list holds");
  REFUSED("a: [{b: 1}, null]\n", "a list holds");
  REFUSED("a: [{b: 1, b: 2}]\n", "f.yaml:1:12: a.0.b: given twice");
  REFUSED("a: [{b: 1}]\na.0.b: 2\n", "f.yaml:2:1: a.0.b: given twice");
  REFUSED("a: [{b: *x}]\n", "anchors");
  REFUSED("a: [1, null]\n", "empty values");
  REFUSED("a: &x {b: *x}\n", "f.yaml:1:4: a: anchors");
  REFUSED("a: *x\n", "anchors");
  REFUSED("a: !!int 5\n", "tags");
  REFUSED("? [1]\n: 2\n", "a key must be a text");
  REFUSED("'': 2\n", "a key is empty");
  REFUSED("a: \"x\\0y\"\n", "NUL");
  REFUSED("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document");
  REFUSED("just text\n", "key: value");
  REFUSED("- 1\n", "key: value");
}

Test(yaml, syntax_errors_have_a_place) {
  REFUSED("a: [1, 2\nb: 3\n", "f.yaml:2:");
  REFUSED("a: 1\n\tb: 2\n", "f.yaml:2:1: ");
  REFUSED("a: 1\nb: \"\xFF\"\n", "f.yaml:2:");
  REFUSED("a: \"open\n", "f.yaml:");
}

Test(yaml, depth_is_limited) {
  char text[2048] = "a: ";
  for (int i = 0; i < 200; i++) strcat(text, "{b: ");
  REFUSED(text, "nested too deeply");
  strcpy(text, "a: ");
  for (int i = 0; i < 200; i++) strcat(text, "[{b: ");
  REFUSED(text, "nested too deeply");
}

Test(yaml, a_single_value) {
  plt_yaml_t yaml;
  CR_OK(plt_yaml_parse_value("[5, 10]", 7, "--set", "eval.topk", &yaml));
  cr_assert_eq(plt_yaml_find(&yaml, "eval.topk")->n_items, 2);
  plt_yaml_clear(&yaml);
  CR_OK(plt_yaml_parse_value("{a: 1, b: 2}", 12, "--set", "graph", &yaml));
  cr_assert_str_eq(plt_yaml_find(&yaml, "graph.b")->items[0], "2");
  plt_yaml_clear(&yaml);
  CR_OK(plt_yaml_parse_value("", 0, "--set", "x", &yaml));
  cr_assert_eq(yaml.n_entries, 1);
  cr_assert_eq(yaml.entries[0].n_items, 0);
  plt_yaml_clear(&yaml);
  CR_FAILED_WITH(plt_yaml_parse_value("[1", 2, "--set x", "x", &yaml), PLT_ERR_USAGE, "--set x:");
}

/* Whatever the bytes are, the answer is a status: every prefix and every flipped bit of a document. */
Test(yaml, survives_damage) {
  const char text[] = "a: {b: [1, \"x\", 'y'], c: ~}\nd:\n  - &e 1\n  - *e\nf: |\n  text\n";
  char damaged[sizeof text];
  for (size_t n = 0; n < sizeof text; n++) {
    plt_yaml_t yaml = {0};
    plt_yaml_parse(text, n, "f", &yaml);
    plt_yaml_clear(&yaml);
    for (int bit = 0; bit < 8; bit++) {
      memcpy(damaged, text, sizeof text);
      damaged[n] = (char)(damaged[n] ^ 1 << bit);
      plt_yaml_parse(damaged, sizeof text - 1, "f", &yaml);
      plt_yaml_clear(&yaml);
    }
  }
}
