/* mapped.h - files in memory, and the last words of a process that reads one which somebody cuts short.
 *
 * A page that lies behind the end of its file ends the process with SIGBUS, wherever it happens to read. The guard
 * finds the file by the address and says which it was.
 *
 * Ownership  who maps unmaps.
 * Threads    any. The guard is the process's: set once, before others start.
 * Errors     map: PLT_ERR_DATA, with the path. */
#ifndef PLT_COMMON_IO_MAPPED_H
#define PLT_COMMON_IO_MAPPED_H

#include <stddef.h>

#include "common/status.h"

/* Maps a file that is not empty for reading; where a file system has no maps it is read. */
plt_status_t plt_file_map(const char *path, void **map, size_t *bytes);
void plt_file_unmap(void *map, size_t bytes);
/* Of other maps of files that may change: from here on the guard knows it, until forgotten. */
void plt_map_note(const char *path, const void *map, size_t bytes);
void plt_map_forget(const void *map);
/* When a map that is noted has lost its file, `die` is called with a line that names it, in the thread that read, from
 * a signal handler: it must end the process. */
void plt_maps_guard(void (*die)(const char *text));

#endif
