/* tables.c - libplateau: tables, and checks of what callers give. See state.h. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "worker/library/state.h"

_Static_assert((int)PLATEAU_ZERO == PLT_INIT_ZERO && (int)PLATEAU_NORMAL == PLT_INIT_NORMAL &&
                   (int)PLATEAU_UNIFORM == PLT_INIT_UNIFORM,
               "initial values have the numbers of the wire");

/* ---- checks ---- */

plt_status_t plt_library_check_keys(const plateau_t *job, uint32_t table, const uint64_t *keys, size_t n) {
  if (table >= job->n_tables)
    return plt_fail(PLT_ERR_USAGE, "table %" PRIu32 " was not declared here: %" PRIu32 " were", table, job->n_tables);
  const plt_known_table_t *known = &job->tables[table];
  if (n > 0 && keys == NULL) return plt_fail(PLT_ERR_USAGE, "table %s: %zu rows without keys", known->name, n);
  for (size_t i = 1; i < n; i++)
    if (keys[i] <= keys[i - 1])
      return plt_fail(PLT_ERR_USAGE,
                      "table %s: keys must ascend, but behind %" PRIu64 " comes %" PRIu64
                      " (place %zu); plateau_distinct() sorts them",
                      known->name, keys[i - 1], keys[i], i);
  if (n > 0 && keys[n - 1] >= known->rows && !known->sparse)
    return plt_fail(PLT_ERR_USAGE, "table %s: key %" PRIu64 ", but there are %" PRIu64 " rows", known->name,
                    keys[n - 1], known->rows);
  return PLT_OK;
}

/* Without a branch per value. */
static bool all_finite(const float *values, size_t n) {
  const uint32_t exponent = UINT32_C(0x7f800000);
  uint32_t bad = 0;
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    bad |= (bits & exponent) == exponent;
  }
  return bad == 0;
}

plt_status_t plt_library_check_values(const plateau_t *job, uint32_t table, const uint64_t *keys, size_t n,
                                      const float *values) {
  const plt_known_table_t *known = &job->tables[table];
  if (n > 0 && values == NULL) return plt_fail(PLT_ERR_USAGE, "table %s: %zu keys without values", known->name, n);
  if (n == 0 || all_finite(values, n * known->dim)) return PLT_OK;
  size_t i = 0;
  while (all_finite(values + i * known->dim, known->dim)) i++;
  return plt_fail(PLT_ERR_NAN, "table %s: the values of row %" PRIu64 " are not finite; nothing was sent", known->name,
                  keys[i]);
}

/* ---- declarations ---- */

static bool ends_key(char c) { return c == '=' || c == ' ' || c == ','; }

/* "beta1=0.9 eps=1e-8" as lines of YAML; YAML as it is. */
static plt_status_t copy_settings(const char *given, const char *table, char out[PLT_SETTINGS_MAX]) {
  size_t used = 0;
  if (given == NULL) given = "";
  bool is_yaml = strchr(given, '=') == NULL || strchr(given, ':') != NULL;
  if (is_yaml) {
    if (strlen(given) >= PLT_SETTINGS_MAX)
      return plt_fail(PLT_ERR_USAGE, "table %s: settings of more than %d bytes", table, PLT_SETTINGS_MAX - 1);
    memcpy(out, given, strlen(given) + 1);
    return PLT_OK;
  }
  for (const char *at = given; *at != '\0';) {
    at += strspn(at, " ,\t\n");
    if (*at == '\0') break;
    size_t key = 0, value;
    while (at[key] != '\0' && !ends_key(at[key])) key++;
    value = at[key] == '=' ? strcspn(at + key + 1, " ,\t\n") : 0;
    if (key == 0 || value == 0)
      return plt_fail(PLT_ERR_USAGE, "table %s: \"%s\" is not key=value (settings)", table, given);
    int length = snprintf(out + used, PLT_SETTINGS_MAX - used, "%.*s: %.*s\n", (int)key, at, (int)value, at + key + 1);
    used += (size_t)length;
    if (used >= PLT_SETTINGS_MAX)
      return plt_fail(PLT_ERR_USAGE, "table %s: settings of more than %d bytes", table, PLT_SETTINGS_MAX - 1);
    at += key + 1 + value;
  }
  return PLT_OK;
}

static plt_status_t make_spec(const plateau_table_t *given, bool is_sparse, plt_table_spec_t *spec) {
  if (given->name == NULL || given->name[0] == '\0' || strlen(given->name) >= sizeof spec->name)
    return plt_fail(PLT_ERR_USAGE, "a table needs a name of 1 to %zu bytes", sizeof spec->name - 1);
  if (is_sparse && given->rows != 0)
    return plt_fail(PLT_ERR_USAGE,
                    "table %s: %" PRIu64
                    " rows, but sparse keys are any 64-bit numbers: leave rows 0, or declare it with "
                    "plateau_declare()",
                    given->name, given->rows);
  if ((given->rows == 0 && !is_sparse) || given->dim == 0)
    return plt_fail(PLT_ERR_USAGE, "table %s: %" PRIu64 " rows of %" PRIu32 " floats: at least one of each",
                    given->name, given->rows, given->dim);
  if (given->dim > PLT_COLS_MAX)
    return plt_fail(PLT_ERR_USAGE, "table %s: rows of %" PRIu32 " floats: %d at most", given->name, given->dim,
                    PLT_COLS_MAX);
  if (given->init > PLATEAU_UNIFORM)
    return plt_fail(PLT_ERR_USAGE, "table %s: init is %" PRIu32 ", which is no plateau_init_t", given->name,
                    given->init);
  if (!(given->scale >= 0 && given->scale < 1e30) || !(given->lr_scale >= 0 && given->lr_scale < 1e30))
    return plt_fail(PLT_ERR_USAGE, "table %s: scale %g and lr_scale %g must not be negative, and finite", given->name,
                    given->scale, given->lr_scale);
  const char *optimizer = given->optimizer == NULL ? "sgd" : given->optimizer;
  if (strlen(optimizer) >= sizeof spec->optimizer)
    return plt_fail(PLT_ERR_USAGE, "table %s: the name of its optimizer is too long", given->name);
  *spec = (plt_table_spec_t){.rows = given->rows,
                             .cols = given->dim,
                             .init = {(plt_init_kind_t)given->init, given->scale},
                             .seed = given->seed,
                             .frozen = given->frozen != 0,
                             .lr_scale = given->lr_scale};
  snprintf(spec->name, sizeof spec->name, "%s", given->name);
  snprintf(spec->optimizer, sizeof spec->optimizer, "%s", optimizer);
  return copy_settings(given->settings, spec->name, spec->settings);
}

/* Two tables of one name would be born alike, and no checkpoint could hold them both. */
static plt_status_t refuse_twice(const plateau_t *job, const plt_table_spec_t *spec) {
  for (uint32_t i = 0; i < job->n_tables; i++)
    if (strcmp(job->tables[i].name, spec->name) == 0)
      return plt_fail(PLT_ERR_USAGE, "table %s: declared before, as table %" PRIu32 "; give this one another name",
                      spec->name, i);
  return PLT_OK;
}

static plt_status_t declare(plateau_t *job, const plateau_table_t *given, const plateau_sparse_t *sparse,
                            uint32_t *table) {
  plt_table_spec_t spec;
  PLT_TRY(plt_library_ready(job));
  if (given == NULL) return plt_fail(PLT_ERR_USAGE, "plateau_declare: the table is NULL");
  if (job->n_tables == PLT_TABLES_MAX) return plt_fail(PLT_ERR_USAGE, "more than %d tables", PLT_TABLES_MAX);
  PLT_TRY(make_spec(given, sparse != NULL, &spec));
  PLT_TRY(refuse_twice(job, &spec));
  if (sparse != NULL)
    spec.sparse = (plt_sparse_keys_t){.declared = true,
                                      .admit_pushes = sparse->admit_pushes,
                                      .admit_share = sparse->admit_share,
                                      .max_age = sparse->max_age,
                                      .max_rows = sparse->max_rows};
  PLT_TRY(plt_client_declare_one(job->client, job->n_tables, &spec, false));
  plt_known_table_t *known = &job->tables[job->n_tables];
  *known =
      (plt_known_table_t){.rows = spec.rows, .dim = spec.cols, .frozen = spec.frozen, .sparse = spec.sparse.declared};
  memcpy(known->name, spec.name, sizeof known->name);
  *table = job->n_tables++;
  return PLT_OK;
}

int plateau_declare(plateau_t *job, const plateau_table_t *given, uint32_t *table) {
  plt_status_t status = declare(job, given, NULL, table);
  return plt_library_answer(job, status, status != PLT_ERR_USAGE);
}

int plateau_declare_sparse(plateau_t *job, const plateau_table_t *given, const plateau_sparse_t *sparse,
                           uint32_t *table) {
  static const plateau_sparse_t all = {0};
  plt_status_t status = declare(job, given, sparse == NULL ? &all : sparse, table);
  return plt_library_answer(job, status, status != PLT_ERR_USAGE);
}

int plateau_assign(plateau_t *job, uint32_t table, const uint64_t *keys, size_t n, const float *values) {
  plt_status_t status = plt_library_ready(job);
  if (status == PLT_OK) status = plt_library_check_keys(job, table, keys, n);
  if (status == PLT_OK) status = plt_library_check_values(job, table, keys, n, values);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  return plt_library_answer(job, plt_client_assign(job->client, table, job->tables[table].dim, keys, n, values), true);
}
