/* data.h - the parts of `plateau data`: one file for each of import, synth and split, and what their command lines
 * share.
 *
 * Ownership  results of parsing point into argv, but for text lists: free them.
 * Threads    the main thread: getopt keeps its place in variables of the process.
 * Errors     PLT_ERR_USAGE with command, option and what is allowed; PLT_ERR_CREATE for folders. */
#ifndef PLT_LAUNCH_COMMANDS_DATA_DATA_H
#define PLT_LAUNCH_COMMANDS_DATA_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

/* `plateau data NAME`; argv[0] is NAME. */
plt_status_t plt_data_synth_run(int argc, char **argv);
plt_status_t plt_data_split_run(int argc, char **argv);
plt_status_t plt_data_import_run(int argc, char **argv);
extern const char plt_data_import_usage[];

/* "a,b" as an array of texts that point into one copy. */
typedef struct plt_text_list {
  char *copy;
  char **text;
  size_t n;
} plt_text_list_t;
plt_text_list_t plt_text_list(const char *commas);
void plt_text_list_free(plt_text_list_t *list);

/* What getopt returned for an argument that `command` does not take. */
plt_status_t plt_data_refuse(int found, char **argv, const char *command, const char *allowed);
/* The one argument that is no option, after getopt_long has moved it behind the options. */
plt_status_t plt_data_take_folder(int argc, char **argv, const char *command, const char **folder);
/* Values of "--option". */
plt_status_t plt_data_count(const char *command, const char *option, const char *text, uint64_t min, uint64_t max,
                            uint64_t *out);
plt_status_t plt_data_count32(const char *command, const char *option, const char *text, uint32_t min, uint32_t max,
                              uint32_t *out);
/* `what` is wanted, as in "a number from 0 on". */
plt_status_t plt_data_real(const char *command, const char *option, const char *text, double min, double max,
                           const char *what, double *out);
/* Makes the folder; one with files in it is somebody's work, and refused without `force`. */
plt_status_t plt_data_claim_folder(const char *folder, bool force);
/* The cores of this machine, up to what pays. */
size_t plt_data_threads(void);

#endif
