/* sets.h - assignments on top of a configuration, "key=value", in the order given.
 *
 * Ownership  the list owns copies of what it puts together, and borrows what is given whole.
 * Threads    one owner. */
#ifndef PLT_LAUNCH_JOB_SETS_H
#define PLT_LAUNCH_JOB_SETS_H

#include <stddef.h>
#include <stdint.h>

typedef struct plt_sets {
  const char **text;
  char **owned; /* made of key and value; NULL where the text is the caller's */
  size_t n, capacity, owned_capacity;
} plt_sets_t;

/* key NULL: `value` is "key=value" already, and must stay. */
void plt_sets_add(plt_sets_t *sets, const char *key, const char *value);
void plt_sets_add_number(plt_sets_t *sets, const char *key, uint64_t value);
void plt_sets_clear(plt_sets_t *sets);

#endif
