/* memory.c - memory [REQUESTS]: a server and a client that exchange requests over ipc, each a process of its own. Fails
 * when either takes more memory after REQUESTS (40,000) than before them. 100,000 others come first: until then tables
 * of the optimizer and the heap grow to their size.
 *
 * Every eleven requests are five steps of changing size, five reads of rows that are stored or not, and a sum under a
 * new name; the learning rate changes as in an epoch of 1000 steps. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/time.h"
#include "ps/server/server.h"
#include "worker/client/client.h"

enum { ROWS = 20000, COLS = 16, STEP_ROWS_MAX = 512, STEPS_PER_EPOCH = 1000, SLACK_KIB = 256, WARM = 100000 };

static char folder[] = "/tmp/plateau-test.XXXXXX", endpoint[64];

static void require(plt_status_t status) {
  if (status == PLT_OK) return;
  fprintf(stderr, "FAILED: %s\n", plt_fail_text());
  exit(1);
}

static int serve(void) {
  plt_wire_t *wire = plt_wire_create();
  plt_listener_t *listener;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  require(plt_listener_open(wire, endpoint, &listener));
  require(plt_server_run(wire, listener, &(plt_server_config_t){.servers = 1, .workers = 1, .job = 1}));
  plt_listener_close(&listener);
  plt_wire_destroy(&wire);
  return 0;
}

static long resident_kib(pid_t pid) {
  char path[64];
  long pages = 0, resident = 0;
  snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
  FILE *file = fopen(path, "r");
  bool known = file != NULL && fscanf(file, "%ld %ld", &pages, &resident) == 2;
  if (file != NULL) fclose(file);
  if (!known) {
    fprintf(stderr, "FAILED: process %d is gone\n", (int)pid);
    exit(1);
  }
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

typedef struct load {
  plt_client_t *client;
  uint64_t clock, requests, random;
  uint64_t keys[STEP_ROWS_MAX];
  float values[STEP_ROWS_MAX * COLS], rows[STEP_ROWS_MAX * COLS];
} load_t;

/* xorshift */
static uint64_t next(load_t *load) {
  load->random ^= load->random << 13;
  load->random ^= load->random >> 7;
  return load->random ^= load->random << 17;
}

/* Ascending keys in load->keys; their number. */
static size_t choose_keys(load_t *load) {
  size_t n = 1 + next(load) % STEP_ROWS_MAX;
  uint64_t gap = ROWS / n, key = next(load) % gap;
  for (size_t i = 0; i < n; i++, key += 1 + next(load) % gap) {
    if (key >= ROWS) return i;
    load->keys[i] = key;
  }
  return n;
}

static void step(load_t *load) {
  size_t n = choose_keys(load);
  double eta = 1e-3 * (1 + (double)(load->clock / STEPS_PER_EPOCH % 7));
  plt_block_loss_t loss = {{0, 1}, 0.5};
  plt_push_t push = {0, COLS, {0, 1}, load->keys, load->values, n};
  plt_pull_t pull = {0, COLS, load->keys, n, load->rows};
  plt_progress_t progress = {.batch = (uint32_t)load->clock};
  plt_step_t request = {.pushes = true,
                        .clock = load->clock++,
                        .eta = eta,
                        .losses = &loss,
                        .n_losses = 1,
                        .push = &push,
                        .n_push = 1,
                        .pull = &pull,
                        .n_pull = 1,
                        .progress = &progress};
  plt_step_result_t result;
  require(plt_client_step(load->client, &request, &result));
  load->requests++;
}

static void read_rows(load_t *load) {
  plt_pull_t pull = {next(load) % 2, COLS, load->keys, choose_keys(load), load->rows};
  require(plt_client_read(load->client, &pull, 1));
  load->requests++;
}

static void sum(load_t *load) {
  char name[64];
  double values[8] = {1, 2, 3};
  snprintf(name, sizeof name, "sum %" PRIu64, load->requests);
  require(plt_client_sum(load->client, name, values, 8));
  load->requests++;
}

static void work(load_t *load, uint64_t requests) {
  while (load->requests < requests) {
    for (int i = 0; i < 5; i++) {
      step(load);
      read_rows(load);
    }
    sum(load);
  }
}

/* Every row of table 0 is stored before memory is looked at. */
static void store_all(load_t *load) {
  for (uint64_t first = 0; first < ROWS; first += STEP_ROWS_MAX) {
    size_t n = ROWS - first < STEP_ROWS_MAX ? (size_t)(ROWS - first) : STEP_ROWS_MAX;
    for (size_t i = 0; i < n; i++) load->keys[i] = first + i;
    require(plt_client_assign(load->client, 0, COLS, load->keys, n, load->values));
  }
}

static load_t *open_load(plt_wire_t *wire) {
  static load_t load = {.random = 88172645463325252u};
  static const char *const address = endpoint;
  bool resumed;
  plt_progress_t progress;
  plt_client_config_t config = {.workers = 1, .servers = &address, .n_servers = 1, .job = 1, .deadline_s = 60};
  require(plt_client_open(wire, &config, &load.clock, &resumed, &progress, &load.client));
  plt_table_spec_t specs[2] = {{.name = "stored"}, {.name = "unborn"}};
  for (int t = 0; t < 2; t++) {
    specs[t].rows = ROWS;
    specs[t].cols = COLS;
    specs[t].init = (plt_init_t){PLT_INIT_NORMAL, 0.1};
    strcpy(specs[t].optimizer, "adam");
  }
  require(plt_client_declare(load.client, 0, specs, 2));
  for (size_t i = 0; i < STEP_ROWS_MAX * COLS; i++) load.values[i] = 1e-3f * (float)(i % 1001) - 0.5f;
  store_all(&load);
  return &load;
}

static void remove_folder(void) { plt_dir_remove(folder); }

static bool is_flat(const char *who, long before_kib, long after_kib) {
  printf("%s: %ld KiB, %ld KiB at the end\n", who, before_kib, after_kib);
  if (after_kib - before_kib <= SLACK_KIB) return true;
  fprintf(stderr, "FAILED: the %s grew by %ld KiB, %d are allowed\n", who, after_kib - before_kib, SLACK_KIB);
  return false;
}

int main(int argc, char **argv) {
  uint64_t requests = argc > 1 ? strtoull(argv[1], NULL, 10) : 40000;
  if (requests == 0) {
    fprintf(stderr, "usage: memory [REQUESTS]\n");
    return 64;
  }
  if (mkdtemp(folder) == NULL) return 73;
  snprintf(endpoint, sizeof endpoint, "ipc://%s/s", folder);
  pid_t server = fork();
  if (server == 0) _exit(serve());
  atexit(remove_folder);
  plt_wire_t *wire = plt_wire_create();
  load_t *load = open_load(wire);
  work(load, WARM);
  long client_kib = resident_kib(getpid()), server_kib = resident_kib(server);
  int64_t begin_ns = plt_time_ns();
  uint64_t begin = load->requests;
  work(load, WARM + requests);
  printf("%" PRIu64 " requests, %.0f a second\n", load->requests,
         (double)(load->requests - begin) / plt_time_seconds(plt_time_ns() - begin_ns));
  bool flat = is_flat("client", client_kib, resident_kib(getpid()));
  flat = is_flat("server", server_kib, resident_kib(server)) && flat;
  plt_client_bye(load->client, PLT_OK, "");
  int how = 0;
  waitpid(server, &how, 0);
  plt_client_close(&load->client);
  plt_wire_destroy(&wire);
  return flat && how == 0 ? 0 : 1;
}
