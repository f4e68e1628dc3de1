/* handover.c - see handover.h. */
#include "worker/procedures/handover.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/io/manifest.h"
#include "common/log.h"
#include "worker/session/import.h"
#include "worker/train/save.h"

/* Waits for all workers; what worker 0 was told meanwhile is known to all then. */
static plt_status_t meet(plt_trainer_t *t) {
  char at[72], name[96];
  double stops = plt_trainer_flags(t) & PLT_FLAG_STOP ? 1 : 0;
  snprintf(at, sizeof at, "end of a stage at clock %" PRIu64, t->clock);
  plt_trainer_name(t, at, name);
  PLT_TRY(plt_client_sum(t->session->client, name, &stops, 1));
  return stops > 0 ? plt_trainer_stop(t) : PLT_OK;
}

/* The clock of the tables that are handed on; their checkpoint is looked at, if they are to come from one. */
static plt_status_t choose_source(const plt_trainer_t *t, uint64_t *clock) {
  char name[32], dir[PLT_PATH_MAX];
  plt_manifest_t manifest;
  *clock = t->p.has_best ? t->p.best_clock : t->clock;
  if (*clock == t->clock || !plt_trainer_is_first(t)) return PLT_OK;
  if (t->plan->run_dir == NULL)
    return plt_fail(PLT_ERR_USAGE, "a stage that validates hands on its best tables: that needs a run directory");
  snprintf(name, sizeof name, "%" PRIu64, *clock);
  PLT_TRY(plt_manifest_load(t->plan->run_dir, name, &manifest, dir));
  plt_manifest_clear(&manifest);
  return PLT_OK;
}

/* Worker 0: the tables of the leg that begins. */
static plt_status_t make_tables(plt_trainer_t *t, uint64_t from) {
  const plt_leg_t *leg = t->plan->leg;
  plt_client_t *client = t->session->client;
  size_t handed = 0;
  PLT_TRY(plt_client_enter(client, from, (uint32_t)leg->n_tables));
  for (uint32_t i = 0; i < leg->n_tables; i++) {
    plt_table_spec_t spec;
    plt_leg_spec(leg, i, &spec);
    PLT_TRY(plt_client_declare_one(client, i, &spec, !leg->tables[i].is_handed));
    handed += leg->tables[i].is_handed;
  }
  for (uint32_t i = 0; i < leg->n_tables; i++)
    if (!leg->tables[i].is_handed) PLT_TRY(plt_import_birth(client, t->plan, i, leg->tables[i].salt));
  plt_log(PLT_LOG_INFO, "%zu of %zu tables are handed on, as they were at clock %" PRIu64, handed, leg->n_tables, from);
  return PLT_OK;
}

plt_status_t plt_trainer_hand_over(plt_trainer_t *t, const plt_leg_t *next) {
  uint64_t from;
  PLT_TRY(meet(t));
  PLT_TRY(choose_source(t, &from));
  plt_trainer_begin_slot(t, next->slot);
  if (plt_trainer_is_first(t)) PLT_TRY(make_tables(t, from));
  PLT_TRY(plt_trainer_barrier(t, "tables"));
  return plt_trainer_is_first(t) ? PLT_OK : plt_session_declare(t->session);
}
