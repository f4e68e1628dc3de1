/* synth.h - an invented data folder whose features tell more about the items than the few interactions do.
 *
 * Users and items lie on a sphere in clusters; a user takes items that are near and popular, without repetition
 * (Gumbel top-k); user and item degrees follow shifted power laws. The features of an item are its place on the
 * sphere and some private factors, through a random projection, plus noise. So a model that reads the features can
 * place the many items with few interactions; one that knows ids alone cannot.
 *
 * The same parameters give the same bytes. Beyond `pool` items a user chooses from so many, another random lot for
 * each: time grows with users * min(items, pool).
 * Ownership  the caller frees what draw made.
 * Threads    a call has `threads` of its own and waits for them.
 * Errors     PLT_ERR_USAGE for parameters that cannot be met; writing: PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE. */
#ifndef PLT_LAUNCH_DATA_SYNTH_H
#define PLT_LAUNCH_DATA_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

typedef struct plt_synth_modality {
  const char *name;
  uint32_t cols;
} plt_synth_modality_t;

typedef struct plt_synth {
  uint32_t users, items;
  uint64_t interactions;
  const plt_synth_modality_t *modalities;
  size_t n_modalities;
  uint32_t factors; /* dimensions of the sphere */
  uint32_t pool;    /* items that a user chooses from: all of them, up to so many */
  double noise;     /* standard deviation against a signal of about 1 */
  uint64_t seed;
  size_t threads; /* at least 1; the result does not depend on it */
  bool packs;     /* the interactions as NAME.pack instead of NAME.inter */
} plt_synth_t;

/* Users' items as compressed rows. Each user's items are in random order: the first are for training, then come
 * validation and test (plt_synth_held_out each). */
typedef struct plt_synth_world {
  uint64_t *offset;    /* users + 1 */
  uint32_t *item;      /* interactions */
  float *item_factors; /* items x factors, rows of length 1 */
} plt_synth_world_t;

plt_status_t plt_synth_check(const plt_synth_t *synth);
plt_status_t plt_synth_draw(const plt_synth_t *synth, plt_synth_world_t *world);
void plt_synth_free(plt_synth_world_t *world);
/* Validation pairs, and as many test pairs, of a user with `degree` pairs: a tenth, at least 1 from 3 pairs on. */
uint64_t plt_synth_held_out(uint64_t degree);
enum { PLT_SYNTH_POOL = 16384 /* the usual one */ };

/* Writes NAME.inter or NAME.pack, <modality>_feat.npy and README.txt into an existing folder; NAME is the folder's. */
plt_status_t plt_synth_write(const plt_synth_t *synth, const plt_synth_world_t *world, const char *folder);

#endif
