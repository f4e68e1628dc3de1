/* tiny.h - a whole plan on invented data: 37 users, 50 items, some without training pairs; and the job run by threads.
 *
 * A plan may be changed before it is used (batches, workers, servers, another model); plt_sampler, relations and specs
 * are made last, by tiny_settle(). */
#ifndef PLT_TESTS_UNIT_WORKER_TINY_H
#define PLT_TESTS_UNIT_WORKER_TINY_H

#include <criterion/criterion.h>
#include <pthread.h>

#include "ps/server/server.h"
#include "tests/unit/worker/folder.h"
#include "tests/unit/worker/naive.h"
#include "worker/kit/augment.h"
#include "worker/models/registry.h"
#include "worker/session/session.h"
#include "worker/strategies/registry.h"

enum { TINY_USERS = 37, TINY_ITEMS = 50, TINY_FEATURES = 6, TINY_ROLES = 4, TINY_JOB = 5 };

typedef struct tiny {
  folder_t folder;
  plt_dataset_t *data;
  plt_model_t *model;
  plt_strategy_t *strategy;
  plt_sampler_t *sampler;
  plt_relations_t *relations; /* those of the plan's model, unless the plan was given others */
  plt_plan_t plan;
} tiny_t;

static const plt_option_t tiny_rows[] = {
    {.key = "optimizer.name", .type = PLT_OPT_TEXT, .fallback = "sgd", .help = "For the tests."},
    {.key = "optimizer.lr", .type = PLT_OPT_REAL, .fallback = "0.1", .help = "For the tests."}};
static const plt_option_table_t tiny_options = {"optimizer", tiny_rows, 2};

static inline void tiny_apply(plt_config_t *config, const plt_option_table_t *table) {
  cr_assert_eq(plt_config_apply(config, table), PLT_OK, "%s", plt_fail_text());
}

/* Item 49 never occurs in training; user 36 has validation items only. */
static inline void tiny_write(const folder_t *folder) {
  naive_rng_t rng = {3};
  float features[TINY_ITEMS * TINY_FEATURES];
  FILE *file = folder_create(folder, "tiny.inter");
  fprintf(file, "userID\titemID\tx_label\n");
  for (uint32_t u = 0; u < TINY_USERS; u++)
    for (uint32_t i = 0; i < TINY_ITEMS; i++) {
      uint32_t draw = naive_below(&rng, 100);
      uint32_t label = i == 49 || u == 36 ? 1 + draw % 2 : draw % 8 < 6 ? 0 : draw % 8 - 5;
      if (draw < 25 || (i == 49 && u < 3)) fprintf(file, "%u\t%u\t%u\n", u, i, label);
    }
  fclose(file);
  for (int i = 0; i < TINY_ITEMS * TINY_FEATURES; i++) features[i] = naive_between(&rng, -1, 1);
  folder_npy(folder, "text_feat.npy", "<f4", "(50, 6)", features, sizeof features);
  for (int i = 0; i < TINY_ITEMS * TINY_FEATURES; i++) features[i] = naive_between(&rng, -1, 1);
  folder_npy(folder, "image_feat.npy", "<f4", "(50, 6)", features, sizeof features);
}

/* Data that `write` puts into an empty folder. settings: NULL-terminated "key=value" of model and strategy; modalities:
 * text, then image. */
static inline void tiny_open_of(tiny_t *tiny, void (*write)(const folder_t *folder), size_t modalities,
                                const char *const *settings) {
  const char *features[] = {"text_feat.npy", "image_feat.npy"};
  plt_config_t *config = plt_config_create();
  *tiny = (tiny_t){.folder = folder_make()};
  write(&tiny->folder);
  cr_assert_eq(plt_dataset_open(tiny->folder.path, NULL, features, modalities, &tiny->data), PLT_OK, "%s",
               plt_fail_text());
  for (; *settings != NULL; settings++) cr_assert_eq(plt_config_set(config, *settings), PLT_OK);
  tiny_apply(config, &tiny_options);
  tiny_apply(config, &plt_model_options);
  tiny_apply(config, &plt_augment_options);
  tiny_apply(config, &plt_model_find(plt_config_text(config, "model.name"))->options);
  tiny_apply(config, &plt_strategy_options);
  tiny_apply(config, &plt_strategy_find(plt_config_text(config, "strategy.name"))->options);
  cr_assert_eq(plt_model_create(config, tiny->data, &tiny->model), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_strategy_create(config, &tiny->strategy), PLT_OK, "%s", plt_fail_text());
  plt_config_destroy(&config);
  tiny->plan = (plt_plan_t){.data = tiny->data,
                            .model = tiny->model,
                            .strategy = tiny->strategy,
                            .epochs = 1,
                            .batch_size = 40,
                            .micro_batch = 7,
                            .lr = 0.1,
                            .schedule = {1, 1},
                            .topk = {{5, 10}, 2},
                            .metric = "recall@10",
                            .workers = 1,
                            .servers = 1,
                            .threads = 1};
}

static inline void tiny_open_with(tiny_t *tiny, size_t modalities, const char *const *settings) {
  tiny_open_of(tiny, tiny_write, modalities, settings);
  cr_assert(tiny->data->users == TINY_USERS && tiny->data->items == TINY_ITEMS);
}

static inline void tiny_open(tiny_t *tiny, const char *const *settings) { tiny_open_with(tiny, 1, settings); }

#define TINY_OPEN(tiny, ...) tiny_open(tiny, (const char *const[]){__VA_ARGS__, NULL})

static inline void tiny_settle(tiny_t *tiny) {
  plt_plan_t *plan = &tiny->plan;
  const plt_model_t *model = plan->model;
  const plt_programme_t *programme = &model->programme;
  plt_sampler_config_t config = {.seed = 8, .batch_size = plan->batch_size, .negatives = model->negatives};
  if (tiny->sampler != NULL) plt_sampler_destroy(&tiny->sampler);
  cr_assert_eq(plt_sampler_create(tiny->data, &config, &tiny->sampler), PLT_OK, "%s", plt_fail_text());
  plan->sampler = tiny->sampler;
  if (plan->relations == NULL && programme->n_relations > 0) {
    cr_assert_eq(plt_relations_open(tiny->data, programme->relation, programme->n_relations, 1, NULL, &tiny->relations),
                 PLT_OK, "%s", plt_fail_text());
    plan->relations = tiny->relations;
  }
  for (size_t t = 0; t < model->n_tables; t++) {
    const plt_model_table_t *table = &model->tables[t];
    plan->specs[t] = (plt_table_spec_t){.rows = table->rows,
                                        .cols = table->cols,
                                        .init = table->init,
                                        .seed = 8,
                                        .frozen = table->frozen,
                                        .optimizer = "sgd"};
    strcpy(plan->specs[t].name, table->name);
  }
}

static inline void tiny_close(tiny_t *tiny) {
  plt_sampler_destroy(&tiny->sampler);
  plt_relations_destroy(&tiny->relations);
  plt_strategy_destroy(&tiny->strategy);
  plt_model_destroy(&tiny->model);
  plt_dataset_destroy(&tiny->data);
  folder_remove(&tiny->folder);
}

/* ---- the job: servers and workers as threads ---- */

typedef struct tiny_job tiny_job_t;
typedef struct tiny_role {
  tiny_job_t *job;
  uint32_t number;
  pthread_t thread;
  plt_listener_t *listener;
  void *context;
  plt_status_t status;
} tiny_role_t;

struct tiny_job {
  const plt_plan_t *plan;
  plt_session_fn work;
  plt_wire_t *wire;
  const char *addresses[TINY_ROLES];
  atomic_bool failed; /* a worker: one that never greeted does not take leave, either */
  tiny_role_t servers[TINY_ROLES], workers[TINY_ROLES];
};

static inline void *tiny_server(void *argument) {
  tiny_role_t *role = argument;
  const plt_plan_t *plan = role->job->plan;
  plt_server_config_t config = {.number = role->number,
                                .servers = plan->servers,
                                .workers = plan->workers,
                                .alone = plan->alone,
                                .staleness = plan->staleness,
                                .job = TINY_JOB,
                                .stop = &role->job->failed};
  role->status = plt_server_run(role->job->wire, role->listener, &config);
  return NULL;
}

static inline void *tiny_worker(void *argument) {
  tiny_role_t *role = argument;
  tiny_job_t *job = role->job;
  plt_client_config_t config = {.number = role->number,
                                .workers = job->plan->workers,
                                .servers = job->addresses,
                                .n_servers = job->plan->servers,
                                .job = TINY_JOB,
                                .deadline_s = 30};
  role->status = plt_session_run(job->plan, job->wire, &config, job->work, role->context);
  return NULL;
}

/* contexts: one per worker. Returns the first worker's failure, if any. */
static inline plt_status_t tiny_run(const plt_plan_t *plan, plt_session_fn work, void *const *contexts) {
  tiny_job_t job = {.plan = plan, .work = work, .wire = plt_wire_create()};
  plt_status_t status = PLT_OK;
  for (uint32_t s = 0; s < plan->servers; s++) {
    char endpoint[32];
    job.servers[s] = (tiny_role_t){.job = &job, .number = s};
    snprintf(endpoint, sizeof endpoint, "inproc://%u", s);
    cr_assert_eq(plt_listener_open(job.wire, endpoint, &job.servers[s].listener), PLT_OK);
    job.addresses[s] = plt_listener_address(job.servers[s].listener);
  }
  for (uint32_t s = 0; s < plan->servers; s++)
    cr_assert_eq(pthread_create(&job.servers[s].thread, NULL, tiny_server, &job.servers[s]), 0);
  for (uint32_t w = 0; w < plan->workers; w++) {
    job.workers[w] = (tiny_role_t){.job = &job, .number = w, .context = contexts[w]};
    cr_assert_eq(pthread_create(&job.workers[w].thread, NULL, tiny_worker, &job.workers[w]), 0);
  }
  for (uint32_t w = 0; w < plan->workers; w++) {
    pthread_join(job.workers[w].thread, NULL);
    if (status == PLT_OK) status = job.workers[w].status;
  }
  atomic_store(&job.failed, status != PLT_OK);
  for (uint32_t s = 0; s < plan->servers; s++) {
    pthread_join(job.servers[s].thread, NULL);
    plt_listener_close(&job.servers[s].listener);
  }
  plt_wire_destroy(&job.wire);
  return status;
}

#endif
