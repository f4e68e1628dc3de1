/* sampler.h - which samples a batch holds: a function of (seed, stage, epoch, batch), no state.
 *
 * The order of an epoch is a keyed permutation of the training pairs; each pair gets its negatives from a
 * counter-based generator: uniform over the items that occur in training, redrawn while the user has the item in
 * training (docs/methods/determinism.md 2; MMRec). With a replay file batches come from the file, negatives included,
 * and an epoch is that file.
 *
 * Threads    read-only after create.
 * Errors     create: PLT_ERR_DATA for a user who has all items (refuses_full, or all do), or a replay file that does
 *            not fit; PLT_ERR_USAGE. */
#ifndef PLT_WORKER_DATA_SAMPLER_H
#define PLT_WORKER_DATA_SAMPLER_H

#include <stdbool.h>

#include "worker/data/dataset.h"

typedef struct plt_sampler plt_sampler_t;

typedef struct plt_sampler_config {
  uint64_t seed;
  uint32_t stage; /* slot (session/procedure.h) */
  uint32_t batch_size;
  size_t negatives;   /* per pair */
  const char *replay; /* .npy int64 [batches, batch_size, 2 + negatives (0: any more)], rows of -1 at the end of a batch
                         are none; or NULL */
  const char *numbers; /* .npy int64 [batches, leaves] beside it: what a model draws once per leaf; or NULL */
  bool of_all;         /* negatives: uniform over all items, the user's own among them */
  bool refuses_full;   /* users who have all items end it with PLT_ERR_DATA; else their pairs are left out */
} plt_sampler_config_t;

plt_status_t plt_sampler_create(const plt_dataset_t *data, const plt_sampler_config_t *config, plt_sampler_t **out);
/* One for another slot, which must go before `sampler` does. */
plt_sampler_t *plt_sampler_at(const plt_sampler_t *sampler, uint32_t stage);
/* The same over some of the training pairs, n of them by their numbers, which stay. */
plt_sampler_t *plt_sampler_over(const plt_sampler_t *sampler, uint32_t stage, const uint32_t *pairs, size_t n);
/* The same with the batches of a file, as plt_sampler_config_t has it. PLT_ERR_DATA. */
plt_status_t plt_sampler_replay(const plt_sampler_t *sampler, uint32_t stage, const char *file, plt_sampler_t **out);
void plt_sampler_destroy(plt_sampler_t **sampler);

/* Batches of an epoch; all but the last are full, those of a replay as they are there. */
uint32_t plt_sampler_batches(const plt_sampler_t *sampler);
/* Samples of a batch. */
uint32_t plt_sampler_samples(const plt_sampler_t *sampler, uint32_t batch);
/* What config.numbers has for a leaf; -1: nothing. */
int64_t plt_sampler_number(const plt_sampler_t *sampler, uint32_t batch, uint32_t leaf);
/* Samples [first, first + n) of a batch: users [n], positives [n], negatives [n * negatives]. */
void plt_sampler_draw(const plt_sampler_t *sampler, uint32_t epoch, uint32_t batch, uint32_t first, uint32_t n,
                      uint32_t *user, uint32_t *positive, uint32_t *negative);

#endif
