/* nodes.h - what a model is given: the nodes at hand, and the batch at hand.
 *
 *   plt_nodes_t     users or items: their rows of tables, their features, states at them. In training the nodes of a
 *                   set of a leaf (programme.h), in evaluation a block of all nodes: a model cannot tell.
 *   plt_samples_t   a leaf's samples, as positions among its own users and items. Training only.
 *
 * Rows are fetched when they are asked for: in training out of what the leaf pulled, in evaluation from the servers.
 *
 * Memory     everything lives until the tape is reset.
 * Threads    one owner, that of the tape. */
#ifndef PLT_WORKER_MODELS_NODES_H
#define PLT_WORKER_MODELS_NODES_H

#include "common/rng.h"
#include "worker/data/dataset.h"
#include "worker/graph/graph.h"
#include "worker/tape/tape.h"

/* What training changes in features (augment.h). */
typedef struct plt_augment {
  bool features; /* any of these is above 0 */
  double dropout, noise, mix;
} plt_augment_t;

/* What a draw in training is a function of, beside its purpose and place; and what becomes of features there. */
typedef struct plt_draws {
  uint64_t seed;
  uint32_t epoch, batch, leaf;
  int64_t replayed;             /* what a replay has instead of the leaf's own draw; -1: nothing */
  const plt_augment_t *augment; /* NULL: features stay as they are */
  bool narrow;                  /* products with features are those of narrow.h */
} plt_draws_t;

/* The key of a batch's draws for a purpose: the same in all leaves and passes. */
static inline plt_rng_key_t plt_draws_key(const plt_draws_t *draws, const char *purpose) {
  return plt_rng_key(draws->seed, purpose, (uint64_t)draws->epoch << 32 | draws->batch);
}

typedef struct plt_nodes plt_nodes_t;
typedef struct plt_row_source plt_row_source_t;

/* Where rows come from. A source that fails gives zeros, and tells its owner. */
struct plt_row_source {
  plt_var_t (*table)(const plt_row_source_t *self, const plt_nodes_t *nodes, size_t table);
  plt_var_t (*state)(const plt_row_source_t *self, const plt_nodes_t *nodes, size_t state);
  plt_var_t (*whole)(const plt_row_source_t *self, plt_side_t side, size_t state);
  /* NULL: features are those of the files, x. */
  plt_var_t (*features)(const plt_row_source_t *self, const plt_nodes_t *nodes, size_t first, const plt_lazy_t *x);
};

struct plt_nodes {
  plt_tape_t *tape;
  const plt_dataset_t *data;
  plt_side_t side;
  const uint32_t *id; /* [n], distinct, ascending */
  size_t n;
  const plt_var_t *state;   /* by number: what a state is made from (inputs), or the outputs */
  const plt_draws_t *draws; /* NULL in evaluation: nothing is drawn */
  size_t set;               /* training: of the leaf's closure */
  const plt_row_source_t *source;
};

/* Rows of one of the model's tables: of the side's tables at these nodes, [n, cols]; dense ones whole. In training the
 * nodes must be of a set within the table's own (plt_model_table_t.at). */
static inline plt_var_t plt_nodes_table(const plt_nodes_t *nodes, size_t table) {
  return nodes->source->table(nodes->source, nodes, table);
}

/* All features side by side, a constant [n, feature_cols] that is copied by who first takes it. Items only. */
plt_var_t plt_nodes_features(const plt_nodes_t *nodes);
/* Each modality's rows multiplied by scale[modality][item], which stays. */
plt_var_t plt_nodes_scaled_features(const plt_nodes_t *nodes, const float *const *scale);

/* A state that is neither input nor output, for what only a loss wants of it: [n, cols]. The nodes must be of a set
 * within the state's own. */
static inline plt_var_t plt_nodes_state(const plt_nodes_t *nodes, size_t state) {
  return nodes->source->state(nodes->source, nodes, state);
}

/* The same at all nodes of the side there are, row by id, where the state is wanted whole (plt_state_t.whole). */
static inline plt_var_t plt_nodes_whole_state(const plt_nodes_t *nodes, size_t state) {
  return nodes->source->whole(nodes->source, nodes->side, state);
}

/* The edges of a hop whose weights the model makes: all edges of its rows. */
typedef struct plt_edges {
  size_t n;
  const plt_sparse_t *matrix; /* rows: the targets; columns: the neighbours (plt_op_edge_softmax()) */
  const uint32_t *target;     /* [n]: position among `at` */
  const uint32_t *neighbour;  /* [n]: among `from` */
  const plt_nodes_t *at;      /* with the hop's inputs as states */
  const plt_nodes_t *from;    /* with its sources, and the state that is multiplied */
} plt_edges_t;

typedef struct plt_samples {
  size_t n, negatives;      /* negatives per sample */
  const uint32_t *user;     /* [n]: positions among nodes[PLT_SIDE_USER] */
  const uint32_t *positive; /* [n]: among nodes[PLT_SIDE_ITEM] */
  const uint32_t *negative; /* [n * negatives], those of sample s from s * negatives */
  float share;              /* of the batch's samples: for what is of a batch and not of a sample */
  const plt_nodes_t *nodes; /* [PLT_SIDES]: the leaf's own, with the outputs as states */
} plt_samples_t;

#endif
