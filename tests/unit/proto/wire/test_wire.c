/* Parcels over inproc, ipc and tcp: whole, in order, again when sent again, and their buffers back when all have let
 * go. The pool is asked by taking: a buffer that came back is handed out next. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/time.h"
#include "proto/wire/wire.h"

typedef struct line {
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_links_t *links;
  char dir[64];
} line_t;

enum { INPROC, IPC, TCP, TRANSPORTS, PATIENCE_MS = 10000 };

static line_t line_open(int transport) {
  line_t line = {.wire = plt_wire_create(), .dir = "/tmp/plateau-test-XXXXXX"};
  char endpoint[128] = "inproc://wire";
  cr_assert_not_null(mkdtemp(line.dir));
  if (transport == IPC) snprintf(endpoint, sizeof endpoint, "ipc://%s/s", line.dir);
  if (transport == TCP) strcpy(endpoint, "tcp://127.0.0.1:*");
  cr_assert_eq(plt_listener_open(line.wire, endpoint, &line.listener), PLT_OK, "%s", plt_fail_text());
  const char *address = plt_listener_address(line.listener);
  cr_assert_null(strchr(address, '*'), "%s is no address", address);
  cr_assert_eq(plt_links_open(line.wire, &address, 1, &line.links), PLT_OK);
  return line;
}

static void line_close(line_t *line) {
  char socket[80];
  plt_links_close(&line->links);
  plt_listener_close(&line->listener);
  plt_links_close(&line->links);
  plt_listener_close(&line->listener);
  plt_wire_destroy(&line->wire);
  plt_wire_destroy(&line->wire);
  snprintf(socket, sizeof socket, "%s/s", line->dir);
  unlink(socket);
  rmdir(line->dir);
}

/* A parcel of n frames; frame i has a size and bytes of its own, every seventh is empty. */
static size_t frame_size(size_t i, size_t seed) { return i % 7 == 3 ? 0 : (i * 37 + seed * 101) % 900; }

static void fill(plt_wire_t *wire, plt_parcel_t *parcel, size_t n, size_t seed) {
  plt_parcel_clear(parcel);
  for (size_t i = 0; i < n; i++) {
    uint8_t *frame = plt_pool_take(plt_wire_pool(wire), frame_size(i, seed));
    for (size_t b = 0; b < frame_size(i, seed); b++) frame[b] = (uint8_t)(b * 7 + i + seed);
    plt_parcel_add_pooled(parcel, frame, frame_size(i, seed));
  }
}

static size_t check(const plt_parcel_t *parcel, size_t n, size_t seed) {
  size_t total = 0;
  cr_assert_eq(plt_parcel_frames(parcel), n);
  for (size_t i = 0; i < n; i++) {
    size_t bytes;
    const uint8_t *frame = plt_parcel_frame(parcel, i, &bytes);
    cr_assert_eq(bytes, frame_size(i, seed), "frame %zu", i);
    for (size_t b = 0; b < bytes; b++) cr_assert_eq(frame[b], (uint8_t)(b * 7 + i + seed));
    total += bytes;
  }
  cr_assert_eq(plt_parcel_bytes(parcel), total);
  return total;
}

static void hear(line_t *line, plt_route_t *from, plt_parcel_t *in) {
  bool got;
  cr_assert_eq(plt_listener_receive(line->listener, PATIENCE_MS, from, in, &got), PLT_OK);
  cr_assert(got);
}

static void hear_answer(line_t *line, plt_parcel_t *in) {
  bool got;
  size_t server = 9;
  cr_assert_eq(plt_links_receive(line->links, PATIENCE_MS, &server, in, &got), PLT_OK);
  cr_assert(got && server == 0);
}

Test(wire, parcels_arrive_whole_in_order_and_as_often_as_they_are_sent) {
  for (int transport = 0; transport < TRANSPORTS; transport++) {
    line_t line = line_open(transport);
    plt_parcel_t *out = plt_parcel_create(), *in = plt_parcel_create(), *back = plt_parcel_create();
    plt_route_t from;
    uint64_t sent = 0, bytes = 0;
    for (size_t n = 1; n < 400; n = n * 3 + 1) {
      fill(line.wire, out, n, n);
      for (int again = 0; again < 3; again++) cr_assert_eq(plt_links_send(line.links, 0, out), PLT_OK);
      check(out, n, n); /* sending leaves it as it was */
      for (int again = 0; again < 3; again++) {
        hear(&line, &from, in);
        bytes += check(in, n, n);
        sent++;
        fill(line.wire, back, n, n + 1);
        cr_assert_eq(plt_listener_send(line.listener, &from, back), PLT_OK);
      }
      for (int again = 0; again < 3; again++) {
        hear_answer(&line, in);
        check(in, n, n + 1);
      }
    }
    plt_wire_count_t here = plt_links_count(line.links), there = plt_listener_count(line.listener);
    cr_assert(here.messages_out == sent && there.messages_in == sent && here.messages_in == sent);
    cr_assert(here.bytes_out == bytes && there.bytes_in == bytes && there.messages_out == sent);
    cr_assert_eq(here.bytes_in, there.bytes_out);
    plt_parcel_destroy(&out);
    plt_parcel_destroy(&in);
    plt_parcel_destroy(&back);
    line_close(&line);
  }
}

/* The digest is of the frames as they are, not as they were when it was worked out. */
Test(wire, a_parcel_that_grows_between_sendings_arrives_whole) {
  line_t line = line_open(TCP);
  plt_parcel_t *out = plt_parcel_create(), *in = plt_parcel_create();
  plt_route_t from;
  fill(line.wire, out, 2, 1);
  for (size_t n = 2; n < 5; n++) {
    cr_assert_eq(plt_links_send(line.links, 0, out), PLT_OK);
    hear(&line, &from, in);
    cr_assert(!plt_parcel_is_damaged(in) && plt_parcel_frames(in) == n);
    uint8_t *frame = plt_pool_take(plt_wire_pool(line.wire), 8);
    memset(frame, (int)n, 8);
    plt_parcel_add_pooled(out, frame, 8);
  }
  plt_parcel_destroy(&out);
  plt_parcel_destroy(&in);
  line_close(&line);
}

Test(wire, parcels_move) {
  plt_wire_t *wire = plt_wire_create();
  plt_parcel_t *a = plt_parcel_create(), *b = plt_parcel_create();
  fill(wire, a, 40, 1);
  plt_parcel_move(b, a);
  check(b, 40, 1);
  cr_assert(plt_parcel_frames(a) == 0 && plt_parcel_bytes(a) == 0);
  plt_parcel_move(b, a);
  check(b, 40, 1);
  plt_parcel_destroy(&a);
  plt_parcel_destroy(&b);
  plt_parcel_destroy(&b);
  plt_wire_destroy(&wire);
}

/* Whether the pool holds this buffer: the next one of its size is it. */
static bool is_back(plt_wire_t *wire, void *buffer, size_t bytes) {
  void *next = plt_pool_take(plt_wire_pool(wire), bytes);
  bool same = next == buffer;
  plt_pool_give(next);
  return same;
}

Test(wire, a_buffer_comes_back_when_the_last_reader_has_let_go) {
  enum { BYTES = 5000 };
  for (int transport = 0; transport < TRANSPORTS; transport++) {
    line_t line = line_open(transport);
    plt_parcel_t *out = plt_parcel_create(), *in = plt_parcel_create();
    plt_route_t from;
    uint8_t *buffer = plt_pool_take(plt_wire_pool(line.wire), BYTES);
    size_t bytes;
    memset(buffer, 'b', BYTES);
    plt_parcel_add_pooled(out, buffer, BYTES);
    cr_assert_eq(plt_parcel_frame(out, 0, &bytes), buffer, "no copy is made");
    cr_assert_eq(plt_links_send(line.links, 0, out), PLT_OK);
    hear(&line, &from, in);
    if (transport == INPROC) cr_assert_eq(plt_parcel_frame(in, 0, &bytes), buffer, "the peer reads the same memory");
    cr_assert_not(is_back(line.wire, buffer, BYTES), "the sender may send it again");
    plt_parcel_clear(out);
    if (transport == INPROC) cr_assert_not(is_back(line.wire, buffer, BYTES), "the peer still reads it");
    plt_parcel_clear(in);
    bool back = false;
    for (int i = 0; i < 200 && !back; i++) { /* an io thread may be the last */
      back = is_back(line.wire, buffer, BYTES);
      if (!back) usleep(10000);
    }
    cr_assert(back, "transport %d", transport);
    plt_parcel_destroy(&out);
    plt_parcel_destroy(&in);
    line_close(&line);
  }
}

Test(wire, a_peer_that_is_gone_or_unknown_is_not_waited_for) {
  for (int transport = 0; transport < TRANSPORTS; transport++) {
    line_t line = line_open(transport);
    plt_parcel_t *parcel = plt_parcel_create();
    plt_route_t from, unknown = {.bytes = {0, 9, 9, 9, 9}, .n = 5};
    fill(line.wire, parcel, 3, 1);
    cr_assert_eq(plt_links_send(line.links, 0, parcel), PLT_OK);
    hear(&line, &from, parcel);
    plt_links_close(&line.links);
    usleep(50000);
    fill(line.wire, parcel, 3, 2);
    for (int i = 0; i < 3000; i++) { /* more than a queue holds */
      cr_assert_eq(plt_listener_send(line.listener, &from, parcel), PLT_OK, "%s", plt_fail_text());
      cr_assert_eq(plt_listener_send(line.listener, &unknown, parcel), PLT_OK, "%s", plt_fail_text());
    }
    const char *address = plt_listener_address(line.listener); /* the next one is served */
    cr_assert_eq(plt_links_open(line.wire, &address, 1, &line.links), PLT_OK);
    cr_assert_eq(plt_links_send(line.links, 0, parcel), PLT_OK);
    plt_parcel_t *in = plt_parcel_create();
    hear(&line, &from, in);
    check(in, 3, 2);
    cr_assert_eq(plt_listener_send(line.listener, &from, parcel), PLT_OK);
    hear_answer(&line, in);
    check(in, 3, 2);
    plt_parcel_destroy(&in);
    plt_parcel_destroy(&parcel);
    line_close(&line);
  }
}

/* Neither side ever blocks in a send, and nothing arrives in parts. */
Test(wire, whoever_does_not_read_is_not_waited_for) {
  line_t line = line_open(INPROC);
  plt_parcel_t *out = plt_parcel_create(), *in = plt_parcel_create();
  plt_route_t from;
  bool got = true;
  fill(line.wire, out, 5, 1);
  for (int i = 0; i < 5000; i++) cr_assert_eq(plt_links_send(line.links, 0, out), PLT_OK);
  uint64_t sent = plt_links_count(line.links).messages_out, heard = 0;
  cr_assert_lt(sent, 5000, "only what found room counts");
  for (;;) {
    cr_assert_eq(plt_listener_receive(line.listener, 100, &from, in, &got), PLT_OK);
    if (!got) break;
    check(in, 5, 1);
    heard++;
  }
  cr_assert_eq(heard, sent);
  for (int i = 0; i < 5000; i++) cr_assert_eq(plt_listener_send(line.listener, &from, out), PLT_OK);
  cr_assert_lt(plt_listener_count(line.listener).messages_out, 5000);
  plt_parcel_destroy(&out);
  plt_parcel_destroy(&in);
  line_close(&line);
}

Test(wire, waiting_ends_in_time) {
  line_t line = line_open(INPROC);
  plt_parcel_t *in = plt_parcel_create();
  plt_route_t from;
  size_t server;
  bool got = true;
  int64_t begin = plt_time_ns();
  cr_assert_eq(plt_listener_receive(line.listener, 50, &from, in, &got), PLT_OK);
  cr_assert_not(got);
  got = true;
  cr_assert_eq(plt_links_receive(line.links, 50, &server, in, &got), PLT_OK);
  cr_assert_not(got);
  double seconds = plt_time_seconds(plt_time_ns() - begin);
  cr_assert(seconds > 0.09 && seconds < 5, "%g s", seconds);
  plt_parcel_destroy(&in);
  line_close(&line);
}

Test(wire, every_server_is_heard_in_turn) {
  enum { SERVERS = 3 };
  plt_wire_t *wire = plt_wire_create();
  plt_listener_t *listeners[SERVERS];
  const char *addresses[SERVERS];
  plt_links_t *links;
  plt_parcel_t *parcel = plt_parcel_create();
  for (int s = 0; s < SERVERS; s++) {
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "inproc://%d", s);
    cr_assert_eq(plt_listener_open(wire, endpoint, &listeners[s]), PLT_OK);
    addresses[s] = plt_listener_address(listeners[s]);
  }
  cr_assert_eq(plt_links_open(wire, addresses, SERVERS, &links), PLT_OK);
  for (size_t s = 0; s < SERVERS; s++) {
    plt_route_t from;
    bool got;
    fill(wire, parcel, 2, s);
    cr_assert_eq(plt_links_send(links, s, parcel), PLT_OK);
    cr_assert_eq(plt_listener_receive(listeners[s], PATIENCE_MS, &from, parcel, &got), PLT_OK);
    cr_assert(got);
    check(parcel, 2, s);
    for (int i = 0; i < 4; i++) cr_assert_eq(plt_listener_send(listeners[s], &from, parcel), PLT_OK);
  }
  size_t heard[SERVERS] = {0};
  for (int i = 0; i < 4 * SERVERS; i++) {
    size_t server;
    bool got;
    cr_assert_eq(plt_links_receive(links, PATIENCE_MS, &server, parcel, &got), PLT_OK);
    cr_assert(got);
    check(parcel, 2, server);
    heard[server]++;
    if (i == SERVERS - 1) cr_assert(heard[0] == 1 && heard[1] == 1 && heard[2] == 1, "none is favoured");
  }
  plt_parcel_destroy(&parcel);
  plt_links_close(&links);
  for (int s = 0; s < SERVERS; s++) plt_listener_close(&listeners[s]);
  plt_wire_destroy(&wire);
}

Test(wire, bad_endpoints) {
  plt_wire_t *wire = plt_wire_create();
  plt_listener_t *listener = NULL, *second = NULL;
  plt_links_t *links = NULL;
  const char *const addresses[] = {"inproc://here", "nonsense://there"};
  cr_assert_eq(plt_listener_open(wire, "ipc:///no/such/directory/s", &listener), PLT_ERR_CREATE);
  cr_assert_not_null(strstr(plt_fail_text(), "/no/such/directory/s"));
  cr_assert_null(listener);
  cr_assert_eq(plt_listener_open(wire, "inproc://here", &listener), PLT_OK);
  cr_assert_eq(plt_listener_open(wire, "inproc://here", &second), PLT_ERR_CREATE, "taken");
  cr_assert_eq(plt_links_open(wire, addresses, 2, &links), PLT_ERR_PEER);
  cr_assert_not_null(strstr(plt_fail_text(), "server 1 at nonsense://there"), "%s", plt_fail_text());
  cr_assert_null(links);
  plt_listener_close(&listener);
  plt_wire_destroy(&wire);
}

static void on_alarm(int number) { (void)number; }

static size_t threads_of_this_process(void) {
  char **names;
  size_t n;
  cr_assert_eq(plt_dir_list("/proc/self/task", &names, &n), PLT_OK);
  plt_names_free(&names, n);
  return n;
}

/* Threads of libzmq that went on would give buffers back to a pool that is gone. */
Test(wire, signals_change_nothing) {
  const struct itimerval often = {{0, 20}, {0, 20}}, never = {0};
  size_t before = threads_of_this_process();
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  for (int i = 0; i < 300; i++) {
    line_t line = line_open(i % TRANSPORTS);
    plt_parcel_t *parcel = plt_parcel_create();
    plt_route_t from;
    bool got = false;
    fill(line.wire, parcel, 5, (size_t)i);
    cr_assert_eq(plt_links_send(line.links, 0, parcel), PLT_OK);
    while (!got) cr_assert_eq(plt_listener_receive(line.listener, PATIENCE_MS, &from, parcel, &got), PLT_OK);
    check(parcel, 5, (size_t)i);
    plt_parcel_destroy(&parcel);
    line_close(&line);
  }
  setitimer(ITIMER_REAL, &never, NULL);
  cr_assert_eq(threads_of_this_process(), before);
}
