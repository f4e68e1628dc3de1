/* threads.c - see threads.h. Work is announced by a generation number under a mutex; pieces are handed out by an
 * atomic counter. */
#include "common/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"

typedef struct lane {
  plt_crew_t *crew;
  size_t number;
  pthread_t thread;
} lane_t;

struct plt_crew {
  size_t size;
  lane_t *lanes; /* lane 0 is the caller */
  pthread_mutex_t mutex;
  pthread_cond_t work, idle;
  unsigned long generation; /* of the current job */
  size_t busy;              /* helper threads still in it */
  bool stop;
  size_t pieces;
  plt_piece_fn fn;
  void *context;
  atomic_size_t next;
};

static void run_pieces(plt_crew_t *crew, size_t lane) {
  for (;;) {
    size_t piece = atomic_fetch_add_explicit(&crew->next, 1, memory_order_relaxed);
    if (piece >= crew->pieces) return;
    crew->fn(crew->context, piece, lane);
  }
}

static void *lane_main(void *argument) {
  lane_t *lane = argument;
  plt_crew_t *crew = lane->crew;
  unsigned long seen = 0;
  pthread_mutex_lock(&crew->mutex);
  for (;;) {
    while (!crew->stop && crew->generation == seen) pthread_cond_wait(&crew->work, &crew->mutex);
    if (crew->stop) break;
    seen = crew->generation;
    pthread_mutex_unlock(&crew->mutex);
    run_pieces(crew, lane->number);
    pthread_mutex_lock(&crew->mutex);
    if (--crew->busy == 0) pthread_cond_signal(&crew->idle);
  }
  pthread_mutex_unlock(&crew->mutex);
  return NULL;
}

plt_crew_t *plt_crew_create(size_t size) {
  plt_crew_t *crew = plt_mem_zalloc(1, sizeof *crew);
  crew->lanes = plt_mem_zalloc(size < 1 ? 1 : size, sizeof *crew->lanes);
  pthread_mutex_init(&crew->mutex, NULL);
  pthread_cond_init(&crew->work, NULL);
  pthread_cond_init(&crew->idle, NULL);
  crew->size = 1;
  for (size_t i = 1; i < size; i++) {
    crew->lanes[i] = (lane_t){.crew = crew, .number = i};
    if (pthread_create(&crew->lanes[i].thread, NULL, lane_main, &crew->lanes[i]) != 0) break; /* fewer will do */
    crew->size++;
  }
  return crew;
}

void plt_crew_destroy(plt_crew_t **crew_at) {
  plt_crew_t *crew = *crew_at;
  if (crew == NULL) return;
  pthread_mutex_lock(&crew->mutex);
  crew->stop = true;
  pthread_cond_broadcast(&crew->work);
  pthread_mutex_unlock(&crew->mutex);
  for (size_t i = 1; i < crew->size; i++) pthread_join(crew->lanes[i].thread, NULL);
  pthread_cond_destroy(&crew->work);
  pthread_cond_destroy(&crew->idle);
  pthread_mutex_destroy(&crew->mutex);
  free(crew->lanes);
  free(crew);
  *crew_at = NULL;
}

size_t plt_crew_size(const plt_crew_t *crew) { return crew == NULL ? 1 : crew->size; }

void plt_crew_run(plt_crew_t *crew, size_t pieces, plt_piece_fn fn, void *context) {
  if (crew == NULL || crew->size == 1 || pieces < 2) {
    for (size_t piece = 0; piece < pieces; piece++) fn(context, piece, 0);
    return;
  }
  pthread_mutex_lock(&crew->mutex);
  crew->pieces = pieces;
  crew->fn = fn;
  crew->context = context;
  atomic_store_explicit(&crew->next, 0, memory_order_relaxed);
  crew->busy = crew->size - 1;
  crew->generation++;
  pthread_cond_broadcast(&crew->work);
  pthread_mutex_unlock(&crew->mutex);
  run_pieces(crew, 0);
  pthread_mutex_lock(&crew->mutex);
  while (crew->busy > 0) pthread_cond_wait(&crew->idle, &crew->mutex);
  pthread_mutex_unlock(&crew->mutex);
}
