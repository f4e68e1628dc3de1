/* The steps that alone.c itself hands to the client: rows are asked for the clock of the batch that will use them, and
 * a strategy counts the worker's own batches of an epoch.
 *
 * The linker puts __wrap_plt_client_step_begin() and __wrap_plt_compute_gradients() in the place of what it calls. */
#include "tests/unit/worker/tiny.h"
#include "worker/procedures/trainer.h"
#include "worker/train/compute.h"

enum { STEPS_MAX = 200 };

/* What one worker was seen to do. */
typedef struct watch {
  plt_training_t training;
  uint64_t wanted[STEPS_MAX]; /* clocks of its pulls, in order */
  uint32_t n_pulls, n_pushes, n_turns, depth;
  uint32_t epoch, turn;
  char wrong[128]; /* the first thing that was */
} watch_t;

static _Thread_local watch_t *mine;

static void complain(const char *what, uint64_t is, uint64_t expected) {
  if (mine->wrong[0] == '\0')
    snprintf(mine->wrong, sizeof mine->wrong, "%s %lu, expected %lu", what, (unsigned long)is, (unsigned long)expected);
}

plt_status_t __real_plt_client_step_begin(plt_client_t *client, const plt_step_t *step, plt_exchange_t **out);
plt_status_t __wrap_plt_client_step_begin(plt_client_t *client, const plt_step_t *step, plt_exchange_t **out);
plt_status_t __wrap_plt_client_step_begin(plt_client_t *client, const plt_step_t *step, plt_exchange_t **out) {
  if (step->pushes) { /* of the batch whose rows were pulled so many pulls ago */
    if (mine->wanted[mine->n_pushes % STEPS_MAX] != step->clock)
      complain("rows of a batch were asked for clock", mine->wanted[mine->n_pushes % STEPS_MAX], step->clock);
    mine->n_pushes++;
  }
  if (step->n_pull > 0) mine->wanted[mine->n_pulls++ % STEPS_MAX] = step->clock + step->pushes + step->ahead;
  if (mine->n_pulls - mine->n_pushes > mine->depth) mine->depth = mine->n_pulls - mine->n_pushes;
  return __real_plt_client_step_begin(client, step, out);
}

plt_status_t __real_plt_compute_gradients(plt_compute_t *compute, const plt_batch_t *batch, const float *values,
                                          uint32_t phase, double eta, plt_gradients_t *out);
plt_status_t __wrap_plt_compute_gradients(plt_compute_t *compute, const plt_batch_t *batch, const float *values,
                                          uint32_t phase, double eta, plt_gradients_t *out);
plt_status_t __wrap_plt_compute_gradients(plt_compute_t *compute, const plt_batch_t *batch, const float *values,
                                          uint32_t phase, double eta, plt_gradients_t *out) {
  if (batch->epoch != mine->epoch) mine->turn = 0;
  mine->epoch = batch->epoch;
  if (batch->turn != mine->turn) complain("a batch of its own has number", batch->turn, mine->turn);
  mine->turn++;
  mine->n_turns++;
  return __real_plt_compute_gradients(compute, batch, values, phase, eta, out);
}

static plt_status_t train(plt_session_t *session, void *context) {
  mine = context;
  return plt_train(session, &mine->training);
}

Test(alone, steps_as_the_trainer_makes_them) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=mirror", "strategy.beta=2");
  tiny.plan.batch_size = 50;
  tiny_settle(&tiny);
  uint32_t batches = plt_sampler_batches(tiny.sampler);
  cr_assert(batches > 6 && batches % 3 != 0, "%u batches: nobody has fewer than the others", batches);
  for (uint32_t workers = 1; workers <= 3; workers++)
    for (uint32_t prefetch = 0; prefetch <= 2 && (workers > 1 || prefetch == 0); prefetch++) {
      plt_plan_t plan = tiny.plan;
      watch_t watches[3] = {{.wrong = ""}};
      plan.alone = true;
      plan.epochs = 3;
      plan.workers = workers;
      plan.prefetch = prefetch;
      plan.staleness = 2;
      cr_assert_eq(tiny_run(&plan, train, (void *[]){&watches[0], &watches[1], &watches[2]}), PLT_OK, "%s",
                   plt_fail_text());
      for (uint32_t w = 0; w < workers; w++) {
        uint32_t of_epoch = (batches - 1 - w) / workers + 1, own = plan.epochs * of_epoch;
        cr_assert_str_empty(watches[w].wrong, "worker %u of %u, prefetch %u: %s", w, workers, prefetch,
                            watches[w].wrong);
        cr_assert(watches[w].n_pushes == own && watches[w].n_pulls == own && watches[w].n_turns == own);
        cr_assert_eq(watches[w].depth, prefetch < of_epoch ? prefetch + 1 : of_epoch, "%u batches at a time",
                     watches[w].depth);
      }
    }
  tiny_close(&tiny);
}
