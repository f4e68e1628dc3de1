/* list.h - the kinds of stages there are, in the order in which people are shown them. A row X(NAME) is all that a new
 * one needs beside its file: NAME.c in this folder, which defines plt_stage_NAME and is compiled because it stands
 * here. */
#ifndef PLT_WORKER_PROCEDURES_LIST_H
#define PLT_WORKER_PROCEDURES_LIST_H

#define PLT_STAGES(X) \
  X(train)            \
  X(pretrain)         \
  X(environments)     \
  X(mask)             \
  X(final)            \
  X(encoders)         \
  X(models)           \
  X(merge)            \
  X(fusion)

#endif
