/* wire.c - see wire.h.
 *
 * No call here waits but those with a timeout: a send that would wait is dropped, for whoever asks asks again. All
 * limits that a peer may meet are options of the sockets, set in open_socket(), or in guard.c. */
#include "proto/wire/wire.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/mem.h"
#include "common/time.h"
#include "proto/wire/calls.h"
#include "proto/wire/guard.h"
#include "proto/wire/parcel.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

enum {
  SILENCE_MS = 15000, /* of the other machine's kernel, after which a connection is given up */
  KEEPALIVE_IDLE_S = 5,
  KEEPALIVE_NEXT_S = 5,
  KEEPALIVE_TIMES = 2,
  HANDSHAKE_MS = 5000,
  LINGER_MS = 1000,
  QUEUE = 1024, /* messages per peer: requests are few and large, and go in up to PLT_PARTS_MAX parts */
  BACKLOG = 1024,
  MMAP_FROM = 32 << 20,  /* bytes that malloc maps by themselves: glibc takes no more */
  KEEP_FREE = 64 << 20,  /* bytes at the end of a heap that stay with the process */
  EAGER_NS = 100 * 1000, /* that a thread looks for a message of the same process before it sleeps */
  RECONNECT_MS = 10,
  RECONNECT_MAX_MS = 500
};

/* ---- the wire ---- */

struct plt_wire {
  void *context;
  plt_pool_t *pool;
  plt_guard_t *guard;
};

/* libzmq takes memory for each large frame that comes, and we give it back when the frame was used. By its defaults
 * glibc would return such memory to the system each time, and every page of the next frame would be a fault. */
static void keep_frame_memory(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
  mallopt(M_TRIM_THRESHOLD, KEEP_FREE);
#endif
}

plt_wire_t *plt_wire_create(void) {
  keep_frame_memory();
  plt_wire_t *wire = plt_mem_zalloc(1, sizeof *wire);
  wire->context = zmq_ctx_new();
  if (wire->context == NULL) plt_mem_exhausted("a context of ZeroMQ");
  wire->guard = plt_guard_create(wire->context);
  wire->pool = plt_pool_create();
  return wire;
}

void plt_wire_destroy(plt_wire_t **wire) {
  if (*wire == NULL) return;
  plt_guard_destroy(&(*wire)->guard);
  plt_zmq_ctx_term((*wire)->context);
  plt_pool_destroy(&(*wire)->pool);
  free(*wire);
  *wire = NULL;
}

plt_pool_t *plt_wire_pool(plt_wire_t *wire) { return wire->pool; }

void plt_wire_secure(plt_wire_t *wire, const plt_secret_t *secret) { plt_guard_secure(wire->guard, secret); }

plt_guard_count_t plt_wire_guard_count(plt_wire_t *wire) { return plt_guard_count(wire->guard); }

static void *open_socket(plt_wire_t *wire, int type) {
  void *socket = zmq_socket(wire->context, type);
  if (socket == NULL) return NULL;
  const struct {
    int option, value;
  } settings[] = {{ZMQ_LINGER, LINGER_MS},
                  {ZMQ_SNDHWM, QUEUE},
                  {ZMQ_RCVHWM, QUEUE},
                  {ZMQ_TCP_MAXRT, SILENCE_MS},
                  {ZMQ_TCP_KEEPALIVE, 1},
                  {ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S},
                  {ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_NEXT_S},
                  {ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_TIMES},
                  {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
                  {ZMQ_RECONNECT_IVL, RECONNECT_MS},
                  {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
                  {ZMQ_BACKLOG, BACKLOG}};
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    zmq_setsockopt(socket, settings[i].option, &settings[i].value, sizeof settings[i].value);
  int64_t max_frame = PLT_FRAME_BYTES_MAX;
  zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame);
  return socket;
}

static void count_in(plt_wire_count_t *count, const plt_parcel_t *in) {
  count->messages_in++;
  count->bytes_in += plt_parcel_bytes(in);
  count->damaged_in += plt_parcel_is_damaged(in);
}

static bool is_inproc(const char *endpoint) { return strncmp(endpoint, "inproc:", 7) == 0; }

/* ---- listener ---- */

struct plt_listener {
  void *socket;
  bool has_digest;    /* not where both ends are of one process */
  bool waits_briefly; /* has waited so lately */
  plt_watch_t *watch;
  char address[512];
  plt_wire_count_t count;
};

static plt_status_t open_listener(plt_wire_t *wire, const char *const *endpoints, size_t n, plt_listener_t **out) {
  plt_listener_t *listener = plt_mem_zalloc(1, sizeof *listener);
  int on = 1;
  listener->socket = open_socket(wire, ZMQ_ROUTER);
  listener->has_digest = !is_inproc(endpoints[0]);
  *out = listener;
  if (listener->socket == NULL) return plt_fail(PLT_ERR_CREATE, "cannot make a socket: %s", zmq_strerror(errno));
  zmq_setsockopt(listener->socket, ZMQ_ROUTER_MANDATORY, &on, sizeof on); /* else a full peer drops silently */
  zmq_setsockopt(listener->socket, ZMQ_ROUTER_HANDOVER, &on, sizeof on);
  return plt_guard_listen(wire->guard, listener->socket, endpoints, n, &listener->watch);
}

static plt_status_t bind_listener(plt_listener_t *listener, const char *endpoint) {
  size_t bytes = sizeof listener->address;
  if (plt_zmq_bind(listener->socket, endpoint) == 0 &&
      zmq_getsockopt(listener->socket, ZMQ_LAST_ENDPOINT, listener->address, &bytes) == 0)
    return PLT_OK;
  return plt_fail(PLT_ERR_CREATE, "cannot listen at %s: %s", endpoint, zmq_strerror(errno));
}

plt_status_t plt_listener_open(plt_wire_t *wire, const char *endpoint, plt_listener_t **out) {
  plt_status_t status = open_listener(wire, &endpoint, 1, out);
  if (status == PLT_OK) status = bind_listener(*out, endpoint);
  if (status != PLT_OK) plt_listener_close(out);
  return status;
}

plt_status_t plt_listener_inherit(plt_wire_t *wire, const char *const *endpoints, const int *sockets, size_t n,
                                  plt_listener_t **out) {
  plt_status_t status = open_listener(wire, endpoints, n, out);
  for (size_t i = 0; i < n && status == PLT_OK; i++) {
    zmq_setsockopt((*out)->socket, ZMQ_USE_FD, &sockets[i], sizeof sockets[i]);
    status = bind_listener(*out, endpoints[i]);
  }
  if (status != PLT_OK) plt_listener_close(out);
  return status;
}

static void wait_for(void *socket, int descriptor, int timeout_ms) {
  zmq_pollitem_t items[2] = {{.socket = socket, .events = ZMQ_POLLIN}, {.fd = descriptor, .events = ZMQ_POLLIN}};
  zmq_poll(items, descriptor < 0 ? 1 : 2, timeout_ms);
}

void plt_listener_wait(plt_listener_t *listener, int descriptor, int timeout_ms) {
  wait_for(listener->socket, descriptor, timeout_ms);
}

void plt_listener_close(plt_listener_t **listener) {
  if (*listener == NULL) return;
  plt_guard_leave(&(*listener)->watch);
  if ((*listener)->socket != NULL) zmq_close((*listener)->socket);
  free(*listener);
  *listener = NULL;
}

const char *plt_listener_address(const plt_listener_t *listener) { return listener->address; }

/* zmq_poll(). A thread that sleeps takes some 50 us to wake, as long as a small step takes in one process. So where
 * waits have been short lately, and the other end is no socket, it looks a while first, and lets others go before. */
static int wait_eagerly(zmq_pollitem_t *items, size_t n, int timeout_ms, bool eager, bool *brief) {
  int ready = 0;
  if (!eager || timeout_ms == 0) return zmq_poll(items, (int)n, timeout_ms);
  int64_t began = plt_time_ns();
  while (*brief && ready == 0 && plt_time_ns() - began < EAGER_NS) {
    ready = zmq_poll(items, (int)n, 0);
    if (ready == 0) sched_yield();
  }
  if (ready == 0) ready = zmq_poll(items, (int)n, timeout_ms);
  *brief = plt_time_ns() - began < (int64_t)2 * EAGER_NS;
  return ready;
}

plt_status_t plt_listener_receive(plt_listener_t *listener, int timeout_ms, plt_route_t *from, plt_parcel_t *in,
                                  bool *got) {
  zmq_pollitem_t item = {.socket = listener->socket, .events = ZMQ_POLLIN};
  *got = false;
  if (wait_eagerly(&item, 1, timeout_ms, !listener->has_digest, &listener->waits_briefly) < 0 && errno != EINTR)
    return plt_fail(PLT_ERR_BUG, "cannot poll %s: %s", listener->address, zmq_strerror(errno));
  if (!(item.revents & ZMQ_POLLIN)) return PLT_OK;
  zmq_msg_t identity;
  zmq_msg_init(&identity);
  if (zmq_msg_recv(&identity, listener->socket, ZMQ_DONTWAIT) < 0) {
    zmq_msg_close(&identity);
    return PLT_OK; /* another wake-up will come */
  }
  bool usable = zmq_msg_more(&identity) && zmq_msg_size(&identity) <= PLT_ROUTE_MAX;
  from->n = usable ? zmq_msg_size(&identity) : 0;
  memcpy(from->bytes, zmq_msg_data(&identity), from->n);
  bool more = zmq_msg_more(&identity);
  zmq_msg_close(&identity);
  if (more && plt_parcel_receive(listener->socket, in, listener->has_digest) != 0) return PLT_OK;
  if (!usable) return PLT_OK;
  count_in(&listener->count, in);
  *got = true;
  return PLT_OK;
}

plt_status_t plt_listener_send(plt_listener_t *listener, const plt_route_t *to, plt_parcel_t *out) {
  int sent;
  do {
    sent = zmq_send(listener->socket, to->bytes, to->n, ZMQ_SNDMORE | ZMQ_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 || plt_parcel_send(listener->socket, out, listener->has_digest, ZMQ_DONTWAIT) != 0) {
    if (errno == EHOSTUNREACH || errno == EAGAIN) return PLT_OK;
    return plt_fail(PLT_ERR_BUG, "cannot send from %s: %s", listener->address, zmq_strerror(errno));
  }
  listener->count.messages_out++;
  listener->count.bytes_out += plt_parcel_bytes(out);
  return PLT_OK;
}

plt_wire_count_t plt_listener_count(const plt_listener_t *listener) { return listener->count; }

/* ---- links ---- */

struct plt_links {
  size_t n, next; /* next: where the next poll begins to look, so that no server is favoured */
  zmq_pollitem_t *items;
  const plt_guard_t *guard;
  unsigned breaks; /* of the guard, as seen last */
  plt_watch_t **watches;
  char **addresses;
  bool waits_briefly;
  plt_wire_count_t count;
};

plt_status_t plt_links_open(plt_wire_t *wire, const char *const *addresses, size_t n, plt_links_t **out) {
  plt_links_t *links = plt_mem_zalloc(1, sizeof *links);
  plt_status_t status = PLT_OK;
  links->guard = wire->guard;
  links->items = plt_mem_zalloc(n, sizeof *links->items);
  links->watches = plt_mem_zalloc(n, sizeof *links->watches);
  links->addresses = plt_mem_zalloc(n, sizeof *links->addresses);
  while (links->n < n && status == PLT_OK) {
    size_t i = links->n++;
    void *socket = open_socket(wire, ZMQ_DEALER);
    links->items[i] = (zmq_pollitem_t){.socket = socket, .events = ZMQ_POLLIN};
    links->addresses[i] = plt_mem_strdup(addresses[i]);
    if (socket != NULL && strncmp(addresses[i], "tcp://[", 7) == 0)
      zmq_setsockopt(socket, ZMQ_IPV6, &(int){1}, sizeof(int));
    if (socket != NULL) status = plt_guard_connect(wire->guard, socket, addresses[i], &links->watches[i]);
    if (status == PLT_OK && (socket == NULL || plt_zmq_connect(socket, addresses[i]) != 0))
      status = plt_fail(PLT_ERR_PEER, "cannot connect to server %zu at %s: %s", i, addresses[i], zmq_strerror(errno));
  }
  if (status != PLT_OK) {
    plt_links_close(&links);
    return status;
  }
  *out = links;
  return PLT_OK;
}

void plt_links_close(plt_links_t **links_at) {
  plt_links_t *links = *links_at;
  if (links == NULL) return;
  for (size_t i = 0; i < links->n; i++) {
    plt_guard_leave(&links->watches[i]);
    if (links->items[i].socket != NULL) zmq_close(links->items[i].socket);
    free(links->addresses[i]);
  }
  free(links->items);
  free(links->watches);
  free(links->addresses);
  free(links);
  *links_at = NULL;
}

/* A server that refuses the secret does so for good: libzmq stays silent from then on. */
static plt_status_t check_refusals(const plt_links_t *links) {
  for (size_t i = 0; i < links->n; i++) {
    const char *why = plt_watch_refusal(links->watches[i]);
    if (why != NULL)
      return plt_fail(PLT_ERR_PEER, "server %zu at %s does not let this process in: %s (cluster.security)", i,
                      links->addresses[i], why);
  }
  return PLT_OK;
}

void plt_links_wait(plt_links_t *links, int descriptor, int timeout_ms) {
  wait_for(links->items[0].socket, descriptor, timeout_ms);
}

bool plt_links_are_near(const plt_links_t *links, size_t server) {
  return strncmp(links->addresses[server], "ipc:", 4) == 0;
}

plt_status_t plt_links_send(plt_links_t *links, size_t server, plt_parcel_t *out) {
  bool has_digest = !is_inproc(links->addresses[server]);
  if (plt_parcel_send(links->items[server].socket, out, has_digest, ZMQ_DONTWAIT) != 0) {
    if (errno == EAGAIN) return PLT_OK; /* the queue is full of requests that wait for this server: ask again */
    return plt_fail(PLT_ERR_PEER, "cannot send to server %zu: %s", server, zmq_strerror(errno));
  }
  links->count.messages_out++;
  links->count.bytes_out += plt_parcel_bytes(out);
  return PLT_OK;
}

bool plt_links_renew(plt_links_t *links, size_t server) {
  if (is_inproc(links->addresses[server])) return false;
  plt_zmq_disconnect(links->items[server].socket, links->addresses[server]); /* fails for one that was given up */
  return plt_zmq_connect(links->items[server].socket, links->addresses[server]) == 0;
}

/* What was lost with them is asked again when it has been missed. */
static void mend(plt_links_t *links) {
  unsigned breaks = plt_guard_breaks(links->guard);
  if (breaks == links->breaks) return;
  links->breaks = breaks;
  for (size_t i = 0; i < links->n; i++)
    if (plt_watch_take_break(links->watches[i])) plt_links_renew(links, i);
}

plt_status_t plt_links_receive(plt_links_t *links, int timeout_ms, size_t *server, plt_parcel_t *in, bool *got) {
  *got = false;
  if (plt_guard_any_refusal(links->guard)) PLT_TRY(check_refusals(links));
  mend(links);
  if (wait_eagerly(links->items, links->n, timeout_ms, is_inproc(links->addresses[0]), &links->waits_briefly) < 0 &&
      errno != EINTR)
    return plt_fail(PLT_ERR_PEER, "cannot poll the servers: %s", zmq_strerror(errno));
  for (size_t k = 0; k < links->n; k++) {
    size_t i = (links->next + k) % links->n;
    if (!(links->items[i].revents & ZMQ_POLLIN)) continue;
    links->next = i + 1;
    if (plt_parcel_receive(links->items[i].socket, in, !is_inproc(links->addresses[i])) != 0) return PLT_OK;
    count_in(&links->count, in);
    *server = i;
    *got = true;
    return PLT_OK;
  }
  return PLT_OK;
}

plt_wire_count_t plt_links_count(const plt_links_t *links) { return links->count; }

void plt_wire_library(char *out, size_t bytes) {
  int major, minor, patch;
  zmq_version(&major, &minor, &patch);
  snprintf(out, bytes, "ZeroMQ %d.%d.%d", major, minor, patch);
}
