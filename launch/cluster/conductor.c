/* conductor.c - see conductor.h. */
#include "launch/cluster/conductor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/errand.h"
#include "common/io/manifest.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "launch/host/last_word.h"
#include "worker/train/journal.h"

enum { TICK_MS = 1000, REPEAT_MS = 100, FAREWELL_MS = 1000 };
#define LEAVE_NS (3 * PLT_NS_PER_S)    /* in which a server hears the goodbyes of workers that have ended */
#define GRACE_NS (300 * PLT_NS_PER_MS) /* a cause may be reported shortly after its consequences */

typedef struct peer {
  plt_report_t report;
  plt_route_t route;
  bool known;
  int64_t heard_ns;
} peer_t;

typedef struct conductor {
  const plt_conductor_config_t *config;
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_supervisor_t *own;
  peer_t *peers;
  plt_directive_t directive;
  int64_t round_ns;    /* of the loop that conducts */
  int64_t left_ns;     /* since when nothing but servers runs, 0: other things do */
  int64_t failed_ns;   /* when the first failure of this generation was seen, 0: none */
  uint32_t restarts;   /* since the last newer checkpoint */
  uint64_t best_clock; /* newest checkpoint restarted from */
  plt_ending_t cause;  /* of the restart under way */
  int cause_rank;
  /* What a restart goes on from; sought on an errand: hashing takes a second per GB or so, and ranks want to hear. */
  plt_errand_t search;
  plt_manifest_t manifest;
  bool none;
  plt_failure_t failure; /* of the job, once FINISH is ordered */
} conductor_t;

/* ---- telling and hearing ---- */

static plt_status_t tell(conductor_t *c) {
  plt_parcel_t *parcel = plt_parcel_create();
  plt_status_t status = plt_star_put_directive(c->wire, &c->directive, parcel);
  for (int r = 1; r < c->config->size && status == PLT_OK; r++)
    if (c->peers[r].known) status = plt_listener_send(c->listener, &c->peers[r].route, parcel);
  plt_parcel_destroy(&parcel);
  plt_supervisor_obey(c->own, &c->directive);
  c->peers[0].report = c->own->report;
  return status;
}

static plt_status_t hear(conductor_t *c) {
  plt_parcel_t *parcel = plt_parcel_create();
  plt_status_t status = PLT_OK;
  bool got = true;
  while (got && status == PLT_OK) {
    plt_route_t route;
    plt_report_t report;
    status = plt_listener_receive(c->listener, 0, &route, parcel, &got);
    if (status != PLT_OK || !got) continue;
    if (plt_star_take_report(parcel, &report) != PLT_OK || report.job != c->config->job || report.rank < 1 ||
        report.rank >= c->config->size)
      continue;
    peer_t *peer = &c->peers[report.rank];
    bool is_new = !peer->known;
    *peer = (peer_t){.report = report, .route = route, .known = true, .heard_ns = plt_time_ns()};
    if (is_new) status = tell(c);
  }
  plt_parcel_destroy(&parcel);
  plt_supervisor_look(c->own);
  c->peers[0].report = c->own->report;
  c->peers[0].heard_ns = plt_time_ns();
  return status;
}

/* ---- decisions ---- */

static void finish(conductor_t *c, plt_status_t status, const char *text) {
  c->directive.want = PLT_WANT_FINISH;
  c->failure = (plt_failure_t){.status = status};
  snprintf(c->failure.text, sizeof c->failure.text, "%s", text);
}

static void describe(const conductor_t *c, int rank, const plt_ending_t *ending, char *out, size_t bytes) {
  if (ending->signal != 0)
    snprintf(out, bytes, "the process of rank %d on %s %s", rank, c->config->hosts[rank], ending->text);
  else if (ending->status == PLT_ERR_MEMORY) /* its node's: which one is half of the answer */
    snprintf(out, bytes, "the process of rank %d on %s: %s", rank, c->config->hosts[rank], ending->text);
  else
    snprintf(out, bytes, "%s", ending->text);
}

static bool is_of_now(const conductor_t *c, const peer_t *peer) {
  return peer->report.generation == c->directive.generation;
}

/* Failures that a restart would meet again. */
static bool is_final(plt_status_t status) {
  return status != PLT_OK && status != PLT_ERR_PEER && status != PLT_ERR_DEADLINE && status != PLT_ERR_PROTOCOL &&
         status != PLT_ERR_PREEMPTED && status != PLT_ERR_STOPPED && status != PLT_ERR_MEMORY;
}

/* The ranks of this generation, counted by how they stand. */
typedef struct census {
  int running, serving, ended_well, preempted, idle; /* serving: the servers among the running */
  int final, lost, stopped;                          /* a rank that ended so, -1: none */
} census_t;

static census_t count(const conductor_t *c) {
  census_t n = {.final = -1, .lost = -1, .stopped = -1};
  for (int r = 0; r < c->config->size; r++) {
    const peer_t *peer = &c->peers[r];
    if (!is_of_now(c, peer)) continue;
    n.idle += peer->report.state == PLT_CHILD_IDLE;
    n.running += peer->report.state == PLT_CHILD_RUNNING;
    n.serving += peer->report.state == PLT_CHILD_RUNNING && peer->report.serves;
    if (peer->report.state != PLT_CHILD_ENDED) continue;
    plt_status_t status = peer->report.ending.status;
    if (status == PLT_OK)
      n.ended_well++;
    else if (status == PLT_ERR_PREEMPTED)
      n.preempted++;
    else if (status == PLT_ERR_STOPPED)
      n.stopped = r;
    else if (is_final(status) && n.final < 0)
      n.final = r;
    /* a death explains what its peers report */
    else if (!is_final(status) &&
             (n.lost < 0 || (peer->report.ending.signal != 0 && c->peers[n.lost].report.ending.signal == 0)))
      n.lost = r;
  }
  return n;
}

static void run(conductor_t *c, const plt_turn_t *turn) {
  c->directive.want = PLT_WANT_RUN;
  c->directive.generation++;
  c->directive.turn = *turn;
  c->directive.interrupt = false;
  c->left_ns = 0;
  c->failed_ns = 0;
}

/* All children of a turn ended well. */
static void go_on(conductor_t *c) {
  plt_standing_t end = {0};
  plt_turn_t next;
  bool over;
  for (int r = 0; r < c->config->size; r++)
    if (c->peers[r].report.ending.has_standing) end = c->peers[r].report.ending.standing;
  plt_status_t status = plt_turn_next(&c->directive.turn, &end, c->config->run_dir, &next, &over);
  if (status != PLT_OK || over)
    finish(c, status, status == PLT_OK ? "" : plt_fail_text());
  else
    run(c, &next);
}

/* plt_errand_fn: the newest checkpoint, which --resume would take too. */
static plt_status_t search(void *context) {
  conductor_t *c = context;
  char dir[PLT_PATH_MAX];
  c->none = true;
  if (!c->directive.turn.task->saves) return PLT_OK;
  plt_status_t status = plt_manifest_newest(c->config->run_dir, &c->manifest, dir, &c->none);
  return c->none ? PLT_OK : status;
}

/* All are stopped: from the checkpoint that was found. */
static void restart(conductor_t *c) {
  int64_t failed_ns = c->failed_ns;
  char clock[32] = "", what[2200];
  plt_manifest_t manifest = c->manifest;
  bool none = c->none;
  describe(c, c->cause_rank, &c->cause, what, sizeof what);
  plt_turn_t turn = c->directive.turn;
  if (turn.task->saves)
    plt_manifest_prune(c->config->run_dir, UINT32_MAX); /* what was being written when it happened */
  if (!none) snprintf(clock, sizeof clock, "%" PRIu64, manifest.clock);
  if (!none && manifest.clock > c->best_clock) {
    c->best_clock = manifest.clock;
    c->restarts = 0;
  }
  if (c->restarts++ >= c->config->max_restarts) {
    char text[2400];
    snprintf(text, sizeof text,
             "%s; gave up after %" PRIu32
             " restarts without a new checkpoint (cluster.max_restarts): it would happen again; once its cause is "
             "mended, --resume goes on",
             what, c->config->max_restarts);
    finish(c, PLT_ERR_GAVE_UP, text);
  } else {
    if (turn.task->saves) snprintf(turn.start, sizeof turn.start, "%s", clock);
    run(c, &turn);
    plt_log(PLT_LOG_NOTE, "%s; all processes start again from %s%s (generation %" PRIu32 ")", what,
            none ? "the beginning" : "checkpoint ", clock, c->directive.generation);
    if (turn.task->keeps)
      plt_journal_recovery(c->config->run_dir, what, c->directive.generation, none ? 0 : manifest.clock,
                           plt_time_seconds(plt_time_ns() - failed_ns));
  }
  plt_manifest_clear(&c->manifest);
}

/* A rank that is silent is lost with its node. */
static int silent_rank(const conductor_t *c, int64_t begin_ns) {
  for (int r = 1; r < c->config->size; r++) {
    int64_t heard = c->peers[r].known ? c->peers[r].heard_ns : begin_ns;
    if ((double)(plt_time_ns() - heard) > c->config->deadline_s * (double)PLT_NS_PER_S) return r;
  }
  return -1;
}

/* Servers end when all workers have said goodbye. Over a bad network one may not have heard it; nobody needs it any
 * more, so it counts as ended. */
static void excuse_servers(conductor_t *c, census_t *n) {
  int64_t now = plt_time_ns();
  bool left = n->serving > 0 && n->ended_well + n->preempted + n->serving == c->config->size;
  if (!left) c->left_ns = 0;
  if (left && c->left_ns == 0) c->left_ns = now;
  if (!left || now - c->left_ns < LEAVE_NS) return;
  plt_log(PLT_LOG_INFO, "%d servers did not hear all goodbyes: they are not waited for", n->serving);
  n->ended_well += n->serving;
  n->running -= n->serving;
}

/* Looks at the reports and changes the directive if need be; returns whether it did. */
static bool decide(conductor_t *c) {
  census_t n = count(c);
  int64_t now = plt_time_ns();
  excuse_servers(c, &n);
  if (c->directive.want == PLT_WANT_STOP) {
    plt_status_t status;
    if (n.idle < c->config->size) return false;
    if (!c->search.under_way) plt_errand_begin(&c->search, search, c);
    if (!plt_errand_look(&c->search, &status)) return false;
    if (status == PLT_OK)
      restart(c);
    else
      finish(c, status, plt_fail_text());
    return true;
  }
  if (n.final >= 0) {
    finish(c, c->peers[n.final].report.ending.status, c->peers[n.final].report.ending.text);
    return true;
  }
  if (n.stopped >= 0) { /* what the others report is its consequence */
    finish(c, PLT_ERR_STOPPED, c->peers[n.stopped].report.ending.text);
    return true;
  }
  if (n.ended_well == c->config->size) {
    go_on(c);
    return true;
  }
  if (n.preempted > 0 && n.lost < 0 && n.running == 0) {
    for (int r = 0; r < c->config->size; r++)
      if (c->peers[r].report.ending.status == PLT_ERR_PREEMPTED)
        finish(c, PLT_ERR_PREEMPTED, c->peers[r].report.ending.text);
    return true;
  }
  if (n.lost >= 0) {
    if (c->failed_ns == 0) c->failed_ns = now;
    if (now - c->failed_ns < GRACE_NS) return false;
    c->cause = c->peers[n.lost].report.ending;
    c->cause_rank = n.lost;
    c->directive.want = PLT_WANT_STOP;
    return true;
  }
  bool interrupt = false;
  for (int r = 0; r < c->config->size; r++) interrupt = interrupt || c->peers[r].report.wants_interrupt;
  if (interrupt && !c->directive.interrupt) {
    if (!c->directive.turn.task->saves) {
      finish(c, PLT_ERR_PREEMPTED, "stopped by request; the same command tries again");
      return true;
    }
    c->directive.interrupt = true;
    return true;
  }
  return false;
}

/* The first rank that has not said that it heard FINISH, -1: all have. */
static int waiting_rank(const conductor_t *c) {
  for (int r = 1; r < c->config->size; r++)
    if (c->peers[r].report.state != PLT_CHILD_DISMISSED) return r;
  return -1;
}

/* Repeats FINISH until all have heard it, for a while: some may be lost. */
static void see_off(conductor_t *c) {
  int64_t until = plt_time_ns() + FAREWELL_MS * PLT_NS_PER_MS, told = 0;
  while (waiting_rank(c) >= 0 && plt_time_ns() < until) {
    if (plt_time_ns() - told >= REPEAT_MS * PLT_NS_PER_MS) {
      if (tell(c) != PLT_OK) return;
      told = plt_time_ns();
    }
    plt_listener_wait(c->listener, -1, REPEAT_MS);
    if (hear(c) != PLT_OK) return;
  }
  int rank = waiting_rank(c);
  if (rank >= 0) plt_log(PLT_LOG_INFO, "rank %d does not say that it has heard the end: it is not waited for", rank);
}

/* What ends a job although no child reports it. */
static void look_around(conductor_t *c, int64_t begin_ns) {
  int silent = silent_rank(c, begin_ns);
  if (silent >= 0) {
    char text[256];
    snprintf(text, sizeof text,
             "rank %d on %s was not heard for %g s (cluster.deadline_s): its node seems lost; "
             "--resume goes on",
             silent, c->config->hosts[silent], c->config->deadline_s);
    finish(c, PLT_ERR_DEADLINE, text);
  } else if (plt_supervisor_is_orphaned(c->own)) {
    finish(c, PLT_ERR_PEER, "what started this job is gone (mpirun, or its daemon); --resume goes on");
  }
}

/* While this process was stopped it did not listen: silence counts from now. */
static void excuse_silence(conductor_t *c, int64_t *begin_ns) {
  if (plt_time_missed(&c->round_ns) == 0) return;
  *begin_ns = c->round_ns;
  for (int r = 0; r < c->config->size; r++) c->peers[r].heard_ns = c->round_ns;
}

/* Until FINISH is decided. */
static plt_status_t conduct(conductor_t *c) {
  int64_t begin = plt_time_ns(), told = 0;
  for (;;) {
    int64_t now = plt_time_ns();
    excuse_silence(c, &begin);
    bool changed = decide(c);
    if (c->directive.want != PLT_WANT_FINISH) look_around(c, begin);
    if (c->directive.want == PLT_WANT_FINISH) return PLT_OK;
    if (changed || now - told >= TICK_MS * PLT_NS_PER_MS) {
      PLT_TRY(tell(c));
      told = now;
      if (changed) continue;
    }
    plt_listener_wait(c->listener, c->own->child.pid == 0 ? -1 : c->own->child.pidfd, c->failed_ns != 0 ? 50 : 200);
    PLT_TRY(hear(c));
  }
}

plt_status_t plt_conductor_run(plt_wire_t *wire, plt_listener_t *listener, plt_supervisor_t *own,
                               const plt_conductor_config_t *config) {
  conductor_t conductor = {
      .config = config, .wire = wire, .listener = listener, .own = own, .directive = {.job = config->job}};
  conductor_t *c = &conductor;
  c->peers = plt_mem_zalloc((size_t)config->size, sizeof *c->peers);
  run(c, &config->first);
  plt_status_t status = conduct(c);
  if (status != PLT_OK) finish(c, status, plt_fail_text());
  status = plt_failure_restore(&c->failure);
  if (status != PLT_OK) plt_last_word_say(status);                            /* before anybody leaves */
  if (plt_errand_wait(&c->search, &status)) plt_manifest_clear(&c->manifest); /* it was silenced on its way */
  see_off(c);
  plt_child_kill(&own->child);
  free(c->peers);
  return plt_failure_restore(&c->failure);
}
