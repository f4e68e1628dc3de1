/* session.c - see session.h. */
#include "worker/session/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "common/log.h"
#include "worker/math/kernels.h"
#include "worker/session/import.h"

double plt_plan_eta(const plt_plan_t *plan, uint32_t epoch) {
  return plan->lr * pow(plan->schedule[0], (double)epoch / plan->schedule[1]);
}

plt_status_t plt_session_barrier(plt_session_t *session, const char *name) {
  double one = 1;
  return plt_client_sum(session->client, name, &one, 1);
}

static plt_status_t begin(plt_session_t *session) {
  const plt_plan_t *plan = session->plan;
  PLT_TRY(plt_client_declare(session->client, 0, plan->specs, plan->model->n_tables));
  if (!session->resumed && plt_import_is_due(plan)) {
    if (session->worker == 0) PLT_TRY(plt_import_tables(session->client, plan));
    PLT_TRY(plt_session_barrier(session, "initial tables"));
  }
  return PLT_OK;
}

plt_status_t plt_session_run(const plt_plan_t *plan, plt_wire_t *wire, const plt_client_config_t *config,
                             plt_session_fn work, void *context) {
  plt_session_t session = {
      .plan = plan, .worker = config->number, .job = config->job, .generation = config->generation};
  plt_kernels_init();
  PLT_TRY(plt_client_open(wire, config, &session.clock, &session.resumed, &session.progress, &session.client));
  session.crew = plt_crew_create(plan->threads);
  plt_log(PLT_LOG_INFO,
          "worker %" PRIu32 " of %" PRIu32 ": %zu threads, OpenBLAS for %s, %" PRIu32 " servers, clock %" PRIu64,
          config->number, config->workers, plt_crew_size(session.crew), plt_kernels_core(), config->n_servers,
          session.clock);
  plt_status_t status = begin(&session);
  if (status == PLT_OK) status = work(&session, context);
  char text[PLT_TEXT_MAX];
  snprintf(text, sizeof text, "%s", plt_fail_text());
  plt_client_bye(session.client, status, text);
  if (status != PLT_OK) plt_fail(status, "%s", text); /* bye may have failed in its turn */
  plt_crew_destroy(&session.crew);
  plt_client_close(&session.client);
  return status;
}
