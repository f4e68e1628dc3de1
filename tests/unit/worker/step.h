/* step.h - one batch through a worker's own code: made, computed, what it would push. */
#ifndef PLT_TESTS_UNIT_WORKER_STEP_H
#define PLT_TESTS_UNIT_WORKER_STEP_H

#include "tests/unit/worker/tiny.h"
#include "worker/train/compute.h"

typedef struct step {
  plt_batch_maker_t *maker;
  plt_batch_t *batch;
  plt_compute_t *compute;
  plt_gradients_t gradients;
} step_t;

/* Of a plan of one worker. */
static inline void step_open(step_t *step, const plt_plan_t *plan) {
  *step = (step_t){.maker = plt_batch_maker_create(plan, 0, 1, NULL),
                   .batch = plt_batch_create(),
                   .compute = plt_compute_create(plan, NULL)};
}

/* Makes batch `number` of epoch 0. */
static inline void step_make(step_t *step, uint32_t number) { plt_batch_make(step->maker, 0, number, step->batch); }

/* values: the rows that the batch pulls. */
static inline void step_compute(step_t *step, const float *values) {
  cr_assert_eq(plt_compute_gradients(step->compute, step->batch, values, 0, 0.1, &step->gradients), PLT_OK, "%s",
               plt_fail_text());
}

static inline void step_close(step_t *step) {
  plt_compute_destroy(&step->compute);
  plt_batch_destroy(&step->batch);
  plt_batch_maker_destroy(&step->maker);
}

#endif
