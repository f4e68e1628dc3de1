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

/* ---- connecting ---- */

/* The servers may still be starting: the file is waited for. */
static plt_status_t read_job_file(const char *path, double deadline_s, char **text) {
  int64_t begin_ns = plt_time_ns();
  while (!plt_path_exists(path)) {
    if (plt_time_seconds(plt_time_ns() - begin_ns) > deadline_s)
      return plt_fail(PLT_ERR_DEADLINE,
                      "%s: no such file after %g s (deadline_s); plateau serve writes it when its servers are ready",
                      path, deadline_s);
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * PLT_NS_PER_MS}, NULL);
  }
  return plt_file_read(path, PLT_JOB_CARD_BYTES_MAX, text, NULL);
}

static plt_status_t read_card(const plateau_options_t *options, double deadline_s, plt_job_card_t *card) {
  bool is_text = options->job_text != NULL;
  char *text = NULL;
  if (is_text == (options->job_file != NULL))
    return plt_fail(PLT_ERR_USAGE, "plateau_connect: give job_file or job_text, one of them");
  if (!is_text) PLT_TRY(read_job_file(options->job_file, deadline_s, &text));
  plt_status_t status =
      plt_job_card_from_text(is_text ? options->job_text : text, is_text ? "job_text" : options->job_file, card);
  if (text != NULL) explicit_bzero(text, strlen(text));
  free(text);
  return status;
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

static plt_status_t greet(plateau_t *job, const plateau_options_t *options, double deadline_s) {
  const plt_job_card_t *card = &job->card;
  uint64_t mark;
  plt_progress_t progress;
  if (getrandom(&mark, sizeof mark, 0) != sizeof mark) return plt_fail_errno(PLT_ERR_CREATE, "no random numbers");
  job->addresses = plt_mem_zalloc(card->servers, sizeof *job->addresses);
  for (uint32_t s = 0; s < card->servers; s++) job->addresses[s] = choose_door(&card->doors[s]);
  plt_client_config_t config = {.number = options->worker,
                                .workers = card->workers,
                                .servers = job->addresses,
                                .n_servers = card->servers,
                                .job = card->job,
                                .generation = card->generation,
                                .deadline_s = deadline_s,
                                .deadline_name = "deadline_s",
                                .wire = options->bf16 ? PLT_WIRE_BF16 : PLT_WIRE_F32,
                                .lends = !options->rejoin,
                                .mark = mark | 1,
                                .succeeds = options->rejoin != 0,
                                .cancelled = &job->cancelled};
  PLT_TRY(plt_client_open(job->wire, &config, &job->clock, &job->resumed, &progress, &job->client));
  /* In ssp and asp the servers' clock counts the pushes of all workers. */
  if (card->alone) job->clock = job->resumed ? (uint64_t)progress.epoch << 32 | progress.batch : 0;
  job->start = job->clock;
  return PLT_OK;
}

static void release(plateau_t **job_at) {
  plateau_t *job = *job_at;
  plt_client_close(&job->client);
  plt_wire_destroy(&job->wire);
  plt_job_card_clear(&job->card);
  free(job->addresses);
  free(job->pending.parts);
  free(job);
  *job_at = NULL;
}

int plateau_connect(const plateau_options_t *options, plateau_t **out) {
  if (options == NULL || out == NULL)
    return plt_library_answer(NULL, plt_fail(PLT_ERR_USAGE, "plateau_connect: an argument is NULL"), false);
  double deadline_s = options->deadline_s == 0 ? DEADLINE_S : options->deadline_s;
  if (!(deadline_s > 0 && deadline_s < 1e9))
    return plt_library_answer(NULL, plt_fail(PLT_ERR_USAGE, "plateau_connect: deadline_s is %g", deadline_s), false);
  plateau_t *job = plt_mem_zalloc(1, sizeof *job);
  job->worker = options->worker;
  job->wire = plt_wire_create();
  plt_status_t status = read_card(options, deadline_s, &job->card);
  if (status == PLT_OK) status = check(options, &job->card);
  if (status == PLT_OK) {
    plt_wire_secure(job->wire, job->card.secret);
    plt_secret_destroy(&job->card.secret);
    status = greet(job, options, deadline_s);
  }
  if (status == PLT_OK)
    *out = job;
  else
    release(&job);
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
