/* bare_zmq.c - the yardstick of a training step: a bare ZeroMQ DEALER and ROUTER, one thread each, that exchange the
 * frames of one step and do nothing else.
 *
 *   request  [header 64 B][push keys, n u32][push values, n x 64 f32][pull keys, n u32]
 *   reply    [header 64 B][values, n x 64 f32]
 *
 * Arrays are handed over without copying on both sides, from buffers made once. One push and one pull of n rows
 * count as n rows, as in the bench of plateau itself; every figure is the median of `runs` measurements.
 *
 *   bench_bare_zmq [--runs 5] [--seconds 0.5] [--json] */
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
  float *values; /* the answer, rows x COLS */
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

/* Receives one message; returns the bytes of its largest frame, and of its last in `last`. */
static size_t receive_message(void *socket, size_t *last) {
  size_t largest = 0;
  for (int more = 1; more;) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    require(zmq_msg_recv(&frame, socket, 0) >= 0, "zmq_msg_recv");
    *last = zmq_msg_size(&frame);
    if (*last > largest) largest = *last;
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
    receive_message(server->socket, &last);
    require(zmq_msg_send(&identity, server->socket, ZMQ_SNDMORE) >= 0, "zmq_msg_send");
    require(zmq_send(server->socket, header, sizeof header, ZMQ_SNDMORE) >= 0, "zmq_send");
    send_frame(server->socket, server->values, server->rows * COLS * sizeof(float), false);
    if (last == 0) return NULL;
  }
}

static void step(void *socket, uint32_t *keys, float *values, size_t rows) {
  char header[HEADER] = {0};
  require(zmq_send(socket, header, sizeof header, ZMQ_SNDMORE) >= 0, "zmq_send");
  send_frame(socket, keys, rows * sizeof *keys, true);
  send_frame(socket, values, rows * COLS * sizeof *values, true);
  send_frame(socket, keys, rows * sizeof *keys, false);
  size_t last = 0;
  size_t largest = receive_message(socket, &last);
  if (largest != rows * COLS * sizeof(float)) {
    fprintf(stderr, "bench_bare_zmq: an answer of %zu bytes\n", largest);
    exit(70);
  }
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Steps a second: the median of `runs` measurements of about `seconds` each, at most STEPS_MAX steps. */
static double measure(void *socket, uint32_t *keys, float *values, size_t rows, int runs, double seconds) {
  double rate[RUNS_MAX];
  for (int i = 0; i < 20; i++) step(socket, keys, values, rows); /* warms caches and buffers */
  for (int run = 0; run < runs; run++) {
    double start = now(), spent = 0;
    int steps = 0;
    while (steps < STEPS_MAX && spent < seconds) {
      step(socket, keys, values, rows);
      steps++;
      spent = now() - start;
    }
    rate[run] = steps / spent;
  }
  qsort(rate, (size_t)runs, sizeof *rate, by_value);
  return rate[runs / 2];
}

static double bench(const char *transport, size_t rows, int runs, double seconds) {
  char endpoint[256], folder[] = "/tmp/bare-zmq-XXXXXX";
  bool is_ipc = strcmp(transport, "ipc") == 0;
  if (is_ipc) require(mkdtemp(folder) != NULL, "mkdtemp");
  if (is_ipc)
    snprintf(endpoint, sizeof endpoint, "ipc://%s/socket", folder);
  else
    snprintf(endpoint, sizeof endpoint, "%s", strcmp(transport, "tcp") == 0 ? "tcp://127.0.0.1:*" : "inproc://bare");

  uint32_t *keys = calloc(rows, sizeof *keys);
  float *values = calloc(rows * COLS, sizeof *values);
  server_t server = {.rows = rows, .values = calloc(rows * COLS, sizeof(float))};
  require(keys && values && server.values, "calloc");
  for (size_t i = 0; i < rows; i++) keys[i] = (uint32_t)(2 * i);

  void *context = zmq_ctx_new();
  server.socket = zmq_socket(context, ZMQ_ROUTER);
  void *client = zmq_socket(context, ZMQ_DEALER);
  require(server.socket && client, "zmq_socket");
  require(zmq_bind(server.socket, endpoint) == 0, "zmq_bind");
  size_t length = sizeof endpoint;
  require(zmq_getsockopt(server.socket, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0, "zmq_getsockopt");
  require(zmq_connect(client, endpoint) == 0, "zmq_connect");

  pthread_t thread;
  require(pthread_create(&thread, NULL, serve, &server) == 0, "pthread_create");
  double rate = measure(client, keys, values, rows, runs, seconds);
  size_t last = 0;
  require(zmq_send(client, "", 0, 0) == 0, "zmq_send");
  receive_message(client, &last);
  pthread_join(thread, NULL);

  zmq_close(client);
  zmq_close(server.socket);
  zmq_ctx_term(context); /* waits until the last frames are gone: the buffers may go after it */
  free(keys);
  free(values);
  free(server.values);
  if (is_ipc) {
    unlink(endpoint + strlen("ipc://"));
    rmdir(folder);
  }
  return rate;
}

int main(int argc, char **argv) {
  int runs = 5;
  double seconds = 0.5;
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
  if (!json) printf("%-9s %9s %12s %14s\n", "transport", "rows", "us a step", "M rows/s");
  for (size_t t = 0; t < 3; t++) {
    for (size_t r = 0; r < 3; r++) {
      double rate = bench(transports[t], rows[r], runs, seconds);
      if (json)
        printf(
            "{\"bench\": \"bare_zmq\", \"transport\": \"%s\", \"rows\": %zu, \"steps_per_s\": %.17g, "
            "\"rows_per_s\": %.17g}\n",
            transports[t], rows[r], rate, rate * (double)rows[r]);
      else
        printf("%-9s %9zu %12.1f %14.3f\n", transports[t], rows[r], 1e6 / rate, 1e-6 * rate * (double)rows[r]);
      fflush(stdout);
    }
  }
  return 0;
}
