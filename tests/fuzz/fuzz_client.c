/* fuzz_client.c - what servers answer to a worker. Input: for each server how it changes its honest answers, one after
 * the other. Whatever comes, a call ends within the deadline, writes where it was told to and nowhere else, and says
 * that all is well only if every row and number has come. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"
#include "worker/client/pending.h"

enum { SERVERS = 2, TABLES = 2, KEYS = 5, SUMS = 3, JOB = 77, GENERATION = 3, SECTIONS = 4, FLOATS_MAX = 4096 };
#define DEADLINE_S 0.01
#define PATIENCE_NS (20 * PLT_NS_PER_S)

static uint32_t cols_of(uint32_t table) { return 3 + table % TABLES; }

/* ---- a server that changes its answers ---- */

typedef struct liar {
  fuzz_input_t input;
  plt_wire_t *wire;
  plt_listener_t *listener;
  const atomic_bool *stop;
  pthread_t thread;
  plt_parcel_t *in, *out;
  plt_arena_t *arena;
  plt_section_t sections[SECTIONS];
  double sums[SUMS + 2];
} liar_t;

static void answer_rows(liar_t *liar, const plt_header_t *asked, plt_header_t *answer) {
  answer->verb = PLT_VERB_ROWS;
  answer->clock = asked->clock + asked->pushes;
  answer->loss = 1;
  answer->has_loss = true;
  answer->sections = liar->sections;
  for (size_t i = 0; i < asked->n_sections && answer->n_sections < SECTIONS - 1; i++) {
    const plt_section_t *pull = &asked->sections[i];
    if (pull->kind != PLT_SECTION_PULL) continue;
    liar->sections[answer->n_sections++] = (plt_section_t){
        .kind = PLT_SECTION_ROWS, .table = pull->table, .n = pull->n, .cols = cols_of(pull->table), .type = pull->type};
  }
}

static plt_header_t honest_answer(liar_t *liar, const plt_header_t *asked) {
  plt_header_t answer = {.verb = PLT_VERB_DONE,
                         .version = PLT_PROTOCOL_VERSION,
                         .job = JOB,
                         .generation = GENERATION,
                         .role = PLT_ROLE_SERVER,
                         .request = asked->request};
  if (asked->verb == PLT_VERB_HELLO) answer.verb = PLT_VERB_WELCOME;
  if (asked->verb == PLT_VERB_STEP || asked->verb == PLT_VERB_READ) answer_rows(liar, asked, &answer);
  if (asked->verb == PLT_VERB_SUM) {
    answer.verb = PLT_VERB_SUM;
    answer.n_sums = asked->n_sums <= SUMS ? asked->n_sums : 0;
    answer.sums = liar->sums;
  }
  if (asked->verb == PLT_VERB_CHECKPOINTED) {
    answer.verb = PLT_VERB_CHECKPOINTED;
    answer.clock = asked->clock;
    memset(answer.hash, 'f', sizeof answer.hash - 1);
    strcpy(answer.text, "server-0.h5");
  }
  return answer;
}

static void change_section(liar_t *liar, plt_header_t *answer) {
  plt_section_t *section = &liar->sections[fuzz_take(&liar->input, SECTIONS)];
  switch (fuzz_take(&liar->input, 8)) {
    case 0: section->n = fuzz_take_number(&liar->input); break;
    case 1: section->cols = (uint32_t)fuzz_take_number(&liar->input); break;
    case 2: section->type = PLT_WIRE_F32 + PLT_WIRE_BF16 - section->type; break;
    case 3: section->kind = PLT_SECTION_PUSH + fuzz_take(&liar->input, 3); break;
    case 4: section->table = (uint32_t)fuzz_take_number(&liar->input); break;
    case 5:
      section->lent = true;
      section->region = (uint32_t)fuzz_take_number(&liar->input);
      section->at = fuzz_take_number(&liar->input);
      break;
    case 6: answer->n_sections = fuzz_take(&liar->input, SECTIONS); break;
    default: section->span = (plt_leaf_span_t){fuzz_take(&liar->input, 4), fuzz_take(&liar->input, 4)}; break;
  }
  answer->sections = liar->sections;
}

static void change(liar_t *liar, plt_header_t *answer) {
  switch (fuzz_take(&liar->input, 12)) {
    case 0: answer->verb = fuzz_take(&liar->input, PLT_VERB_COUNT); break;
    case 1: answer->request += fuzz_take_number(&liar->input) - 2; break;
    case 2:
      answer->parts = fuzz_take(&liar->input, PLT_PARTS_MAX + 2),
      answer->part = fuzz_take(&liar->input, PLT_PARTS_MAX + 2);
      break;
    case 3: answer->n_sums = fuzz_take(&liar->input, SUMS + 2), answer->sums = liar->sums; break;
    case 4: answer->clock = fuzz_take_number(&liar->input); break;
    case 5:
      answer->who = (uint32_t)fuzz_take_number(&liar->input), answer->age_ms = fuzz_take_number(&liar->input);
      break;
    case 6: answer->status = fuzz_take(&liar->input, PLT_STATUS_COUNT); break;
    case 7: answer->salt = fuzz_take_number(&liar->input); break;
    case 8: answer->bytes = fuzz_take_number(&liar->input), answer->hash[0] = "\0fx"[fuzz_take(&liar->input, 3)]; break;
    case 9: memset(answer->text, 'x', fuzz_take(&liar->input, 2) * (sizeof answer->text - 1)); break;
    case 10: answer->has_progress = true, answer->progress.epoch = (uint32_t)fuzz_take_number(&liar->input); break;
    default: change_section(liar, answer); break;
  }
}

/* Numbers are ones: what nobody has sent is none. */
static void send_answer(liar_t *liar, const plt_route_t *to, const plt_header_t *answer) {
  plt_parcel_clear(liar->out);
  for (size_t i = 0; i < answer->n_sections; i++) {
    plt_section_t *section = &liar->sections[i];
    section->values = NULL;
    if (section->kind == PLT_SECTION_PULL || section->lent) continue;
    if (section->cols == 0 || section->n > FLOATS_MAX / section->cols) section->n = 0;
    size_t floats = (size_t)section->n * section->cols;
    float *values = plt_pool_take(plt_wire_pool(liar->wire), floats * sizeof *values);
    for (size_t c = 0; c < floats; c++) values[c] = 1;
    if (section->type == PLT_WIRE_BF16) memset(values, 0x3f, 2 * floats);
    section->values = values;
  }
  FUZZ_CHECK(plt_frame_encode(answer, plt_wire_pool(liar->wire), liar->arena, liar->out) == PLT_OK);
  FUZZ_CHECK(plt_listener_send(liar->listener, to, liar->out) == PLT_OK);
}

/* What is changed is followed by what is not, so that a worker who passes over it gets on. */
static void answer_one(liar_t *liar, const plt_route_t *to) {
  plt_header_t asked;
  plt_arena_reset(liar->arena);
  FUZZ_CHECK(plt_frame_decode(liar->in, liar->arena, &asked) == PLT_OK);
  for (uint32_t lies = fuzz_take(&liar->input, 4); lies > 0; lies--) {
    plt_header_t answer = honest_answer(liar, &asked);
    change(liar, &answer);
    if (fuzz_take(&liar->input, 4) == 0) change(liar, &answer);
    send_answer(liar, to, &answer);
  }
  plt_header_t answer = honest_answer(liar, &asked);
  if (fuzz_take(&liar->input, 64) != 63) send_answer(liar, to, &answer);
}

static void *liar_main(void *context) {
  liar_t *liar = context;
  while (!atomic_load(liar->stop)) {
    plt_route_t from;
    bool got;
    FUZZ_CHECK(plt_listener_receive(liar->listener, 1, &from, liar->in, &got) == PLT_OK);
    if (got) answer_one(liar, &from);
  }
  return NULL;
}

static void open_liar(liar_t *liar, plt_wire_t *wire, const char *endpoint, const atomic_bool *stop) {
  liar->wire = wire;
  liar->stop = stop;
  liar->in = plt_parcel_create();
  liar->out = plt_parcel_create();
  liar->arena = plt_arena_create();
  for (int i = 0; i < SUMS + 2; i++) liar->sums[i] = 1;
  for (int i = 0; i < SECTIONS; i++)
    liar->sections[i] = (plt_section_t){.kind = PLT_SECTION_ROWS, .n = 2, .cols = cols_of(0)};
  FUZZ_CHECK(plt_listener_open(wire, endpoint, &liar->listener) == PLT_OK);
  FUZZ_CHECK(pthread_create(&liar->thread, NULL, liar_main, liar) == 0);
}

static void close_liar(liar_t *liar) {
  pthread_join(liar->thread, NULL);
  plt_listener_close(&liar->listener);
  plt_parcel_destroy(&liar->in);
  plt_parcel_destroy(&liar->out);
  plt_arena_destroy(&liar->arena);
}

/* ---- a worker ---- */

static const uint64_t keys[KEYS] = {0, 1, 2, 5, 9};

/* Memory of exactly the rows asked for, without a number in it. */
static plt_pull_t make_pull(uint32_t table) {
  size_t floats = (size_t)KEYS * cols_of(table);
  plt_pull_t pull = {table, cols_of(table), keys, KEYS, plt_mem_alloc(floats * sizeof *pull.out)};
  for (size_t i = 0; i < floats; i++) pull.out[i] = NAN;
  return pull;
}

static void end_pull(plt_pull_t *pull, bool has_come) {
  for (size_t i = 0; has_come && i < (size_t)KEYS * pull->cols; i++) FUZZ_CHECK(!isnan(pull->out[i]));
  free(pull->out);
}

static plt_status_t step(plt_client_t *client, uint64_t clock) {
  static const float gradient[KEYS * (3 + TABLES)];
  plt_block_loss_t loss = {{0, 1}, 1};
  plt_push_t push = {0, cols_of(0), {0, 1}, keys, gradient, KEYS};
  plt_pull_t pulls[TABLES] = {make_pull(0), make_pull(1)};
  plt_step_t request = {.pushes = true,
                        .clock = clock,
                        .eta = 1,
                        .losses = &loss,
                        .n_losses = 1,
                        .push = &push,
                        .n_push = 1,
                        .pull = pulls,
                        .n_pull = TABLES};
  plt_step_result_t result;
  plt_status_t status = plt_client_step(client, &request, &result);
  for (int t = 0; t < TABLES; t++) end_pull(&pulls[t], status == PLT_OK);
  return status;
}

static plt_status_t read_some(plt_client_t *client) {
  plt_pull_t pull = make_pull(1);
  plt_status_t status = plt_client_read(client, &pull, 1);
  end_pull(&pull, status == PLT_OK);
  return status;
}

static plt_status_t add_up(plt_client_t *client) {
  double values[SUMS] = {NAN, NAN, NAN};
  PLT_TRY(plt_client_sum(client, "loss", values, SUMS));
  for (int i = 0; i < SUMS; i++) FUZZ_CHECK(!isnan(values[i]));
  return PLT_OK;
}

static plt_status_t publish(plt_client_t *client, uint64_t clock) {
  plt_pending_t pending = {0};
  bool all;
  plt_pending_begin(&pending, clock, SERVERS);
  pending.ask_ns = 0; /* at once */
  plt_status_t status = plt_pending_poll(&pending, client, false, &all);
  if (status == PLT_OK && all) status = plt_client_publish(client, clock, pending.parts);
  plt_pending_end(&pending);
  return status;
}

static plt_status_t work(plt_client_t *client, uint64_t clock) {
  static const plt_table_spec_t specs[TABLES] = {{.name = "a", .rows = 10, .cols = 3, .optimizer = "sgd"},
                                                 {.name = "b", .rows = 10, .cols = 4, .optimizer = "adam"}};
  static const float row[KEYS * 3];
  PLT_TRY(plt_client_declare(client, 0, specs, TABLES));
  PLT_TRY(step(client, clock));
  PLT_TRY(read_some(client));
  PLT_TRY(add_up(client));
  PLT_TRY(plt_client_assign(client, 0, 3, keys, KEYS, row));
  PLT_TRY(plt_client_reset(client, 1, 1));
  PLT_TRY(step(client, clock + 1));
  PLT_TRY(publish(client, clock + 1));
  return plt_client_enter(client, clock, TABLES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  static const char *const endpoints[SERVERS] = {"inproc://0", "inproc://1"};
  atomic_bool stop = false;
  liar_t *liars[SERVERS];
  uint32_t n_servers = n > 0 && data[0] % 2 == 1 ? SERVERS : 1;
  plt_wire_t *wire = plt_wire_create();
  for (uint32_t s = 0; s < n_servers; s++) {
    liars[s] = plt_mem_zalloc(1, sizeof *liars[s]);
    liars[s]->input = (fuzz_input_t){data + s * (n / n_servers), n / n_servers};
    open_liar(liars[s], wire, endpoints[s], &stop);
  }
  plt_client_config_t config = {.workers = 2,
                                .servers = endpoints,
                                .n_servers = n_servers,
                                .job = JOB,
                                .generation = GENERATION,
                                .deadline_s = DEADLINE_S,
                                .wire = n > 0 && data[0] & 2 ? PLT_WIRE_BF16 : PLT_WIRE_F32};
  uint64_t clock;
  bool resumed;
  plt_progress_t progress;
  plt_client_t *client = NULL;
  int64_t began = plt_time_ns();
  plt_status_t status = plt_client_open(wire, &config, &clock, &resumed, &progress, &client);
  if (status == PLT_OK) status = work(client, clock);
  if (status == PLT_OK) plt_client_bye(client, PLT_OK, "");
  FUZZ_CHECK(status == PLT_OK || plt_fail_text()[0] != '\0');
  FUZZ_CHECK(plt_time_ns() - began < PATIENCE_NS);
  plt_client_close(&client);
  atomic_store(&stop, true);
  for (uint32_t s = 0; s < n_servers; s++) {
    close_liar(liars[s]);
    free(liars[s]);
  }
  plt_wire_destroy(&wire);
  return 0;
}
