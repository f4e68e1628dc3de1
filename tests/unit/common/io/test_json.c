#include "common/io/json.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/yaml.h"

Test(json, writes_one_object) {
  plt_json_t json = {0};
  plt_json_open(&json, NULL, '{');
  plt_json_text(&json, "event", "step");
  plt_json_int(&json, "clock", INT64_MIN);
  plt_json_open(&json, "inner", '{');
  plt_json_close(&json, '}');
  plt_json_open(&json, "list", '[');
  plt_json_real(&json, NULL, 0.5);
  plt_json_bool(&json, NULL, true);
  plt_json_text(&json, NULL, NULL);
  plt_json_close(&json, ']');
  plt_json_bool(&json, "last", false);
  plt_json_close(&json, '}');
  cr_assert_str_eq(json.text,
                   "{\"event\": \"step\", \"clock\": -9223372036854775808, \"inner\": {}, "
                   "\"list\": [0.5, true, null], \"last\": false}");
  cr_assert_eq(json.length, strlen(json.text));
  plt_json_clear(&json);
  cr_assert_null(json.text);
}

Test(json, escapes_texts) {
  plt_json_t json = {0};
  plt_json_text(&json, NULL, "a\"b\\c\n\t\x01 \xC3\xA9 \xFF \xC0\xAF \xED\xA0\x80 \xF0\x9F\x98\x80 \xE2\x82");
  cr_assert_str_eq(json.text,
                   "\"a\\\"b\\\\c\\u000a\\u0009\\u0001 \xC3\xA9 \\ufffd \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd "
                   "\xF0\x9F\x98\x80 \\ufffd\\ufffd\"");
  plt_json_clear(&json);
}

Test(json, reals_read_back_to_the_same_bits) {
  const double values[] = {0.1, 1.0 / 3, DBL_MAX, DBL_TRUE_MIN, -0.0, 1e-5, 123456789012345678.0};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    plt_json_t json = {0};
    plt_json_real(&json, NULL, values[i]);
    double back = strtod(json.text, NULL);
    cr_assert_eq(memcmp(&back, &values[i], sizeof back), 0, "%s", json.text);
    plt_json_clear(&json);
  }
}

Test(json, numbers_that_are_none_become_null) {
  plt_json_t json = {0};
  plt_json_real(&json, "a", (double)NAN);
  plt_json_real(&json, "b", (double)INFINITY);
  cr_assert_str_eq(json.text, "\"a\": null, \"b\": null");
  plt_json_clear(&json);
}

Test(json, yaml_reads_it) {
  plt_json_t json = {0};
  plt_yaml_t yaml;
  plt_json_open(&json, NULL, '{');
  plt_json_text(&json, "text", "a\"\\\n\x7F\xC3\xA9: [");
  plt_json_open(&json, "list", '[');
  for (int i = 0; i < 100; i++) plt_json_int(&json, NULL, i);
  plt_json_close(&json, ']');
  plt_json_close(&json, '}');
  cr_assert_eq(plt_yaml_parse(json.text, json.length, "json", &yaml), PLT_OK, "%s", plt_fail_text());
  cr_assert_str_eq(plt_yaml_find(&yaml, "text")->items[0], "a\"\\\n\x7F\xC3\xA9: [");
  cr_assert_eq(plt_yaml_find(&yaml, "list")->n_items, 100);
  cr_assert_str_eq(plt_yaml_find(&yaml, "list")->items[99], "99");
  plt_yaml_clear(&yaml);
  plt_json_clear(&json);
}
