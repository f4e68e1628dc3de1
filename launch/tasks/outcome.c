/* outcome.c - see outcome.h. */
#include "launch/tasks/outcome.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/io/json.h"
#include "common/time.h"
#include "worker/train/live.h"

plt_status_t plt_outcome_evaluate(plt_session_t *session, const char *name, bool quiet, plt_outcome_t *outcome) {
  bool any = false;
  memcpy(outcome->shown, session->plan->shown, sizeof outcome->shown);
  for (plt_part_t part = 0; part < PLT_PARTS; part++) {
    outcome->parts[part] = outcome->parts[part] && session->plan->data->part[part].n > 0;
    any = any || outcome->parts[part];
  }
  if (!any) return PLT_OK;
  int64_t begin_ns = plt_time_ns();
  plt_live_evaluation_t evaluation;
  const plt_eval_watch_t *watch = NULL;
  if (session->worker == 0) {
    plt_live_begin();
    watch = plt_live_watch(&evaluation, quiet);
  }
  plt_status_t status =
      plt_evaluate_in_full(session, name, outcome->parts, watch, outcome->metrics, outcome->breakdowns, outcome->users);
  if (session->worker == 0) plt_live_end();
  outcome->seconds = plt_time_seconds(plt_time_ns() - begin_ns);
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

static bool has_kept(const plt_outcome_t *outcome) {
  return outcome->parts[PLT_PART_TEST] && outcome->parts[PLT_PART_SHIFT];
}

/* "recall@20     ", the first column of a row. */
static void print_name(FILE *out, const char *what, uint32_t k) {
  char name[32];
  snprintf(name, sizeof name, "%s@%" PRIu32, what, k);
  fprintf(out, "%-14s", name);
}

static void print_metric(FILE *out, const plt_outcome_t *outcome, size_t metric) {
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (outcome->parts[part]) fprintf(out, "%12.4f", outcome->metrics[part].value[metric]);
  if (!has_kept(outcome)) return;
  double kept = plt_metrics_kept(&outcome->metrics[PLT_PART_TEST], &outcome->metrics[PLT_PART_SHIFT], metric);
  if (isfinite(kept))
    fprintf(out, "%12.4f", kept);
  else
    fprintf(out, "%12s", "-");
}

/* Of the items that are shown, whose figures have no better and worse. */
static void print_breakdowns(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome) {
  for (size_t i = 0; i < topk->n; i++) {
    print_name(out, "popularity", topk->k[i]);
    for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
      if (outcome->parts[part]) fprintf(out, "%12.1f", outcome->breakdowns[part].popularity[i]);
    fputc('\n', out);
  }
  for (size_t i = 0; i < topk->n; i++) {
    print_name(out, "coverage", topk->k[i]);
    for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
      if (outcome->parts[part]) fprintf(out, "%12.4f", outcome->breakdowns[part].coverage[i]);
    fputc('\n', out);
  }
}

void plt_outcome_print(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome) {
  bool any = false;
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) any = any || outcome->parts[part];
  if (!any) return;
  fprintf(out, "%-14s", "metric");
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++)
    if (outcome->parts[part]) fprintf(out, "%12s", plt_part_names[part]);
  if (has_kept(outcome)) fprintf(out, "%12s", "kept");
  fputc('\n', out);
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++) {
    for (size_t i = 0; i < topk->n && outcome->shown[kind]; i++) {
      print_name(out, plt_metric_names[kind], topk->k[i]);
      print_metric(out, outcome, kind * topk->n + i);
      fputc('\n', out);
    }
  }
  print_breakdowns(out, topk, outcome);
  print_users(out, outcome);
}

static void print_slices_of(FILE *out, const plt_topk_t *topk, const plt_breakdown_t *breakdown,
                            const bool shown[PLT_METRIC_KINDS]) {
  for (plt_slice_t s = 0; s < PLT_SLICES; s++) fprintf(out, "%12s", plt_slice_names[s]);
  fprintf(out, "\n%-14s", "items");
  for (plt_slice_t s = 0; s < PLT_SLICES; s++) fprintf(out, "%12" PRIu32, breakdown->slice[s].items);
  fprintf(out, "\n%-14s", "training pairs");
  for (plt_slice_t s = 0; s < PLT_SLICES; s++) fprintf(out, "%12" PRIu64, breakdown->slice[s].pairs);
  fprintf(out, "\n%-14s", "users");
  for (plt_slice_t s = 0; s < PLT_SLICES; s++) fprintf(out, "%12" PRIu64, breakdown->slice[s].users);
  fputc('\n', out);
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++) {
    for (size_t i = 0; i < topk->n && shown[kind]; i++) {
      print_name(out, plt_metric_names[kind], topk->k[i]);
      for (plt_slice_t s = 0; s < PLT_SLICES; s++)
        fprintf(out, "%12.4f", breakdown->slice[s].value[kind * topk->n + i]);
      fputc('\n', out);
    }
  }
}

void plt_outcome_print_slices(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome) {
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    if (!outcome->parts[part]) continue;
    fprintf(out, "\n%-14s", plt_part_names[part]);
    print_slices_of(out, topk, &outcome->breakdowns[part], outcome->shown);
  }
}

void plt_outcome_print_users(FILE *out, const plt_topk_t *topk, const plt_outcome_t *outcome) {
  size_t metrics = PLT_METRIC_KINDS * topk->n;
  fputs("part\tuser", out);
  for (size_t m = 0; m < metrics; m++)
    fprintf(out, "\t%s@%" PRIu32, plt_metric_names[m / topk->n], topk->k[m % topk->n]);
  fputc('\n', out);
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    const plt_user_metrics_t *users = &outcome->users[part];
    for (size_t u = 0; u < users->n; u++) {
      fprintf(out, "%s\t%" PRIu32, plt_part_keys[part], users->user[u]);
      for (size_t m = 0; m < metrics; m++) fprintf(out, "\t%.9g", users->value[u * metrics + m]);
      fputc('\n', out);
    }
  }
}

void plt_outcome_put(const plt_topk_t *topk, const plt_outcome_t *outcome, bool slices, plt_json_t *object) {
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    if (!outcome->parts[part]) continue;
    plt_json_t *of = plt_json_add_object(object, plt_part_keys[part]);
    plt_metrics_put(&outcome->metrics[part], topk, of);
    plt_breakdown_put(&outcome->breakdowns[part], topk, of);
    if (slices) plt_slices_put(&outcome->breakdowns[part], topk, plt_json_add_object(of, "slices"));
  }
  if (has_kept(outcome))
    plt_kept_put(&outcome->metrics[PLT_PART_TEST], &outcome->metrics[PLT_PART_SHIFT], topk,
                 plt_json_add_object(object, "kept"));
}
