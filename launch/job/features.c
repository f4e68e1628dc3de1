/* features.c - see features.h. */
#include "launch/job/features.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/data/features.h"
#include "worker/data/prepare.h"

/* The directory that the first stage of those that have one starts from; NULL: none has. */
static const char *initial_tables(const plt_job_t *job) {
  if (job->warm.restore.given) return job->warm.run_dir;
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
  size_t least, most;
  if (!job->plan.model->ops->uses_features || data->n_features < 2) return;
  double *deviation = plt_mem_alloc(data->n_features * sizeof *deviation);
  for (size_t m = 0; m < data->n_features; m++) deviation[m] = plt_feature_deviation(&data->features[m], data->items);
  if (plt_feature_scales_differ(deviation, data->n_features, &least, &most))
    plt_log(PLT_LOG_NOTE,
            "features of very different scale: %s has deviation %.3g, %s %.3g; data.scale: standard or unit makes them "
            "alike (docs/data.md, \"Scale\")",
            data->features[most].name, deviation[most], data->features[least].name, deviation[least]);
  free(deviation);
}

/* Training items are not recommended: whoever is asked for one of them misses it, whatever the model has learnt. Packed
 * data are opened without reading them. */
void plt_job_say_leaks(const plt_job_t *job) {
  const plt_dataset_t *data = job->data;
  if (data->pack.map != NULL) return;
  for (plt_part_t part = PLT_PART_VALID; part < PLT_PARTS; part++) {
    plt_pair_t first;
    uint64_t count = plt_dataset_leaks(data, part, &first);
    if (count > 0)
      plt_log(PLT_LOG_WARN,
              "%s: %" PRIu64 " %s pairs, user %" PRIu32 " and item %" PRIu32
              " first, are training pairs, too: they can only be missed (plateau data check names them)",
              data->source, count, plt_part_names[part], first.user, first.item);
  }
}
