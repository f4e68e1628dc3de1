/* What the guard makes of the events of a link: the linker puts __wrap_zmq_socket_monitor() in the place of libzmq's,
 * so the other end of a monitor is here and says what the test wants. */
#include "proto/wire/guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "common/time.h"

static void *context, *monitor;

int __wrap_zmq_socket_monitor(void *socket, const char *endpoint, int events);
int __wrap_zmq_socket_monitor(void *socket, const char *endpoint, int events) {
  (void)socket, (void)events;
  if (endpoint == NULL) return zmq_close(monitor);
  monitor = zmq_socket(context, ZMQ_PAIR);
  return zmq_bind(monitor, endpoint);
}

static void tell(uint16_t event, uint32_t value) {
  unsigned char frame[6];
  memcpy(frame, &event, sizeof event);
  memcpy(frame + 2, &value, sizeof value);
  cr_assert_geq(zmq_send(monitor, frame, sizeof frame, ZMQ_SNDMORE), 0);
  cr_assert_geq(zmq_send(monitor, "address", 7, 0), 0);
}

static void break_off(int times) {
  for (int i = 0; i < times; i++) tell(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, i % 2 ? EPIPE : ECONNRESET);
}

/* The guard has seen all that was told: this event comes last and shows. */
static void settle(plt_watch_t *watch) {
  tell(ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED);
  for (int64_t end = plt_time_ns() + 20 * PLT_NS_PER_S; !plt_watch_take_break(watch);) {
    cr_assert_lt(plt_time_ns(), end);
    usleep(1000);
  }
}

static const char *await_refusal(const plt_watch_t *watch) {
  for (int64_t end = plt_time_ns() + 20 * PLT_NS_PER_S; plt_watch_refusal(watch) == NULL && plt_time_ns() < end;)
    usleep(1000);
  return plt_watch_refusal(watch);
}

/* A server that restarts, or a bad network: only failures in a row mean that it will not have us. */
Test(guard, failures_count_from_the_last_success) {
  plt_watch_t *watch;
  context = zmq_ctx_new();
  plt_guard_t *guard = plt_guard_create(context);
  void *socket = zmq_socket(context, ZMQ_DEALER);
  cr_assert_eq(plt_guard_connect(guard, socket, "tcp://127.0.0.1:1", &watch), PLT_OK, "%s", plt_fail_text());
  for (int turn = 0; turn < 3; turn++) {
    break_off(9);
    tell(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
    settle(watch);
    cr_assert_null(plt_watch_refusal(watch), "after %d failures and as many successes", 9 * (turn + 1));
    cr_assert_eq(plt_guard_breaks(guard), (unsigned)turn + 1);
  }
  for (int i = 0; i < 20; i++) tell(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, ETIMEDOUT); /* nobody broke it off */
  break_off(9);
  tell(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0);
  settle(watch);
  cr_assert_not(plt_guard_any_refusal(guard));
  break_off(10);
  const char *refusal = await_refusal(watch);
  cr_assert(refusal != NULL && strstr(refusal, "breaks off every handshake") != NULL);
  cr_assert(plt_guard_any_refusal(guard));
  plt_guard_leave(&watch);
  zmq_close(socket);
  plt_guard_destroy(&guard);
  zmq_ctx_term(context);
}
