/* metrics_compare.c - metrics_compare METRICS.jsonl EXPECT.json: each number NAME in "valid" or "test" of EXPECT equals
 * NAME of the last "eval" event of that split, within an absolute tolerance. Exit 1 otherwise. */
#include <math.h>
#include <stdio.h>

#include "tests/tools/events.h"

static const json_t *last_eval(const json_t *events, const char *split) {
  for (size_t i = json_array_size(events); i-- > 0;) {
    const json_t *event = json_array_get(events, i);
    if (event_is(event, "event", "eval") && event_is(event, "split", split)) return event;
  }
  return NULL;
}

static int compare(const json_t *events, json_t *expect, double tolerance) {
  int code = 0;
  double worst = 0;
  size_t compared = 0;
  const char *split, *name;
  json_t *numbers, *number;
  json_object_foreach(expect, split, numbers) {
    json_object_foreach(numbers, name, number) {
      double is = NAN, want = json_number_value(number);
      if (!json_is_number(number)) continue;
      compared++;
      bool found = event_number(last_eval(events, split), name, &is);
      double difference = found ? fabs(is - want) : INFINITY;
      worst = fmax(worst, difference);
      if (difference <= tolerance) continue;
      code = 1;
      if (found)
        printf("%s.%s: %.17g, expected %.17g\n", split, name, is, want);
      else
        printf("%s.%s: missing, expected %.17g\n", split, name, want);
    }
  }
  printf("%-16s max difference %.3g (%zu numbers)\n", "metrics", worst, compared);
  return compared ? code : 1;
}

int main(int argc, char **argv) {
  const char *paths[2];
  double tolerance =
      compare_arguments(argc, argv, "metrics_compare METRICS.jsonl EXPECT.json [--tolerance 1e-5]", paths);
  json_t *events, *expect;
  if (events_read(paths[0], &events) != PLT_OK) return compare_failed("metrics_compare");
  if (document_read(paths[1], &expect) != PLT_OK) {
    json_decref(events);
    return compare_failed("metrics_compare");
  }
  int code = compare(events, expect, tolerance);
  json_decref(expect);
  json_decref(events);
  return code;
}
