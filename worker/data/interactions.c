/* interactions.c - see interactions.h. Reading, then the checks that need all rows. */
#include "worker/data/interactions.h"

#include <stdlib.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "worker/data/interactions_parse.h"
#include "worker/data/pack.h"

enum {
  FAR_ID_LEAST = 1000000, /* ids below this are never far: tables of that length fit anywhere */
  FAR_ID_PER_ROW = 100
};

static plt_status_t read_source(plt_interactions_t *rows, const plt_source_t *source, const plt_problem_sink_t *sink) {
  rows->name = plt_mem_strdup(source->name);
  rows->source = plt_mem_strdup(source->path);
  if (source->is_pack) return plt_pack_read_rows(source->path, rows);
  if (source->test_path == NULL) return plt_interactions_parse(rows, rows->source, PLT_PARTS, sink);
  rows->test_source = plt_mem_strdup(source->test_path);
  PLT_TRY(plt_interactions_parse(rows, rows->source, PLT_PART_TRAIN, sink));
  if (!plt_path_exists(rows->test_source))
    return plt_fail(PLT_ERR_DATA, "%s: missing; a LightGCN folder has train.txt and test.txt", rows->test_source);
  return plt_interactions_parse(rows, rows->test_source, PLT_PART_TEST, sink);
}

static plt_status_t check_far(const plt_interactions_t *rows, const plt_interaction_t *row,
                              const plt_problem_sink_t *sink, bool *is_far) {
  uint64_t limit = rows->n * FAR_ID_PER_ROW < FAR_ID_LEAST ? FAR_ID_LEAST : rows->n * FAR_ID_PER_ROW;
  uint32_t id = row->user > row->item ? row->user : row->item;
  *is_far = id >= limit;
  if (!*is_far) return PLT_OK;
  return plt_problem_report(sink, PLT_PROBLEM_FAR_ID,
                            "%s:%u: %s %u is far above the number of pairs (%llu): ids count from 0, and tables "
                            "would need %u rows; renumber the ids",
                            plt_interactions_file(rows, (plt_part_t)row->part), row->line,
                            row->user > row->item ? "userID" : "itemID", id, (unsigned long long)rows->n, id + 1);
}

/* Drops rows whose ids are out of proportion and counts users and items. */
static plt_status_t measure(plt_interactions_t *rows, const plt_problem_sink_t *sink) {
  uint64_t kept = 0;
  for (uint64_t i = 0; i < rows->n; i++) {
    plt_interaction_t row = rows->row[i];
    bool is_far;
    PLT_TRY(check_far(rows, &row, sink, &is_far));
    if (is_far) continue;
    rows->row[kept++] = row;
    if (row.user >= rows->users) rows->users = row.user + 1;
    if (row.item >= rows->items) rows->items = row.item + 1;
  }
  rows->n = kept;
  return PLT_OK;
}

plt_status_t plt_interactions_read(const plt_source_t *source, const plt_problem_sink_t *sink,
                                   plt_interactions_t **out) {
  plt_interactions_t *rows = plt_mem_zalloc(1, sizeof *rows);
  plt_status_t status = read_source(rows, source, sink);
  if (status == PLT_OK) status = measure(rows, sink);
  if (status == PLT_OK)
    *out = rows;
  else
    plt_interactions_destroy(&rows);
  return status;
}

void plt_interactions_destroy(plt_interactions_t **interactions) {
  plt_interactions_t *rows = *interactions;
  if (rows == NULL) return;
  free(rows->row);
  free(rows->test_source);
  free(rows->source);
  free(rows->name);
  free(rows);
  *interactions = NULL;
}

const char *plt_interactions_file(const plt_interactions_t *interactions, plt_part_t part) {
  return part == PLT_PART_TEST && interactions->test_source != NULL ? interactions->test_source : interactions->source;
}

/* A stable counting sort by one of the ids. */
static void sort_by(const plt_interaction_t *from, plt_interaction_t *to, uint64_t n, uint32_t ids, bool by_user) {
  uint64_t *place = plt_mem_zalloc((size_t)ids + 1, sizeof *place);
  for (uint64_t i = 0; i < n; i++) place[(by_user ? from[i].user : from[i].item) + 1]++;
  for (uint32_t id = 0; id < ids; id++) place[id + 1] += place[id];
  for (uint64_t i = 0; i < n; i++) to[place[by_user ? from[i].user : from[i].item]++] = from[i];
  free(place);
}

void plt_interactions_sort(plt_interactions_t *interactions) {
  plt_interactions_t *rows = interactions;
  plt_interaction_t *by_item = plt_mem_alloc(rows->n * sizeof *by_item);
  sort_by(rows->row, by_item, rows->n, rows->items, false);
  sort_by(by_item, rows->row, rows->n, rows->users, true);
  free(by_item);
}
