/* outcome.c - see outcome.h. */
#include "launch/tasks/outcome.h"

#include <inttypes.h>

#include "common/io/json.h"

plt_status_t plt_outcome_evaluate(plt_session_t *session, plt_outcome_t *outcome) {
  for (plt_part_t part = 0; part < PLT_PARTS; part++)
    outcome->parts[part] = outcome->parts[part] && session->plan->data->part[part].n > 0;
  return plt_evaluate(session, "outcome", outcome->parts, outcome->metrics);
}

void plt_outcome_print(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome) {
  static const char *const names[PLT_PARTS] = {"train", "validation", "test"};
  fprintf(out, "%-14s", "metric");
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (outcome->parts[part]) fprintf(out, "%12s", names[part]);
  fputc('\n', out);
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++) {
    for (size_t i = 0; i < topk->n; i++) {
      char name[32];
      snprintf(name, sizeof name, "%s@%" PRIu32, plt_metric_names[kind], topk->k[i]);
      fprintf(out, "%-14s", name);
      for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
        if (outcome->parts[part]) fprintf(out, "%12.4f", outcome->metrics[part].value[kind * topk->n + i]);
      fputc('\n', out);
    }
  }
}

void plt_outcome_print_json(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome, uint64_t clock) {
  static const char *const names[PLT_PARTS] = {"train", "valid", "test"};
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "clock", (int64_t)clock);
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (outcome->parts[part]) plt_metrics_put(&outcome->metrics[part], topk, plt_json_add_object(json, names[part]));
  plt_json_write(&json, out);
}
