/* ports.c - see ports.h.
 *
 * Ports. When as many connections are open as the process can bear (plt_connections_limit), the listening sockets get a
 * packet filter that drops everything: newcomers wait in the kernel of their own machine, open connections do not
 * notice, and libzmq is never asked to accept what it has no descriptor for (it would spin). Accepting costs the io
 * thread time that open connections need, so it is rationed, too: a ticket for each newcomer, given back when it proves
 * itself; as many as connections at first, PLT_STRANGERS_PER_S new ones; without a ticket left the ports are shut.
 *
 * Strangers. libzmq ends a handshake that takes longer than ZMQ_HANDSHAKE_IVL, but lets a stranger fill a frame of
 * ZMQ_MAXMSGSIZE until then, and cannot be hurried when connections run out. So connections are looked at in every
 * sweep until they have proved themselves, and shut down when they take too long or send too much. At most
 * PLT_STRANGERS_MAX are kept: one more, and the oldest goes. (Shutting the ports instead would keep everybody out:
 * strangers who come back at once are always there first.) The sign of proof is the kernel's count of bytes that the
 * peer has acknowledged: without the secret a peer gets 64 bytes of greeting and at most a short error, with it more
 * than 100.
 *
 * Descriptors are closed and used again by another thread at any moment; they are only touched through a duplicate,
 * and only if it still is the socket (st_ino) that was accepted. */
#include "proto/wire/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/time.h"

enum {
  PROOF_BYTES = 100, /* acknowledged by a peer that has proved itself; strangers: 64 to 76 */
  BACKLOG = 1024
};

typedef struct port {
  const void *owner;
  int descriptor; /* a duplicate */
} port_t;

/* index: its descriptor. Those without a proof are a ring in order of arrival through place 0, which is no
 * connection. */
typedef struct connection {
  const void *owner; /* NULL: none */
  ino_t socket;
  int64_t since_ns;
  bool proved;
  uint32_t older, newer; /* while it has not proved itself */
} connection_t;

struct plt_ports {
  uint32_t limit, strangers; /* connections at most; of them unproved */
  port_t *ports;
  size_t n_ports, ports_capacity;
  connection_t *connections;
  size_t n_connections;
  uint32_t unproved;
  double tickets; /* for newcomers */
  int64_t swept_ns;
  bool shut;
  int nothing, spare; /* /dev/null, and the place for duplicates: kept, so that they are there when none is free */
  plt_guard_count_t count;
};

plt_status_t plt_ports_create(plt_ports_t **out) {
  plt_ports_t *ports = plt_mem_zalloc(1, sizeof *ports);
  ports->limit = plt_connections_limit();
  ports->strangers = ports->limit / 2 < PLT_STRANGERS_MAX ? ports->limit / 2 : PLT_STRANGERS_MAX;
  ports->tickets = ports->limit;
  ports->swept_ns = plt_time_ns();
  ports->nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  ports->spare = ports->nothing < 0 ? -1 : fcntl(ports->nothing, F_DUPFD_CLOEXEC, 3);
  if (ports->spare < 0) {
    plt_status_t status = plt_fail_errno(PLT_ERR_CREATE, "cannot guard the ports of this process: /dev/null");
    plt_ports_destroy(&ports);
    return status;
  }
  *out = ports;
  return PLT_OK;
}

void plt_ports_destroy(plt_ports_t **ports_at) {
  plt_ports_t *ports = *ports_at;
  if (ports == NULL) return;
  for (size_t i = 0; i < ports->n_ports; i++) close(ports->ports[i].descriptor);
  if (ports->nothing >= 0) close(ports->nothing);
  if (ports->spare >= 0) close(ports->spare);
  free(ports->ports);
  free(ports->connections);
  free(ports);
  *ports_at = NULL;
}

/* ---- listening sockets ---- */

void plt_ports_listen(plt_ports_t *ports, const void *owner, uint32_t descriptor) {
  int accepts = 0, domain = 0, unused = 0, copy;
  socklen_t bytes = sizeof accepts;
  if ((copy = fcntl((int)descriptor, F_DUPFD_CLOEXEC, 3)) < 0) return;
  if (getsockopt(copy, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &bytes) != 0 || !accepts ||
      getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) != 0 || (domain != AF_INET && domain != AF_INET6)) {
    close(copy);
    return;
  }
  listen(copy, ports->limit < BACKLOG ? (int)ports->limit : BACKLOG);
  setsockopt(copy, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused); /* of a predecessor that shut it */
  PLT_MEM_GROW(ports->ports, ports->n_ports, ports->ports_capacity);
  ports->ports[ports->n_ports++] = (port_t){owner, copy};
}

/* Lets newcomers in or keeps them waiting, at all ports. */
static void shut_ports(plt_ports_t *ports, bool shut) {
  struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  struct sock_fprog program = {1, &nothing};
  int unused = 0;
  for (size_t i = 0; i < ports->n_ports; i++) {
    if (shut)
      setsockopt(ports->ports[i].descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    else
      setsockopt(ports->ports[i].descriptor, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
  }
  ports->shut = shut;
}

/* ---- connections ---- */

static void join_strangers(plt_ports_t *ports, uint32_t descriptor) {
  connection_t *all = ports->connections;
  all[descriptor].older = all[0].older;
  all[descriptor].newer = 0;
  all[all[0].older].newer = descriptor;
  all[0].older = descriptor;
  ports->unproved++;
}

static void leave_strangers(plt_ports_t *ports, const connection_t *connection) {
  ports->connections[connection->older].newer = connection->newer;
  ports->connections[connection->newer].older = connection->older;
  ports->unproved--;
}

static void forget(plt_ports_t *ports, size_t descriptor) {
  connection_t *connection = &ports->connections[descriptor];
  if (connection->owner == NULL) return;
  if (!connection->proved) leave_strangers(ports, connection);
  *connection = (connection_t){0};
  ports->count.open--;
}

/* Looks at a connection through `spare`; false if the descriptor is another thing by now. */
static bool hold(plt_ports_t *ports, size_t descriptor) {
  struct stat about;
  int held;
  do held = dup3((int)descriptor, ports->spare, O_CLOEXEC);
  while (held < 0 && (errno == EBUSY || errno == EINTR));
  if (held < 0) return false;
  return fstat(ports->spare, &about) == 0 && about.st_ino == ports->connections[descriptor].socket;
}

static void let_go(plt_ports_t *ports) { dup3(ports->nothing, ports->spare, O_CLOEXEC); }

/* Whether the connection in `spare` has proved itself; else *received is what it has sent. */
static bool has_proved(plt_ports_t *ports, uint64_t *received) {
  struct tcp_info info = {0};
  socklen_t bytes = sizeof info;
  *received = 0;
  if (getsockopt(ports->spare, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) return true;
  if (bytes < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return true;
  *received = info.tcpi_bytes_received;
  return info.tcpi_bytes_acked > PROOF_BYTES;
}

/* Looks at a connection that has not proved itself: whether it has by now, is another thing, or has to go. */
static void check(plt_ports_t *ports, uint32_t descriptor, int64_t before_ns) {
  connection_t *connection = &ports->connections[descriptor];
  uint64_t received;
  if (!hold(ports, descriptor)) {
    forget(ports, descriptor);
  } else if (has_proved(ports, &received)) {
    leave_strangers(ports, connection);
    connection->proved = true;
    ports->tickets += 1;
  } else if (received > PLT_STRANGER_BYTES || connection->since_ns < before_ns) {
    shutdown(ports->spare, SHUT_RDWR); /* libzmq sees the end and closes it */
    forget(ports, descriptor);
    ports->count.dropped++;
  }
}

static bool is_full(const plt_ports_t *ports) { return ports->count.open >= ports->limit; }

void plt_ports_accept(plt_ports_t *ports, const void *owner, uint32_t descriptor) {
  struct stat about;
  if (descriptor == 0) return; /* of a process that was started without standard input: libzmq's limits suffice */
  if (fstat((int)descriptor, &about) != 0) about.st_ino = 0; /* gone already: its end is announced too */
  if (descriptor >= ports->n_connections) {
    size_t n = 2 * (size_t)descriptor + 64;
    ports->connections = plt_mem_resize(ports->connections, n, sizeof *ports->connections);
    memset(ports->connections + ports->n_connections, 0, (n - ports->n_connections) * sizeof *ports->connections);
    ports->n_connections = n;
  }
  forget(ports, descriptor); /* an end that was not announced */
  ports->connections[descriptor] = (connection_t){.owner = owner, .socket = about.st_ino, .since_ns = plt_time_ns()};
  join_strangers(ports, descriptor);
  ports->tickets -= 1;
  ports->count.accepted++;
  if (++ports->count.open > ports->count.peak) ports->count.peak = ports->count.open;
  while ((ports->unproved > ports->strangers || is_full(ports)) && ports->connections[0].newer != descriptor)
    check(ports, ports->connections[0].newer, INT64_MAX);
  let_go(ports);
  if (ports->shut || (!is_full(ports) && ports->tickets >= 0)) return;
  ports->count.closures++;
  shut_ports(ports, true);
}

void plt_ports_end(plt_ports_t *ports, uint32_t descriptor) {
  if (descriptor >= ports->n_connections) return;
  const connection_t *connection = &ports->connections[descriptor];
  if (connection->owner != NULL && !connection->proved) ports->count.ended++;
  forget(ports, descriptor);
}

void plt_ports_leave(plt_ports_t *ports, const void *owner) {
  size_t kept = 0;
  for (size_t i = 0; i < ports->n_ports; i++) {
    if (ports->ports[i].owner == owner)
      close(ports->ports[i].descriptor);
    else
      ports->ports[kept++] = ports->ports[i];
  }
  ports->n_ports = kept;
  for (size_t i = 0; i < ports->n_connections; i++)
    if (ports->connections[i].owner == owner) forget(ports, i);
}

/* ---- now and then ---- */

bool plt_ports_is_busy(const plt_ports_t *ports) { return ports->unproved > 0 || ports->shut; }

static void add_tickets(plt_ports_t *ports, int64_t now_ns) {
  ports->tickets += (double)(now_ns - ports->swept_ns) / (double)PLT_NS_PER_S * PLT_STRANGERS_PER_S;
  if (ports->tickets > ports->limit) ports->tickets = ports->limit;
  ports->swept_ns = now_ns;
}

void plt_ports_sweep(plt_ports_t *ports, int64_t now_ns) {
  int64_t before_ns = now_ns - PLT_HANDSHAKE_MS * PLT_NS_PER_MS;
  add_tickets(ports, now_ns);
  for (uint32_t i = ports->unproved > 0 ? ports->connections[0].newer : 0, next; i != 0; i = next) {
    next = ports->connections[i].newer;
    check(ports, i, before_ns);
  }
  for (size_t i = 0; ports->shut && i < ports->n_connections; i++) /* ends that were not announced */
    if (ports->connections[i].owner != NULL && ports->connections[i].proved && !hold(ports, i)) forget(ports, i);
  let_go(ports);
  if (ports->shut && !is_full(ports) && ports->tickets >= 1) shut_ports(ports, false);
}

plt_guard_count_t plt_ports_count(const plt_ports_t *ports) { return ports->count; }
