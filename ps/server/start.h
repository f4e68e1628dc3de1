/* start.h - what the tables of a server begin as.
 *
 * Threads    any; values only. */
#ifndef PLT_PS_SERVER_START_H
#define PLT_PS_SERVER_START_H

#include "common/io/manifest.h"

/* What the checkpoint is to those who begin from it. */
typedef enum {
  PLT_START_RESUME, /* of this run, which goes on where it stood */
  PLT_START_LOOK,  /* of a run that is looked at: with data that have grown since then. Rows that it has not are zero */
  PLT_START_WARM,  /* of another run: a new one begins with its rows and optimizer states. Further rows are born */
  PLT_START_VALUES /* the same, of its rows alone: optimizers begin anew */
} plt_start_kind_t;

typedef struct plt_start {
  plt_start_kind_t kind;
  const char *dir;                /* of a verified checkpoint; NULL: the tables begin afresh */
  const plt_manifest_t *manifest; /* its own */
} plt_start_t;

/* Whether clock and progress are the checkpoint's. */
static inline bool plt_start_goes_on(const plt_start_t *start) {
  return start->dir != NULL && start->kind <= PLT_START_LOOK;
}

#endif
