/* landscape.c - the loss over random directions through a checkpoint's tables: numbers as JSON, pictures by gnuplot. */
#include "worker/flatness/landscape.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/tasks/picture.h"
#include "launch/tasks/surfaces.h"
#include "launch/tasks/task.h"

enum { SURFACES_MAX = 8 };

static const plt_option_t rows[] = {
    {.key = "landscape.output",
     .type = PLT_OPT_TEXT,
     .letter = 'o',
     .placeholder = "FILE",
     .help = "Where the numbers go, as JSON; its name is the title in pictures; -: standard output. Of several runs a "
             "folder, "
             "with RUN.json."},
    {.key = "landscape.plot",
     .type = PLT_OPT_TEXT,
     .fallback = "\"\"",
     .placeholder = "PICTURE",
     .help = "A picture, .svg or .png, by gnuplot; what gnuplot was given stays in PICTURE.gp."},
    {.key = "landscape.beside",
     .type = PLT_OPT_TEXTS,
     .fallback = "[]",
     .placeholder = "FILE,...",
     .help = "Landscapes of other runs that stand in the picture before this one, on the same scale."},
    {.key = "landscape.axes",
     .type = PLT_OPT_INT,
     .fallback = "2",
     .min = 1,
     .max = 2,
     .placeholder = "N",
     .help = "Directions: 2 make a surface, 1 a line."},
    {.key = "landscape.range",
     .type = PLT_OPT_REAL,
     .fallback = "1",
     .min = 0,
     .max = INFINITY,
     .above_min = true,
     .placeholder = "R",
     .help = "How far from the tables, to both sides; 1: every row is moved by its own length."},
    {.key = "landscape.resolution",
     .type = PLT_OPT_INT,
     .fallback = "21",
     .min = 3,
     .max = 1001,
     .placeholder = "N",
     .help = "Points of an axis, an odd number."},
    {.key = "landscape.batches",
     .type = PLT_OPT_INT,
     .fallback = "10",
     .min = 0,
     .max = UINT32_MAX,
     .placeholder = "N",
     .help = "Batches of an epoch whose mean loss is taken; 0: all of them."},
    {.key = "landscape.seed",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 0,
     .max = INT32_MAX,
     .placeholder = "N",
     .help = "Which directions; runs of equal shape have the same."},
};

static plt_status_t read_options(const plt_config_t *options, plt_landscape_t *landscape) {
  *landscape = (plt_landscape_t){.axes = (uint32_t)plt_config_int(options, "landscape.axes"),
                                 .resolution = (uint32_t)plt_config_int(options, "landscape.resolution"),
                                 .range = plt_config_real(options, "landscape.range"),
                                 .batches = (uint32_t)plt_config_int(options, "landscape.batches"),
                                 .seed = (uint64_t)plt_config_int(options, "landscape.seed")};
  if (landscape->resolution % 2 == 0)
    return plt_fail(PLT_ERR_USAGE,
                    "landscape: --resolution: %" PRIu32
                    " is even: the tables themselves are the middle "
                    "point, take %" PRIu32,
                    landscape->resolution, landscape->resolution + 1);
  if (plt_config_list_size(options, "landscape.beside") >= SURFACES_MAX)
    return plt_fail(PLT_ERR_USAGE, "landscape: --beside: at most %d files", SURFACES_MAX - 1);
  return PLT_OK;
}

static plt_status_t write_file(const plt_session_t *session, const plt_landscape_t *landscape, const double *loss,
                               const char *file) {
  const plt_plan_t *plan = session->plan;
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "model", plan->model->ops->name);
  plt_json_text(json, "strategy", plan->strategy->ops->name);
  plt_json_int(json, "epochs", session->progress.epoch);
  plt_json_int(json, "clock", (int64_t)session->clock);
  plt_json_int(json, "batches", landscape->batches);
  plt_json_int(json, "seed", (int64_t)landscape->seed);
  plt_surface_put(landscape, loss, json);
  char *line = plt_json_print(json), *text = plt_mem_print("%s\n", line);
  plt_status_t status = plt_file_publish_or_print(file, text, strlen(text));
  free(text);
  free(line);
  plt_json_destroy(&json);
  return status;
}

static plt_status_t read_beside(const plt_config_t *options, uint32_t axes, plt_surface_t *surfaces, size_t *n) {
  plt_status_t status = PLT_OK;
  for (*n = 0; *n < plt_config_list_size(options, "landscape.beside") && status == PLT_OK; ++*n) {
    plt_surface_t *surface = &surfaces[*n];
    const char *file = plt_config_list_text(options, "landscape.beside", *n);
    status = plt_surface_read(file, surface);
    if (status == PLT_OK && surface->axes != axes)
      status = plt_fail(PLT_ERR_USAGE, "landscape: --beside: %s has %" PRIu32 " axes, not %" PRIu32, file,
                        surface->axes, axes);
  }
  return status;
}

static plt_status_t draw(const char *file, plt_surface_t *surfaces, size_t n_beside, const char *picture) {
  PLT_TRY(plt_surface_read(file, &surfaces[n_beside]));
  return plt_surfaces_draw(surfaces, n_beside + 1, picture);
}

static void tell(const plt_session_t *session, const plt_landscape_t *landscape, const double *loss) {
  size_t points = plt_landscape_points(landscape);
  double low = INFINITY, high = -INFINITY;
  for (size_t i = 0; i < points; i++) low = fmin(low, loss[i]), high = fmax(high, loss[i]);
  char at[64];
  plt_progress_describe(&session->progress, at, sizeof at);
  printf("tables %s, clock %" PRIu64 ": loss %.6g, mean over %" PRIu32 " batches; around it %.6g to %.6g\n", at,
         session->clock, loss[points / 2], landscape->batches, low, high);
}

static bool goes_to_output(const plt_config_t *options) {
  return strcmp(plt_config_text(options, "landscape.output"), "-") == 0;
}

/* worker 0, with a picture: what can go wrong with it is told before anything is measured. */
static plt_status_t prepare(const plt_config_t *options, const plt_landscape_t *landscape, const char *picture,
                            plt_surface_t *surfaces, size_t *n_beside) {
  if (goes_to_output(options)) return plt_fail(PLT_ERR_USAGE, "landscape: --plot draws what -o names: a file, not -");
  PLT_TRY(plt_picture_check(picture));
  return read_beside(options, landscape->axes, surfaces, n_beside);
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_landscape_t landscape;
  plt_surface_t surfaces[SURFACES_MAX] = {0};
  size_t n_beside = 0;
  const char *file = plt_config_text(call->options, "landscape.output");
  const char *picture = plt_config_text(call->options, "landscape.plot");
  const bool draws = session->worker == 0 && picture[0] != '\0';
  PLT_TRY(read_options(call->options, &landscape));
  double *loss = plt_mem_alloc(plt_landscape_points(&landscape) * sizeof *loss);
  plt_status_t status = draws ? prepare(call->options, &landscape, picture, surfaces, &n_beside) : PLT_OK;
  if (status == PLT_OK) status = plt_landscape_measure(session, &landscape, loss);
  if (status == PLT_OK && session->worker == 0) status = write_file(session, &landscape, loss, file);
  if (status == PLT_OK && draws) status = draw(file, surfaces, n_beside, picture);
  if (status == PLT_OK && session->worker == 0 && !goes_to_output(call->options)) tell(session, &landscape, loss);
  for (size_t s = 0; s < SURFACES_MAX; s++) plt_surface_clear(&surfaces[s]);
  free(loss);
  return status;
}

/* -o is a folder then: a file for each run, and the picture of all with the last. */
static plt_status_t several(const plt_several_t *all, const plt_config_t *options, plt_sets_t *more) {
  const char *folder = plt_config_text(options, "landscape.output");
  const bool is_last = all->i + 1 == all->n;
  if (goes_to_output(options))
    return plt_fail(PLT_ERR_USAGE, "landscape: -o - takes one run; of several -o names a folder");
  char *beside, *file = plt_mem_print("%s/%s.json", folder, all->names[all->i]);
  size_t bytes;
  plt_status_t status = plt_dir_create(folder);
  FILE *out = open_memstream(&beside, &bytes);
  for (size_t i = 0; i < plt_config_list_size(options, "landscape.beside"); i++)
    fprintf(out, "%s,", plt_config_list_text(options, "landscape.beside", i));
  for (size_t i = 0; i < all->i; i++) fprintf(out, "%s/%s.json%s", folder, all->names[i], i + 1 < all->i ? "," : "");
  fclose(out);
  plt_sets_add(more, "output", file);
  if (is_last)
    plt_sets_add(more, "beside", beside);
  else
    plt_sets_add(more, "plot", "");
  free(beside);
  free(file);
  return status;
}

const plt_task_t plt_task_landscape = {
    .name = "landscape",
    .summary = "measure and draw the loss around the tables of a run",
    .about =
        "The mean training loss on a grid over one or two random directions, each row of them as long as the row of "
        "the tables (filter normalisation). Batches, negatives and draws are those of the first epoch, and runs of "
        "equal shape share their directions: so they can be held beside each other.",
    .example = "runs/plain runs/bsam runs/bsam+ -o landscapes --plot landscape.svg",
    .options = {"landscape", rows, sizeof rows / sizeof *rows},
    .several = several,
    .run = run,
};
