/* outcome.c - see outcome.h. */
#include "launch/job/outcome.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/io/json.h"
#include "common/mem.h"

void plt_restore_clear(plt_restore_t *restore) {
  if (restore->given) plt_manifest_clear(&restore->manifest);
  restore->given = false;
}

plt_status_t plt_outcome_choose(const char *run_dir, const char *choice, plt_restore_t *restore, bool *is_best) {
  char best[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(run_dir, "checkpoints/best", best));
  *is_best = choice == NULL ? plt_path_exists(best) : choice[0] == 'b';
  if (*is_best && !plt_path_exists(best))
    return plt_fail(PLT_ERR_CHECKPOINT, "%s has no best checkpoint: no validation chose one; use --last", run_dir);
  PLT_TRY(plt_manifest_load(run_dir, *is_best ? "best" : "last", &restore->manifest, restore->dir));
  restore->given = true;
  return PLT_OK;
}

/* A task. */
static plt_status_t evaluate(plt_session_t *session, void *context) {
  plt_outcome_t *outcome = context;
  if (session->worker == 0) {
    outcome->progress = session->progress;
    outcome->clock = session->clock;
  }
  return plt_evaluate(session, "outcome", outcome->parts, outcome->metrics);
}

plt_status_t plt_outcome_evaluate(const plt_job_t *job, const plt_restore_t *restore, plt_outcome_t *outcome) {
  for (plt_part_t part = 0; part < PLT_PARTS; part++)
    outcome->parts[part] = outcome->parts[part] && job->data->part[part].n > 0;
  uint32_t workers = job->plan.workers;
  plt_outcome_t *each = plt_mem_zalloc(workers, sizeof *each);
  void **contexts = plt_mem_zalloc(workers, sizeof *contexts);
  for (uint32_t w = 0; w < workers; w++) {
    each[w] = *outcome;
    contexts[w] = &each[w];
  }
  plt_status_t status = plt_job_run_embedded(job, restore, evaluate, contexts);
  if (status == PLT_OK) *outcome = each[0];
  free(contexts);
  free(each);
  return status;
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

plt_status_t plt_outcome_conclude(const plt_job_t *job, plt_journal_t *journal, bool is_best, const plt_progress_t *end,
                                  const plt_outcome_t *outcome) {
  const plt_plan_t *plan = &job->plan;
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) /* what training did not tell already */
    if (outcome->parts[part] && (part == PLT_PART_TEST || plan->epochs == 0))
      PLT_TRY(plt_journal_eval(journal, outcome->progress.best_epoch, part, &outcome->metrics[part], false));
  PLT_TRY(plt_journal_final(journal, is_best, end, outcome->parts, outcome->metrics));
  if (is_best)
    printf("\nbest epoch %" PRIu32 ", chosen by validation %s\n", outcome->progress.best_epoch, plan->metric);
  else
    printf("\nafter %" PRIu32 " epochs\n", outcome->progress.epoch);
  plt_outcome_print(stdout, &plan->topk, outcome);
  printf("\nrun directory: %s\n", plan->run_dir);
  return PLT_OK;
}

static void print_json(const plt_topk_t *topk, const plt_outcome_t *outcome) {
  static const char *const names[PLT_PARTS] = {"train", "valid", "test"};
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "clock", (int64_t)outcome->clock);
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    if (!outcome->parts[part]) continue;
    plt_json_t *object = plt_json_add_object(json, names[part]);
    plt_json_int(object, "users", (int64_t)outcome->metrics[part].users);
    for (size_t kind = 0; kind < PLT_METRIC_KINDS; kind++)
      for (size_t i = 0; i < topk->n; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s@%" PRIu32, plt_metric_names[kind], topk->k[i]);
        plt_json_real(object, name, outcome->metrics[part].value[kind * topk->n + i]);
      }
  }
  plt_json_write(&json, stdout);
}

void plt_outcome_tell(const plt_topk_t *topk, const plt_outcome_t *outcome, bool json) {
  if (json) {
    print_json(topk, outcome);
    return;
  }
  printf("tables of epoch %" PRIu32 ", clock %" PRIu64 "\n", outcome->progress.epoch, outcome->clock);
  plt_outcome_print(stdout, topk, outcome);
}
