/* tune.c - see tune.h. */
#include "launch/tune/tune.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/io/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "launch/host/limits.h"
#include "launch/job/outline.h"
#include "launch/tune/pool.h"

/* ---- the plan ---- */

char *plt_trial_describe(const plt_trial_t *trial) {
  char *text;
  size_t bytes;
  FILE *out = open_memstream(&text, &bytes);
  for (size_t i = 0, shown = 0; i < trial->point.n; i++) {
    const char *equals = strchr(trial->point.text[i], '=');
    if (strncmp(trial->point.text[i], "strategy.name=", strlen("strategy.name=")) == 0) continue;
    fprintf(out, "%s%.*s %s", shown++ == 0 ? "" : ", ", (int)(equals - trial->point.text[i]), trial->point.text[i],
            equals + 1);
  }
  fclose(out);
  return text;
}

static void list_trials(plt_tuning_t *tuning) {
  const plt_space_t *space = tuning->space;
  tuning->n = space->n_arms * space->trials;
  tuning->trial = plt_mem_zalloc(tuning->n, sizeof *tuning->trial);
  tuning->best = plt_mem_zalloc(space->n_arms, sizeof *tuning->best);
  for (size_t i = 0; i < tuning->n; i++) {
    plt_trial_t *trial = &tuning->trial[i];
    *trial = (plt_trial_t){.arm = &space->arm[i / space->trials],
                           .number = (uint32_t)(i % space->trials),
                           .goes_on = true,
                           .value = NAN,
                           .epochs = NAN};
    trial->name = plt_mem_print("%s-%" PRIu32, trial->arm->name, trial->number + 1);
    trial->dir = plt_mem_print("%s/trials/%s", tuning->dir, trial->name);
    plt_space_point(space, trial->arm, trial->number, &trial->point);
  }
}

/* What makes results: how many run at a time does not. */
static char *describe_plan(const plt_tuning_t *tuning, const plt_config_t *config) {
  const plt_space_t *space = tuning->space;
  plt_json_t *json = plt_json_create();
  char *dump = plt_config_dump(config);
  plt_json_text(json, "configuration", dump);
  plt_json_int(json, "search", space->search);
  plt_json_int(json, "eta", space->eta);
  plt_json_int(json, "epochs", space->epochs);
  plt_json_t *seeds = plt_json_add_list(json, "seeds");
  for (size_t i = 0; i < space->n_seeds; i++) plt_json_int(seeds, NULL, space->seeds[i]);
  plt_json_t *trials = plt_json_add_object(json, "trials");
  for (size_t i = 0; i < tuning->n; i++) {
    plt_json_t *point = plt_json_add_list(trials, tuning->trial[i].name);
    for (size_t s = 0; s < tuning->trial[i].point.n; s++) plt_json_text(point, NULL, tuning->trial[i].point.text[s]);
  }
  char *line = plt_json_print(json), *text = plt_mem_print("%s\n", line);
  plt_json_destroy(&json);
  free(line);
  free(dump);
  return text;
}

static plt_status_t keep_plan(const plt_tuning_t *tuning, const char *plan) {
  enum { PLAN_BYTES_MAX = 64 << 20 };
  char path[PLT_PATH_MAX];
  static const char *const folders[] = {"", "/trials", "/finals", "/logs"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    char *folder = plt_mem_print("%s%s", tuning->dir, folders[i]);
    plt_status_t status = plt_dir_create(folder);
    free(folder);
    PLT_TRY(status);
  }
  PLT_TRY(plt_path_join(tuning->dir, "plan.json", path));
  if (!plt_path_exists(path)) return plt_file_publish(path, plan, strlen(plan));
  char *before;
  PLT_TRY(plt_file_read(path, PLAN_BYTES_MAX, &before, NULL));
  const bool same = strcmp(before, plan) == 0;
  free(before);
  if (same) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: holds another search (plan.json): choose another directory with -o, or remove it",
                  tuning->dir);
}

static bool sets_key(const char *assignment, const char *key) {
  return strncmp(assignment, key, strlen(key)) == 0 && assignment[strlen(key)] == '=';
}

/* An option that is searched cannot be given, too, nor one that the search sets. */
static plt_status_t check_sets(const plt_tuning_t *tuning) {
  for (size_t s = 0; s < tuning->sets->n; s++)
    if (sets_key(tuning->sets->text[s], "run.seed") || sets_key(tuning->sets->text[s], "run.dir"))
      return plt_fail(PLT_ERR_USAGE, "tune: --set %s: the search sets it itself (--set tune.seeds=[1, 2], -o DIR)",
                      tuning->sets->text[s]);
  for (size_t s = 0; s < tuning->sets->n; s++)
    for (size_t a = 0; a < tuning->space->n_arms; a++)
      for (size_t d = 0; d < tuning->space->arm[a].n; d++) {
        const char *key = tuning->space->arm[a].dimension[d].key, *text = tuning->sets->text[s];
        if (sets_key(text, key))
          return plt_fail(PLT_ERR_USAGE, "tune: --set %s: the search chooses %s (section tune)", text, key);
      }
  return PLT_OK;
}

/* The configuration of a point; where `instead` is given, with that assignment in the place of number d. */
static plt_status_t load_point(const plt_tuning_t *tuning, const plt_sets_t *point, size_t d, const char *instead,
                               plt_config_t **out) {
  plt_sets_t all = {0};
  for (size_t i = 0; i < tuning->sets->n; i++) plt_sets_add(&all, NULL, tuning->sets->text[i]);
  for (size_t i = 0; i < point->n; i++) plt_sets_add(&all, NULL, instead != NULL && i == d ? instead : point->text[i]);
  plt_status_t status = plt_config_load(tuning->config, all.text, all.n, out);
  plt_sets_clear(&all);
  return status;
}

/* Every value of a list and the ends of a range, beside the first point: what is wrong is not found out by the last
 * trial. */
static plt_status_t check_values(const plt_tuning_t *tuning, const plt_arm_t *arm, const plt_sets_t *point) {
  plt_status_t status = PLT_OK;
  for (size_t d = 0; d < arm->n; d++) {
    const plt_dimension_t *dimension = &arm->dimension[d];
    const size_t n = dimension->values != NULL ? dimension->n : 2;
    size_t place = 0;
    while (place < point->n && !sets_key(point->text[place], dimension->key)) place++;
    for (size_t v = 0; v < n && status == PLT_OK; v++) {
      char *instead = dimension->values != NULL ? plt_mem_print("%s=%s", dimension->key, dimension->values[v])
                                                : plt_mem_print("%s=%.*g", dimension->key, dimension->whole ? 17 : 3,
                                                                v == 0 ? dimension->from : dimension->to);
      plt_config_t *config = NULL;
      status = load_point(tuning, point, place, instead, &config);
      if (status != PLT_OK) plt_fail_within(status, "tune: %s", instead);
      plt_config_destroy(&config);
      free(instead);
    }
  }
  return status;
}

/* The configuration as trials have it, but for what is searched; all values of each strategy are looked at, too. */
static plt_status_t check_config(plt_tuning_t *tuning, plt_config_t **out) {
  const plt_space_t *space = tuning->space;
  for (size_t a = 0; a < space->n_arms; a++) {
    const plt_trial_t *trial = &tuning->trial[a * space->trials];
    plt_config_t *config = NULL;
    PLT_TRY(load_point(tuning, &trial->point, 0, NULL, &config));
    if (a == 0)
      *out = config;
    else
      plt_config_destroy(&config);
    PLT_TRY(check_values(tuning, &space->arm[a], &trial->point));
  }
  return PLT_OK;
}

plt_status_t plt_tuning_open(const char *config, const char *dir, const plt_sets_t *sets, const plt_space_t *space,
                             plt_tuning_t *out) {
  *out = (plt_tuning_t){.config = config, .dir = dir, .sets = sets, .space = space, .lock = -1};
  plt_config_t *first = NULL;
  list_trials(out);
  PLT_TRY(check_sets(out));
  plt_status_t status = check_config(out, &first);
  if (status != PLT_OK) {
    plt_config_destroy(&first);
    return status;
  }
  out->epochs = (uint32_t)plt_config_int(first, "train.epochs");
  out->metric = plt_mem_strdup(plt_config_text(first, "eval.metric"));
  if (space->jobs > 1 && !plt_config_given(first, "cluster.threads")) out->threads = plt_limits_cores_each(space->jobs);
  char *plan = describe_plan(out, first);
  if (space->search == PLT_SEARCH_HALVING && plt_config_written(first, "procedure") != NULL)
    status = plt_fail(PLT_ERR_USAGE, "%s: halving trains by epochs, and a procedure has stages", config);
  if (status == PLT_OK) status = keep_plan(out, plan);
  free(plan);
  plt_config_destroy(&first);
  return status;
}

void plt_tuning_clear(plt_tuning_t *tuning) {
  for (size_t i = 0; i < tuning->n; i++) {
    plt_sets_clear(&tuning->trial[i].point);
    free(tuning->trial[i].name);
    free(tuning->trial[i].dir);
  }
  free(tuning->trial);
  free(tuning->best);
  free(tuning->metric);
  plt_runs_clear(&tuning->finals);
  if (tuning->lock >= 0) close(tuning->lock);
  *tuning = (plt_tuning_t){.lock = -1};
}
