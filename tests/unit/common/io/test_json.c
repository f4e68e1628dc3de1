#include "common/io/json.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/common/scratch.h"

/* The text of a document, which is destroyed. */
static char *print(plt_json_t *json) {
  char *text = plt_json_print(json);
  plt_json_destroy(&json);
  cr_assert_null(json);
  return text;
}

#define PRINTS(json, expected)         \
  do {                                 \
    char *text_ = print(json);         \
    cr_assert_str_eq(text_, expected); \
    free(text_);                       \
  } while (0)

static plt_json_t *parse(const char *text) {
  plt_json_t *json = NULL;
  CR_OK(plt_json_parse(text, strlen(text), "f.json", &json));
  return json;
}

Test(json, prints_members_in_their_order) {
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "event", "step");
  plt_json_int(json, "clock", INT64_MIN);
  plt_json_add_object(json, "inner");
  plt_json_t *list = plt_json_add_list(json, "list");
  plt_json_bool(json, "a", false);
  plt_json_real(list, NULL, 0.5);
  plt_json_bool(list, NULL, true);
  plt_json_text(list, NULL, NULL);
  plt_json_int(plt_json_add_object(list, NULL), "n", 1);
  PRINTS(json,
         "{\"event\": \"step\", \"clock\": -9223372036854775808, \"inner\": {}, "
         "\"list\": [0.5, true, null, {\"n\": 1}], \"a\": false}");
}

Test(json, texts_are_utf8_whatever_the_bytes) {
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "\xFFk", "a\"b\\c\n\t\x01 \xC3\xA9 \xFF \xC0\xAF \xED\xA0\x80 \xF0\x9F\x98\x80 \xE2\x82");
#define STRAY "\xEF\xBF\xBD"
  PRINTS(json, "{\"" STRAY "k\": \"a\\\"b\\\\c\\n\\t\\u0001 \xC3\xA9 " STRAY " " STRAY STRAY " " STRAY STRAY STRAY
               " \xF0\x9F\x98\x80 " STRAY STRAY "\"}");
}

Test(json, reals_read_back_to_the_same_bits) {
  const double values[] = {0.1, 1.0 / 3, DBL_MAX, DBL_TRUE_MIN, -0.0, 1e-5, 123456789012345678.0};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    plt_json_t *json = plt_json_create();
    plt_json_real(json, "x", values[i]);
    char *text = print(json);
    double back = strtod(text + strlen("{\"x\": "), NULL);
    cr_assert_eq(memcmp(&back, &values[i], sizeof back), 0, "%s", text);
    free(text);
  }
}

Test(json, numbers_that_are_none_become_null) {
  plt_json_t *json = plt_json_create();
  plt_json_real(json, "a", (double)NAN);
  plt_json_real(json, "b", (double)INFINITY);
  PRINTS(json, "{\"a\": null, \"b\": null}");
}

Test(json, writes_lines) {
  scratch_make();
  FILE *file = fopen(scratch_path("lines"), "w");
  for (int i = 0; i < 2; i++) {
    plt_json_t *json = plt_json_create();
    plt_json_int(json, "i", i);
    plt_json_write(&json, file);
    cr_assert_null(json);
  }
  fclose(file);
  char *text;
  CR_OK(plt_file_read(scratch_path("lines"), 1000, &text, NULL));
  cr_assert_str_eq(text, "{\"i\": 0}\n{\"i\": 1}\n");
  free(text);
  scratch_remove();
}

Test(json, reads_what_it_wrote) {
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "text", "a\"\\\n\x7F\xC3\xA9: [");
  plt_json_int(json, "large", INT64_MAX);
  plt_json_t *list = plt_json_add_list(json, "list");
  for (int i = 0; i < 100; i++) plt_json_int(list, NULL, i);
  char *text = print(json);
  plt_json_t *back = parse(text);
  free(text);
  uint64_t value;
  cr_assert_str_eq(plt_json_get_text(plt_json_find(back, "text")), "a\"\\\n\x7F\xC3\xA9: [");
  cr_assert(plt_json_get_uint(plt_json_find(back, "large"), INT64_MAX, &value));
  cr_assert_eq(value, INT64_MAX);
  const plt_json_t *items = plt_json_find(back, "list");
  cr_assert_eq(plt_json_length(items), 100);
  cr_assert(plt_json_get_uint(plt_json_item(items, 99), 99, &value));
  cr_assert_eq(value, 99);
  plt_json_destroy(&back);
}

Test(json, what_is_not_there_or_of_another_kind_is_told) {
  plt_json_t *json = parse("{\"n\": -1, \"r\": 1.0, \"t\": \"5\", \"o\": {}, \"big\": 9223372036854775807}");
  uint64_t value = 7;
  static const char *const not_numbers[] = {"n", "r", "t", "o", "absent"};
  for (size_t i = 0; i < sizeof not_numbers / sizeof *not_numbers; i++)
    cr_assert_not(plt_json_get_uint(plt_json_find(json, not_numbers[i]), UINT64_MAX, &value), "%s", not_numbers[i]);
  cr_assert_not(plt_json_get_uint(plt_json_find(json, "big"), INT64_MAX - 1, &value));
  cr_assert_eq(value, 7);
  cr_assert_null(plt_json_get_text(plt_json_find(json, "n")));
  cr_assert_null(plt_json_get_text(NULL));
  cr_assert_null(plt_json_find(NULL, "n"));
  cr_assert_eq(plt_json_length(plt_json_find(json, "o")), 0);
  cr_assert_eq(plt_json_length(NULL), 0);
  cr_assert_null(plt_json_item(plt_json_find(json, "o"), 0));
  plt_json_destroy(&json);
}

Test(json, faults_have_a_place) {
  static const struct {
    const char *text, *place;
  } cases[] = {{"", "f.json:1:"},
               {"{\"a\": 1,\n \"b\": }", "f.json:2:"},
               {"{\"a\": 1, \"a\": 2}", "f.json:1:"},
               {"{\"a\": 1} {}", "f.json:1:"},
               {"{\"a\": 9223372036854775808}", "f.json:1:"},
               {"{\"a\": \"\xFF\"}", "f.json:1:"},
               {"{\"a\": \"\\u0000\"}", "f.json:1:"},
               {"[1]", "f.json:1:1: expected an object"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_json_t *json = NULL;
    CR_FAILED_WITH(plt_json_parse(cases[i].text, strlen(cases[i].text), "f.json", &json), PLT_ERR_DATA, cases[i].place);
    cr_assert_null(json);
  }
}

Test(json, any_bytes) {
  static const char text[] = "{\"a\": [1, 2.5, \"x\\n\"], \"b\": {\"c\": null, \"d\": true}}";
  for (size_t n = 0; n < sizeof text - 1; n++) {
    plt_json_t *json = NULL;
    cr_assert_eq(plt_json_parse(text, n, "f", &json), PLT_ERR_DATA);
  }
  for (size_t i = 0; i < sizeof text - 1; i++) {
    for (int bit = 0; bit < 8; bit++) {
      char damaged[sizeof text];
      plt_json_t *json = NULL;
      memcpy(damaged, text, sizeof text);
      damaged[i] = (char)(damaged[i] ^ (1 << bit));
      if (plt_json_parse(damaged, sizeof text - 1, "f", &json) == PLT_OK) plt_json_destroy(&json);
    }
  }
}
