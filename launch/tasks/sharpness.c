/* sharpness.c - how much the loss rises around a checkpoint's tables: a table on standard output, or JSON. */
#include "worker/flatness/sharpness.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "common/io/json.h"
#include "launch/tasks/task.h"

static const plt_option_t rows[] = {
    {.key = "sharpness.rho",
     .type = PLT_OPT_REALS,
     .fallback = "[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]",
     .min = 0,
     .max = INFINITY,
     .above_min = true,
     .placeholder = "R,...",
     .help = "Distances from the tables, over all rows of a leaf."},
    {.key = "sharpness.batches",
     .type = PLT_OPT_INT,
     .fallback = "50",
     .min = 0,
     .max = UINT32_MAX,
     .placeholder = "N",
     .help = "Batches of an epoch that are looked at; 0: all of them."},
    {.key = "sharpness.directions",
     .type = PLT_OPT_INT,
     .fallback = "5",
     .min = 1,
     .max = 1000,
     .placeholder = "N",
     .help = "Random directions for each leaf."},
    {.key = "sharpness.seed",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 0,
     .max = INT32_MAX,
     .placeholder = "N",
     .help = "Which random directions; runs of equal shape have the same."},
    {.key = "sharpness.json",
     .type = PLT_OPT_BOOL,
     .fallback = "false",
     .help = "One JSON object instead of the table."},
};

static plt_status_t read_options(const plt_config_t *options, plt_sharpness_t *sharpness) {
  *sharpness = (plt_sharpness_t){.n = plt_config_list_size(options, "sharpness.rho"),
                                 .batches = (uint32_t)plt_config_int(options, "sharpness.batches"),
                                 .directions = (uint32_t)plt_config_int(options, "sharpness.directions"),
                                 .seed = (uint64_t)plt_config_int(options, "sharpness.seed")};
  if (sharpness->n == 0 || sharpness->n > PLT_RHO_MAX)
    return plt_fail(PLT_ERR_USAGE, "sharpness: --rho: 1 to %d distances, not %zu", PLT_RHO_MAX, sharpness->n);
  for (size_t r = 0; r < sharpness->n; r++) sharpness->rho[r] = plt_config_list_real(options, "sharpness.rho", r);
  return PLT_OK;
}

static void print_json(const plt_session_t *session, const plt_sharpness_t *sharpness) {
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "epochs", session->progress.epoch);
  plt_json_int(json, "clock", (int64_t)session->clock);
  plt_json_int(json, "batches", sharpness->batches);
  plt_json_int(json, "directions", sharpness->directions);
  plt_json_int(json, "seed", (int64_t)sharpness->seed);
  plt_json_real(json, "loss", sharpness->loss);
  plt_json_real(json, "gradient", sharpness->gradient);
  plt_json_reals(json, "rho", sharpness->rho, sharpness->n);
  plt_json_reals(json, "ascent", sharpness->ascent, sharpness->n);
  plt_json_reals(json, "random", sharpness->random, sharpness->n);
  plt_json_write(&json, stdout);
}

static void print_table(const plt_session_t *session, const plt_sharpness_t *sharpness) {
  char at[64];
  plt_progress_describe(&session->progress, at, sizeof at);
  printf("tables %s, clock %" PRIu64 ": loss %.6g, gradient %.4g long, means over %" PRIu32
         " batches\n%10s %16s %16s\n",
         at, session->clock, sharpness->loss, sharpness->gradient, sharpness->batches, "rho", "rise, ascent",
         "rise, random");
  for (size_t r = 0; r < sharpness->n; r++)
    printf("%10g %16.6g %16.6g\n", sharpness->rho[r], sharpness->ascent[r], sharpness->random[r]);
}

static plt_status_t run(plt_session_t *session, const plt_task_call_t *call) {
  plt_sharpness_t sharpness;
  PLT_TRY(read_options(call->options, &sharpness));
  PLT_TRY(plt_sharpness_measure(session, "sharpness", &sharpness));
  if (session->worker != 0) return PLT_OK;
  if (plt_config_bool(call->options, "sharpness.json"))
    print_json(session, &sharpness);
  else
    print_table(session, &sharpness);
  return PLT_OK;
}

const plt_task_t plt_task_sharpness = {
    .name = "sharpness",
    .summary = "measure how much the loss rises around the tables of a run",
    .about =
        "The mean rise of the training loss at a distance rho: one step along the gradient, which nearly finds the "
        "worst (SAM's sharpness), and in random directions. Batches, negatives and draws are those of the first "
        "epoch, for every run the same.",
    .example = "runs/quickstart-20261121-101500 --rho 0.05,0.5",
    .options = {"sharpness", rows, sizeof rows / sizeof *rows},
    .run = run,
};
