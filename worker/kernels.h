/* kernels.h - being written. */
#ifndef PLT_WORKER_KERNELS_H
#define PLT_WORKER_KERNELS_H
typedef int plt_placeholder_kernels;
#endif
