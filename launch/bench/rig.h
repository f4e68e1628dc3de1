/* rig.h - one server and one worker's client in this process, for what steps through both are measured.
 *
 * Ownership  the caller's struct; what it was opened with is copied, but for texts.
 * Threads    the server has a thread of its own; the client is the caller's.
 * Errors     none is returned: failures end the process (measure.h). */
#ifndef PLT_LAUNCH_BENCH_RIG_H
#define PLT_LAUNCH_BENCH_RIG_H

#include <pthread.h>

#include "common/rng.h"
#include "ps/server/server.h"
#include "worker/client/client.h"

typedef struct plt_bench_rig {
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_server_config_t config;
  pthread_t thread;
  plt_client_t *client;
} plt_bench_rig_t;

/* How client and server speak; zeroed: float32 in messages. */
typedef struct plt_bench_speech {
  plt_wire_type_t wire;
  bool lends; /* over ipc: values in shared memory */
} plt_bench_speech_t;

/* Ends the process with what plt_fail_text() says unless `status` is PLT_OK. */
void plt_bench_expect(plt_status_t status);
/* run_dir: where checkpoints go; NULL: none are ordered. The rig stays where it is until it is closed. */
void plt_bench_rig_open(plt_bench_rig_t *rig, const char *endpoint, plt_bench_speech_t speech, const char *run_dir,
                        const plt_table_spec_t *specs, uint32_t n);
void plt_bench_rig_close(plt_bench_rig_t *rig);
/* n distinct random rows of `rows`, ascending. */
void plt_bench_draw_keys(plt_rng_key_t order, uint64_t rows, uint64_t *keys, size_t n);

#endif
