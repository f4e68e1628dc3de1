/* session.c - see session.h. */
#include "worker/session/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "common/log.h"
#include "worker/math/gemm.h"
#include "worker/math/kernels.h"
#include "worker/session/import.h"
#include "worker/session/procedure.h"

double plt_plan_eta(const plt_plan_t *plan, uint32_t epoch) {
  return plan->lr * pow(plan->schedule[0], (double)epoch / plan->schedule[1]);
}

/* A SUM has so many numbers at most. */
plt_status_t plt_session_sum(plt_session_t *session, const char *name, double *values, size_t n) {
  for (size_t at = 0; at < n; at += PLT_SUMS_MAX) {
    char part[PLT_TEXT_MAX];
    snprintf(part, sizeof part, "%.300s from %zu", name, at);
    PLT_TRY(plt_client_sum(session->client, part, values + at, n - at < PLT_SUMS_MAX ? n - at : PLT_SUMS_MAX));
  }
  return PLT_OK;
}

plt_status_t plt_session_barrier(plt_session_t *session, const char *name) {
  double one = 1;
  return plt_client_sum(session->client, name, &one, 1);
}

plt_status_t plt_session_look(const plt_session_t *session) {
  const atomic_int *interrupted = session->plan->interrupted;
  if (session->worker != 0 || interrupted == NULL || atomic_load(interrupted) == 0) return PLT_OK;
  if (session->run->run_dir == NULL) return plt_fail(PLT_ERR_STOPPED, "stopped by request");
  return plt_fail(PLT_ERR_STOPPED,
                  "stopped by request during an evaluation: plateau train %s --resume goes on from the last "
                  "checkpoint",
                  session->run->run_dir);
}

void plt_session_go_to(plt_session_t *session, uint32_t slot) {
  const plt_procedure_t *procedure = session->run->procedure;
  const plt_leg_t *leg = plt_procedure_leg(procedure, slot);
  plt_leg_plan(procedure, leg, slot, session->run, &session->of_leg);
  plt_sampler_destroy(&session->sampler);
  session->of_leg.sampler = session->sampler = plt_sampler_at(leg->stage->plan.sampler, slot);
  session->plan = &session->of_leg;
  session->n_tables = leg->n_tables;
}

void plt_session_place(plt_session_t *session, plt_sampler_t **sampler, plt_within_t within) {
  plt_sampler_destroy(&session->sampler);
  session->of_leg.sampler = session->sampler = *sampler;
  session->of_leg.within = within;
  *sampler = NULL;
}

void plt_session_spec(const plt_session_t *session, size_t i, plt_table_spec_t *out) {
  if (session->plan->leg == NULL)
    *out = session->plan->specs[i];
  else
    plt_leg_spec(session->plan->leg, i, out);
}

plt_status_t plt_session_declare(plt_session_t *session) {
  for (uint32_t i = 0; i < session->n_tables; i++) {
    plt_table_spec_t spec;
    plt_session_spec(session, i, &spec);
    PLT_TRY(plt_client_declare_one(session->client, i, &spec, false));
  }
  return PLT_OK;
}

/* The plan of where the tables stand. */
static plt_status_t find_place(plt_session_t *session) {
  const plt_procedure_t *procedure = session->run->procedure;
  session->plan = session->run;
  session->n_tables = session->run->model->n_tables;
  if (procedure == NULL) return PLT_OK;
  if (plt_procedure_leg(procedure, session->progress.stage) == NULL)
    return plt_fail(PLT_ERR_CHECKPOINT,
                    "the checkpoint stands at training number %" PRIu32 ", but the procedure is shorter",
                    session->progress.stage + 1);
  plt_session_go_to(session, session->progress.stage);
  return PLT_OK;
}

static plt_status_t begin(plt_session_t *session) {
  PLT_TRY(find_place(session));
  PLT_TRY(plt_session_declare(session));
  if (!session->resumed && plt_import_is_due(session->plan)) {
    if (session->worker == 0) PLT_TRY(plt_import_tables(session->client, session->plan));
    PLT_TRY(plt_session_barrier(session, "initial tables"));
  }
  return PLT_OK;
}

plt_status_t plt_session_run(const plt_plan_t *plan, plt_wire_t *wire, const plt_client_config_t *config,
                             plt_session_fn work, void *context) {
  plt_session_t session = {.run = plan, .worker = config->number, .job = config->job, .generation = config->generation};
  char products[PLT_GEMM_LABEL_MAX];
  plt_gemm_init();
  plt_gemm_label(products);
  PLT_TRY(plt_client_open(wire, config, &session.clock, &session.resumed, &session.progress, &session.client));
  session.crew = plt_crew_create(plan->threads);
  plt_log(PLT_LOG_INFO,
          "worker %" PRIu32 " of %" PRIu32 ": %zu threads, products by %s, %" PRIu32 " servers, clock %" PRIu64,
          config->number, config->workers, plt_crew_size(session.crew), products, config->n_servers, session.clock);
  plt_status_t status = begin(&session);
  if (status == PLT_OK) status = work(&session, context);
  plt_failure_t failure = {0}; /* bye may fail in its turn */
  plt_failure_keep(&failure, status);
  plt_client_bye(session.client, status, failure.text);
  plt_sampler_destroy(&session.sampler);
  plt_crew_destroy(&session.crew);
  plt_client_close(&session.client);
  return plt_failure_restore(&failure);
}
