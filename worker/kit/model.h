/* model.h - a recommender as a table of functions: its tables, its programme, its loss, its representations.
 *
 * A model never sees a message, a table of the server, or a graph. All its learned numbers are tables; a table belongs
 * to users (its rows are keyed by user id), to items, or is dense (all rows are always there). What it does with
 * relations between users and items is a programme (worker/graph/programme.h), which others run for it: on a leaf's
 * nodes in training (forward.h), over all nodes in evaluation (worker/rank/inference.h).
 *
 * Score of (u, i) = <users()[u], items()[i]>, both [n, score_cols]: training, evaluation and recommend share it.
 *
 * Those who write a model include kit.h; a new one is one file and one row in list.h. registry.h has them by name.
 * Threads    read-only once made (plt_model_create()), shared by the workers of a process; so are its functions.
 * Errors     init: PLT_ERR_USAGE. The other functions have none: the caller looks whether loss and gradient are
 *            finite.
 * Source     docs/methods/models.md. */
#ifndef PLT_WORKER_KIT_MODEL_H
#define PLT_WORKER_KIT_MODEL_H

#include "common/options/options.h"
#include "proto/table_spec.h"
#include "worker/graph/programme.h"
#include "worker/kit/nodes.h"

/* ASIDE: no batch pulls it; a kind of stage reads and writes it as it likes. */
typedef enum { PLT_ENTITY_USER, PLT_ENTITY_ITEM, PLT_ENTITY_DENSE, PLT_ENTITY_ASIDE } plt_entity_t;

/* Where a leaf reads a table: at the set of a state, by its number, or at its own nodes. */
enum { PLT_AT_OWN = -1 };

typedef struct plt_model_table {
  char name[PLT_TABLE_NAME_MAX];
  plt_entity_t entity;
  int at; /* 0 where the model says nothing: the first state's set; without a programme the own nodes */
  uint64_t rows;
  uint32_t cols;
  plt_init_t init;
  const plt_feature_t *initial; /* the rows start as these; NULL: as init says */
  bool frozen;                  /* stays as it starts: no part of w, never pushed */
  bool aux;                     /* trained beside the strategy: no part of w; its gradient is that at the weights */
  bool fresh;                   /* born in every leg of a procedure, though a stage before may hand it on */
  bool needed;                  /* never born: a stage before hands it on, or init.from has it */
  bool written;                 /* by its kind of stage: init.from need not have it */
  /* It starts with the values that a second birth of the table of this name has; NULL: it has its own. */
  const char *born_as;
  double decay; /* added to the gradients of rows pushed, by the servers: this times the row */
} plt_model_table_t;

typedef struct plt_model plt_model_t; /* a model's own object begins with this */

/* Of the model of a stage: where that stands in its procedure. */
typedef struct plt_model_place {
  size_t modality;           /* of a stage that is run for one after the other */
  const char *const *before; /* kinds of the stages before it */
  size_t n_before;
  const char *init_from; /* directory with initial tables, or NULL */
  bool (*has_initial)(const char *init_from, const char *table);
} plt_model_place_t;

/* Functions of a pass are called by the thread that owns the tape, one call at a time per tape and several tapes at
 * once; what they record may use a crew. NULL: the default. */
typedef struct plt_model_ops {
  const char *name;
  const char *summary;
  /* For help: values that those searched who published it, by our options, and who they are. Default: nothing. */
  const char *grid;
  const char *found; /* for help: what searches of ours chose, and on which data (docs/results.md). Default: nothing */
  plt_option_table_t options; /* rows "model.<key>" beyond model.name and model.dim */
  bool loss_is_mean;          /* over the batch; false: a sum (docs/methods/determinism.md 3) */
  bool uses_features;         /* data without any are refused */
  /* Of a name that stands for a procedure (docs/procedures.md): the model of a stage of this kind, NULL if it has none.
   * What else it has are name, summary, options and uses_features. Default: the model is one for every stage. */
  const struct plt_model_ops *(*of_stage)(const char *kind);
  /* The same: its default, the list as YAML. The configuration is as it was written down, without defaults. */
  const char *(*procedure)(const plt_config_t *written);
  size_t size; /* of the model's own object, which is handed to init zeroed but for `ops` and `place` */
  /* Once per process and job, before anything runs: reads its options, fills tables, programme, negatives, score_cols.
   * Required. PLT_ERR_USAGE, PLT_ERR_DATA; clear is called then too. */
  plt_status_t (*init)(plt_model_t *self, const plt_config_t *config, const plt_dataset_t *data);
  /* At the end: gives back what the object holds. Default: nothing. */
  void (*clear)(plt_model_t *self);
  /* For states that are computed: training, once per side and pass; evaluation, once per side and block. State `number`
   * at the nodes, [n, cols], from the product [n, from's cols] (hops only). Required where there are such states. */
  plt_var_t (*state)(const plt_model_t *self, const plt_nodes_t *nodes, size_t number, plt_var_t product);
  /* For hops that weigh, once per product: the weights of the edges, [edges, 1]. Required where there are such hops. */
  plt_var_t (*weights)(const plt_model_t *self, const plt_edges_t *edges, size_t number);
  /* Evaluation, export and recommend, once per block; and whenever loss() asks: [n, score_cols]. Default: the rows of
   * the side's first table. */
  plt_var_t (*users)(const plt_model_t *self, const plt_nodes_t *nodes);
  plt_var_t (*items)(const plt_model_t *self, const plt_nodes_t *nodes);
  /* Training, once per leaf and pass: [1, 1]. Required where a stage trains by epochs of batches. */
  plt_var_t (*loss)(const plt_model_t *self, const plt_samples_t *samples);
  /* The same without penalties of size: what adversarial training adds at disturbed features. Default: loss. */
  plt_var_t (*rank)(const plt_model_t *self, const plt_samples_t *samples);
} plt_model_ops_t;

enum { PLT_MODEL_TABLES_MAX = 96, PLT_LAYERS_MAX = 8, PLT_FANOUT_MAX = 4096 };

/* model.layers and model.fanout. */
typedef struct plt_model_layers {
  size_t n;                        /* 0: the model has no such options */
  size_t n_fanout;                 /* 0: exact; else n of them */
  uint32_t fanout[PLT_LAYERS_MAX]; /* neighbours of the leaf's own nodes first */
} plt_model_layers_t;

/* Contrasts of a loss (plt_op_contrast()), whose n samples of a leaf are to stand out among others. */
typedef struct plt_contrasts {
  size_t leaf;           /* among the leaf's */
  size_t all[PLT_SIDES]; /* among all nodes of the side */
} plt_contrasts_t;

struct plt_model {
  const plt_model_ops_t *ops;
  const plt_model_place_t *place;                     /* for init */
  plt_model_table_t tables[PLT_MODEL_TABLES_MAX + 1]; /* the last one is what there is no room for */
  size_t n_tables;
  size_t negatives;      /* per positive pair */
  bool negatives_of_all; /* drawn from all items, the user's own among them (sampler.h) */
  bool reads_codes;      /* of frozen encoders in place of features: there is nothing to disturb or to augment */
  size_t score_cols;     /* 0: it ranks nothing */
  plt_contrasts_t contrasts;
  uint32_t own_floats; /* of tape, about, that representations take per node of a leaf's own, beside 8 score_cols */
  float amr_eps, amr_weight; /* adversarial training: weight 0, none */
  bool narrow;               /* in training products with features are those of narrow.h */
  plt_augment_t augment;
  plt_model_layers_t layers;
  bool exact_only; /* there is no fan-out (plt_model_check_exact()) */
  plt_programme_t programme;
};

/* ---- for callers ---- */

/* The set of a leaf's closure at whose nodes something is read. */
static inline size_t plt_model_set(const plt_model_t *model, int at) {
  return at == PLT_AT_OWN || model->programme.n_states == 0 ? 0 : model->programme.set_of[at];
}
/* The side of a table's rows; PLT_SIDES for those of none. */
static inline plt_side_t plt_entity_side(plt_entity_t entity) {
  return entity == PLT_ENTITY_USER ? PLT_SIDE_USER : entity == PLT_ENTITY_ITEM ? PLT_SIDE_ITEM : PLT_SIDES;
}
/* That the model reads features as they are given: option `key`, which `does` something to them, "changes", is not for
 * those that it trains. `which`: behind "reads no features" in what people are told. PLT_ERR_USAGE. */
plt_status_t plt_model_check_given_features(const plt_config_t *config, const plt_model_t *model, const char *key,
                                            const char *does, const char *which);
/* That this machine can train it: PLT_ERR_USAGE where it has no products for bfloat16. */
plt_status_t plt_model_check_products(const plt_model_t *model);
/* Whether a stage of this kind stands before the model's. */
bool plt_model_follows(const plt_model_t *model, const char *kind);
/* The first table that belongs to a side. */
size_t plt_model_first_table(const plt_model_t *model, plt_side_t side);
/* State `number` at these nodes, and their representation: the model's functions or their defaults. */
plt_var_t plt_model_state(const plt_model_t *model, const plt_nodes_t *nodes, size_t number, plt_var_t product);
/* The product of hop `number`: `hop` with its own weights, or with those that the model makes, times x, the state that
 * is multiplied, at from->n nodes. */
plt_var_t plt_model_product(const plt_model_t *model, const plt_sparse_t *hop, const plt_nodes_t *at,
                            const plt_nodes_t *from, size_t number, plt_var_t x);
plt_var_t plt_model_vectors(const plt_model_t *model, const plt_nodes_t *nodes);

#endif
