/* sockets.c - see sockets.h. */
#include "launch/host/sockets.h"

#include <arpa/inet.h>
#include <ctype.h>
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
  char *end = NULL;
  long bits = slash == NULL ? 32 : strtol(slash + 1, &end, 10);
  if (slash != NULL && (!isdigit((unsigned char)slash[1]) || *end != '\0')) return false;
  if (bits > 32) return false;
  uint32_t mask = bits == 0 ? 0 : htonl(UINT32_MAX << (32 - bits));
  return (network.s_addr & mask) == (address.s_addr & mask);
}

/* Whether an address may be taken: the one that cluster.interface means, else any but loopback whose network is
 * connected (a bridge of containers is up, with nobody on it). */
static bool fits(const struct ifaddrs *i, const char *interface, struct in_addr address) {
  if (interface != NULL) return matches(interface, i->ifa_name, address);
  return !(i->ifa_flags & IFF_LOOPBACK) && (i->ifa_flags & IFF_RUNNING) != 0;
}

static plt_status_t fail_without(const char *interface, const char *names, bool has_ipv6) {
  if (names[0] == '\0' && has_ipv6)
    return plt_fail(
        PLT_ERR_USAGE,
        "this machine has IPv6 addresses only; several machines of a job need IPv4 ones to reach each other");
  return plt_fail(PLT_ERR_USAGE, "cluster.interface: this machine has no network %s; it has %s",
                  interface == NULL ? "but loopback that is up and connected" : interface, names);
}

plt_status_t plt_socket_networks(const char *interface, plt_networks_t *out) {
  struct ifaddrs *all;
  char names[256] = "";
  bool has_ipv6 = false;
  *out = (plt_networks_t){0};
  if (getifaddrs(&all) != 0) return plt_fail_errno(PLT_ERR_CREATE, "cannot list the networks of this machine");
  for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
    struct sockaddr_in address;
    if (i->ifa_addr == NULL || !(i->ifa_flags & IFF_UP)) continue;
    has_ipv6 = has_ipv6 || (i->ifa_addr->sa_family == AF_INET6 && !(i->ifa_flags & IFF_LOOPBACK));
    if (i->ifa_addr->sa_family != AF_INET) continue;
    memcpy(&address, i->ifa_addr, sizeof address);
    size_t used = strlen(names);
    if (!(i->ifa_flags & IFF_LOOPBACK) || interface != NULL)
      snprintf(names + used, sizeof names - used, "%s%s", used == 0 ? "" : ", ", i->ifa_name);
    if (out->n == PLT_NETWORKS_MAX || !fits(i, interface, address.sin_addr)) continue;
    if (inet_ntop(AF_INET, &address.sin_addr, out->address[out->n], PLT_ADDRESS_MAX) == NULL) continue;
    snprintf(out->name[out->n++], PLT_ADDRESS_MAX, "%s", i->ifa_name);
  }
  freeifaddrs(all);
  return out->n > 0 ? PLT_OK : fail_without(interface, names, has_ipv6);
}

bool plt_networks_have(const plt_networks_t *networks, const char *address) {
  for (uint32_t i = 0; i < networks->n; i++)
    if (strcmp(networks->address[i], address) == 0) return true;
  return false;
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
