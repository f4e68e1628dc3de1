/* Networks of a machine that is made up: a network namespace of this process's own. */
#include "launch/host/sockets.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void make_networks(void) {
  if (unshare(CLONE_NEWNET) != 0) cr_skip_test("no right to make network namespaces");
  int made = system(
      "ip link set lo up && ip link add docker0 type veth peer name gone0 && ip addr add 172.17.0.1/16 dev docker0 && "
      "ip link set docker0 up && ip link add cable0 type veth peer name cable1 && "
      "ip addr add 10.9.9.1/24 dev cable0 && ip link set cable0 up && ip link set cable1 up");
  if (made != 0) cr_skip_test("there is no ip");
}

Test(sockets, a_network_without_a_carrier_is_passed_over) {
  plt_networks_t networks;
  make_networks();
  for (int i = 0; i < 300; i++) { /* the system takes a second to see that nobody is there, more on busy cores */
    cr_assert_eq(plt_socket_networks(NULL, &networks), PLT_OK, "%s", plt_fail_text());
    if (networks.n == 1 && strcmp(networks.name[0], "cable0") == 0) break; /* cable0 may be seen last */
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
  cr_assert_eq(networks.n, 1);
  cr_assert_str_eq(networks.address[0], "10.9.9.1");
  cr_assert_str_eq(networks.name[0], "cable0");
  cr_assert(plt_networks_have(&networks, "10.9.9.1") && !plt_networks_have(&networks, "172.17.0.1"));
  cr_assert_eq(plt_socket_networks("172.17.0.0/16", &networks), PLT_OK, "who names it gets it");
  cr_assert_str_eq(networks.name[0], "docker0");
  cr_assert_eq(plt_socket_networks("lo", &networks), PLT_OK);
  cr_assert_eq(plt_socket_networks("nowhere0", &networks), PLT_ERR_USAGE);
  cr_assert_not_null(strstr(plt_fail_text(), "no network nowhere0; it has lo, docker0, cable0"), "%s", plt_fail_text());
}

/* What has no number of bits is no network, and not one that holds every address. */
Test(sockets, networks_by_their_bits) {
  static const char *const none[] = {"127.0.0.0/", "127.0.0.0/8x", "127.0.0.0/ 8", "0.0.0.0/-0", "127.0.0.0/33", "/8"};
  plt_networks_t networks;
  if (plt_socket_networks("127.0.0.1", &networks) != PLT_OK) cr_skip_test("no loopback");
  cr_expect_eq(plt_socket_networks("127.0.0.0/8", &networks), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(plt_socket_networks("0.0.0.0/0", &networks), PLT_OK);
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    cr_expect_eq(plt_socket_networks(none[i], &networks), PLT_ERR_USAGE, "%s", none[i]);
}

Test(sockets, ipv6_alone_is_said) {
  plt_networks_t networks;
  if (unshare(CLONE_NEWNET) != 0) cr_skip_test("no right to make network namespaces");
  if (system("ip link add cable0 type veth peer name cable1 && ip -6 addr add fd00::1/64 dev cable0 && "
             "ip link set cable0 up && ip link set cable1 up") != 0)
    cr_skip_test("no ip, or no IPv6");
  cr_assert_eq(plt_socket_networks(NULL, &networks), PLT_ERR_USAGE);
  cr_assert_not_null(strstr(plt_fail_text(), "IPv6 addresses only"), "%s", plt_fail_text());
}
