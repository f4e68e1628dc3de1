/* wire_guard.c - see wire_guard.h.
 *
 * Connections (listening tcp sockets). The monitor tells of every connection that comes and goes. When as many are
 * open as the process can bear (plt_connections_limit), the listening sockets get a packet filter that drops
 * everything: newcomers wait in the kernel of their own machine, open connections do not notice, and libzmq is never
 * asked to accept what it has no descriptor for (it would spin). Accepting costs the io thread time that open
 * connections need, so it is rationed, too: a ticket for each newcomer, given back when it proves itself; as many as
 * connections at first, PLT_STRANGERS_PER_S new ones; without a ticket left the ports are shut.
 *
 * Strangers. libzmq ends a handshake that takes longer than ZMQ_HANDSHAKE_IVL, but lets a stranger fill a frame of
 * ZMQ_MAXMSGSIZE until then, and cannot be hurried when connections run out. So connections are looked at every
 * 50 ms until they have proved themselves, and shut down when they take too long or send too much. At most
 * PLT_STRANGERS_MAX are kept: one more, and the oldest goes. (Shutting the ports instead would keep everybody out:
 * strangers who come back at once are always there first.) The sign of proof is the kernel's count of bytes that the
 * peer has acknowledged: without the secret a peer gets 64 bytes of greeting and at most a short error, with it more
 * than 100.
 *
 * Descriptors are closed and used again by another thread at any moment; they are only touched through a duplicate,
 * and only if it still is the socket (st_ino) that was accepted.
 *
 * Monitors block the io thread when they are not read: this thread does nothing that waits, and a monitor is stopped
 * before its reading end is closed. */
#include "proto/wire_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/mem.h"
#include "common/time.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_DOMAIN "plateau"
#define USER_NAME "plateau"

enum {
  SOCKETS_MAX = 16384, /* of libzmq: three per link of a worker */
  SWEEP_MS = 50,
  PROOF_BYTES = 100, /* acknowledged by a peer that has proved itself; strangers: 64 to 76 */
  FAILURES_MAX = 10, /* handshakes broken off by a server in a row: it will not have us (some 3 s) */
  ZAP_FRAMES = 8,    /* of a request, at most (PLAIN; CURVE has 7) */
  ZAP_FRAME_BYTES = 256,
  CURVE_KEY_BYTES = 32,
  LISTENING_MAX = 4, /* tcp endpoints of a socket */
  BACKLOG = 1024
};

struct plt_watch {
  plt_guard_t *guard;
  plt_watch_t *next;
  void *socket;                 /* what is watched */
  void *monitor;                /* read by the guard's thread */
  int listening[LISTENING_MAX]; /* duplicates of its listening tcp sockets */
  size_t n_listening;
  bool leaving, gone;
  unsigned failures; /* handshakes of a link in a row */
  _Atomic(const char *) refusal;
};

/* A connection of a listening socket; index: its descriptor. Those without a proof are a ring in order of arrival
 * through place 0, which is no connection. */
typedef struct connection {
  plt_watch_t *watch; /* NULL: none */
  ino_t socket;
  int64_t since_ns;
  bool proved;
  uint32_t older, newer; /* while it has not proved itself */
} connection_t;

struct plt_guard {
  void *context;
  plt_secret_t secret;
  unsigned char client_key[CURVE_KEY_BYTES];
  uint32_t limit, strangers; /* connections at most; of them unproved */
  atomic_uint refusals;      /* of this process by servers */
  atomic_uint named;         /* monitors so far: a name may be in use for a while after its socket was closed */

  pthread_mutex_t lock; /* guards what follows, up to the thread's own */
  pthread_cond_t left;
  plt_watch_t *watches;
  bool running, ending, changed;
  pthread_t thread;
  int wake; /* eventfd */
  plt_guard_count_t count;

  /* The thread's own. */
  void *zap;
  zmq_pollitem_t *items; /* wake, zap, one per watch */
  plt_watch_t **polled;
  size_t n, capacity, polled_capacity;
  connection_t *connections;
  size_t n_connections;
  uint32_t unproved;
  double tickets; /* for newcomers */
  bool shut;
  int nothing, spare; /* /dev/null, and the place for duplicates: kept, so that they are there when none is free */
};

/* ---- ZAP ---- */

/* Takes the same time wherever they differ. */
static bool same_bytes(const void *a, const void *b, size_t n) {
  const volatile unsigned char *x = a, *y = b;
  unsigned char differ = 0;
  for (size_t i = 0; i < n; i++) differ |= x[i] ^ y[i];
  return differ == 0;
}

typedef struct zap_request {
  size_t n;
  size_t bytes[ZAP_FRAMES];
  char frame[ZAP_FRAMES][ZAP_FRAME_BYTES];
} zap_request_t;

static bool zap_receive(void *socket, zap_request_t *request) {
  int more = 1;
  request->n = 0;
  while (more) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
      zmq_msg_close(&frame);
      return false;
    }
    size_t bytes = zmq_msg_size(&frame);
    if (request->n < ZAP_FRAMES && bytes <= ZAP_FRAME_BYTES) {
      memcpy(request->frame[request->n], zmq_msg_data(&frame), bytes);
      request->bytes[request->n] = bytes;
    } else {
      request->bytes[ZAP_FRAMES - 1] = SIZE_MAX; /* fits nothing */
    }
    if (request->n < ZAP_FRAMES) request->n++;
    more = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
  }
  return true;
}

static bool frame_is(const zap_request_t *request, size_t i, const void *bytes, size_t n) {
  return i < request->n && request->bytes[i] == n && same_bytes(request->frame[i], bytes, n);
}

/* Frames: version, request id, domain, address, identity, mechanism, credentials. */
static bool zap_admits(const plt_guard_t *guard, const zap_request_t *request) {
  if (!frame_is(request, 0, "1.0", 3) || !frame_is(request, 2, ZAP_DOMAIN, strlen(ZAP_DOMAIN))) return false;
  switch (guard->secret.mode) {
    case PLT_SECURITY_NONE: return frame_is(request, 5, "NULL", 4);
    case PLT_SECURITY_TOKEN:
      return frame_is(request, 5, "PLAIN", 5) && frame_is(request, 6, USER_NAME, strlen(USER_NAME)) &&
             frame_is(request, 7, guard->secret.token, PLT_TOKEN_HEX);
    case PLT_SECURITY_CURVE:
      return frame_is(request, 5, "CURVE", 5) && frame_is(request, 6, guard->client_key, CURVE_KEY_BYTES);
  }
  return false;
}

static void answer_zap(plt_guard_t *guard) {
  zap_request_t request = {0};
  while (zap_receive(guard->zap, &request)) {
    bool admitted = zap_admits(guard, &request);
    const char *status = admitted ? "200" : "400", *user = admitted ? USER_NAME : "";
    if (!admitted) {
      pthread_mutex_lock(&guard->lock);
      guard->count.refused++;
      pthread_mutex_unlock(&guard->lock);
    }
    zmq_send_const(guard->zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(guard->zap, request.frame[1], request.n > 1 ? request.bytes[1] : 0, ZMQ_SNDMORE);
    zmq_send(guard->zap, status, 3, ZMQ_SNDMORE);
    zmq_send_const(guard->zap, "", 0, ZMQ_SNDMORE);
    zmq_send(guard->zap, user, strlen(user), ZMQ_SNDMORE);
    zmq_send_const(guard->zap, "", 0, 0);
    explicit_bzero(&request, sizeof request);
  }
}

/* ---- connections ---- */

static void join_strangers(plt_guard_t *guard, uint32_t descriptor) {
  connection_t *all = guard->connections;
  all[descriptor].older = all[0].older;
  all[descriptor].newer = 0;
  all[all[0].older].newer = descriptor;
  all[0].older = descriptor;
  guard->unproved++;
}

static void leave_strangers(plt_guard_t *guard, const connection_t *connection) {
  guard->connections[connection->older].newer = connection->newer;
  guard->connections[connection->newer].older = connection->older;
  guard->unproved--;
}

static void forget(plt_guard_t *guard, size_t descriptor) {
  connection_t *connection = &guard->connections[descriptor];
  if (connection->watch == NULL) return;
  if (!connection->proved) leave_strangers(guard, connection);
  *connection = (connection_t){0};
  pthread_mutex_lock(&guard->lock);
  guard->count.open--;
  pthread_mutex_unlock(&guard->lock);
}

static void end(plt_guard_t *guard, size_t descriptor) {
  const connection_t *connection = &guard->connections[descriptor];
  bool unproved = connection->watch != NULL && !connection->proved;
  pthread_mutex_lock(&guard->lock);
  guard->count.ended += unproved;
  pthread_mutex_unlock(&guard->lock);
  forget(guard, descriptor);
}

/* Lets newcomers in or keeps them waiting, at all ports. */
static void shut_ports(plt_guard_t *guard, bool shut) {
  struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  struct sock_fprog program = {1, &nothing};
  int unused = 0;
  for (size_t i = 0; i < guard->n; i++) {
    const plt_watch_t *watch = guard->polled[i];
    for (size_t k = 0; k < watch->n_listening; k++) {
      if (shut)
        setsockopt(watch->listening[k], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
      else
        setsockopt(watch->listening[k], SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
    }
  }
  guard->shut = shut;
}

/* Looks at a connection through `spare`; false if the descriptor is another thing by now. */
static bool hold(plt_guard_t *guard, size_t descriptor) {
  struct stat about;
  int held;
  do held = dup3((int)descriptor, guard->spare, O_CLOEXEC);
  while (held < 0 && (errno == EBUSY || errno == EINTR));
  if (held < 0) return false;
  return fstat(guard->spare, &about) == 0 && about.st_ino == guard->connections[descriptor].socket;
}

static void let_go(plt_guard_t *guard) { dup3(guard->nothing, guard->spare, O_CLOEXEC); }

/* Whether the connection in `spare` has proved itself; else *received is what it has sent. */
static bool has_proved(plt_guard_t *guard, uint64_t *received) {
  struct tcp_info info = {0};
  socklen_t bytes = sizeof info;
  *received = 0;
  if (getsockopt(guard->spare, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) return true;
  if (bytes < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return true;
  *received = info.tcpi_bytes_received;
  return info.tcpi_bytes_acked > PROOF_BYTES;
}

/* Looks at a connection that has not proved itself: whether it has by now, is another thing, or has to go. */
static void check(plt_guard_t *guard, uint32_t descriptor, int64_t before_ns) {
  connection_t *connection = &guard->connections[descriptor];
  uint64_t received;
  if (!hold(guard, descriptor)) {
    forget(guard, descriptor);
  } else if (has_proved(guard, &received)) {
    leave_strangers(guard, connection);
    connection->proved = true;
    guard->tickets += 1;
  } else if (received > PLT_STRANGER_BYTES || connection->since_ns < before_ns) {
    shutdown(guard->spare, SHUT_RDWR); /* libzmq sees the end and closes it */
    forget(guard, descriptor);
    pthread_mutex_lock(&guard->lock);
    guard->count.dropped++;
    pthread_mutex_unlock(&guard->lock);
  }
}

static bool is_full(plt_guard_t *guard) {
  pthread_mutex_lock(&guard->lock);
  bool full = guard->count.open >= guard->limit;
  pthread_mutex_unlock(&guard->lock);
  return full;
}

static void on_accepted(plt_guard_t *guard, plt_watch_t *watch, uint32_t descriptor) {
  struct stat about;
  if (descriptor == 0) return; /* of a process that was started without standard input: libzmq's limits suffice */
  if (fstat((int)descriptor, &about) != 0) about.st_ino = 0; /* gone already: its end is announced too */
  if (descriptor >= guard->n_connections) {
    size_t n = 2 * (size_t)descriptor + 64;
    guard->connections = plt_mem_resize(guard->connections, n, sizeof *guard->connections);
    memset(guard->connections + guard->n_connections, 0, (n - guard->n_connections) * sizeof *guard->connections);
    guard->n_connections = n;
  }
  forget(guard, descriptor); /* an end that was not announced */
  guard->connections[descriptor] = (connection_t){.watch = watch, .socket = about.st_ino, .since_ns = plt_time_ns()};
  join_strangers(guard, descriptor);
  guard->tickets -= 1;
  pthread_mutex_lock(&guard->lock);
  guard->count.accepted++;
  if (++guard->count.open > guard->count.peak) guard->count.peak = guard->count.open;
  pthread_mutex_unlock(&guard->lock);
  while ((guard->unproved > guard->strangers || is_full(guard)) && guard->connections[0].newer != descriptor)
    check(guard, guard->connections[0].newer, INT64_MAX);
  let_go(guard);
  if (guard->shut || (!is_full(guard) && guard->tickets >= 0)) return;
  pthread_mutex_lock(&guard->lock);
  guard->count.closures++;
  pthread_mutex_unlock(&guard->lock);
  shut_ports(guard, true);
}

/* Every SWEEP_MS while there are connections that have not proved themselves, or ports are shut. */
static void sweep(plt_guard_t *guard, int64_t now) {
  int64_t before_ns = now - PLT_HANDSHAKE_MS * PLT_NS_PER_MS;
  for (uint32_t i = guard->unproved > 0 ? guard->connections[0].newer : 0, next; i != 0; i = next) {
    next = guard->connections[i].newer;
    check(guard, i, before_ns);
  }
  for (size_t i = 0; guard->shut && i < guard->n_connections; i++) /* ends that were not announced */
    if (guard->connections[i].watch != NULL && guard->connections[i].proved && !hold(guard, i)) forget(guard, i);
  let_go(guard);
  if (guard->shut && !is_full(guard) && guard->tickets >= 1) shut_ports(guard, false);
}

static void add_tickets(plt_guard_t *guard, int64_t since_ns) {
  guard->tickets += (double)since_ns / (double)PLT_NS_PER_S * PLT_STRANGERS_PER_S;
  if (guard->tickets > guard->limit) guard->tickets = guard->limit;
}

/* ---- monitors ---- */

static void refuse_link(plt_watch_t *watch, const char *why) {
  if (atomic_load(&watch->refusal) != NULL) return;
  atomic_store(&watch->refusal, why);
  atomic_fetch_add(&watch->guard->refusals, 1);
}

/* Keeps a duplicate of a listening tcp socket, to shut it. */
static void on_listening(plt_watch_t *watch, uint32_t descriptor) {
  int accepts = 0, domain = 0, unused = 0, copy;
  socklen_t bytes = sizeof accepts;
  if (watch->n_listening == LISTENING_MAX) return;
  if ((copy = fcntl((int)descriptor, F_DUPFD_CLOEXEC, 3)) < 0) return;
  if (getsockopt(copy, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &bytes) != 0 || !accepts ||
      getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) != 0 || (domain != AF_INET && domain != AF_INET6)) {
    close(copy);
    return;
  }
  listen(copy, watch->guard->limit < BACKLOG ? (int)watch->guard->limit : BACKLOG);
  setsockopt(copy, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused); /* of a predecessor that shut it */
  watch->listening[watch->n_listening++] = copy;
}

static void on_event(plt_watch_t *watch, unsigned event, uint32_t value) {
  plt_guard_t *guard = watch->guard;
  switch (event) {
    case ZMQ_EVENT_LISTENING: on_listening(watch, value); break;
    case ZMQ_EVENT_ACCEPTED: on_accepted(guard, watch, value); break;
    case ZMQ_EVENT_DISCONNECTED:
      if (value < guard->n_connections) end(guard, value);
      break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: watch->failures = 0; break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: refuse_link(watch, "this process has the secret of another job"); break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) refuse_link(watch, "it wants another cluster.security");
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
    while (watch->n_listening > 0) close(watch->listening[--watch->n_listening]);
    for (size_t i = 0; i < guard->n_connections; i++) {
      connection_t *connection = &guard->connections[i];
      if (connection->watch != watch) continue;
      if (!connection->proved) leave_strangers(guard, connection);
      guard->count.open--;
      *connection = (connection_t){0};
    }
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
    bool ending = guard->ending;
    pthread_mutex_unlock(&guard->lock);
    if (ending) return NULL;
    bool alert = guard->unproved > 0 || guard->shut;
    guard->items[0] = (zmq_pollitem_t){.fd = guard->wake, .events = ZMQ_POLLIN};
    guard->items[1] = (zmq_pollitem_t){.socket = guard->zap, .events = ZMQ_POLLIN};
    if (zmq_poll(guard->items, (int)guard->n + 2, alert ? SWEEP_MS : -1) < 0 && errno == ETERM) return NULL;
    eventfd_t ignored;
    if (guard->items[0].revents) eventfd_read(guard->wake, &ignored);
    if (guard->items[1].revents) answer_zap(guard);
    for (size_t i = 0; i < guard->n; i++)
      if (guard->items[2 + i].revents) drain(guard->polled[i]);
    int64_t now = plt_time_ns();
    if ((guard->unproved > 0 || guard->shut) && now - swept_ns >= SWEEP_MS * PLT_NS_PER_MS) {
      for (size_t i = 0; i < guard->n; i++) drain(guard->polled[i]); /* what ended until now is forgotten */
      add_tickets(guard, now - swept_ns);
      sweep(guard, now);
      swept_ns = now;
    }
  }
}

/* Under the lock. */
static plt_status_t start(plt_guard_t *guard) {
  if (guard->running) return PLT_OK;
  int linger = 0;
  guard->limit = plt_connections_limit();
  guard->strangers = guard->limit / 2 < PLT_STRANGERS_MAX ? guard->limit / 2 : PLT_STRANGERS_MAX;
  guard->tickets = guard->limit;
  guard->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  guard->nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  guard->spare = guard->nothing < 0 ? -1 : fcntl(guard->nothing, F_DUPFD_CLOEXEC, 3);
  guard->zap = zmq_socket(guard->context, ZMQ_REP);
  guard->capacity = 16;
  guard->items = plt_mem_resize(guard->items, guard->capacity, sizeof *guard->items);
  if (guard->zap != NULL) zmq_setsockopt(guard->zap, ZMQ_LINGER, &linger, sizeof linger);
  if (guard->wake >= 0 && guard->spare >= 0 && guard->zap != NULL && zmq_bind(guard->zap, ZAP_ENDPOINT) == 0 &&
      pthread_create(&guard->thread, NULL, guard_main, guard) == 0) {
    guard->running = true;
    return PLT_OK;
  }
  plt_status_t status = plt_fail_errno(PLT_ERR_CREATE, "cannot guard the sockets of this process");
  if (guard->zap != NULL) zmq_close(guard->zap);
  if (guard->wake >= 0) close(guard->wake);
  if (guard->nothing >= 0) close(guard->nothing);
  if (guard->spare >= 0) close(guard->spare);
  return status;
}

/* ---- from other threads ---- */

plt_guard_t *plt_guard_create(void *context) {
  plt_guard_t *guard = plt_mem_zalloc(1, sizeof *guard);
  guard->context = context;
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
    zmq_close(guard->zap);
    close(guard->wake);
    close(guard->nothing);
    close(guard->spare);
  }
  pthread_cond_destroy(&guard->left);
  pthread_mutex_destroy(&guard->lock);
  free(guard->items);
  free(guard->polled);
  free(guard->connections);
  explicit_bzero(guard, sizeof *guard);
  free(guard);
  *guard_at = NULL;
}

void plt_guard_secure(plt_guard_t *guard, const plt_secret_t *secret) {
  guard->secret = *secret;
  if (secret->mode == PLT_SECURITY_CURVE) zmq_z85_decode(guard->client_key, secret->client_public);
}

plt_guard_count_t plt_guard_count(plt_guard_t *guard) {
  pthread_mutex_lock(&guard->lock);
  plt_guard_count_t count = guard->count;
  pthread_mutex_unlock(&guard->lock);
  return count;
}

static bool is_scheme(const char *endpoint, const char *scheme) {
  return strncmp(endpoint, scheme, strlen(scheme)) == 0;
}

static int set_text(void *socket, int option, const char *text) {
  return zmq_setsockopt(socket, option, text, strlen(text));
}

static int secure_server(const plt_secret_t *secret, void *socket) {
  int on = 1, failed = 0;
  if (secret->mode == PLT_SECURITY_NONE) return 0;
  failed |= set_text(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN);
  if (secret->mode == PLT_SECURITY_TOKEN) failed |= zmq_setsockopt(socket, ZMQ_PLAIN_SERVER, &on, sizeof on);
  if (secret->mode == PLT_SECURITY_CURVE) {
    failed |= zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on);
    failed |= set_text(socket, ZMQ_CURVE_SECRETKEY, secret->server_secret);
  }
  return failed;
}

static int secure_client(const plt_secret_t *secret, void *socket) {
  int failed = 0;
  if (secret->mode == PLT_SECURITY_TOKEN) {
    failed |= set_text(socket, ZMQ_PLAIN_USERNAME, USER_NAME);
    failed |= set_text(socket, ZMQ_PLAIN_PASSWORD, secret->token);
  }
  if (secret->mode == PLT_SECURITY_CURVE) {
    failed |= set_text(socket, ZMQ_CURVE_SERVERKEY, secret->server_public);
    failed |= set_text(socket, ZMQ_CURVE_PUBLICKEY, secret->client_public);
    failed |= set_text(socket, ZMQ_CURVE_SECRETKEY, secret->client_secret);
  }
  return failed;
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
  if (watch->monitor == NULL || zmq_socket_monitor(socket, name, events) != 0 ||
      zmq_connect(watch->monitor, name) != 0) {
    plt_status_t status = plt_fail(PLT_ERR_CREATE, "cannot watch a socket: %s", zmq_strerror(errno));
    zmq_socket_monitor(socket, NULL, 0);
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
  if (secure_server(&guard->secret, socket) != 0)
    return plt_fail(PLT_ERR_CREATE, "cannot secure %s: %s", endpoints[0], zmq_strerror(errno));
  zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake, sizeof handshake);
  if (!tcp) return PLT_OK; /* ipc: the directory lets nobody else in */
  return watch_socket(guard, socket, ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED, out);
}

plt_status_t plt_guard_connect(plt_guard_t *guard, void *socket, const char *endpoint, plt_watch_t **out) {
  *out = NULL;
  if (is_scheme(endpoint, "inproc:")) return PLT_OK;
  PLT_TRY(start_locked(guard));
  if (secure_client(&guard->secret, socket) != 0)
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
  zmq_socket_monitor(watch->socket, NULL, 0); /* while the thread still reads */
  pthread_mutex_lock(&guard->lock);
  watch->leaving = guard->changed = true;
  eventfd_write(guard->wake, 1);
  while (!watch->gone) pthread_cond_wait(&guard->left, &guard->lock);
  pthread_mutex_unlock(&guard->lock);
  free(watch);
  *watch_at = NULL;
}

bool plt_guard_any_refusal(const plt_guard_t *guard) { return atomic_load(&guard->refusals) > 0; }

const char *plt_watch_refusal(const plt_watch_t *watch) { return watch == NULL ? NULL : atomic_load(&watch->refusal); }
