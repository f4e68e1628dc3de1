/* What a server refuses to hear, message by message; it goes on serving its worker all the while. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/time.h"
#include "proto/frame.h"
#include "ps/server/server.h"

enum { JOB = 77, GENERATION = 3, WORKERS = 2 };
#define MEMORY_BYTES (UINT64_C(1) << 20)

typedef struct desk {
  plt_wire_t *wire;
  plt_listener_t *listener;
  plt_links_t *links;
  pthread_t thread;
  atomic_bool stop;
  plt_status_t ended;
  plt_parcel_t *out, *in;
  plt_arena_t *arena;
  uint64_t request;
} desk_t;

static void *server_main(void *argument) {
  desk_t *desk = argument;
  plt_server_config_t config = {.servers = 1,
                                .workers = WORKERS,
                                .job = JOB,
                                .generation = GENERATION,
                                .memory_bytes = MEMORY_BYTES,
                                .stop = &desk->stop};
  desk->ended = plt_server_run(desk->wire, desk->listener, &config);
  return NULL;
}

static desk_t *desk_open(void) {
  desk_t *desk = calloc(1, sizeof *desk);
  const char *address = "inproc://server";
  desk->wire = plt_wire_create();
  cr_assert_eq(plt_listener_open(desk->wire, address, &desk->listener), PLT_OK);
  cr_assert_eq(plt_links_open(desk->wire, &address, 1, &desk->links), PLT_OK);
  desk->out = plt_parcel_create();
  desk->in = plt_parcel_create();
  desk->arena = plt_arena_create();
  cr_assert_eq(pthread_create(&desk->thread, NULL, server_main, desk), 0);
  return desk;
}

static void desk_close(desk_t *desk) {
  atomic_store(&desk->stop, true);
  pthread_join(desk->thread, NULL);
  cr_assert_eq(desk->ended, PLT_OK);
  plt_parcel_destroy(&desk->out);
  plt_parcel_destroy(&desk->in);
  plt_arena_destroy(&desk->arena);
  plt_links_close(&desk->links);
  plt_listener_close(&desk->listener);
  plt_wire_destroy(&desk->wire);
  free(desk);
}

static plt_header_t from_worker(plt_verb_t verb) {
  return (plt_header_t){
      .verb = verb, .version = PLT_PROTOCOL_VERSION, .job = JOB, .generation = GENERATION, .role = PLT_ROLE_WORKER};
}

/* Sends what is in desk->out, takes the answer. */
static plt_header_t exchange(desk_t *desk) {
  plt_header_t answer;
  size_t server;
  bool got;
  cr_assert_eq(plt_links_send(desk->links, 0, desk->out), PLT_OK);
  int64_t end = plt_time_ns() + 60 * PLT_NS_PER_S;
  do {
    cr_assert_eq(plt_links_receive(desk->links, 5000, &server, desk->in, &got), PLT_OK);
  } while (!got && plt_time_ns() < end);
  cr_assert(got, "no answer");
  plt_arena_reset(desk->arena);
  cr_assert_eq(plt_frame_decode(desk->in, desk->arena, &answer), PLT_OK, "%s", plt_fail_text());
  return answer;
}

static plt_header_t ask(desk_t *desk, plt_header_t header) {
  header.request = ++desk->request;
  plt_parcel_clear(desk->out);
  cr_assert_eq(plt_frame_encode(&header, plt_wire_pool(desk->wire), desk->arena, desk->out), PLT_OK, "%s",
               plt_fail_text());
  return exchange(desk);
}

static void check_refused(desk_t *desk, plt_header_t header, plt_status_t status, const char *why) {
  plt_header_t answer = ask(desk, header);
  cr_assert_eq(answer.verb, PLT_VERB_REFUSED, "%s, not refused", plt_verb_name(answer.verb));
  cr_assert_eq(answer.status, status, "status %d: %s", answer.status, answer.text);
  cr_assert(strstr(answer.text, why) != NULL, "\"%s\" is not in \"%s\"", why, answer.text);
}

static void check_taken(desk_t *desk, plt_header_t header, plt_verb_t verb) {
  plt_header_t answer = ask(desk, header);
  cr_assert_eq(answer.verb, verb, "%s: %s", plt_verb_name(answer.verb), answer.text);
}

static plt_header_t declare(uint32_t index, const char *name, uint64_t rows, uint32_t cols) {
  plt_header_t header = from_worker(PLT_VERB_DECLARE);
  header.table = index;
  header.has_spec = true;
  header.spec = (plt_table_spec_t){.rows = rows, .cols = cols};
  strcpy(header.spec.name, name);
  strcpy(header.spec.optimizer, "sgd");
  return header;
}

Test(admission, another_version_job_generation_role_number, .timeout = 180) {
  desk_t *desk = desk_open();
  plt_header_t good = from_worker(PLT_VERB_HELLO), bad;
  bad = good, bad.version++;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "version");
  bad = good, bad.job++;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "another job");
  bad = good, bad.generation--;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "generation");
  bad = good, bad.role = PLT_ROLE_SERVER;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "no worker");
  bad = good, bad.number = WORKERS;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "no worker");
  bad = good, bad.number = UINT32_MAX;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "no worker");
  check_refused(desk, from_worker(PLT_VERB_READ), PLT_ERR_PROTOCOL, "HELLO");
  check_taken(desk, good, PLT_VERB_WELCOME);
  bad = from_worker(PLT_VERB_READ), bad.job++;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "another job");
  bad = from_worker(PLT_VERB_READ), bad.generation++;
  check_refused(desk, bad, PLT_ERR_PROTOCOL, "generation");
  check_refused(desk, from_worker(PLT_VERB_WELCOME), PLT_ERR_PROTOCOL, "verb");
  desk_close(desk);
}

Test(admission, tables_beyond_the_memory_of_the_server, .timeout = 180) {
  desk_t *desk = desk_open();
  check_taken(desk, from_worker(PLT_VERB_HELLO), PLT_VERB_WELCOME);
  check_refused(desk, declare(0, "wide", UINT64_C(1) << 40, 1 << 20), PLT_ERR_USAGE, "GB of memory");
  check_refused(desk, declare(0, "long", UINT64_MAX, 1), PLT_ERR_USAGE, "table long");
  check_refused(desk, declare(0, "wide", 1, (1 << 20) + 1), PLT_ERR_USAGE, "columns");
  check_refused(desk, declare(1, "late", 1, 1), PLT_ERR_PROTOCOL, "out of order");
  check_refused(desk, declare(UINT32_MAX, "late", 1, 1), PLT_ERR_PROTOCOL, "out of order");
  check_taken(desk, declare(0, "half", 1000, 128), PLT_VERB_DONE); /* 520,000 bytes of 1,048,576 */
  check_taken(desk, declare(0, "half", 1000, 128), PLT_VERB_DONE);
  check_refused(desk, declare(0, "half", 1000, 129), PLT_ERR_PROTOCOL, "differently");
  check_taken(desk, declare(1, "other", 1000, 128), PLT_VERB_DONE);
  check_refused(desk, declare(2, "third", 1000, 128), PLT_ERR_USAGE, "other tables take");
  for (uint32_t i = 2; i < PLT_TABLES_MAX; i++) check_taken(desk, declare(i, "tiny", 1, 1), PLT_VERB_DONE);
  check_refused(desk, declare(PLT_TABLES_MAX, "tiny", 1, 1), PLT_ERR_PROTOCOL, "out of order");
  desk_close(desk);
}

static plt_header_t read_section(const plt_section_t *section) {
  plt_header_t header = from_worker(PLT_VERB_READ);
  header.sections = section;
  header.n_sections = 1;
  return header;
}

Test(admission, keys_and_answers, .timeout = 180) {
  desk_t *desk = desk_open();
  uint64_t keys[] = {0, 5, 9}, beyond[] = {0, 10}, twice[] = {3, 3};
  check_taken(desk, from_worker(PLT_VERB_HELLO), PLT_VERB_WELCOME);
  check_taken(desk, declare(0, "t", 10, 4), PLT_VERB_DONE);
  plt_section_t section = {.kind = PLT_SECTION_PULL, .n = 3, .keys = keys};
  check_taken(desk, read_section(&section), PLT_VERB_ROWS);
  section.table = 1;
  check_refused(desk, read_section(&section), PLT_ERR_PROTOCOL, "not declared");
  section.table = UINT32_MAX;
  check_refused(desk, read_section(&section), PLT_ERR_PROTOCOL, "not declared");
  section = (plt_section_t){.kind = PLT_SECTION_PULL, .n = 2, .keys = beyond};
  check_refused(desk, read_section(&section), PLT_ERR_PROTOCOL, "key 10");
  section = (plt_section_t){.kind = PLT_SECTION_PULL, .n = 2, .keys = twice};
  check_refused(desk, read_section(&section), PLT_ERR_PROTOCOL, "ascend");
  desk_close(desk);
}

/* The same rows asked for 1024 times in one message. */
Test(admission, an_answer_larger_than_memory, .timeout = 180) {
  enum { ROWS = 1 << 14 };
  desk_t *desk = desk_open();
  static uint64_t keys[ROWS];
  static plt_section_t sections[PLT_SECTIONS_MAX];
  for (size_t i = 0; i < ROWS; i++) keys[i] = i;
  check_taken(desk, from_worker(PLT_VERB_HELLO), PLT_VERB_WELCOME);
  check_taken(desk, declare(0, "t", ROWS, 8), PLT_VERB_DONE);
  for (size_t i = 0; i < PLT_SECTIONS_MAX; i++)
    sections[i] = (plt_section_t){.kind = PLT_SECTION_PULL, .n = ROWS, .keys = keys};
  plt_header_t header = from_worker(PLT_VERB_READ);
  header.sections = sections;
  header.n_sections = 1;
  sections[0].n = ROWS / 4; /* an answer of one part */
  check_taken(desk, header, PLT_VERB_ROWS);
  sections[0].n = ROWS;
  header.n_sections = PLT_SECTIONS_MAX; /* 512 MiB of answer */
  check_refused(desk, header, PLT_ERR_PROTOCOL, "asked for twice");
  desk_close(desk);
}

Test(admission, sums, .timeout = 180) {
  desk_t *desk = desk_open();
  double one = 1;
  plt_header_t sum = from_worker(PLT_VERB_SUM);
  check_taken(desk, from_worker(PLT_VERB_HELLO), PLT_VERB_WELCOME);
  sum.sums = &one;
  sum.n_sums = 1;
  check_refused(desk, sum, PLT_ERR_PROTOCOL, "needs a name");
  desk_close(desk);
  double *many = calloc((size_t)PLT_SUMS_MAX + 1, sizeof *many);
  desk = desk_open();
  sum.sums = many;
  sum.n_sums = (size_t)PLT_SUMS_MAX + 1;
  strcpy(sum.text, "many");
  cr_assert_eq(plt_frame_encode(&sum, plt_wire_pool(desk->wire), desk->arena, desk->out), PLT_ERR_PROTOCOL);
  cr_assert(strstr(plt_fail_text(), "SUM many") != NULL, "%s", plt_fail_text());
  desk_close(desk);
  free(many);
}

/* Frames that are no message; the number of frames is limited, too. */
Test(admission, what_is_no_message, .timeout = 180) {
  desk_t *desk = desk_open();
  for (size_t frames = 1; frames <= 2049; frames *= 2) {
    plt_parcel_clear(desk->out);
    for (size_t i = 0; i < frames; i++) {
      char *frame = plt_pool_take(plt_wire_pool(desk->wire), 100);
      memset(frame, (int)(7 * i + frames), 100);
      plt_parcel_add_pooled(desk->out, frame, 100);
    }
    plt_header_t answer = exchange(desk);
    cr_assert_eq(answer.verb, PLT_VERB_REFUSED);
    cr_assert_eq(answer.status, PLT_ERR_PROTOCOL);
  }
  plt_parcel_clear(desk->out);
  for (size_t i = 0; i < 100000; i++) plt_parcel_add_pooled(desk->out, plt_pool_take(plt_wire_pool(desk->wire), 1), 1);
  size_t server;
  bool got;
  cr_assert_eq(plt_links_send(desk->links, 0, desk->out), PLT_OK);
  cr_assert_eq(plt_links_receive(desk->links, 500, &server, desk->in, &got), PLT_OK);
  cr_assert_not(got, "a message of 100,000 frames is not heard");
  check_taken(desk, from_worker(PLT_VERB_HELLO), PLT_VERB_WELCOME);
  desk_close(desk);
}
