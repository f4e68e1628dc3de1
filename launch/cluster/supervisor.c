/* supervisor.c - see supervisor.h. */
#include "launch/cluster/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/time.h"

enum { TICK_MS = 1000 };

static void start_child(plt_supervisor_t *s, const plt_directive_t *directive) {
  plt_brief_t brief = plt_brief_for(s->brief, &directive->turn, directive->generation);
  plt_status_t status = s->spawn(&brief, s->sockets, &s->child);
  s->report.generation = directive->generation;
  s->report.state = status == PLT_OK ? PLT_CHILD_RUNNING : PLT_CHILD_ENDED;
  s->report.ending = (plt_ending_t){.status = status};
  if (status != PLT_OK) snprintf(s->report.ending.text, sizeof s->report.ending.text, "%s", plt_fail_text());
  s->interrupted = false;
  plt_log(PLT_LOG_INFO, "generation %u: %s started as process %d", directive->generation, directive->turn.task->name,
          (int)s->child.pid);
}

static void stop_child(plt_supervisor_t *s, uint32_t generation) {
  plt_child_kill(&s->child);
  s->report.state = PLT_CHILD_IDLE;
  s->report.generation = generation;
  s->report.ending = (plt_ending_t){0};
}

bool plt_supervisor_obey(plt_supervisor_t *s, const plt_directive_t *directive) {
  switch (directive->want) {
    case PLT_WANT_FINISH: plt_child_kill(&s->child); return false;
    case PLT_WANT_STOP:
      if (s->report.state != PLT_CHILD_IDLE || s->report.generation != directive->generation)
        stop_child(s, directive->generation);
      return true;
    case PLT_WANT_RUN:
      if (directive->generation > s->report.generation) {
        plt_child_kill(&s->child);
        start_child(s, directive);
      }
      if (directive->interrupt && !s->interrupted && directive->generation == s->report.generation &&
          !s->brief->is_server && s->brief->number == 0) {
        plt_child_interrupt(&s->child);
        s->interrupted = true;
      }
      return true;
  }
  return true;
}

bool plt_supervisor_look(plt_supervisor_t *s) {
  bool changed = false;
  if (!s->report.wants_interrupt && atomic_load(s->signalled) != 0) changed = s->report.wants_interrupt = true;
  const plt_ending_t *ending = &s->report.ending;
  if (plt_child_reap(&s->child, &s->report.ending)) {
    s->report.state = PLT_CHILD_ENDED;
    plt_log(PLT_LOG_INFO, "child ended: %s%s%s", plt_status_text(ending->status), ending->text[0] == '\0' ? "" : ": ",
            ending->text);
    changed = true;
  }
  return changed;
}

bool plt_supervisor_is_orphaned(const plt_supervisor_t *s) { return getppid() != s->launcher; }

plt_status_t plt_supervisor_connect(plt_supervisor_t *s, const char *address) {
  s->wire = plt_wire_create();
  PLT_TRY(plt_brief_secure(s->brief, s->wire));
  return plt_links_open(s->wire, &address, 1, &s->links);
}

void plt_supervisor_close(plt_supervisor_t *s) {
  plt_links_close(&s->links);
  plt_wire_destroy(&s->wire);
}

static plt_status_t send_report(plt_supervisor_t *s, plt_parcel_t *parcel) {
  PLT_TRY(plt_star_put_report(s->wire, &s->report, parcel));
  return plt_links_send(s->links, 0, parcel);
}

/* The conductor's messages that are there; *heard is when the last came. Returns whether to go on in *go_on. */
static plt_status_t take_directives(plt_supervisor_t *s, plt_parcel_t *parcel, int64_t *heard, bool *go_on) {
  for (bool got = true; got && *go_on;) {
    size_t server;
    plt_directive_t directive;
    PLT_TRY(plt_links_receive(s->links, 0, &server, parcel, &got));
    if (!got || plt_star_take_directive(parcel, &directive) != PLT_OK || directive.job != s->report.job) continue;
    *heard = plt_time_ns();
    *go_on = plt_supervisor_obey(s, &directive);
  }
  return PLT_OK;
}

/* Until FINISH, or until there is nobody to say it. */
static plt_status_t follow(plt_supervisor_t *s, double deadline_s, plt_parcel_t *parcel) {
  int64_t heard = plt_time_ns(), told = 0, round = 0;
  for (bool go_on = true; go_on;) {
    bool changed = plt_supervisor_look(s);
    int64_t now = plt_time_ns();
    if (plt_time_missed(&round) > 0) heard = now; /* it was stopped, say, and did not listen */
    if (changed || now - told >= TICK_MS * PLT_NS_PER_MS) {
      PLT_TRY(send_report(s, parcel));
      told = now;
    }
    if ((double)(now - heard) > deadline_s * (double)PLT_NS_PER_S)
      return plt_fail(
          PLT_ERR_DEADLINE,
          "rank %d: rank 0 on %s was not heard for %g s (cluster.deadline_s): its node seems lost; --resume goes on",
          s->rank, s->lead, deadline_s);
    if (plt_supervisor_is_orphaned(s))
      return plt_fail(PLT_ERR_PEER, "rank %d: what started it, process %d, is gone: it ends", s->rank,
                      (int)s->launcher);
    plt_links_wait(s->links, s->child.pid == 0 ? -1 : s->child.pidfd, TICK_MS);
    plt_child_state_t state = s->report.state;
    PLT_TRY(take_directives(s, parcel, &heard, &go_on));
    if (s->report.state != state) told = 0; /* say so at once */
  }
  s->report.state = PLT_CHILD_DISMISSED;
  send_report(s, parcel); /* if it is lost, the conductor waits a little in vain */
  return PLT_OK;
}

plt_status_t plt_supervisor_run(plt_supervisor_t *s, double deadline_s) {
  plt_parcel_t *parcel = plt_parcel_create();
  plt_status_t status = follow(s, deadline_s, parcel);
  plt_child_kill(&s->child);
  plt_parcel_destroy(&parcel);
  if (status != PLT_OK) plt_log(PLT_LOG_WARN, "%s", plt_fail_text());
  return status;
}
