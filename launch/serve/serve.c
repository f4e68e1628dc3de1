/* serve.c - see serve.h. */
#include "launch/serve/serve.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "launch/host/last_word.h"
#include "launch/host/limits.h"
#include "launch/host/signals.h"
#include "launch/host/socket_dir.h"
#include "launch/host/sockets.h"
#include "launch/job/generation.h"
#include "launch/job/run_dir.h"
#include "proto/job_card.h"
#include "ps/server/server.h"

enum { LOOK_MS = 50 };
#define LINGER_S 5.0 /* for workers to hear that one of them gave up */
#define ABORT_S 60.0 /* for a launcher to end a rank */

/* What rank 0 tells the others. */
typedef struct invitation {
  uint64_t job;
  uint32_t generation;
  char start[PLT_CHECKPOINT_NAME_MAX]; /* the checkpoint; "": none */
  char secret[PLT_SECRET_TEXT_MAX];
} invitation_t;

/* One server of this rank. */
typedef struct host {
  struct serving *all;
  pthread_t thread;
  uint32_t number;
  plt_listener_t *listener;
  plt_failure_t failure;
} host_t;

typedef struct serving {
  const plt_rendezvous_t *rv;
  const plt_serve_config_t *config;
  uint32_t rank, ranks;
  char job_file[PLT_PATH_MAX];
  invitation_t invitation;
  plt_restore_t restore;
  plt_job_card_t card;
  char *text; /* rank 0: of the job file */
  plt_wire_t *wire;
  char ipc_dir[PLT_SOCKET_DIR_MAX];
  host_t *hosts; /* servers rank, rank + ranks, ... */
  uint32_t n_hosts;
  int lock;                 /* rank 0: of the run directory */
  plt_path_id_t card_id;    /* of the job file that rank 0 wrote */
  atomic_bool stop;         /* ends the servers */
  _Atomic uint32_t n_ended; /* servers */
} serving_t;

/* One outcome for all ranks. */
static plt_status_t agree(const serving_t *s, plt_status_t status) {
  return s->rv == NULL ? status : plt_rendezvous_agree(s->rv, status);
}

/* ---- the run directory: rank 0 ---- */

static plt_status_t lock_dir(serving_t *s) {
  char logs[PLT_PATH_MAX];
  PLT_TRY(plt_dir_create(s->config->run_dir));
  PLT_TRY(plt_path_join(s->config->run_dir, "logs", logs));
  PLT_TRY(plt_dir_create(logs));
  if (plt_dir_lock(logs, false, &s->lock)) return PLT_OK;
  return plt_fail(PLT_ERR_PEER, "%s: other servers work in this directory; end them first, or take another one",
                  s->config->run_dir);
}

bool plt_serve_is_busy(const char *run_dir) {
  char logs[PLT_PATH_MAX];
  if (plt_path_join(run_dir, "logs", logs) != PLT_OK) return false;
  int fd;
  bool is_busy = !plt_dir_lock(logs, true, &fd);
  if (fd >= 0) close(fd);
  return is_busy;
}

static plt_status_t refuse_run(const serving_t *s) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(s->config->run_dir, "config.yaml", path));
  if (!plt_path_exists(path)) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s holds a run of plateau train; take another directory", s->config->run_dir);
}

/* What the directory is, for people and for other commands. */
static plt_status_t write_options(const serving_t *s) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(s->config->run_dir, PLT_SERVED_FILE, path));
  plt_path_sweep(path);
  return plt_file_publish(path, s->config->options, strlen(s->config->options));
}

/* The checkpoint to begin with. */
static plt_status_t find_start(serving_t *s) {
  const char *run_dir = s->config->run_dir;
  bool any, none = false;
  PLT_TRY(plt_manifest_any(run_dir, &any));
  if (any && !s->config->resume)
    return plt_fail(PLT_ERR_USAGE, "%s holds checkpoints: --resume goes on from the newest, or take another directory",
                    run_dir);
  if (any) {
    PLT_TRY(plt_manifest_newest(run_dir, &s->restore.manifest, s->restore.dir, &none));
    s->restore.given = true;
    s->invitation.generation = s->restore.manifest.generation + 1;
    plt_restore_name(&s->restore, s->invitation.start);
  }
  return plt_manifest_prune(run_dir, UINT32_MAX); /* leftovers of a broken end */
}

static plt_status_t make_secret(serving_t *s) {
  plt_secret_t *secret;
  if (getrandom(&s->invitation.job, sizeof s->invitation.job, 0) != sizeof s->invitation.job)
    return plt_fail_errno(PLT_ERR_IO, "no random numbers");
  PLT_TRY(plt_secret_create(s->config->security, &secret));
  plt_secret_to_text(secret, s->invitation.secret);
  plt_secret_destroy(&secret);
  return PLT_OK;
}

static plt_status_t prepare(serving_t *s) {
  PLT_TRY(refuse_run(s));
  PLT_TRY(lock_dir(s));
  PLT_TRY(find_start(s));
  PLT_TRY(write_options(s));
  if (unlink(s->job_file) == 0) plt_log(PLT_LOG_INFO, "%s: of servers that are gone, removed", s->job_file);
  return make_secret(s);
}

/* All ranks know what rank 0 knows, and have the same checkpoint before them. Collective. */
static plt_status_t share(serving_t *s) {
  if (s->rv == NULL) return PLT_OK;
  void *bytes = &s->invitation;
  size_t n = sizeof s->invitation;
  plt_rendezvous_broadcast((plt_rendezvous_t *)(uintptr_t)s->rv, &bytes, &n);
  plt_status_t status = PLT_OK;
  if (s->rank != 0) {
    memcpy(&s->invitation, bytes, sizeof s->invitation);
    explicit_bzero(bytes, n);
    free(bytes);
    status = plt_restore_load(s->config->run_dir, s->invitation.start, &s->restore);
  }
  return agree(s, status);
}

/* ---- sockets ---- */

static plt_status_t find_address(const serving_t *s, char address[PLT_ADDRESS_MAX]) {
  plt_networks_t networks;
  bool several = s->rv != NULL && (s->rv->nodes > 1 || s->rv->spread);
  snprintf(address, PLT_ADDRESS_MAX, "127.0.0.1");
  if (s->config->listen == NULL && !several) return PLT_OK;
  plt_status_t status = plt_socket_networks(s->config->listen, &networks);
  if (status != PLT_OK) return plt_fail_within(status, "serve: listen");
  snprintf(address, PLT_ADDRESS_MAX, "%s", networks.address[0]);
  return PLT_OK;
}

/* Each server has two doors: tcp, and ipc for workers on its machine. */
static plt_status_t open_doors(serving_t *s, host_t *host, const char *address, plt_door_t *door) {
  char name[32];
  int sockets[2];
  const char *endpoints[2] = {door->tcp, door->ipc};
  snprintf(name, sizeof name, "server-%" PRIu32, host->number);
  if (gethostname(door->host, sizeof door->host - 1) != 0) snprintf(door->host, sizeof door->host, "?");
  PLT_TRY(plt_socket_tcp(address, &sockets[0], door->tcp));
  PLT_TRY(plt_socket_ipc(s->ipc_dir, name, &sockets[1], door->ipc));
  return plt_listener_inherit(s->wire, endpoints, sockets, 2, &host->listener);
}

static plt_status_t listen_all(serving_t *s, plt_door_t *doors) {
  char address[PLT_ADDRESS_MAX];
  plt_secret_t *secret;
  PLT_TRY(plt_secret_from_text(s->invitation.secret, &secret));
  plt_wire_secure(s->wire, secret);
  s->card.secret = secret;
  PLT_TRY(find_address(s, address));
  PLT_TRY(plt_socket_dir_create(s->ipc_dir));
  for (uint32_t i = 0; i < s->n_hosts; i++) PLT_TRY(open_doors(s, &s->hosts[i], address, &doors[i]));
  return PLT_OK;
}

/* The doors of all servers, from all ranks. Collective. */
static plt_status_t gather_doors(serving_t *s) {
  uint32_t most = (s->config->servers + s->ranks - 1) / s->ranks;
  plt_door_t *own = plt_mem_zalloc(most, sizeof *own), *all = plt_mem_zalloc((size_t)most * s->ranks, sizeof *all);
  plt_status_t status = agree(s, listen_all(s, own));
  if (status == PLT_OK) {
    if (s->rv == NULL)
      memcpy(all, own, most * sizeof *own);
    else
      plt_rendezvous_gather(s->rv, own, most * sizeof *own, all);
    s->card.doors = plt_mem_zalloc(s->config->servers, sizeof *s->card.doors);
    for (uint32_t n = 0; n < s->config->servers; n++) s->card.doors[n] = all[n % s->ranks * most + n / s->ranks];
  }
  free(own);
  free(all);
  return status;
}

/* Rank 0: from now on workers come. */
static plt_status_t write_card(serving_t *s) {
  s->card.job = s->invitation.job;
  s->card.generation = s->invitation.generation;
  s->card.workers = s->config->workers;
  s->card.servers = s->config->servers;
  s->card.alone = s->config->alone;
  s->card.staleness = s->config->staleness;
  s->text = plt_job_card_to_text(&s->card);
  mode_t mask = umask(0077);
  plt_status_t status = plt_file_publish(s->job_file, s->text, strlen(s->text));
  umask(mask);
  if (status == PLT_OK) s->card_id = plt_path_id(s->job_file);
  return status;
}

/* ---- servers ---- */

static void *host_main(void *argument) {
  host_t *host = argument;
  serving_t *s = host->all;
  const plt_serve_config_t *config = s->config;
  plt_generation_log(config->run_dir, "server", host->number, false);
  plt_server_config_t server = {
      .number = host->number,
      .servers = config->servers,
      .workers = config->workers,
      .alone = config->alone,
      .staleness = config->staleness,
      .threads = plt_limits_cores_each(s->n_hosts),
      .job = s->invitation.job,
      .generation = s->invitation.generation,
      .run_dir = config->run_dir,
      .start = {.dir = s->restore.given ? s->restore.dir : NULL, .manifest = &s->restore.manifest},
      .memory_bytes = plt_limits_memory() / s->n_hosts,
      .keep = config->keep,
      .linger_s = LINGER_S,
      .idle_s = config->idle_s,
      .stop = &s->stop};
  plt_failure_keep(&host->failure, plt_server_run(s->wire, host->listener, &server));
  if (host->failure.status != PLT_OK) plt_log(PLT_LOG_INFO, "ends: %s", host->failure.text);
  plt_log_close();
  atomic_fetch_add(&s->n_ended, 1);
  return NULL;
}

/* Until all servers have ended, or a signal has come: its number. A server that fails ends the others. */
static int watch(serving_t *s, uint32_t started) {
  const atomic_int *signals = plt_signals_watch();
  while (atomic_load(&s->n_ended) < started) {
    int number = atomic_load(signals);
    if (number != 0) return number;
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * PLT_NS_PER_MS}, NULL);
  }
  return 0;
}

static plt_status_t run_servers(serving_t *s) {
  plt_failure_t failure = {0};
  uint32_t started = 0;
  for (; started < s->n_hosts && failure.status == PLT_OK; started += failure.status == PLT_OK)
    if (pthread_create(&s->hosts[started].thread, NULL, host_main, &s->hosts[started]) != 0)
      plt_failure_keep(&failure,
                       plt_fail(PLT_ERR_MEMORY, "cannot start a thread: too many (ulimit -u), or no memory for it"));
  int number = failure.status == PLT_OK ? watch(s, started) : 0;
  atomic_store(&s->stop, true);
  for (uint32_t i = 0; i < started; i++) pthread_join(s->hosts[i].thread, NULL);
  for (uint32_t i = 0; i < started; i++)
    if (s->hosts[i].failure.status != PLT_OK) plt_failure_keep(&failure, plt_failure_restore(&s->hosts[i].failure));
  if (failure.status == PLT_OK && number != 0)
    return plt_fail(PLT_ERR_PREEMPTED,
                    "servers stopped by signal %d; plateau serve %s --resume goes on from the newest checkpoint",
                    number, s->config->run_dir);
  return plt_failure_restore(&failure);
}

/* ---- all of it ---- */

static plt_status_t open_job(serving_t *s) {
  PLT_TRY(agree(s, s->rank == 0 ? prepare(s) : PLT_OK));
  PLT_TRY(share(s));
  PLT_TRY(gather_doors(s));
  PLT_TRY(agree(s, s->rank == 0 ? write_card(s) : PLT_OK));
  if (s->config->tells) plt_rendezvous_tell_all(s->rv, s->text); /* who has no file to read */
  if (s->rank != 0) return PLT_OK;
  plt_log(PLT_LOG_NOTE, "%" PRIu32 " server%s for %" PRIu32 " worker%s%s%s; they connect by %s", s->config->servers,
          s->config->servers == 1 ? " waits" : "s wait", s->config->workers, s->config->workers == 1 ? "" : "s",
          s->restore.given ? ", tables as of clock " : "", s->invitation.start, s->job_file);
  return PLT_OK;
}

static void release(serving_t *s) {
  for (uint32_t i = 0; i < s->n_hosts; i++) plt_listener_close(&s->hosts[i].listener);
  plt_wire_destroy(&s->wire);
  if (s->card_id.number != 0 && plt_path_is(s->job_file, s->card_id)) unlink(s->job_file);
  if (s->ipc_dir[0] != '\0') plt_dir_remove(s->ipc_dir);
  if (s->lock >= 0) close(s->lock);
  if (s->text != NULL) explicit_bzero(s->text, strlen(s->text));
  free(s->text);
  explicit_bzero(&s->invitation, sizeof s->invitation);
  plt_job_card_clear(&s->card);
  plt_restore_clear(&s->restore);
  free(s->hosts);
}

/* Rank 0 says why and ends all. The others wait for that where nothing of MPI is under way: mpirun 4.1.4 hangs or
 * crashes, in one of three cases, when it is told to end ranks of which some are in MPI_Finalize. */
static void abort_beside(const plt_rendezvous_t *rv, plt_status_t status) {
  if (rv->rank == 0) plt_last_word_say(status);
  for (int64_t begin = plt_time_ns(); rv->rank != 0 && plt_time_seconds(plt_time_ns() - begin) < ABORT_S;)
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * PLT_NS_PER_MS}, NULL);
  plt_rendezvous_abort(plt_status_exit(status));
}

/* The workers' program waits for these ranks in MPI_Finalize, and they for it. */
static void leave_beside(const plt_rendezvous_t *rv, plt_status_t status) {
  if (status != PLT_OK) plt_last_word_say(status);
  plt_rendezvous_leave(rv);
}

void plt_serve_give_up(const plt_rendezvous_t *rv, plt_status_t status) {
  if (rv->beside) abort_beside(rv, status);
  plt_rendezvous_leave(rv);
}

plt_status_t plt_serve(const plt_rendezvous_t *rv, const plt_serve_config_t *config) {
  serving_t s = {.rv = rv, .config = config, .rank = 0, .ranks = 1, .lock = -1};
  if (rv != NULL) {
    s.rank = (uint32_t)rv->rank;
    s.ranks = (uint32_t)rv->size;
  }
  plt_status_t status =
      config->servers >= s.ranks
          ? plt_path_join(config->run_dir, config->job_file == NULL ? "job" : config->job_file, s.job_file)
          : plt_fail(PLT_ERR_USAGE, "serve: %" PRIu32 " servers at %" PRIu32 " ranks: one each, at least",
                     config->servers, s.ranks);
  s.wire = plt_wire_create();
  s.n_hosts = status == PLT_OK ? (config->servers - s.rank + s.ranks - 1) / s.ranks : 0;
  s.hosts = plt_mem_zalloc(s.n_hosts, sizeof *s.hosts);
  for (uint32_t i = 0; i < s.n_hosts; i++) s.hosts[i] = (host_t){.all = &s, .number = s.rank + i * s.ranks};
  status = agree(&s, status);
  if (status == PLT_OK) status = open_job(&s);
  bool early = status != PLT_OK, beside = rv != NULL && rv->beside;
  if (rv != NULL && !beside) plt_rendezvous_leave(rv);
  if (status == PLT_OK) status = run_servers(&s);
  plt_failure_t failure = {0};
  plt_failure_keep(&failure, status);
  release(&s);
  /* What all ranks see is said by rank 0. */
  bool told = early || status == PLT_ERR_PEER || status == PLT_ERR_DEADLINE || status == PLT_ERR_PREEMPTED;
  if (early && beside) abort_beside(rv, plt_failure_restore(&failure));
  status = s.rank != 0 && told ? PLT_OK : plt_failure_restore(&failure);
  if (beside) leave_beside(rv, status);
  return status;
}
