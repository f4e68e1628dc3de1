/* nearest.h - "did you mean": the word that somebody may have wanted to write.
 *
 * Threads    any; a pure function. */
#ifndef PLT_COMMON_OPTIONS_NEAREST_H
#define PLT_COMMON_OPTIONS_NEAREST_H

#include <stddef.h>

/* The candidate nearest to `word` by edit distance, NULL if none is near. */
const char *plt_nearest(const char *word, const char *const *candidates, size_t n);

#endif
