/* disturbed.c - see disturbed.h. */
#include "worker/session/disturbed.h"

#include <stdlib.h>

#include "common/mem.h"
#include "worker/graph/relation.h"

struct plt_disturbed_session {
  plt_session_t *session;
  const plt_plan_t *before;
  plt_plan_t plan;
  plt_dataset_t *data;
  plt_relations_t *relations; /* NULL: those of before */
};

plt_status_t plt_disturbed_check(const plt_session_t *session) {
  const plt_model_t *model = session->plan->model;
  if (!model->ops->uses_features)
    return plt_fail(PLT_ERR_USAGE, "model %s reads no features: there is nothing to disturb", model->ops->name);
  for (size_t t = 0; t < model->n_tables; t++)
    if (model->tables[t].initial != NULL)
      return plt_fail(PLT_ERR_USAGE,
                      "model %s has trained the features (model.train_features) and reads table %s in their place: "
                      "there is nothing to disturb",
                      model->ops->name, model->tables[t].name);
  return PLT_OK;
}

static bool has_item_graph(const plt_model_t *model) {
  for (size_t r = 0; r < model->programme.n_relations; r++)
    if (model->programme.relation[r].kind == PLT_RELATION_ITEM_ITEM) return true;
  return false;
}

plt_status_t plt_disturbed_begin(plt_session_t *session, const plt_disturbance_t *disturbance,
                                 plt_disturbed_session_t **out) {
  const plt_programme_t *programme = &session->plan->model->programme;
  plt_status_t status = plt_disturbed_check(session);
  PLT_TRY(status);
  plt_disturbed_session_t *disturbed = plt_mem_zalloc(1, sizeof *disturbed);
  disturbed->session = session;
  disturbed->before = session->plan;
  disturbed->plan = *session->plan;
  disturbed->plan.data = disturbed->data = plt_disturb_create(session->plan->data, disturbance);
  if (has_item_graph(session->plan->model))
    status = plt_relations_open(disturbed->data, programme->relation, programme->n_relations, session->plan->threads,
                                NULL, &disturbed->relations);
  if (disturbed->relations != NULL) disturbed->plan.relations = disturbed->relations;
  session->plan = &disturbed->plan;
  if (status != PLT_OK) plt_disturbed_end(&disturbed);
  *out = disturbed;
  return status;
}

void plt_disturbed_end(plt_disturbed_session_t **disturbed) {
  if (*disturbed == NULL) return;
  (*disturbed)->session->plan = (*disturbed)->before;
  plt_relations_destroy(&(*disturbed)->relations);
  plt_disturb_destroy(&(*disturbed)->data);
  free(*disturbed);
  *disturbed = NULL;
}
