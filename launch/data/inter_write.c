/* inter_write.c - see inter_write.h. */
#include "launch/data/inter_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/data/pack.h"

enum { LINE_BYTES = 40 /* two 32-bit numbers, a label, a 16-bit number, separators */ };

plt_status_t plt_inter_write(const plt_interactions_t *rows, const char *path) {
  char *text = plt_mem_alloc((rows->n + 2) * LINE_BYTES), *at = text;
  at += sprintf(at, "userID\titemID\tx_label%s\n", rows->has_environments ? "\tenvironment" : "");
  for (uint64_t i = 0; i < rows->n; i++) {
    const plt_interaction_t *row = &rows->row[i];
    at += sprintf(at, "%" PRIu32 "\t%" PRIu32 "\t%u", row->user, row->item, row->part);
    if (rows->has_environments) at += sprintf(at, "\t%u", row->environment);
    *at++ = '\n';
  }
  plt_status_t status = plt_file_publish(path, text, (size_t)(at - text));
  free(text);
  return status;
}

plt_status_t plt_folder_name(const char *folder, char **name) {
  char *real = realpath(folder, NULL); /* so that "." and "a/" have names */
  if (real == NULL) return plt_fail_errno(PLT_ERR_CREATE, "%s", folder);
  const char *slash = strrchr(real, '/');
  *name = plt_mem_strdup(slash[1] != '\0' ? slash + 1 : "data");
  free(real);
  return PLT_OK;
}

static plt_status_t write_rows(plt_interactions_t **rows, bool packs, size_t threads, const char *path) {
  if (!packs) return plt_inter_write(*rows, path);
  plt_packed_t packed = {0};
  plt_status_t status = plt_data_pack_rows(rows, path, (uint32_t)threads, &packed);
  free(packed.path);
  return status;
}

plt_status_t plt_folder_write(const char *folder, const char *name, plt_interactions_t **rows, bool packs,
                              size_t threads) {
  char path[PLT_PATH_MAX];
  plt_status_t status = plt_path_file(folder, name, packs ? PLT_PACK_SUFFIX : PLT_INTER_SUFFIX, path);
  if (status == PLT_OK) status = write_rows(rows, packs, threads, path);
  plt_interactions_destroy(rows);
  return status;
}

plt_status_t plt_folder_tell(const char *folder, char **text) {
  char path[PLT_PATH_MAX];
  plt_status_t status = plt_path_join(folder, "README.txt", path);
  if (status == PLT_OK) status = plt_file_publish(path, *text, strlen(*text));
  free(*text);
  *text = NULL;
  return status;
}
