/* ids.c - see ids.h. */
#include "launch/tasks/ids.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/utf8.h"

enum { BYTES_MAX = 1 << 30 };

void plt_ids_clear(plt_ids_t *ids) {
  free(ids->id);
  *ids = (plt_ids_t){0};
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void settle(plt_ids_t *ids) {
  size_t distinct = 0;
  if (ids->n > 0) qsort(ids->id, ids->n, sizeof *ids->id, compare);
  for (size_t i = 0; i < ids->n; i++)
    if (i == 0 || ids->id[i] != ids->id[i - 1]) ids->id[distinct++] = ids->id[i];
  ids->n = distinct;
}

/* ---- one id ---- */

/* The number at `at`, which ends before one of `ends`; *next is what follows. */
static bool read_number(const char *at, const char *ends, uint32_t limit, uint32_t *id, const char **next) {
  uint64_t value = 0;
  const char *digit = at;
  for (; isdigit((unsigned char)*digit) && value < limit; digit++) value = 10 * value + (uint64_t)(*digit - '0');
  *next = digit;
  *id = (uint32_t)value;
  return digit > at && value < limit && (*digit == '\0' || strchr(ends, *digit) != NULL);
}

/* A name of length n that is one of the data's. */
static bool find_name(const plt_id_kind_t *kind, const char *at, size_t n, uint32_t *id) {
  return n > 0 && plt_idmap_find(kind->names, at, n, id) && *id < kind->limit;
}

/* A name in quotes, as a CSV has it: "a, ""b""". */
static bool read_quoted(const plt_id_kind_t *kind, const char *at, uint32_t *id, const char **next) {
  char name[PLT_ID_BYTES];
  size_t n = 0;
  for (at++; *at != '\0' && *at != '\n'; at++) {
    if (*at == '"' && *++at != '"') {
      *next = at;
      return strchr("\n\r\t, ", *at) != NULL && find_name(kind, name, n, id);
    }
    if (n == sizeof name) return false;
    name[n++] = *at;
  }
  return false;
}

/* The name at `at`: what stands before the first of the ends that makes it one, the weakest last: "\t", then ",", then
 * " ". Line ends are always one. */
static bool read_name(const plt_id_kind_t *kind, const char *at, uint32_t *id, const char **next) {
  static const char *const ends[] = {"\n\r\t", "\n\r\t,", "\n\r\t, "};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    size_t n = strcspn(at, ends[i]);
    *next = at + n;
    if (find_name(kind, at, n, id)) return true;
  }
  return *at == '"' && read_quoted(kind, at, id, next);
}

static bool read_id(const plt_id_kind_t *kind, const char *at, uint32_t *id, const char **next) {
  if (kind->names != NULL) return read_name(kind, at, id, next);
  return read_number(at, "\n\r\t, ", kind->limit, id, next);
}

/* What an id is, for messages: "a user, 0 to 9". Free it. */
static char *describe(const plt_id_kind_t *kind) {
  const char *a = strcmp(kind->what, "item") == 0 ? "an" : "a";
  if (kind->names == NULL) return plt_mem_print("%s %s, 0 to %" PRIu32, a, kind->what, kind->limit - 1);
  return plt_mem_print("%s %s of the data, as %s names them (--ids number takes numbers)", a, kind->what,
                       strcmp(kind->what, "item") == 0 ? PLT_IDMAP_ITEMS : PLT_IDMAP_USERS);
}

/* ---- lists ---- */

static plt_status_t no_such_id(const char *option, const plt_id_kind_t *kind, const char *at, size_t n) {
  char shown[PLT_SHOWN_BYTES], *what = describe(kind);
  if (kind->names == NULL)
    plt_fail(PLT_ERR_USAGE, "%s: \"%s\" is no %s: they are 0 to %" PRIu32, option, plt_bytes_show(at, n, shown),
             kind->what, kind->limit - 1);
  else
    plt_fail(PLT_ERR_USAGE, "%s: \"%s\" is not %s, and no file", option, plt_bytes_show(at, n, shown), what);
  free(what);
  return PLT_ERR_USAGE;
}

static plt_status_t read_list(const char *option, const char *text, const plt_id_kind_t *kind, plt_ids_t *out) {
  out->id = plt_mem_alloc((strlen(text) / 2 + 1) * sizeof *out->id);
  if (kind->names != NULL && find_name(kind, text, strlen(text), out->id)) { /* a name with commas, perhaps */
    out->n = 1;
    return PLT_OK;
  }
  for (const char *at = text; *at != '\0';) {
    const char *next = at + strcspn(at, ",");
    uint32_t *id = &out->id[out->n];
    bool is_id = kind->names == NULL ? read_number(at, ",", kind->limit, id, &next)
                                     : find_name(kind, at, (size_t)(next - at), id);
    if (!is_id) return no_such_id(option, kind, at, strcspn(at, ","));
    out->n++;
    at = next + (*next == ',');
  }
  return PLT_OK;
}

/* ---- files ---- */

/* The text of a file, to be freed, and how many lines it has at most. */
static plt_status_t read_text(const char *option, const char *file, char **text, size_t *lines) {
  size_t bytes;
  plt_status_t status = plt_file_read(file, BYTES_MAX, text, &bytes);
  if (status != PLT_OK) return plt_fail_within(status, "%s", option);
  if (strlen(*text) < bytes) {
    free(*text);
    return plt_fail(PLT_ERR_DATA, "%s: %s: has NUL bytes: UTF-8 is wanted (iconv -f utf-16 -t utf-8)", option, file);
  }
  if (strncmp(*text, "\xEF\xBB\xBF", 3) == 0) memmove(*text, *text + 3, bytes - 2); /* a byte-order mark */
  *lines = 1;
  for (const char *at = *text; *at != '\0'; at++) *lines += *at == '\n';
  return PLT_OK;
}

/* The next line that is not empty, from *at on; NULL: there is none. number: of it, from 1. */
static const char *next_line(const char **at, size_t *number) {
  while (**at != '\0') {
    const char *line = *at;
    size_t length = strcspn(line, "\n");
    *at += length + (line[length] == '\n');
    ++*number;
    if (length > 0 && !(length == 1 && *line == '\r')) return line;
  }
  return NULL;
}

static plt_status_t read_file(const char *option, const char *file, const plt_id_kind_t *kind, plt_ids_t *out) {
  char *text, *what = NULL;
  size_t lines = 0, number = 0;
  PLT_TRY(read_text(option, file, &text, &lines));
  plt_status_t status = PLT_OK;
  const char *at = text, *line, *end;
  out->id = plt_mem_alloc(lines * sizeof *out->id);
  while (status == PLT_OK && (line = next_line(&at, &number)) != NULL) {
    if (read_id(kind, line, &out->id[out->n], &end)) {
      out->n++;
    } else {
      char shown[PLT_SHOWN_BYTES];
      what = describe(kind);
      status = plt_fail(PLT_ERR_DATA, "%s: %s:%zu: does not begin with %s: \"%s\"", option, file, number, what,
                        plt_bytes_show(line, strcspn(line, "\r\n"), shown));
    }
  }
  free(what);
  free(text);
  return status;
}

static bool is_file(const char *text) { return plt_path_exists(text) && !plt_path_is_dir(text); }

plt_status_t plt_ids_read(const char *option, const char *text, const plt_id_kind_t *kind, plt_ids_t *out) {
  *out = (plt_ids_t){0};
  bool is_numbers = kind->names == NULL && strspn(text, "0123456789,") == strlen(text);
  bool is_list = is_numbers || ((kind->names != NULL || strchr(text, '/') == NULL) && !is_file(text));
  plt_status_t status = (is_list ? read_list : read_file)(option, text, kind, out);
  if (status != PLT_OK) plt_ids_clear(out);
  settle(out);
  return status;
}

void plt_ids_invert(plt_ids_t *ids, uint32_t limit) {
  plt_ids_t others = {.id = plt_mem_alloc(limit * sizeof *others.id)};
  size_t at = 0;
  for (uint32_t id = 0; id < limit; id++) {
    if (at < ids->n && ids->id[at] == id)
      at++;
    else
      others.id[others.n++] = id;
  }
  plt_ids_clear(ids);
  *ids = others;
}

void plt_ids_unite(plt_ids_t *ids, const plt_ids_t *more) {
  ids->id = plt_mem_resize(ids->id, ids->n + more->n, sizeof *ids->id);
  if (more->n > 0) memcpy(ids->id + ids->n, more->id, more->n * sizeof *ids->id);
  ids->n += more->n;
  settle(ids);
}

/* ---- pairs ---- */

void plt_id_pairs_clear(plt_id_pairs_t *pairs) {
  free(pairs->user);
  free(pairs->item);
  *pairs = (plt_id_pairs_t){0};
}

static bool read_pair(const char *line, const plt_id_kind_t *users, const plt_id_kind_t *items, uint32_t *user,
                      uint32_t *item) {
  const char *next;
  if (!read_id(users, line, user, &next) || *next == '\0' || *next == '\n') return false;
  return read_id(items, next + 1, item, &next);
}

static bool is_header(const char *line, const plt_id_kind_t *users) {
  uint32_t user;
  const char *next;
  return users->names == NULL ? !isdigit((unsigned char)*line) : !read_id(users, line, &user, &next);
}

static plt_status_t no_such_pair(const char *option, const char *file, size_t number, const plt_id_kind_t *users,
                                 const plt_id_kind_t *items) {
  char *user = describe(users), *item = describe(items);
  plt_fail(PLT_ERR_DATA, "%s: %s:%zu: does not begin with %s, and %s", option, file, number, user, item);
  free(item);
  free(user);
  return PLT_ERR_DATA;
}

plt_status_t plt_id_pairs_read(const char *option, const char *file, const plt_id_kind_t *users,
                               const plt_id_kind_t *items, plt_id_pairs_t *out) {
  char *text;
  size_t lines = 0, number = 0;
  *out = (plt_id_pairs_t){0};
  PLT_TRY(read_text(option, file, &text, &lines));
  plt_status_t status = PLT_OK;
  const char *at = text, *line;
  out->user = plt_mem_alloc(lines * sizeof *out->user);
  out->item = plt_mem_alloc(lines * sizeof *out->item);
  while (status == PLT_OK && (line = next_line(&at, &number)) != NULL) {
    if (number == 1 && is_header(line, users)) {
      char shown[PLT_SHOWN_BYTES];
      plt_log(PLT_LOG_NOTE, "%s:1: taken for a header: %s", file, plt_bytes_show(line, strcspn(line, "\r\n"), shown));
      continue;
    }
    if (read_pair(line, users, items, &out->user[out->n], &out->item[out->n]))
      out->n++;
    else
      status = no_such_pair(option, file, number, users, items);
  }
  free(text);
  if (status != PLT_OK) plt_id_pairs_clear(out);
  return status;
}
