/* bare_wire.c - see bare_wire.h. */
#include "launch/bench/bare_wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/bench/measure.h"

enum { HEADER = 64 };

struct plt_bare_wire {
  void *context, *client, *server;
  char endpoint[256], folder[64];
  pthread_t thread;
  size_t rows, row_bytes;
  uint32_t *keys;
  void *pushed, *answer; /* what is sent, rows x row_bytes */
  void *client_copy;     /* what is received is copied to */
  void *server_copy;
};

static void require(bool holds, const char *what) {
  plt_bench_require(holds, 74, "bare wire: %s: %s", what, zmq_strerror(zmq_errno()));
}

static size_t all_bytes(const plt_bare_wire_t *wire) { return wire->rows * wire->row_bytes; }

/* Buffers outlive the sockets: nothing to free when ZeroMQ is done with a frame. */
static void keep(void *data, void *hint) {
  (void)data;
  (void)hint;
}

static void send_frame(void *socket, void *data, size_t bytes, bool more) {
  zmq_msg_t frame;
  require(zmq_msg_init_data(&frame, data, bytes, keep, NULL) == 0, "zmq_msg_init_data");
  require(zmq_msg_send(&frame, socket, more ? ZMQ_SNDMORE : 0) >= 0, "zmq_msg_send");
}

/* Receives one message, each frame copied to `copy` if given (at most `limit` bytes of it). Returns the bytes of the
 * largest frame, and of the last one in `last`. */
static size_t receive_message(void *socket, void *copy, size_t limit, size_t *last) {
  size_t largest = 0;
  for (int more = 1; more;) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    require(zmq_msg_recv(&frame, socket, 0) >= 0, "zmq_msg_recv");
    *last = zmq_msg_size(&frame);
    if (*last > largest) largest = *last;
    if (copy) memcpy(copy, zmq_msg_data(&frame), *last < limit ? *last : limit);
    more = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
  }
  return largest;
}

/* Answers every request until one has an empty last frame. */
static void *serve(void *argument) {
  plt_bare_wire_t *wire = argument;
  char header[HEADER] = {0};
  for (;;) {
    zmq_msg_t identity;
    zmq_msg_init(&identity);
    require(zmq_msg_recv(&identity, wire->server, 0) >= 0, "zmq_msg_recv");
    size_t last = 0;
    receive_message(wire->server, wire->server_copy, all_bytes(wire), &last);
    require(zmq_msg_send(&identity, wire->server, ZMQ_SNDMORE) >= 0, "zmq_msg_send");
    require(zmq_send(wire->server, header, sizeof header, ZMQ_SNDMORE) >= 0, "zmq_send");
    send_frame(wire->server, wire->answer, all_bytes(wire), false);
    if (last == 0) return NULL;
  }
}

void plt_bare_wire_step(void *argument) {
  plt_bare_wire_t *wire = argument;
  char header[HEADER] = {0};
  require(zmq_send(wire->client, header, sizeof header, ZMQ_SNDMORE) >= 0, "zmq_send");
  send_frame(wire->client, wire->keys, wire->rows * sizeof *wire->keys, true);
  send_frame(wire->client, wire->pushed, all_bytes(wire), true);
  send_frame(wire->client, wire->keys, wire->rows * sizeof *wire->keys, false);
  size_t last = 0;
  size_t largest = receive_message(wire->client, wire->client_copy, all_bytes(wire), &last);
  plt_bench_require(largest == all_bytes(wire), 70, "bare wire: an answer of %zu bytes", largest);
}

void plt_bare_endpoint(const char *transport, char endpoint[256], char folder[64]) {
  folder[0] = '\0';
  if (strcmp(transport, "ipc") == 0) {
    snprintf(folder, 64, "/tmp/plateau-bench-XXXXXX");
    require(mkdtemp(folder) != NULL, "mkdtemp");
    snprintf(endpoint, 256, "ipc://%s/socket", folder);
  } else {
    snprintf(endpoint, 256, "%s", strcmp(transport, "tcp") == 0 ? "tcp://127.0.0.1:*" : "inproc://bench");
  }
}

void plt_bare_endpoint_remove(const char *folder) {
  if (folder[0] != '\0') plt_dir_remove(folder);
}

plt_bare_wire_t *plt_bare_wire_open(const char *transport, size_t rows, size_t value_bytes) {
  plt_bare_wire_t *wire = plt_mem_zalloc(1, sizeof *wire);
  wire->rows = rows;
  wire->row_bytes = PLT_BARE_COLS * value_bytes;
  wire->keys = plt_mem_zalloc(rows, sizeof *wire->keys);
  wire->pushed = plt_mem_zalloc(rows, wire->row_bytes);
  wire->answer = plt_mem_zalloc(rows, wire->row_bytes);
  wire->client_copy = plt_mem_zalloc(rows, wire->row_bytes);
  wire->server_copy = plt_mem_zalloc(rows, wire->row_bytes);
  memset(wire->pushed, 1, rows * wire->row_bytes); /* else all pages are the one page of zeros */
  memset(wire->answer, 1, rows * wire->row_bytes);
  for (size_t i = 0; i < rows; i++) wire->keys[i] = (uint32_t)(2 * i);

  plt_bare_endpoint(transport, wire->endpoint, wire->folder);
  wire->context = zmq_ctx_new();
  wire->server = zmq_socket(wire->context, ZMQ_ROUTER);
  wire->client = zmq_socket(wire->context, ZMQ_DEALER);
  require(wire->server && wire->client, "zmq_socket");
  require(zmq_bind(wire->server, wire->endpoint) == 0, "zmq_bind");
  size_t length = sizeof wire->endpoint;
  require(zmq_getsockopt(wire->server, ZMQ_LAST_ENDPOINT, wire->endpoint, &length) == 0, "zmq_getsockopt");
  require(zmq_connect(wire->client, wire->endpoint) == 0, "zmq_connect");
  require(pthread_create(&wire->thread, NULL, serve, wire) == 0, "pthread_create");
  return wire;
}

void plt_bare_wire_close(plt_bare_wire_t **wire_at) {
  plt_bare_wire_t *wire = *wire_at;
  size_t last = 0;
  require(zmq_send(wire->client, "", 0, 0) == 0, "zmq_send");
  receive_message(wire->client, NULL, 0, &last);
  pthread_join(wire->thread, NULL);
  zmq_close(wire->client);
  zmq_close(wire->server);
  while (zmq_ctx_term(wire->context) != 0 && errno == EINTR) continue; /* until then frames are in use */
  plt_bare_endpoint_remove(wire->folder);
  free(wire->keys);
  free(wire->pushed);
  free(wire->answer);
  free(wire->client_copy);
  free(wire->server_copy);
  free(wire);
  *wire_at = NULL;
}
