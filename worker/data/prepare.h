/* prepare.h - features made ready for a run: what data.scale and data.missing say of each modality is worked out, or
 * taken from where a run has kept it.
 *
 *   begins     files ─▶ measured ─▶ RUN/features.json     goes on, is evaluated or exported     RUN/features.json
 *   init.from  DIR/features.json, where an export has left one; modalities that are not in it are measured
 *
 * The file holds doubles that read back to the same bits (docs/run-directory.md, "The directory").
 * Ownership  figures are the data set's.
 * Threads    one, before others see the data set.
 * Errors     PLT_ERR_USAGE: data.scale names what is no modality, or another scale than the figures were made for.
 *            PLT_ERR_DATA: an item without features that may not be, nobody who has any, figures that are damaged, not
 *            there, or of other columns. Of keep: those of plt_file_publish(). */
#ifndef PLT_WORKER_DATA_PREPARE_H
#define PLT_WORKER_DATA_PREPARE_H

#include "worker/data/dataset.h"

#define PLT_KEPT_FILE "features.json"

/* The features of data just opened, as the configuration wants them; kept as in plt_dataset_from_config(). */
plt_status_t plt_features_prepare(const plt_config_t *config, const plt_kept_t *kept, plt_dataset_t *data);
/* Every item has every modality, or the first that has not is told. */
plt_status_t plt_features_complete(const plt_dataset_t *data);
/* Whether rows are made otherwise than the files have them. */
bool plt_features_are_prepared(const plt_dataset_t *data);
/* Writes `directory`/features.json; where nothing is to be kept there is none afterwards. */
plt_status_t plt_features_keep(const plt_dataset_t *data, const char *directory);

#endif
