/* list.h - the tasks there are, in the order in which people are shown them. A row X(NAME) is all that a new one needs
 * beside its file: NAME.c in this folder, which defines plt_task_NAME and is compiled because it stands here. */
#ifndef PLT_LAUNCH_TASKS_LIST_H
#define PLT_LAUNCH_TASKS_LIST_H

#define PLT_TASKS(X) \
  X(train)           \
  X(conclude)        \
  X(evaluate)        \
  X(recommend)       \
  X(score)           \
  X(similar)         \
  X(export)          \
  X(sharpness)       \
  X(landscape)

#endif
