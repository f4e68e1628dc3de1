/* doors.c - see doors.h.
 *
 * Everything happens in turns of the proxy's loop: listeners are tried in every turn, whoever asks has ASKER_NS to say
 * one line. Where no descriptor is left, newcomers wait in the kernel for a second. */
#include "launch/fault/doors.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/time.h"
#include "launch/fault/forward.h"

enum { BACKLOG = 1024, DOORS_MAX = 4096, ASKERS_MAX = 256 };
#define ASKER_NS (10 * PLT_NS_PER_S)

typedef struct address {
  struct sockaddr_storage place;
  socklen_t bytes;
} address_t;

/* A port that leads to a server. */
typedef struct door {
  int listener;
  uint16_t port;
  address_t to;
} door_t;

/* A connection to where the proxy is asked. */
typedef struct asker {
  int fd;
  int64_t since_ns;
  char line[PLT_FORWARD_LINE_MAX];
  size_t n;
} asker_t;

struct plt_fault_doors {
  int epoll, listener;
  address_t at;
  char text[PLT_HOST_PORT_MAX];
  door_t *doors;
  size_t n_doors, capacity;
  asker_t askers[ASKERS_MAX];
  size_t n_askers;
  int64_t rested_until_ns; /* no descriptors were left */
};

/* ---- life ---- */

/* Listeners are told of once: they are looked at in every turn, and newcomers may have to wait. */
static plt_status_t watch(const plt_fault_doors_t *doors, int fd, uint32_t events) {
  struct epoll_event event = {.events = events};
  if (epoll_ctl(doors->epoll, EPOLL_CTL_ADD, fd, &event) == 0) return PLT_OK;
  return plt_fail_errno(PLT_ERR_CREATE, "cannot wait for sockets");
}

/* Listens at a place; its port is filled in. */
static plt_status_t listen_at(const plt_fault_doors_t *doors, address_t *at, int *out) {
  int fd = socket(at->place.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  plt_status_t status = PLT_OK;
  if (fd < 0 || bind(fd, (struct sockaddr *)&at->place, at->bytes) != 0 || listen(fd, BACKLOG) != 0 ||
      getsockname(fd, (struct sockaddr *)&at->place, &at->bytes) != 0)
    status = plt_fail_errno(PLT_ERR_CREATE, "cannot listen there");
  if (status == PLT_OK) status = watch(doors, fd, EPOLLIN | EPOLLET);
  if (status == PLT_OK)
    *out = fd;
  else if (fd >= 0)
    close(fd);
  return status;
}

static void describe(const address_t *at, char text[PLT_HOST_PORT_MAX]) {
  char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";
  getnameinfo((const struct sockaddr *)&at->place, at->bytes, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(text, PLT_HOST_PORT_MAX, at->place.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static void set_port(address_t *at, uint16_t port) {
  if (at->place.ss_family == AF_INET6)
    ((struct sockaddr_in6 *)&at->place)->sin6_port = htons(port);
  else
    ((struct sockaddr_in *)&at->place)->sin_port = htons(port);
}

static uint16_t port_of(const address_t *at) {
  return ntohs(at->place.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&at->place)->sin6_port
                                               : ((const struct sockaddr_in *)&at->place)->sin_port);
}

plt_status_t plt_fault_doors_open(const char *text, int epoll, plt_fault_doors_t **out) {
  plt_host_port_t place;
  plt_fault_doors_t *doors = plt_mem_zalloc(1, sizeof *doors);
  doors->epoll = epoll;
  doors->listener = -1;
  plt_status_t status = plt_host_port_parse(text, "--listen", &place);
  if (status == PLT_OK) status = plt_host_port_resolve(&place, "--listen", &doors->at.place, &doors->at.bytes);
  if (status == PLT_OK) {
    status = listen_at(doors, &doors->at, &doors->listener);
    if (status != PLT_OK) plt_fail_within(status, "--listen %s", text);
  }
  if (status != PLT_OK) {
    plt_fault_doors_close(&doors);
    return status;
  }
  describe(&doors->at, doors->text);
  *out = doors;
  return PLT_OK;
}

void plt_fault_doors_close(plt_fault_doors_t **doors_at) {
  plt_fault_doors_t *doors = *doors_at;
  if (doors == NULL) return;
  if (doors->listener >= 0) close(doors->listener);
  for (size_t i = 0; i < doors->n_doors; i++) close(doors->doors[i].listener);
  for (size_t i = 0; i < doors->n_askers; i++) close(doors->askers[i].fd);
  free(doors->doors);
  free(doors);
  *doors_at = NULL;
}

const char *plt_fault_doors_address(const plt_fault_doors_t *doors) { return doors->text; }

/* ---- asked ---- */

/* The port that leads to a server, opened if need be. */
static plt_status_t door_to(plt_fault_doors_t *doors, const address_t *to, uint16_t *port) {
  for (size_t i = 0; i < doors->n_doors; i++) {
    const address_t *other = &doors->doors[i].to;
    *port = doors->doors[i].port;
    if (other->bytes == to->bytes && memcmp(&other->place, &to->place, to->bytes) == 0) return PLT_OK;
  }
  if (doors->n_doors == DOORS_MAX) return plt_fail(PLT_ERR_CREATE, "%d servers are all that fit", DOORS_MAX);
  door_t door = {.to = *to};
  address_t at = doors->at;
  set_port(&at, 0);
  PLT_TRY(listen_at(doors, &at, &door.listener));
  *port = door.port = port_of(&at);
  PLT_MEM_GROW(doors->doors, doors->n_doors, doors->capacity);
  doors->doors[doors->n_doors++] = door;
  return PLT_OK;
}

/* One line fits into the buffer of a socket that has sent nothing yet. */
static void answer(plt_fault_doors_t *doors, const asker_t *asker) {
  address_t to = {0};
  uint16_t port = 0;
  char text[PLT_FORWARD_LINE_MAX];
  plt_status_t status = plt_fault_forward_parse(asker->line, &to.place, &to.bytes);
  if (status == PLT_OK) status = door_to(doors, &to, &port);
  if (status == PLT_OK)
    snprintf(text, sizeof text, "%u\n", (unsigned)port);
  else
    snprintf(text, sizeof text, "refused: %.256s\n", plt_fail_text());
  send(asker->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whether the conversation is over. */
static bool converse(plt_fault_doors_t *doors, asker_t *asker, int64_t now_ns) {
  ssize_t got = recv(asker->fd, asker->line + asker->n, sizeof asker->line - 1 - asker->n, MSG_DONTWAIT);
  if (got < 0) return (errno != EAGAIN && errno != EINTR) || now_ns - asker->since_ns > ASKER_NS;
  asker->n += (size_t)got;
  char *end = memchr(asker->line, '\n', asker->n);
  if (end == NULL) return got == 0 || asker->n == sizeof asker->line - 1;
  *end = '\0';
  answer(doors, asker);
  return true;
}

static int accept_at(plt_fault_doors_t *doors, int listener, int64_t now_ns) {
  if (now_ns < doors->rested_until_ns) return -1;
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
    doors->rested_until_ns = now_ns + PLT_NS_PER_S;
  return fd;
}

void plt_fault_doors_serve(plt_fault_doors_t *doors, int64_t now_ns) {
  size_t kept = 0;
  while (doors->n_askers < ASKERS_MAX) {
    int fd = accept_at(doors, doors->listener, now_ns);
    if (fd < 0) break;
    if (watch(doors, fd, EPOLLIN) != PLT_OK) {
      close(fd);
      break;
    }
    doors->askers[doors->n_askers++] = (asker_t){.fd = fd, .since_ns = now_ns};
  }
  for (size_t i = 0; i < doors->n_askers; i++) {
    if (converse(doors, &doors->askers[i], now_ns))
      close(doors->askers[i].fd);
    else
      doors->askers[kept++] = doors->askers[i];
  }
  doors->n_askers = kept;
}

bool plt_fault_doors_take(plt_fault_doors_t *doors, int64_t now_ns, int *client, struct sockaddr_storage *to,
                          socklen_t *bytes) {
  for (size_t i = 0; i < doors->n_doors; i++) {
    *client = accept_at(doors, doors->doors[i].listener, now_ns);
    if (*client < 0) continue;
    *to = doors->doors[i].to.place;
    *bytes = doors->doors[i].to.bytes;
    return true;
  }
  return false;
}
