/* saver.h - writes a server's parts of checkpoints while the server goes on: one thread, one part at a time.
 *
 *   idle ── begin (images of all tables) ──▶ writing: sweep, sync, hash ──▶ written or failed ── begin ──▶ ...
 *
 * Ownership  the tables are the server's; they must not be reset or destroyed while a part is being written:
 *            plt_saver_wait() first.
 * Threads    all calls are the server's; the thread inside sweeps images and writes with HDF5 (checkpoint.h).
 * Errors     of a part: those of plt_checkpoint_write() and of making its directory, PLT_ERR_IO when what stands at
 *            RUN is not what stood there in the beginning; kept until they are asked for. */
#ifndef PLT_PS_CHECKPOINT_SAVER_H
#define PLT_PS_CHECKPOINT_SAVER_H

#include "common/io/manifest.h"
#include "ps/checkpoint/checkpoint.h"

typedef struct plt_saver plt_saver_t;
/* run_dir is copied; NULL: there is none, and each part ends with PLT_ERR_USAGE. */
plt_saver_t *plt_saver_create(const char *run_dir);
/* Gives up what is being written. */
void plt_saver_destroy(plt_saver_t **saver);

/* Takes images of the tables and begins to write RUN/checkpoints/<clock>.part/server-<number>.h5. Waits for the part
 * before. */
void plt_saver_begin(plt_saver_t *saver, const plt_checkpoint_head_t *head, plt_table_t *const *tables, size_t n);
void plt_saver_wait(plt_saver_t *saver);

typedef struct plt_saver_report {
  bool ended;
  uint64_t clock;           /* of the part begun last; UINT64_MAX: none was */
  uint64_t moves;           /* while it has not ended: rises as it gets on */
  plt_status_t status;      /* once it has */
  const char *text;         /* of a failure */
  plt_manifest_part_t part; /* of a success */
} plt_saver_report_t;
/* Cheap. */
plt_saver_report_t plt_saver_look(plt_saver_t *saver);

#endif
