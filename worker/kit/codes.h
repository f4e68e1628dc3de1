/* codes.h - what encoders make of items' features: of each modality m a common and a specific code, k columns each, for
 * the models that learn them and for those that are trained on them as they have become (docs/methods/m3invrl.md 1).
 *
 *   c_m = x_m Wc_m + b,  s_m = x_m Ws_m + b,  x_m a row of modality m of length 1
 *   r   = [ norm(mean_m norm(c_m)) ; norm(s_1) ; ... ; norm(s_M) ]
 *
 * Memory     of frozen encoders the rows of all items, made once in a process (data/derived.h).
 * Threads    as models: read-only once made.
 * Source     our reading of M3-InvRL (docs/methods/m3invrl.md). */
#ifndef PLT_WORKER_KIT_CODES_H
#define PLT_WORKER_KIT_CODES_H

#include "worker/kit/kit.h"

typedef struct plt_codes {
  size_t modalities;
  uint32_t width; /* k */
  size_t first;   /* of the tables; those of modality m from first + m PLT_CODES_TABLES on */
} plt_codes_t;

/* Tables of a modality. */
enum { PLT_CODES_COMMON_W, PLT_CODES_COMMON_B, PLT_CODES_SPECIFIC_W, PLT_CODES_SPECIFIC_B, PLT_CODES_TABLES };

/* Columns of r. */
static inline uint32_t plt_codes_cols(const plt_codes_t *codes) {
  return codes->width * (uint32_t)(1 + codes->modalities);
}
/* TRAINED by the model; FROZEN: a stage before hands them on; ASIDE: the same, but no batch pulls them. */
typedef enum { PLT_CODES_TRAINED, PLT_CODES_FROZEN, PLT_CODES_ASIDE } plt_codes_use_t;
/* Appends the tables; width is set. */
void plt_codes_add_tables(plt_codes_t *codes, plt_model_t *model, const plt_dataset_t *data, plt_codes_use_t use);

/* ---- while they are learned ---- */
typedef struct plt_code {
  plt_var_t common, specific; /* [n, k], not normalised */
} plt_code_t;
/* Of own items. */
plt_code_t plt_codes_encode(const plt_codes_t *codes, const plt_nodes_t *nodes, size_t m);
/* r of these, one per modality: [n, k (1 + M)]. */
plt_var_t plt_codes_join(const plt_codes_t *codes, plt_tape_t *tape, const plt_code_t *of);

/* ---- frozen: constants ---- */
/* r of own items, [n, k (1 + M)]. */
plt_var_t plt_codes_all(const plt_codes_t *codes, const plt_nodes_t *nodes);
/* [norm(c_m) ; norm(s_m)] of own items, [n, 2 k]. */
plt_var_t plt_codes_of(const plt_codes_t *codes, const plt_nodes_t *nodes, size_t m);
/* The same for whoever has no tape: r of n items, by tables[M * PLT_CODES_TABLES], all rows of each. `room` and items
 * stay as long as the matrix is in use. */
typedef struct plt_codes_rows {
  const float *matrix;
  size_t stride, cols;
  const uint32_t *items;
} plt_codes_rows_t;
plt_lazy_t plt_codes_rows(const plt_codes_t *codes, const plt_dataset_t *data, plt_crew_t *crew,
                          const float *const *tables, const uint32_t *items, size_t n, plt_codes_rows_t *room);

#endif
