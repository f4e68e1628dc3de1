/* server.h - being written. */
#ifndef PLT_PS_SERVER_H
#define PLT_PS_SERVER_H
typedef int plt_placeholder_server;
#endif
