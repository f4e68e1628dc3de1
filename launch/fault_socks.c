/* fault_socks.c - see fault_socks.h. */
#include "launch/fault_socks.h"

#include <netinet/in.h>
#include <string.h>

enum { VERSION = 5, NO_AUTHENTICATION = 0, NONE_ACCEPTABLE = 255, CONNECT = 1, IPV4 = 1, NAME = 3, IPV6 = 4 };

plt_socks_state_t plt_socks_greeting(const uint8_t *bytes, size_t n, size_t *taken, uint8_t answer[2]) {
  if (n > 0 && bytes[0] != VERSION) return PLT_SOCKS_BAD;
  if (n < 2 || n < 2u + bytes[1]) return PLT_SOCKS_MORE;
  *taken = 2u + bytes[1];
  answer[0] = VERSION;
  answer[1] = memchr(bytes + 2, NO_AUTHENTICATION, bytes[1]) != NULL ? NO_AUTHENTICATION : NONE_ACCEPTABLE;
  return PLT_SOCKS_DONE;
}

plt_socks_state_t plt_socks_request(const uint8_t *bytes, size_t n, size_t *taken, struct sockaddr_storage *to,
                                    socklen_t *to_bytes, plt_socks_code_t *code) {
  enum { ADDRESS = 4 };
  if (n > 0 && bytes[0] != VERSION) return PLT_SOCKS_BAD;
  if (n < ADDRESS + 1) return PLT_SOCKS_MORE;
  uint8_t type = bytes[3];
  if (type != IPV4 && type != IPV6 && type != NAME) return PLT_SOCKS_BAD; /* its length is not known */
  size_t length = type == IPV4 ? 4 : type == IPV6 ? 16 : 1u + bytes[ADDRESS];
  if (n < ADDRESS + length + 2) return PLT_SOCKS_MORE;
  *taken = ADDRESS + length + 2;
  *code = bytes[1] != CONNECT ? PLT_SOCKS_NO_COMMAND : type == NAME ? PLT_SOCKS_NO_ADDRESS_TYPE : PLT_SOCKS_OK;
  if (*code != PLT_SOCKS_OK) return PLT_SOCKS_DONE;
  memset(to, 0, sizeof *to);
  if (type == IPV4) {
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
    ipv4->sin_family = AF_INET;
    memcpy(&ipv4->sin_addr, bytes + ADDRESS, length);
    memcpy(&ipv4->sin_port, bytes + ADDRESS + length, 2);
    *to_bytes = sizeof *ipv4;
  } else {
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;
    ipv6->sin6_family = AF_INET6;
    memcpy(&ipv6->sin6_addr, bytes + ADDRESS, length);
    memcpy(&ipv6->sin6_port, bytes + ADDRESS + length, 2);
    *to_bytes = sizeof *ipv6;
  }
  return PLT_SOCKS_DONE;
}

void plt_socks_reply(plt_socks_code_t code, uint8_t reply[PLT_SOCKS_REPLY]) {
  memcpy(reply, (uint8_t[PLT_SOCKS_REPLY]){VERSION, (uint8_t)code, 0, IPV4}, PLT_SOCKS_REPLY);
}
