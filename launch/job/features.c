/* features.c - see features.h. */
#include "launch/job/features.h"

#include "common/io/fileio.h"
#include "common/log.h"
#include "worker/data/features.h"
#include "worker/data/prepare.h"

/* The directory that the first stage of those that have one starts from; NULL: none has. */
static const char *initial_tables(const plt_job_t *job) {
  for (size_t i = 0; i < job->n_stages; i++)
    if (job->procedure->stages[i].plan.init_from != NULL) return job->procedure->stages[i].plan.init_from;
  return NULL;
}

plt_status_t plt_job_open_data(plt_job_t *job, bool begins) {
  const char *directory = begins ? initial_tables(job) : plt_config_text(job->config, "run.dir");
  char path[PLT_PATH_MAX];
  plt_kept_t kept = {.path = path, .is_whole = !begins};
  if (directory == NULL) return plt_dataset_from_config(job->config, NULL, &job->data);
  PLT_TRY(plt_path_join(directory, PLT_KEPT_FILE, path));
  return plt_dataset_from_config(job->config, &kept, &job->data);
}

plt_status_t plt_job_keep_features(const plt_job_t *job) {
  return plt_features_keep(job->data, plt_config_text(job->config, "run.dir"));
}

void plt_job_say_scales(const plt_job_t *job) {
  const plt_dataset_t *data = job->data;
  const plt_feature_t *least = NULL, *most = NULL;
  double low = 0, high = 0;
  if (!job->plan.model->ops->uses_features || data->n_features < 2) return;
  for (size_t m = 0; m < data->n_features; m++) {
    double deviation = plt_feature_deviation(&data->features[m], data->items);
    if (!(deviation > 0)) continue;
    if (least == NULL || deviation < low) least = &data->features[m], low = deviation;
    if (most == NULL || deviation > high) most = &data->features[m], high = deviation;
  }
  if (least == NULL || high <= PLT_SCALES_APART * low) return;
  plt_log(
      PLT_LOG_NOTE,
      "features of very different scale: %s has deviation %.3g, %s %.3g; data.scale: standard or unit makes them alike "
      "(docs/data.md, \"Scale\")",
      most->name, high, least->name, low);
}
