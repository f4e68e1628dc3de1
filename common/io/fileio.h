/* fileio.h - files and directories with clear errors, and text that is published at once or not at all.
 *
 * Ownership  texts and lists of names are the caller's: free(), plt_names_free().
 * Threads    any. Processes may publish one path at the same time: the last one stays, whole. Threads of one process
 *            may not.
 * Errors     with the path and the system's words: PLT_ERR_IO where nothing else is said; PLT_ERR_SPACE instead of it
 *            and of PLT_ERR_CREATE when a disk or a quota is full. */
#ifndef PLT_COMMON_IO_FILEIO_H
#define PLT_COMMON_IO_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

enum { PLT_PATH_MAX = 4096 };

/* "a/b" into out; PLT_ERR_USAGE when it does not fit. An absolute `name` stands alone. */
plt_status_t plt_path_join(const char *dir, const char *name, char out[PLT_PATH_MAX]);
/* The same of a file "name.suffix" in `dir`; the suffix has its dot. */
plt_status_t plt_path_file(const char *dir, const char *name, const char *suffix, char out[PLT_PATH_MAX]);
bool plt_path_exists(const char *path);
/* "a.json" with ".json": something stands before it. */
bool plt_path_ends_with(const char *path, const char *suffix);
bool plt_path_is_dir(const char *path);
/* Which file or directory a path names now: what stands in its place later has other numbers. Zeros: nothing is
 * there. */
typedef struct plt_path_id {
  uint64_t device, number;
} plt_path_id_t;
plt_path_id_t plt_path_id(const char *path);
/* It still names that. */
bool plt_path_is(const char *path, plt_path_id_t id);
/* mkdir, where `path` may be a directory already. PLT_ERR_CREATE. */
plt_status_t plt_dir_create_one(const char *path);
/* mkdir -p. PLT_ERR_CREATE names the directory that could not be made. */
plt_status_t plt_dir_create(const char *path);
/* rm -r; what is not there is no error. */
plt_status_t plt_dir_remove(const char *path);
/* fsync of a file or directory by name. */
plt_status_t plt_path_sync(const char *path);
/* fsync of the directory that holds `path`. */
plt_status_t plt_dir_sync_of(const char *path);
/* The whole file as a NUL-terminated string (free it); `bytes` may be NULL. PLT_ERR_DATA when it has more than
 * max_bytes. */
plt_status_t plt_file_read(const char *path, size_t max_bytes, char **text, size_t *bytes);
/* "path.PROCESS.tmp": where a file is written before it is renamed to `path`; no other process has that name, here or
 * on another machine. Free it. */
char *plt_path_temporary(const char *path);
/* Removes the temporary files of `path` that dead processes left: only where nobody else writes to it. */
void plt_path_sweep(const char *path);
/* Writes a temporary file beside `path`, fsyncs, renames it over `path`, fsyncs the directory. Also PLT_ERR_CREATE. The
 * old file stays then, unless only the directory could not be synced. */
plt_status_t plt_file_publish(const char *path, const char *text, size_t bytes);
/* The same; of "-" it goes to standard output, as it is. PLT_ERR_IO where it cannot be written there. */
plt_status_t plt_file_publish_or_print(const char *path, const char *text, size_t bytes);
/* The same as the first where no file may be: *taken when there is one, which stays as it is. */
plt_status_t plt_file_publish_new(const char *path, const char *text, size_t bytes, bool *taken);
/* Waits for the lock of "path.lock" and holds it until the descriptor is closed; -1 where there is no such file to be
 * made, or no locks. */
int plt_file_lock(const char *path);
/* Takes the lock of a directory, alone or together with others who share it; held until *fd is closed, by the process's
 * end at the latest. false: others hold it. Where there are no locks it is true, and *fd is -1 or locks nothing. */
bool plt_dir_lock(const char *path, bool shared, int *fd);
/* Free bytes for this user on the file system of `path`. */
plt_status_t plt_dir_free_bytes(const char *path, uint64_t *bytes);
/* Names in a directory in byte order, without dot files. */
plt_status_t plt_dir_list(const char *path, char ***names, size_t *n);
void plt_names_free(char ***names, size_t n);

#endif
