/* cluster.c - see cluster.h. */
#include "launch/cluster/cluster.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/io/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/cluster/conductor.h"
#include "launch/host/blas_core.h"
#include "launch/host/last_word.h"
#include "launch/host/signals.h"
#include "launch/host/socket_dir.h"
#include "launch/host/sockets.h"
#include "worker/math/kernels.h"

/* Ranks notice that they do not hear rank 0 within two of a supervisor's ticks of each other. */
enum { LAST_WORD_S = 3 };

/* What a rank tells the others: where it can be reached, and what it can run. */
typedef struct card {
  char tcp[PLT_ENDPOINT_MAX], ipc[PLT_ENDPOINT_MAX]; /* of a server; "" for none */
  char star[PLT_ENDPOINT_MAX];                       /* of rank 0 */
  char core[24];                                     /* OpenBLAS's kernels for this processor */
} card_t;

/* One rank on its way from the rendezvous to its loop. */
typedef struct member {
  const plt_rendezvous_t *rv;
  plt_runtime_t runtime; /* as broadcast, then of this rank */
  char transport[8], interface[64], probe[64];
  uint32_t max_restarts;
  double deadline_s;
  int *server_of; /* [size]: the server of a rank, -1 for workers */
  char ipc_dir[PLT_SOCKET_DIR_MAX];
  int sockets[2]; /* tcp, ipc */
  card_t card, *cards;
  plt_wire_t *wire; /* rank 0: of the star */
  plt_listener_t *star;
  plt_supervisor_t supervisor;
} member_t;

/* ---- roles ---- */

plt_status_t plt_cluster_shape(const plt_rendezvous_t *rv, plt_config_t *config) {
  int64_t servers = plt_config_int(config, "cluster.servers"), workers = rv->size - servers;
  char text[32];
  if (workers < 1)
    return plt_fail(PLT_ERR_USAGE, "%" PRId64 " servers and a worker need %" PRId64 " ranks, mpirun started %d",
                    servers, servers + 1, rv->size);
  if (plt_config_is_set(config, "cluster.workers") && plt_config_int(config, "cluster.workers") != workers)
    return plt_fail(PLT_ERR_USAGE,
                    "%d ranks and %" PRId64 " servers make %" PRId64 " workers, but cluster.workers is %" PRId64
                    "; leave it out",
                    rv->size, servers, workers, plt_config_int(config, "cluster.workers"));
  snprintf(text, sizeof text, "%" PRId64, workers);
  plt_config_put(config, "cluster.workers", text);
  if (!plt_config_given(config, "cluster.threads")) plt_config_put(config, "cluster.threads", "1");
  return PLT_OK;
}

/* Servers go to the machines in turn, each time to the last rank there that is still free. */
static int *assign_roles(const plt_rendezvous_t *rv, uint32_t servers) {
  int *server_of = plt_mem_alloc((size_t)rv->size * sizeof *server_of);
  for (int r = 0; r < rv->size; r++) server_of[r] = -1;
  int node = rv->nodes - 1;
  for (uint32_t s = 0; s < servers;) {
    int chosen = -1;
    for (int r = 1; r < rv->size; r++)
      if (rv->node_of[r] == node && server_of[r] < 0) chosen = r;
    if (chosen >= 0) server_of[chosen] = (int)s++;
    node = (node + rv->nodes - 1) % rv->nodes;
  }
  return server_of;
}

static uint32_t worker_number(const member_t *m) {
  uint32_t n = 0;
  for (int r = 0; r < m->rv->rank; r++) n += m->server_of[r] < 0;
  return n;
}

/* ---- the broadcast ---- */

static char *encode_invitation(const member_t *m) {
  char *runtime = plt_runtime_encode(&m->runtime);
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "runtime", runtime);
  plt_json_text(json, "transport", m->transport);
  plt_json_text(json, "interface", m->interface);
  plt_json_text(json, "probe", m->probe);
  plt_json_int(json, "max_restarts", m->max_restarts);
  plt_json_real(json, "deadline_s", m->deadline_s);
  explicit_bzero(runtime, strlen(runtime));
  free(runtime);
  char *text = plt_json_print(json);
  plt_json_destroy(&json);
  return text;
}

static plt_status_t decode_invitation(const char *text, member_t *m) {
  plt_yaml_t yaml = {0};
  PLT_TRY(plt_yaml_parse(text, strlen(text), "broadcast", &yaml));
  plt_status_t status = plt_runtime_decode(plt_runtime_text(&yaml, "runtime"), &m->runtime);
  snprintf(m->transport, sizeof m->transport, "%s", plt_runtime_text(&yaml, "transport"));
  snprintf(m->interface, sizeof m->interface, "%s", plt_runtime_text(&yaml, "interface"));
  snprintf(m->probe, sizeof m->probe, "%s", plt_runtime_text(&yaml, "probe"));
  m->max_restarts = (uint32_t)plt_runtime_number(&yaml, "max_restarts", 0);
  m->deadline_s = plt_runtime_number(&yaml, "deadline_s", 60);
  plt_yaml_clear(&yaml);
  return status;
}

/* ---- sockets ---- */

static bool wants_ipc(const member_t *m) {
  return strcmp(m->transport, "ipc") == 0 || (strcmp(m->transport, "auto") == 0 && m->rv->size > 1);
}

static bool wants_tcp(const member_t *m) {
  return strcmp(m->transport, "tcp") == 0 || (strcmp(m->transport, "auto") == 0 && m->rv->nodes > 1);
}

/* The run directory must be the same for all: rank 0 has put a file there. */
static plt_status_t check_run_dir(const member_t *m) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(m->runtime.run_dir, m->probe, path));
  if (plt_path_exists(path)) return PLT_OK;
  return plt_fail(PLT_ERR_CREATE,
                  "rank %d on %s does not see %s: run.dir must be on a file system that all ranks share", m->rv->rank,
                  m->rv->host, m->runtime.run_dir);
}

static plt_status_t open_server_sockets(member_t *m) {
  char address[64], name[32];
  const char *interface = m->interface[0] == '\0' ? NULL : m->interface;
  if (wants_tcp(m)) {
    PLT_TRY(plt_socket_address(interface, m->rv->nodes == 1, address));
    PLT_TRY(plt_socket_tcp(address, &m->sockets[0], m->card.tcp));
  }
  if (!wants_ipc(m)) return PLT_OK;
  snprintf(name, sizeof name, "server-%d", m->server_of[m->rv->rank]);
  return plt_socket_ipc(m->ipc_dir, name, &m->sockets[1], m->card.ipc);
}

/* The centre of the star, at rank 0. */
static plt_status_t open_star(member_t *m) {
  char address[64], endpoint[PLT_ENDPOINT_MAX];
  m->wire = plt_wire_create();
  PLT_TRY(plt_runtime_secure(&m->runtime, m->wire));
  if (m->rv->nodes == 1) {
    snprintf(endpoint, sizeof endpoint, "ipc://%s/star", m->ipc_dir);
  } else {
    PLT_TRY(plt_socket_address(m->interface[0] == '\0' ? NULL : m->interface, 0, address));
    snprintf(endpoint, sizeof endpoint, "tcp://%s:*", address);
  }
  PLT_TRY(plt_listener_open(m->wire, endpoint, &m->star));
  snprintf(m->card.star, sizeof m->card.star, "%s", plt_listener_address(m->star));
  return PLT_OK;
}

static plt_status_t open_sockets(member_t *m) {
  m->server_of = assign_roles(m->rv, m->runtime.servers);
  bool is_server = m->server_of[m->rv->rank] >= 0;
  PLT_TRY(check_run_dir(m));
  if ((is_server && wants_ipc(m)) || m->rv->rank == 0) PLT_TRY(plt_socket_dir_create(m->ipc_dir));
  if (m->rv->rank == 0) PLT_TRY(open_star(m));
  return is_server ? open_server_sockets(m) : PLT_OK;
}

/* Who this rank is and how it reaches the servers, from everybody's cards. */
static void take_role(member_t *m) {
  const plt_rendezvous_t *rv = m->rv;
  plt_runtime_t *runtime = &m->runtime;
  runtime->is_server = m->server_of[rv->rank] >= 0;
  runtime->number = runtime->is_server ? (uint32_t)m->server_of[rv->rank] : worker_number(m);
  runtime->n_addresses = runtime->servers;
  runtime->addresses = plt_mem_zalloc(runtime->servers, sizeof *runtime->addresses);
  for (int r = 0; r < rv->size; r++) {
    if (m->server_of[r] < 0) continue;
    bool near = rv->node_of[r] == rv->node && m->cards[r].ipc[0] != '\0';
    runtime->addresses[m->server_of[r]] = plt_mem_strdup(near ? m->cards[r].ipc : m->cards[r].tcp);
  }
  for (int i = 0; i < 2; i++) free(runtime->endpoints[i]);
  runtime->endpoints[0] = plt_mem_strdup(m->card.tcp);
  runtime->endpoints[1] = plt_mem_strdup(m->card.ipc);
}

/* Bits depend on OpenBLAS's kernels: children use those that all machines have (docs/mechanisms.md 8). */
static void agree_on_core(const member_t *m) {
  const char *core = m->cards[0].core;
  for (int r = 1; r < m->rv->size && core != NULL; r++) core = plt_blas_core_common(core, m->cards[r].core);
  if (core == NULL) {
    if (m->rv->rank == 0)
      plt_log(PLT_LOG_WARN,
              "the processors of this job have no common OpenBLAS kernels that plateau knows: bits depend "
              "on which machine does what; set OPENBLAS_CORETYPE for all ranks");
    return;
  }
  plt_blas_core_hand_down(core);
  for (int r = 0; r < m->rv->size; r++) {
    if (m->rv->rank != 0 || strcmp(m->cards[r].core, core) == 0) continue;
    plt_log(PLT_LOG_NOTE, "OpenBLAS uses its kernels for %s at all ranks; rank %d on %s has those for %s", core, r,
            m->rv->hosts[r], m->cards[r].core);
    break;
  }
}

static plt_supervisor_t make_supervisor(const member_t *m) {
  return (plt_supervisor_t){.rank = m->rv->rank,
                            .base = &m->runtime,
                            .sockets = {m->sockets[0], m->sockets[1]},
                            .signalled = plt_signals_watch(),
                            .child = {.control = -1, .pidfd = -1},
                            .report = {.rank = m->rv->rank, .serves = m->runtime.is_server, .job = m->runtime.job},
                            .lead = m->rv->hosts[0],
                            .launcher = m->rv->launcher};
}

/* Sockets, cards, roles, ways to the conductor; `status` is how this rank came so far. The same outcome at all. */
static plt_status_t assemble(member_t *m, plt_status_t status) {
  const plt_rendezvous_t *rv = m->rv;
  if (status == PLT_OK) status = open_sockets(m);
  PLT_TRY(plt_rendezvous_agree(rv, status));
  snprintf(m->card.core, sizeof m->card.core, "%s", plt_blas_core_within(plt_kernels_core(), plt_blas_level_here()));
  m->cards = plt_mem_zalloc((size_t)rv->size, sizeof *m->cards);
  plt_rendezvous_gather(rv, &m->card, sizeof m->card, m->cards);
  take_role(m);
  agree_on_core(m);
  m->supervisor = make_supervisor(m);
  if (rv->rank != 0) status = plt_supervisor_connect(&m->supervisor, m->cards[0].star);
  return plt_rendezvous_agree(rv, status);
}

static void log_role(const member_t *m) {
  char *path = plt_mem_print("%s/logs/supervisor-%d.txt", m->runtime.run_dir, m->rv->rank);
  bool keeps = m->runtime.keeps;
  plt_log_open(keeps ? path : NULL, m->rv->rank == 0);
  free(path);
  cpu_set_t cores;
  int bound = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 0;
  plt_log(PLT_LOG_INFO, "rank %d of %d on %s (machine %d of %d): %s %" PRIu32 ", %d cores of %ld", m->rv->rank,
          m->rv->size, m->rv->host, m->rv->node, m->rv->nodes, m->runtime.is_server ? "server" : "worker",
          m->runtime.number, bound, sysconf(_SC_NPROCESSORS_ONLN));
  plt_blas_core_log();
}

static void release(member_t *m) {
  for (int i = 0; i < 2; i++)
    if (m->sockets[i] >= 0) close(m->sockets[i]);
  plt_supervisor_close(&m->supervisor);
  plt_listener_close(&m->star);
  plt_wire_destroy(&m->wire);
  if (m->ipc_dir[0] != '\0') plt_dir_remove(m->ipc_dir);
  free(m->server_of);
  free(m->cards);
  plt_runtime_clear(&m->runtime);
}

/* ---- rank 0 ---- */

/* A fresh secret for this start of the job. */
static plt_status_t make_secret(plt_security_t mode, plt_runtime_t *runtime) {
  plt_secret_t *secret;
  PLT_TRY(plt_secret_create(mode, &secret));
  free(runtime->secret);
  runtime->secret = plt_mem_zalloc(1, PLT_SECRET_TEXT_MAX);
  plt_secret_to_text(secret, runtime->secret);
  plt_secret_destroy(&secret);
  return PLT_OK;
}

/* Wipes and frees what the secret travelled in. */
static void forget(char *text) {
  if (text != NULL) explicit_bzero(text, strlen(text));
  free(text);
}

static plt_status_t conduct(member_t *m) {
  plt_conductor_config_t config = {.size = m->rv->size,
                                   .hosts = (const char(*)[64])m->rv->hosts,
                                   .task = m->runtime.task,
                                   .run_dir = m->runtime.run_dir,
                                   .restore = m->runtime.restore,
                                   .job = m->runtime.job,
                                   .max_restarts = m->max_restarts,
                                   .deadline_s = m->deadline_s,
                                   .keeps = m->runtime.keeps};
  return plt_conductor_run(m->wire, m->star, &m->supervisor, &config);
}

static void warn_of_cores(const member_t *m, uint32_t threads) {
  int most = 0;
  for (int node = 0; node < m->rv->nodes; node++) {
    int busy = 0;
    for (int r = 0; r < m->rv->size; r++)
      if (m->rv->node_of[r] == node) busy += m->server_of[r] >= 0 ? 1 : (int)threads;
    if (busy > most) most = busy;
  }
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (most > cores)
    plt_log(PLT_LOG_WARN,
            "%d threads of servers and workers share the %ld cores of a machine: fewer ranks or a lower "
            "cluster.threads may be faster",
            most, cores);
}

plt_status_t plt_cluster_lead(plt_rendezvous_t *rv, const plt_job_t *job, const plt_runtime_t *runtime) {
  member_t m = {.rv = rv, .sockets = {-1, -1}, .deadline_s = job->deadline_s};
  const char *interface = plt_config_text(job->config, "cluster.interface");
  char probe[PLT_PATH_MAX];
  snprintf(m.transport, sizeof m.transport, "%s",
           job->proxy != NULL ? "tcp" : plt_config_text(job->config, "cluster.transport"));
  snprintf(m.interface, sizeof m.interface, "%s", interface == NULL ? "" : interface);
  snprintf(m.probe, sizeof m.probe, ".seen-by-all-%" PRIx64, job->id);
  m.max_restarts = (uint32_t)plt_config_int(job->config, "cluster.max_restarts");
  char *copy = plt_runtime_encode(runtime);
  plt_status_t status = plt_runtime_decode(copy, &m.runtime); /* no secret yet */
  free(copy);
  free(m.runtime.proxy);
  m.runtime.proxy = plt_mem_strdup(job->proxy == NULL ? "" : job->proxy);
  if (status == PLT_OK) status = make_secret(job->security, &m.runtime);
  if (status == PLT_OK) status = plt_path_join(m.runtime.run_dir, m.probe, probe);
  if (status == PLT_OK) status = plt_file_publish(probe, "", 0);
  if (status != PLT_OK) {
    release(&m);
    return status;
  }
  char *invitation = encode_invitation(&m);
  forget(plt_rendezvous_broadcast(rv, invitation));
  forget(invitation);
  status = assemble(&m, PLT_OK);
  unlink(probe);
  if (status != PLT_OK) {
    plt_last_word_say();
    release(&m);
    plt_rendezvous_leave(rv);
    return status;
  }
  plt_rendezvous_leave(rv);
  log_role(&m);
  warn_of_cores(&m, job->plan.threads);
  status = conduct(&m);
  release(&m);
  return status;
}

/* ---- the others ---- */

/* The exit code of a rank behind its loop. Nobody has spoken for it if the conductor has not dismissed it. */
static int end_alone(const plt_supervisor_t *supervisor, plt_status_t status) {
  if (status == PLT_OK) return 0;
  if (status == PLT_ERR_DEADLINE && supervisor->rank > 1) { /* rank 1 has noticed it, too: it speaks for all */
    nanosleep(&(struct timespec){.tv_sec = LAST_WORD_S}, NULL);
  } else if (!plt_supervisor_is_orphaned(supervisor)) { /* an orphan has nobody to tell */
    plt_last_word_say();
  }
  return plt_status_exit(status);
}

/* Returns the exit code. */
static int follow(plt_rendezvous_t *rv) {
  member_t m = {.rv = rv, .sockets = {-1, -1}};
  char *text = plt_rendezvous_broadcast(rv, NULL);
  bool is_invited = text[0] != '\0';
  plt_status_t status = is_invited ? assemble(&m, decode_invitation(text, &m)) : PLT_OK;
  forget(text);
  if (!is_invited || status != PLT_OK) {
    release(&m);
    plt_rendezvous_leave(rv);
    return 0; /* rank 0 carries the code */
  }
  plt_rendezvous_leave(rv);
  log_role(&m);
  status = plt_supervisor_run(&m.supervisor, m.deadline_s);
  release(&m);
  return end_alone(&m.supervisor, status);
}

/* ---- any rank ---- */

/* Rank 0 has nothing for the others to do. */
static void cancel(plt_rendezvous_t *rv, plt_status_t status) {
  if (status != PLT_OK) plt_last_word_say();
  free(plt_rendezvous_broadcast(rv, ""));
  plt_rendezvous_leave(rv);
}

plt_status_t plt_cluster_command(int argc, char **argv, plt_lead_fn lead) {
  plt_rendezvous_t *rv;
  PLT_TRY(plt_rendezvous_join(&rv));
  if (rv != NULL && rv->rank != 0) exit(follow(rv));
  plt_status_t status = lead(rv, argc, argv);
  if (rv != NULL && !rv->has_broadcast) cancel(rv, status);
  plt_rendezvous_destroy(&rv);
  return status;
}
