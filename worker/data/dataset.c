/* dataset.c - see dataset.h.
 *
 * Training pairs are kept twice: in the order of the file, which the sampler permutes, and by user. Features, and
 * interactions that are packed, stay where they are, mapped; they are looked at once, when they are opened. */
#include "worker/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/data/derived.h"
#include "worker/data/features.h"
#include "worker/data/interactions.h"
#include "worker/data/pack.h"
#include "worker/data/prepare.h"
#include "worker/data/scaling.h"
#include "worker/data/source.h"
#include "worker/math/kernels.h"

const char *const plt_part_keys[PLT_PARTS] = {"train", "valid", "test", "shift"};
const char *const plt_part_names[PLT_PARTS] = {"train", "validation", "test", "shift"};

void plt_part_choose(const char *choice, bool parts[PLT_PARTS]) {
  bool all = strcmp(choice, "all") == 0, both = strcmp(choice, "both") == 0;
  for (plt_part_t part = 0; part < PLT_PARTS; part++)
    parts[part] =
        part != PLT_PART_TRAIN && (all || (both && part != PLT_PART_SHIFT) || strcmp(choice, plt_part_keys[part]) == 0);
}

static const plt_option_t rows[] = {
    {.key = "data.path",
     .type = PLT_OPT_PATH,
     .aka = "dataset|data_path|data_dir",
     .help = "Folder with the data: NAME.inter and *_feat.npy (MMRec), or train.txt and test.txt (LightGCN); NAME.pack "
             "(plateau data pack) stands for either. The path of a packed file names its folder."},
    {.key = "data.interactions",
     .type = PLT_OPT_TEXT,
     .aka = "inter_file_name",
     .help = "File in data.path with the interactions, a .inter or a .pack; needed when the folder holds those of more "
             "than one data set. Without it a packed file goes before its text."},
    {.key = "data.features",
     .type = PLT_OPT_TEXTS,
     .aka = "vision_feature_file|text_feature_file|feature_file",
     .help = "Feature files in data.path, one per modality, row = item id; models keep this order."},
    {.key = "data.scale",
     .type = PLT_OPT_CHOICES,
     .fallback = "none",
     .choices = PLT_SCALE_CHOICES,
     .help =
         "How features are scaled before anything reads them, all modalities alike or by the name of the feature "
         "file: {image: standard}. standard: each column to mean 0 and deviation 1; l2: each row to length 1; unit: "
         "all values of the modality by one factor to deviation 1 (docs/data.md)."},
    {.key = "data.missing",
     .type = PLT_OPT_CHOICE,
     .fallback = "mean",
     .choices = "mean|error",
     .help = "Items without a modality, whose row is NaN throughout: they get the mean of the items that have it, or "
             "the run is refused."},
    {.key = "data.full_users",
     .type = PLT_OPT_CHOICE,
     .fallback = "skip",
     .choices = "skip|error",
     .help = "Users who have all training items, for whom no negative can be drawn: their pairs are left out with a "
             "warning, or the run is refused. Models that draw from all items train on them."},
};

const plt_option_table_t plt_dataset_options = {"data", rows, sizeof rows / sizeof *rows};

/* The training pairs, in the order of the file: what the sampler permutes. */
static void take_training(plt_dataset_t *data, const plt_interactions_t *all) {
  for (uint64_t i = 0; i < all->n; i++) data->n_train += all->row[i].part == PLT_PART_TRAIN;
  data->train = plt_mem_alloc(data->n_train * sizeof *data->train);
  uint64_t n = 0;
  for (uint64_t i = 0; i < all->n; i++)
    if (all->row[i].part == PLT_PART_TRAIN) data->train[n++] = (plt_pair_t){all->row[i].user, all->row[i].item};
}

/* Their environments, in the same order. */
static void take_environments(plt_dataset_t *data, const plt_interactions_t *all) {
  if (!all->has_environments) return;
  data->environment = plt_mem_alloc(data->n_train * sizeof *data->environment);
  uint64_t n = 0;
  for (uint64_t i = 0; i < all->n; i++) {
    if (all->row[i].part != PLT_PART_TRAIN) continue;
    data->environment[n] = all->row[i].environment;
    if (data->environment[n] >= data->environments) data->environments = data->environment[n] + 1u;
    n++;
  }
}

/* Compressed rows of one part, from all pairs sorted by user and item. */
static void take_part(plt_user_items_t *part, const plt_interactions_t *sorted, plt_part_t which) {
  for (uint64_t i = 0; i < sorted->n; i++) part->n += sorted->row[i].part == which;
  if (part->n == 0) return;
  part->offset = plt_mem_zalloc((size_t)sorted->users + 1, sizeof *part->offset);
  for (uint64_t i = 0; i < sorted->n; i++)
    if (sorted->row[i].part == which) part->offset[sorted->row[i].user + 1]++;
  for (uint32_t user = 0; user < sorted->users; user++) part->offset[user + 1] += part->offset[user];
  part->item = plt_mem_alloc(part->n * sizeof *part->item);
  uint64_t n = 0;
  for (uint64_t i = 0; i < sorted->n; i++)
    if (sorted->row[i].part == which) part->item[n++] = sorted->row[i].item;
}

static uint64_t count_duplicates(const plt_user_items_t *part, uint32_t users) {
  uint64_t count = 0;
  for (uint32_t user = 0; user < users; user++)
    for (uint64_t i = part->offset[user] + 1; i < part->offset[user + 1]; i++)
      count += part->item[i] == part->item[i - 1];
  return count;
}

static void list_train_items(plt_dataset_t *data) {
  bool *seen = plt_mem_zalloc(data->items, sizeof *seen);
  for (uint64_t i = 0; i < data->n_train; i++) seen[data->train[i].item] = true;
  for (uint32_t item = 0; item < data->items; item++) data->n_train_items += seen[item];
  data->train_items = plt_mem_alloc(data->n_train_items * sizeof *data->train_items);
  uint32_t n = 0;
  for (uint32_t item = 0; item < data->items; item++)
    if (seen[item]) data->train_items[n++] = item;
  free(seen);
}

static plt_status_t take_rows(plt_dataset_t *data, plt_interactions_t *all) {
  data->name = plt_mem_strdup(all->name);
  data->source = plt_mem_strdup(all->source);
  data->users = all->users;
  data->items = all->items;
  take_training(data, all);
  if (data->n_train == 0)
    return plt_fail(PLT_ERR_DATA, "%s: no training pairs (x_label 0) among %llu rows", data->source,
                    (unsigned long long)all->n);
  take_environments(data, all);
  plt_interactions_sort(all);
  for (plt_part_t part = PLT_PART_TRAIN; part < PLT_PARTS; part++) take_part(&data->part[part], all, part);
  data->duplicates = count_duplicates(&data->part[PLT_PART_TRAIN], data->users);
  list_train_items(data);
  return PLT_OK;
}

plt_status_t plt_dataset_from_rows(plt_interactions_t **all, plt_dataset_t **out) {
  plt_dataset_t *data = plt_mem_zalloc(1, sizeof *data);
  plt_status_t status = take_rows(data, *all);
  plt_interactions_destroy(all);
  if (status == PLT_OK)
    *out = data;
  else
    plt_dataset_destroy(&data);
  return status;
}

/* The rows go before features are looked at: they are the larger part of the memory. */
static plt_status_t open_source(const plt_source_t *source, plt_dataset_t **out) {
  if (!source->is_pack) {
    plt_interactions_t *all = NULL;
    PLT_TRY(plt_interactions_read(source, NULL, &all));
    return plt_dataset_from_rows(&all, out);
  }
  plt_dataset_t *data = plt_mem_zalloc(1, sizeof *data);
  data->name = plt_mem_strdup(source->name);
  data->source = plt_mem_strdup(source->path);
  plt_status_t status = plt_pack_map(source->path, data);
  if (status == PLT_OK)
    *out = data;
  else
    plt_dataset_destroy(&data);
  return status;
}

static plt_status_t check_distinct(const plt_dataset_t *data, const plt_feature_t *feature) {
  for (const plt_feature_t *other = data->features; other < feature; other++)
    if (strcmp(other->name, feature->name) == 0)
      return plt_fail(PLT_ERR_DATA, "%s: a second feature named \"%s\"; the first is %s", feature->path, feature->name,
                      other->path);
  return PLT_OK;
}

static plt_status_t open_features(plt_dataset_t *data, const char *folder, const char *const *files, size_t n) {
  data->features = plt_mem_zalloc(n, sizeof *data->features);
  if (n > 0) data->derived = plt_derived_create();
  for (size_t i = 0; i < n; i++) {
    plt_feature_t *feature = &data->features[i];
    PLT_TRY(plt_feature_open(folder, files[i], feature));
    data->n_features++;
    PLT_TRY(check_distinct(data, feature));
    PLT_TRY(plt_feature_check(feature, data->items, &feature->missing, NULL));
  }
  return PLT_OK;
}

/* What a folder has, features as the files have them, with rows missing. */
static plt_status_t open_folder(const char *path, const char *interactions, const char *const *features,
                                size_t n_features, plt_dataset_t **out) {
  plt_source_t source = {0};
  PLT_TRY(plt_source_find(path, interactions, PLT_SOURCE_ANY, &source));
  plt_status_t status = open_source(&source, out);
  if (status == PLT_OK) status = open_features(*out, source.folder, features, n_features);
  plt_source_clear(&source);
  return status;
}

static plt_status_t hand_over(plt_status_t status, plt_dataset_t **data, plt_dataset_t **out) {
  if (status == PLT_OK)
    *out = *data;
  else
    plt_dataset_destroy(data);
  return status;
}

plt_status_t plt_dataset_open(const char *path, const char *interactions, const char *const *features,
                              size_t n_features, plt_dataset_t **out) {
  plt_dataset_t *data = NULL;
  plt_status_t status = open_folder(path, interactions, features, n_features, &data);
  if (status == PLT_OK) status = plt_features_complete(data);
  return hand_over(status, &data, out);
}

plt_status_t plt_dataset_from_config(const plt_config_t *config, const plt_kept_t *kept, plt_dataset_t **out) {
  if (!plt_config_given(config, "data.path"))
    return plt_fail(PLT_ERR_USAGE,
                    "data.path is not set: it names the folder with the interactions, as in "
                    "\"data: {path: ../data/baby}\"");
  bool has_features = plt_config_given(config, "data.features");
  size_t n = has_features ? plt_config_list_size(config, "data.features") : 0;
  const char **files = plt_mem_zalloc(n, sizeof *files);
  for (size_t i = 0; i < n; i++) files[i] = plt_config_list_text(config, "data.features", i);
  const char *interactions =
      plt_config_given(config, "data.interactions") ? plt_config_text(config, "data.interactions") : NULL;
  plt_dataset_t *data = NULL;
  plt_status_t status = open_folder(plt_config_text(config, "data.path"), interactions, files, n, &data);
  free(files);
  if (status == PLT_OK) status = plt_features_prepare(config, kept, data);
  return hand_over(status, &data, out);
}

static void free_arrays(plt_dataset_t *data) {
  free(data->train_items);
  for (int part = 0; part < PLT_PARTS; part++) {
    free(data->part[part].item);
    free(data->part[part].offset);
  }
  free(data->environment);
  free(data->train);
}

void plt_dataset_destroy(plt_dataset_t **dataset) {
  plt_dataset_t *data = *dataset;
  if (data == NULL) return;
  for (size_t i = 0; i < data->n_features; i++) plt_feature_close(&data->features[i]);
  free(data->features);
  plt_derived_destroy(&data->derived);
  if (data->pack.map != NULL)
    plt_pack_unmap(data);
  else
    free_arrays(data);
  free(data->source);
  free(data->name);
  free(data);
  *dataset = NULL;
}

char *plt_dataset_beside(const plt_dataset_t *data, const char *file) {
  const char *slash = strrchr(data->source, '/');
  if (slash == NULL) return plt_mem_strdup(file);
  return plt_mem_print("%.*s/%s", (int)(slash - data->source), data->source, file);
}

size_t plt_dataset_feature_cols(const plt_dataset_t *data) {
  size_t cols = 0;
  for (size_t i = 0; i < data->n_features; i++) cols += data->features[i].array.cols;
  return cols;
}

void plt_dataset_features(plt_crew_t *crew, const plt_dataset_t *data, const uint32_t *items, size_t n, float *out) {
  plt_feature_rows_t of = {.feature = data->features, .n_features = data->n_features, .items = items};
  plt_lazy_t all = plt_feature_rows(&of, n);
  plt_lazy_make(crew, &all, out);
}

uint64_t plt_dataset_leaks(const plt_dataset_t *data, plt_part_t part, plt_pair_t *first) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN], *other = &data->part[part];
  uint64_t count = 0;
  for (uint32_t user = 0; other->offset != NULL && user < data->users; user++)
    for (uint64_t i = other->offset[user]; i < other->offset[user + 1]; i++) {
      if (!plt_user_items_has(train, user, other->item[i])) continue;
      if (count++ == 0) *first = (plt_pair_t){user, other->item[i]};
    }
  return count;
}

bool plt_user_items_has(const plt_user_items_t *part, uint32_t user, uint32_t item) {
  uint64_t low = part->offset[user], high = part->offset[user + 1];
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    if (part->item[middle] < item)
      low = middle + 1;
    else
      high = middle;
  }
  return low < part->offset[user + 1] && part->item[low] == item;
}
