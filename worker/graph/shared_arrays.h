/* shared_arrays.h - arrays that are long in the making, in a file that the processes of a machine map.
 *
 *   cache/NAME-<key>   [head][array][array]...     every array on a multiple of 64 bytes, native order
 *
 * The key is a hash of all that the arrays are a function of; the head has it, their sizes, and a hash of what they
 * hold: what is damaged, cut short or of another version is made anew. Who finds no whole file makes one under a lock,
 * so that the others of its machine wait for it, and publishes it by a rename. Where the directory cannot be written
 * or locked everybody makes its own: a cache that fails is no failure.
 *
 * Ownership  the caller gives back what is mapped, and what it made.
 * Threads    one opens; what is mapped is read-only, for any number of them. */
#ifndef PLT_WORKER_GRAPH_SHARED_ARRAYS_H
#define PLT_WORKER_GRAPH_SHARED_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLT_SHARED_ARRAYS_MAX = 8 };

typedef struct plt_shared_arrays {
  size_t n;
  const void *at[PLT_SHARED_ARRAYS_MAX];
  size_t bytes[PLT_SHARED_ARRAYS_MAX];
  void *map; /* the file that they lie in; NULL: they are the caller's own */
  size_t map_bytes;
} plt_shared_arrays_t;

typedef struct plt_shared_maker {
  const char *name; /* of files: "graph" */
  uint64_t key;
  /* Makes the arrays, which stay the context's. */
  void (*make)(void *context, plt_shared_arrays_t *out);
  /* Whether so many bytes each can be these arrays. */
  bool (*fits)(const void *context, const plt_shared_arrays_t *arrays);
  void *context;
} plt_shared_maker_t;

/* The arrays, out of a file in `cache`, or, where there can be none or cache is NULL, as they were made. make is called
 * once at most: not at all where a whole file was there. */
void plt_shared_arrays_open(const char *cache, const plt_shared_maker_t *maker, plt_shared_arrays_t *out);
void plt_shared_arrays_close(plt_shared_arrays_t *arrays);

#endif
