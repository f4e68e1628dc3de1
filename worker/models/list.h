/* list.h - the models there are, in the order in which people are shown them. A row X(NAME) is all that a new one
 * needs beside its file: NAME.c in this folder, which defines plt_model_NAME and is compiled for the row. */
#ifndef PLT_WORKER_MODELS_LIST_H
#define PLT_WORKER_MODELS_LIST_H

#define PLT_MODELS(X) \
  X(bpr)              \
  X(vbpr)             \
  X(lightgcn)         \
  X(freedom)          \
  X(bm3)              \
  X(cm3)              \
  X(ultragcn)         \
  X(invrl)            \
  X(m3invrl)          \
  X(dragon)           \
  X(mmgcn)            \
  X(grcn)             \
  X(dualgnn)          \
  X(mgcn)             \
  X(slmrec)           \
  X(lgmrec)

#endif
