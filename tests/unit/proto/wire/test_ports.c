/* Tickets for newcomers: as many as connections at first, some every second, never more than in the beginning. */
#include "proto/wire/ports.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/time.h"

/* Newcomers that come and go, none of whom proves itself. */
static void visit(plt_ports_t *ports, uint32_t times) {
  int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  cr_assert_gt(descriptor, 0);
  for (uint32_t i = 0; i < times; i++) {
    plt_ports_accept(ports, ports, (uint32_t)descriptor);
    plt_ports_end(ports, (uint32_t)descriptor);
  }
  close(descriptor);
}

Test(ports, tickets_do_not_pile_up) {
  struct rlimit files = {.rlim_cur = 512, .rlim_max = 512};
  plt_ports_t *ports;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
  uint32_t limit = plt_connections_limit();
  cr_assert(limit > 10 && limit < 512);
  cr_assert_eq(plt_ports_create(&ports), PLT_OK);
  int64_t now = plt_time_ns();
  visit(ports, limit);
  cr_assert_eq(plt_ports_count(ports).closures, 0);
  visit(ports, 1);
  cr_assert_eq(plt_ports_count(ports).closures, 1, "no ticket was left");
  cr_assert(plt_ports_is_busy(ports));
  now += 100000 * PLT_NS_PER_S; /* a quiet day */
  plt_ports_sweep(ports, now);
  cr_assert_not(plt_ports_is_busy(ports));
  visit(ports, limit);
  cr_assert_eq(plt_ports_count(ports).closures, 1);
  visit(ports, 1);
  cr_assert_eq(plt_ports_count(ports).closures, 2, "a quiet day saves no tickets");
  now += 2 * PLT_NS_PER_S / PLT_STRANGERS_PER_S + PLT_NS_PER_MS; /* two more tickets, one was owed */
  plt_ports_sweep(ports, now);
  cr_assert_not(plt_ports_is_busy(ports));
  plt_ports_destroy(&ports);
}
