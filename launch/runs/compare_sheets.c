/* compare_sheets.c - a comparison as sheets: see compare.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/runs/compare.h"
#include "worker/math/ranking.h"

/* "0.1926 ± 0.0012", of one run "0.1926". */
static void add_mean(plt_sheet_t *sheet, double mean, double deviation, int decimals) {
  char text[64];
  if (isnan(deviation))
    snprintf(text, sizeof text, "%.*f", decimals, mean);
  else
    snprintf(text, sizeof text, "%.*f ± %.*f", decimals, mean, decimals, deviation);
  plt_sheet_number(sheet, mean, text);
}

/* "1 2 3"; free it. */
static char *seeds_of(const plt_group_t *group) {
  char *text = plt_mem_strdup("");
  for (size_t r = 0; r < group->n; r++) {
    char *seed = plt_run_option(group->runs[r], "run.seed");
    text = plt_mem_append(text, r == 0 ? "" : " ", seed == NULL ? "?" : seed);
    free(seed);
  }
  return text;
}

plt_sheet_t *plt_comparison_groups(const plt_comparison_t *c) {
  plt_sheet_t *sheet = plt_sheet_create();
  plt_sheet_column(sheet, "group", NULL, false);
  for (size_t k = 0; k < c->n_keys; k++) plt_sheet_column(sheet, c->keys[k], NULL, false);
  plt_sheet_column(sheet, "runs", NULL, true);
  plt_sheet_column(sheet, "seeds", NULL, false);
  plt_sheet_column(sheet, "first", "first of them", false);
  for (size_t g = 0; g < c->n_groups; g++) {
    char *seeds = seeds_of(&c->groups[g]);
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, c->groups[g].name);
    for (size_t k = 0; k < c->n_keys; k++) plt_run_put_option(c->groups[g].runs[0], c->keys[k], sheet);
    plt_sheet_real(sheet, (double)c->groups[g].n, 0);
    plt_sheet_text(sheet, seeds);
    plt_sheet_text(sheet, c->groups[g].runs[0]->name);
    free(seeds);
  }
  return sheet;
}

/* Columns of metrics: the first one's validation, then all of the test part. */
static const char *part_at(size_t column) { return column == 0 ? "valid" : "test"; }
static const char *metric_at(const plt_comparison_t *c, size_t column) {
  return c->metrics[column == 0 ? 0 : column - 1];
}

plt_sheet_t *plt_comparison_metrics(const plt_comparison_t *c) {
  static const char *const ends[][2] = {{"epochs", "epochs"}, {"seconds", "time s"}, {"gradients", "gradients"}};
  plt_sheet_t *sheet = plt_sheet_create();
  double mean, deviation;
  plt_sheet_column(sheet, "group", NULL, false);
  for (size_t m = 0; m <= c->n_metrics; m++) {
    char *title = plt_mem_print("%s %s", part_at(m), metric_at(c, m));
    plt_sheet_column(sheet, title, NULL, true);
    free(title);
  }
  for (size_t e = 0; e < 3; e++) plt_sheet_column(sheet, ends[e][0], ends[e][1], true);
  for (size_t g = 0; g < c->n_groups; g++) {
    const plt_group_t *group = &c->groups[g];
    plt_sheet_row(sheet);
    plt_sheet_text(sheet, group->name);
    for (size_t m = 0; m <= c->n_metrics; m++) {
      plt_group_metric(group, part_at(m), metric_at(c, m), &mean, &deviation);
      add_mean(sheet, mean, deviation, 4);
    }
    for (size_t e = 0; e < 3; e++) {
      plt_group_end(group, ends[e][0], &mean, &deviation);
      add_mean(sheet, mean, NAN, e == 1 && mean < 100 ? 1 : 0);
    }
  }
  return sheet;
}

static void add_p(plt_sheet_t *sheet, double p) {
  char text[32];
  snprintf(text, sizeof text, p < 0.001 ? "%.1e" : "%.3f", p);
  plt_sheet_number(sheet, p, text);
}

plt_sheet_t *plt_comparison_differences(const plt_comparison_t *c) {
  static const char *const columns[][2] = {{"group", NULL},      {"metric", NULL},         {"users", NULL},
                                           {"difference", NULL}, {"low", "95 %"},          {"high", "to"},
                                           {"p_t", "p by t"},    {"p_flip", "p by signs"}, {"holm", "Holm"}};
  plt_sheet_t *sheet = plt_sheet_create();
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    plt_sheet_column(sheet, columns[i][0], columns[i][1], i >= 2);
  for (size_t m = 0; m < c->n_metrics; m++)
    for (size_t g = 1; g < c->n_groups; g++) {
      const plt_difference_t *d = &c->differences[g * c->n_metrics + m];
      char *name = plt_mem_print("%s - %s", c->groups[g].name, c->groups[0].name);
      if (d->is_there) {
        plt_sheet_row(sheet);
        plt_sheet_text(sheet, name);
        plt_sheet_text(sheet, c->metrics[m]);
        plt_sheet_real(sheet, (double)d->paired.n, 0);
        const double reals[] = {d->paired.mean, d->paired.low, d->paired.high};
        for (size_t i = 0; i < 3; i++) {
          char text[32];
          snprintf(text, sizeof text, "%+.4f", reals[i]);
          plt_sheet_number(sheet, reals[i], text);
        }
        add_p(sheet, d->paired.p_t);
        add_p(sheet, d->paired.p_flip);
        add_p(sheet, d->holm);
      }
      free(name);
    }
  return sheet;
}

/* ---- for programs ---- */

static const plt_difference_t *difference_of(const plt_comparison_t *c, size_t g, const char *part,
                                             const char *metric) {
  for (size_t m = 0; m < c->n_metrics; m++)
    if (strcmp(part, c->part) == 0 && strcmp(metric, c->metrics[m]) == 0) return &c->differences[g * c->n_metrics + m];
  return NULL;
}

static void add_figures(plt_sheet_t *sheet, const plt_comparison_t *c, size_t g, const char *part, const char *metric) {
  const plt_group_t *group = &c->groups[g];
  double mean, deviation;
  size_t n = plt_group_metric(group, part, metric, &mean, &deviation);
  if (n == 0) return;
  plt_sheet_row(sheet);
  plt_sheet_text(sheet, group->name);
  for (size_t k = 0; k < c->n_keys; k++) plt_run_put_option(group->runs[0], c->keys[k], sheet);
  plt_sheet_text(sheet, part);
  plt_sheet_text(sheet, metric);
  plt_sheet_real(sheet, (double)n, 0);
  plt_sheet_real(sheet, mean, 6);
  plt_sheet_real(sheet, deviation, 6);
  const plt_difference_t *d = difference_of(c, g, part, metric);
  if (d == NULL || !d->is_there) return;
  const double figures[] = {(double)d->paired.n, d->paired.mean, d->paired.low,    d->paired.high,
                            d->paired.t,         d->paired.p_t,  d->paired.p_flip, d->holm};
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) plt_sheet_real(sheet, figures[i], 6);
}

static void add_end(plt_sheet_t *sheet, const plt_comparison_t *c, size_t g, const char *key) {
  double mean, deviation;
  size_t n = plt_group_end(&c->groups[g], key, &mean, &deviation);
  if (n == 0) return;
  plt_sheet_row(sheet);
  plt_sheet_text(sheet, c->groups[g].name);
  for (size_t k = 0; k < c->n_keys; k++) plt_run_put_option(c->groups[g].runs[0], c->keys[k], sheet);
  plt_sheet_text(sheet, "run");
  plt_sheet_text(sheet, key);
  plt_sheet_real(sheet, (double)n, 0);
  plt_sheet_real(sheet, mean, 6);
  plt_sheet_real(sheet, deviation, 6);
}

/* "recall@5" ... of the cut-offs of a run, and what is told of items. */
static void add_metrics_of(plt_sheet_t *sheet, const plt_comparison_t *c, size_t g, const char *part) {
  static const char *const of_items[] = {"popularity", "coverage"};
  const plt_yaml_entry_t *topk = plt_yaml_find(&c->groups[g].runs[0]->options, "eval.topk");
  for (size_t kind = 0; kind < PLT_METRIC_KINDS + 2 && topk != NULL; kind++)
    for (size_t i = 0; i < topk->n_items; i++) {
      char *metric =
          plt_mem_print("%s@%s", kind < PLT_METRIC_KINDS ? plt_metric_names[kind] : of_items[kind - PLT_METRIC_KINDS],
                        topk->items[i]);
      add_figures(sheet, c, g, part, metric);
      free(metric);
    }
}

plt_sheet_t *plt_comparison_all(const plt_comparison_t *c) {
  static const char *const figures[] = {"part", "metric", "runs", "mean", "deviation", "users", "difference",
                                        "low",  "high",   "t",    "p_t",  "p_flip",    "holm"};
  static const char *const parts[] = {"valid", "test", "shift"}, *const ends[] = {"epochs", "seconds", "gradients"};
  plt_sheet_t *sheet = plt_sheet_create();
  plt_sheet_column(sheet, "group", NULL, false);
  for (size_t k = 0; k < c->n_keys; k++) plt_sheet_column(sheet, c->keys[k], NULL, false);
  for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) plt_sheet_column(sheet, figures[i], NULL, i >= 2);
  for (size_t g = 0; g < c->n_groups; g++) {
    for (size_t p = 0; p < 3; p++) add_metrics_of(sheet, c, g, parts[p]);
    for (size_t e = 0; e < 3; e++) add_end(sheet, c, g, ends[e]);
  }
  return sheet;
}

void plt_comparison_print(const plt_comparison_t *c, plt_sheet_format_t format, FILE *out) {
  plt_sheet_t *differences = plt_comparison_differences(c);
  plt_sheet_hand_out(plt_comparison_groups(c), format, out);
  fputc('\n', out);
  plt_sheet_hand_out(plt_comparison_metrics(c), format, out);
  if (plt_sheet_rows(differences) > 0) {
    fprintf(out, "\n%s: mean difference per user, paired\n%s", c->part, format == PLT_SHEET_MARKDOWN ? "\n" : "");
    plt_sheet_print(differences, format, out);
  }
  plt_sheet_destroy(&differences);
}
