/* warm_start.c - see warm_start.h. */
#include "launch/job/warm_start.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "launch/job/job.h"
#include "launch/job/numbering.h"
#include "ps/checkpoint/checkpoint.h"
#include "ps/table/table.h"
#include "worker/data/features.h"

/* ---- what init.from names ---- */

/* Whether a file may be a table's: with init.missing fresh a wrong folder would be none for all of them, unnoticed. */
static bool has_tables(const char *folder) {
  char **names;
  size_t n;
  bool has = false;
  if (!plt_path_is_dir(folder) || plt_dir_list(folder, &names, &n) != PLT_OK) return false;
  for (size_t i = 0; i < n; i++) has = has || (plt_path_ends_with(names[i], ".npy") && !plt_feature_is_name(names[i]));
  plt_names_free(&names, n);
  return has;
}

/* The checkpoint's path, links as they are; "": it names none. */
static plt_status_t find_checkpoint(const char *from, char path[PLT_PATH_MAX]) {
  char inside[PLT_PATH_MAX], name[PLT_CHECKPOINT_NAME_MAX];
  path[0] = '\0';
  if (!plt_path_exists(from))
    return plt_fail(PLT_ERR_DATA,
                    "%s is not there: init.from names a run, a checkpoint of one, or a directory of files", from);
  PLT_TRY(plt_path_join(from, "manifest.json", inside));
  if (plt_path_exists(inside)) {
    snprintf(path, PLT_PATH_MAX, "%s", from);
    return PLT_OK;
  }
  PLT_TRY(plt_path_join(from, "checkpoints", inside));
  if (!plt_path_is_dir(inside))
    return has_tables(from)
               ? PLT_OK
               : plt_fail(PLT_ERR_DATA,
                          "%s: neither a run, nor a checkpoint of one (RUN/checkpoints/last), nor a folder "
                          "with tables (TABLE.npy, as plateau export writes them)",
                          from);
  PLT_TRY(plt_restore_choose(from, NULL, name));
  return plt_path_join(inside, name, path);
}

/* The tables that a checkpoint has, as server 0 wrote them: the shapes are the same in all parts. */
static plt_status_t read_tables(plt_warm_start_t *warm) {
  char path[PLT_PATH_MAX];
  plt_checkpoint_part_t *part;
  uint64_t t, stored;
  plt_status_t status = PLT_OK;
  if (warm->restore.manifest.n_parts == 0)
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: the manifest names no files", warm->restore.dir);
  PLT_TRY(plt_path_join(warm->restore.dir, warm->restore.manifest.parts[0].file, path));
  PLT_TRY(plt_checkpoint_open(path, &part));
  warm->tables.n = plt_checkpoint_tables(part);
  for (size_t i = 0; i < warm->tables.n && status == PLT_OK; i++)
    status = plt_checkpoint_table(part, i, &warm->tables.spec[i], &t, &stored);
  plt_checkpoint_close(&part);
  return status;
}

static plt_status_t load(const char *path, bool verifies, plt_warm_start_t *warm) {
  PLT_TRY(plt_restore_load_path(path, verifies, &warm->restore, warm->run_dir));
  return read_tables(warm);
}

plt_status_t plt_warm_start_find(plt_config_t *config, bool begins, plt_warm_start_t *out) {
  char path[PLT_PATH_MAX], resolved[PLT_PATH_MAX];
  const char *from = plt_config_text(config, "init.from");
  memset(out, 0, sizeof *out);
  if (from == NULL) return PLT_OK;
  plt_status_t status = find_checkpoint(from, path);
  if (status == PLT_OK && path[0] == '\0') return PLT_OK; /* a folder of files (worker/session/import.h) */
  if (status == PLT_OK && realpath(path, resolved) == NULL)
    status = plt_fail_errno(PLT_ERR_CHECKPOINT, "%s: cannot be found", path);
  if (status == PLT_OK) status = load(resolved, begins, out);
  out->restore.is_warm = true;
  out->restore.values_alone = strcmp(plt_config_text(config, "init.optimizer"), "fresh") == 0;
  if (status == PLT_OK && begins) plt_config_put(config, "init.from", resolved);
  if (status == PLT_OK) return PLT_OK;
  plt_warm_start_clear(out);
  return begins ? plt_fail_within(status, "%s", plt_config_origin(config, "init.from")) : PLT_OK;
}

void plt_warm_start_clear(plt_warm_start_t *warm) {
  plt_restore_clear(&warm->restore);
  memset(warm, 0, sizeof *warm);
}

/* ---- whether it fits ---- */

static plt_status_t check_table(const plt_warm_start_t *warm, const plt_model_table_t *table,
                                const plt_table_spec_t *now) {
  const plt_table_spec_t *was = plt_warm_table(&warm->tables, now->name);
  bool of_nodes = plt_entity_side(table->entity) != PLT_SIDES;
  if (was == NULL || (was->cols == now->cols && (was->rows == now->rows || of_nodes))) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "%s: table %s is %" PRIu64 " x %" PRIu32 " there, but %" PRIu64 " x %" PRIu32
                  " here: of another model, model.dim or data.features",
                  warm->restore.dir, now->name, was->rows, was->cols, now->rows, now->cols);
}

/* Tables that begin without rows of the other run. */
static plt_status_t check_missing(const plt_warm_start_t *warm, const plt_plan_t *plan, size_t t) {
  const plt_model_table_t *table = &plan->model->tables[t];
  if (plt_warm_table(&warm->tables, plan->specs[t].name) != NULL || table->written || table->initial != NULL)
    return PLT_OK;
  if (table->entity == PLT_ENTITY_ASIDE && !table->needed) return PLT_OK;
  if (plan->init_missing_is_fresh) return PLT_OK;
  return plt_fail(PLT_ERR_DATA, "%s: has no table %s; to start it fresh set init.missing: fresh", warm->restore.dir,
                  plan->specs[t].name);
}

/* The users or items of a checkpoint: rows of the model's tables of that side; 0: it has no such table. */
static uint64_t count_nodes(const plt_warm_start_t *warm, const plt_plan_t *plan, plt_side_t side) {
  for (size_t t = 0; t < plan->model->n_tables; t++) {
    const plt_table_spec_t *was = plt_warm_table(&warm->tables, plan->specs[t].name);
    if (was != NULL && plt_entity_side(plan->model->tables[t].entity) == side) return was->rows;
  }
  return 0;
}

plt_status_t plt_warm_start_check(const plt_job_t *job) {
  const plt_warm_start_t *warm = &job->warm;
  const plt_plan_t *plan = &job->plan;
  if (!warm->restore.given) return PLT_OK;
  PLT_TRY(plt_numbering_check(job->data, warm->run_dir));
  for (size_t t = 0; t < plan->model->n_tables; t++)
    PLT_TRY(check_table(warm, &plan->model->tables[t], &plan->specs[t]));
  for (size_t t = 0; t < plan->model->n_tables; t++) PLT_TRY(check_missing(warm, plan, t));
  return PLT_OK;
}

/* Tables that do not begin as the rest does, in one line: most often it is all of them, and for one reason. */
static void say_others(const plt_warm_start_t *warm, const plt_plan_t *plan) {
  char *fresh = plt_mem_strdup(""), *anew = plt_mem_strdup("");
  for (size_t t = 0; t < plan->model->n_tables; t++) {
    const plt_table_spec_t *was = plt_warm_table(&warm->tables, plan->specs[t].name), *now = &plan->specs[t];
    bool goes_on = was != NULL && (was->frozen || now->frozen || plt_table_state_goes_on(was, now));
    if (goes_on || (was != NULL && warm->restore.values_alone)) continue;
    char **list = was == NULL ? &fresh : &anew;
    *list = plt_mem_append(*list, **list == '\0' ? "" : ", ", now->name);
    if (was == NULL) continue;
    *list = plt_mem_append(*list, " (", was->optimizer);
    *list = plt_mem_append(*list, "", " there)");
  }
  if (*fresh != '\0') plt_log(PLT_LOG_NOTE, "born fresh, for that run has no such tables: %s", fresh);
  if (*anew != '\0')
    plt_log(PLT_LOG_NOTE, "optimizers that begin anew, for they are others or have other settings: %s", anew);
  free(fresh);
  free(anew);
}

void plt_warm_start_say(const plt_job_t *job) {
  const plt_warm_start_t *warm = &job->warm;
  const plt_plan_t *plan = &job->plan;
  if (!warm->restore.given) return;
  uint64_t users = count_nodes(warm, plan, PLT_SIDE_USER), items = count_nodes(warm, plan, PLT_SIDE_ITEM);
  plt_log(PLT_LOG_NOTE,
          "begins with the tables of %s, after %" PRIu32 " epochs: %" PRIu64 " users there, %" PRIu32 " here; %" PRIu64
          " items there, %" PRIu32 " here; optimizers %s",
          warm->restore.dir, warm->restore.manifest.epoch, users, plan->data->users, items, plan->data->items,
          warm->restore.values_alone ? "begin anew" : "go on");
  if (users > plan->data->users || items > plan->data->items)
    plt_log(PLT_LOG_WARN, "rows of users and items that the data no longer have are left behind");
  say_others(warm, plan);
}

/* ---- data that have grown under a run ---- */

/* Whether a model knows a new node of this side by more than a row that was never trained: by those it is connected
 * with, or by its features. */
static bool knows_newcomers(const plt_model_t *model, plt_side_t side) {
  if (side == PLT_SIDE_ITEM && model->ops->uses_features) return true;
  for (size_t i = 0; i < model->programme.n_states; i++)
    if (plt_state_is_hop(&model->programme.state[i]) && model->programme.state[i].sides & 1U << side) return true;
  return false;
}

static void say_newcomers(const plt_job_t *job, plt_side_t side, uint64_t were, uint64_t are) {
  static const char *const word[PLT_SIDES] = {[PLT_SIDE_USER] = "user", [PLT_SIDE_ITEM] = "item"};
  const plt_model_t *model = job->plan.model;
  if (are <= were) return;
  if (knows_newcomers(model, side))
    plt_log(PLT_LOG_NOTE, "%" PRIu64 " new %ss since the run: %s sees them without training (docs/daily.md)",
            are - were, word[side], model->ops->name);
  else
    plt_log(PLT_LOG_WARN,
            "%" PRIu64
            " new %ss since the run: %s knows %s by a trained row alone, so their scores are 0; a training "
            "with init.from: RUN brings them in (docs/daily.md)",
            are - were, word[side], model->ops->name, side == PLT_SIDE_USER ? "a user" : "an item");
}

static plt_status_t check_grown(const plt_job_t *job, const char *run_dir, const plt_warm_start_t *run) {
  const plt_plan_t *plan = &job->plan;
  bool any = false;
  for (size_t t = 0; t < plan->model->n_tables; t++) {
    const plt_table_spec_t *was = plt_warm_table(&run->tables, plan->specs[t].name), *now = &plan->specs[t];
    if (was == NULL || was->rows == now->rows) continue; /* what is missing the servers say */
    any = true;
    PLT_TRY(check_table(run, &plan->model->tables[t], now));
    if (was->rows > now->rows)
      return plt_fail(PLT_ERR_DATA,
                      "%s: table %s has %" PRIu64 " rows, the data %" PRIu64 ": of other data than the run's",
                      run->restore.dir, now->name, was->rows, now->rows);
  }
  if (!any) return PLT_OK;
  PLT_TRY(plt_numbering_check(job->data, run_dir));
  say_newcomers(job, PLT_SIDE_USER, count_nodes(run, plan, PLT_SIDE_USER), plan->data->users);
  say_newcomers(job, PLT_SIDE_ITEM, count_nodes(run, plan, PLT_SIDE_ITEM), plan->data->items);
  return PLT_OK;
}

plt_status_t plt_warm_start_check_grown(const plt_job_t *job, const char *run_dir, const plt_restore_t *restore) {
  plt_warm_start_t *run = plt_mem_zalloc(1, sizeof *run);
  run->restore = *restore;
  plt_status_t status = read_tables(run);
  if (status == PLT_OK) status = check_grown(job, run_dir, run);
  free(run); /* the manifest is the caller's */
  return status;
}
