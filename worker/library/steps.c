/* steps.c - libplateau: pulls and steps. See state.h. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/library/state.h"

enum { REQUEST_BYTES = 32 << 20 };              /* of rows in one message of a pull */
#define STEP_PULL_BYTES_MAX (UINT64_C(1) << 30) /* of rows that come with a step */

/* ---- checks ---- */

static plt_status_t check_pulls(const plateau_t *job, const plateau_pull_t *pull, size_t n, uint64_t *bytes) {
  bool wanted[PLT_TABLES_MAX] = {false};
  *bytes = 0;
  if (n > 0 && pull == NULL) return plt_fail(PLT_ERR_USAGE, "%zu pulls at NULL", n);
  for (size_t i = 0; i < n; i++) {
    PLT_TRY(plt_library_check_keys(job, pull[i].table, pull[i].keys, pull[i].n));
    const plt_known_table_t *known = &job->tables[pull[i].table];
    if (wanted[pull[i].table]) return plt_fail(PLT_ERR_USAGE, "rows of table %s are asked for twice", known->name);
    wanted[pull[i].table] = true;
    if (pull[i].n > 0 && pull[i].values == NULL)
      return plt_fail(PLT_ERR_USAGE, "table %s: no place for the values of %zu rows", known->name, pull[i].n);
    *bytes += (uint64_t)pull[i].n * known->dim * sizeof(float);
  }
  return PLT_OK;
}

static plt_status_t check_pushes(const plateau_t *job, const plateau_step_t *step) {
  if (step->n_push > 0 && step->push == NULL) return plt_fail(PLT_ERR_USAGE, "%zu pushes at NULL", step->n_push);
  for (size_t i = 0; i < step->n_push; i++) {
    const plateau_push_t *push = &step->push[i];
    PLT_TRY(plt_library_check_keys(job, push->table, push->keys, push->n));
    if (job->tables[push->table].frozen)
      return plt_fail(PLT_ERR_USAGE, "table %s is frozen and takes no push", job->tables[push->table].name);
    PLT_TRY(plt_library_check_values(job, push->table, push->keys, push->n, push->values));
  }
  return PLT_OK;
}

static int by_leaf(const void *a, const void *b) {
  const plt_block_loss_t *x = a, *y = b;
  return (x->span.first > y->span.first) - (x->span.first < y->span.first);
}

/* In ascending order of their leaves into out [n]. */
static plt_status_t copy_losses(const plateau_step_t *step, plt_block_loss_t *out) {
  if (step->n_losses > PLT_TREE_BLOCKS_MAX || (step->n_losses > 0 && step->losses == NULL))
    return plt_fail(PLT_ERR_USAGE, "%zu losses at %s: %d at most", step->n_losses,
                    step->losses == NULL ? "NULL" : "one step", PLT_TREE_BLOCKS_MAX);
  for (size_t i = 0; i < step->n_losses; i++) {
    out[i] = (plt_block_loss_t){{step->losses[i].leaf, 1}, step->losses[i].loss};
    if (!isfinite(out[i].loss))
      return plt_fail(PLT_ERR_NAN, "the loss of leaf %" PRIu32 " is not finite; nothing was sent", out[i].span.first);
  }
  if (step->n_losses > 1) qsort(out, step->n_losses, sizeof *out, by_leaf);
  for (size_t i = 1; i < step->n_losses; i++)
    if (out[i].span.first == out[i - 1].span.first)
      return plt_fail(PLT_ERR_USAGE, "two losses of leaf %" PRIu32, out[i].span.first);
  return PLT_OK;
}

static double add_losses(const plt_block_loss_t *losses, size_t n) {
  plt_leaf_span_t spans[PLT_TREE_BLOCKS_MAX];
  double parts[PLT_TREE_BLOCKS_MAX];
  for (size_t i = 0; i < n; i++) {
    spans[i] = losses[i].span;
    parts[i] = losses[i].loss;
  }
  return n == 0 ? 0 : plt_tree_sum(spans, parts, n);
}

static plt_status_t check_step(const plateau_t *job, const plateau_step_t *step, plt_block_loss_t *losses,
                               uint64_t *pull_bytes) {
  PLT_TRY(plt_library_ready(job));
  if (step == NULL) return plt_fail(PLT_ERR_USAGE, "the step is NULL");
  if (!isfinite(step->lr)) return plt_fail(PLT_ERR_USAGE, "the learning rate is %g", step->lr);
  if (step->n_push > PLT_SECTIONS_MAX || step->n_pull > PLT_SECTIONS_MAX - step->n_push)
    return plt_fail(PLT_ERR_USAGE, "%zu pushes and %zu pulls in one step: %d at most", step->n_push, step->n_pull,
                    PLT_SECTIONS_MAX);
  PLT_TRY(check_pushes(job, step));
  PLT_TRY(check_pulls(job, step->pull, step->n_pull, pull_bytes));
  return copy_losses(step, losses);
}

/* ---- pulls ---- */

static plt_pull_t pull_of(const plateau_t *job, const plateau_pull_t *pull) {
  return (plt_pull_t){pull->table, job->tables[pull->table].dim, pull->keys, pull->n, pull->values};
}

/* A bare step: rows of this worker's clock, when that has come. */
static plt_status_t ask_rows(plateau_t *job, const plt_pull_t *pulls, size_t n) {
  plt_step_result_t ignored;
  return plt_client_step(job->client, &(plt_step_t){.clock = job->clock, .pull = pulls, .n_pull = n}, &ignored);
}

/* Since this worker has not pushed its clock, the tables stay what they are between two messages (bsp). */
static plt_status_t pull_checked(plateau_t *job, const plateau_pull_t *pull, size_t n, uint64_t bytes) {
  plt_status_t status = PLT_OK;
  if (bytes <= REQUEST_BYTES && n <= PLT_SECTIONS_MAX) {
    plt_pull_t *pulls = plt_mem_zalloc(n, sizeof *pulls);
    for (size_t i = 0; i < n; i++) pulls[i] = pull_of(job, &pull[i]);
    status = ask_rows(job, pulls, n);
    free(pulls);
    return status;
  }
  for (size_t i = 0; i < n && status == PLT_OK; i++) {
    size_t most = REQUEST_BYTES / ((size_t)job->tables[pull[i].table].dim * sizeof(float));
    if (most == 0) most = 1;
    for (size_t done = 0; done < pull[i].n && status == PLT_OK; done += most) {
      plt_pull_t part = pull_of(job, &pull[i]);
      part.keys += done;
      part.out += done * part.cols;
      part.n = pull[i].n - done < most ? pull[i].n - done : most;
      status = ask_rows(job, &part, 1);
    }
  }
  return status;
}

int plateau_pull(plateau_t *job, const plateau_pull_t *pull, size_t n) {
  uint64_t bytes;
  plt_status_t status = plt_library_ready(job);
  if (status == PLT_OK) status = check_pulls(job, pull, n, &bytes);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  status = pull_checked(job, pull, n, bytes);
  if (status == PLT_OK) status = plt_library_publish(job, false);
  return plt_library_answer(job, status, true);
}

/* ---- steps ---- */

/* Sends a checked step. */
static plt_status_t begin(plateau_t *job, const plateau_step_t *step, const plt_block_loss_t *losses) {
  plt_progress_t progress = {.epoch = (uint32_t)((job->clock + 1) >> 32), .batch = (uint32_t)(job->clock + 1)};
  plt_push_t *push = plt_mem_zalloc(step->n_push, sizeof *push);
  plt_pull_t *pull = plt_mem_zalloc(step->n_pull, sizeof *pull);
  for (size_t i = 0; i < step->n_push; i++) {
    const plateau_push_t *given = &step->push[i];
    push[i] = (plt_push_t){.table = given->table,
                           .cols = job->tables[given->table].dim,
                           .span = {given->leaf, 1},
                           .keys = given->keys,
                           .values = given->values,
                           .n = given->n};
  }
  for (size_t i = 0; i < step->n_pull; i++) pull[i] = pull_of(job, &step->pull[i]);
  plt_step_t all = {.pushes = true,
                    .clock = job->clock,
                    .eta = step->lr,
                    .losses = losses,
                    .n_losses = step->n_losses,
                    .push = push,
                    .n_push = step->n_push,
                    .pull = pull,
                    .n_pull = step->n_pull,
                    .progress = job->worker == 0 ? &progress : NULL};
  job->own_loss = add_losses(losses, step->n_losses);
  plt_status_t status = plt_client_step_begin(job->client, &all, &job->begun);
  free(push);
  free(pull);
  return status;
}

static plt_status_t finish(plateau_t *job, double *loss) {
  plt_step_result_t result;
  PLT_TRY(plt_client_step_finish(job->client, &job->begun, &result));
  job->clock++;
  if (!job->card.alone) job->sums = 0; /* names of sums have the clock */
  if (loss != NULL) *loss = job->card.alone ? job->own_loss : result.loss;
  return PLT_OK;
}

int plateau_begin(plateau_t *job, const plateau_step_t *step) {
  plt_block_loss_t losses[PLT_TREE_BLOCKS_MAX];
  uint64_t bytes;
  plt_status_t status = check_step(job, step, losses, &bytes);
  if (status == PLT_OK && bytes > STEP_PULL_BYTES_MAX)
    status = plt_fail(PLT_ERR_USAGE, "%.1f GB of rows with one step: 1 GB at most; plateau_step() cuts them",
                      (double)bytes / 1e9);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  return plt_library_answer(job, begin(job, step, losses), true);
}

int plateau_wait(plateau_t *job, double *loss) {
  if (job != NULL && job->begun == NULL) {
    plt_status_t status = plt_library_ready(job);
    if (status == PLT_OK) status = plt_fail(PLT_ERR_USAGE, "plateau_wait: no step was begun");
    return plt_library_answer(job, status, false);
  }
  if (job == NULL) return plt_library_answer(NULL, plt_library_ready(job), false);
  plt_status_t status = finish(job, loss);
  if (status == PLT_OK) status = plt_library_publish(job, false);
  return plt_library_answer(job, status, true);
}

int plateau_step(plateau_t *job, const plateau_step_t *step, double *loss) {
  plt_block_loss_t losses[PLT_TREE_BLOCKS_MAX];
  uint64_t bytes;
  plt_status_t status = check_step(job, step, losses, &bytes);
  if (status != PLT_OK) return plt_library_answer(job, status, false);
  plateau_step_t first = *step;
  bool later = bytes > STEP_PULL_BYTES_MAX;
  if (later) first.n_pull = 0;
  status = begin(job, &first, losses);
  if (status == PLT_OK) status = finish(job, loss);
  if (status == PLT_OK && later) status = pull_checked(job, step->pull, step->n_pull, bytes);
  if (status == PLT_OK) status = plt_library_publish(job, false);
  return plt_library_answer(job, status, true);
}

int plateau_push(plateau_t *job, double lr, const plateau_push_t *push, size_t n) {
  return plateau_step(job, &(plateau_step_t){.lr = lr, .push = push, .n_push = n}, NULL);
}
