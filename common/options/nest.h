/* nest.h - configurations within a configuration: a stage of a procedure, the optimizer of a table.
 *
 *   train: {epochs: 9, lr: 1}              outer
 *   stages:
 *     - {train: {epochs: 2}}               nested at "stages.0": train.epochs 2, and train.lr 1 from outside
 *
 * A nested configuration has the entries of its section and inherits those that stand outside of it, key by key; it
 * is then applied, finished and asked like any other. Faults name the whole path ("stages.0.train.epochs").
 *
 * Life       read and set the outer one, nest, apply and finish the nested ones, then the outer one: so it knows which
 *            of its entries were of use to somebody. Nothing can be read or set any more once something is nested.
 * Ownership  the outer configuration owns the nested ones; they go with it.
 * Threads    as of options.h; the outer configuration and all nested ones count as one.
 * Errors     PLT_ERR_USAGE, as in options.h. */
#ifndef PLT_COMMON_OPTIONS_NEST_H
#define PLT_COMMON_OPTIONS_NEST_H

#include "common/options/options.h"

/* How many mappings the list `key` holds. PLT_ERR_USAGE when it is something else, or --set leaves a gap. */
plt_status_t plt_config_items(const plt_config_t *config, const char *key, size_t *n);
/* The names in the mapping of names `key`, as they come; free them (plt_names_free). A name may have dots in it, what
 * is below may not. PLT_ERR_USAGE when it is something else. */
plt_status_t plt_config_names(const plt_config_t *config, const char *key, char ***names, size_t *n);
/* Makes the configuration of `section`. The keys of its entries begin with `under` ("optimizer"; "": as they stand).
 * Entries that something was nested from before are left out. inherits: entries from outside come in. */
plt_config_t *plt_config_nest(plt_config_t *config, const char *section, const char *under, bool inherits);
/* Of a nested configuration: that the section has no entry at or below `key`; else each with `why`. */
plt_status_t plt_config_refuse(plt_config_t *config, const char *key, const char *why);
/* Whether anything stands at or below `key`. */
bool plt_config_has(const plt_config_t *config, const char *key);
/* The nested configuration of a section, NULL if there is none. */
plt_config_t *plt_config_nested(const plt_config_t *config, const char *section);

#endif
