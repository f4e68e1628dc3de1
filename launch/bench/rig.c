/* rig.c - see rig.h. */
#include "launch/bench/rig.h"

#include <stdlib.h>

#include "launch/bench/measure.h"
#include "launch/host/limits.h"

void plt_bench_expect(plt_status_t status) { plt_bench_require(status == PLT_OK, 70, "bench: %s", plt_fail_text()); }

static void *server_main(void *argument) {
  plt_bench_rig_t *rig = argument;
  plt_bench_expect(plt_server_run(rig->wire, rig->listener, &rig->config));
  return NULL;
}

void plt_bench_rig_open(plt_bench_rig_t *rig, const char *endpoint, plt_bench_speech_t speech, const char *run_dir,
                        const plt_table_spec_t *specs, uint32_t n) {
  uint64_t clock;
  bool resumed;
  plt_progress_t progress;
  rig->wire = plt_wire_create();
  plt_bench_expect(plt_listener_open(rig->wire, endpoint, &rig->listener));
  rig->config =
      (plt_server_config_t){.servers = 1, .workers = 1, .threads = plt_limits_cores(), .job = 1, .run_dir = run_dir};
  plt_bench_require(pthread_create(&rig->thread, NULL, server_main, rig) == 0, 70, "bench: no thread");
  const char *address = plt_listener_address(rig->listener);
  plt_client_config_t config = {.workers = 1,
                                .servers = &address,
                                .n_servers = 1,
                                .job = 1,
                                .deadline_s = 60,
                                .wire = speech.wire,
                                .lends = speech.lends};
  plt_bench_expect(plt_client_open(rig->wire, &config, &clock, &resumed, &progress, &rig->client));
  plt_bench_expect(plt_client_declare(rig->client, 0, specs, n));
}

void plt_bench_rig_close(plt_bench_rig_t *rig) {
  plt_client_bye(rig->client, PLT_OK, "");
  pthread_join(rig->thread, NULL);
  plt_client_close(&rig->client);
  plt_listener_close(&rig->listener);
  plt_wire_destroy(&rig->wire);
}

static int by_key(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

void plt_bench_draw_keys(plt_rng_key_t order, uint64_t rows, uint64_t *keys, size_t n) {
  for (size_t i = 0; i < n; i++) keys[i] = plt_rng_permute(order, rows, i);
  qsort(keys, n, sizeof *keys, by_key);
}
