/* import_thin.c - see import.h: repeated pairs, the k-core, and new numbers. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/data/import.h"

/* ---- repeated pairs ---- */

static bool is_before(const plt_imported_t *imported, const plt_interaction_t *a, const plt_interaction_t *b) {
  const double *time = imported->time;
  if (time != NULL && time[a->line] != time[b->line]) return time[a->line] < time[b->line];
  return a->line < b->line;
}

/* Rows are sorted: those of a pair stand together. */
static void drop_repeated(plt_imported_t *imported) {
  plt_interactions_t *rows = imported->rows;
  uint64_t kept = 0;
  for (uint64_t i = 0; i < rows->n; i++) {
    plt_interaction_t *last = kept == 0 ? NULL : &rows->row[kept - 1];
    if (last == NULL || last->user != rows->row[i].user || last->item != rows->row[i].item)
      rows->row[kept++] = rows->row[i];
    else if (is_before(imported, &rows->row[i], last))
      *last = rows->row[i];
  }
  imported->repeated = rows->n - kept;
  rows->n = kept;
}

/* ---- the k-core ----
 *
 * Who has less than k is taken out, and with him his pairs; the other ends of these lose a pair each, and may be next.
 * What remains does not depend on the order. */

typedef struct core {
  plt_interactions_t *rows; /* ascending (user, item); a row that is out: part PLT_PARTS */
  uint64_t *user_at;        /* [users + 1]: first row of each */
  uint64_t *item_at;        /* [items + 1]: first place in by_item */
  uint32_t *by_item;        /* [rows] */
  uint32_t *user_n, *item_n;
  uint32_t *queue; /* [users + items]; items behind the users */
  size_t first, end;
  uint32_t k;
} core_t;

static uint64_t *count_starts(const plt_interactions_t *rows, bool of_users, uint32_t ids, uint32_t *n) {
  uint64_t *at = plt_mem_zalloc((size_t)ids + 1, sizeof *at);
  for (uint64_t i = 0; i < rows->n; i++) n[of_users ? rows->row[i].user : rows->row[i].item]++;
  for (uint32_t id = 0; id < ids; id++) at[id + 1] = at[id] + n[id];
  return at;
}

static core_t core_begin(plt_interactions_t *rows, uint32_t k) {
  core_t core = {.rows = rows, .k = k};
  core.user_n = plt_mem_zalloc(rows->users, sizeof *core.user_n);
  core.item_n = plt_mem_zalloc(rows->items, sizeof *core.item_n);
  core.user_at = count_starts(rows, true, rows->users, core.user_n);
  core.item_at = count_starts(rows, false, rows->items, core.item_n);
  core.by_item = plt_mem_alloc(rows->n * sizeof *core.by_item);
  core.queue = plt_mem_alloc(((size_t)rows->users + rows->items) * sizeof *core.queue);
  for (uint64_t i = 0; i < rows->n; i++) core.by_item[core.item_at[rows->row[i].item]++] = (uint32_t)i;
  for (uint32_t item = rows->items; item > 0; item--) core.item_at[item] = core.item_at[item - 1];
  core.item_at[0] = 0;
  for (uint32_t u = 0; u < rows->users; u++)
    if (core.user_n[u] < k) core.queue[core.end++] = u;
  for (uint32_t i = 0; i < rows->items; i++)
    if (core.item_n[i] < k) core.queue[core.end++] = rows->users + i;
  return core;
}

/* One pair less of a user or an item. */
static void lose(core_t *core, uint32_t *n, uint32_t node) {
  if ((*n)-- == core->k) core->queue[core->end++] = node;
}

static void take_row(core_t *core, uint64_t i) {
  plt_interaction_t *row = &core->rows->row[i];
  if (row->part == PLT_PARTS) return;
  row->part = PLT_PARTS;
  lose(core, &core->user_n[row->user], row->user);
  lose(core, &core->item_n[row->item], core->rows->users + row->item);
}

static void take_node(core_t *core, uint32_t node) {
  if (node < core->rows->users) {
    for (uint64_t i = core->user_at[node]; i < core->user_at[node + 1]; i++) take_row(core, i);
    return;
  }
  uint32_t item = node - core->rows->users;
  for (uint64_t i = core->item_at[item]; i < core->item_at[item + 1]; i++) take_row(core, core->by_item[i]);
}

static void cut_core(uint32_t k, plt_imported_t *imported) {
  plt_interactions_t *rows = imported->rows;
  core_t core = core_begin(rows, k);
  while (core.first < core.end) take_node(&core, core.queue[core.first++]);
  free(core.queue);
  free(core.by_item);
  free(core.item_at);
  free(core.user_at);
  free(core.item_n);
  free(core.user_n);
  uint64_t kept = 0;
  for (uint64_t i = 0; i < rows->n; i++)
    if (rows->row[i].part != PLT_PARTS) rows->row[kept++] = rows->row[i];
  imported->outside = rows->n - kept;
  rows->n = kept;
}

/* ---- numbers ---- */

/* Names that have a row, or are known from before, in the order in which they came: numbers rise with it. */
static void number_side(plt_import_side_t *side, plt_interactions_t *rows, bool of_users) {
  uint32_t names = plt_idmap_count(side->names);
  uint32_t *number = plt_mem_zalloc(names, sizeof *number); /* new number + 1; 0: no row */
  for (uint32_t name = 0; name < side->known; name++) number[name] = 1;
  for (uint64_t i = 0; i < rows->n; i++) number[of_users ? rows->row[i].user : rows->row[i].item] = 1;
  side->kept = plt_mem_alloc(names * sizeof *side->kept);
  for (uint32_t name = 0; name < names; name++) {
    if (number[name] == 0) continue;
    side->kept[side->n++] = name;
    number[name] = side->n;
  }
  for (uint64_t i = 0; i < rows->n; i++) {
    uint32_t *id = of_users ? &rows->row[i].user : &rows->row[i].item;
    *id = number[*id] - 1;
  }
  free(number);
}

void plt_import_thin(uint32_t k_core, plt_imported_t *imported) {
  plt_interactions_t *rows = imported->rows;
  plt_interactions_sort(rows);
  drop_repeated(imported);
  if (k_core > 1) cut_core(k_core, imported);
  number_side(&imported->user, rows, true);
  number_side(&imported->item, rows, false);
  rows->users = imported->user.n;
  rows->items = imported->item.n;
}
