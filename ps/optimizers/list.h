/* list.h - the optimizers there are, one per file optimizer_<name>.c; private to ps/. */
#ifndef PLT_PS_OPTIMIZERS_LIST_H
#define PLT_PS_OPTIMIZERS_LIST_H

#include "ps/optimizers/optimizer.h"

extern const plt_optimizer_ops_t plt_optimizer_sgd, plt_optimizer_momentum, plt_optimizer_adagrad,
    plt_optimizer_rowwise_adagrad, plt_optimizer_ftrl, plt_optimizer_adam, plt_optimizer_adamw, plt_optimizer_lazy_adam;

#endif
