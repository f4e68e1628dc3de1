/* fuzz_inter.c - interactions. Input: "i" and a .inter, or "l" and LightGCN's train.txt, form feed, test.txt (only the
 * lowest bit of the first byte counts). Read once collecting faults, once as a training does. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "worker/data/dataset.h"
#include "worker/data/interactions.h"

enum { IDS_MAX = 100000 }; /* of what is made into a dataset: the arrays of larger ones take all the time */

static plt_status_t count_fault(void *context, plt_problem_t kind, const char *text) {
  FUZZ_CHECK(kind < PLT_PROBLEM_KINDS && plt_problem_is_error(kind) && text[0] != '\0');
  ++*(size_t *)context;
  return PLT_OK;
}

static void write_folder(const uint8_t *data, size_t n) {
  if (n > 0 && data[0] & 1) {
    fuzz_remove("data/train.txt");
    fuzz_write("data/x.inter", data + 1, n - 1);
    return;
  }
  const uint8_t *rest = data + (n > 0);
  size_t left = n - (n > 0);
  const uint8_t *end = left == 0 ? NULL : memchr(rest, '\f', left);
  size_t train = end == NULL ? left : (size_t)(end - rest);
  fuzz_remove("data/x.inter");
  fuzz_write("data/train.txt", rest, train);
  if (end == NULL)
    fuzz_remove("data/test.txt");
  else
    fuzz_write("data/test.txt", end + 1, left - train - 1);
}

static plt_status_t read_rows(const char *folder, const plt_problem_sink_t *sink, plt_interactions_t **all) {
  plt_source_t source;
  PLT_TRY(plt_source_find(folder, NULL, PLT_SOURCE_ANY, &source));
  plt_status_t status = plt_interactions_read(&source, sink, all);
  plt_source_clear(&source);
  return status;
}

static void check_rows(plt_interactions_t *all) {
  uint32_t users = 0, items = 0;
  for (uint64_t i = 0; i < all->n; i++) {
    const plt_interaction_t *row = &all->row[i];
    FUZZ_CHECK(row->part < PLT_PARTS && row->line > 0);
    if (row->user >= users) users = row->user + 1;
    if (row->item >= items) items = row->item + 1;
  }
  FUZZ_CHECK(users == all->users && items == all->items);
  if (users > IDS_MAX || items > IDS_MAX) return;
  plt_interactions_sort(all);
  for (uint64_t i = 1; i < all->n; i++) {
    const plt_interaction_t *a = &all->row[i - 1], *b = &all->row[i];
    FUZZ_CHECK(a->user < b->user || (a->user == b->user && a->item <= b->item));
  }
}

static void check_dataset(const plt_dataset_t *data, uint64_t rows) {
  uint64_t n = 0;
  for (int part = 0; part < PLT_PARTS; part++) n += data->part[part].n;
  FUZZ_CHECK(n == rows && data->n_train == data->part[PLT_PART_TRAIN].n);
  for (uint64_t i = 0; i < data->n_train; i++)
    FUZZ_CHECK(plt_user_items_has(&data->part[PLT_PART_TRAIN], data->train[i].user, data->train[i].item));
  FUZZ_CHECK(data->n_train_items > 0 && data->n_train_items <= data->items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  char folder[128];
  size_t faults = 0;
  plt_interactions_t *all;
  plt_dataset_t *dataset;
  write_folder(data, n);
  strcpy(folder, fuzz_folder());
  strcat(folder, "/data");
  plt_problem_sink_t sink = {count_fault, &faults};
  if (read_rows(folder, &sink, &all) != PLT_OK) {
    FUZZ_CHECK(plt_dataset_open(folder, NULL, NULL, 0, &dataset) != PLT_OK);
    return 0;
  }
  uint64_t rows = all->n, training = 0;
  uint32_t largest = all->users > all->items ? all->users : all->items;
  for (uint64_t i = 0; i < rows; i++) training += all->row[i].part == PLT_PART_TRAIN;
  check_rows(all);
  plt_interactions_destroy(&all);
  if (largest > IDS_MAX) return 0;
  bool opens = plt_dataset_open(folder, NULL, NULL, 0, &dataset) == PLT_OK;
  FUZZ_CHECK(opens == (faults == 0 && training > 0));
  if (!opens) return 0;
  check_dataset(dataset, rows);
  plt_dataset_destroy(&dataset);
  return 0;
}
