/* forecast.c - see forecast.h. */
#include "worker/procedures/forecast.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "common/time.h"
#include "worker/procedures/stage.h"
#include "worker/session/procedure.h"
#include "worker/train/live.h"

static double passes_of(const plt_stage_t *stage) {
  const plt_stage_ops_t *kind = stage->kind;
  return kind->passes == NULL ? stage->plan.epochs : kind->passes(stage->settings, stage->plan.epochs);
}

/* At most, of legs [first, end). */
static double passes_within(const plt_procedure_t *procedure, size_t first, size_t end) {
  double passes = 0;
  for (size_t l = first; l < end; l++) passes += passes_of(procedure->legs[l].stage);
  return passes;
}

static void tell_stage(const plt_stage_t *stage, uint32_t repeat) {
  char of[64] = "", times[32] = "";
  if (stage->modality != NULL) snprintf(of, sizeof of, " of %.48s", stage->modality);
  if (repeat > 0) snprintf(times, sizeof times, "%" PRIu32 " x ", repeat);
  plt_log(PLT_LOG_NOTE, "  %s%s%s: %s with %s, %.0f passes", times, stage->name, of, stage->plan.model->ops->name,
          stage->plan.strategy->ops->name, passes_of(stage));
}

void plt_forecast_tell_plan(const plt_plan_t *plan) {
  const plt_procedure_t *procedure = plan->procedure;
  if (procedure == NULL || !procedure->is_given) return;
  plt_log(PLT_LOG_NOTE, "the plan: %zu stages, at most %.0f passes over %" PRIu64 " training pairs", procedure->n_legs,
          passes_within(procedure, 0, procedure->n_legs), plan->data->n_train);
  for (size_t l = 0; l < procedure->n_legs; l++)
    if (procedure->legs[l].outer == 0) tell_stage(procedure->legs[l].stage, procedure->legs[l].repeat);
}

void plt_forecast_tell_rest(const plt_trainer_t *t, double passes, int64_t took_ns) {
  const plt_procedure_t *procedure = t->plan->procedure;
  double left = passes_within(procedure, plt_procedure_number(procedure, t->plan->leg) + 1, procedure->n_legs);
  char rest[32], took[32];
  if (passes <= 0 || left <= 0) return;
  plt_live_duration(plt_time_seconds(took_ns), took, sizeof took);
  plt_live_duration(plt_time_seconds(took_ns) / passes * left, rest, sizeof rest);
  plt_log(PLT_LOG_NOTE,
          "stage %s took %s for %.0f passes: at most about %s for the %.0f that are left; train.until and --resume cut "
          "it up",
          t->plan->leg->stage->name, took, passes, rest, left);
}
