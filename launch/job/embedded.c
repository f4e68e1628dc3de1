/* embedded.c - see embedded.h. */
#include "launch/job/embedded.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/fault/forward.h"
#include "launch/host/limits.h"
#include "launch/host/socket_dir.h"
#include "launch/job/generation.h"

typedef struct role {
  struct embedded *all;
  pthread_t thread;
  uint32_t number;
  plt_listener_t *listener; /* of a server */
  plt_failure_t failure;
} role_t;

typedef struct embedded {
  const plt_job_t *job;
  const plt_restore_t *restore;
  plt_generation_t generation;
  plt_session_fn work;
  void *context;
  plt_wire_t *wire;
  role_t *servers, *workers;
  const char **addresses;
  char (*forwarded)[PLT_FORWARD_ENDPOINT_MAX]; /* of cluster.proxy, which lead there */
  char ipc_dir[PLT_SOCKET_DIR_MAX];            /* "" unless the transport is ipc */
  atomic_bool stop;                            /* ends the servers */
  atomic_bool failed;                          /* a server has ended by a failure: workers need not wait for it */
} embedded_t;

static void end_role(role_t *role, plt_status_t status) {
  plt_failure_keep(&role->failure, status);
  if (status != PLT_OK && role->listener != NULL) atomic_store(&role->all->failed, true);
  plt_log_close();
}

static void *server_main(void *argument) {
  role_t *role = argument;
  const embedded_t *all = role->all;
  const plt_job_t *job = all->job;
  plt_generation_log(job->plan.run_dir, "server", role->number, false);
  plt_server_config_t config = plt_generation_server(&all->generation, role->number, job->plan.run_dir, all->restore,
                                                     job->memory_bytes / job->plan.servers);
  config.stop = &all->stop;
  end_role(role, plt_server_run(all->wire, role->listener, &config));
  return NULL;
}

static void *worker_main(void *argument) {
  role_t *role = argument;
  const embedded_t *all = role->all;
  const plt_job_t *job = all->job;
  plt_generation_log(job->plan.run_dir, "worker", role->number, role->number == 0);
  plt_client_config_t config = plt_generation_client(&all->generation, role->number, job, all->addresses);
  config.cancelled = &all->failed;
  end_role(role, plt_session_run(&job->plan, all->wire, &config, all->work, all->context));
  return NULL;
}

/* A secret for this start of the job; it never leaves the process. */
static plt_status_t secure(const embedded_t *all) {
  plt_secret_t *secret;
  PLT_TRY(plt_secret_create(all->job->security, &secret));
  plt_wire_secure(all->wire, secret);
  plt_secret_destroy(&secret);
  return PLT_OK;
}

static plt_status_t listen_all(embedded_t *all) {
  const plt_job_t *job = all->job;
  if (job->transport != PLT_TRANSPORT_INPROC) PLT_TRY(secure(all));
  if (job->transport == PLT_TRANSPORT_IPC) PLT_TRY(plt_socket_dir_create(all->ipc_dir));
  for (uint32_t s = 0; s < job->plan.servers; s++) {
    char endpoint[128];
    switch (job->transport) {
      case PLT_TRANSPORT_INPROC: snprintf(endpoint, sizeof endpoint, "inproc://server-%" PRIu32, s); break;
      case PLT_TRANSPORT_IPC: snprintf(endpoint, sizeof endpoint, "ipc://%s/server-%" PRIu32, all->ipc_dir, s); break;
      case PLT_TRANSPORT_TCP: snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:*"); break;
    }
    PLT_TRY(plt_listener_open(all->wire, endpoint, &all->servers[s].listener));
    all->addresses[s] = plt_listener_address(all->servers[s].listener);
    if (job->proxy == NULL) continue;
    PLT_TRY(plt_fault_forward_ask(job->proxy, all->addresses[s], all->forwarded[s]));
    all->addresses[s] = all->forwarded[s];
  }
  return PLT_OK;
}

static plt_status_t start(role_t *role, void *(*main_fn)(void *)) {
  if (pthread_create(&role->thread, NULL, main_fn, role) == 0) return PLT_OK;
  return plt_fail(PLT_ERR_MEMORY, "cannot start a thread: too many (ulimit -u), or no memory for it");
}

/* The failure to report: a cause rather than its consequence, that a peer was lost. */
static const role_t *find_failure(const role_t *roles, uint32_t n, bool cause) {
  for (uint32_t i = 0; i < n; i++)
    if (roles[i].failure.status != PLT_OK && (!cause || roles[i].failure.status != PLT_ERR_PEER)) return &roles[i];
  return NULL;
}

/* Starts all roles and waits for them. */
static plt_status_t run_roles(embedded_t *all) {
  uint32_t servers = 0, workers = 0;
  plt_status_t status = PLT_OK;
  for (; servers < all->job->plan.servers && status == PLT_OK; servers += status == PLT_OK)
    status = start(&all->servers[servers], server_main);
  for (; workers < all->job->plan.workers && status == PLT_OK; workers += status == PLT_OK)
    status = start(&all->workers[workers], worker_main);
  if (status != PLT_OK) atomic_store(&all->stop, true);
  for (uint32_t w = 0; w < workers; w++) pthread_join(all->workers[w].thread, NULL);
  atomic_store(&all->stop, true); /* a worker that never got through to a server did not say goodbye */
  for (uint32_t s = 0; s < servers; s++) pthread_join(all->servers[s].thread, NULL);
  if (status != PLT_OK) return status;
  const role_t *failed = find_failure(all->servers, servers, true);
  if (failed == NULL) failed = find_failure(all->workers, workers, true);
  if (failed == NULL) failed = find_failure(all->workers, workers, false);
  if (failed == NULL) failed = find_failure(all->servers, servers, false);
  return failed == NULL ? PLT_OK : plt_failure_restore(&failed->failure);
}

/* What they take was counted, some more is for files: without them ZeroMQ waits, and says nothing. */
static plt_status_t check_files(const plt_job_t *job) {
  uint64_t pairs = (uint64_t)job->plan.servers * job->plan.workers, roles = job->plan.servers + job->plan.workers;
  bool inproc = job->transport == PLT_TRANSPORT_INPROC;
  uint64_t needed = 30 + (inproc ? pairs + 3 * roles : 5 * pairs + 4 * roles), there = plt_limits_files();
  if (there >= needed) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "%" PRIu32 " servers and %" PRIu32 " workers over %s take about %" PRIu64
                  " open files, this process may have %" PRIu64 ": raise the limit (ulimit -n), or take fewer of them",
                  job->plan.servers, job->plan.workers, inproc ? "inproc" : "sockets", needed, there);
}

plt_status_t plt_embedded_run(const plt_job_t *job, const plt_restore_t *restore, plt_session_fn work, void *context) {
  PLT_TRY(check_files(job));
  embedded_t all = {
      .job = job, .restore = restore, .generation = plt_generation_of(job), .work = work, .context = context};
  uint32_t servers = job->plan.servers, workers = job->plan.workers;
  all.servers = plt_mem_zalloc(servers, sizeof *all.servers);
  all.workers = plt_mem_zalloc(workers, sizeof *all.workers);
  all.addresses = plt_mem_zalloc(servers, sizeof *all.addresses);
  all.forwarded = plt_mem_zalloc(servers, sizeof *all.forwarded);
  all.wire = plt_wire_create();
  for (uint32_t s = 0; s < servers; s++) all.servers[s] = (role_t){.all = &all, .number = s};
  for (uint32_t w = 0; w < workers; w++) all.workers[w] = (role_t){.all = &all, .number = w};

  plt_failure_t failure = {0};
  plt_failure_keep(&failure, listen_all(&all));
  if (failure.status == PLT_OK) plt_failure_keep(&failure, run_roles(&all));

  for (uint32_t s = 0; s < servers; s++) plt_listener_close(&all.servers[s].listener);
  plt_wire_destroy(&all.wire);
  if (all.ipc_dir[0] != '\0') plt_dir_remove(all.ipc_dir);
  free(all.servers);
  free(all.workers);
  free(all.addresses);
  free(all.forwarded);
  return plt_failure_restore(&failure);
}
