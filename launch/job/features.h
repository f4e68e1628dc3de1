/* features.h - the data of a job, their features as the run has them: scaled by figures that are measured when it
 * begins and kept in its directory (worker/data/prepare.h).
 *
 * Threads    the main thread, before the job runs.
 * Errors     those of the data set and of prepare.h; keep: PLT_ERR_CREATE, PLT_ERR_IO, PLT_ERR_SPACE. */
#ifndef PLT_LAUNCH_JOB_FEATURES_H
#define PLT_LAUNCH_JOB_FEATURES_H

#include "launch/job/job.h"

/* Opens job->data, once the stages' plans are read. begins: figures are those of init.from, where it has some, else
 * measured; else those of run.dir. */
plt_status_t plt_job_open_data(plt_job_t *job, bool begins);
/* Writes them into the run directory, which is there. */
plt_status_t plt_job_keep_features(const plt_job_t *job);
/* One line for each part that has pairs of training. */
void plt_job_say_leaks(const plt_job_t *job);
/* One line where modalities that the model reads have very different scales. */
void plt_job_say_scales(const plt_job_t *job);

#endif
