/* list.h - the strategies there are, in the order in which people are shown them. A row X(NAME) is all that a new one
 * needs beside its file: NAME.c in this folder, which defines plt_strategy_NAME and is compiled for the row. */
#ifndef PLT_WORKER_STRATEGIES_LIST_H
#define PLT_WORKER_STRATEGIES_LIST_H

#define PLT_STRATEGIES(X) \
  X(plain)                \
  X(bsam)                 \
  X(bsam_plus)            \
  X(mirror)

#endif
