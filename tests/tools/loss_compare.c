/* loss_compare.c - loss_compare METRICS.jsonl LOSS.json: the losses of the "step" events equal the list "loss" within a
 * relative tolerance: trainings (stage, modality, outer, round, environment) as they first appear, in each by (epoch,
 * step), the last of each place. Exit 1 otherwise. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/tools/events.h"

typedef struct step {
  size_t training; /* by first appearance */
  double epoch, step, loss;
  size_t line;
} step_t;

static int by_place(const void *left, const void *right) {
  const step_t *a = left, *b = right;
  if (a->training != b->training) return a->training < b->training ? -1 : 1;
  if (a->epoch != b->epoch) return a->epoch < b->epoch ? -1 : 1;
  if (a->step != b->step) return a->step < b->step ? -1 : 1;
  return a->line < b->line ? -1 : 1;
}

static bool is_same_place(const step_t *a, const step_t *b) {
  return a->training == b->training && a->epoch == b->epoch && a->step == b->step;
}

/* Whether two events are of one training. */
static bool is_same_training(const json_t *a, const json_t *b) {
  static const char *const keys[] = {"stage", "modality", "outer", "round", "environment"};
  for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
    const json_t *x = json_object_get(a, keys[k]), *y = json_object_get(b, keys[k]);
    if (x == NULL || y == NULL ? x != y : !json_equal(x, y)) return false;
  }
  return true;
}

/* The line of the first event of the training that an event is of. */
static size_t training_of(const json_t *events, const json_t *event) {
  size_t i = 0;
  while (!event_is(json_array_get(events, i), "event", "step") || !is_same_training(json_array_get(events, i), event))
    i++;
  return i;
}

/* Steps in order, of each place the last; NULL if an event lacks a number. */
static step_t *steps_of(const json_t *events, size_t *n) {
  size_t count = 0, kept = 0, lines = json_array_size(events);
  step_t *steps = calloc(lines + 1, sizeof *steps);
  if (!steps) abort();
  for (size_t i = 0; i < lines; i++) {
    const json_t *event = json_array_get(events, i);
    if (!event_is(event, "event", "step")) continue;
    step_t *step = &steps[count++];
    step->line = i;
    step->training = training_of(events, event);
    if (!event_number(event, "epoch", &step->epoch) || !event_number(event, "step", &step->step) ||
        !event_number(event, "loss", &step->loss)) {
      plt_fail(PLT_ERR_DATA, "line %zu: a step needs the numbers epoch, step, loss", i + 1);
      free(steps);
      return NULL;
    }
  }
  qsort(steps, count, sizeof *steps, by_place);
  for (size_t i = 0; i < count; i++) {
    if (i + 1 == count || !is_same_place(&steps[i], &steps[i + 1])) steps[kept++] = steps[i];
  }
  *n = kept;
  return steps;
}

static int compare(const step_t *steps, size_t n, const json_t *expected, double tolerance) {
  if (n != json_array_size(expected)) {
    fprintf(stderr, "loss_compare: %zu steps, expected %zu\n", n, json_array_size(expected));
    return 1;
  }
  double worst = 0;
  int code = 0;
  for (size_t i = 0; i < n; i++) {
    const json_t *number = json_array_get(expected, i);
    double want = json_is_number(number) ? json_number_value(number) : NAN;
    double difference = fabs(steps[i].loss - want) / fmax(fabs(want), 1e-30);
    worst = fmax(worst, difference);
    if (difference <= tolerance) continue;
    code = 1;
    printf("loss of epoch %g, step %g: %.17g, expected %.17g\n", steps[i].epoch, steps[i].step, steps[i].loss, want);
  }
  printf("%-16s max difference %.3g (relative, %zu steps)\n", "loss", worst, n);
  return code;
}

int main(int argc, char **argv) {
  const char *paths[2];
  double tolerance = compare_arguments(argc, argv, "loss_compare METRICS.jsonl LOSS.json [--tolerance 1e-5]", paths);
  json_t *events, *expect;
  if (events_read(paths[0], &events) != PLT_OK) return compare_failed("loss_compare");
  if (document_read(paths[1], &expect) != PLT_OK) {
    json_decref(events);
    return compare_failed("loss_compare");
  }
  int code = 1;
  size_t n = 0;
  step_t *steps = steps_of(events, &n);
  const json_t *losses = json_object_get(expect, "loss");
  if (!losses) plt_fail(PLT_ERR_DATA, "%s: no list \"loss\"", paths[1]);
  if (steps && losses)
    code = compare(steps, n, losses, tolerance);
  else
    compare_failed("loss_compare");
  free(steps);
  json_decref(expect);
  json_decref(events);
  return code;
}
