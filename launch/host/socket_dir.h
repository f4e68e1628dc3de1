/* socket_dir.h - a private directory for ipc sockets, /tmp/plateau-<user>-<pid>-<random>, mode 0700.
 *
 * Short, because a socket's path has at most 107 bytes. Directories of processes that are gone are removed by the
 * next job of the same user. The process that made one holds a lock on it: to another container that shares /tmp it may
 * look as if that process were gone.
 *
 * Threads    the main thread; one directory at a time is held.
 * Errors     PLT_ERR_CREATE. */
#ifndef PLT_LAUNCH_HOST_SOCKET_DIR_H
#define PLT_LAUNCH_HOST_SOCKET_DIR_H

#include "common/status.h"

enum { PLT_SOCKET_DIR_MAX = 64 };

/* Remove it with plt_dir_remove(). `out` is "" after a failure. */
plt_status_t plt_socket_dir_create(char out[PLT_SOCKET_DIR_MAX]);

#endif
