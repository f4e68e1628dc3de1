/* outcome.c - see outcome.h. */
#include "launch/tasks/outcome.h"

#include <inttypes.h>

#include "common/io/json.h"
#include "worker/train/live.h"

plt_status_t plt_outcome_evaluate(plt_session_t *session, bool quiet, plt_outcome_t *outcome) {
  bool any = false;
  for (plt_part_t part = 0; part < PLT_PARTS; part++) {
    outcome->parts[part] = outcome->parts[part] && session->plan->data->part[part].n > 0;
    any = any || outcome->parts[part];
  }
  if (!any) return PLT_OK;
  if (session->worker != 0) return plt_evaluate(session, "outcome", outcome->parts, NULL, outcome->metrics);
  plt_live_evaluation_t evaluation;
  plt_live_begin();
  plt_status_t status =
      plt_evaluate(session, "outcome", outcome->parts, plt_live_watch(&evaluation, quiet), outcome->metrics);
  plt_live_end();
  return status;
}

/* Where not all users of a part were ranked: how many. */
static void print_users(FILE *out, const plt_outcome_t *outcome) {
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    const plt_metrics_t *metrics = &outcome->metrics[part];
    if (outcome->parts[part] && metrics->users != metrics->of_users)
      fprintf(out, "%s: means over %" PRIu64 " of %" PRIu64 " users (eval.users)\n", plt_part_names[part],
              metrics->users, metrics->of_users);
  }
}

void plt_outcome_print(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome) {
  fprintf(out, "%-14s", "metric");
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (outcome->parts[part]) fprintf(out, "%12s", plt_part_names[part]);
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
  print_users(out, outcome);
}

void plt_outcome_print_json(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome, uint64_t clock) {
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "clock", (int64_t)clock);
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (outcome->parts[part])
      plt_metrics_put(&outcome->metrics[part], topk, plt_json_add_object(json, plt_part_keys[part]));
  plt_json_write(&json, out);
}
