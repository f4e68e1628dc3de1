/* run_dir.c - see run_dir.h. */
#include "launch/job/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/io/manifest.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "launch/job/numbering.h"
#include "launch/job/outline.h"
#include "worker/data/prepare.h"

enum { LOCK_WAITS = 50 }; /* of 100 ms: a killed job's ranks are gone by then */

static int lock = -1; /* of run.dir; closed, and so unlocked, by the process's end, however it comes */

/* Makes a directory that was not there: of several jobs that begin in one second each has its own. */
static plt_status_t make_new(const char *dir, bool *taken) {
  PLT_TRY(plt_dir_create("runs"));
  *taken = false;
  if (mkdir(dir, 0777) == 0) return PLT_OK;
  *taken = errno == EEXIST || errno == ENOENT; /* runs/ may be abandoned at this moment */
  return *taken ? PLT_OK : plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create directory", dir);
}

char *plt_run_dir_name(const char *config_path) {
  const char *slash = strrchr(config_path, '/'), *name = slash == NULL ? config_path : slash + 1;
  const char *dot = strrchr(name, '.');
  return plt_mem_print("%.*s", dot == NULL || dot == name ? (int)strlen(name) : (int)(dot - name), name);
}

plt_status_t plt_run_dir_choose(plt_config_t *config, const char *config_path, char **made) {
  bool taken = true;
  *made = NULL;
  if (plt_config_given(config, "run.dir")) return PLT_OK;
  char stamp[32], *name = plt_run_dir_name(config_path);
  plt_time_stamp(stamp, sizeof stamp);
  char *dir = plt_mem_print("runs/%s-%s", name, stamp);
  plt_status_t status = make_new(dir, &taken);
  for (int again = 2; status == PLT_OK && taken; again++) {
    free(dir);
    dir = plt_mem_print("runs/%s-%s-%d", name, stamp, again);
    status = make_new(dir, &taken);
  }
  free(name);
  if (status != PLT_OK) {
    free(dir);
    return status;
  }
  plt_config_put(config, "run.dir", dir);
  *made = dir;
  return PLT_OK;
}

void plt_run_dir_abandon(const char *run_dir) {
  if (rmdir(run_dir) == 0) rmdir("runs"); /* where it is not empty it stays */
}

static plt_status_t config_path(const char *run_dir, char out[PLT_PATH_MAX]) {
  return plt_path_join(run_dir, "config.yaml", out);
}

static plt_status_t fail_served(const char *run_dir) {
  return plt_fail(PLT_ERR_USAGE, "%s is of plateau serve: rows without a model; plateau inspect and export take it",
                  run_dir);
}

/* Files that make a directory a run; an empty directory is none. */
static plt_status_t holds_run(const char *run_dir, bool *holds) {
  static const char *const names[] = {"config.yaml", "metrics.jsonl", "checkpoints", PLT_SERVED_FILE};
  *holds = false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[PLT_PATH_MAX];
    PLT_TRY(plt_path_join(run_dir, names[i], path));
    *holds = *holds || plt_path_exists(path);
  }
  return PLT_OK;
}

static plt_status_t fail_held(const char *run_dir) {
  return plt_fail(PLT_ERR_USAGE, "%s holds a run already; choose another run.dir, or --resume to go on with it",
                  run_dir);
}

static plt_status_t refuse_run(const char *run_dir) {
  bool holds;
  PLT_TRY(holds_run(run_dir, &holds));
  return holds ? fail_held(run_dir) : PLT_OK;
}

/* With the lock: what processes that were killed left of files that they were about to replace. */
static void sweep_leftovers(const char *run_dir) {
  static const char *const names[] = {"config.yaml", "metrics.jsonl", PLT_IDS_FILE, PLT_KEPT_FILE};
  char path[PLT_PATH_MAX];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (plt_path_join(run_dir, names[i], path) == PLT_OK) plt_path_sweep(path);
}

/* With the lock, if there are locks. begins: where a run is there the job is another one's. */
static plt_status_t write_config(const plt_config_t *config, bool begins) {
  char path[PLT_PATH_MAX];
  const char *run_dir = plt_config_text(config, "run.dir");
  bool taken = false;
  PLT_TRY(config_path(run_dir, path));
  if (lock >= 0) sweep_leftovers(run_dir);
  char *text = plt_config_dump(config);
  plt_status_t status =
      begins ? plt_file_publish_new(path, text, strlen(text), &taken) : plt_file_publish(path, text, strlen(text));
  free(text);
  return status == PLT_OK && taken ? fail_held(run_dir) : status;
}

static plt_status_t make_dirs(const char *run_dir) {
  char logs[PLT_PATH_MAX];
  PLT_TRY(plt_dir_create(run_dir));
  PLT_TRY(plt_path_join(run_dir, "logs", logs));
  return plt_dir_create(logs);
}

plt_status_t plt_run_dir_lock(const plt_config_t *config) {
  const char *run_dir = plt_config_text(config, "run.dir");
  char path[PLT_PATH_MAX];
  if (lock >= 0) return PLT_OK;
  PLT_TRY(plt_path_join(run_dir, "logs/launcher-0.txt", path));
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 && errno == ENOENT) return PLT_OK;
  if (fd < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot open", path);
  for (int waits = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waits++) {
    if (errno != EWOULDBLOCK && errno != EINTR) break; /* a file system without locks */
    if (waits == LOCK_WAITS) {
      close(fd);
      return plt_fail(PLT_ERR_PEER, "%s: another job works in this run directory; wait for its end or stop it first",
                      run_dir);
    }
    nanosleep(&(struct timespec){.tv_nsec = 100 * PLT_NS_PER_MS}, NULL);
  }
  lock = fd;
  return PLT_OK;
}

bool plt_run_dir_is_busy(const char *run_dir) {
  char path[PLT_PATH_MAX];
  if (plt_path_join(run_dir, "logs/launcher-0.txt", path) != PLT_OK) return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool busy = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(fd);
  return busy;
}

plt_status_t plt_run_dir_begin(const plt_config_t *config) {
  const char *run_dir = plt_config_text(config, "run.dir");
  PLT_TRY(plt_config_check_texts(config));
  PLT_TRY(refuse_run(run_dir)); /* nothing is made in another's directory */
  PLT_TRY(make_dirs(run_dir));
  plt_status_t status = plt_run_dir_lock(config);
  if (status == PLT_OK || status == PLT_ERR_PEER) PLT_TRY(refuse_run(run_dir)); /* who was first has begun meanwhile */
  PLT_TRY(status);
  return write_config(config, true);
}

static bool has_trained(const char *run_dir) {
  char metrics[PLT_PATH_MAX];
  bool any;
  return plt_path_join(run_dir, "metrics.jsonl", metrics) != PLT_OK || plt_path_exists(metrics) ||
         plt_manifest_any(run_dir, &any) != PLT_OK || any;
}

void plt_run_dir_withdraw(const char *run_dir, plt_status_t failure) {
  static const char *const names[] = {"config.yaml", PLT_KEPT_FILE, PLT_IDS_FILE};
  plt_failure_t kept = {0};
  plt_failure_keep(&kept, failure); /* paths fail, too */
  bool is_run = plt_status_exit(failure) == plt_status_exit(PLT_ERR_PREEMPTED) || has_trained(run_dir);
  for (size_t i = 0; !is_run && i < sizeof names / sizeof *names; i++) {
    char path[PLT_PATH_MAX];
    if (plt_path_join(run_dir, names[i], path) == PLT_OK) remove(path);
  }
  plt_failure_restore(&kept);
}

bool plt_run_dir_is_served(const char *dir) {
  char path[PLT_PATH_MAX];
  return plt_path_join(dir, PLT_SERVED_FILE, path) == PLT_OK && plt_path_exists(path);
}

plt_status_t plt_run_dir_find_config(const char *run_dir, char out[PLT_PATH_MAX]) {
  PLT_TRY(config_path(run_dir, out));
  if (plt_path_exists(out)) return PLT_OK;
  if (plt_run_dir_is_served(run_dir)) return fail_served(run_dir);
  return plt_fail(PLT_ERR_USAGE, "%s is no run directory: it has no config.yaml", run_dir);
}

plt_status_t plt_run_dir_config(const char *run_dir, const char *const *sets, size_t n, plt_config_t **out) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_run_dir_find_config(run_dir, path));
  PLT_TRY(plt_config_load(path, sets, n, out));
  plt_config_put(*out, "run.dir", run_dir); /* it may have been moved */
  return PLT_OK;
}

/* What was worked out when the run began holds on. */
static void take_over(plt_config_t *config, plt_config_t *was) {
  plt_outline_t now = plt_outline_of(config), before = plt_outline_of(was);
  for (size_t i = 0; i < now.n_stages && i < before.n_stages; i++) {
    plt_config_t *to = now.stages[i].config, *from = before.stages[i].config;
    if (plt_config_given(to, "train.micro_batch") || !plt_config_given(from, "train.micro_batch")) continue;
    char *text = plt_mem_print("%lld", (long long)plt_config_int(from, "train.micro_batch"));
    plt_config_put(to, "train.micro_batch", text);
    free(text);
  }
  plt_outline_clear(&now);
  plt_outline_clear(&before);
}

/* "a: 1, was 2; b: 3, was 4", or NULL; free it. */
static char *describe_differences(const plt_config_t *now, const plt_config_t *was, bool resumable) {
  char *lines = plt_config_differences(now, was, resumable), *text;
  size_t bytes;
  if (lines == NULL) return NULL;
  FILE *out = open_memstream(&text, &bytes);
  for (char *line = strtok(lines, "\n"); line != NULL; line = strtok(NULL, "\n"))
    fprintf(out, "%s%s", line == lines ? "" : "; ", line);
  fclose(out);
  free(lines);
  return text;
}

plt_status_t plt_run_dir_resume(plt_config_t *config, bool *resumed) {
  const char *run_dir = plt_config_text(config, "run.dir");
  if (plt_run_dir_is_served(run_dir)) return fail_served(run_dir);
  PLT_TRY(plt_manifest_any(run_dir, resumed));
  if (!*resumed) return PLT_OK;
  plt_config_t *was;
  plt_status_t status = PLT_OK;
  PLT_TRY(plt_run_dir_config(run_dir, NULL, 0, &was));
  take_over(config, was);
  char *refused = describe_differences(config, was, false), *taken = describe_differences(config, was, true);
  plt_config_destroy(&was);
  if (refused != NULL)
    status =
        plt_fail(PLT_ERR_USAGE, "%s was started with another configuration and cannot be resumed with this one: %s",
                 run_dir, refused);
  else if (taken != NULL)
    plt_log(PLT_LOG_NOTE, "going on with other options: %s", taken);
  free(refused);
  free(taken);
  return status;
}

/* Of two jobs that began at the same time over a start without a checkpoint the later one has not seen the other's. */
static plt_status_t refuse_newer(const char *run_dir) {
  bool any;
  PLT_TRY(plt_manifest_any(run_dir, &any));
  if (!any) return PLT_OK;
  return plt_fail(PLT_ERR_PEER, "%s: another job began this run meanwhile; --resume goes on with it", run_dir);
}

plt_status_t plt_run_dir_go_on(const plt_config_t *config, bool resumed) {
  char metrics[PLT_PATH_MAX];
  const char *run_dir = plt_config_text(config, "run.dir");
  PLT_TRY(plt_path_join(run_dir, "metrics.jsonl", metrics));
  PLT_TRY(make_dirs(run_dir));
  PLT_TRY(plt_run_dir_lock(config));
  if (!resumed) PLT_TRY(refuse_newer(run_dir));
  if (!resumed && remove(metrics) != 0 && errno != ENOENT)
    return plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", metrics);
  return write_config(config, false);
}
