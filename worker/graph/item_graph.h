/* item_graph.h - which items are like each other: the graph of nearest neighbours by their features.
 *
 *   S = sum over modalities m of share_m * S_m,   S_m = D^-1/2 N_m D^-1/2
 *
 * Row i of N_m has a one for each of the k items whose raw features of modality m have the largest cosine with item
 * i's, i itself always among them; of equal cosines the smaller id is nearer. D holds the row sums, so each entry of
 * S_m is 1 / k. An item whose features are all zero has cosine 0 with every other.
 *
 * by_cosine: N_m has the cosines in place of ones (MGCN), so D is no longer k.
 *
 * Determinism  cosines that decide are sums in double of the two rows alone: copies of an item tie exactly, and the
 *              graph depends on neither the number of threads nor the matrix kernels.
 * Cost         items^2 * columns multiplications, once per data set where there is a cache; memory: the features as
 *              float32 and PLT_ITEM_GRAPH_ROWS rows of scores.
 * Ownership    one per process, read-only once made, shared by its threads.
 * Errors       by_cosine: PLT_ERR_DATA for a row whose sum is not above 0, an item without features above all.
 * Threads      one makes it, with its crew; read-only then, any number of them.
 * Source       docs/methods/graphs.md 4; Zhou & Shen, "FREEDOM", MM 2023. */
#ifndef PLT_WORKER_GRAPH_ITEM_GRAPH_H
#define PLT_WORKER_GRAPH_ITEM_GRAPH_H

#include "worker/data/dataset.h"
#include "worker/math/sparse.h"

enum { PLT_ITEM_GRAPH_ROWS = 256, PLT_MODALITIES_MAX = 8 };

typedef struct plt_item_graph_plan {
  uint32_t k;                      /* neighbours of an item, itself included; more than there are items: all */
  float share[PLT_MODALITIES_MAX]; /* one per feature of the data; modalities without a share are left out */
  bool by_cosine;
} plt_item_graph_plan_t;

typedef struct plt_item_graph {
  plt_csr_t matrix; /* S [items, items] */
} plt_item_graph_t;

/* The k nearest items of every item, [items, min(k, items)], each row ascending; with `threads` threads. */
void plt_item_neighbours(const plt_feature_t *feature, uint32_t items, uint32_t k, uint32_t threads, uint32_t *out);
/* The same out of a file in the directory `cache`, left there by the first process to ask, under a name made of the
 * features and k; cache NULL: computed. Never fails: a file that is damaged is made anew, one that cannot be written is
 * done without. */
void plt_item_neighbours_open(const plt_feature_t *feature, uint32_t items, uint32_t k, uint32_t threads,
                              const char *cache, uint32_t *out);
/* The cosines of items and their neighbours `near` [items, k], ascending; those with themselves are 1, or 0 without
 * features. */
void plt_item_cosines(const plt_feature_t *feature, uint32_t items, uint32_t k, const uint32_t *near, uint32_t threads,
                      float *out);
plt_status_t plt_item_graph_open(const plt_dataset_t *data, const plt_item_graph_plan_t *plan, uint32_t threads,
                                 const char *cache, plt_item_graph_t **out);
void plt_item_graph_destroy(plt_item_graph_t **graph);

#endif
