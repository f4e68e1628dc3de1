/* link.c - see link.h.
 *
 * A socket is watched for input while its flow has room, and for output once it took no more: a slow end slows the
 * other down, nothing is buffered beyond the flows. */
#include "launch/fault/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/time.h"
#include "launch/fault/flow.h"

enum { CHUNK = 256 << 10 };

typedef enum { CONNECTS, RELAYS, OVER } state_t;

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
  int64_t stalled_until_ns;
};

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

/* The server cannot be reached. */
static void refuse(plt_fault_link_t *link) {
  link->tally->refused++;
  reset(link);
}

/* ---- connecting ---- */

static int dial(const struct sockaddr_storage *to, socklen_t bytes) {
  int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)to, bytes) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

plt_fault_link_t *plt_fault_link_create(int epoll, int client, const struct sockaddr_storage *to, socklen_t bytes,
                                        const plt_fault_script_t *script, uint32_t number, plt_fault_tally_t *tally) {
  plt_fault_link_t *link = plt_mem_zalloc(1, sizeof *link);
  *link = (plt_fault_link_t){.epoll = epoll, .tally = tally};
  for (plt_fault_side_t side = 0; side < PLT_FAULT_SIDES; side++) {
    end_t *end = &link->ends[side];
    *end = (end_t){.fd = side == PLT_TO_SERVER ? client : dial(to, bytes),
                   .flow = plt_fault_flow_create(script, number, side, tally)};
    setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  }
  if (link->ends[PLT_TO_WORKER].fd < 0) refuse(link);
  return link;
}

static void finish_connecting(plt_fault_link_t *link) {
  struct sockaddr_storage peer;
  int error = 0, fd = link->ends[PLT_TO_WORKER].fd;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
  if (error != 0)
    refuse(link);
  else if (getpeername(fd, (struct sockaddr *)&peer, &(socklen_t){sizeof peer}) == 0)
    link->state = RELAYS;
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
    if (link->state == CONNECTS) finish_connecting(link);
    if (link->state == RELAYS) relay(link, now_ns);
  }
  if (link->stalled_until_ns > blocked_until_ns) blocked_until_ns = link->stalled_until_ns;
  bool blocked = now_ns < blocked_until_ns;
  for (plt_fault_side_t side = 0; side < PLT_FAULT_SIDES; side++) {
    want(link, &link->ends[side], blocked ? 0 : interest_of(link, side));
    int64_t due_ns = plt_fault_flow_due(link->ends[side].flow, now_ns);
    if (due_ns < again_ns) again_ns = due_ns;
  }
  return blocked ? blocked_until_ns : again_ns;
}
