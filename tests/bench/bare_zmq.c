/* bare_zmq.c - the yardstick of a training step: a bare ZeroMQ DEALER and ROUTER, one thread each, that exchange the
 * frames of one step and do nothing else.
 *
 *   request  [header 64 B][push keys, n u32][push values, n x 64 f32][pull keys, n u32]
 *   reply    [header 64 B][values, n x 64 f32]
 *
 * Arrays are sent without copying, from buffers made once. "bare": nobody looks at them. "copied": each end copies
 * what it received once, as the least that any use of it costs (over inproc, bare passes pointers only). One push and
 * one pull of n rows count as n rows; every figure is the median of `runs` measurements.
 *
 *   bench_bare_zmq [--runs 5] [--seconds 0.3] [--json] */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { COLS = 64, HEADER = 64, RUNS_MAX = 99, STEPS_MAX = 100000 };

typedef struct server {
  void *socket;
  size_t rows;
  float *values;  /* the answer, rows x COLS */
  void *received; /* where requests are copied to, or NULL */
} server_t;

static void require(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "bench_bare_zmq: %s: %s\n", what, zmq_strerror(zmq_errno()));
  exit(74);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void keep(void *data, void *hint) {
  (void)data;
  (void)hint;
}

/* Buffers outlive the sockets: nothing to free when ZeroMQ is done with a frame. */
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
  server_t *server = argument;
  char header[HEADER] = {0};
  for (;;) {
    zmq_msg_t identity;
    zmq_msg_init(&identity);
    require(zmq_msg_recv(&identity, server->socket, 0) >= 0, "zmq_msg_recv");
    size_t last = 0;
    receive_message(server->socket, server->received, server->rows * COLS * sizeof(float), &last);
    require(zmq_msg_send(&identity, server->socket, ZMQ_SNDMORE) >= 0, "zmq_msg_send");
    require(zmq_send(server->socket, header, sizeof header, ZMQ_SNDMORE) >= 0, "zmq_send");
    send_frame(server->socket, server->values, server->rows * COLS * sizeof(float), false);
    if (last == 0) return NULL;
  }
}

typedef struct client {
  void *socket;
  size_t rows;
  uint32_t *keys;
  float *values;  /* the push, rows x COLS */
  void *received; /* where answers are copied to, or NULL */
} client_t;

static void step(const client_t *client) {
  void *socket = client->socket;
  size_t keys_bytes = client->rows * sizeof *client->keys, values_bytes = client->rows * COLS * sizeof(float);
  char header[HEADER] = {0};
  require(zmq_send(socket, header, sizeof header, ZMQ_SNDMORE) >= 0, "zmq_send");
  send_frame(socket, client->keys, keys_bytes, true);
  send_frame(socket, client->values, values_bytes, true);
  send_frame(socket, client->keys, keys_bytes, false);
  size_t last = 0;
  size_t largest = receive_message(socket, client->received, values_bytes, &last);
  if (largest != values_bytes) {
    fprintf(stderr, "bench_bare_zmq: an answer of %zu bytes\n", largest);
    exit(70);
  }
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Steps a second: the median of `runs` measurements of about `seconds` each, at most STEPS_MAX steps. */
static double measure(const client_t *client, int runs, double seconds) {
  double rate[RUNS_MAX];
  for (int i = 0; i < 20; i++) step(client); /* warms caches and buffers */
  for (int run = 0; run < runs; run++) {
    double start = now(), spent = 0;
    int steps = 0;
    while (steps < STEPS_MAX && spent < seconds) {
      step(client);
      steps++;
      spent = now() - start;
    }
    rate[run] = steps / spent;
  }
  qsort(rate, (size_t)runs, sizeof *rate, by_value);
  return rate[runs / 2];
}

static void *buffer(size_t bytes) {
  void *memory = calloc(bytes, 1);
  require(memory != NULL, "calloc");
  return memory;
}

static double bench(const char *transport, size_t rows, bool copies, int runs, double seconds) {
  char endpoint[256], folder[] = "/tmp/bare-zmq-XXXXXX";
  bool is_ipc = strcmp(transport, "ipc") == 0;
  if (is_ipc) require(mkdtemp(folder) != NULL, "mkdtemp");
  if (is_ipc)
    snprintf(endpoint, sizeof endpoint, "ipc://%s/socket", folder);
  else
    snprintf(endpoint, sizeof endpoint, "%s", strcmp(transport, "tcp") == 0 ? "tcp://127.0.0.1:*" : "inproc://bare");

  size_t bytes = rows * COLS * sizeof(float);
  client_t client = {.rows = rows, .keys = buffer(rows * sizeof(uint32_t)), .values = buffer(bytes)};
  server_t server = {.rows = rows, .values = buffer(bytes)};
  if (copies) client.received = buffer(bytes);
  if (copies) server.received = buffer(bytes);
  for (size_t i = 0; i < rows; i++) client.keys[i] = (uint32_t)(2 * i);

  void *context = zmq_ctx_new();
  server.socket = zmq_socket(context, ZMQ_ROUTER);
  client.socket = zmq_socket(context, ZMQ_DEALER);
  require(server.socket && client.socket, "zmq_socket");
  require(zmq_bind(server.socket, endpoint) == 0, "zmq_bind");
  size_t length = sizeof endpoint;
  require(zmq_getsockopt(server.socket, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0, "zmq_getsockopt");
  require(zmq_connect(client.socket, endpoint) == 0, "zmq_connect");

  pthread_t thread;
  require(pthread_create(&thread, NULL, serve, &server) == 0, "pthread_create");
  double rate = measure(&client, runs, seconds);
  size_t last = 0;
  require(zmq_send(client.socket, "", 0, 0) == 0, "zmq_send");
  receive_message(client.socket, NULL, 0, &last);
  pthread_join(thread, NULL);

  zmq_close(client.socket);
  zmq_close(server.socket);
  zmq_ctx_term(context); /* waits until the last frames are gone: the buffers may go after it */
  free(client.keys);
  free(client.values);
  free(client.received);
  free(server.values);
  free(server.received);
  if (is_ipc) {
    unlink(endpoint + strlen("ipc://"));
    rmdir(folder);
  }
  return rate;
}

int main(int argc, char **argv) {
  int runs = 5;
  double seconds = 0.3;
  bool json = false, fine = true;
  for (int i = 1; i < argc && fine; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc)
      runs = atoi(argv[++i]);
    else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
      seconds = atof(argv[++i]);
    else
      fine = false;
  }
  if (!fine || runs < 1 || runs > RUNS_MAX || !(seconds > 0 && seconds <= 60)) {
    fprintf(stderr, "usage: bench_bare_zmq [--runs 1..%d] [--seconds 0..60] [--json]\n", RUNS_MAX);
    return 64;
  }
  static const char *const transports[] = {"inproc", "ipc", "tcp"};
  static const size_t rows[] = {512, 4096, 32768};
  if (!json) printf("%-9s %7s %16s %18s\n", "transport", "rows", "bare, M rows/s", "copied, M rows/s");
  for (size_t t = 0; t < 3; t++) {
    for (size_t r = 0; r < 3; r++) {
      double bare = bench(transports[t], rows[r], false, runs, seconds) * (double)rows[r];
      double copied = bench(transports[t], rows[r], true, runs, seconds) * (double)rows[r];
      if (json)
        printf(
            "{\"bench\": \"bare_zmq\", \"transport\": \"%s\", \"rows\": %zu, \"bare_rows_per_s\": %.17g, "
            "\"copied_rows_per_s\": %.17g}\n",
            transports[t], rows[r], bare, copied);
      else
        printf("%-9s %7zu %16.2f %18.2f\n", transports[t], rows[r], 1e-6 * bare, 1e-6 * copied);
      fflush(stdout);
    }
  }
  return 0;
}
