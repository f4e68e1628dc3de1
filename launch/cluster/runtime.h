/* runtime.h - what a role's process is told when it starts, beyond the run's config.yaml: who it is and where the
 * others are. Travels as one JSON object over MPI and over the pipe to the child, never through argv, environment
 * or files: it holds the job's secret. */
#ifndef PLT_LAUNCH_CLUSTER_RUNTIME_H
#define PLT_LAUNCH_CLUSTER_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/io/yaml.h"
#include "common/status.h"
#include "proto/wire/wire.h"

typedef enum {
  PLT_TASK_TRAIN,
  PLT_TASK_CONCLUDE,
  PLT_TASK_EVALUATE,
  PLT_TASK_EXPORT,
  PLT_TASK_RECOMMEND,
  PLT_TASKS
} plt_task_t;
extern const char *const plt_task_names[PLT_TASKS];

typedef struct plt_runtime {
  /* the same for all processes of a generation */
  plt_task_t task;
  char *run_dir;
  bool keeps; /* writes to run_dir: train, conclude */
  bool quiet;
  uint64_t job;
  uint32_t generation;
  uint32_t servers, workers;
  bool alone; /* ssp, asp (ps/server/server.h) */
  uint64_t staleness;
  char *restore; /* checkpoint to start from: "240", "best", "last"; "" for none */
  char *proxy;   /* between workers and servers: HOST:PORT; "" for none */
  char *secret;  /* of the job, as text (wire/security.h) */
  char *output;  /* export: directory; recommend: file; evaluate: "json" or "" */
  bool vectors;  /* export: final vectors, not tables */
  uint32_t topk; /* recommend */
  char *split;   /* evaluate: "valid", "test" or "" */
  char **sets;   /* assignments on top of the run's configuration */
  size_t n_sets;
  /* conclude: where training ended */
  uint32_t end_epoch;
  uint64_t end_gradients;
  double end_seconds;
  /* of this process */
  bool is_server;
  uint32_t number;
  char *endpoints[2]; /* server: what it listens at, through the descriptors it inherits; "" for none */
  char **addresses;   /* worker: of the servers, as seen from its node */
  size_t n_addresses;
} plt_runtime_t;

/* As one line of JSON; free it. */
char *plt_runtime_encode(const plt_runtime_t *runtime);
plt_status_t plt_runtime_decode(const char *text, plt_runtime_t *runtime);
void plt_runtime_clear(plt_runtime_t *runtime);
/* Gives the job's secret to a wire. PLT_ERR_PROTOCOL. */
plt_status_t plt_runtime_secure(const plt_runtime_t *runtime, plt_wire_t *wire);
/* The number behind `key`, or `fallback`. */
double plt_runtime_number(const plt_yaml_t *yaml, const char *key, double fallback);
const char *plt_runtime_text(const plt_yaml_t *yaml, const char *key);

#endif
