/* space.h - the section `tune` of a configuration: which options are searched, and the points that are tried.
 *
 *   tune:
 *     search: random                     grid, random or halving
 *     trials: 12                         of each strategy
 *     space:                             what all strategies search
 *       optimizer.lr: [0.001, 0.003]     a list
 *       model.reg: {from: 1e-6, to: 1e-2, log: true}      a range; whole: true for whole numbers
 *     strategies:                        what each is, and searches besides
 *       - {strategy.name: plain}
 *       - {strategy.name: bsam, strategy.rho: [0.05, 0.2]}
 *
 * Every strategy has the same number of trials, and they try the same values of what they have in common: a draw of
 * random is a function of seed, option and number; of a grid that is larger than trials, trials of the same number have
 * the same point of space, and a strategy's own values go with each of its values.
 * Ownership  the caller clears a space.
 * Threads    read-only once read.
 * Errors     PLT_ERR_USAGE with "file:line:column: cause"; those of plt_config_read().
 * Source     docs/tune.md. */
#ifndef PLT_LAUNCH_TUNE_SPACE_H
#define PLT_LAUNCH_TUNE_SPACE_H

#include "common/options/options.h"
#include "launch/job/sets.h"

typedef enum { PLT_SEARCH_GRID, PLT_SEARCH_RANDOM, PLT_SEARCH_HALVING } plt_search_t;

/* An option and what it may be. */
typedef struct plt_dimension {
  char *key;
  char **values; /* [n]; NULL: a range */
  size_t n;
  double from, to;
  bool log, whole; /* of a range */
} plt_dimension_t;

/* A strategy, or whatever an entry of `strategies` sets apart. */
typedef struct plt_arm {
  char name[64];              /* of files: "bsam", "2-bsam" where that is taken */
  plt_dimension_t *dimension; /* [n]: n_own of its own, then those of space */
  size_t n, n_own;
} plt_arm_t;

typedef struct plt_space {
  plt_search_t search;
  uint64_t seed;   /* of the draws */
  uint32_t *seeds; /* [n_seeds] run.seed: trials have the first, the winners all */
  size_t n_seeds;
  uint32_t trials; /* of each arm */
  uint32_t eta;    /* halving: one in so many goes on */
  uint32_t epochs; /* of its first round; 0: worked out */
  uint32_t jobs;   /* trials at a time */
  plt_arm_t *arm;
  size_t n_arms;
} plt_space_t;

/* Rows tune.*; space and strategies beside them are read as they stand. */
extern const plt_option_table_t plt_tune_options;

/* From a file, with n assignments of tune.* on top. */
plt_status_t plt_space_read(const char *path, const char *const *sets, size_t n, plt_space_t *out);
void plt_space_clear(plt_space_t *space);
/* Assignments of an arm's trial `number`, below trials, behind those that are there. */
void plt_space_point(const plt_space_t *space, const plt_arm_t *arm, uint32_t number, plt_sets_t *out);

#endif
