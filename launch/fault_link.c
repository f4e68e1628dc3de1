/* fault_link.c - see fault_link.h. */
#include "launch/fault_link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/time.h"
#include "launch/fault_flow.h"
#include "launch/fault_socks.h"

enum { CHUNK = 256 << 10 };
#define NEGOTIATION_NS (10 * PLT_NS_PER_S)

typedef enum { GREETS, REQUESTS, CONNECTS, RELAYS, OVER } state_t;

/* One socket; its input goes into `flow`, which another end sends. */
typedef struct end {
  int fd;
  uint32_t interest; /* as epoll knows it; 0: not there */
  plt_fault_flow_t *flow;
  bool finished; /* sends no more */
  bool told;     /* the other end knows */
  bool full;     /* took no more bytes when last tried */
} end_t;

struct plt_fault_link {
  int epoll;
  plt_fault_tally_t *tally;
  state_t state;
  end_t ends[PLT_FAULT_SIDES]; /* index: where its input goes: [PLT_TO_SERVER] is the client */
  uint8_t request[PLT_SOCKS_REQUEST_MAX];
  size_t n_request;
  int64_t since_ns, stalled_until_ns;
};

plt_fault_link_t *plt_fault_link_create(int epoll, int client, const plt_fault_script_t *script, uint32_t number,
                                        plt_fault_tally_t *tally, int64_t now_ns) {
  plt_fault_link_t *link = plt_mem_zalloc(1, sizeof *link);
  *link = (plt_fault_link_t){.epoll = epoll, .tally = tally, .since_ns = now_ns};
  for (plt_fault_side_t side = 0; side < PLT_FAULT_SIDES; side++)
    link->ends[side] = (end_t){.fd = -1, .flow = plt_fault_flow_create(script, number, side, tally)};
  link->ends[PLT_TO_SERVER].fd = client;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  return link;
}

void plt_fault_link_destroy(plt_fault_link_t **link_at) {
  plt_fault_link_t *link = *link_at;
  if (link == NULL) return;
  for (plt_fault_side_t side = 0; side < PLT_FAULT_SIDES; side++) {
    if (link->ends[side].fd >= 0) close(link->ends[side].fd);
    plt_fault_flow_destroy(&link->ends[side].flow);
  }
  free(link);
  *link_at = NULL;
}

bool plt_fault_link_is_over(const plt_fault_link_t *link) { return link->state == OVER; }

static void give_up(plt_fault_link_t *link) { link->state = OVER; }

/* Unsent bytes of both ends are thrown away, and a reset is what they see. */
static void reset(plt_fault_link_t *link) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  for (size_t side = 0; side < PLT_FAULT_SIDES; side++)
    setsockopt(link->ends[side].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  give_up(link);
}

/* ---- negotiation ---- */

/* A few bytes to a socket that has sent nothing yet fit into its buffer. */
static bool answer(plt_fault_link_t *link, const uint8_t *bytes, size_t n) {
  if (send(link->ends[PLT_TO_SERVER].fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n) return true;
  give_up(link);
  return false;
}

static void refuse(plt_fault_link_t *link, plt_socks_code_t code) {
  uint8_t reply[PLT_SOCKS_REPLY];
  plt_socks_reply(code, reply);
  link->tally->refused++;
  if (answer(link, reply, sizeof reply)) give_up(link);
}

static plt_socks_code_t code_of(int error) {
  if (error == ECONNREFUSED) return PLT_SOCKS_CONNECTION_REFUSED;
  return error == ENETUNREACH || error == EHOSTUNREACH ? PLT_SOCKS_UNREACHABLE : PLT_SOCKS_FAILED;
}

static void begin_connection(plt_fault_link_t *link, const struct sockaddr_storage *to, socklen_t bytes) {
  int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    refuse(link, PLT_SOCKS_FAILED);
    return;
  }
  link->ends[PLT_TO_WORKER].fd = fd;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  link->state = CONNECTS;
  if (connect(fd, (const struct sockaddr *)to, bytes) != 0 && errno != EINPROGRESS) refuse(link, code_of(errno));
}

static void end_connection(plt_fault_link_t *link) {
  struct sockaddr_storage peer;
  int error = 0, fd = link->ends[PLT_TO_WORKER].fd;
  uint8_t reply[PLT_SOCKS_REPLY];
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
  if (error == 0 && getpeername(fd, (struct sockaddr *)&peer, &(socklen_t){sizeof peer}) != 0) return; /* not yet */
  if (error != 0) {
    refuse(link, code_of(error));
    return;
  }
  plt_socks_reply(PLT_SOCKS_OK, reply);
  if (answer(link, reply, sizeof reply)) link->state = RELAYS;
}

/* What the bytes so far say; returns how many of them are done with. */
static size_t interpret(plt_fault_link_t *link) {
  size_t taken = 0;
  uint8_t chosen[2];
  struct sockaddr_storage to;
  socklen_t bytes;
  plt_socks_code_t code;
  plt_socks_state_t state = link->state == GREETS
                                ? plt_socks_greeting(link->request, link->n_request, &taken, chosen)
                                : plt_socks_request(link->request, link->n_request, &taken, &to, &bytes, &code);
  if (state == PLT_SOCKS_BAD) {
    link->tally->refused++;
    give_up(link);
  } else if (state == PLT_SOCKS_DONE && link->state == GREETS) {
    if (answer(link, chosen, sizeof chosen)) link->state = REQUESTS;
  } else if (state == PLT_SOCKS_DONE) {
    if (code == PLT_SOCKS_OK)
      begin_connection(link, &to, bytes);
    else
      refuse(link, code);
  }
  return taken;
}

/* Clients wait for each answer, so nothing but the negotiation is in the way here. */
static void negotiate(plt_fault_link_t *link) {
  if (link->state == CONNECTS) {
    end_connection(link);
    return;
  }
  ssize_t got = recv(link->ends[PLT_TO_SERVER].fd, link->request + link->n_request,
                     sizeof link->request - link->n_request, MSG_DONTWAIT);
  if (got <= 0) {
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) give_up(link);
    return;
  }
  link->n_request += (size_t)got;
  for (size_t taken; link->state < CONNECTS && (taken = interpret(link)) > 0;) {
    link->n_request -= taken;
    memmove(link->request, link->request + taken, link->n_request);
  }
  if (link->state == CONNECTS && link->n_request > 0) give_up(link); /* it should have waited */
}

/* ---- relay ---- */

static void receive(plt_fault_link_t *link, end_t *from, int64_t now_ns) {
  static uint8_t chunk[CHUNK]; /* one thread runs a proxy */
  if (from->finished || plt_fault_flow_is_full(from->flow)) return;
  ssize_t got = recv(from->fd, chunk, sizeof chunk, MSG_DONTWAIT);
  if (got > 0) {
    plt_fault_flow_take(from->flow, chunk, (size_t)got, now_ns);
    int64_t stall_ns = plt_fault_flow_stall(from->flow);
    if (stall_ns > 0) link->stalled_until_ns = now_ns + stall_ns;
  } else if (got == 0) {
    from->finished = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    give_up(link);
  }
}

static void deliver(plt_fault_link_t *link, end_t *from, end_t *to, int64_t now_ns) {
  const uint8_t *bytes;
  to->full = false;
  for (size_t n; !to->full && (n = plt_fault_flow_ready(from->flow, now_ns, &bytes)) > 0;) {
    ssize_t sent = send(to->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      plt_fault_flow_sent(from->flow, (size_t)sent, now_ns);
    } else if (errno == EAGAIN) {
      to->full = true;
    } else if (errno != EINTR) {
      give_up(link);
      return;
    }
  }
  plt_cut_t cut = plt_fault_flow_cut(from->flow);
  if (cut == PLT_CUT_RESET) reset(link);
  if (cut == PLT_CUT_END) give_up(link);
  if (from->finished && !from->told && plt_fault_flow_is_empty(from->flow)) {
    shutdown(to->fd, SHUT_WR);
    from->told = true;
  }
}

static void relay(plt_fault_link_t *link, int64_t now_ns) {
  end_t *client = &link->ends[PLT_TO_SERVER], *server = &link->ends[PLT_TO_WORKER];
  receive(link, client, now_ns);
  if (link->state == RELAYS) receive(link, server, now_ns);
  if (now_ns < link->stalled_until_ns) return;
  if (link->state == RELAYS) deliver(link, client, server, now_ns);
  if (link->state == RELAYS) deliver(link, server, client, now_ns);
  if (client->told && server->told) give_up(link);
}

/* ---- waiting ---- */

/* A socket of which nothing is wanted leaves epoll: a hang-up would be told again and again. */
static void want(plt_fault_link_t *link, end_t *end, uint32_t interest) {
  if (end->fd < 0 || interest == end->interest) return;
  struct epoll_event event = {.events = interest};
  int operation = end->interest == 0 ? EPOLL_CTL_ADD : interest == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (epoll_ctl(link->epoll, operation, end->fd, &event) != 0)
    give_up(link);
  else
    end->interest = interest;
}

static uint32_t interest_of(const plt_fault_link_t *link, plt_fault_side_t side) {
  const end_t *end = &link->ends[side];
  switch (link->state) {
    case GREETS:
    case REQUESTS: return side == PLT_TO_SERVER ? EPOLLIN : 0;
    case CONNECTS: return side == PLT_TO_WORKER ? EPOLLOUT : 0;
    case RELAYS:
      return (!end->finished && !plt_fault_flow_is_full(end->flow) ? EPOLLIN : 0u) | (end->full ? EPOLLOUT : 0u);
    case OVER: break;
  }
  return 0;
}

int64_t plt_fault_link_work(plt_fault_link_t *link, int64_t now_ns, int64_t blocked_until_ns) {
  int64_t again_ns = INT64_MAX;
  if (now_ns >= blocked_until_ns && now_ns >= link->stalled_until_ns) {
    if (link->state < RELAYS) negotiate(link);
    if (link->state == RELAYS) relay(link, now_ns);
  }
  if (link->stalled_until_ns > blocked_until_ns) blocked_until_ns = link->stalled_until_ns;
  bool blocked = now_ns < blocked_until_ns;
  for (plt_fault_side_t side = 0; side < PLT_FAULT_SIDES; side++) {
    want(link, &link->ends[side], blocked ? 0 : interest_of(link, side));
    int64_t due_ns = plt_fault_flow_due(link->ends[side].flow, now_ns);
    if (due_ns < again_ns) again_ns = due_ns;
  }
  if (link->state < RELAYS) {
    if (blocked) link->since_ns = now_ns;
    if (now_ns >= link->since_ns + NEGOTIATION_NS) give_up(link);
    again_ns = link->since_ns + NEGOTIATION_NS;
  }
  return blocked ? blocked_until_ns : again_ns;
}
