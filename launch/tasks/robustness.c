/* robustness.c - see robustness.h. */
#include "launch/tasks/robustness.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/data/features.h"

/* ---- options ---- */

static plt_status_t read_modalities(const plt_dataset_t *data, const plt_config_t *options, bool *of) {
  static const char key[] = "evaluate.modalities";
  const size_t n = plt_config_list_size(options, key);
  for (size_t m = 0; m < data->n_features; m++) of[m] = n == 0;
  for (size_t i = 0; i < n; i++) {
    size_t m;
    PLT_TRY(plt_feature_find(data, "evaluate: --modalities", plt_config_list_text(options, key, i), &m));
    of[m] = true;
  }
  return PLT_OK;
}

static plt_status_t read_amounts(const plt_config_t *options, plt_disturb_kind_t kind, plt_robustness_t *out) {
  char key[32];
  snprintf(key, sizeof key, "evaluate.%s", plt_disturb_names[kind]);
  for (size_t i = 0; i < plt_config_list_size(options, key); i++) {
    if (out->n == PLT_ROBUSTNESS_MAX)
      return plt_fail(PLT_ERR_USAGE, "evaluate: --noise and --replace: at most %d amounts together",
                      PLT_ROBUSTNESS_MAX);
    out->at[out->n++] = (plt_disturbed_outcome_t){.kind = kind, .amount = plt_config_list_real(options, key, i)};
  }
  return PLT_OK;
}

plt_status_t plt_robustness_read(const plt_session_t *session, const plt_config_t *options, plt_robustness_t *out) {
  const plt_dataset_t *data = session->plan->data;
  *out = (plt_robustness_t){.seeds = (uint32_t)plt_config_int(options, "evaluate.seeds")};
  for (plt_disturb_kind_t kind = 0; kind < PLT_DISTURB_KINDS; kind++) PLT_TRY(read_amounts(options, kind, out));
  if (out->n == 0) return PLT_OK;
  PLT_TRY(plt_disturbed_check(session));
  out->of = plt_mem_zalloc(data->n_features, sizeof *out->of);
  return read_modalities(data, options, out->of);
}

void plt_robustness_clear(plt_robustness_t *robustness) {
  free(robustness->of);
  robustness->of = NULL;
}

/* ---- measuring ---- */

static const size_t metrics_max = (size_t)PLT_METRIC_KINDS * PLT_TOPK_MAX;

/* The metrics of one draw. */
static plt_status_t evaluate(plt_session_t *session, bool quiet, const plt_disturbance_t *disturbance,
                             plt_outcome_t *outcome) {
  char name[64];
  plt_disturbed_session_t *disturbed;
  snprintf(name, sizeof name, "%s %.17g, seed %" PRIu64, plt_disturb_names[disturbance->kind], disturbance->amount,
           disturbance->seed);
  PLT_TRY(plt_disturbed_begin(session, disturbance, &disturbed));
  plt_status_t status = plt_outcome_evaluate(session, name, quiet, outcome);
  plt_disturbed_end(&disturbed);
  return status;
}

/* Welford's step for the n-th draw, from 1; deviations hold sums of squares. */
static void add_draw(const plt_outcome_t *drawn, double n, plt_disturbed_outcome_t *sums) {
  for (plt_part_t part = 0; part < PLT_PARTS; part++)
    for (size_t i = 0; i < metrics_max && drawn->parts[part]; i++) {
      const double x = drawn->metrics[part].value[i], step = x - sums->mean[part][i];
      sums->mean[part][i] += step / n;
      sums->deviation[part][i] += step * (x - sums->mean[part][i]);
    }
}

static void finish(uint32_t draws, plt_disturbed_outcome_t *sums) {
  for (plt_part_t part = 0; part < PLT_PARTS; part++)
    for (size_t i = 0; i < metrics_max; i++)
      sums->deviation[part][i] = draws < 2 ? 0 : sqrt(sums->deviation[part][i] / (draws - 1));
}

plt_status_t plt_robustness_measure(plt_session_t *session, bool quiet, const plt_outcome_t *clean,
                                    plt_robustness_t *robustness) {
  plt_outcome_t *drawn = plt_mem_alloc(sizeof *drawn);
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < robustness->n && status == PLT_OK; i++) {
    plt_disturbed_outcome_t *at = &robustness->at[i];
    for (uint64_t seed = 1; seed <= robustness->seeds && status == PLT_OK; seed++) {
      const plt_disturbance_t disturbance = {
          .kind = at->kind, .amount = at->amount, .seed = seed, .of = robustness->of};
      *drawn = (plt_outcome_t){0};
      memcpy(drawn->parts, clean->parts, sizeof drawn->parts);
      status = evaluate(session, quiet, &disturbance, drawn);
      if (status == PLT_OK) add_draw(drawn, (double)seed, at);
    }
    finish(robustness->seeds, at);
  }
  free(drawn);
  return status;
}

/* ---- for people ---- */

/* The first two metrics, recall and NDCG, at one K. */
enum { SHOWN = 2 };

static size_t shown_index(const plt_plan_t *plan, size_t kind) {
  const size_t n = plan->topk.n;
  return kind * n + (size_t)plt_metric_index(&plan->topk, plan->metric) % n;
}

static void print_row(FILE *out, const plt_plan_t *plan, const plt_metrics_t *clean, const plt_disturbed_outcome_t *at,
                      plt_part_t part) {
  char name[32];
  snprintf(name, sizeof name, "%s %g", plt_disturb_names[at->kind], at->amount);
  fprintf(out, "%-14s", name);
  for (size_t kind = 0; kind < SHOWN; kind++) {
    const size_t i = shown_index(plan, kind);
    fprintf(out, "%10.4f ± %.4f", at->mean[part][i], at->deviation[part][i]);
    if (clean->value[i] > 0)
      fprintf(out, "%6.1f %%", 100 * at->mean[part][i] / clean->value[i]);
    else
      fprintf(out, "%8s", "-");
  }
  fputc('\n', out);
}

void plt_robustness_print(FILE *out, const plt_plan_t *plan, const plt_outcome_t *clean,
                          const plt_robustness_t *robustness) {
  for (plt_part_t part = 0; part < PLT_PARTS && robustness->n > 0; part++) {
    if (!clean->parts[part]) continue;
    fprintf(out, "\n%-14s", plt_part_names[part]);
    for (size_t kind = 0; kind < SHOWN; kind++) {
      char name[32];
      snprintf(name, sizeof name, "%s@%" PRIu32, plt_metric_names[kind],
               plan->topk.k[shown_index(plan, kind) % plan->topk.n]);
      fprintf(out, "%10s%17s", name, "left");
    }
    fprintf(out, "\n%-14s", "as they are");
    for (size_t kind = 0; kind < SHOWN; kind++)
      fprintf(out, "%*.4f", kind == 0 ? 10 : 27, clean->metrics[part].value[shown_index(plan, kind)]);
    fputc('\n', out);
    for (size_t i = 0; i < robustness->n; i++) print_row(out, plan, &clean->metrics[part], &robustness->at[i], part);
  }
  if (robustness->n > 0) fprintf(out, "mean ± deviation over %" PRIu32 " draws\n", robustness->seeds);
}

/* ---- JSON ---- */

static void put_metrics(const plt_topk_t *topk, const double *value, plt_json_t *object) {
  for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++)
    plt_topk_put(plt_metric_names[kind], value + kind * topk->n, topk, object);
}

void plt_robustness_put(const plt_plan_t *plan, const plt_outcome_t *clean, const plt_robustness_t *robustness,
                        plt_json_t *object) {
  if (robustness->n == 0) return;
  plt_json_t *json = plt_json_add_object(object, "robustness");
  plt_json_int(json, "seeds", robustness->seeds);
  plt_json_t *modalities = plt_json_add_list(json, "modalities");
  for (size_t m = 0; m < plan->data->n_features; m++)
    if (robustness->of[m]) plt_json_text(modalities, NULL, plan->data->features[m].name);
  plt_json_t *list = plt_json_add_list(json, "at");
  for (size_t i = 0; i < robustness->n; i++) {
    const plt_disturbed_outcome_t *at = &robustness->at[i];
    plt_json_t *of = plt_json_add_object(list, NULL);
    plt_json_text(of, "kind", plt_disturb_names[at->kind]);
    plt_json_real(of, "amount", at->amount);
    for (plt_part_t part = 0; part < PLT_PARTS; part++) {
      if (!clean->parts[part]) continue;
      plt_json_t *metrics = plt_json_add_object(of, plt_part_keys[part]);
      put_metrics(&plan->topk, at->mean[part], metrics);
      put_metrics(&plan->topk, at->deviation[part], plt_json_add_object(metrics, "deviation"));
    }
  }
}
