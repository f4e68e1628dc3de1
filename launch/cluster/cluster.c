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
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "launch/cluster/conductor.h"
#include "launch/cluster/control.h"
#include "launch/host/kernel_set.h"
#include "launch/host/last_word.h"
#include "launch/host/signals.h"
#include "launch/host/socket_dir.h"
#include "launch/host/sockets.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"

/* Ranks notice that they do not hear rank 0 within two of a supervisor's ticks of each other. */
enum { LAST_WORD_S = 3, SEEN_TRIES = 20 };

/* What a rank tells the others: where it can be reached, and what it can run. */
typedef struct card {
  char tcp[PLT_ENDPOINT_MAX], ipc[PLT_ENDPOINT_MAX]; /* of a server; "" for none */
  char star[PLT_ENDPOINT_MAX];                       /* of rank 0 */
  char kernel_set[PLT_GEMM_SET_MAX];                 /* of the products here */
} card_t;

/* One rank on its way from the rendezvous to its loop. */
typedef struct member {
  const plt_rendezvous_t *rv;
  plt_invitation_t invitation; /* its brief is this rank's, once the cards are known */
  int *server_of;              /* [size]: the server of a rank, -1 for workers */
  char ipc_dir[PLT_SOCKET_DIR_MAX];
  char address[PLT_ADDRESS_MAX]; /* at which this machine is reached */
  int sockets[2];                /* tcp, ipc */
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
  if (workers > PLT_WORKERS_MAX)
    return plt_fail(PLT_ERR_USAGE,
                    "%d ranks and %" PRId64 " servers make %" PRId64
                    " workers, %d are the most: fewer ranks, or more "
                    "servers",
                    rv->size, servers, workers, PLT_WORKERS_MAX);
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

/* ---- sockets ---- */

static bool wants_ipc(const member_t *m) {
  const char *transport = m->invitation.transport;
  return strcmp(transport, "ipc") == 0 || (strcmp(transport, "auto") == 0 && m->rv->size > 1);
}

static bool wants_tcp(const member_t *m) {
  const char *transport = m->invitation.transport;
  return strcmp(transport, "tcp") == 0 || (strcmp(transport, "auto") == 0 && m->rv->places > 1);
}

/* The run directory must be the same for all: rank 0 has put a file there. */
static plt_status_t check_run_dir(const member_t *m) {
  const char *run_dir = m->invitation.brief.run_dir;
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(run_dir, m->invitation.probe, path));
  for (int tries = 0; tries < SEEN_TRIES; tries++) { /* NFS remembers for some seconds that it was not there */
    if (plt_path_exists(path)) return PLT_OK;
    char **names;
    size_t n;
    if (plt_dir_list(run_dir, &names, &n) != PLT_OK) break; /* listing asks anew; there is not even a directory */
    plt_names_free(&names, n);
    nanosleep(&(struct timespec){.tv_nsec = 200 * PLT_NS_PER_MS}, NULL);
  }
  return plt_fail(PLT_ERR_CREATE,
                  "rank %d on %s does not see %s: run.dir must be on a file system that all ranks share", m->rv->rank,
                  m->rv->host, run_dir);
}

/* The network that was chosen; NULL: none. */
static const char *interface_of(const member_t *m) {
  return m->invitation.interface[0] == '\0' ? NULL : m->invitation.interface;
}

/* Of this machine's networks the first whose address no other machine has: a bridge of containers has the same one
 * everywhere. `all` are those of all ranks. */
static plt_status_t choose_network(member_t *m, const plt_networks_t *all) {
  const plt_rendezvous_t *rv = m->rv;
  const plt_networks_t *own = &all[rv->rank];
  for (uint32_t i = 0; i < own->n; i++) {
    bool is_shared = false;
    for (int r = 0; r < rv->size; r++)
      is_shared = is_shared || (rv->node_of[r] != rv->node && plt_networks_have(&all[r], own->address[i]));
    if (is_shared) continue;
    snprintf(m->address, sizeof m->address, "%s", own->address[i]);
    if (own->n > 1 && rv->rank == 0)
      plt_log(PLT_LOG_NOTE,
              "machines are reached at the network of %s (%s) here, one of %" PRIu32
              "; cluster.interface chooses another",
              own->address[i], own->name[i], own->n);
    return PLT_OK;
  }
  return plt_fail(PLT_ERR_USAGE,
                  "rank %d on %s: other machines of this job have the same address %s (%s), and there is no other; "
                  "cluster.interface chooses a network",
                  rv->rank, rv->host, own->address[0], own->name[0]);
}

/* The address of this machine, loopback where there is no other one. Collective. */
static plt_status_t find_address(member_t *m) {
  const plt_rendezvous_t *rv = m->rv;
  plt_networks_t own = {0}, *all = plt_mem_zalloc((size_t)rv->size, sizeof *all);
  bool one_machine = rv->nodes == 1 && interface_of(m) == NULL;
  plt_status_t status = one_machine ? PLT_OK : plt_socket_networks(interface_of(m), &own);
  plt_rendezvous_gather(rv, &own, sizeof own, all);
  snprintf(m->address, sizeof m->address, "127.0.0.1");
  if (status == PLT_OK && !one_machine) status = choose_network(m, all);
  free(all);
  return status;
}

static plt_status_t open_server_sockets(member_t *m) {
  char name[32];
  if (wants_tcp(m)) PLT_TRY(plt_socket_tcp(m->address, &m->sockets[0], m->card.tcp));
  if (!wants_ipc(m)) return PLT_OK;
  snprintf(name, sizeof name, "server-%d", m->server_of[m->rv->rank]);
  return plt_socket_ipc(m->ipc_dir, name, &m->sockets[1], m->card.ipc);
}

/* The centre of the star, at rank 0. */
static plt_status_t open_star(member_t *m) {
  char endpoint[PLT_ENDPOINT_MAX];
  m->wire = plt_wire_create();
  PLT_TRY(plt_brief_secure(&m->invitation.brief, m->wire));
  if (m->rv->places == 1)
    snprintf(endpoint, sizeof endpoint, "ipc://%s/star", m->ipc_dir);
  else
    snprintf(endpoint, sizeof endpoint, "tcp://%s:*", m->address);
  PLT_TRY(plt_listener_open(m->wire, endpoint, &m->star));
  snprintf(m->card.star, sizeof m->card.star, "%s", plt_listener_address(m->star));
  return PLT_OK;
}

static plt_status_t open_sockets(member_t *m) {
  m->server_of = assign_roles(m->rv, m->invitation.brief.generation.servers);
  bool is_server = m->server_of[m->rv->rank] >= 0;
  PLT_TRY(check_run_dir(m));
  if (m->rv->places > m->rv->nodes && strcmp(m->invitation.transport, "ipc") == 0)
    return plt_fail(PLT_ERR_USAGE,
                    "cluster.transport ipc: not all ranks of a machine share /tmp; auto takes tcp for them");
  if ((is_server && wants_ipc(m)) || m->rv->rank == 0) PLT_TRY(plt_socket_dir_create(m->ipc_dir));
  if (m->rv->rank == 0) PLT_TRY(open_star(m));
  return is_server ? open_server_sockets(m) : PLT_OK;
}

/* Who this rank is and how it reaches the servers, from everybody's cards. */
static void take_role(member_t *m) {
  const plt_rendezvous_t *rv = m->rv;
  plt_brief_t *brief = &m->invitation.brief;
  brief->is_server = m->server_of[rv->rank] >= 0;
  brief->number = brief->is_server ? (uint32_t)m->server_of[rv->rank] : worker_number(m);
  brief->n_addresses = brief->generation.servers;
  brief->addresses = plt_mem_zalloc(brief->n_addresses, sizeof *brief->addresses);
  for (int r = 0; r < rv->size; r++) {
    if (m->server_of[r] < 0) continue;
    bool near = rv->place_of[r] == rv->place_of[rv->rank] && m->cards[r].ipc[0] != '\0';
    brief->addresses[m->server_of[r]] = plt_mem_strdup(near ? m->cards[r].ipc : m->cards[r].tcp);
  }
  for (int i = 0; i < 2; i++) free(brief->endpoints[i]);
  brief->endpoints[0] = plt_mem_strdup(m->card.tcp);
  brief->endpoints[1] = plt_mem_strdup(m->card.ipc);
}

/* Bits depend on the kernels of products: children use those that all machines have (docs/mechanisms.md 8). */
static void agree_on_kernels(const member_t *m) {
  const char *set = m->cards[0].kernel_set;
  for (int r = 1; r < m->rv->size && set != NULL; r++) set = plt_kernel_set_common(set, m->cards[r].kernel_set);
  if (set == NULL) {
    if (m->rv->rank == 0)
      plt_log(PLT_LOG_WARN,
              "the processors of this job have no common kernels for matrix products that plateau knows: bits depend "
              "on which machine does what; set %s for all ranks",
              plt_gemm_variable());
    return;
  }
  plt_kernel_set_hand_down(set);
  for (int r = 0; r < m->rv->size; r++) {
    if (m->rv->rank != 0 || strcmp(m->cards[r].kernel_set, set) == 0) continue;
    plt_log(PLT_LOG_NOTE, "matrix products use the kernels for %s at all ranks; rank %d on %s has those for %s", set, r,
            m->rv->hosts[r], m->cards[r].kernel_set);
    break;
  }
}

static plt_supervisor_t make_supervisor(const member_t *m) {
  const plt_brief_t *brief = &m->invitation.brief;
  return (plt_supervisor_t){.rank = m->rv->rank,
                            .brief = brief,
                            .spawn = plt_child_spawn,
                            .sockets = {m->sockets[0], m->sockets[1]},
                            .signalled = plt_signals_watch(),
                            .child = {.control = -1, .pidfd = -1},
                            .report = {.rank = m->rv->rank, .serves = brief->is_server, .job = brief->generation.job},
                            .lead = m->rv->hosts[0],
                            .launcher = m->rv->launcher};
}

/* Sockets, cards, roles, ways to the conductor; `status` is how this rank came so far. The same outcome at all. */
static plt_status_t assemble(member_t *m, plt_status_t status) {
  const plt_rendezvous_t *rv = m->rv;
  plt_status_t found = find_address(m);
  if (status == PLT_OK) status = found;
  if (status == PLT_OK) status = open_sockets(m);
  PLT_TRY(plt_rendezvous_agree(rv, status));
  snprintf(m->card.kernel_set, sizeof m->card.kernel_set, "%s", plt_kernel_set_within(plt_gemm_set(), plt_isa_here()));
  m->cards = plt_mem_zalloc((size_t)rv->size, sizeof *m->cards);
  plt_rendezvous_gather(rv, &m->card, sizeof m->card, m->cards);
  take_role(m);
  agree_on_kernels(m);
  m->supervisor = make_supervisor(m);
  if (rv->rank != 0) status = plt_supervisor_connect(&m->supervisor, m->cards[0].star);
  return plt_rendezvous_agree(rv, status);
}

static void log_role(const member_t *m) {
  const plt_brief_t *brief = &m->invitation.brief;
  plt_generation_log(brief->turn.task->keeps ? brief->run_dir : NULL, "supervisor", (uint32_t)m->rv->rank,
                     m->rv->rank == 0);
  cpu_set_t cores;
  int bound = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 0;
  plt_log(PLT_LOG_INFO, "rank %d of %d on %s (machine %d of %d): %s %" PRIu32 ", %d cores of %ld", m->rv->rank,
          m->rv->size, m->rv->host, m->rv->node, m->rv->nodes, brief->is_server ? "server" : "worker", brief->number,
          bound, sysconf(_SC_NPROCESSORS_ONLN));
  plt_kernel_set_log();
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
  plt_brief_clear(&m->invitation.brief);
}

/* ---- rank 0 ---- */

/* A fresh secret for this start of the job. */
static plt_status_t make_secret(plt_security_t mode, plt_brief_t *brief) {
  plt_secret_t *secret;
  PLT_TRY(plt_secret_create(mode, &secret));
  brief->secret = plt_mem_zalloc(1, PLT_SECRET_TEXT_MAX);
  plt_secret_to_text(secret, brief->secret);
  plt_secret_destroy(&secret);
  return PLT_OK;
}

static plt_status_t conduct(member_t *m) {
  const plt_brief_t *brief = &m->invitation.brief;
  plt_conductor_config_t config = {.size = m->rv->size,
                                   .hosts = (const char(*)[PLT_NODE_NAME_MAX])m->rv->hosts,
                                   .first = brief->turn,
                                   .run_dir = brief->run_dir,
                                   .job = brief->generation.job,
                                   .max_restarts = m->invitation.max_restarts,
                                   .deadline_s = m->invitation.deadline_s};
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

/* What all are told: the job, and the file by which they see that they share the run directory. */
static plt_status_t invite(const plt_job_t *job, const plt_work_t *work, plt_invitation_t *invitation) {
  const char *interface = plt_config_text(job->config, "cluster.interface");
  *invitation = (plt_invitation_t){.brief = plt_brief_of(job, work),
                                   .max_restarts = (uint32_t)plt_config_int(job->config, "cluster.max_restarts"),
                                   .deadline_s = job->deadline_s};
  snprintf(invitation->transport, sizeof invitation->transport, "%s",
           job->proxy != NULL ? "tcp" : plt_config_text(job->config, "cluster.transport"));
  snprintf(invitation->interface, sizeof invitation->interface, "%s", interface == NULL ? "" : interface);
  snprintf(invitation->probe, sizeof invitation->probe, ".seen-by-all-%" PRIx64, job->id);
  return make_secret(job->security, &invitation->brief);
}

/* Sends the invitation; behind it all ranks go the same way. */
static plt_status_t send_invitation(plt_rendezvous_t *rv, const plt_invitation_t *invitation) {
  plt_packet_t packet;
  PLT_TRY(plt_control_pack_invitation(invitation, &packet));
  plt_rendezvous_broadcast(rv, &packet.bytes, &packet.n);
  plt_packet_clear(&packet);
  return PLT_OK;
}

/* Invites all ranks and goes with them until they know each other; the file that they look for is there meanwhile. */
static plt_status_t call_together(plt_rendezvous_t *rv, const plt_job_t *job, const plt_work_t *work, member_t *m) {
  char probe[PLT_PATH_MAX];
  PLT_TRY(invite(job, work, &m->invitation));
  PLT_TRY(plt_path_join(work->run_dir, m->invitation.probe, probe));
  PLT_TRY(plt_file_publish(probe, "", 0));
  plt_status_t status = send_invitation(rv, &m->invitation);
  if (status == PLT_OK) status = assemble(m, PLT_OK);
  unlink(probe);
  return status;
}

plt_status_t plt_cluster_lead(plt_rendezvous_t *rv, const plt_job_t *job, const plt_work_t *work) {
  member_t m = {.rv = rv, .sockets = {-1, -1}};
  plt_status_t status = call_together(rv, job, work, &m);
  if (status != PLT_OK) {
    if (rv->has_broadcast) plt_last_word_say(status); /* the others wait for MPI's end */
    release(&m);
    if (rv->has_broadcast) plt_rendezvous_leave(rv);
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

/* Without a text: others have spoken, or there is nobody to tell. */
static plt_status_t in_silence(plt_status_t status) { return plt_fail(status, "%s", ""); }

/* Behind the loop of a rank. Nobody has spoken for it if the conductor has not dismissed it. */
static plt_status_t end_alone(const plt_supervisor_t *supervisor, plt_status_t status) {
  if (status == PLT_ERR_DEADLINE && supervisor->rank > 1) { /* rank 1 has noticed it, too: it speaks for all */
    nanosleep(&(struct timespec){.tv_sec = LAST_WORD_S}, NULL);
    return in_silence(status);
  }
  if (status != PLT_OK && plt_supervisor_is_orphaned(supervisor)) return in_silence(status);
  return status;
}

/* Returns PLT_OK where rank 0 carries the code. */
static plt_status_t follow(plt_rendezvous_t *rv) {
  member_t m = {.rv = rv, .sockets = {-1, -1}};
  plt_packet_t packet = {0};
  plt_rendezvous_broadcast(rv, &packet.bytes, &packet.n);
  bool is_invited = packet.n > 0;
  plt_status_t status = PLT_OK;
  if (is_invited) status = assemble(&m, plt_control_unpack_invitation(packet.bytes, packet.n, &m.invitation));
  plt_packet_clear(&packet);
  if (!is_invited || status != PLT_OK) {
    release(&m);
    plt_rendezvous_leave(rv);
    return PLT_OK;
  }
  plt_rendezvous_leave(rv);
  log_role(&m);
  status = plt_supervisor_run(&m.supervisor, m.invitation.deadline_s);
  release(&m);
  return end_alone(&m.supervisor, status);
}

/* ---- any rank ---- */

/* Rank 0 has nothing for the others to do. */
static void cancel(plt_rendezvous_t *rv, plt_status_t status) {
  plt_packet_t nothing = {0};
  if (status != PLT_OK) plt_last_word_say(status);
  plt_rendezvous_broadcast(rv, &nothing.bytes, &nothing.n);
  plt_rendezvous_leave(rv);
}

/* Asked before the options are read: with ranks, only rank 0 reads them. */
static bool is_alone(int argc, char **argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "--alone") == 0) return true;
  return false;
}

plt_status_t plt_cluster_command(int argc, char **argv, plt_lead_fn lead) {
  plt_rendezvous_t *rv = NULL;
  plt_status_t status;
  if (!is_alone(argc, argv)) PLT_TRY(plt_rendezvous_join(&rv));
  if (rv != NULL && rv->rank != 0) {
    status = follow(rv);
  } else {
    status = lead(rv, argc, argv);
    if (rv != NULL && !rv->has_broadcast) cancel(rv, status);
  }
  plt_rendezvous_destroy(&rv);
  return status;
}
