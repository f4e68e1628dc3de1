/* library.c - libplateau: connecting and closing. See state.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/time.h"
#include "worker/library/state.h"

enum { LOOK_MS = 50 };
#define DEADLINE_S 120.0
#define TRY_S 3.0 /* for an answer, before the job file is looked at again */
#define LEAST_S 0.05

/* ---- connecting ---- */

/* One plateau_connect(). */
typedef struct call {
  const plateau_options_t *options;
  double deadline_s;
  int64_t begin_ns;
  uint64_t mark; /* the same at each try: an answer may have been lost */
  char *text;    /* of the job file */
} call_t;

static double left_s(const call_t *call) { return call->deadline_s - plt_time_seconds(plt_time_ns() - call->begin_ns); }

static void wipe(char **text) {
  if (*text != NULL) explicit_bzero(*text, strlen(*text));
  free(*text);
  *text = NULL;
}

/* The servers may still be starting: the file is waited for. */
static plt_status_t read_job_file(call_t *call) {
  const char *path = call->options->job_file;
  while (!plt_path_exists(path)) {
    if (left_s(call) <= 0)
      return plt_fail(PLT_ERR_DEADLINE,
                      "%s: no such file after %g s (deadline_s); plateau serve writes it when its servers are ready",
                      path, call->deadline_s);
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * PLT_NS_PER_MS}, NULL);
  }
  wipe(&call->text);
  return plt_file_read(path, PLT_JOB_CARD_BYTES_MAX, &call->text, NULL);
}

static plt_status_t read_card(call_t *call, plt_job_card_t *card) {
  const plateau_options_t *options = call->options;
  bool is_text = options->job_text != NULL;
  if (is_text == (options->job_file != NULL))
    return plt_fail(PLT_ERR_USAGE, "plateau_connect: give job_file or job_text, one of them");
  if (is_text) return plt_job_card_from_text(options->job_text, "job_text", card);
  PLT_TRY(read_job_file(call));
  return plt_job_card_from_text(call->text, options->job_file, card);
}

static plt_status_t check(const plateau_options_t *options, const plt_job_card_t *card) {
  if (options->workers != 0 && options->workers != card->workers)
    return plt_fail(PLT_ERR_USAGE, "%" PRIu32 " workers were started, but the servers wait for %" PRIu32 " (--workers)",
                    options->workers, card->workers);
  if (options->worker >= card->workers)
    return plt_fail(PLT_ERR_USAGE, "worker %" PRIu32 ": this job has workers 0 to %" PRIu32, options->worker,
                    card->workers - 1);
  return PLT_OK;
}

/* ipc, if the server is on this machine and its socket can be seen; another user's is none of ours. */
static const char *choose_door(const plt_door_t *door) {
  static const char scheme[] = "ipc://";
  char host[PLT_DOOR_TEXT_MAX];
  struct stat info;
  if (door->tcp[0] == '\0') return door->ipc;
  if (strncmp(door->ipc, scheme, sizeof scheme - 1) != 0 || gethostname(host, sizeof host) != 0) return door->tcp;
  host[sizeof host - 1] = '\0';
  bool is_here = strcmp(host, door->host) == 0 && stat(door->ipc + sizeof scheme - 1, &info) == 0 &&
                 S_ISSOCK(info.st_mode) && info.st_uid == geteuid();
  return is_here ? door->ipc : door->tcp;
}

static plt_status_t greet(plateau_t *job, const call_t *call, uint32_t number, double deadline_s) {
  const plateau_options_t *options = call->options;
  const plt_job_card_t *card = &job->card;
  plt_progress_t progress;
  job->addresses = plt_mem_zalloc(card->servers, sizeof *job->addresses);
  for (uint32_t s = 0; s < card->servers; s++) job->addresses[s] = choose_door(&card->doors[s]);
  plt_client_config_t config = {.number = number,
                                .workers = card->workers,
                                .servers = job->addresses,
                                .n_servers = card->servers,
                                .job = card->job,
                                .generation = card->generation,
                                .deadline_s = deadline_s,
                                .deadline_name = "deadline_s",
                                .wire = options->bf16 ? PLT_WIRE_BF16 : PLT_WIRE_F32,
                                .lends = !options->rejoin,
                                .mark = call->mark | 1,
                                .succeeds = options->rejoin != 0,
                                .cancelled = &job->cancelled};
  PLT_TRY(plt_client_open(job->wire, &config, &job->clock, &job->resumed, &progress, &job->client));
  plt_client_set_deadline(job->client, call->deadline_s);
  /* In ssp and asp the servers' clock counts the pushes of all workers. */
  if (card->alone) job->clock = job->resumed ? (uint64_t)progress.epoch << 32 | progress.batch : 0;
  job->start = job->clock;
  if (!card->alone || job->clock == 0) return PLT_OK;
  plt_step_result_t ignored; /* there they are placed by what they say; a push would wait for the ones before it */
  return plt_client_step(job->client, &(plt_step_t){.clock = job->clock}, &ignored);
}

static void release(plateau_t **job_at) {
  plateau_t *job = *job_at;
  plt_client_close(&job->client);
  plt_wire_destroy(&job->wire);
  plt_job_card_clear(&job->card);
  free(job->addresses);
  plt_pending_end(&job->pending);
  free(job);
  *job_at = NULL;
}

static plt_status_t try_once(const call_t *call, plt_job_card_t *card, uint32_t number, double deadline_s,
                             plateau_t **out) {
  plateau_t *job = plt_mem_zalloc(1, sizeof *job);
  job->worker = call->options->worker;
  job->wire = plt_wire_create();
  job->card = *card;
  *card = (plt_job_card_t){0};
  plt_wire_secure(job->wire, job->card.secret);
  plt_secret_destroy(&job->card.secret);
  plt_status_t status = greet(job, call, number, deadline_s);
  if (status == PLT_OK)
    *out = job;
  else
    release(&job);
  return status;
}

/* Whether the job file is another one than was read, or is gone: those servers are, too. */
static bool is_outdated(const call_t *call) {
  char *text = NULL;
  if (call->text == NULL) return false;
  bool same = plt_file_read(call->options->job_file, PLT_JOB_CARD_BYTES_MAX, &text, NULL) == PLT_OK &&
              strcmp(text, call->text) == 0;
  wipe(&text);
  return !same;
}

/* One try, with what the job file says now. Where that does not fit this worker, the servers are asked all the same,
 * as nobody that they know: if they are not there the file is of servers that were killed. */
static plt_status_t try_card(call_t *call, plateau_t **out) {
  plt_job_card_t card = {0};
  plt_failure_t unfit = {0};
  PLT_TRY(read_card(call, &card));
  double left = left_s(call), patience_s = call->text == NULL || left < TRY_S ? left : TRY_S;
  plt_failure_keep(&unfit, check(call->options, &card));
  if (unfit.status != PLT_OK && call->text == NULL) {
    plt_job_card_clear(&card);
    return plt_failure_restore(&unfit);
  }
  uint32_t number = unfit.status == PLT_OK ? call->options->worker : UINT32_MAX;
  plt_status_t status = try_once(call, &card, number, patience_s > LEAST_S ? patience_s : LEAST_S, out);
  if (unfit.status == PLT_OK || status == PLT_OK) return status;
  if (status == PLT_ERR_DEADLINE) return plt_fail(status, "%s", unfit.text);
  return status == PLT_ERR_PROTOCOL ? plt_failure_restore(&unfit) : status;
}

/* Servers that were killed leave their job file, until the next ones write theirs: so it is looked at again. */
static plt_status_t connect_within(call_t *call, plateau_t **out) {
  for (;;) {
    plt_failure_t failure = {0};
    plt_status_t status = try_card(call, out);
    if (status == PLT_OK) return status;
    plt_failure_keep(&failure, status);
    bool again = call->text != NULL && (status == PLT_ERR_DEADLINE || is_outdated(call));
    if (again && left_s(call) > 0) continue;
    plt_failure_restore(&failure);
    return !again ? status
                  : plt_fail_within(status, "%s: its servers did not answer for %g s (deadline_s), or are gone",
                                    call->options->job_file, call->deadline_s);
  }
}

int plateau_connect(const plateau_options_t *options, plateau_t **out) {
  if (options == NULL || out == NULL)
    return plt_library_answer(NULL, plt_fail(PLT_ERR_USAGE, "plateau_connect: an argument is NULL"), false);
  call_t call = {.options = options,
                 .deadline_s = options->deadline_s == 0 ? DEADLINE_S : options->deadline_s,
                 .begin_ns = plt_time_ns()};
  plt_status_t status = PLT_OK;
  if (!(call.deadline_s > 0 && call.deadline_s < 1e9))
    status = plt_fail(PLT_ERR_USAGE, "plateau_connect: deadline_s is %g", call.deadline_s);
  else if (getrandom(&call.mark, sizeof call.mark, 0) != sizeof call.mark)
    status = plt_fail_errno(PLT_ERR_CREATE, "no random numbers");
  if (status == PLT_OK) status = connect_within(&call, out);
  wipe(&call.text);
  return plt_library_answer(NULL, status, false);
}

/* ---- closing ---- */

/* Says goodbye as what was, and frees everything. */
static void leave(plateau_t **job_at, plt_status_t status, const char *text) {
  plateau_t *job = *job_at;
  atomic_store(&job->cancelled, false);      /* what is said now is short */
  plt_client_bye(job->client, status, text); /* a step under way is waited for no more */
  release(job_at);
}

int plateau_close(plateau_t **job_at) {
  if (job_at == NULL || *job_at == NULL) return PLATEAU_OK;
  plateau_t *job = *job_at;
  plt_failure_t saved = {0};
  if (job->begun != NULL) {
    plateau_abandon(job_at, "it was closed with a step under way");
    return PLATEAU_OK;
  }
  if (job->spent.status == PLT_OK && atomic_load(&job->cancelled))
    plt_library_answer(job, plt_fail(PLT_ERR_STOPPED, "cancelled"), true);
  if (job->spent.status == PLT_OK) plt_failure_keep(&saved, plt_library_publish(job, true));
  plt_failure_keep(&job->spent, plt_failure_restore(&saved));
  plt_failure_t cause = job->spent;
  leave(job_at, cause.status, cause.text);
  return plt_library_answer(NULL, plt_failure_restore(&saved), false);
}

void plateau_abandon(plateau_t **job_at, const char *why) {
  if (job_at == NULL || *job_at == NULL) return;
  leave(job_at, PLT_ERR_DATA, why == NULL ? "its program gave up" : why);
}

void plateau_cancel(plateau_t *job) { atomic_store(&job->cancelled, true); }

/* ---- what is known ---- */

void plateau_info(const plateau_t *job, plateau_info_t *info) {
  const plt_job_card_t *card = &job->card;
  bool asp = card->alone && card->staleness == UINT64_MAX;
  *info = (plateau_info_t){.worker = job->worker,
                           .workers = card->workers,
                           .servers = card->servers,
                           .consistency = !card->alone ? PLATEAU_BSP
                                          : asp        ? PLATEAU_ASP
                                                       : PLATEAU_SSP,
                           .staleness = card->alone ? card->staleness : 0,
                           .start = job->start,
                           .resumed = job->resumed};
}

uint64_t plateau_clock(const plateau_t *job) { return job->clock; }
