/* adamw.c - Adam with decoupled decay (Loshchilov and Hutter 2019; PyTorch's form): every row, pushed or
 * not, is multiplied by 1 - eta weight_decay in every step and then moves as with adam; equal to the dense
 * optimizer at the cost of the rows touched. See adam_core.h. State: m, v. */
#include "ps/optimizers/adam_core.h"

static plt_status_t init(plt_optimizer_t *base, const plt_config_t *config) {
  return plt_adam_init(base, config, 0, base->weight_decay);
}

const plt_optimizer_ops_t plt_optimizer_adamw = {
    .name = "adamw",
    .summary = "adam with decoupled weight decay: every row shrinks in every step, computed when it is touched",
    .options = {.title = "optimizer adamw", .rows = plt_adam_options, .n_rows = PLT_ADAM_OPTIONS},
    .state_floats = plt_adam_state_floats,
    .size = sizeof(plt_adam_t),
    .init = init,
    .clear = plt_adam_clear,
    .begin = plt_adam_begin,
    .apply = plt_adam_apply,
    .value = plt_adam_value,
};
