/* fuzz_import.c - `plateau data import`. Input: the separator's number, flags (1: no header, 2: lists, 4: times), then
 * a table. What is read is a set of pairs of names that may stand on a terminal, each with a part, all of them in the
 * core. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/data/import.h"
#include "tests/fuzz/fuzz.h"

enum { SEPARATORS = 6, CORE = 2 };

static void check_side(const plt_import_side_t *side) {
  for (uint32_t i = 0; i < side->n; i++) {
    plt_id_name_t name = plt_idmap_name(side->names, side->kept[i]);
    uint32_t number;
    FUZZ_CHECK(i == 0 || side->kept[i] > side->kept[i - 1]);
    char *copy = plt_mem_print("%.*s", (int)name.length, name.at);
    FUZZ_CHECK(strlen(copy) == name.length && plt_id_fault(copy, name.length) == NULL);
    FUZZ_CHECK(plt_idmap_find(side->names, copy, name.length, &number) && number == side->kept[i]);
    free(copy);
  }
}

static void check(const plt_imported_t *imported) {
  const plt_interactions_t *rows = imported->rows;
  uint32_t *user = plt_mem_zalloc(rows->users, sizeof *user), *item = plt_mem_zalloc(rows->items, sizeof *item);
  FUZZ_CHECK(rows->n > 0 && rows->n + imported->repeated + imported->outside == imported->read);
  FUZZ_CHECK(rows->users == imported->user.n && rows->items == imported->item.n);
  for (uint64_t i = 0; i < rows->n; i++) {
    const plt_interaction_t *a = &rows->row[i], *before = i == 0 ? NULL : a - 1;
    FUZZ_CHECK(a->user < rows->users && a->item < rows->items && a->part <= PLT_PART_TEST);
    FUZZ_CHECK(before == NULL || before->user < a->user || (before->user == a->user && before->item < a->item));
    user[a->user]++;
    item[a->item]++;
  }
  for (uint32_t u = 0; u < rows->users; u++) FUZZ_CHECK(user[u] >= CORE);
  for (uint32_t i = 0; i < rows->items; i++) FUZZ_CHECK(item[i] >= CORE);
  free(item);
  free(user);
  check_side(&imported->user);
  check_side(&imported->item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  plt_imported_t imported;
  if (n < 2) return 0;
  plt_import_t import = {.file = fuzz_write("table", data + 2, n - 2),
                         .columns = {.name = {"1", "2", NULL, data[1] & 4 && !(data[1] & 2) ? "3" : NULL},
                                     .separator = plt_separators[data[0] % SEPARATORS].text,
                                     .has_header = !(data[1] & 1),
                                     .is_lists = data[1] & 2},
                         .bad.tolerated = UINT64_MAX,
                         .k_core = CORE,
                         .divide = {.kind = data[1] & 4 && !(data[1] & 2) ? PLT_DIVIDE_TIME
                                            : data[0] % 2 != 0            ? PLT_DIVIDE_RATIO
                                                                          : PLT_DIVIDE_LEAVE_ONE_OUT,
                                    .share = {0.8, 0.1, 0.1},
                                    .seed = 1}};
  if (import.columns.is_lists) import.columns.name[PLT_COLUMN_USER] = import.columns.name[PLT_COLUMN_ITEM] = NULL;
  if (plt_import_run(&import, &imported) != PLT_OK) return 0;
  check(&imported);
  plt_imported_clear(&imported);
  return 0;
}
