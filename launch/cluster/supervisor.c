/* supervisor.c - see supervisor.h. */
#include "launch/cluster/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/time.h"

enum { TICK_MS = 1000, LAST_WORD_S = 1 };

static void start_child(plt_supervisor_t *s, const plt_order_t *order) {
  plt_runtime_t runtime = *s->base; /* a shallow copy: nothing of it is freed here */
  runtime.task = order->task;
  runtime.keeps = order->task == PLT_TASK_TRAIN || order->task == PLT_TASK_CONCLUDE;
  runtime.generation = order->generation;
  runtime.restore = (char *)(uintptr_t)order->restore;
  runtime.end_epoch = order->end_epoch;
  runtime.end_gradients = order->end_gradients;
  runtime.end_seconds = order->end_seconds;
  char *text = plt_runtime_encode(&runtime);
  plt_status_t status =
      plt_child_spawn(runtime.is_server ? "server" : "worker", runtime.number, s->sockets, text, &s->child);
  explicit_bzero(text, strlen(text)); /* it holds the secret */
  free(text);
  s->report.generation = order->generation;
  s->report.state = status == PLT_OK ? PLT_CHILD_RUNNING : PLT_CHILD_ENDED;
  s->report.end = (plt_child_end_t){.status = status};
  if (status != PLT_OK) snprintf(s->report.end.text, sizeof s->report.end.text, "%s", plt_fail_text());
  s->interrupted = false;
  plt_log(PLT_LOG_INFO, "generation %u: %s started as process %d", order->generation, plt_task_names[order->task],
          (int)s->child.pid);
}

static void stop_child(plt_supervisor_t *s, uint32_t generation) {
  plt_child_kill(&s->child);
  s->report.state = PLT_CHILD_IDLE;
  s->report.generation = generation;
  s->report.end = (plt_child_end_t){0};
}

bool plt_supervisor_obey(plt_supervisor_t *s, const plt_order_t *order) {
  switch (order->want) {
    case PLT_WANT_FINISH: plt_child_kill(&s->child); return false;
    case PLT_WANT_STOP:
      if (s->report.state != PLT_CHILD_IDLE || s->report.generation != order->generation)
        stop_child(s, order->generation);
      return true;
    case PLT_WANT_RUN:
      if (order->generation > s->report.generation) {
        plt_child_kill(&s->child);
        start_child(s, order);
      }
      if (order->interrupt && !s->interrupted && order->generation == s->report.generation && !s->base->is_server &&
          s->base->number == 0) {
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
  if (plt_child_reap(&s->child, &s->report.end)) {
    s->report.state = PLT_CHILD_ENDED;
    plt_log(PLT_LOG_INFO, "child ended: %s: %s", plt_status_text(s->report.end.status), s->report.end.text);
    changed = true;
  }
  return changed;
}

bool plt_supervisor_is_orphaned(const plt_supervisor_t *s) { return getppid() != s->launcher; }

static plt_status_t send_report(plt_supervisor_t *s, plt_wire_t *wire, plt_links_t *links, plt_parcel_t *parcel) {
  char *text = plt_report_encode(&s->report);
  plt_star_fill(wire, text, parcel);
  free(text);
  return plt_links_send(links, 0, parcel);
}

int plt_supervisor_run(plt_supervisor_t *s, const char *conductor, double deadline_s) {
  plt_wire_t *wire = plt_wire_create();
  plt_links_t *links = NULL;
  plt_parcel_t *parcel = plt_parcel_create();
  plt_order_t order = {.code = plt_status_exit(PLT_ERR_PEER)};
  int64_t heard = plt_time_ns(), told = 0;
  plt_status_t status = plt_runtime_secure(s->base, wire);
  if (status == PLT_OK) status = plt_links_open(wire, &conductor, 1, &links);
  for (bool go_on = true; go_on && status == PLT_OK;) {
    bool changed = plt_supervisor_look(s), got = true;
    int64_t now = plt_time_ns();
    if (changed || now - told >= TICK_MS * PLT_NS_PER_MS) {
      status = send_report(s, wire, links, parcel);
      told = now;
    }
    if ((double)(now - heard) > deadline_s * (double)PLT_NS_PER_S) {
      plt_fail(
          PLT_ERR_DEADLINE,
          "rank %d: rank 0 on %s was not heard for %g s (cluster.deadline_s): its node seems lost; --resume goes on",
          s->rank, s->lead, deadline_s);
      plt_log(PLT_LOG_WARN, "%s", plt_fail_text());
      if (s->rank == 1) fprintf(stderr, "plateau: error: %s\n", plt_fail_text()); /* rank 0 cannot; one is enough */
      break;
    }
    if (plt_supervisor_is_orphaned(s)) {
      plt_log(PLT_LOG_WARN, "rank %d: what started it, process %d, is gone: it ends", s->rank, (int)s->launcher);
      break;
    }
    plt_links_wait(links, s->child.pid == 0 ? -1 : s->child.pidfd, TICK_MS);
    while (got && go_on && status == PLT_OK) {
      size_t server, bytes;
      plt_order_t next;
      status = plt_links_receive(links, 0, &server, parcel, &got);
      if (status != PLT_OK || !got || plt_parcel_frames(parcel) != 1) continue;
      const char *text = plt_parcel_frame(parcel, 0, &bytes);
      if (plt_order_decode(text, bytes, &next) != PLT_OK || next.job != s->report.job) continue;
      plt_child_state_t state = s->report.state;
      heard = plt_time_ns();
      order = next;
      go_on = plt_supervisor_obey(s, &order);
      if (s->report.state != state) told = 0; /* say so at once */
    }
  }
  plt_child_kill(&s->child);
  plt_parcel_destroy(&parcel);
  plt_links_close(&links);
  plt_wire_destroy(&wire);
  if (order.want != PLT_WANT_FINISH) return plt_status_exit(PLT_ERR_PEER);
  /* The launcher ends all ranks at the first bad code: rank 0's is to come first, behind its message. */
  if (order.code != 0) nanosleep(&(struct timespec){.tv_sec = LAST_WORD_S}, NULL);
  return order.code;
}
