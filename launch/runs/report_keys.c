/* report_keys.c - see report.h: what the colours of a page mean. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/runs/report.h"

enum { VALUES_MAX = 3 }; /* of options, in a group's name */

/* "A  runs/plain-1" or "B  bsam, 0.05 (3 runs)"; free it. */
static char *label_of(const plt_comparison_t *c, size_t g) {
  const plt_group_t *group = &c->groups[g];
  if (group->n == 1) return plt_mem_print("%s  %s", group->name, group->runs[0]->name);
  char *label = plt_mem_print("%s  ", group->name);
  for (size_t k = 0; k < c->n_keys && k < VALUES_MAX; k++) {
    char *value = plt_run_option(group->runs[0], c->keys[k]);
    if (value != NULL) label = plt_mem_append(label, label[strlen(label) - 1] == ' ' ? "" : ", ", value);
    free(value);
  }
  char *whole = plt_mem_print("%s%s (%zu runs)", label, c->n_keys > VALUES_MAX ? " …" : "", group->n);
  free(label);
  return whole;
}

void plt_report_keys(const plt_runs_report_t *report, FILE *out) {
  fputs("<div class=\"keys\">\n", out);
  for (size_t g = 0; g < report->comparison.n_groups; g++) {
    char *label = label_of(&report->comparison, g);
    plt_chart_key(label, g, out);
    free(label);
  }
  fputs("</div>\n", out);
}
