/* compare.c - see compare.h. */
#include "launch/runs/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "launch/runs/users.h"

/* ---- what makes a group ---- */

/* Options that change no result: where and how a run is run. Those of consistency and of the wire do. */
static bool is_of_results(const plt_run_t *run, const char *key) {
  static const char *const results[] = {"cluster.consistency", "cluster.staleness", "cluster.prefetch", "cluster.wire"};
  for (size_t i = 0; i < sizeof results / sizeof *results; i++)
    if (strcmp(key, results[i]) == 0) return true;
  if (strcmp(key, "cluster.workers") == 0) { /* under ssp and asp each steps alone */
    char *consistency = plt_run_option(run, "cluster.consistency");
    bool alone = consistency != NULL && strcmp(consistency, "bsp") != 0;
    free(consistency);
    return alone;
  }
  return strncmp(key, "run.", 4) != 0 && strncmp(key, "cluster.", 8) != 0 && strncmp(key, "checkpoint.", 11) != 0 &&
         strcmp(key, "train.log_every") != 0;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* "key=value" lines in the order of keys; free it. */
static char *identity_of(const plt_run_t *run) {
  char **lines = plt_mem_zalloc(run->options.n_entries + 1, sizeof *lines), *text = NULL;
  size_t n = 0, bytes;
  FILE *out = open_memstream(&text, &bytes);
  for (size_t i = 0; i < run->options.n_entries; i++) {
    const plt_yaml_entry_t *entry = &run->options.entries[i];
    if (!is_of_results(run, entry->path)) continue;
    char *value = plt_run_option_text(entry);
    lines[n++] = plt_mem_print("%s=%s\n", entry->path, value == NULL ? "" : value);
    free(value);
  }
  if (n > 1) qsort(lines, n, sizeof *lines, by_text);
  for (size_t i = 0; i < n; i++) {
    fputs(lines[i], out);
    free(lines[i]);
  }
  free(lines);
  fclose(out);
  return text;
}

static void add_to_groups(plt_comparison_t *c, const plt_run_t *run) {
  char *identity = identity_of(run);
  size_t g = 0;
  while (g < c->n_groups && strcmp(c->groups[g].identity, identity) != 0) g++;
  if (g == c->n_groups) {
    c->groups = plt_mem_resize(c->groups, ++c->n_groups, sizeof *c->groups);
    c->groups[g] = (plt_group_t){.identity = identity};
    if (g < 26)
      snprintf(c->groups[g].name, sizeof c->groups[g].name, "%c", (char)('A' + g));
    else
      snprintf(c->groups[g].name, sizeof c->groups[g].name, "%c%zu", (char)('A' + g % 26), g / 26 + 1);
  } else {
    free(identity);
  }
  plt_group_t *group = &c->groups[g];
  group->runs = plt_mem_resize(group->runs, group->n + 1, sizeof(plt_run_t *));
  group->runs[group->n++] = run;
}

/* ---- options in which groups differ ---- */

static bool differs(const plt_comparison_t *c, const char *key) {
  char *first = plt_run_option(c->groups[0].runs[0], key);
  bool differ = false;
  for (size_t g = 1; g < c->n_groups && !differ; g++) {
    char *other = plt_run_option(c->groups[g].runs[0], key);
    differ = (first == NULL) != (other == NULL) || (first != NULL && strcmp(first, other) != 0);
    free(other);
  }
  free(first);
  return differ;
}

static bool has_key(const plt_comparison_t *c, const char *key) {
  for (size_t k = 0; k < c->n_keys; k++)
    if (strcmp(c->keys[k], key) == 0) return true;
  return false;
}

static void find_keys(plt_comparison_t *c) {
  for (size_t g = 0; g < c->n_groups; g++) {
    const plt_yaml_t *options = &c->groups[g].runs[0]->options;
    for (size_t i = 0; i < options->n_entries; i++) {
      const char *key = options->entries[i].path;
      if (!is_of_results(c->groups[g].runs[0], key) || has_key(c, key) || !differs(c, key)) continue;
      c->keys = plt_mem_resize(c->keys, c->n_keys + 1, sizeof *c->keys);
      c->keys[c->n_keys++] = plt_mem_strdup(key);
    }
  }
}

/* ---- means ---- */

size_t plt_group_metric(const plt_group_t *group, const char *part, const char *metric, double *mean,
                        double *deviation) {
  double *values = plt_mem_alloc((group->n + 1) * sizeof *values);
  size_t n = 0;
  for (size_t r = 0; r < group->n; r++) {
    values[n] = plt_run_outcome(group->runs[r], part, metric);
    if (isfinite(values[n])) n++;
  }
  plt_mean_deviation(values, n, mean, deviation);
  free(values);
  return n;
}

size_t plt_group_end(const plt_group_t *group, const char *key, double *mean, double *deviation) {
  double *values = plt_mem_alloc((group->n + 1) * sizeof *values);
  size_t n = 0;
  for (size_t r = 0; r < group->n; r++) {
    values[n] = plt_run_number(plt_run_last(group->runs[r], "final"), key);
    if (isfinite(values[n])) n++;
  }
  plt_mean_deviation(values, n, mean, deviation);
  free(values);
  return n;
}

/* ---- tests ---- */

/* Values that are not those of the tables with which the run ended: a test over them would be of something else. */
static void check_values(const plt_run_t *run, const char *part, const char *metric, const plt_user_values_t *own) {
  const double end = plt_run_outcome(run, part, metric);
  double sum = 0;
  for (size_t i = 0; i < own->n; i++) sum += own->value[i];
  const double mean = own->n == 0 ? 0 : sum / (double)own->n;
  if (!isfinite(end) || (own->n > 0 && fabs(mean - end) <= 1e-4 * (fabs(end) + 1e-2))) return;
  if (own->n == 0)
    plt_log(PLT_LOG_WARN, "%s/" PLT_USERS_FILE " has no values of %s %s: plateau evaluate --per-user makes it anew",
            run->dir, part, metric);
  else
    plt_log(PLT_LOG_WARN,
            "%s/" PLT_USERS_FILE
            " has a mean %s %s of %.6g, the run ended with %.6g: made of other tables? plateau "
            "evaluate --per-user makes it anew",
            run->dir, part, metric, mean, end);
}

/* Of each user the mean over the runs of a group that have values; *runs: how many. Users whom not all have are left
 * out. */
static plt_status_t user_means(const plt_group_t *group, const char *part, const char *metric, size_t *runs,
                               plt_user_values_t *out) {
  *out = (plt_user_values_t){0};
  *runs = 0;
  for (size_t r = 0; r < group->n; r++) {
    plt_user_values_t own;
    size_t n = 0;
    bool has_file;
    plt_status_t status = plt_user_values_read(group->runs[r]->dir, part, metric, &has_file, &own);
    if (status != PLT_OK) plt_user_values_clear(out);
    PLT_TRY(status);
    if (has_file) check_values(group->runs[r], part, metric, &own);
    if (own.n == 0) continue;
    if ((*runs)++ == 0) {
      *out = own;
      continue;
    }
    for (size_t i = 0, k = 0; i < out->n; i++) {
      while (k < own.n && own.user[k] < out->user[i]) k++;
      if (k == own.n || own.user[k] != out->user[i]) continue;
      out->user[n] = out->user[i];
      out->value[n++] = out->value[i] + own.value[k];
    }
    out->n = n;
    plt_user_values_clear(&own);
  }
  for (size_t i = 0; i < out->n; i++) out->value[i] /= (double)*runs;
  return PLT_OK;
}

static void test_users(const plt_user_values_t *first, const plt_user_values_t *other, plt_difference_t *out) {
  double *differences = plt_mem_alloc((first->n + 1) * sizeof *differences);
  size_t n = 0;
  for (size_t i = 0, k = 0; i < first->n; i++) {
    while (k < other->n && other->user[k] < first->user[i]) k++;
    if (k < other->n && other->user[k] == first->user[i]) differences[n++] = other->value[k] - first->value[i];
  }
  out->is_there = n >= 2;
  if (out->is_there) out->paired = plt_paired_test(differences, n);
  free(differences);
}

/* Of one metric, all groups against the first. */
static plt_status_t test_metric(plt_comparison_t *c, size_t m) {
  plt_user_values_t first;
  size_t first_runs, tests = 0;
  double *p = plt_mem_zalloc(c->n_groups + 1, sizeof *p);
  plt_status_t status = user_means(&c->groups[0], c->part, c->metrics[m], &first_runs, &first);
  for (size_t g = 1; g < c->n_groups && status == PLT_OK; g++) {
    plt_user_values_t other = {0};
    plt_difference_t *difference = &c->differences[g * c->n_metrics + m];
    difference->first_runs = first_runs;
    status = user_means(&c->groups[g], c->part, c->metrics[m], &difference->runs, &other);
    if (status == PLT_OK) test_users(&first, &other, difference);
    if (difference->is_there) p[tests++] = difference->paired.p_flip;
    plt_user_values_clear(&other);
  }
  plt_holm(p, tests);
  for (size_t g = 1, i = 0; g < c->n_groups; g++)
    if (c->differences[g * c->n_metrics + m].is_there) c->differences[g * c->n_metrics + m].holm = p[i++];
  plt_user_values_clear(&first);
  free(p);
  return status;
}

/* Users are paired by their numbers, which say nothing where the data are others. */
static void check_data(const plt_comparison_t *c) {
  char *first = plt_run_option(c->groups[0].runs[0], "data.path");
  for (size_t g = 1; g < c->n_groups; g++) {
    char *other = plt_run_option(c->groups[g].runs[0], "data.path");
    if (c->differences[g * c->n_metrics].is_there && first != NULL && other != NULL && strcmp(first, other) != 0)
      plt_log(PLT_LOG_WARN,
              "%s and %s have other data by name: the test pairs users by number, which holds if they are the same",
              c->groups[g].name, c->groups[0].name);
    free(other);
  }
  free(first);
}

/* ---- all of it ---- */

static void add_metric(plt_comparison_t *c, const char *name, size_t length) {
  c->metrics = plt_mem_resize(c->metrics, c->n_metrics + 1, sizeof *c->metrics);
  c->metrics[c->n_metrics++] = plt_mem_print("%.*s", (int)length, name);
}

static void choose_metrics(plt_comparison_t *c, const char *metrics) {
  if (metrics != NULL) {
    for (const char *at = metrics; *at != '\0';) {
      size_t length = strcspn(at, ",");
      if (length > 0) add_metric(c, at, length);
      at += length + (at[length] == ',');
    }
    return;
  }
  char *chosen = plt_run_metric(c->groups[0].runs[0]);
  const char *k = strchr(chosen, '@');
  add_metric(c, chosen, strlen(chosen));
  if (k != NULL && strncmp(chosen, "ndcg@", 5) != 0) {
    char *ndcg = plt_mem_print("ndcg%s", k);
    add_metric(c, ndcg, strlen(ndcg));
    free(ndcg);
  }
  free(chosen);
}

plt_status_t plt_compare(const plt_run_t *const *runs, size_t n, const char *metrics, plt_comparison_t *out) {
  plt_status_t status = PLT_OK;
  *out = (plt_comparison_t){.part = "valid"};
  if (n == 0) return plt_fail(PLT_ERR_USAGE, "none of the runs has come to its end");
  for (size_t i = 0; i < n; i++) add_to_groups(out, runs[i]);
  find_keys(out);
  choose_metrics(out, metrics);
  if (out->n_metrics == 0) status = plt_fail(PLT_ERR_USAGE, "--metrics: \"%s\" names none", metrics);
  for (size_t g = 0; g < out->n_groups; g++)
    for (size_t r = 0; r < out->groups[g].n; r++) {
      const plt_json_t *end = plt_run_last(out->groups[g].runs[r], "final");
      if (end != NULL && plt_json_find(end, "test") != NULL) out->part = "test";
    }
  out->differences = plt_mem_zalloc(out->n_groups * out->n_metrics + 1, sizeof *out->differences);
  for (size_t m = 0; m < out->n_metrics && status == PLT_OK; m++) status = test_metric(out, m);
  if (status == PLT_OK) check_data(out);
  if (status != PLT_OK) plt_comparison_clear(out);
  return status;
}

void plt_comparison_clear(plt_comparison_t *c) {
  for (size_t g = 0; g < c->n_groups; g++) {
    free(c->groups[g].runs);
    free(c->groups[g].identity);
  }
  for (size_t k = 0; k < c->n_keys; k++) free(c->keys[k]);
  for (size_t m = 0; m < c->n_metrics; m++) free(c->metrics[m]);
  free(c->groups);
  free(c->keys);
  free(c->metrics);
  free(c->differences);
  *c = (plt_comparison_t){0};
}
