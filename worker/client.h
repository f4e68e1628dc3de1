/* client.h - being written. */
#ifndef PLT_WORKER_CLIENT_H
#define PLT_WORKER_CLIENT_H
typedef int plt_placeholder_client;
#endif
