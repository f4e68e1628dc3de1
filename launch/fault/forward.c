/* forward.c - see forward.h. */
#include "launch/fault/forward.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static const char order[] = "FORWARD ", scheme[] = "tcp://";
enum { PATIENCE_S = 10 };

plt_status_t plt_fault_forward_parse(const char *line, struct sockaddr_storage *to, socklen_t *bytes) {
  plt_host_port_t place;
  if (strncmp(line, order, strlen(order)) != 0)
    return plt_fail(PLT_ERR_USAGE, "\"%.64s\" is not an order of plateau", line);
  PLT_TRY(plt_host_port_parse(line + strlen(order), "FORWARD", &place));
  return plt_host_port_resolve(&place, "FORWARD", to, bytes);
}

/* A connected socket, or -1. */
static int dial(const plt_host_port_t *place) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
  struct timeval patience = {.tv_sec = PATIENCE_S};
  char port[8];
  int fd = -1;
  snprintf(port, sizeof port, "%u", (unsigned)place->port);
  if (getaddrinfo(place->host, port, &hints, &found) != 0) return -1;
  for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0) break;
    close(fd);
    fd = -1;
  }
  freeaddrinfo(found);
  return fd;
}

/* Sends a line and reads one, without its end. */
static bool converse(int fd, const char *says, char answer[PLT_FORWARD_LINE_MAX]) {
  size_t n = 0;
  if (send(fd, says, strlen(says), MSG_NOSIGNAL) != (ssize_t)strlen(says)) return false;
  while (n + 1 < PLT_FORWARD_LINE_MAX) {
    ssize_t got = recv(fd, answer + n, PLT_FORWARD_LINE_MAX - 1 - n, 0);
    if (got <= 0) return false;
    n += (size_t)got;
    answer[n] = '\0';
    char *end = strchr(answer, '\n');
    if (end == NULL) continue;
    *end = '\0';
    return true;
  }
  return false;
}

plt_status_t plt_fault_forward_ask(const char *proxy, const char *endpoint, char out[PLT_FORWARD_ENDPOINT_MAX]) {
  plt_host_port_t place;
  char says[PLT_FORWARD_LINE_MAX], answer[PLT_FORWARD_LINE_MAX] = "";
  if (strncmp(endpoint, scheme, strlen(scheme)) != 0)
    return plt_fail(PLT_ERR_USAGE, "cluster.proxy: %s is no tcp address", endpoint);
  PLT_TRY(plt_host_port_parse(proxy, "cluster.proxy", &place));
  snprintf(says, sizeof says, "%s%s\n", order, endpoint + strlen(scheme));
  int fd = dial(&place);
  if (fd < 0) return plt_fail_errno(PLT_ERR_PEER, "cluster.proxy: cannot connect to %s", proxy);
  bool answered = converse(fd, says, answer);
  close(fd);
  if (!answered) return plt_fail(PLT_ERR_PEER, "cluster.proxy: %s does not answer as plateau fault-proxy does", proxy);
  long port = strtol(answer, NULL, 10);
  if (port < 1 || port > UINT16_MAX) return plt_fail(PLT_ERR_PEER, "cluster.proxy: %s: %.256s", proxy, answer);
  snprintf(out, PLT_FORWARD_ENDPOINT_MAX, place.is_ipv6 ? "tcp://[%s]:%ld" : "tcp://%s:%ld", place.host, port);
  return PLT_OK;
}
