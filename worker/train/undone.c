/* undone.c - see undone.h. */
#include "worker/train/undone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/io/json.h"

#define BYTES_MAX ((size_t)1 << 32)

static const char beginning[] = "{\"event\": ", undone[] = "{\"event\": \"undone\", \"was\": ";

/* An event has a clock if it tells of the tables. A recovery's is where all go on from. */
static bool is_undone(const char *line, size_t bytes, uint64_t clock, bool closed) {
  plt_json_t *json;
  uint64_t at;
  if (strncmp(line, beginning, sizeof beginning - 1) != 0) return false;
  if (plt_json_parse(line, bytes, "metrics.jsonl", &json) != PLT_OK) return false;
  const char *event = plt_json_get_text(plt_json_find(json, "event"));
  bool is = event != NULL && strcmp(event, "recovery") != 0 && strcmp(event, "undone") != 0 &&
            plt_json_get_uint(plt_json_find(json, "clock"), UINT64_MAX, &at);
  if (is) is = at > clock || (at == clock && !closed && (strcmp(event, "epoch") == 0 || strcmp(event, "eval") == 0));
  plt_json_destroy(&json);
  return is;
}

/* The text with its events marked, to be freed; NULL: there is nothing to mark. */
static char *mark(const char *text, uint64_t clock, bool closed, size_t *bytes) {
  char *out = NULL;
  size_t n = 0;
  FILE *file = open_memstream(&out, bytes);
  if (file == NULL) return NULL;
  for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    bool is = is_undone(line, (size_t)(end - line), clock, closed);
    const char *rest = is ? line + sizeof beginning - 1 : line;
    if (is) fputs(undone, file);
    fwrite(rest, 1, (size_t)(end + 1 - rest), file);
    n += is;
  }
  bool failed = fclose(file) != 0;
  if (n > 0 && !failed) return out;
  free(out);
  return NULL;
}

plt_status_t plt_undone_mark(const char *run_dir, uint64_t clock, bool closed) {
  char path[PLT_PATH_MAX], *text;
  size_t bytes = 0;
  if (run_dir == NULL) return PLT_OK;
  PLT_TRY(plt_path_join(run_dir, "metrics.jsonl", path));
  if (!plt_path_exists(path)) return PLT_OK;
  PLT_TRY(plt_file_read(path, BYTES_MAX, &text, NULL));
  char *marked = mark(text, clock, closed, &bytes);
  free(text);
  plt_status_t status = marked == NULL ? PLT_OK : plt_file_publish(path, marked, bytes);
  free(marked);
  return status;
}
