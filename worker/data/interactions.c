/* interactions.c - see interactions.h. Finding the file, then the checks that need all rows. */
#include "worker/data/interactions.h"

#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "worker/data/interactions_parse.h"

enum {
  FAR_ID_LEAST = 1000000, /* ids below this are never far: tables of that length fit anywhere */
  FAR_ID_PER_ROW = 100
};

static bool ends_with(const char *name, const char *suffix) {
  size_t length = strlen(name), tail = strlen(suffix);
  return length > tail && strcmp(name + length - tail, suffix) == 0;
}

char *plt_folder_names(const char *folder, const char *suffix) {
  char **names = NULL, *list = NULL;
  size_t n = 0;
  if (plt_dir_list(folder, &names, &n) != PLT_OK) n = 0;
  for (size_t i = 0; i < n; i++) {
    if (ends_with(names[i], suffix)) {
      char *longer = list == NULL ? plt_mem_strdup(names[i]) : plt_mem_print("%s, %s", list, names[i]);
      free(list);
      list = longer;
    }
    free(names[i]);
  }
  free(names);
  return list != NULL ? list : plt_mem_strdup("none");
}

static plt_status_t no_such_file(const char *folder, const char *wanted) {
  char *there = plt_folder_names(folder, ".inter");
  plt_status_t status =
      plt_fail(PLT_ERR_DATA, "%s: no %s there; .inter files of the folder: %s", folder, wanted, there);
  free(there);
  return status;
}

static bool has_lightgcn(const char *folder) {
  char path[PLT_PATH_MAX];
  return plt_path_join(folder, "train.txt", path) == PLT_OK && plt_path_exists(path);
}

/* The name of the interactions file in a folder (free it); NULL for LightGCN's. */
static plt_status_t choose_file(const char *folder, const char *chosen, char **name) {
  if (!plt_path_exists(folder)) return plt_fail(PLT_ERR_DATA, "%s: there is no such folder", folder);
  if (!plt_path_is_dir(folder))
    return plt_fail(PLT_ERR_DATA, "%s: is a file; the folder that holds it is wanted", folder);
  if (chosen != NULL) {
    char path[PLT_PATH_MAX];
    PLT_TRY(plt_path_join(folder, chosen, path));
    if (!plt_path_exists(path) || plt_path_is_dir(path)) return no_such_file(folder, chosen);
    *name = plt_mem_strdup(chosen);
    return PLT_OK;
  }
  char *list = plt_folder_names(folder, ".inter");
  plt_status_t status = PLT_OK;
  if (strstr(list, ", ") != NULL) {
    status = plt_fail(PLT_ERR_DATA, "%s: more than one .inter, choose one (data.interactions): %s", folder, list);
  } else if (strcmp(list, "none") != 0) {
    *name = list;
    return PLT_OK;
  } else if (!has_lightgcn(folder)) {
    status = no_such_file(folder, "NAME.inter and no train.txt");
  }
  free(list);
  *name = NULL;
  return status;
}

/* The last part of a path, without `suffix`. */
static char *stem(const char *path, const char *suffix) {
  const char *end = path + strlen(path);
  while (end > path + 1 && end[-1] == '/') end--;
  const char *start = end;
  while (start > path && start[-1] != '/') start--;
  char *name = plt_mem_print("%.*s", (int)(end - start), start);
  if (ends_with(name, suffix)) name[strlen(name) - strlen(suffix)] = '\0';
  return name;
}

static plt_status_t joined(const char *folder, const char *name, char **path) {
  char full[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(folder, name, full));
  *path = plt_mem_strdup(full);
  return PLT_OK;
}

static plt_status_t read_folder(plt_interactions_t *rows, const char *folder, const char *file,
                                const plt_problem_sink_t *sink) {
  if (file != NULL) {
    rows->name = stem(file, ".inter");
    PLT_TRY(joined(folder, file, &rows->source));
    return plt_interactions_parse(rows, rows->source, PLT_PARTS, sink);
  }
  rows->name = stem(folder, "");
  PLT_TRY(joined(folder, "train.txt", &rows->source));
  PLT_TRY(joined(folder, "test.txt", &rows->test_source));
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

plt_status_t plt_interactions_read(const char *folder, const char *chosen, const plt_problem_sink_t *sink,
                                   plt_interactions_t **out) {
  char *file = NULL;
  PLT_TRY(choose_file(folder, chosen, &file));
  plt_interactions_t *rows = plt_mem_zalloc(1, sizeof *rows);
  plt_status_t status = read_folder(rows, folder, file, sink);
  free(file);
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
