/* synth_write.c - see synth.h: an invented world as the files of an MMRec folder. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/npy.h"
#include "common/mem.h"
#include "common/real.h"
#include "common/rng.h"
#include "launch/data/inter_write.h"
#include "launch/data/pack.h"
#include "launch/data/synth.h"

enum { PRIVATE_FACTORS = 8 }; /* what a modality knows of an item that no user cares about */

static const double signal_scale = 4.0; /* of the shared factors, whose rows have length 1 */

/* x_label of pair i of a user whose pairs end before `end`. */
static plt_part_t part_of(uint64_t i, uint64_t end, uint64_t held_out) {
  return i >= end - held_out ? PLT_PART_TEST : i >= end - 2 * held_out ? PLT_PART_VALID : PLT_PART_TRAIN;
}

/* The rows that a reader of the text has. */
static plt_interactions_t *make_rows(const plt_synth_t *synth, const plt_synth_world_t *world, const char *name) {
  plt_interactions_t *rows = plt_mem_zalloc(1, sizeof *rows);
  *rows = (plt_interactions_t){.name = plt_mem_strdup(""),
                               .source = plt_mem_strdup(name),
                               .row = plt_mem_alloc(synth->interactions * sizeof *rows->row),
                               .users = synth->users,
                               .items = synth->items};
  for (uint32_t user = 0; user < synth->users; user++) {
    uint64_t first = world->offset[user], end = world->offset[user + 1], held_out = plt_synth_held_out(end - first);
    for (uint64_t i = first; i < end; i++)
      rows->row[rows->n++] = (plt_interaction_t){user, world->item[i], 0, (uint16_t)part_of(i, end, held_out), 0};
  }
  return rows;
}

static void fill_normal(plt_rng_key_t key, uint32_t row, float *out, uint32_t n) {
  for (uint32_t i = 0; i < n; i += 4) {
    plt_rng_block_t draw = plt_rng_draw(key, row, i / 4, 0, 0);
    double value[4];
    plt_rng_normal(draw.word[0], draw.word[1], value);
    plt_rng_normal(draw.word[2], draw.word[3], value + 2);
    for (uint32_t j = 0; j < 4 && i + j < n; j++) out[i + j] = (float)value[j];
  }
}

/* out = [scale * w_i, private_i] P / sqrt(scale^2 + private factors) + noise * N(0, 1). `hidden` is scratch. */
static void project(const plt_synth_t *synth, const plt_synth_world_t *world, const float *projection, uint32_t item,
                    plt_rng_key_t own, plt_rng_key_t noise, uint32_t cols, float *hidden, float *out) {
  uint32_t factors = synth->factors, all = factors + PRIVATE_FACTORS;
  for (uint32_t f = 0; f < factors; f++)
    hidden[f] = (float)signal_scale * world->item_factors[(size_t)item * factors + f];
  fill_normal(own, item, hidden + factors, PRIVATE_FACTORS);
  fill_normal(noise, item, out, cols);
  float unit = (float)(1 / sqrt(signal_scale * signal_scale + PRIVATE_FACTORS));
  for (uint32_t c = 0; c < cols; c++) out[c] *= (float)synth->noise;
  for (uint32_t f = 0; f < all; f++) {
    const float *axis = projection + (size_t)f * cols;
    float weight = hidden[f] * unit;
    for (uint32_t c = 0; c < cols; c++) out[c] += weight * axis[c];
  }
}

static plt_status_t append_rows(const plt_synth_t *synth, const plt_synth_world_t *world,
                                const plt_synth_modality_t *modality, plt_npy_writer_t *writer) {
  uint64_t salt = 0; /* each modality has its own noise, by its name */
  for (const char *c = modality->name; *c != '\0'; c++) salt = salt * 257 + (unsigned char)*c;
  plt_rng_key_t axes = plt_rng_key(synth->seed, "synth projection", salt);
  plt_rng_key_t own = plt_rng_key(synth->seed, "synth private", salt);
  plt_rng_key_t noise = plt_rng_key(synth->seed, "synth noise", salt);
  uint32_t all = synth->factors + PRIVATE_FACTORS, cols = modality->cols;
  float *projection = plt_mem_alloc((size_t)all * cols * sizeof *projection);
  float *hidden = plt_mem_alloc(all * sizeof *hidden), *row = plt_mem_alloc(cols * sizeof *row);
  for (uint32_t f = 0; f < all; f++) fill_normal(axes, f, projection + (size_t)f * cols, cols);
  plt_status_t status = PLT_OK;
  for (uint32_t item = 0; item < synth->items && status == PLT_OK; item++) {
    project(synth, world, projection, item, own, noise, cols, hidden, row);
    status = plt_npy_writer_append(writer, row, 1);
  }
  free(row);
  free(hidden);
  free(projection);
  return status;
}

static plt_status_t write_feature(const plt_synth_t *synth, const plt_synth_world_t *world, const char *folder,
                                  const plt_synth_modality_t *modality) {
  char path[PLT_PATH_MAX];
  char *file = plt_mem_print("%s_feat.npy", modality->name);
  plt_status_t status = plt_path_join(folder, file, path);
  free(file);
  PLT_TRY(status);
  plt_npy_writer_t *writer = NULL;
  PLT_TRY(plt_npy_writer_create(path, synth->items, modality->cols, &writer));
  status = append_rows(synth, world, modality, writer);
  if (status == PLT_OK) return plt_npy_writer_close(&writer);
  plt_npy_writer_abandon(&writer);
  return status;
}

static plt_status_t write_readme(const plt_synth_t *synth, const char *folder, const char *name) {
  char modalities[1024] = "", noise[PLT_REAL_TEXT];
  for (size_t i = 0; i < synth->n_modalities; i++) {
    size_t used = strlen(modalities);
    snprintf(modalities + used, sizeof modalities - used, "%s%s:%u", i == 0 ? "" : ",", synth->modalities[i].name,
             synth->modalities[i].cols);
  }
  char *text = plt_mem_print(
      "Invented data: no user and no item of this folder exists.\n\n"
      "Made by\n"
      "  plateau data synth %s --users %u --items %u --interactions %llu --factors %u --noise %s --pool %u --seed "
      "%llu%s%s%s\n\n"
      "Users and items are points in %u dimensions, in clusters. A user takes items that are near and popular;\n"
      "activity and popularity follow power laws. A feature row is the item's point and %d private factors through a\n"
      "random projection, plus noise of standard deviation %s (the signal's is about 1).\n"
      "%s%s: x_label 0 is training, 1 validation, 2 test, for each user a tenth of the items in\n"
      "each of the last two, at least one; users with fewer than three items have training pairs only.\n",
      name, synth->users, synth->items, (unsigned long long)synth->interactions, synth->factors,
      plt_real_text(synth->noise, noise), synth->pool, (unsigned long long)synth->seed,
      synth->n_modalities > 0 ? " --modalities " : "", modalities, synth->packs ? " --pack" : "", synth->factors,
      PRIVATE_FACTORS, noise, name, synth->packs ? PLT_PACK_SUFFIX : PLT_INTER_SUFFIX);
  return plt_folder_tell(folder, &text);
}

plt_status_t plt_synth_write(const plt_synth_t *synth, const plt_synth_world_t *world, const char *folder) {
  char *name;
  PLT_TRY(plt_folder_name(folder, &name));
  plt_interactions_t *rows = make_rows(synth, world, name);
  plt_status_t status = plt_folder_write(folder, name, &rows, synth->packs, synth->threads);
  for (size_t i = 0; i < synth->n_modalities && status == PLT_OK; i++)
    status = write_feature(synth, world, folder, &synth->modalities[i]);
  if (status == PLT_OK) status = write_readme(synth, folder, name);
  free(name);
  return status;
}
