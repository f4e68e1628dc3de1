/* programme.h - what a model does with relations, as a list of states; and the sets of nodes that follow from it.
 *
 *   earlier state x relation (a hop), or the nodes alone ─▶ model's function? ─▶ state: a row at each node of its sides
 *
 * A set holds the nodes at which states are needed for a leaf; set 0 is the leaf's own nodes, each later one holds
 * those before that it leads to. A state's set is the union of
 *   - set 0, if it is an output: representations and loss see it at the own nodes;
 *   - the set of each state that is made from it at the same nodes (`inputs`);
 *   - the set of the source of each hop that sees it at the neighbours (`sources`);
 *   - for each hop from it: the hop's set, and its neighbours by the relation (a term);
 *   - all nodes of the sides at which it is wanted whole; all items, if it is pooled or weighs what is pooled.
 * States with the same reasons share a set (several modalities' chains, say).
 *
 * Life       a model fills it in its init(), plt_programme_settle() ends that; read-only afterwards.
 * Threads    one fills and settles it; read-only then, any number of them.
 * Errors     PLT_ERR_USAGE for more states, hops or sets than there is room for.
 * Source     docs/decisions/relations-and-hops.md. */
#ifndef PLT_WORKER_GRAPH_PROGRAMME_H
#define PLT_WORKER_GRAPH_PROGRAMME_H

#include "worker/graph/relation.h"

enum {
  PLT_STATES_MAX = 64,
  PLT_SETS_MAX = 32,
  PLT_TERMS_MAX = 10,         /* hops that lead to one set */
  PLT_ALONE = UINT8_MAX,      /* for a relation: none, the state is made at the nodes alone */
  PLT_POOLED = PLT_ALONE - 1, /* none: one matrix for all nodes, [cols of `by`, cols], the sum over all items of
                                 by's row^T times from's row; of no side, seen by functions whose inputs it is among */
  PLT_USERS = 1 << PLT_SIDE_USER,
  PLT_ITEMS = 1 << PLT_SIDE_ITEM,
  PLT_BOTH = PLT_USERS | PLT_ITEMS
};

/* How a state is made. */
typedef struct plt_state {
  uint8_t relation; /* number, PLT_ALONE or PLT_POOLED */
  uint8_t from;     /* hops, pooled: the state that is multiplied */
  uint8_t by;       /* pooled: the state whose columns weigh its rows */
  uint8_t sides;    /* where it is; pooled: 0 */
  uint8_t whole;    /* sides at all of whose nodes a leaf wants it, whatever its own */
  bool computes;    /* the model's function makes the row; false: the product itself, or the side's first table */
  bool weighs;      /* hops: the model's function makes the edges' weights, from the rows at both ends */
  uint64_t inputs;  /* bits: states that these functions see at the same nodes */
  uint64_t sources; /* bits, weighs: states that the weights see at the neighbours, beside `from`; earlier than it */
  uint32_t cols;
  uint32_t fanout;      /* hops over USER_ITEM: neighbours of a node at most, drawn per leaf; 0: all */
  uint32_t draw;        /* which draw of the leaf: hops with the same draw the same neighbours */
  uint32_t floats;      /* of tape, about, that the function takes per node, slopes included */
  uint32_t item_floats; /* and per item beside them: features, and the dense layers that these go through */
} plt_state_t;

/* A hop whose rows are the nodes of an inner set. */
typedef struct plt_term {
  uint8_t relation, set, sides; /* the hop's sides */
  uint32_t fanout, draw;
} plt_term_t;

typedef struct plt_set {
  uint32_t within; /* bits: sets that it holds */
  uint8_t whole;   /* sides of which it has all nodes */
  size_t n_terms;
  plt_term_t term[PLT_TERMS_MAX];
} plt_set_t;

typedef struct plt_programme {
  size_t n_relations, n_states;
  plt_relation_plan_t relation[PLT_RELATIONS_MAX];
  plt_state_t state[PLT_STATES_MAX + 1]; /* the last one is what there is no room for */
  uint64_t outputs;                      /* bits: states that representations and loss see */
  /* what follows */
  size_t n_sets; /* 1 where there are no states */
  plt_set_t set[PLT_SETS_MAX];
  uint8_t set_of[PLT_STATES_MAX];
  uint8_t term_of[PLT_STATES_MAX]; /* hops: which term of set_of[from] it is */
} plt_programme_t;

static inline bool plt_state_is_hop(const plt_state_t *state) { return state->relation < PLT_POOLED; }
/* Whether a state is the rows of the model's own tables. */
static inline bool plt_state_is_table(const plt_state_t *state) {
  return state->relation == PLT_ALONE && !state->computes;
}

/* Fills what follows. States that nobody wants, or that refer to later ones, are our bug: assert. PLT_ERR_USAGE when
 * there are more states, sets or hops from one state than there is room for. */
plt_status_t plt_programme_settle(plt_programme_t *programme);

/* ---- estimates, before anything is opened ---- */

/* How large data are that relations will be made of. */
typedef struct plt_programme_size {
  uint64_t nodes[PLT_SIDES], pairs;
} plt_programme_size_t;

typedef struct plt_programme_cost {
  uint64_t nodes[PLT_SETS_MAX][PLT_SIDES]; /* of each set, at most */
  uint64_t edges;                          /* of all matrices of a leaf */
  uint64_t states;                         /* floats of all states of a leaf, their slopes and functions */
  uint64_t relations;                      /* bytes of what a process opens; of its epochs' versions too */
} plt_programme_cost_t;

/* Of a leaf with so many own nodes, distinct or not. */
void plt_programme_estimate(const plt_programme_t *programme, const plt_programme_size_t *size,
                            const uint64_t own[PLT_SIDES], plt_programme_cost_t *cost);

#endif
