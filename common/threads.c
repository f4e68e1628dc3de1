/* threads.c - see threads.h. A job is announced by a generation number under a mutex; its pieces are handed out by an
 * atomic counter.
 *
 * A thread that sleeps takes some 50 us to wake, as long as many a job: so lanes whose waits have been short lately
 * look for the next job a while before they sleep, and the caller does not wait for lanes that have not come: it takes
 * what pieces there are, closes the job and waits for those that are inside. */
#include "common/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/time.h"

enum { EAGER_NS = 100 * 1000 }; /* that a thread looks before it sleeps */

typedef struct lane {
  plt_crew_t *crew;
  size_t number;
  pthread_t thread;
  unsigned long seen; /* the job it was in last, or came too late for */
  bool waits_briefly;
} lane_t;

struct plt_crew {
  size_t size;
  lane_t *lanes; /* lane 0 is the caller */
  pthread_mutex_t mutex;
  pthread_cond_t work, idle;
  atomic_ulong generation; /* of the job, or the end; changes under the mutex, as `inside` grows */
  atomic_size_t inside;    /* helper lanes that are in the job */
  bool open;               /* lanes may come in; under the mutex, as `stop` */
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

/* ---- helper lanes ---- */

static bool has_news(const lane_t *lane) {
  return atomic_load_explicit(&lane->crew->generation, memory_order_relaxed) != lane->seen;
}

/* Comes into the next job that is open; false: there will be none. */
static bool enter(lane_t *lane) {
  plt_crew_t *crew = lane->crew;
  bool entered = false, stop;
  int64_t began = plt_time_ns();
  do {
    while (lane->waits_briefly && !has_news(lane) && plt_time_ns() - began < EAGER_NS) sched_yield();
    pthread_mutex_lock(&crew->mutex);
    if (!has_news(lane)) pthread_cond_wait(&crew->work, &crew->mutex);
    stop = crew->stop;
    if (!stop && has_news(lane)) {
      lane->seen = atomic_load(&crew->generation);
      entered = crew->open;
      if (entered) atomic_fetch_add(&crew->inside, 1);
    }
    pthread_mutex_unlock(&crew->mutex);
    lane->waits_briefly = plt_time_ns() - began < (int64_t)2 * EAGER_NS;
  } while (!entered && !stop);
  return entered;
}

static void leave(plt_crew_t *crew) {
  pthread_mutex_lock(&crew->mutex);
  if (atomic_fetch_sub_explicit(&crew->inside, 1, memory_order_release) == 1 && !crew->open)
    pthread_cond_signal(&crew->idle);
  pthread_mutex_unlock(&crew->mutex);
}

static void *lane_main(void *argument) {
  lane_t *lane = argument;
  while (enter(lane)) {
    run_pieces(lane->crew, lane->number);
    leave(lane->crew);
  }
  return NULL;
}

/* ---- the caller ---- */

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
  atomic_fetch_add(&crew->generation, 1);
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

/* Nobody is in the job any more, or will be. */
static void close_job(plt_crew_t *crew) {
  pthread_mutex_lock(&crew->mutex);
  crew->open = false;
  pthread_mutex_unlock(&crew->mutex);
  int64_t began = plt_time_ns();
  while (atomic_load_explicit(&crew->inside, memory_order_acquire) > 0 && plt_time_ns() - began < EAGER_NS)
    sched_yield();
  if (atomic_load_explicit(&crew->inside, memory_order_acquire) == 0) return;
  pthread_mutex_lock(&crew->mutex);
  while (atomic_load(&crew->inside) > 0) pthread_cond_wait(&crew->idle, &crew->mutex);
  pthread_mutex_unlock(&crew->mutex);
}

void plt_crew_run(plt_crew_t *crew, size_t pieces, plt_piece_fn fn, void *context) {
  if (crew == NULL || crew->size == 1 || pieces < 2) {
    for (size_t piece = 0; piece < pieces; piece++) fn(context, piece, 0);
    return;
  }
  pthread_mutex_lock(&crew->mutex);
  crew->pieces = pieces;
  crew->fn = fn;
  crew->context = context;
  crew->open = true;
  atomic_store_explicit(&crew->next, 0, memory_order_relaxed);
  atomic_fetch_add(&crew->generation, 1);
  pthread_cond_broadcast(&crew->work);
  pthread_mutex_unlock(&crew->mutex);
  run_pieces(crew, 0);
  close_job(crew);
}
