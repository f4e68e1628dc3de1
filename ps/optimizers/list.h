/* list.h - the optimizers there are, in the order in which people are shown them. A row X(NAME) is all that a new one
 * needs beside its file: NAME.c in this folder, which defines plt_optimizer_NAME and is compiled for the row. */
#ifndef PLT_PS_OPTIMIZERS_LIST_H
#define PLT_PS_OPTIMIZERS_LIST_H

#define PLT_OPTIMIZERS(X) \
  X(sgd)                  \
  X(momentum)             \
  X(adagrad)              \
  X(rowwise_adagrad)      \
  X(ftrl)                 \
  X(adam)                 \
  X(adamw)                \
  X(lazy_adam)

#endif
