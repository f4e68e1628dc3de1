/* test_epochs.c - the loop over epochs against a naive twin: which epochs are evaluated, which is the best one, where
 * early stopping ends it, when a checkpoint is ordered; over random schedules, with validation values that are given.
 *
 * The linker puts __wrap_plt_evaluate() and __wrap_plt_trainer_save() in the place of what the loop calls. */
#include "tests/unit/worker/tiny.h"
#include "worker/procedures/trainer.h"
#include "worker/rank/evaluate.h"
#include "worker/train/save.h"

enum { EPOCHS_MAX = 12 };

typedef struct told {
  uint32_t evaluated[EPOCHS_MAX + 1], n_evaluated;
  uint32_t saved[EPOCHS_MAX + 1], n_saved; /* after so many epochs */
  bool best[EPOCHS_MAX + 1];
  uint64_t samples[EPOCHS_MAX + 1]; /* of that epoch so far, as samples per second are made of them */
  uint32_t end, best_epoch;
  bool has_best;
} told_t;

static double script[EPOCHS_MAX];
static told_t seen;

plt_status_t __wrap_plt_evaluate(plt_session_t *session, const char *name, const bool wanted[PLT_PARTS],
                                 const plt_eval_watch_t *watch, plt_metrics_t out[PLT_PARTS]);
plt_status_t __wrap_plt_evaluate(plt_session_t *session, const char *name, const bool wanted[PLT_PARTS],
                                 const plt_eval_watch_t *watch, plt_metrics_t out[PLT_PARTS]) {
  const plt_plan_t *plan = session->plan;
  const char *at = strstr(name, "evaluation of epoch ");
  (void)watch;
  cr_assert(at != NULL && wanted[PLT_PART_VALID] && !wanted[PLT_PART_TEST]);
  uint32_t epoch = (uint32_t)strtoul(at + strlen("evaluation of epoch "), NULL, 10);
  cr_assert_lt(epoch, EPOCHS_MAX);
  out[PLT_PART_VALID] = (plt_metrics_t){.users = 1};
  out[PLT_PART_VALID].value[plt_metric_index(&plan->topk, plan->metric)] = script[epoch];
  if (session->worker == 0 && seen.n_evaluated < EPOCHS_MAX) seen.evaluated[seen.n_evaluated++] = epoch;
  return PLT_OK;
}

plt_status_t __wrap_plt_trainer_save(plt_trainer_t *t, bool is_best);
plt_status_t __wrap_plt_trainer_save(plt_trainer_t *t, bool is_best) {
  if (t->session->worker != 0 || seen.n_saved > EPOCHS_MAX) return PLT_OK;
  seen.best[seen.n_saved] = is_best;
  seen.samples[seen.n_saved] = t->samples;
  seen.saved[seen.n_saved++] = t->p.epoch;
  return PLT_OK;
}

/* What docs/methods/evaluation.md says, said again. */
static told_t twin_of(const plt_plan_t *plan) {
  told_t told = {.end = plan->epochs};
  double best = 0;
  uint32_t worse = 0;
  for (uint32_t e = 0; e < plan->epochs; e++) {
    bool better = false, due = plan->checkpoint_every_epochs > 0 && (e + 1) % plan->checkpoint_every_epochs == 0;
    if (plan->eval_every > 0 && ((e + 1) % plan->eval_every == 0 || e == plan->epochs - 1)) {
      told.evaluated[told.n_evaluated++] = e;
      better = !told.has_best || script[e] > best; /* of equal ones the first */
      worse = better ? 0 : worse + 1;
      if (better) told.has_best = true, told.best_epoch = e, best = script[e];
    }
    if (better || due) told.best[told.n_saved] = better, told.saved[told.n_saved++] = e + 1;
    if (plan->patience > 0 && worse >= plan->patience) {
      told.end = e + 1;
      break;
    }
  }
  told.saved[told.n_saved++] = told.end; /* the end of the training */
  return told;
}

static void check(plt_plan_t *plan, const char *what) {
  plt_training_t trainings[2] = {{0}};
  void *contexts[] = {&trainings[0], &trainings[1]};
  told_t want = twin_of(plan);
  seen = (told_t){0};
  cr_assert_eq(tiny_run(plan, plt_train, contexts), PLT_OK, "%s: %s", what, plt_fail_text());
  const plt_progress_t *p = &trainings[0].progress;
  cr_assert_eq(p->epoch, want.end, "%s: ended after %u epochs, not %u", what, p->epoch, want.end);
  cr_assert_eq(p->has_best, want.has_best, "%s", what);
  cr_assert(!want.has_best || p->best_epoch == want.best_epoch, "%s: best is epoch %u, not %u", what, p->best_epoch,
            want.best_epoch);
  cr_assert_eq(seen.n_evaluated, want.n_evaluated, "%s: %u evaluations, not %u", what, seen.n_evaluated,
               want.n_evaluated);
  for (uint32_t i = 0; i < want.n_evaluated; i++) cr_assert_eq(seen.evaluated[i], want.evaluated[i], "%s", what);
  cr_assert_eq(seen.n_saved, want.n_saved, "%s: %u checkpoints, not %u", what, seen.n_saved, want.n_saved);
  for (uint32_t i = 0; i < want.n_saved; i++)
    cr_assert(seen.saved[i] == want.saved[i] && seen.best[i] == want.best[i], "%s: checkpoint %u after epoch %u", what,
              i, seen.saved[i]);
}

Test(epochs, random_schedules) {
  tiny_t tiny;
  naive_rng_t rng = {naive_seed()};
  uint32_t stopped = 0, ties = 0;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  tiny.plan.batch_size = tiny.plan.micro_batch = 2000;
  tiny_settle(&tiny);
  for (uint32_t turn = 0; turn < 120; turn++) {
    char what[96];
    plt_plan_t plan = tiny.plan;
    strcpy(plan.metric, "ndcg@5");
    plan.topk = (plt_topk_t){.k = {3, 5}, .n = 2};
    plan.epochs = naive_below(&rng, EPOCHS_MAX + 1);
    plan.eval_every = naive_below(&rng, 4);
    plan.patience = naive_below(&rng, 4);
    plan.checkpoint_every_epochs = naive_below(&rng, 4);
    plan.workers = 1 + turn % 2;
    for (uint32_t e = 0; e < EPOCHS_MAX; e++) script[e] = naive_below(&rng, 4) / 4.0;
    snprintf(what, sizeof what, "turn %u: %u epochs, evaluated every %u, patience %u, saved every %u", turn,
             plan.epochs, plan.eval_every, plan.patience, plan.checkpoint_every_epochs);
    check(&plan, what);
    told_t told = twin_of(&plan);
    stopped += told.end < plan.epochs;
    for (uint32_t i = 0; i < told.n_evaluated; i++)
      ties += told.evaluated[i] > told.best_epoch && script[told.evaluated[i]] == script[told.best_epoch];
  }
  cr_assert(stopped > 10 && ties > 10, "%u stopped, %u ties: nothing is tested", stopped, ties);
  tiny_close(&tiny);
}

/* Each sample of an epoch counts once, however many steps its batch makes and whoever makes them. */
Test(epochs, samples_are_counted_once) {
  for (int turn = 0; turn < 3; turn++) {
    tiny_t tiny;
    plt_training_t trainings[2] = {{0}};
    TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=mirror",
              turn == 1 ? "strategy.mode=sequential" : "strategy.mode=combined");
    tiny.plan.epochs = 2;
    tiny.plan.checkpoint_every_epochs = 1;
    tiny.plan.workers = 2;
    tiny.plan.alone = turn == 2;
    tiny_settle(&tiny);
    seen = (told_t){0};
    cr_assert_eq(tiny_run(&tiny.plan, plt_train, (void *[]){&trainings[0], &trainings[1]}), PLT_OK, "%s",
                 plt_fail_text());
    cr_assert_geq(seen.n_saved, 2);
    cr_assert_gt(tiny.data->n_train, tiny.plan.batch_size);
    for (uint32_t i = 0; i < 2; i++)
      cr_assert_eq(seen.samples[i], tiny.data->n_train, "turn %d, epoch %u: %lu samples of %lu", turn, i,
                   (unsigned long)seen.samples[i], (unsigned long)tiny.data->n_train);
    tiny_close(&tiny);
  }
}
