/* SOCKS 5 byte by byte. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

#include "launch/fault_socks.h"

Test(socks, greetings) {
  size_t taken = 0;
  uint8_t answer[2];
  const uint8_t good[] = {5, 2, 1, 0, 99}, other[] = {5, 1, 2}, old[] = {4, 1, 0};
  for (size_t n = 0; n < 4; n++) cr_assert_eq(plt_socks_greeting(good, n, &taken, answer), PLT_SOCKS_MORE, "%zu", n);
  cr_assert_eq(plt_socks_greeting(good, 5, &taken, answer), PLT_SOCKS_DONE);
  cr_assert(taken == 4 && answer[0] == 5 && answer[1] == 0);
  cr_assert_eq(plt_socks_greeting(other, 3, &taken, answer), PLT_SOCKS_DONE);
  cr_assert(taken == 3 && answer[1] == 255, "a client that wants to prove itself is refused");
  cr_assert_eq(plt_socks_greeting(old, 1, &taken, answer), PLT_SOCKS_BAD);
}

static plt_socks_code_t ask(const uint8_t *bytes, size_t n, struct sockaddr_storage *to) {
  size_t taken = 0;
  socklen_t size = 0;
  plt_socks_code_t code = PLT_SOCKS_FAILED;
  for (size_t k = 0; k < n; k++)
    cr_assert_eq(plt_socks_request(bytes, k, &taken, to, &size, &code), PLT_SOCKS_MORE, "%zu", k);
  cr_assert_eq(plt_socks_request(bytes, n + 1, &taken, to, &size, &code), PLT_SOCKS_DONE);
  cr_assert_eq(taken, n);
  return code;
}

Test(socks, requests) {
  struct sockaddr_storage to;
  char text[64];
  const uint8_t ipv4[] = {5, 1, 0, 1, 10, 1, 2, 3, 0x1F, 0x90, 77};
  cr_assert_eq(ask(ipv4, 10, &to), PLT_SOCKS_OK);
  const struct sockaddr_in *in = (struct sockaddr_in *)&to;
  cr_assert(to.ss_family == AF_INET && ntohs(in->sin_port) == 8080);
  cr_assert_str_eq(inet_ntop(AF_INET, &in->sin_addr, text, sizeof text), "10.1.2.3");
  const uint8_t ipv6[] = {5, 1, 0, 4, [19] = 1, 0x1F, 0x90, 77};
  cr_assert_eq(ask(ipv6, 22, &to), PLT_SOCKS_OK);
  const struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to;
  cr_assert(to.ss_family == AF_INET6 && ntohs(in6->sin6_port) == 8080);
  cr_assert_str_eq(inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text), "::1");
  const uint8_t name[] = {5, 1, 0, 3, 4, 'h', 'o', 's', 't', 0, 80, 77};
  cr_assert_eq(ask(name, 11, &to), PLT_SOCKS_NO_ADDRESS_TYPE);
  const uint8_t bind[] = {5, 2, 0, 1, 10, 1, 2, 3, 0x1F, 0x90, 77};
  cr_assert_eq(ask(bind, 10, &to), PLT_SOCKS_NO_COMMAND);
  const uint8_t strange[] = {5, 1, 0, 2, 0, 0};
  size_t taken;
  socklen_t size;
  plt_socks_code_t code;
  cr_assert_eq(plt_socks_request(strange, 6, &taken, &to, &size, &code), PLT_SOCKS_BAD);
  uint8_t reply[PLT_SOCKS_REPLY];
  plt_socks_reply(PLT_SOCKS_CONNECTION_REFUSED, reply);
  cr_assert_eq(memcmp(reply, (uint8_t[]){5, 5, 0, 1, 0, 0, 0, 0, 0, 0}, sizeof reply), 0);
}
