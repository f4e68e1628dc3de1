/* output.h - what worker 0 makes of the vectors of users and items, written to a file.
 *
 * Threads    each worker calls with its session; worker 0 works and writes.
 * Errors     those of inference and of `work`; PLT_ERR_CREATE and PLT_ERR_IO for the file. */
#ifndef PLT_WORKER_RANK_OUTPUT_H
#define PLT_WORKER_RANK_OUTPUT_H

#include <stdio.h>

#include "worker/data/idmap.h"
#include "worker/rank/inference.h"

/* An id as people have it, where there are names (NULL: its number); in JSON names are in quotes. */
void plt_output_id(FILE *out, const plt_idmap_t *names, uint32_t id);
void plt_output_id_json(FILE *out, const plt_idmap_t *names, uint32_t id);

/* inference: as in plt_vectors_create(). Whether all could be written is looked at behind it. */
typedef plt_status_t (*plt_output_fn)(plt_session_t *session, const plt_inference_t *inference, const void *what,
                                      FILE *out);

/* Inference for all, `work` for worker 0. path "-": standard output. `name` is new in the session. */
plt_status_t plt_output_write(plt_session_t *session, const char *name, const char *path, plt_output_fn work,
                              const void *what);

#endif
