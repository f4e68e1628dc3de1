/* evaluate.h - being written. */
#ifndef PLT_WORKER_EVALUATE_H
#define PLT_WORKER_EVALUATE_H
typedef int plt_placeholder_evaluate;
#endif
