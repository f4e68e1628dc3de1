/* ids.c - see ids.h. */
#include "launch/tasks/ids.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"

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

/* The number at `at`, which ends before one of `ends`; *next is what follows. */
static bool read_id(const char *at, const char *ends, uint32_t limit, uint32_t *id, const char **next) {
  uint64_t value = 0;
  const char *digit = at;
  for (; isdigit((unsigned char)*digit) && value < limit; digit++) value = 10 * value + (uint64_t)(*digit - '0');
  *next = digit;
  *id = (uint32_t)value;
  return digit > at && value < limit && (*digit == '\0' || strchr(ends, *digit) != NULL);
}

static plt_status_t read_list(const char *option, const char *text, const char *what, uint32_t limit, plt_ids_t *out) {
  out->id = plt_mem_alloc((strlen(text) / 2 + 1) * sizeof *out->id);
  for (const char *at = text; *at != '\0';) {
    const char *next;
    if (!read_id(at, ",", limit, &out->id[out->n], &next))
      return plt_fail(PLT_ERR_USAGE, "%s: %.*s is no %s: they are 0 to %" PRIu32, option, (int)strcspn(at, ","), at,
                      what, limit - 1);
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

static plt_status_t read_file(const char *option, const char *file, const char *what, uint32_t limit, plt_ids_t *out) {
  char *text;
  size_t lines = 0, number = 0;
  PLT_TRY(read_text(option, file, &text, &lines));
  plt_status_t status = PLT_OK;
  const char *at = text, *line, *end;
  out->id = plt_mem_alloc(lines * sizeof *out->id);
  while (status == PLT_OK && (line = next_line(&at, &number)) != NULL) {
    if (read_id(line, "\n\r\t, ", limit, &out->id[out->n], &end))
      out->n++;
    else
      status = plt_fail(PLT_ERR_DATA, "%s: %s:%zu: does not begin with a %s, 0 to %" PRIu32, option, file, number, what,
                        limit - 1);
  }
  free(text);
  return status;
}

plt_status_t plt_ids_read(const char *option, const char *text, const char *what, uint32_t limit, plt_ids_t *out) {
  *out = (plt_ids_t){0};
  bool is_list = strspn(text, "0123456789,") == strlen(text);
  plt_status_t status = (is_list ? read_list : read_file)(option, text, what, limit, out);
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

static bool read_pair(const char *line, uint32_t users, uint32_t items, uint32_t *user, uint32_t *item) {
  const char *next;
  if (!read_id(line, "\t, ", users, user, &next) || *next == '\0') return false;
  return read_id(next + 1, "\n\r\t, ", items, item, &next);
}

plt_status_t plt_id_pairs_read(const char *option, const char *file, uint32_t users, uint32_t items,
                               plt_id_pairs_t *out) {
  char *text;
  size_t lines = 0, number = 0;
  *out = (plt_id_pairs_t){0};
  PLT_TRY(read_text(option, file, &text, &lines));
  plt_status_t status = PLT_OK;
  const char *at = text, *line;
  out->user = plt_mem_alloc(lines * sizeof *out->user);
  out->item = plt_mem_alloc(lines * sizeof *out->item);
  while (status == PLT_OK && (line = next_line(&at, &number)) != NULL) {
    if (number == 1 && !isdigit((unsigned char)*line)) continue; /* a header */
    if (read_pair(line, users, items, &out->user[out->n], &out->item[out->n]))
      out->n++;
    else
      status =
          plt_fail(PLT_ERR_DATA, "%s: %s:%zu: does not begin with a user, 0 to %" PRIu32 ", and an item, 0 to %" PRIu32,
                   option, file, number, users - 1, items - 1);
  }
  free(text);
  if (status != PLT_OK) plt_id_pairs_clear(out);
  return status;
}
