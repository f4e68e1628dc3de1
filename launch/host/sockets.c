/* sockets.c - see sockets.h. */
#include "launch/host/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

enum { BACKLOG = 1024 };

/* Whether an interface's address is what cluster.interface means. */
static bool matches(const char *wanted, const char *name, struct in_addr address) {
  char text[64];
  struct in_addr network;
  if (strcmp(wanted, name) == 0) return true;
  const char *slash = strchr(wanted, '/');
  size_t length = slash == NULL ? strlen(wanted) : (size_t)(slash - wanted);
  if (length >= sizeof text) return false;
  memcpy(text, wanted, length);
  text[length] = '\0';
  if (inet_pton(AF_INET, text, &network) != 1) return false;
  long bits = slash == NULL ? 32 : strtol(slash + 1, NULL, 10);
  if (bits < 0 || bits > 32) return false;
  uint32_t mask = bits == 0 ? 0 : htonl(UINT32_MAX << (32 - bits));
  return (network.s_addr & mask) == (address.s_addr & mask);
}

plt_status_t plt_socket_address(const char *interface, int one_machine, char out[64]) {
  struct ifaddrs *all;
  char names[256] = "";
  int candidates = 0;
  bool found = false;
  if (interface == NULL && one_machine) {
    snprintf(out, 64, "127.0.0.1");
    return PLT_OK;
  }
  if (getifaddrs(&all) != 0) return plt_fail_errno(PLT_ERR_CREATE, "cannot list the networks of this machine");
  for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
    struct sockaddr_in address;
    if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP)) continue;
    memcpy(&address, i->ifa_addr, sizeof address);
    size_t used = strlen(names);
    snprintf(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ", ", i->ifa_name);
    bool fits = interface != NULL ? matches(interface, i->ifa_name, address.sin_addr) : !(i->ifa_flags & IFF_LOOPBACK);
    candidates += fits;
    if (!fits || found) continue;
    found = inet_ntop(AF_INET, &address.sin_addr, out, 64) != NULL;
  }
  freeifaddrs(all);
  if (!found)
    return plt_fail(PLT_ERR_USAGE, "cluster.interface: this machine has no network %s; it has %s",
                    interface == NULL ? "but loopback" : interface, names);
  if (candidates > 1)
    plt_log(PLT_LOG_INFO, "several networks fit; %s was taken; cluster.interface chooses another", out);
  return PLT_OK;
}

/* `fd` is bound to `place` and listens; closed when that fails. errno tells why. */
static bool listen_at(int fd, struct sockaddr *place, socklen_t bytes) {
  if (fd < 0) return false;
  if (bind(fd, place, bytes) == 0 && listen(fd, BACKLOG) == 0 && getsockname(fd, place, &bytes) == 0) return true;
  int cause = errno;
  close(fd);
  errno = cause;
  return false;
}

plt_status_t plt_socket_tcp(const char *address, int *out, char endpoint[PLT_ENDPOINT_MAX]) {
  struct sockaddr_in place = {.sin_family = AF_INET};
  inet_pton(AF_INET, address, &place.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!listen_at(fd, (struct sockaddr *)&place, sizeof place))
    return plt_fail_errno(PLT_ERR_CREATE, "cannot listen at %s", address);
  snprintf(endpoint, PLT_ENDPOINT_MAX, "tcp://%s:%u", address, (unsigned)ntohs(place.sin_port));
  *out = fd;
  return PLT_OK;
}

plt_status_t plt_socket_ipc(const char *dir, const char *name, int *out, char endpoint[PLT_ENDPOINT_MAX]) {
  struct sockaddr_un place = {.sun_family = AF_UNIX};
  if (snprintf(place.sun_path, sizeof place.sun_path, "%s/%s", dir, name) >= (int)sizeof place.sun_path)
    return plt_fail(PLT_ERR_CREATE, "%s/%s: too long for a socket's path", dir, name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!listen_at(fd, (struct sockaddr *)&place, sizeof place))
    return plt_fail_errno(PLT_ERR_CREATE, "cannot listen at %s/%s", dir, name);
  snprintf(endpoint, PLT_ENDPOINT_MAX, "ipc://%s/%s", dir, name);
  *out = fd;
  return PLT_OK;
}
