/* host_port.c - see host_port.h. */
#include "launch/host/host_port.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libzmq would take "80x" for 80. */
static bool parse_port(const char *text, uint16_t *out) {
  size_t digits = strspn(text, "0123456789");
  long port = strtol(text, NULL, 10);
  if (digits == 0 || digits > 5 || text[digits] != '\0' || port > UINT16_MAX) return false;
  *out = (uint16_t)port;
  return true;
}

plt_status_t plt_host_port_parse(const char *text, const char *option, plt_host_port_t *out) {
  plt_host_port_t place = {.is_ipv6 = text[0] == '['};
  const char *begin = text + place.is_ipv6, *colon = strrchr(text, ':');
  size_t length = colon == NULL || colon < begin ? 0 : (size_t)(colon - begin);
  if (place.is_ipv6) length = length > 0 && colon[-1] == ']' ? length - 1 : 0;
  bool good = length > 0 && length < PLT_HOST_MAX && parse_port(colon + 1, &place.port);
  if (good) memcpy(place.host, begin, length);
  if (good && !place.is_ipv6) good = strpbrk(place.host, ":/ ") == NULL;
  if (!good) return plt_fail(PLT_ERR_USAGE, "%s: \"%s\" is not HOST:PORT, like 127.0.0.1:1080", option, text);
  *out = place;
  return PLT_OK;
}

plt_status_t plt_host_port_resolve(const plt_host_port_t *place, const char *option, struct sockaddr_storage *out,
                                   socklen_t *bytes) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
  char port[8];
  snprintf(port, sizeof port, "%u", (unsigned)place->port);
  if (getaddrinfo(place->host, port, &hints, &found) != 0)
    return plt_fail(PLT_ERR_USAGE, "%s: \"%s\" is not a numeric address, like 127.0.0.1", option, place->host);
  memcpy(out, found->ai_addr, found->ai_addrlen);
  *bytes = found->ai_addrlen;
  freeaddrinfo(found);
  return PLT_OK;
}
