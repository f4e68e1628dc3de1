/* mem.h - memory: plain allocations that never fail, arenas, and a pool of message buffers.
 *
 * Plain      plt_mem_* end the process when the machine has no memory (plt_mem_exhausted): every size that comes from
 *            a peer or a file is bounded before it is asked for, and the launcher checks the expected total.
 * Arena      memory that is given back all at once. After a reset the arena is one extent as large as the most
 *            that was ever in use, so a loop allocates nothing after its first turns.
 * Pool       buffers for message frames, kept by size class: frames above 128 KiB would otherwise be mapped and
 *            unmapped at every message.
 * Threads    an arena has one owner; a pool may be used by several threads (a mutex around list operations). */
#ifndef PLT_COMMON_MEM_H
#define PLT_COMMON_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/mem_exhausted.h"

/* Uninitialised bytes, 64-byte aligned. Free with free(). bytes 0 gives a valid pointer. */
void *plt_mem_alloc(size_t bytes);
/* The same, of many MiB in huge pages where the system has them: random places in small ones miss the TLB. */
void *plt_mem_alloc_large(size_t bytes);
/* count * size zeroed bytes (overflow checked), 64-byte aligned. Free with free(). */
void *plt_mem_zalloc(size_t count, size_t size);
/* Like realloc, of memory from malloc or NULL; count * size bytes. */
void *plt_mem_resize(void *memory, size_t count, size_t size);
char *plt_mem_strdup(const char *text);
/* Copies of n texts; plt_names_free() (common/io/fileio.h) frees them. */
char **plt_mem_strdups(const char *const *texts, size_t n);
/* Copies a text, NULL as "", into `to`; false, and nothing is copied, when it does not fit into `room` bytes. */
bool plt_mem_fit_text(const char *text, char *to, size_t room);
/* printf into a fresh string; free with free(). */
char *plt_mem_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* text, separator and word, one behind the other, in a fresh string; frees text. */
char *plt_mem_append(char *text, const char *separator, const char *word);

/* Room for one more element in a growing array: doubles *capacity when count reaches it. */
#define PLT_MEM_GROW(array, count, capacity)                          \
  do {                                                                \
    if ((count) >= (capacity)) {                                      \
      (capacity) = (capacity) ? (capacity)*2 : 16;                    \
      (array) = plt_mem_resize((array), (capacity), sizeof *(array)); \
    }                                                                 \
  } while (0)

typedef struct plt_arena plt_arena_t;
plt_arena_t *plt_arena_create(void);
void plt_arena_destroy(plt_arena_t **arena);
/* Uninitialised, 64-byte aligned, valid until the next reset. */
void *plt_arena_alloc(plt_arena_t *arena, size_t bytes);
void *plt_arena_zalloc(plt_arena_t *arena, size_t bytes);
/* Gives everything back. */
void plt_arena_reset(plt_arena_t *arena);
/* Times that memory was taken from the system since creation: constant once a loop is warm. */
size_t plt_arena_allocations(const plt_arena_t *arena);

typedef struct plt_pool plt_pool_t;
plt_pool_t *plt_pool_create(void);
/* All buffers must be back. */
void plt_pool_destroy(plt_pool_t **pool);
/* A buffer of at least `bytes`, 64-byte aligned. */
void *plt_pool_take(plt_pool_t *pool, size_t bytes);
/* From any thread. `memory` may be NULL. */
void plt_pool_give(void *memory);

#endif
