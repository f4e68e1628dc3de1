/* self.h - this program's own file, to execute it again.
 *
 * Threads    any.
 * Errors     PLT_ERR_IO where there is no /proc. */
#ifndef PLT_LAUNCH_HOST_SELF_H
#define PLT_LAUNCH_HOST_SELF_H

#include "common/io/fileio.h"
#include "common/status.h"

/* Where the program was started from. */
plt_status_t plt_self_path(char path[PLT_PATH_MAX]);
/* Becomes the same program anew, even if another was installed at `path` meanwhile. Returns only if that fails. Safe
 * after a fork. */
void plt_self_exec(const char *path, char *const arguments[]);

#endif
