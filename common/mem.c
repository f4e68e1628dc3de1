/* mem.c - see mem.h.
 *
 * Arenas and pools hand out whole cache lines. A buffer of a pool has its pool and its size class in front of it, so
 * whoever gives it back needs nothing else; POOL_KEEP free ones of a class are kept, or POOL_KEEP_BYTES, the others go
 * back to the system. */
#include "common/mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, ARENA_FIRST = 64 * 1024, POOL_CLASSES = 48, POOL_KEEP = 16 };
#define POOL_KEEP_BYTES ((size_t)32 << 20)
enum { HUGE_PAGE = 2 * 1024 * 1024, HUGE_FROM = 4 * HUGE_PAGE }; /* bytes that huge pages are asked for */

static void *or_die(void *memory, size_t bytes) {
  if (memory == NULL) plt_mem_exhausted("could not get %zu bytes", bytes);
  return memory;
}

static size_t round_up(size_t bytes) { return bytes == 0 ? ALIGN : (bytes + ALIGN - 1) / ALIGN * ALIGN; }

static size_t product(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / 2 / size) or_die(NULL, SIZE_MAX);
  return count * size;
}

void *plt_mem_alloc(size_t bytes) { return or_die(aligned_alloc(ALIGN, round_up(bytes)), bytes); }

void *plt_mem_alloc_large(size_t bytes) {
  if (bytes < HUGE_FROM) return plt_mem_alloc(bytes);
  size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  void *memory = or_die(aligned_alloc(HUGE_PAGE, whole), whole);
#ifdef MADV_HUGEPAGE
  (void)madvise(memory, whole, MADV_HUGEPAGE); /* a wish */
#endif
  return memory;
}

void *plt_mem_zalloc(size_t count, size_t size) {
  size_t bytes = product(count, size);
  return memset(plt_mem_alloc(bytes), 0, bytes);
}

void *plt_mem_resize(void *memory, size_t count, size_t size) {
  size_t bytes = product(count, size);
  return or_die(realloc(memory, bytes == 0 ? 1 : bytes), bytes);
}

char *plt_mem_strdup(const char *text) { return or_die(strdup(text), strlen(text) + 1); }

char **plt_mem_strdups(const char *const *texts, size_t n) {
  char **copy = plt_mem_zalloc(n, sizeof *copy);
  for (size_t i = 0; i < n; i++) copy[i] = plt_mem_strdup(texts[i]);
  return copy;
}

bool plt_mem_fit_text(const char *text, char *to, size_t room) {
  size_t length = text == NULL ? 0 : strlen(text);
  if (length >= room) return false;
  memcpy(to, text == NULL ? "" : text, length);
  to[length] = '\0';
  return true;
}

char *plt_mem_print(const char *format, ...) {
  va_list args;
  char *text = NULL;
  va_start(args, format);
  int length = vasprintf(&text, format, args);
  va_end(args);
  return or_die(length < 0 ? NULL : text, 0);
}

char *plt_mem_append(char *text, const char *separator, const char *word) {
  char *longer = plt_mem_print("%s%s%s", text, separator, word);
  free(text);
  return longer;
}

/* ---- arena: a list of extents, newest first; reset merges them into one ---- */

typedef struct extent {
  struct extent *older;
  size_t capacity, used;
} extent_t;

struct plt_arena {
  extent_t *newest;
  size_t in_use; /* bytes given out since the last reset, over all extents */
  size_t allocations;
};

static extent_t *arena_grow(plt_arena_t *arena, size_t capacity) {
  extent_t *extent = plt_mem_alloc_large(ALIGN + capacity);
  *extent = (extent_t){.older = arena->newest, .capacity = capacity};
  arena->newest = extent;
  arena->allocations++;
  return extent;
}

plt_arena_t *plt_arena_create(void) { return plt_mem_zalloc(1, sizeof(plt_arena_t)); }

static void arena_free_extents(plt_arena_t *arena) {
  while (arena->newest != NULL) {
    extent_t *older = arena->newest->older;
    free(arena->newest);
    arena->newest = older;
  }
}

void plt_arena_destroy(plt_arena_t **arena) {
  if (*arena == NULL) return;
  arena_free_extents(*arena);
  free(*arena);
  *arena = NULL;
}

void *plt_arena_alloc(plt_arena_t *arena, size_t bytes) {
  size_t need = round_up(bytes);
  extent_t *extent = arena->newest;
  if (extent == NULL || extent->capacity - extent->used < need) {
    size_t capacity = arena->in_use < ARENA_FIRST ? ARENA_FIRST : arena->in_use;
    extent = arena_grow(arena, capacity < need ? need : capacity);
  }
  void *place = (char *)extent + ALIGN + extent->used;
  extent->used += need;
  arena->in_use += need;
  return place;
}

void *plt_arena_zalloc(plt_arena_t *arena, size_t bytes) { return memset(plt_arena_alloc(arena, bytes), 0, bytes); }

void plt_arena_reset(plt_arena_t *arena) {
  if (arena->newest != NULL && arena->newest->older != NULL) {
    size_t capacity = arena->in_use + arena->in_use / 4; /* some head room: batches differ in size */
    arena_free_extents(arena);
    arena_grow(arena, round_up(capacity));
  }
  if (arena->newest != NULL) arena->newest->used = 0;
  arena->in_use = 0;
}

size_t plt_arena_allocations(const plt_arena_t *arena) { return arena->allocations; }

/* ---- pool: a stack of free buffers per power of two ---- */

typedef struct pool_buffer {
  plt_pool_t *pool;
  struct pool_buffer *next;
  uint32_t size_class;
} pool_buffer_t;

struct plt_pool {
  pthread_mutex_t mutex;
  pool_buffer_t *free_list[POOL_CLASSES];
  uint32_t free_count[POOL_CLASSES];
};

plt_pool_t *plt_pool_create(void) {
  plt_pool_t *pool = plt_mem_zalloc(1, sizeof *pool);
  pthread_mutex_init(&pool->mutex, NULL);
  return pool;
}

void plt_pool_destroy(plt_pool_t **pool) {
  if (*pool == NULL) return;
  for (size_t c = 0; c < POOL_CLASSES; c++) {
    while ((*pool)->free_list[c] != NULL) {
      pool_buffer_t *next = (*pool)->free_list[c]->next;
      free((*pool)->free_list[c]);
      (*pool)->free_list[c] = next;
    }
  }
  pthread_mutex_destroy(&(*pool)->mutex);
  free(*pool);
  *pool = NULL;
}

void *plt_pool_take(plt_pool_t *pool, size_t bytes) {
  uint32_t size_class = 8; /* 256 bytes */
  while (((size_t)1 << size_class) < bytes) size_class++;
  pthread_mutex_lock(&pool->mutex);
  pool_buffer_t *buffer = pool->free_list[size_class];
  if (buffer != NULL) {
    pool->free_list[size_class] = buffer->next;
    pool->free_count[size_class]--;
  }
  pthread_mutex_unlock(&pool->mutex);
  if (buffer == NULL) {
    buffer = plt_mem_alloc(ALIGN + ((size_t)1 << size_class));
    buffer->pool = pool;
    buffer->size_class = size_class;
  }
  return (char *)buffer + ALIGN;
}

void plt_pool_give(void *memory) {
  if (memory == NULL) return;
  pool_buffer_t *buffer = (pool_buffer_t *)(void *)((char *)memory - ALIGN);
  plt_pool_t *pool = buffer->pool;
  bool keep;
  pthread_mutex_lock(&pool->mutex);
  uint32_t kept = pool->free_count[buffer->size_class];
  keep = kept < POOL_KEEP || (size_t)kept << buffer->size_class < POOL_KEEP_BYTES;
  if (keep) {
    buffer->next = pool->free_list[buffer->size_class];
    pool->free_list[buffer->size_class] = buffer;
    pool->free_count[buffer->size_class]++;
  }
  pthread_mutex_unlock(&pool->mutex);
  if (!keep) free(buffer);
}
