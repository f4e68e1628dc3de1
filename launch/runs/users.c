/* users.c - see users.h. */
#include "launch/runs/users.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"

#define BYTES_MAX ((size_t)1 << 34)

void plt_user_values_clear(plt_user_values_t *values) {
  free(values->user);
  free(values->value);
  *values = (plt_user_values_t){0};
}

/* Which column of the first line has that name; 0: none, for that is the part's. */
static size_t column_of(const char *line, const char *name) {
  size_t column = 0, length = strlen(name);
  for (;; column++) {
    size_t here = strcspn(line, "\t\n");
    if (here == length && strncmp(line, name, length) == 0) return column;
    if (line[here] != '\t') return 0;
    line += here + 1;
  }
}

/* The begin of a column of a line; NULL: it has fewer. */
static const char *find_column(const char *line, size_t column) {
  for (; column > 0; column--) {
    line += strcspn(line, "\t\n");
    if (*line++ != '\t') return NULL;
  }
  return line;
}

/* A line of the part; false: it is none such as evaluate writes, or its user is not behind the one before. */
static bool add_line(const char *line, size_t column, plt_user_values_t *out, size_t *room) {
  const char *user = find_column(line, 1), *value = find_column(line, column);
  char *end;
  if (user == NULL || value == NULL) return false;
  unsigned long long id = strtoull(user, &end, 10);
  if (end == user || *end != '\t' || id > UINT32_MAX || (out->n > 0 && id <= out->user[out->n - 1])) return false;
  double number = strtod(value, &end);
  if (end == value || (*end != '\t' && *end != '\n')) return false;
  if (out->n == *room) {
    *room = 2 * *room + 1024;
    out->user = plt_mem_resize(out->user, *room, sizeof *out->user);
    out->value = plt_mem_resize(out->value, *room, sizeof *out->value);
  }
  out->user[out->n] = (uint32_t)id;
  out->value[out->n++] = number;
  return true;
}

static plt_status_t parse(const char *path, const char *text, const char *part, const char *metric,
                          plt_user_values_t *out) {
  size_t column = column_of(text, metric), length = strlen(part), room = 0, number = 1;
  if (column == 0) return PLT_OK;
  for (const char *line = strchr(text, '\n'); line != NULL && *++line != '\0'; line = strchr(line, '\n')) {
    number++;
    if (strncmp(line, part, length) != 0 || line[length] != '\t') continue;
    if (!add_line(line, column, out, &room))
      return plt_fail(PLT_ERR_DATA, "%s:%zu: is no line of `plateau evaluate --per-user`", path, number);
  }
  return PLT_OK;
}

plt_status_t plt_user_values_read(const char *run_dir, const char *part, const char *metric, bool *has_file,
                                  plt_user_values_t *out) {
  char path[PLT_PATH_MAX], *text;
  *out = (plt_user_values_t){0};
  PLT_TRY(plt_path_join(run_dir, PLT_USERS_FILE, path));
  *has_file = plt_path_exists(path);
  if (!*has_file) return PLT_OK;
  PLT_TRY(plt_file_read(path, BYTES_MAX, &text, NULL));
  plt_status_t status = parse(path, text, part, metric, out);
  free(text);
  if (status != PLT_OK) plt_user_values_clear(out);
  return status;
}
