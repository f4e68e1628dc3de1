/* fuzz_pack.c - packed interactions. Input: a byte, and a file; where the byte's lowest bit is set the file's checksums
 * are made to fit, so that what lies behind them is met. Whatever opens can be walked to its last element. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "worker/data/dataset.h"
#include "worker/data/interactions.h"
#include "worker/data/pack.h"
#include "worker/data/pack_head.h"

static void seal(uint8_t *file, size_t n) {
  plt_pack_head_t head;
  if (n < PLT_PACK_HEAD) return;
  memcpy(&head, file, sizeof head);
  head.body = plt_hash64(0, file + PLT_PACK_HEAD, n - PLT_PACK_HEAD);
  head.head = plt_pack_head_hash(&head);
  memcpy(file, &head, sizeof head);
}

static void check_side(const plt_packed_side_t *side, uint32_t nodes, uint32_t others) {
  float sum = 0;
  for (uint32_t n = 0; n < nodes; n++) {
    sum += side->norm[n];
    for (uint64_t e = side->offset[n]; e < side->offset[n + 1]; e++) FUZZ_CHECK(side->id[e] < others);
  }
  (void)sum;
}

static void check_dataset(const plt_dataset_t *data) {
  for (uint64_t i = 0; i < data->n_train; i++)
    FUZZ_CHECK(data->train[i].user < data->users && data->train[i].item < data->items);
  for (uint32_t i = 0; i < data->n_train_items; i++) FUZZ_CHECK(data->train_items[i] < data->items);
  for (size_t p = 0; p < PLT_PARTS; p++)
    for (uint32_t u = 0; u < data->users && data->part[p].n > 0; u++)
      for (uint64_t i = data->part[p].offset[u]; i < data->part[p].offset[u + 1]; i++)
        FUZZ_CHECK(data->part[p].item[i] < data->items);
  for (uint64_t i = 0; i < data->n_train && data->environment != NULL; i++)
    FUZZ_CHECK(data->environment[i] < data->environments);
  check_side(&data->edges.side[0], data->users, data->items);
  check_side(&data->edges.side[1], data->items, data->users);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  if (n == 0) return 0;
  uint8_t *file = malloc(n);
  if (file == NULL) abort();
  memcpy(file, data + 1, n - 1);
  if (data[0] & 1) seal(file, n - 1);
  const char *path = fuzz_write("x.pack", file, n - 1);
  plt_dataset_t *dataset = NULL;
  if (plt_dataset_open(path, NULL, NULL, 0, &dataset) == PLT_OK) {
    check_dataset(dataset);
    plt_dataset_destroy(&dataset);
  } else {
    FUZZ_CHECK(plt_fail_text()[0] != '\0' && strchr(plt_fail_text(), '\n') == NULL);
  }
  free(file);
  return 0;
}
