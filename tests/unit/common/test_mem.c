#include "common/mem.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Test(mem, blocks) {
  for (size_t n = 0; n < 300; n += 37) {
    unsigned char *block = plt_mem_zalloc(n, 3);
    cr_assert_eq((uintptr_t)block % 64, 0);
    for (size_t i = 0; i < 3 * n; i++) cr_assert_eq(block[i], 0);
    free(block);
  }
  char *text = plt_mem_print("%d-%s", 7, "x");
  cr_assert_str_eq(text, "7-x");
  char *copy = plt_mem_strdup(text);
  cr_assert_str_eq(copy, text);
  free(copy);
  text = plt_mem_append(text, "", "y");
  text = plt_mem_append(text, ", ", "z");
  cr_assert_str_eq(text, "7-xy, z");
  free(text);
}

Test(mem, grow) {
  int *list = NULL;
  size_t n = 0, capacity = 0;
  for (int i = 0; i < 1000; i++) {
    PLT_MEM_GROW(list, n, capacity);
    list[n++] = i;
  }
  for (int i = 0; i < 1000; i++) cr_assert_eq(list[i], i);
  cr_assert_eq(capacity, 1024);
  free(list);
}

Test(mem, a_size_that_overflows_aborts, .signal = SIGABRT) { free(plt_mem_zalloc(SIZE_MAX / 2, 4)); }

static void die(const char *text) { _exit(strcmp(text, "could not get 18446744073709551615 bytes") == 0 ? 71 : 1); }

Test(mem, who_set_the_end_has_it, .exit_code = 71) {
  plt_mem_on_exhausted(die);
  free(plt_mem_zalloc(SIZE_MAX / 2, 4));
}

Test(mem, arena_gives_separate_aligned_memory) {
  plt_arena_t *arena = plt_arena_create();
  unsigned char *blocks[100];
  for (size_t i = 0; i < 100; i++) {
    blocks[i] = plt_arena_alloc(arena, i * 97);
    cr_assert_eq((uintptr_t)blocks[i] % 64, 0);
    memset(blocks[i], (int)i, i * 97);
  }
  for (size_t i = 0; i < 100; i++) {
    for (size_t b = 0; b < i * 97; b++) cr_assert_eq(blocks[i][b], i);
  }
  plt_arena_reset(arena);
  unsigned char *zeros = plt_arena_zalloc(arena, 10000);
  for (size_t i = 0; i < 10000; i++) cr_assert_eq(zeros[i], 0);
  plt_arena_destroy(&arena);
  cr_assert_null(arena);
  plt_arena_destroy(&arena);
}

Test(mem, a_warm_arena_takes_no_more_blocks) {
  plt_arena_t *arena = plt_arena_create();
  size_t warm = 0;
  for (int turn = 0; turn < 20; turn++) {
    for (int i = 0; i < 50; i++) memset(plt_arena_alloc(arena, 10000), turn, 10000);
    plt_arena_reset(arena);
    if (turn == 2) warm = plt_arena_allocations(arena);
    if (turn > 2) cr_assert_eq(plt_arena_allocations(arena), warm, "turn %d", turn);
  }
  plt_arena_destroy(&arena);
}

Test(mem, pool_gives_a_buffer_again) {
  plt_pool_t *pool = plt_pool_create();
  void *first = plt_pool_take(pool, 1000);
  cr_assert_eq((uintptr_t)first % 64, 0);
  memset(first, 1, 1000);
  plt_pool_give(first);
  cr_assert_eq(plt_pool_take(pool, 1024), first);
  void *other = plt_pool_take(pool, 1024);
  cr_assert_neq(other, first);
  plt_pool_give(first);
  plt_pool_give(other);
  plt_pool_give(NULL);
  plt_pool_destroy(&pool);
  cr_assert_null(pool);
  plt_pool_destroy(&pool);
}

Test(mem, pool_keeps_a_bounded_number) {
  plt_pool_t *pool = plt_pool_create();
  void *buffers[40];
  for (size_t i = 0; i < 40; i++) buffers[i] = memset(plt_pool_take(pool, 5000), (int)i, 5000);
  for (size_t i = 0; i < 40; i++) plt_pool_give(buffers[i]);
  for (size_t i = 0; i < 40; i++) buffers[i] = memset(plt_pool_take(pool, 5000), (int)i, 5000);
  for (size_t i = 0; i < 40; i++) plt_pool_give(buffers[i]);
  plt_pool_destroy(&pool);
}

static void *take_and_give(void *argument) {
  for (size_t i = 0; i < 5000; i++) {
    unsigned char *buffer = plt_pool_take(argument, 100 + i % 2000);
    memset(buffer, (int)i, 100);
    cr_assert_eq(buffer[99], (unsigned char)i);
    plt_pool_give(buffer);
  }
  return NULL;
}

Test(mem, pool_is_shared_by_threads) {
  plt_pool_t *pool = plt_pool_create();
  pthread_t threads[3];
  for (size_t i = 0; i < 3; i++) cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, pool), 0);
  for (size_t i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  plt_pool_destroy(&pool);
}
