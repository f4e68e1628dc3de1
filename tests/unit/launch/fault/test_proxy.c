/* The proxy between real sockets of the wire: messages pass, damage is noticed, links come back. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/time.h"
#include "launch/fault/forward.h"
#include "launch/fault/proxy.h"
#include "proto/wire/wire.h"

enum { PATIENCE_MS = 20000 };

typedef struct line {
  plt_fault_script_t script;
  plt_fault_proxy_t *proxy;
  pthread_t thread;
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_links_t *links;
  plt_parcel_t *out, *in;
  plt_route_t from;
} line_t;

static void *run_proxy(void *proxy) {
  cr_assert_eq(plt_fault_proxy_run(proxy), PLT_OK, "%s", plt_fail_text());
  return NULL;
}

static line_t *line_open_at(const char *at, plt_fault_script_t script, plt_security_t security) {
  line_t *line = plt_mem_zalloc(1, sizeof *line);
  plt_secret_t *secret;
  line->script = script;
  line->script.key = plt_rng_key(1, "faults", 0);
  cr_assert_eq(plt_fault_proxy_open(at, &line->script, NULL, &line->proxy), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(pthread_create(&line->thread, NULL, run_proxy, line->proxy), 0);
  line->wire = plt_wire_create();
  cr_assert_eq(plt_secret_create(security, &secret), PLT_OK);
  plt_wire_secure(line->wire, secret);
  plt_secret_destroy(&secret);
  cr_assert_eq(plt_listener_open(line->wire, "tcp://127.0.0.1:*", &line->listener), PLT_OK);
  char forwarded[PLT_FORWARD_ENDPOINT_MAX], again[PLT_FORWARD_ENDPOINT_MAX];
  const char *proxy = plt_fault_proxy_address(line->proxy), *server = plt_listener_address(line->listener);
  cr_assert_eq(plt_fault_forward_ask(proxy, server, forwarded), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_fault_forward_ask(proxy, server, again), PLT_OK, "%s", plt_fail_text());
  cr_assert_str_eq(forwarded, again);
  cr_assert_str_neq(forwarded, server);
  const char *address = forwarded;
  cr_assert_eq(plt_links_open(line->wire, &address, 1, &line->links), PLT_OK, "%s", plt_fail_text());
  line->out = plt_parcel_create();
  line->in = plt_parcel_create();
  return line;
}

static line_t *line_open(plt_fault_script_t script, plt_security_t security) {
  return line_open_at("127.0.0.1:0", script, security);
}

static void line_close(line_t *line) {
  plt_links_close(&line->links);
  plt_listener_close(&line->listener);
  plt_parcel_destroy(&line->out);
  plt_parcel_destroy(&line->in);
  plt_wire_destroy(&line->wire);
  kill(getpid(), SIGTERM); /* how a proxy ends */
  pthread_join(line->thread, NULL);
  plt_fault_proxy_close(&line->proxy);
  free(line);
}

static void fill(line_t *line, uint32_t number) {
  uint32_t *frame = plt_pool_take(plt_wire_pool(line->wire), 4000);
  for (size_t i = 0; i < 1000; i++) frame[i] = number;
  plt_parcel_clear(line->out);
  plt_parcel_add_pooled(line->out, frame, 4000);
}

static uint32_t number_of(const line_t *line) {
  size_t bytes;
  uint32_t number;
  cr_assert_eq(plt_parcel_frames(line->in), 1);
  memcpy(&number, plt_parcel_frame(line->in, 0, &bytes), sizeof number);
  cr_assert_eq(bytes, 4000);
  return number;
}

static bool hear(line_t *line, int timeout_ms) {
  bool got;
  cr_assert_eq(plt_listener_receive(line->listener, timeout_ms, &line->from, line->in, &got), PLT_OK);
  return got;
}

static bool hear_answer(line_t *line, int timeout_ms) {
  bool got;
  size_t server;
  cr_assert_eq(plt_links_receive(line->links, timeout_ms, &server, line->in, &got), PLT_OK, "%s", plt_fail_text());
  return got;
}

/* Asks until the answer is in, as a client does; returns how often. */
static int exchange(line_t *line, uint32_t number) {
  int64_t end = plt_time_ns() + PATIENCE_MS * PLT_NS_PER_MS;
  for (int asked = 1;; asked++) {
    cr_assert(plt_time_ns() < end, "no answer to %u", number);
    fill(line, number);
    cr_assert_eq(plt_links_send(line->links, 0, line->out), PLT_OK);
    int64_t again = plt_time_ns() + 300 * PLT_NS_PER_MS;
    while (plt_time_ns() < again) {
      if (hear(line, 5) && !plt_parcel_is_damaged(line->in) && number_of(line) == number) {
        fill(line, number + 1000000);
        cr_assert_eq(plt_listener_send(line->listener, &line->from, line->out), PLT_OK);
      }
      if (hear_answer(line, 5) && !plt_parcel_is_damaged(line->in) && number_of(line) == number + 1000000) return asked;
    }
  }
}

Test(proxy, messages_pass) {
  for (plt_security_t security = PLT_SECURITY_NONE; security <= PLT_SECURITY_CURVE; security++) {
    line_t *line = line_open((plt_fault_script_t){0}, security);
    for (uint32_t i = 0; i < 50; i++) exchange(line, i);
    plt_wire_count_t count = plt_links_count(line->links);
    cr_assert_eq(count.damaged_in, 0);
    line_close(line);
  }
}

Test(proxy, damage_is_noticed) {
  plt_fault_script_t script = {0};
  script.rules[PLT_TO_SERVER].probability[PLT_FAULT_CORRUPT] = 0.5;
  script.rules[PLT_TO_WORKER].probability[PLT_FAULT_CORRUPT] = 0.3;
  line_t *line = line_open(script, PLT_SECURITY_TOKEN);
  enum { N = 2000 };
  size_t damaged = 0;
  for (uint32_t i = 0; i < N; i++) {
    fill(line, i);
    cr_assert_eq(plt_links_send(line->links, 0, line->out), PLT_OK);
    cr_assert(hear(line, PATIENCE_MS));
    damaged += plt_parcel_is_damaged(line->in);
    if (plt_parcel_is_damaged(line->in))
      cr_assert(plt_parcel_frames(line->in) == 0 && plt_parcel_bytes(line->in) == 0);
    else
      cr_assert_eq(number_of(line), i);
    fill(line, i);
    cr_assert_eq(plt_listener_send(line->listener, &line->from, line->out), PLT_OK);
    cr_assert(hear_answer(line, PATIENCE_MS));
    if (!plt_parcel_is_damaged(line->in)) cr_assert_eq(number_of(line), i);
  }
  char *tally = plt_fault_proxy_tally(line->proxy);
  plt_wire_count_t in = plt_listener_count(line->listener), out = plt_links_count(line->links);
  char *found = plt_mem_print("\"corrupt\": {\"to_server\": %zu, \"to_worker\": %zu}", (size_t)in.damaged_in,
                              (size_t)out.damaged_in);
  cr_assert_not_null(strstr(tally, found), "all of them, and no others: %s is not in %s", found, tally);
  cr_assert(in.damaged_in == damaged && damaged > N / 3 && out.damaged_in > N / 5);
  free(found);
  free(tally);
  line_close(line);
}

Test(proxy, links_come_back_after_cuts) {
  for (plt_security_t security = PLT_SECURITY_TOKEN; security <= PLT_SECURITY_CURVE; security++) {
    plt_fault_script_t script = {0};
    for (int side = 0; side < PLT_FAULT_SIDES; side++) script.rules[side].probability[PLT_FAULT_CUT] = 0.1;
    line_t *line = line_open(script, security);
    int asked = 0;
    for (uint32_t i = 0; i < 30; i++) asked += exchange(line, i);
    cr_assert_gt(asked, 30, "some were lost with their connections");
    line_close(line);
  }
}

/* What curve cannot open ends a connection, and libzmq gives it up for good. */
Test(proxy, links_come_back_after_damage_under_curve) {
  plt_fault_script_t script = {0};
  script.rules[PLT_TO_WORKER].probability[PLT_FAULT_CORRUPT] = 0.2;
  line_t *line = line_open(script, PLT_SECURITY_CURVE);
  int asked = 0;
  for (uint32_t i = 0; i < 30; i++) asked += exchange(line, i);
  cr_assert_gt(asked, 30);
  line_close(line);
}

static int dial(const char *address) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  place.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(connect(fd, (struct sockaddr *)&place, sizeof place), 0);
  return fd;
}

Test(proxy, it_may_be_at_an_ipv6_address) {
  line_t *line = line_open_at("[::1]:0", (plt_fault_script_t){0}, PLT_SECURITY_TOKEN);
  for (uint32_t i = 0; i < 5; i++) exchange(line, i);
  line_close(line);
}

/* A server that accepts and says nothing. */
Test(proxy, a_link_made_anew_forgets_a_silent_peer) {
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t bytes = sizeof place;
  char silent[32];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(bind(fd, (struct sockaddr *)&place, bytes) == 0 && listen(fd, 8) == 0);
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&place, &bytes), 0);
  snprintf(silent, sizeof silent, "tcp://127.0.0.1:%d", ntohs(place.sin_port));
  plt_wire_t *wire = plt_wire_create();
  plt_links_t *links;
  const char *address = silent;
  cr_assert_eq(plt_links_open(wire, &address, 1, &links), PLT_OK);
  int first = accept(fd, NULL, NULL);
  cr_assert(first >= 0);
  plt_links_renew(links, 0);
  int second = accept(fd, NULL, NULL); /* comes at once: the test's time limit is what fails */
  cr_assert(second >= 0);
  char byte[128];
  while (recv(first, byte, sizeof byte, 0) > 0) continue; /* the first one has been closed */
  plt_links_close(&links);
  plt_wire_destroy(&wire);
  close(first);
  close(second);
  close(fd);
}

/* Links that cannot connect, for a server or a proxy that is gone, are closed like others. */
Test(proxy, nobody_at_the_other_end) {
  for (int renewed = 0; renewed < 2; renewed++) {
    plt_wire_t *wire = plt_wire_create();
    plt_links_t *links;
    const char *address = "tcp://127.0.0.1:1";
    cr_assert_eq(plt_links_open(wire, &address, 1, &links), PLT_OK);
    usleep(50000);
    for (int i = 0; i < 20 * renewed; i++) {
      plt_links_renew(links, 0);
      usleep(5000);
    }
    plt_links_close(&links);
    plt_wire_destroy(&wire);
  }
  char forwarded[PLT_FORWARD_ENDPOINT_MAX];
  cr_assert_eq(plt_fault_forward_ask("127.0.0.1:1", "tcp://127.0.0.1:5", forwarded), PLT_ERR_PEER);
  cr_assert_not_null(strstr(plt_fail_text(), "cluster.proxy: cannot connect to 127.0.0.1:1"), "%s", plt_fail_text());
}

Test(proxy, a_server_that_is_gone_ends_the_connection) {
  line_t *line = line_open((plt_fault_script_t){0}, PLT_SECURITY_NONE);
  char forwarded[PLT_FORWARD_ENDPOINT_MAX], byte;
  const char *proxy = plt_fault_proxy_address(line->proxy);
  cr_assert_eq(plt_fault_forward_ask(proxy, "tcp://127.0.0.1:1", forwarded), PLT_OK, "%s", plt_fail_text());
  int fd = dial(forwarded);
  cr_assert_leq(recv(fd, &byte, 1, 0), 0);
  close(fd);
  exchange(line, 1);
  line_close(line);
}

Test(proxy, those_who_ask_for_something_else_are_refused) {
  line_t *line = line_open((plt_fault_script_t){0}, PLT_SECURITY_NONE);
  const char *const cases[][2] = {{"GET / HTTP/1.1\r\n", "not an order"},
                                  {"FORWARD\n", "not an order"},
                                  {"FORWARD 127.0.0.1\n", "HOST:PORT"},
                                  {"FORWARD 127.0.0.1:80x\n", "HOST:PORT"},
                                  {"FORWARD node7:80\n", "numeric"}};
  char answer[512], endless[2000];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int fd = dial(plt_fault_proxy_address(line->proxy));
    size_t got = 0;
    for (size_t k = 0; k < strlen(cases[i][0]); k++) cr_assert_eq(send(fd, cases[i][0] + k, 1, MSG_NOSIGNAL), 1);
    for (ssize_t n; (n = recv(fd, answer + got, sizeof answer - 1 - got, 0)) > 0;) got += (size_t)n;
    answer[got] = '\0';
    cr_assert_not_null(strstr(answer, cases[i][1]), "\"%s\" was answered by \"%s\"", cases[i][0], answer);
    close(fd);
  }
  memset(endless, 'x', sizeof endless);
  int fd = dial(plt_fault_proxy_address(line->proxy));
  send(fd, endless, sizeof endless, MSG_NOSIGNAL);
  cr_assert_leq(recv(fd, answer, sizeof answer, 0), 0, "a line without end");
  close(fd);
  exchange(line, 1);
  line_close(line);
}
