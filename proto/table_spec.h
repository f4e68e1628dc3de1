/* table_spec.h - what a worker declares and a server keeps: the shape, birth and optimizer of a table.
 *
 * Threads    any; pure functions. */
#ifndef PLT_PROTO_TABLE_SPEC_H
#define PLT_PROTO_TABLE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLT_TABLE_NAME_MAX = 64, PLT_TABLES_MAX = 256, PLT_SETTINGS_MAX = 1024 };

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

typedef struct plt_table_spec {
  char name[PLT_TABLE_NAME_MAX];
  uint64_t rows;
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
} plt_table_spec_t;

bool plt_table_spec_equal(const plt_table_spec_t *a, const plt_table_spec_t *b);
/* The initial value of row `key`: cols floats, a function of (seed, name, salt, key) alone
 * (docs/methods/determinism.md 5). */
void plt_table_spec_birth(const plt_table_spec_t *spec, uint64_t salt, uint64_t key, float *out);

#endif
