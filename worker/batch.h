/* batch.h - being written. */
#ifndef PLT_WORKER_BATCH_H
#define PLT_WORKER_BATCH_H
typedef int plt_placeholder_batch;
#endif
