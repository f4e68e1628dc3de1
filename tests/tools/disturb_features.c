/* disturb_features.c - DATA OUT noise|replace AMOUNT SEED FILE...: the features FILE of DATA, disturbed as
 * `plateau evaluate` disturbs them, into the folder OUT. So its figures can be had from files, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"
#include "worker/data/disturb.h"
#include "worker/data/features.h"

static plt_status_t write_feature(const plt_feature_t *feature, uint32_t items, const char *folder, const char *file) {
  char path[PLT_PATH_MAX];
  plt_npy_writer_t *writer;
  PLT_TRY(plt_path_join(folder, file, path));
  PLT_TRY(plt_npy_writer_create(path, items, feature->array.cols, &writer));
  float *row = plt_mem_alloc(feature->array.cols * sizeof *row);
  plt_status_t status = PLT_OK;
  for (uint32_t i = 0; i < items && status == PLT_OK; i++) {
    plt_feature_row(feature, i, row);
    status = plt_npy_writer_append(writer, row, 1);
  }
  free(row);
  if (status == PLT_OK) return plt_npy_writer_close(&writer);
  plt_npy_writer_abandon(&writer);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 7) return 64;
  const char *const *files = (const char *const *)(argv + 6);
  const size_t n = (size_t)argc - 6;
  plt_dataset_t *data = NULL;
  const plt_disturbance_t disturbance = {
      .kind = strcmp(argv[3], plt_disturb_names[PLT_DISTURB_NOISE]) == 0 ? PLT_DISTURB_NOISE : PLT_DISTURB_REPLACE,
      .amount = strtod(argv[4], NULL),
      .seed = strtoull(argv[5], NULL, 10)};
  plt_status_t status = plt_dataset_open(argv[1], NULL, files, n, &data);
  plt_dataset_t *disturbed = status == PLT_OK ? plt_disturb_create(data, &disturbance) : NULL;
  for (size_t m = 0; m < n && status == PLT_OK; m++)
    status = write_feature(&disturbed->features[m], data->items, argv[2], files[m]);
  if (status != PLT_OK) fprintf(stderr, "%s\n", plt_fail_text());
  plt_disturb_destroy(&disturbed);
  if (data != NULL) plt_dataset_destroy(&data);
  return plt_status_exit(status);
}
