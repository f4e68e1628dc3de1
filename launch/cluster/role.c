/* role.c - see role.h. */
#include "launch/cluster/role.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "launch/fault/forward.h"
#include "launch/host/limits.h"
#include "launch/job/run_dir.h"
#include "launch/job/sets.h"
#include "launch/tasks/registry.h"

/* Where this process writes: nowhere unless the task keeps the run directory. */
static const char *own_dir(const plt_brief_t *brief) { return brief->turn.task->keeps ? brief->run_dir : NULL; }

/* ---- server ---- */

static plt_status_t listen_at(plt_wire_t *wire, const plt_brief_t *brief, int first, plt_listener_t **listener) {
  const char *endpoints[2];
  int sockets[2];
  size_t n = 0;
  for (size_t i = 0; i < 2; i++) {
    if (brief->endpoints[i][0] == '\0') continue;
    endpoints[n] = brief->endpoints[i];
    sockets[n++] = first + (int)i;
  }
  return plt_listener_inherit(wire, endpoints, sockets, n, listener);
}

/* What the tables begin with: a checkpoint of the run, or, where it has none yet, that of another. */
static plt_status_t load_start(const plt_brief_t *brief, plt_restore_t *restore) {
  if (brief->turn.start[0] != '\0' || brief->warm[0] == '\0')
    return plt_restore_load(brief->run_dir, brief->turn.start, restore);
  char run_dir[PLT_PATH_MAX];
  PLT_TRY(plt_restore_load_path(brief->warm, false, restore, run_dir));
  restore->is_warm = true;
  restore->values_alone = brief->values_alone;
  return PLT_OK;
}

/* Over a wire that has the job's secret. */
static plt_status_t serve(const plt_brief_t *brief, int sockets, plt_wire_t *wire) {
  plt_restore_t restore;
  plt_listener_t *listener = NULL;
  PLT_TRY(load_start(brief, &restore));
  plt_status_t status = listen_at(wire, brief, sockets, &listener);
  if (status == PLT_OK) {
    plt_server_config_t config =
        plt_generation_server(&brief->generation, brief->number, own_dir(brief), &restore, plt_limits_memory());
    status = plt_server_run(wire, listener, &config);
  }
  plt_listener_close(&listener);
  plt_restore_clear(&restore);
  return status;
}

static plt_status_t play_server(const plt_brief_t *brief, int sockets) {
  plt_wire_t *wire = plt_wire_create();
  plt_generation_log(own_dir(brief), "server", brief->number, false);
  plt_status_t status = plt_brief_secure(brief, wire);
  if (status == PLT_OK) status = serve(brief, sockets, wire);
  plt_wire_destroy(&wire);
  return status;
}

/* ---- worker ---- */

static plt_status_t make_job(const plt_brief_t *brief, plt_job_t **job) {
  plt_config_t *config = NULL;
  plt_sets_t sets = {0};
  for (size_t i = 0; i < brief->n_sets; i++) plt_sets_add(&sets, NULL, brief->sets[i]);
  plt_sets_add_number(&sets, "cluster.workers", brief->generation.workers);
  plt_sets_add_number(&sets, "cluster.servers", brief->generation.servers);
  plt_status_t status = plt_run_dir_config(brief->run_dir, sets.text, sets.n, &config);
  if (status == PLT_OK && !plt_config_given(config, "cluster.threads")) plt_config_put(config, "cluster.threads", "1");
  if (status == PLT_OK) status = plt_job_create(&config, false, job);
  plt_config_destroy(&config);
  plt_sets_clear(&sets);
  return status;
}

/* Addresses that lead through cluster.proxy instead of the servers' own. */
static plt_status_t go_through_proxy(plt_brief_t *brief) {
  for (size_t s = 0; s < brief->n_addresses && brief->proxy[0] != '\0'; s++) {
    char forwarded[PLT_FORWARD_ENDPOINT_MAX];
    PLT_TRY(plt_fault_forward_ask(brief->proxy, brief->addresses[s], forwarded));
    free(brief->addresses[s]);
    brief->addresses[s] = plt_mem_strdup(forwarded);
  }
  return PLT_OK;
}

static plt_status_t play_turn(const plt_brief_t *brief, plt_job_t *job, plt_wire_t *wire, plt_standing_t *standing) {
  plt_config_t *options;
  PLT_TRY(plt_task_options(brief->turn.task, (const char *const *)brief->options, brief->n_options, &options));
  plt_task_call_t call = {.job = job, .turn = &brief->turn, .options = options, .quiet = brief->quiet, .end = standing};
  plt_client_config_t config =
      plt_generation_client(&brief->generation, brief->number, job, (const char *const *)brief->addresses);
  plt_status_t status = plt_session_run(&job->plan, wire, &config, plt_turn_play, &call);
  plt_config_destroy(&options);
  return status;
}

static plt_status_t play_worker(plt_brief_t *brief, int control, plt_standing_t *standing) {
  plt_job_t *job = NULL;
  plt_wire_t *wire = plt_wire_create();
  atomic_int interrupted = 0;
  plt_generation_log(own_dir(brief), "worker", brief->number, false);
  plt_status_t status = plt_brief_secure(brief, wire);
  if (status == PLT_OK) status = go_through_proxy(brief);
  if (status == PLT_OK) status = make_job(brief, &job); /* in silence: rank 0 has said what there is to say */
  if (status == PLT_OK) {
    plt_generation_log(own_dir(brief), "worker", brief->number, brief->number == 0);
    status = plt_job_open_relations(job, brief->run_dir);
  }
  if (status == PLT_OK) {
    job->plan.run_dir = own_dir(brief);
    job->plan.interrupted = &interrupted;
    plt_orders_t *orders = plt_orders_watch(control, &interrupted);
    status = play_turn(brief, job, wire, standing);
    plt_orders_ignore(&orders);
  }
  plt_wire_destroy(&wire);
  plt_job_destroy(&job);
  return status;
}

plt_status_t plt_role_play(plt_brief_t *brief, int control, int sockets, plt_standing_t *standing) {
  return brief->is_server ? play_server(brief, sockets) : play_worker(brief, control, standing);
}
