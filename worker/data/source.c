/* source.c - see source.h. */
#include "worker/data/source.h"

#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"

/* Adds a text to "a, b"; NULL is the empty list. */
static char *append(char *list, const char *text) {
  char *longer = list == NULL ? plt_mem_strdup(text) : plt_mem_print("%s, %s", list, text);
  free(list);
  return longer;
}

char *plt_folder_names(const char *folder, const char *suffix) {
  char **names = NULL, *list = NULL;
  size_t n = 0;
  if (plt_dir_list(folder, &names, &n) != PLT_OK) n = 0;
  for (size_t i = 0; i < n; i++)
    if (plt_path_ends_with(names[i], suffix)) list = append(list, names[i]);
  plt_names_free(&names, n);
  return list != NULL ? list : plt_mem_strdup("none");
}

static plt_status_t no_such_file(const char *folder, const char *wanted) {
  char *texts = plt_folder_names(folder, PLT_INTER_SUFFIX), *packs = plt_folder_names(folder, PLT_PACK_SUFFIX);
  char *tables = plt_folder_names(folder, ".csv");
  bool has_tables = strcmp(tables, "none") != 0;
  plt_status_t status =
      plt_fail(PLT_ERR_DATA, "%s: no %s there; .inter files of the folder: %s; packed ones: %s%s%s", folder, wanted,
               texts, packs, has_tables ? "; `plateau data import` makes a data folder of a table like " : "",
               has_tables ? tables : "");
  free(tables);
  free(packs);
  free(texts);
  return status;
}

static bool has_lightgcn(const char *folder) {
  char path[PLT_PATH_MAX];
  return plt_path_join(folder, "train.txt", path) == PLT_OK && plt_path_exists(path);
}

/* The last part of a path, without `suffix`. */
static char *stem(const char *path, const char *suffix) {
  const char *end = path + strlen(path);
  while (end > path + 1 && end[-1] == '/') end--;
  const char *start = end;
  while (start > path && start[-1] != '/') start--;
  char *name = plt_mem_print("%.*s", (int)(end - start), start);
  if (plt_path_ends_with(name, suffix)) name[strlen(name) - strlen(suffix)] = '\0';
  return name;
}

/* What a folder has to choose from. */
typedef struct choice {
  char *list;         /* "a.inter, a.pack"; NULL: none */
  char *stem;         /* of all of them, while it is one */
  char *inter, *pack; /* the last of each */
  bool is_several;
} choice_t;

static void offer(choice_t *choice, const char *name, const char *suffix, char **slot) {
  char *this_stem = stem(name, suffix);
  choice->is_several = choice->is_several || (choice->stem != NULL && strcmp(choice->stem, this_stem) != 0);
  choice->list = append(choice->list, name);
  free(choice->stem);
  choice->stem = this_stem;
  free(*slot);
  *slot = plt_mem_strdup(name);
}

static choice_t look(const char *folder, plt_source_want_t want) {
  choice_t choice = {0};
  char **names = NULL;
  size_t n = 0;
  if (plt_dir_list(folder, &names, &n) != PLT_OK) n = 0;
  for (size_t i = 0; i < n; i++) {
    if (plt_path_ends_with(names[i], PLT_INTER_SUFFIX)) offer(&choice, names[i], PLT_INTER_SUFFIX, &choice.inter);
    if (want == PLT_SOURCE_ANY && plt_path_ends_with(names[i], PLT_PACK_SUFFIX))
      offer(&choice, names[i], PLT_PACK_SUFFIX, &choice.pack);
  }
  plt_names_free(&names, n);
  return choice;
}

static void forget(choice_t *choice) {
  free(choice->list);
  free(choice->stem);
  free(choice->inter);
  free(choice->pack);
}

/* The name of the interactions file in a folder (free it); NULL for LightGCN's. */
static plt_status_t choose_file(const char *folder, plt_source_want_t want, char **name) {
  choice_t choice = look(folder, want);
  plt_status_t status = PLT_OK;
  *name = NULL;
  if (choice.is_several)
    status = plt_fail(PLT_ERR_DATA, "%s: more than one .inter%s, choose one (data.interactions): %s", folder,
                      choice.pack == NULL ? "" : " or .pack", choice.list);
  else if (choice.list != NULL)
    *name = plt_mem_strdup(choice.pack != NULL ? choice.pack : choice.inter);
  else if (!has_lightgcn(folder))
    status = no_such_file(folder, "NAME.inter and no train.txt");
  forget(&choice);
  return status;
}

static plt_status_t check_chosen(const char *folder, const char *chosen, char **name) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(folder, chosen, path));
  if (!plt_path_exists(path) || plt_path_is_dir(path)) return no_such_file(folder, chosen);
  *name = plt_mem_strdup(chosen);
  return PLT_OK;
}

static plt_status_t joined(const char *folder, const char *name, char **path) {
  char full[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(folder, name, full));
  *path = plt_mem_strdup(full);
  return PLT_OK;
}

static plt_status_t name_paths(const char *file, plt_source_t *source) {
  if (file == NULL) {
    source->name = stem(source->folder, "");
    PLT_TRY(joined(source->folder, "train.txt", &source->path));
    return joined(source->folder, "test.txt", &source->test_path);
  }
  source->is_pack = plt_path_ends_with(file, PLT_PACK_SUFFIX);
  source->name = stem(file, source->is_pack ? PLT_PACK_SUFFIX : PLT_INTER_SUFFIX);
  return joined(source->folder, file, &source->path);
}

/* A packed file is its folder, and the choice of itself. */
static const char *split_pack(const char *path, plt_source_t *source) {
  const char *slash = strrchr(path, '/');
  source->folder =
      slash == NULL ? plt_mem_strdup(".") : plt_mem_print("%.*s", slash == path ? 1 : (int)(slash - path), path);
  return slash == NULL ? path : slash + 1;
}

static plt_status_t find(const char *path, const char *chosen, plt_source_want_t want, plt_source_t *source) {
  if (!plt_path_exists(path)) return plt_fail(PLT_ERR_DATA, "%s: there is no such folder", path);
  if (plt_path_is_dir(path))
    source->folder = plt_mem_strdup(path);
  else if (plt_path_ends_with(path, PLT_PACK_SUFFIX) && chosen == NULL)
    chosen = split_pack(path, source);
  else
    return plt_fail(PLT_ERR_DATA,
                    "%s: is a file; the folder that holds it is wanted (of a table `plateau data import` makes one)",
                    path);
  char *file = NULL;
  PLT_TRY(chosen != NULL ? check_chosen(source->folder, chosen, &file) : choose_file(source->folder, want, &file));
  plt_status_t status = name_paths(file, source);
  free(file);
  if (status == PLT_OK && want == PLT_SOURCE_TEXT && source->is_pack)
    status = plt_fail(PLT_ERR_DATA, "%s: is packed already; its text is wanted", source->path);
  return status;
}

plt_status_t plt_source_find(const char *path, const char *chosen, plt_source_want_t want, plt_source_t *out) {
  plt_source_t source = {0};
  plt_status_t status = find(path, chosen, want, &source);
  if (status == PLT_OK)
    *out = source;
  else
    plt_source_clear(&source);
  return status;
}

void plt_source_clear(plt_source_t *source) {
  free(source->test_path);
  free(source->name);
  free(source->path);
  free(source->folder);
  *source = (plt_source_t){0};
}
