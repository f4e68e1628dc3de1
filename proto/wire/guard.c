/* guard.c - see guard.h. The thread hands what monitors tell to ports.c, questions to zap.c.
 *
 * Monitors block the io thread when they are not read: this thread does nothing that waits, and a monitor is stopped
 * before its reading end is closed. */
#include "proto/wire/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "common/mem.h"
#include "common/time.h"
#include "proto/wire/calls.h"
#include "proto/wire/ports.h"
#include "proto/wire/zap.h"

enum {
  SOCKETS_MAX = 16384, /* of libzmq: three per link of a worker */
  SWEEP_MS = 50,
  FAILURES_MAX = 10 /* handshakes broken off by a server in a row: it will not have us (some 3 s) */
};

struct plt_watch {
  plt_guard_t *guard;
  plt_watch_t *next;
  void *socket;  /* what is watched */
  void *monitor; /* read by the guard's thread */
  bool leaving, gone;
  unsigned failures; /* handshakes of a link in a row */
  bool stands;       /* a link: its last handshake succeeded */
  atomic_bool broken;
  _Atomic(const char *) refusal;
};

struct plt_guard {
  void *context;
  plt_zap_t *zap;
  atomic_uint refusals; /* of this process by servers */
  atomic_uint breaks;   /* links that were broken */
  atomic_uint named;    /* monitors so far: a name may be in use for a while after its socket was closed */

  pthread_mutex_t lock; /* guards what follows, up to the thread's own */
  pthread_cond_t left;
  plt_watch_t *watches;
  bool running, ending, changed;
  pthread_t thread;
  int wake; /* eventfd */
  plt_guard_count_t count;

  /* The thread's own. */
  plt_ports_t *ports;
  uint64_t refused;
  zmq_pollitem_t *items; /* wake, zap, one per watch */
  plt_watch_t **polled;
  size_t n, capacity, polled_capacity;
};

/* ---- monitors ---- */

static void refuse_link(plt_watch_t *watch, const char *why) {
  if (atomic_load(&watch->refusal) != NULL) return;
  atomic_store(&watch->refusal, why);
  atomic_fetch_add(&watch->guard->refusals, 1);
}

/* libzmq has given up a link that stood, for good: a message came that its security cannot open. */
static void break_link(plt_watch_t *watch) {
  if (!watch->stands) return;
  watch->stands = false;
  atomic_store(&watch->broken, true);
  atomic_fetch_add(&watch->guard->breaks, 1);
}

static void on_event(plt_watch_t *watch, unsigned event, uint32_t value) {
  plt_guard_t *guard = watch->guard;
  switch (event) {
    case ZMQ_EVENT_LISTENING: plt_ports_listen(guard->ports, watch, value); break;
    case ZMQ_EVENT_ACCEPTED: plt_ports_accept(guard->ports, watch, value); break;
    case ZMQ_EVENT_DISCONNECTED: plt_ports_end(guard->ports, value); break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      watch->failures = 0;
      watch->stands = true;
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: refuse_link(watch, "this process has the secret of another job"); break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        refuse_link(watch, "it wants another cluster.security");
      else
        break_link(watch);
      break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      if ((value == EPIPE || value == ECONNRESET) && ++watch->failures >= FAILURES_MAX)
        refuse_link(watch, "it breaks off every handshake: keys of another job, or another mode");
      break;
    default: break;
  }
}

static void drain(plt_watch_t *watch) {
  for (;;) {
    unsigned char event[6];
    int more = 0, bytes = zmq_recv(watch->monitor, event, sizeof event, ZMQ_DONTWAIT);
    if (bytes < 0) return;
    size_t size = sizeof more;
    uint16_t number;
    uint32_t value;
    memcpy(&number, event, sizeof number);
    memcpy(&value, event + 2, sizeof value);
    zmq_getsockopt(watch->monitor, ZMQ_RCVMORE, &more, &size);
    if (more) zmq_recv(watch->monitor, NULL, 0, ZMQ_DONTWAIT); /* the address; parts of a message come together */
    if (bytes == (int)sizeof event) on_event(watch, number, value);
  }
}

/* ---- the thread ---- */

/* Takes leaving watches out, polls the rest; under the lock. */
static void rebuild(plt_guard_t *guard) {
  plt_watch_t **at = &guard->watches;
  bool any_gone = false;
  while (*at != NULL) {
    plt_watch_t *watch = *at;
    if (!watch->leaving) {
      at = &watch->next;
      continue;
    }
    *at = watch->next;
    zmq_close(watch->monitor);
    plt_ports_leave(guard->ports, watch);
    watch->gone = any_gone = true;
  }
  guard->n = 0;
  for (plt_watch_t *watch = guard->watches; watch != NULL; watch = watch->next) {
    PLT_MEM_GROW(guard->polled, guard->n, guard->polled_capacity);
    while (guard->n + 2 >= guard->capacity) PLT_MEM_GROW(guard->items, guard->capacity, guard->capacity);
    guard->polled[guard->n] = watch;
    guard->items[2 + guard->n++] = (zmq_pollitem_t){.socket = watch->monitor, .events = ZMQ_POLLIN};
  }
  guard->changed = false;
  if (any_gone) pthread_cond_broadcast(&guard->left);
}

static void *guard_main(void *argument) {
  plt_guard_t *guard = argument;
  int64_t swept_ns = plt_time_ns();
  for (;;) {
    pthread_mutex_lock(&guard->lock);
    if (guard->changed) rebuild(guard);
    guard->count = plt_ports_count(guard->ports);
    guard->count.refused = guard->refused;
    bool ending = guard->ending;
    pthread_mutex_unlock(&guard->lock);
    if (ending) return NULL;
    int wait_ms = plt_ports_is_busy(guard->ports) ? SWEEP_MS : -1;
    guard->items[0] = (zmq_pollitem_t){.fd = guard->wake, .events = ZMQ_POLLIN};
    guard->items[1] = (zmq_pollitem_t){.socket = plt_zap_socket(guard->zap), .events = ZMQ_POLLIN};
    if (zmq_poll(guard->items, (int)guard->n + 2, wait_ms) < 0 && errno == ETERM) return NULL;
    eventfd_t ignored;
    if (guard->items[0].revents) eventfd_read(guard->wake, &ignored);
    if (guard->items[1].revents) guard->refused += plt_zap_answer(guard->zap);
    for (size_t i = 0; i < guard->n; i++)
      if (guard->items[2 + i].revents) drain(guard->polled[i]);
    int64_t now = plt_time_ns();
    if (plt_ports_is_busy(guard->ports) && now - swept_ns >= SWEEP_MS * PLT_NS_PER_MS) {
      for (size_t i = 0; i < guard->n; i++) drain(guard->polled[i]); /* what ended until now is forgotten */
      plt_ports_sweep(guard->ports, now);
      swept_ns = now;
    }
  }
}

/* The program's handlers of signals are for its own threads. */
static bool start_thread(plt_guard_t *guard) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&guard->thread, NULL, guard_main, guard) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

/* Under the lock. */
static plt_status_t start(plt_guard_t *guard) {
  if (guard->running) return PLT_OK;
  PLT_TRY(plt_ports_create(&guard->ports));
  guard->capacity = 16;
  guard->items = plt_mem_resize(guard->items, guard->capacity, sizeof *guard->items);
  guard->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (guard->wake >= 0 && plt_zap_open(guard->zap, guard->context) == 0 && start_thread(guard)) {
    guard->running = true;
    return PLT_OK;
  }
  plt_status_t status = plt_fail_errno(PLT_ERR_CREATE, "cannot guard the sockets of this process");
  plt_zap_close(guard->zap);
  if (guard->wake >= 0) close(guard->wake);
  plt_ports_destroy(&guard->ports);
  return status;
}

/* ---- from other threads ---- */

plt_guard_t *plt_guard_create(void *context) {
  plt_guard_t *guard = plt_mem_zalloc(1, sizeof *guard);
  guard->context = context;
  guard->zap = plt_zap_create();
  zmq_ctx_set(context, ZMQ_MAX_SOCKETS, SOCKETS_MAX);
  pthread_mutex_init(&guard->lock, NULL);
  pthread_cond_init(&guard->left, NULL);
  return guard;
}

void plt_guard_destroy(plt_guard_t **guard_at) {
  plt_guard_t *guard = *guard_at;
  if (guard == NULL) return;
  if (guard->running) {
    pthread_mutex_lock(&guard->lock);
    guard->ending = true;
    pthread_mutex_unlock(&guard->lock);
    eventfd_write(guard->wake, 1);
    pthread_join(guard->thread, NULL);
    close(guard->wake);
  }
  pthread_cond_destroy(&guard->left);
  pthread_mutex_destroy(&guard->lock);
  plt_zap_destroy(&guard->zap);
  plt_ports_destroy(&guard->ports);
  free(guard->items);
  free(guard->polled);
  free(guard);
  *guard_at = NULL;
}

void plt_guard_secure(plt_guard_t *guard, const plt_secret_t *secret) { plt_zap_set(guard->zap, secret); }

plt_guard_count_t plt_guard_count(plt_guard_t *guard) {
  pthread_mutex_lock(&guard->lock);
  plt_guard_count_t count = guard->count;
  pthread_mutex_unlock(&guard->lock);
  return count;
}

static bool is_scheme(const char *endpoint, const char *scheme) {
  return strncmp(endpoint, scheme, strlen(scheme)) == 0;
}

/* Opens both ends of a monitor and hands the reading end to the thread. */
static plt_status_t watch_socket(plt_guard_t *guard, void *socket, int events, plt_watch_t **out) {
  plt_watch_t *watch = plt_mem_zalloc(1, sizeof *watch);
  char name[64];
  int linger = 0;
  *watch = (plt_watch_t){.guard = guard, .socket = socket};
  snprintf(name, sizeof name, "inproc://monitor-%u", atomic_fetch_add(&guard->named, 1));
  watch->monitor = zmq_socket(guard->context, ZMQ_PAIR);
  if (watch->monitor != NULL) zmq_setsockopt(watch->monitor, ZMQ_LINGER, &linger, sizeof linger);
  if (watch->monitor == NULL || plt_zmq_socket_monitor(socket, name, events) != 0 ||
      plt_zmq_connect(watch->monitor, name) != 0) {
    plt_status_t status = plt_fail(PLT_ERR_CREATE, "cannot watch a socket: %s", zmq_strerror(errno));
    plt_zmq_socket_monitor(socket, NULL, 0);
    if (watch->monitor != NULL) zmq_close(watch->monitor);
    free(watch);
    return status;
  }
  pthread_mutex_lock(&guard->lock);
  watch->next = guard->watches;
  guard->watches = watch;
  guard->changed = true;
  pthread_mutex_unlock(&guard->lock);
  eventfd_write(guard->wake, 1);
  *out = watch;
  return PLT_OK;
}

static plt_status_t start_locked(plt_guard_t *guard) {
  pthread_mutex_lock(&guard->lock);
  plt_status_t status = start(guard);
  pthread_mutex_unlock(&guard->lock);
  return status;
}

plt_status_t plt_guard_listen(plt_guard_t *guard, void *socket, const char *const *endpoints, size_t n,
                              plt_watch_t **out) {
  bool tcp = false, inproc = true;
  int handshake = PLT_HANDSHAKE_MS;
  *out = NULL;
  for (size_t i = 0; i < n; i++) {
    tcp = tcp || is_scheme(endpoints[i], "tcp:");
    inproc = inproc && is_scheme(endpoints[i], "inproc:");
  }
  if (inproc) return PLT_OK;
  PLT_TRY(start_locked(guard));
  if (plt_zap_secure_server(guard->zap, socket) != 0)
    return plt_fail(PLT_ERR_CREATE, "cannot secure %s: %s", endpoints[0], zmq_strerror(errno));
  zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
  if (!tcp) return PLT_OK; /* ipc: the directory lets nobody else in */
  return watch_socket(guard, socket, ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED, out);
}

plt_status_t plt_guard_connect(plt_guard_t *guard, void *socket, const char *endpoint, plt_watch_t **out) {
  *out = NULL;
  if (is_scheme(endpoint, "inproc:")) return PLT_OK;
  PLT_TRY(start_locked(guard));
  if (plt_zap_secure_client(guard->zap, socket) != 0)
    return plt_fail(PLT_ERR_CREATE, "cannot secure the link to %s: %s", endpoint, zmq_strerror(errno));
  return watch_socket(guard, socket,
                      ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                      out);
}

void plt_guard_leave(plt_watch_t **watch_at) {
  plt_watch_t *watch = *watch_at;
  if (watch == NULL) return;
  plt_guard_t *guard = watch->guard;
  plt_zmq_socket_monitor(watch->socket, NULL, 0); /* while the thread still reads */
  pthread_mutex_lock(&guard->lock);
  watch->leaving = guard->changed = true;
  eventfd_write(guard->wake, 1);
  while (!watch->gone) pthread_cond_wait(&guard->left, &guard->lock);
  pthread_mutex_unlock(&guard->lock);
  free(watch);
  *watch_at = NULL;
}

bool plt_guard_any_refusal(const plt_guard_t *guard) { return atomic_load(&guard->refusals) > 0; }

unsigned plt_guard_breaks(const plt_guard_t *guard) { return atomic_load(&guard->breaks); }

bool plt_watch_take_break(plt_watch_t *watch) { return watch != NULL && atomic_exchange(&watch->broken, false); }

const char *plt_watch_refusal(const plt_watch_t *watch) { return watch == NULL ? NULL : atomic_load(&watch->refusal); }
