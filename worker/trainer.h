/* trainer.h - being written. */
#ifndef PLT_WORKER_TRAINER_H
#define PLT_WORKER_TRAINER_H
typedef int plt_placeholder_trainer;
#endif
