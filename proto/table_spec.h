/* table_spec.h - what a worker declares and a server keeps: the shape, birth and optimizer of a table.
 *
 * Threads    any; pure functions. */
#ifndef PLT_PROTO_TABLE_SPEC_H
#define PLT_PROTO_TABLE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLT_TABLE_NAME_MAX = 64, PLT_TABLES_MAX = 256, PLT_SETTINGS_MAX = 1024, PLT_COLS_MAX = 1 << 24 };

/* Numbers on the wire and names in checkpoints: append only. */
#define PLT_INIT_LIST(X) \
  X(ZERO, "zero")        \
  X(NORMAL, "normal")    \
  X(UNIFORM, "uniform")  \
  X(SOFTMAX, "softmax")
#define PLT_INIT_ENUM(name, text) PLT_INIT_##name,
typedef enum { PLT_INIT_LIST(PLT_INIT_ENUM) PLT_INIT_KINDS } plt_init_kind_t;
#undef PLT_INIT_ENUM

typedef struct plt_init {
  plt_init_kind_t kind;
  double scale; /* NORMAL: standard deviation; UNIFORM: values in (-scale, scale); SOFTMAX: a row is that of NORMAL */
} plt_init_t;

/* Rows under any 64-bit key, found by a hash: stored from a push on that admits them, until they are evicted
 * (docs/methods/sparse-ids.md). Zeros: every row is stored at its first push, and stays. */
typedef struct plt_sparse_keys {
  bool declared;         /* false: rows are 0 .. rows - 1, and what follows is 0 */
  uint32_t admit_pushes; /* a row is stored at this push of it; those before are left out. 0, 1: at the first */
  double admit_share;    /* or at any push, with this probability; 0: 1 */
  uint64_t max_age;      /* a row that so many steps have not pushed is gone with the next; 0: none goes */
  uint64_t max_rows;     /* of all servers: those that were pushed longest ago go; 0: no bound */
} plt_sparse_keys_t;

typedef struct plt_table_spec {
  char name[PLT_TABLE_NAME_MAX];
  uint64_t rows; /* 0 with sparse keys */
  uint32_t cols;
  plt_init_t init;
  uint64_t seed;                    /* of the run: rows are born from (seed, name, key) */
  char born_as[PLT_TABLE_NAME_MAX]; /* the name in that; "": its own */
  bool frozen;                      /* refuses pushes */
  bool temporary;                   /* frozen, no part of a checkpoint, can be dropped; declared behind all others */
  char optimizer[PLT_TABLE_NAME_MAX];
  char settings[PLT_SETTINGS_MAX]; /* the optimizer's options as YAML, "eps: 1e-8\n"; others have their defaults */
  double lr_scale;                 /* what the learning rate of a step is multiplied by for this table; 0: nothing */
  double decay;                    /* this times the row is added to the gradient of each row pushed, once per step */
  plt_sparse_keys_t sparse;
} plt_table_spec_t;

/* Whether a row whose last push was that of step `last` is gone after step t. */
static inline bool plt_sparse_keys_is_old(const plt_sparse_keys_t *sparse, uint64_t t, uint64_t last) {
  return sparse->max_age > 0 && t > last && t - last > sparse->max_age;
}
/* Whether pushes of rows that are not stored are counted. */
static inline bool plt_sparse_keys_counts(const plt_sparse_keys_t *sparse) { return sparse->admit_pushes > 1; }

bool plt_table_spec_equal(const plt_table_spec_t *a, const plt_table_spec_t *b);
/* The initial value of row `key`: cols floats, a function of (seed, name, salt, key) alone
 * (docs/methods/determinism.md 5). */
void plt_table_spec_birth(const plt_table_spec_t *spec, uint64_t salt, uint64_t key, float *out);

#endif
