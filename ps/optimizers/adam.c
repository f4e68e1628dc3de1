/* adam.c - Adam that equals dense Adam, in which every row moves in every step, at the cost of the rows
 * touched (docs/methods/optimizers.md 4.1); see adam_core.h. State: m, v. weight_decay (PyTorch's L2 form: decay w is
 * part of every row's gradient in every step) has no sparse form and needs a dense sweep. */
#include "ps/optimizers/adam_core.h"

static plt_status_t init(plt_optimizer_t *base, const plt_config_t *config) {
  if (base->weight_decay > 0 && !base->dense)
    return plt_fail(PLT_ERR_USAGE,
                    "weight_decay has no sparse form with optimizer.name: adam; use adamw (decoupled decay) "
                    "or optimizer.sweep: dense (every row in every step)");
  return plt_adam_init(base, config, base->weight_decay, 0);
}

const plt_optimizer_ops_t plt_optimizer_adam = {
    .name = "adam",
    .summary = "Adam in which every row moves in every step, computed only for the rows that are touched",
    .options = {.title = "optimizer adam", .rows = plt_adam_options, .n_rows = PLT_ADAM_OPTIONS},
    .state_floats = plt_adam_state_floats,
    .size = sizeof(plt_adam_t),
    .init = init,
    .clear = plt_adam_clear,
    .begin = plt_adam_begin,
    .apply = plt_adam_apply,
    .value = plt_adam_value,
};
