/* role.c - `plateau server` and `plateau worker`: what a supervisor starts as its child (child.h).
 *
 * A child reads its runtime from the control socket and the configuration from the run directory, plays its role,
 * reports how it ended and is gone. People do not call these commands. */
#include <ctype.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/cluster/child.h"
#include "launch/cluster/runtime.h"
#include "launch/commands/arguments.h"
#include "launch/commands/command.h"
#include "launch/fault/forward.h"
#include "launch/host/limits.h"
#include "launch/job/job.h"
#include "launch/job/outcome.h"
#include "launch/job/run_dir.h"
#include "ps/server/server.h"
#include "worker/procedures/trainer.h"
#include "worker/rank/export.h"

static void open_log(const plt_runtime_t *runtime, const char *role, bool speaks) {
  char *path = plt_mem_print("%s/logs/%s-%" PRIu32 ".txt", runtime->run_dir, role, runtime->number);
  plt_log_open(runtime->keeps ? path : NULL, speaks);
  free(path);
}

/* ---- server ---- */

static plt_status_t listen_at(plt_wire_t *wire, const plt_runtime_t *runtime, plt_listener_t **listener) {
  const char *endpoints[2];
  int sockets[2];
  size_t n = 0;
  for (size_t i = 0; i < 2; i++) {
    if (runtime->endpoints[i][0] == '\0') continue;
    endpoints[n] = runtime->endpoints[i];
    sockets[n++] = PLT_CHILD_SOCKETS + (int)i;
  }
  return plt_listener_inherit(wire, endpoints, sockets, n, listener);
}

static plt_status_t run_server(const plt_runtime_t *runtime) {
  plt_restore_t restore = {0};
  plt_listener_t *listener = NULL;
  plt_wire_t *wire = plt_wire_create();
  plt_status_t status = plt_runtime_secure(runtime, wire);
  if (status != PLT_OK) goto done;
  if (runtime->restore[0] != '\0') {
    /* Rank 0 has verified what it names by its clock. */
    status = (isdigit((unsigned char)runtime->restore[0]) ? plt_manifest_load_verified : plt_manifest_load)(
        runtime->run_dir, runtime->restore, &restore.manifest, restore.dir);
    if (status != PLT_OK) goto done;
    restore.given = true;
  }
  PLT_TRY_OR(done, listen_at(wire, runtime, &listener));
  plt_server_config_t config = {.number = runtime->number,
                                .servers = runtime->servers,
                                .workers = runtime->workers,
                                .alone = runtime->alone,
                                .staleness = runtime->staleness,
                                .job = runtime->job,
                                .generation = runtime->generation,
                                .run_dir = runtime->keeps ? runtime->run_dir : NULL,
                                .restore_dir = restore.given ? restore.dir : NULL,
                                .restore = &restore.manifest,
                                .memory_bytes = plt_limits_memory()};
  status = plt_server_run(wire, listener, &config);
done:
  plt_listener_close(&listener);
  plt_wire_destroy(&wire);
  plt_restore_clear(&restore);
  return status;
}

/* ---- worker ---- */

static atomic_int interrupted;

/* Orders come while the role is at work: a thread waits for them. */
static void *watch_orders(void *unused) {
  (void)unused;
  char order;
  while (read(PLT_CHILD_CONTROL, &order, 1) == 1)
    if (order == 'I') atomic_store(&interrupted, 1);
  return NULL;
}

typedef struct worker_role {
  const plt_runtime_t *runtime;
  const plt_job_t *job;
  plt_journal_t *journal; /* worker 0 of train and conclude */
  plt_progress_t end;     /* train: where it ended */
} worker_role_t;

static plt_status_t evaluate(plt_session_t *session, worker_role_t *role) {
  const plt_runtime_t *runtime = role->runtime;
  const plt_dataset_t *data = role->job->data;
  plt_outcome_t outcome = {.progress = session->progress, .clock = session->clock};
  outcome.parts[PLT_PART_VALID] = strcmp(runtime->split, "test") != 0 && data->part[PLT_PART_VALID].n > 0;
  outcome.parts[PLT_PART_TEST] = strcmp(runtime->split, "valid") != 0 && data->part[PLT_PART_TEST].n > 0;
  PLT_TRY(plt_evaluate(session, "outcome", outcome.parts, outcome.metrics));
  if (session->worker != 0) return PLT_OK;
  if (runtime->task == PLT_TASK_EVALUATE) {
    plt_outcome_tell(&session->plan->topk, &outcome, strcmp(runtime->output, "json") == 0);
    return PLT_OK;
  }
  plt_progress_t end = {.epoch = runtime->end_epoch,
                        .gradients = runtime->end_gradients,
                        .seconds = runtime->end_seconds,
                        .best_epoch = outcome.progress.best_epoch};
  return plt_outcome_conclude(role->job, role->journal, strcmp(runtime->restore, "best") == 0, &end, &outcome);
}

/* plt_task_fn */
static plt_status_t play(plt_session_t *session, void *context) {
  worker_role_t *role = context;
  switch (role->runtime->task) {
    case PLT_TASK_TRAIN: {
      plt_training_t training = {.journal = role->journal};
      plt_status_t status = plt_train(session, &training);
      role->end = training.progress;
      return status;
    }
    case PLT_TASK_EXPORT: {
      plt_export_t export = {.directory = role->runtime->output, .vectors = role->runtime->vectors};
      return plt_export(session, &export);
    }
    case PLT_TASK_RECOMMEND: {
      plt_recommend_t recommend = {.path = role->runtime->output, .k = role->runtime->topk};
      return plt_recommend(session, &recommend);
    }
    default: return evaluate(session, role);
  }
}

static plt_status_t make_job(const plt_runtime_t *runtime, plt_job_t **job) {
  plt_config_t *config = NULL;
  plt_sets_t sets = {0};
  char text[32];
  for (size_t i = 0; i < runtime->n_sets; i++) plt_sets_add(&sets, NULL, runtime->sets[i]);
  snprintf(text, sizeof text, "%" PRIu32, runtime->workers);
  plt_sets_add(&sets, "cluster.workers", text);
  snprintf(text, sizeof text, "%" PRIu32, runtime->servers);
  plt_sets_add(&sets, "cluster.servers", text);
  plt_status_t status = plt_run_dir_config(runtime->run_dir, sets.text, sets.n, &config);
  if (status == PLT_OK && !plt_config_given(config, "cluster.threads")) plt_config_put(config, "cluster.threads", "1");
  if (status == PLT_OK) status = plt_job_create(&config, job);
  plt_config_destroy(&config);
  plt_sets_clear(&sets);
  return status;
}

/* Addresses that lead through cluster.proxy instead of the servers' own. */
static plt_status_t go_through_proxy(const plt_runtime_t *runtime) {
  for (size_t s = 0; s < runtime->n_addresses && runtime->proxy[0] != '\0'; s++) {
    char forwarded[PLT_FORWARD_ENDPOINT_MAX];
    PLT_TRY(plt_fault_forward_ask(runtime->proxy, runtime->addresses[s], forwarded));
    free(runtime->addresses[s]);
    runtime->addresses[s] = plt_mem_strdup(forwarded);
  }
  return PLT_OK;
}

static plt_status_t run_worker(const plt_runtime_t *runtime, plt_progress_t *end) {
  worker_role_t role = {.runtime = runtime};
  plt_job_t *job = NULL;
  plt_wire_t *wire = plt_wire_create();
  pthread_t watcher;
  plt_status_t status = plt_runtime_secure(runtime, wire);
  if (status != PLT_OK) goto done;
  PLT_TRY_OR(done, go_through_proxy(runtime));
  PLT_TRY_OR(done, make_job(runtime, &job)); /* in silence: rank 0 has said what there is to say */
  open_log(runtime, "worker", runtime->number == 0);
  plt_job_open_relations(job, runtime->run_dir);
  role.job = job;
  if (!runtime->keeps) job->plan.run_dir = NULL;
  if (runtime->task != PLT_TASK_TRAIN) job->plan.init_from = NULL;
  job->plan.interrupted = &interrupted;
  if (runtime->keeps && runtime->number == 0)
    PLT_TRY_OR(done, plt_journal_open(&job->plan, runtime->quiet, &role.journal));
  if (pthread_create(&watcher, NULL, watch_orders, NULL) == 0) pthread_detach(watcher);
  plt_client_config_t config = {.number = runtime->number,
                                .workers = runtime->workers,
                                .servers = (const char *const *)runtime->addresses,
                                .n_servers = (uint32_t)runtime->n_addresses,
                                .job = runtime->job,
                                .generation = runtime->generation,
                                .deadline_s = job->deadline_s,
                                .wire = job->wire};
  status = plt_session_run(&job->plan, wire, &config, play, &role);
  *end = role.end;
done:
  if (role.journal != NULL) {
    char *text = plt_mem_strdup(plt_fail_text());
    plt_status_t closed = plt_journal_close(&role.journal);
    if (status == PLT_OK) status = closed;
    if (status != closed) plt_fail(status, "%s", text);
    free(text);
  }
  plt_wire_destroy(&wire);
  plt_job_destroy(&job);
  return status;
}

/* ---- both ---- */

static plt_status_t run(int argc, char **argv, bool is_server) {
  (void)argc;
  prctl(PR_SET_NAME, "plateau"); /* also when it was started through /proc/self/exe */
  char *line = plt_child_read_runtime();
  plt_runtime_t runtime = {0};
  plt_progress_t end = {0};
  if (line[0] == '\0') {
    free(line);
    return plt_fail(PLT_ERR_USAGE, "plateau %s is started by plateau train under mpirun", argv[0]);
  }
  plt_status_t status = plt_runtime_decode(line, &runtime);
  explicit_bzero(line, strlen(line));
  free(line);
  if (status == PLT_OK) {
    open_log(&runtime, is_server ? "server" : "worker", false);
    status = is_server ? run_server(&runtime) : run_worker(&runtime, &end);
  }
  if (status != PLT_OK) plt_log(PLT_LOG_INFO, "ends: %s", plt_fail_text());
  char *done = plt_mem_print("%" PRIu32 " %" PRIu64 " %.17g", end.epoch, end.gradients, end.seconds);
  fflush(stdout);
  plt_child_report(status, status == PLT_OK ? done : plt_fail_text());
  free(done);
  plt_runtime_clear(&runtime);
  plt_log_close();
  exit(plt_status_exit(status)); /* the conductor prints the text, once */
}

static plt_status_t run_as_server(int argc, char **argv) { return run(argc, argv, true); }
static plt_status_t run_as_worker(int argc, char **argv) { return run(argc, argv, false); }

const plt_command_t plt_command_server = {
    .name = "server",
    .summary = NULL,
    .usage =
        "plateau server is started by plateau train under mpirun.\nExample: mpirun -n 4 plateau train CONFIG.yaml\n",
    .run = run_as_server};
const plt_command_t plt_command_worker = {
    .name = "worker",
    .summary = NULL,
    .usage =
        "plateau worker is started by plateau train under mpirun.\nExample: mpirun -n 4 plateau train CONFIG.yaml\n",
    .run = run_as_worker};
