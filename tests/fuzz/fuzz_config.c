/* fuzz_config.c - configurations. Input: YAML, then assignments of --set, with form feeds between. Read as a training
 * does, and against a table with an option of every type. What is accepted, dumped and read again is the same. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "launch/job/outline.h"
#include "tests/fuzz/fuzz.h"

enum { SETS_MAX = 8 };

static const plt_option_t rows[] = {
    {.key = "a.bool", .type = PLT_OPT_BOOL, .fallback = "true", .help = "h"},
    {.key = "a.int", .type = PLT_OPT_INT, .fallback = "3", .min = -5, .max = 1e9, .help = "h"},
    {.key = "a.any", .type = PLT_OPT_INT, .help = "h"},
    {.key = "a.real", .type = PLT_OPT_REAL, .fallback = "0.5", .min = 0, .max = 1, .above_min = true, .help = "h"},
    {.key = "a.free", .type = PLT_OPT_REAL, .help = "h"},
    {.key = "a.text", .type = PLT_OPT_TEXT, .help = "h"},
    {.key = "a.path", .type = PLT_OPT_PATH, .fallback = "here", .help = "h"},
    {.key = "a.choice", .type = PLT_OPT_CHOICE, .fallback = "b", .choices = "a|b|long name", .help = "h"},
    {.key = "a.b.ints", .type = PLT_OPT_INTS, .fallback = "[1, 2]", .help = "h"},
    {.key = "a.b.reals", .type = PLT_OPT_REALS, .help = "h"},
    {.key = "a.b.texts", .type = PLT_OPT_TEXTS, .help = "h"},
    {.key = "a.choices", .type = PLT_OPT_CHOICES, .fallback = "a", .choices = "a|b", .help = "h"},
    {.key = "a.weights", .type = PLT_OPT_WEIGHTS, .fallback = "{x: 1}", .help = "h"},
};
static const plt_option_table_t table = {"a", rows, sizeof rows / sizeof *rows};

static plt_status_t fill(plt_config_t *config, const char *path, const char *const *sets, size_t n) {
  const plt_option_table_t *known = &table;
  char *warnings = NULL;
  PLT_TRY(plt_config_read(config, path));
  for (size_t i = 0; i < n; i++) PLT_TRY(plt_config_set(config, sets[i]));
  PLT_TRY(plt_config_apply(config, &table));
  plt_status_t status = plt_config_finish(config, &known, 1, &warnings);
  free(warnings);
  return status;
}

static plt_status_t load_rows(const char *path, const char *const *sets, size_t n, plt_config_t **out) {
  plt_config_t *config = plt_config_create();
  plt_status_t status = fill(config, path, sets, n);
  if (status == PLT_OK)
    *out = config;
  else
    plt_config_destroy(&config);
  return status;
}

typedef plt_status_t load_fn(const char *path, const char *const *sets, size_t n, plt_config_t **out);

static void check(load_fn *load, const char *path, char **sets, size_t n) {
  plt_config_t *config, *again;
  if (load(path, (const char *const *)sets, n, &config) != PLT_OK) {
    FUZZ_CHECK(plt_fail_text()[0] != '\0');
    return;
  }
  char *dump = plt_config_dump(config);
  FUZZ_CHECK(load(fuzz_write("dump.yaml", dump, strlen(dump)), NULL, 0, &again) == PLT_OK);
  char *second = plt_config_dump(again), *differences = plt_config_differences(config, again, false);
  FUZZ_CHECK(strcmp(dump, second) == 0 && differences == NULL);
  free(second);
  free(dump);
  plt_config_destroy(&again);
  plt_config_destroy(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char *sets[SETS_MAX];
  size_t n_sets = 0;
  plt_log_open(NULL, false);
  const uint8_t *end = n == 0 ? NULL : memchr(data, '\f', n);
  size_t yaml = end == NULL ? n : (size_t)(end - data);
  char *path = plt_mem_strdup(fuzz_write("config.yaml", data, yaml));
  data += yaml + (end != NULL), n -= yaml + (end != NULL);
  while (n > 0 && n_sets < SETS_MAX) sets[n_sets++] = fuzz_take_text(&data, &n);
  check(plt_config_load, path, sets, n_sets);
  check(load_rows, path, sets, n_sets);
  while (n_sets > 0) free(sets[--n_sets]);
  free(path);
  return 0;
}
