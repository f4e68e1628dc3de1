/* metrics_compare.c - metrics_compare METRICS.jsonl EXPECT.json: each number "valid.NAME" or "test.NAME" of EXPECT
 * equals NAME of the last "eval" event of that split, within an absolute tolerance. Exit 1 otherwise. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/tools/events.h"

static const plt_yaml_t *last_eval(const events_t *events, const char *split) {
  for (size_t i = events->n; i-- > 0;) {
    const plt_yaml_t *event = &events->lines[i];
    if (event_is(event, "event", "eval") && event_is(event, "split", split)) return event;
  }
  return NULL;
}

/* "valid.recall@5": the last evaluation on `valid` has "recall@5". */
static bool found_number(const events_t *events, const char *path, double *value) {
  char split[16];
  size_t length = strcspn(path, ".");
  if (path[length] == 0 || length >= sizeof split) return false;
  memcpy(split, path, length);
  split[length] = 0;
  const plt_yaml_t *event = last_eval(events, split);
  return event && event_number(event, path + length + 1, value);
}

static int compare(const events_t *events, const plt_yaml_t *expect, double tolerance) {
  int code = 0;
  double worst = 0;
  size_t compared = 0;
  for (size_t i = 0; i < expect->n_entries; i++) {
    const plt_yaml_entry_t *entry = &expect->entries[i];
    double want = 0, is = NAN;
    if (entry->n_items != 1 || !number_of(entry->items[0], &want)) continue;
    compared++;
    bool found = found_number(events, entry->path, &is);
    double difference = found ? fabs(is - want) : INFINITY;
    worst = fmax(worst, difference);
    if (difference <= tolerance) continue;
    code = 1;
    if (found)
      printf("%s: %.17g, expected %.17g\n", entry->path, is, want);
    else
      printf("%s: missing, expected %.17g\n", entry->path, want);
  }
  printf("%-16s max difference %.3g (%zu numbers)\n", "metrics", worst, compared);
  return compared ? code : 1;
}

int main(int argc, char **argv) {
  const char *paths[2];
  double tolerance =
      compare_arguments(argc, argv, "metrics_compare METRICS.jsonl EXPECT.json [--tolerance 1e-5]", paths);
  events_t events;
  plt_yaml_t expect;
  if (events_read(paths[0], &events) != PLT_OK) return compare_failed("metrics_compare");
  if (document_read(paths[1], &expect) != PLT_OK) {
    events_clear(&events);
    return compare_failed("metrics_compare");
  }
  int code = compare(&events, &expect, tolerance);
  plt_yaml_clear(&expect);
  events_clear(&events);
  return code;
}
