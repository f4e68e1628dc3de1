/* test_inference.c - states computed by the workers through the servers, and what is read of them: the whole data in
 * double, for the models' shapes and for programmes by chance; the same bits for every number of servers, workers and
 * threads; tables gone afterwards; hubs, blocks without edges; failures. */
#include "tests/unit/worker/shapes.h"
#include "tests/unit/worker/tiny.h"
#include "tests/unit/worker/twin.h"
#include "worker/rank/evaluate.h"
#include "worker/rank/vectors.h"

/* ---- a probe on the tiny data, or on a test's own ---- */

typedef struct world {
  tiny_t tiny;
  naive_relations_t relations;
  probe_t probe;
} world_t;

static void write_tiny(const folder_t *folder) { tiny_write(folder); }

static void world_open_of(world_t *world, void (*write)(const folder_t *folder), size_t modalities,
                          const plt_relation_plan_t *plans, size_t n_plans, uint32_t seed) {
  tiny_open_of(&world->tiny, write, modalities, (const char *const[]){"model.name=bpr", "strategy.name=plain", NULL});
  world->relations = naive_relations_make(world->tiny.data, plans, n_plans, seed);
  world->tiny.plan.relations = world->relations.real;
}

/* A probe of this programme, unsettled, takes the place of the plan's model. */
static void world_take(world_t *world, plt_programme_t *programme, naive_rng_t *rng) {
  naive_take_plans(programme, world->relations.real);
  cr_assert_eq(plt_programme_settle(programme), PLT_OK, "%s", plt_fail_text());
  probe_open(&world->probe, rng, programme, world->tiny.data);
  world->tiny.plan.model = &world->probe.base;
  tiny_settle(&world->tiny);
}

static void world_close(world_t *world) {
  naive_relations_free(&world->relations);
  tiny_close(&world->tiny);
}

/* Tables as they are born. */
static twin_t born_twin(const world_t *world) {
  twin_t twin = twin_open(&world->probe, &world->relations, world->tiny.data);
  for (size_t t = 0; t < world->probe.base.n_tables; t++) {
    const plt_model_table_t *table = &world->probe.base.tables[t];
    float *row = malloc(table->cols * sizeof *row);
    for (uint64_t k = 0; k < table->rows; k++) {
      plt_table_spec_birth(&world->tiny.plan.specs[t], 0, k, row);
      for (uint32_t c = 0; c < table->cols; c++) twin.table[t][k * table->cols + c] = row[c];
    }
    free(row);
  }
  twin_values(&twin);
  return twin;
}

/* ---- looking at all of it ---- */

/* What one worker sees: every state at every node, then every node's vector. */
typedef struct look {
  size_t n; /* floats */
  float *seen;
} look_t;

static void see(look_t *look, const plt_tape_t *tape, plt_var_t x) {
  size_t n = plt_tape_rows(tape, x) * plt_tape_cols(tape, x);
  look->seen = realloc(look->seen, (look->n + n) * sizeof *look->seen);
  memcpy(look->seen + look->n, plt_tape_value(tape, x), n * sizeof *look->seen);
  look->n += n;
}

static plt_status_t look_at(plt_session_t *session, plt_inference_t *inference, look_t *look) {
  const plt_plan_t *plan = session->plan;
  const plt_programme_t *p = &plan->model->programme;
  uint32_t most = plan->data->users > plan->data->items ? plan->data->users : plan->data->items, *ids;
  ids = malloc(most * sizeof *ids);
  for (uint32_t k = 0; k < most; k++) ids[k] = k;
  plt_block_reader_t *reader = plt_block_reader_create(session);
  plt_vectors_t *vectors = plt_vectors_create(session, inference);
  plt_status_t status = PLT_OK;
  look->n = 0;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES && status == PLT_OK; s++) {
    size_t n = s == PLT_SIDE_USER ? plan->data->users : plan->data->items;
    plt_nodes_t nodes;
    plt_var_t *states = plt_block_begin(reader, s, ids, n, &nodes);
    plt_inference_read(inference, reader, &nodes, UINT64_MAX, states);
    status = plt_block_end(reader);
    for (size_t k = 0; k < p->n_states && status == PLT_OK; k++)
      if (p->state[k].sides >> s & 1) see(look, nodes.tape, states[k]);
    const float *read;
    if (status == PLT_OK) status = plt_vectors_read(vectors, s, ids, n, &read);
    size_t width = 0; /* of the outputs, or of the first table */
    for (size_t k = 0; k < p->n_states; k++)
      if ((p->outputs >> k & 1) && (p->state[k].sides >> s & 1)) width += p->state[k].cols;
    if (width == 0) width = plan->model->tables[plt_model_first_table(plan->model, s)].cols;
    if (status != PLT_OK) break;
    look->seen = realloc(look->seen, (look->n + n * width) * sizeof *look->seen);
    memcpy(look->seen + look->n, read, n * width * sizeof *look->seen);
    look->n += n * width;
  }
  plt_vectors_destroy(&vectors);
  plt_block_reader_destroy(&reader);
  free(ids);
  return status;
}

/* A task: twice, so that tables are declared again after they were dropped. */
static plt_status_t infer(plt_session_t *session, void *context) {
  for (int turn = 0; turn < 2; turn++) {
    plt_inference_t *inference;
    PLT_TRY(plt_inference_begin(session, turn == 0 ? "first" : "second", &inference));
    PLT_TRY(plt_inference_end(&inference, look_at(session, inference, context)));
    cr_assert_null(inference);
  }
  /* The temporary tables are gone: the first of their numbers cannot be read. */
  float row[8];
  plt_pull_t pull = {(uint32_t)session->plan->model->n_tables, 2, (uint64_t[]){0}, 1, row};
  if (session->worker != 0) return PLT_OK;
  cr_assert_eq(plt_client_read(session->client, &pull, 1), PLT_ERR_PROTOCOL);
  return PLT_OK;
}

static look_t run_with(const world_t *world, uint32_t servers, uint32_t workers, uint32_t threads) {
  look_t looks[TINY_ROLES] = {{0}};
  void *contexts[TINY_ROLES];
  plt_plan_t plan = world->tiny.plan;
  plan.servers = servers;
  plan.workers = workers;
  plan.threads = threads;
  for (uint32_t w = 0; w < workers; w++) contexts[w] = &looks[w];
  cr_assert_eq(tiny_run(&plan, infer, contexts), PLT_OK, "%s", plt_fail_text());
  for (uint32_t w = 1; w < workers; w++) {
    cr_assert(looks[w].n == looks[0].n && memcmp(looks[w].seen, looks[0].seen, looks[0].n * sizeof(float)) == 0);
    free(looks[w].seen);
  }
  return looks[0];
}

/* States, then vectors: the outputs side by side. */
static void check_look(const twin_t *twin, const look_t *look, double tolerance, const char *what) {
  const plt_programme_t *p = &twin->probe->base.programme;
  const float *at = look->seen;
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    size_t n = naive_count(twin->relations, s), first = naive_first(twin->relations, s), width = 0;
    const float *of[PLT_STATES_MAX];
    for (size_t k = 0; k < p->n_states; k++) {
      size_t cols = p->state[k].cols;
      if (!(p->state[k].sides >> s & 1)) continue;
      double largest = 1;
      for (size_t c = 0; c < n * cols; c++) largest = fmax(largest, fabs(twin->value[k][first * cols + c]));
      for (size_t c = 0; c < n * cols; c++) {
        double want = twin->value[k][first * cols + c];
        cr_assert(fabs(at[c] - want) <= tolerance * largest, "%s: state %zu, side %d, %zu: %.9g, not %.9g", what, k,
                  (int)s, c, (double)at[c], want);
        if (plt_state_is_table(&p->state[k])) cr_assert_eq(at[c], (float)want, "rows of tables as they are");
      }
      of[k] = at;
      at += n * cols;
      if (p->outputs >> k & 1) width += cols;
    }
    if (width == 0) { /* no output on this side: the first table */
      size_t table = plt_model_first_table(&twin->probe->base, s), cols = twin->probe->base.tables[table].cols;
      for (size_t c = 0; c < n * cols; c++) cr_assert_eq(*at++, (float)twin->table[table][c]);
      continue;
    }
    for (size_t row = 0; row < n; row++)
      for (size_t k = 0; k < p->n_states; k++)
        for (size_t c = 0; c < p->state[k].cols && (p->outputs >> k & 1) && (p->state[k].sides >> s & 1); c++)
          cr_assert_eq(*at++, of[k][row * p->state[k].cols + c], "%s: a vector is not made of its outputs", what);
  }
  cr_assert_eq((size_t)(at - look->seen), look->n);
}

static void expect_same(const look_t *a, const look_t *b, const char *what) {
  cr_assert(a->n == b->n && memcmp(a->seen, b->seen, a->n * sizeof *a->seen) == 0, "%s: other bits", what);
}

/* ---- programmes ---- */

static void check_shape(size_t shape, size_t layers, size_t hops) {
  world_t world;
  naive_rng_t rng = {naive_seed() + shape};
  plt_programme_t p = shape_begin();
  world_open_of(&world, write_tiny, 2, shape_relations, SHAPE_RELATIONS, (uint32_t)shape);
  shapes[shape].make(&p, layers, hops);
  world_take(&world, &p, &rng);
  twin_t twin = born_twin(&world);
  look_t reference = run_with(&world, 1, 1, 1);
  check_look(&twin, &reference, 3e-6, shapes[shape].name);
  for (uint32_t workers = 1; workers <= 4; workers++) /* with other servers at each shape */
    for (uint32_t threads = 1; threads <= 2; threads++) {
      look_t look = run_with(&world, 1 + (uint32_t)(shape + workers + threads) % 3, workers, threads);
      expect_same(&look, &reference, shapes[shape].name);
      free(look.seen);
    }
  free(reference.seen);
  twin_close(&twin);
  world_close(&world);
}

Test(inference, shapes_of_models) {
  for (size_t shape = 0; shape < SHAPES; shape++) check_shape(shape, 1 + shape % 3, 1 + shape % 2);
}

Test(inference, lightgcn_of_one_and_three_layers) {
  check_shape(0, 1, 0);
  check_shape(0, 3, 0);
}

/* Tables alone: nothing is computed, nothing declared. */
Test(inference, of_layer_0_alone) { check_shape(0, 0, 0); }

Test(inference, programmes_by_chance) {
  for (uint32_t turn = 0; turn < 20; turn++) {
    world_t world;
    naive_rng_t rng = {naive_seed() + turn};
    plt_relation_plan_t plans[SHAPE_RELATIONS];
    size_t n_plans = 1 + turn / 5 % SHAPE_RELATIONS;
    char what[32];
    for (size_t r = 0; r < n_plans; r++) plans[r] = shape_relations[(turn + r) % SHAPE_RELATIONS];
    snprintf(what, sizeof what, "turn %u", turn);
    world_open_of(&world, write_tiny, 2, plans, n_plans, turn);
    plt_programme_t p =
        naive_programme_make(&rng, world.relations.real, 1 + naive_below(&rng, 9), turn % 3 == 0 /* no matter */);
    world_take(&world, &p, &rng);
    twin_t twin = born_twin(&world);
    look_t one = run_with(&world, 1, 1, 1), other = run_with(&world, 1 + turn % 3, 2 + turn % 3, 1 + turn % 2);
    check_look(&twin, &one, 2e-5, what);
    expect_same(&other, &one, what);
    free(one.seen), free(other.seen);
    twin_close(&twin);
    world_close(&world);
  }
}

/* A model without a programme. */
static plt_status_t infer_nothing(plt_session_t *session, void *context) {
  plt_inference_t *inference;
  (void)context;
  PLT_TRY(plt_inference_begin(session, "nothing", &inference));
  cr_assert_null(inference);
  return plt_inference_end(&inference, PLT_OK);
}

Test(inference, of_no_programme_is_nothing) {
  tiny_t tiny;
  TINY_OPEN(&tiny, "model.name=bpr", "strategy.name=plain");
  tiny_settle(&tiny);
  cr_assert_eq(tiny_run(&tiny.plan, infer_nothing, (void *[]){NULL}), PLT_OK, "%s", plt_fail_text());
  tiny_close(&tiny);
}

/* ---- several blocks, some without edges ---- */

enum { MANY_USERS = 2 * PLT_INFERENCE_NODES + 50 };

/* Users of the second block have no training pairs. */
static void write_many(const folder_t *folder) {
  naive_rng_t rng = {2};
  FILE *file = folder_create(folder, "many.inter");
  fprintf(file, "userID\titemID\tx_label\n");
  for (uint32_t u = 0; u < MANY_USERS; u++)
    fprintf(file, "%u\t%u\t%d\n", u, naive_below(&rng, 20), u / PLT_INFERENCE_NODES == 1);
  fclose(file);
}

Test(inference, blocks_without_edges) {
  world_t world;
  naive_rng_t rng = {naive_seed()};
  world_open_of(&world, write_many, 0, shape_relations, 2, 1);
  for (int weighs = 0; weighs < 2; weighs++) {
    plt_programme_t p = {.n_states = 0};
    size_t hop = naive_hop(&p, MEAN, naive_alone(&p, PLT_BOTH, 0), PLT_BOTH);
    p.state[hop].weighs = weighs;
    p.outputs = naive_bit(hop);
    world_take(&world, &p, &rng);
    twin_t twin = born_twin(&world);
    look_t one = run_with(&world, 2, 1, 1), three = run_with(&world, 1, 3, 2);
    check_look(&twin, &one, 1e-5, "blocks");
    expect_same(&three, &one, "blocks");
    free(one.seen), free(three.seen);
    twin_close(&twin);
  }
  world_close(&world);
}

/* ---- a node with more edges than a block holds ---- */

enum { HUB_ITEMS = PLT_INFERENCE_EDGES + 4000, HUB_COLS = 2, HUB_STATES = 4 };

/* User 0 has all items but one, user 1 that one. */
static void write_hub(const folder_t *folder) {
  FILE *file = folder_create(folder, "train.txt");
  fprintf(file, "0");
  for (uint32_t i = 0; i < HUB_ITEMS; i++) fprintf(file, " %u", i);
  fprintf(file, "\n1 %u\n", HUB_ITEMS);
  fclose(file);
  folder_text(folder, "test.txt", "1 0\n");
}

static plt_status_t infer_hub(plt_session_t *session, void *context) {
  float(*out)[HUB_COLS] = context;
  plt_inference_t *inference;
  plt_nodes_t nodes;
  PLT_TRY(plt_inference_begin(session, "hub", &inference));
  plt_block_reader_t *reader = plt_block_reader_create(session);
  plt_var_t *states = plt_block_begin(reader, PLT_SIDE_USER, (uint32_t[]){0}, 1, &nodes);
  plt_inference_read(inference, reader, &nodes, UINT64_MAX, states);
  plt_status_t status = plt_block_end(reader);
  for (size_t k = 0; k < HUB_STATES && status == PLT_OK; k++)
    memcpy(out[k], plt_tape_value(nodes.tape, states[k]), sizeof out[k]);
  plt_block_reader_destroy(&reader);
  return plt_inference_end(&inference, status);
}

/* Tables, a symmetric hop, a mean, and a hop whose weights are the softmax of its neighbours' sums. */
static plt_programme_t hub_programme(void) {
  plt_programme_t p = {.n_relations = 2, .relation = {{.kind = PLT_RELATION_USER_ITEM}, {.weight = PLT_EDGES_MEAN}}};
  size_t from = naive_add(&p, (plt_state_t){.relation = PLT_ALONE, .sides = PLT_BOTH});
  for (size_t k = 0; k < 3; k++) p.outputs |= naive_bit(naive_hop(&p, k == 1, from, PLT_USERS));
  p.state[3].weighs = true;
  cr_assert_eq(plt_programme_settle(&p), PLT_OK, "%s", plt_fail_text());
  return p;
}

static void hub_by_hand(const plt_plan_t *plan, double want[HUB_STATES][HUB_COLS]) {
  float row[HUB_COLS];
  double share = 0;
  memset(want, 0, HUB_STATES * sizeof *want);
  plt_table_spec_birth(&plan->specs[0], 0, 0, row);
  for (size_t c = 0; c < HUB_COLS; c++) want[0][c] = row[c];
  for (uint32_t i = 0; i < HUB_ITEMS; i++) {
    plt_table_spec_birth(&plan->specs[1], 0, i, row);
    double here = exp((double)row[0] + (double)row[1]);
    share += here;
    for (size_t c = 0; c < HUB_COLS; c++) {
      want[1][c] += row[c] / sqrt(HUB_ITEMS);
      want[2][c] += row[c] / (double)HUB_ITEMS;
      want[3][c] += row[c] * here;
    }
  }
  for (size_t c = 0; c < HUB_COLS; c++) want[3][c] /= share;
}

Test(inference, a_hub_is_taken_in_several_goes) {
  tiny_t tiny;
  probe_t probe;
  naive_rng_t rng = {1};
  double want[HUB_STATES][HUB_COLS];
  float first[HUB_STATES][HUB_COLS];
  tiny_open_of(&tiny, write_hub, 0, (const char *const[]){"model.name=bpr", "strategy.name=plain", NULL});
  plt_programme_t p = hub_programme();
  probe_open(&probe, &rng, &p, tiny.data);
  probe.how[3] = (probe_how_t){.table = {-1, -1}, .product = -1, .features = -1, .near = {-1, -1}, .softens = true};
  tiny.plan.model = &probe.base;
  tiny.plan.batch_size = tiny.plan.micro_batch = 1;
  tiny.plan.threads = tiny.plan.servers = 2;
  tiny_settle(&tiny);
  hub_by_hand(&tiny.plan, want);
  for (tiny.plan.workers = 1; tiny.plan.workers <= 3; tiny.plan.workers++) {
    float seen[3][HUB_STATES][HUB_COLS];
    void *contexts[] = {seen[0], seen[1], seen[2]};
    cr_assert_eq(tiny_run(&tiny.plan, infer_hub, contexts), PLT_OK, "%s", plt_fail_text());
    if (tiny.plan.workers == 1) memcpy(first, seen[0], sizeof first);
    for (uint32_t w = 0; w < tiny.plan.workers; w++) cr_assert_eq(memcmp(seen[w], first, sizeof first), 0);
    for (size_t k = 0; k < HUB_STATES; k++)
      for (size_t c = 0; c < HUB_COLS; c++)
        cr_assert(naive_near(first[k][c], want[k][c], 1e-6), "state %zu: %g, not %g", k, (double)first[k][c],
                  want[k][c]);
  }
  tiny_close(&tiny);
}

/* ---- failures ---- */

/* A task: evaluation, whose failure is the task's. */
static plt_status_t evaluate(plt_session_t *session, void *context) {
  const bool wanted[PLT_PARTS] = {[PLT_PART_VALID] = true};
  return plt_evaluate(session, "failing", wanted, NULL, context);
}

/* Whether evaluation reads a table: some state's function does, or its weights, or it is the rows of a state. */
static bool is_read(const probe_t *probe, size_t table) {
  const plt_programme_t *p = &probe->base.programme;
  for (size_t k = 0; k < p->n_states; k++) {
    const probe_how_t *how = &probe->how[k];
    bool here = how->product == (int)table || how->features == (int)table;
    for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
      here |= how->table[s] == (int)table || (p->state[k].weighs && how->near[s] == (int)table);
    if (here || (plt_state_is_table(&p->state[k]) && table < 2)) return true;
  }
  return false;
}

/* Every table in turn is declared with another width than the model reads it with, so that the server refuses: what the
 * programme reads must end with that, whoever reads it, and tables that only a loss sees are not asked for. All shapes
 * have outputs as wide on both sides. Returns how many tables are not read. */
static size_t check_refusals(void (*make)(plt_programme_t *p, size_t layers, size_t hops), uint32_t seed) {
  world_t world;
  naive_rng_t rng = {naive_seed() + seed};
  plt_programme_t p = shape_begin();
  size_t read = 0;
  world_open_of(&world, write_tiny, 2, shape_relations, SHAPE_RELATIONS, 3);
  make(&p, 1, 1);
  world_take(&world, &p, &rng);
  for (size_t t = 0; t < world.probe.base.n_tables; t++) {
    plt_plan_t plan = world.tiny.plan;
    bool reads = is_read(&world.probe, t);
    plan.specs[t].cols++;
    read += reads;
    for (plan.workers = 1; plan.workers <= 3; plan.workers += 2) {
      plt_metrics_t metrics[3][PLT_PARTS];
      void *contexts[] = {metrics[0], metrics[1], metrics[2]};
      plan.servers = plan.workers;
      plt_status_t status = tiny_run(&plan, evaluate, contexts);
      cr_assert_eq(status != PLT_OK, reads, "table %s: %s", world.probe.base.tables[t].name, plt_status_text(status));
      if (plan.workers == 1 && reads) cr_assert_eq(status, PLT_ERR_PROTOCOL, "%s", plt_fail_text());
    }
  }
  cr_assert_gt(read, 1);
  read = world.probe.base.n_tables - read;
  world_close(&world);
  return read;
}

Test(inference, a_read_that_is_refused_is_the_end) {
  size_t unread = check_refusals(shape_lightgcn, 1) + check_refusals(shape_dragon, 2) + check_refusals(shape_mmgcn, 3) +
                  check_refusals(shape_grcn, 4);
  cr_assert_gt(unread, 1);
}

/* The same where only representations read: of states that are there. */
Test(inference, a_vector_that_cannot_be_read_is_the_end) {
  world_t world;
  naive_rng_t rng = {naive_seed() + 4};
  plt_programme_t p = shape_begin();
  world_open_of(&world, write_tiny, 2, shape_relations, SHAPE_RELATIONS, 3);
  p.outputs = naive_bit(naive_alone(&p, PLT_USERS, 0));
  world_take(&world, &p, &rng);
  plt_plan_t plan = world.tiny.plan;
  plt_metrics_t metrics[PLT_PARTS];
  cr_assert_eq(tiny_run(&plan, evaluate, (void *[]){metrics}), PLT_OK, "%s", plt_fail_text());
  plan.specs[1].cols++; /* items have no state: their vectors are the first table's rows */
  cr_assert_eq(tiny_run(&plan, evaluate, (void *[]){metrics}), PLT_ERR_PROTOCOL);
  world_close(&world);
}
