/* planted_write.c - see planted.h: the folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"
#include "common/real.h"
#include "launch/data/inter_write.h"
#include "launch/data/pack.h"
#include "launch/data/planted.h"

static const char *const feature_names[PLT_PLANTED_FEATURES] = {"causal_feat.npy", "spurious_feat.npy"};

static plt_status_t write_feature(const plt_planted_t *planted, plt_planted_feature_t which, const char *folder) {
  char path[PLT_PATH_MAX];
  plt_npy_writer_t *writer = NULL;
  PLT_TRY(plt_path_join(folder, feature_names[which], path));
  PLT_TRY(plt_npy_writer_create(path, planted->items, planted->width, &writer));
  float *rows = plt_planted_features(planted, which);
  plt_status_t status = plt_npy_writer_append(writer, rows, planted->items);
  free(rows);
  if (status == PLT_OK) return plt_npy_writer_close(&writer);
  plt_npy_writer_abandon(&writer);
  return status;
}

/* "2,1,0", to be freed. */
static char *list_rho(const plt_planted_t *planted) {
  char *list = plt_mem_strdup("");
  for (uint32_t e = 0; e < planted->environments; e++) {
    char rho[PLT_REAL_TEXT];
    list = plt_mem_append(list, e == 0 ? "" : ",", plt_real_text(planted->rho[e], rho));
  }
  return list;
}

static plt_status_t write_readme(const plt_planted_t *planted, const char *folder, const char *name) {
  char *rho = list_rho(planted), rho_shift[PLT_REAL_TEXT], kappa[PLT_REAL_TEXT], trend[PLT_REAL_TEXT],
       pop[PLT_REAL_TEXT], noise[PLT_REAL_TEXT];
  char *text = plt_mem_print(
      "Invented data: no user and no item of this folder exists.\n\n"
      "Made by\n"
      "  plateau data synth --kind planted -o %s --seed %llu --users %u --items %u --latent %u --width %u --rho %s \\\n"
      "    --rho-shift %s --kappa %s --trend %s --pop %s --noise %s --n-train %u --n-valid %u --n-test "
      "%u \\\n"
      "    --n-shift %u%s\n\n"
      "Users choose by taste, which causal_feat.npy tells of, and by style, which spurious_feat.npy tells of. Which "
      "style\n"
      "is in fashion, and how it draws a user, changes from environment to environment (column environment, from 0) "
      "and\n"
      "is reversed in the last one, the shift (x_label 3). x_label 0 is training, 1 validation, 2 test.\n",
      name, (unsigned long long)planted->seed, planted->users, planted->items, planted->latent, planted->width, rho,
      plt_real_text(planted->rho_shift, rho_shift), plt_real_text(planted->kappa, kappa),
      plt_real_text(planted->trend, trend), plt_real_text(planted->pop, pop), plt_real_text(planted->noise, noise),
      planted->n_train, planted->n_valid, planted->n_test, planted->n_shift, planted->packs ? " --pack" : "");
  free(rho);
  return plt_folder_tell(folder, &text);
}

static plt_status_t write_all(const plt_planted_t *planted, plt_interactions_t **rows, const char *folder,
                              const char *name) {
  PLT_TRY(plt_folder_write(folder, name, rows, planted->packs, planted->threads));
  for (plt_planted_feature_t f = 0; f < PLT_PLANTED_FEATURES; f++) PLT_TRY(write_feature(planted, f, folder));
  return write_readme(planted, folder, name);
}

plt_status_t plt_planted_write(const plt_planted_t *planted, plt_interactions_t **rows, const char *folder) {
  char *name = NULL;
  plt_status_t status = plt_folder_name(folder, &name);
  if (status == PLT_OK) status = write_all(planted, rows, folder, name);
  free(name);
  plt_interactions_destroy(rows);
  return status;
}
