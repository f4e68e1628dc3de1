/* state.c - see state.h. */
#include "worker/train/state.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/time.h"

bool plt_trainer_is_first(const plt_trainer_t *t) { return t->session->worker == 0; }

bool plt_trainer_is_used_up(const plt_trainer_t *t) {
  return t->plan->max_steps != 0 && t->clock >= t->plan->max_steps;
}

void plt_trainer_count(plt_trainer_t *t, plt_view_phase_t phase, int64_t begin_ns, int64_t *sum) {
  int64_t end_ns = plt_time_ns();
  *sum += end_ns - begin_ns;
  plt_trace_span(t->view.trace, plt_view_key(phase), begin_ns, end_ns);
}

void plt_trainer_begin_slot(plt_trainer_t *t, uint32_t slot) {
  plt_session_go_to(t->session, slot);
  t->plan = t->session->plan;
  t->p = (plt_progress_t){.stage = slot, .begin_clock = t->clock, .gradients = t->p.gradients, .seconds = t->p.seconds};
}

void plt_trainer_touch(plt_trainer_t *t) { t->saved_clock = UINT64_MAX; }

void plt_trainer_name(const plt_trainer_t *t, const char *what, char out[96]) {
  if (t->p.stage == 0)
    snprintf(out, 96, "%s", what);
  else
    snprintf(out, 96, "%s, slot %" PRIu32, what, t->p.stage);
}

plt_status_t plt_trainer_barrier(plt_trainer_t *t, const char *what) {
  char at[72], name[96];
  snprintf(at, sizeof at, "%s at clock %" PRIu64, what, t->clock);
  plt_trainer_name(t, at, name);
  return plt_session_barrier(t->session, name);
}
