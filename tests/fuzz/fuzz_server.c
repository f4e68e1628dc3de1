/* fuzz_server.c - what workers ask of a server: messages that are well made and make no sense. Input: what kind of
 * server, then a few bytes for each field of one message after the other (fuzz_frame.c has messages that are not well
 * made). Whatever they say, every answer decodes, the server goes on listening to all of them, and ends in peace. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/time.h"
#include "proto/frame.h"
#include "proto/wire/region.h"
#include "ps/server/server.h"
#include "tests/fuzz/fuzz.h"

enum { WORKERS = 2, PEERS = 3, JOB = 77, GENERATION = 3, MESSAGES_MAX = 200, TABLES = 3, KEYS_MAX = 6, SECTIONS = 3 };
#define MEMORY_BYTES (UINT64_C(1) << 20)
#define PATIENCE_NS (20 * PLT_NS_PER_S)
#define PROBE UINT64_C(0xffffffffffff0000) /* request of a question that ends a conversation */

static double take_real(fuzz_input_t *in) {
  static const double reals[] = {0, 1, -1, 0.5, 1e-3, 1e300, 1e-320, INFINITY, -INFINITY, NAN};
  return reals[fuzz_take(in, sizeof reals / sizeof *reals)];
}

static void take_text(fuzz_input_t *in, const char *const *texts, uint32_t n, char *out) {
  strcpy(out, texts[fuzz_take(in, n)]);
}
#define TAKE_TEXT(in, texts, out) take_text(in, texts, sizeof(texts) / sizeof *(texts), out)

/* ---- the server, and its peers ---- */

typedef struct scene {
  plt_server_config_t config;
  atomic_bool stop, ended;
  plt_wire_t *wire;
  plt_listener_t *listener;
  pthread_t thread;
  plt_status_t status;
  plt_links_t *links[PEERS];
  plt_parcel_t *out, *in;
  plt_arena_t *arena, *in_arena;
  plt_region_t *region; /* that an honest LEND offers */
  uint64_t request;
  /* of the message that is made */
  plt_section_t sections[SECTIONS];
  uint64_t keys[SECTIONS][KEYS_MAX];
  plt_block_loss_t losses[SECTIONS];
  double sums[SECTIONS];
} scene_t;

static void *server_main(void *context) {
  scene_t *scene = context;
  scene->status = plt_server_run(scene->wire, scene->listener, &scene->config);
  atomic_store(&scene->ended, true);
  return NULL;
}

static scene_t *open_scene(fuzz_input_t *in) {
  const char *endpoint = "inproc://server";
  scene_t *scene = plt_mem_zalloc(1, sizeof *scene);
  uint32_t kind = fuzz_take(in, 256);
  scene->config = (plt_server_config_t){.servers = 1 + (kind & 1),
                                        .workers = WORKERS,
                                        .alone = (kind & 2) != 0,
                                        .staleness = kind & 4   ? UINT64_MAX
                                                     : kind & 2 ? 1
                                                                : 0,
                                        .threads = kind & 8 ? 2 : 0,
                                        .job = JOB,
                                        .generation = GENERATION,
                                        .run_dir = kind & 16 ? fuzz_folder() : NULL,
                                        .memory_bytes = MEMORY_BYTES,
                                        .keep = 2,
                                        .stop = &scene->stop};
  scene->wire = plt_wire_create();
  scene->out = plt_parcel_create();
  scene->in = plt_parcel_create();
  scene->arena = plt_arena_create();
  scene->in_arena = plt_arena_create();
  FUZZ_CHECK(plt_region_create(4096, &scene->region) == PLT_OK);
  FUZZ_CHECK(plt_listener_open(scene->wire, endpoint, &scene->listener) == PLT_OK);
  for (int p = 0; p < PEERS; p++) FUZZ_CHECK(plt_links_open(scene->wire, &endpoint, 1, &scene->links[p]) == PLT_OK);
  FUZZ_CHECK(pthread_create(&scene->thread, NULL, server_main, scene) == 0);
  return scene;
}

/* Whether an answer came; it is checked. */
static bool hear(scene_t *scene, int peer, int timeout_ms, plt_header_t *answer) {
  size_t server;
  bool got;
  FUZZ_CHECK(plt_links_receive(scene->links[peer], timeout_ms, &server, scene->in, &got) == PLT_OK);
  if (!got) return false;
  plt_arena_reset(scene->in_arena);
  FUZZ_CHECK(plt_frame_decode(scene->in, scene->in_arena, answer) == PLT_OK);
  FUZZ_CHECK(answer->role == PLT_ROLE_SERVER && answer->verb != PLT_VERB_AGAIN);
  FUZZ_CHECK(answer->verb != PLT_VERB_REFUSED || (answer->status != PLT_OK && answer->text[0] != '\0'));
  return true;
}

static void say(scene_t *scene, int peer, const plt_header_t *header) {
  plt_header_t earlier;
  while (hear(scene, peer, 0, &earlier)) continue;
  plt_parcel_clear(scene->out);
  FUZZ_CHECK(plt_frame_encode(header, plt_wire_pool(scene->wire), scene->arena, scene->out) == PLT_OK);
  FUZZ_CHECK(plt_links_send(scene->links[peer], 0, scene->out) == PLT_OK);
}

/* Everything that this peer said before has been answered or kept when this returns, or the server has ended. */
static void settle(scene_t *scene, int peer) {
  plt_header_t stranger = {.verb = PLT_VERB_HELLO, .job = JOB + 1, .request = PROBE}, answer;
  int64_t end = plt_time_ns() + PATIENCE_NS;
  say(scene, peer, &stranger);
  do {
    answer = (plt_header_t){0};
    FUZZ_CHECK(plt_time_ns() < end);
  } while (!atomic_load(&scene->ended) && !(hear(scene, peer, 5, &answer) && answer.request == PROBE));
}

static void close_scene(scene_t **scene_at) {
  scene_t *scene = *scene_at;
  for (int p = 0; p < PEERS; p++) settle(scene, p);
  atomic_store(&scene->stop, true);
  plt_header_t last = {.verb = PLT_VERB_HELLO};
  say(scene, 0, &last); /* it looks up */
  pthread_join(scene->thread, NULL);
  FUZZ_CHECK(scene->status == PLT_OK);
  for (int p = 0; p < PEERS; p++) plt_links_close(&scene->links[p]);
  plt_listener_close(&scene->listener);
  plt_region_destroy(&scene->region);
  plt_parcel_destroy(&scene->out);
  plt_parcel_destroy(&scene->in);
  plt_arena_destroy(&scene->arena);
  plt_arena_destroy(&scene->in_arena);
  plt_wire_destroy(&scene->wire);
  free(scene);
  *scene_at = NULL;
}

/* ---- workers who begin as they should ---- */

static const plt_table_spec_t tables[TABLES] = {
    {.name = "sums", .rows = 40, .cols = 2, .optimizer = "sgd"},
    {.name = "moments", .rows = 40, .cols = 3, .init = {PLT_INIT_NORMAL, 0.1}, .optimizer = "adam"},
    {.name = "ids", .cols = 4, .optimizer = "adagrad", .sparse = {true, .admit_pushes = 2, .max_age = 2}}};

static plt_header_t header_of(scene_t *scene, plt_verb_t verb, uint32_t worker) {
  return (plt_header_t){.verb = verb,
                        .version = PLT_PROTOCOL_VERSION,
                        .job = JOB,
                        .generation = GENERATION,
                        .role = PLT_ROLE_WORKER,
                        .number = worker,
                        .request = ++scene->request};
}

static void begin(scene_t *scene) {
  for (uint32_t w = 0; w < WORKERS; w++) {
    plt_header_t hello = header_of(scene, PLT_VERB_HELLO, w);
    say(scene, (int)w, &hello);
    for (uint32_t t = 0; t < TABLES; t++) {
      plt_header_t declare = header_of(scene, PLT_VERB_DECLARE, w);
      declare.table = t;
      declare.has_spec = true;
      declare.spec = tables[t];
      say(scene, (int)w, &declare);
    }
  }
}

/* ---- messages ---- */

static plt_table_spec_t take_spec(fuzz_input_t *in) {
  static const char *const names[] = {"a", "b", "c", "user", "a/../b", "\xff", "."};
  static const char *const optimizers[] = {"sgd",   "adam", "adagrad",   "ftrl",  "momentum",
                                           "adamw", "",     "lazy_adam", "nobody"};
  static const char *const settings[] = {"", "sweep: dense\n", "eps: 1e-6\n", "beta1: 2\n", "{", "weight_decay: 0.1\n"};
  plt_table_spec_t spec = {.init = {fuzz_take(in, PLT_INIT_KINDS), take_real(in)}, .seed = fuzz_take(in, 2)};
  uint32_t flags = fuzz_take(in, 256);
  TAKE_TEXT(in, names, spec.name);
  TAKE_TEXT(in, optimizers, spec.optimizer);
  TAKE_TEXT(in, settings, spec.settings);
  if (flags & 1) TAKE_TEXT(in, names, spec.born_as);
  spec.frozen = (flags & 2) != 0;
  spec.temporary = (flags & 4) != 0;
  if (flags & 8) spec.lr_scale = take_real(in);
  if (flags & 16) spec.decay = take_real(in);
  spec.rows = 1 + fuzz_take_number(in) % UINT64_MAX;
  spec.cols = 1 + (uint32_t)fuzz_take_number(in) % (1 << 24);
  if ((flags & 32) == 0) return spec;
  spec.rows = 0;
  spec.sparse = (plt_sparse_keys_t){.declared = true,
                                    .admit_pushes = (uint32_t)fuzz_take_number(in),
                                    .admit_share = take_real(in),
                                    .max_age = fuzz_take_number(in),
                                    .max_rows = fuzz_take_number(in)};
  return spec;
}

static void take_keys(fuzz_input_t *in, plt_section_t *section, uint64_t *keys) {
  section->n = fuzz_take(in, KEYS_MAX + 1);
  section->keys = keys;
  for (uint64_t i = 0, key = 0; i < section->n; i++, key++) {
    uint64_t more = fuzz_take_number(in);
    if (more > UINT64_MAX - KEYS_MAX - key) more = 0;
    keys[i] = key += more;
  }
}

static void take_section(scene_t *scene, fuzz_input_t *in, size_t i) {
  plt_section_t *section = &scene->sections[i];
  uint32_t flags = fuzz_take(in, 256);
  *section =
      (plt_section_t){.kind = PLT_SECTION_PUSH + fuzz_take(in, 2) + (flags & 128 ? 1 : 0), .table = fuzz_take(in, 4)};
  take_keys(in, section, scene->keys[i]);
  section->lent = (flags & 1) != 0;
  section->region = fuzz_take(in, 2);
  section->at = section->lent ? PLT_REGION_FIRST + fuzz_take_number(in) : 0;
  if (section->kind == PLT_SECTION_PULL) return;
  section->type = flags & 2 ? PLT_WIRE_BF16 : PLT_WIRE_F32;
  section->cols = flags & 4 ? 1 + (section->lent ? (uint32_t)fuzz_take_number(in) % UINT32_MAX : fuzz_take(in, 9))
                            : tables[section->table % TABLES].cols;
  uint32_t leaves = 1U << fuzz_take(in, 4);
  section->span = (plt_leaf_span_t){leaves * fuzz_take(in, 4), leaves};
  if (section->lent) return;
  size_t bytes = (size_t)section->n * section->cols * (section->type == PLT_WIRE_BF16 ? 2 : 4);
  section->values = memset(plt_pool_take(plt_wire_pool(scene->wire), bytes), (int)fuzz_take(in, 256), bytes);
}

static void take_step(scene_t *scene, fuzz_input_t *in, plt_header_t *header) {
  uint32_t flags = fuzz_take(in, 256);
  header->pushes = (flags & 1) != 0;
  header->clock = fuzz_take_number(in);
  header->ahead = flags & 2 ? (uint32_t)fuzz_take_number(in) : 0;
  header->eta = take_real(in);
  header->flags = flags & 4 ? fuzz_take(in, 8) : 0;
  header->n_losses = flags & 8 ? fuzz_take(in, SECTIONS + 1) : 0;
  header->losses = scene->losses;
  for (size_t i = 0; i < header->n_losses; i++) {
    uint32_t leaves = 1U << fuzz_take(in, 4);
    scene->losses[i] = (plt_block_loss_t){{leaves * fuzz_take(in, 4), leaves}, take_real(in)};
  }
  header->parts = flags & 16 ? fuzz_take(in, 5) : 0;
  header->part = header->parts > 0 ? fuzz_take(in, header->parts) : 0;
  header->has_progress = (flags & 32) != 0;
  if (!header->has_progress) return;
  header->progress = (plt_progress_t){.stage = fuzz_take(in, 3), .epoch = fuzz_take(in, 4), .seconds = take_real(in)};
  header->progress.begin_clock = fuzz_take_number(in);
}

static void take_sums(scene_t *scene, fuzz_input_t *in, plt_header_t *header) {
  header->n_sums = fuzz_take(in, SECTIONS + 1);
  header->sums = scene->sums;
  for (size_t i = 0; i < header->n_sums; i++) scene->sums[i] = take_real(in);
}

static void take_offer(const scene_t *scene, fuzz_input_t *in, plt_header_t *header) {
  plt_region_offer_t offer = plt_region_offer(scene->region);
  uint32_t flags = fuzz_take(in, 8);
  header->who = flags & 1 ? (uint32_t)fuzz_take_number(in) : (uint32_t)offer.descriptor;
  header->bytes = flags & 2 ? fuzz_take_number(in) : offer.bytes;
  header->salt = flags & 4 ? fuzz_take_number(in) : offer.mark;
}

/* What any verb may have. */
static plt_header_t take_header(scene_t *scene, fuzz_input_t *in, plt_verb_t verb) {
  static const char *const texts[] = {"", "loss", "metric", "0.h5", "server-0.h5", "../x", "%s"};
  uint32_t flags = fuzz_take(in, 256);
  plt_header_t header = header_of(scene, verb, flags & 2 ? fuzz_take(in, PEERS) : 0);
  scene->request -= flags & 1; /* asked again, or for something else */
  if (flags & 4) header.request = fuzz_take_number(in) % PROBE;
  if (flags & 8) header.table = (uint32_t)fuzz_take_number(in);
  if (flags & 16) header.salt = fuzz_take_number(in);
  if (flags & 32) header.anew = true;
  if (flags & 64) TAKE_TEXT(in, texts, header.text);
  if (flags & 128) {
    header.status = fuzz_take(in, PLT_STATUS_COUNT);
    header.who = (uint32_t)fuzz_take_number(in);
    header.bytes = fuzz_take_number(in);
    memset(header.hash, "0f"[fuzz_take(in, 2)], sizeof header.hash - 1);
  }
  return header;
}

static void say_something(scene_t *scene, fuzz_input_t *in) {
  plt_verb_t verb = fuzz_take(in, PLT_VERB_COUNT);
  int peer = (int)fuzz_take(in, PEERS);
  plt_arena_reset(scene->arena);
  plt_header_t header = take_header(scene, in, verb);
  if (verb == PLT_VERB_STEP || verb == PLT_VERB_ENTER) take_step(scene, in, &header);
  if (verb == PLT_VERB_SUM) take_sums(scene, in, &header);
  if (verb == PLT_VERB_LEND) take_offer(scene, in, &header);
  if (verb == PLT_VERB_DECLARE) {
    header.has_spec = true;
    header.spec = take_spec(in);
  }
  header.n_sections =
      verb == PLT_VERB_STEP || verb == PLT_VERB_READ || verb == PLT_VERB_ASSIGN ? fuzz_take(in, SECTIONS + 1) : 0;
  header.sections = scene->sections;
  for (size_t i = 0; i < header.n_sections; i++) take_section(scene, in, i);
  say(scene, peer, &header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  fuzz_input_t in = {data, n};
  bool begins = n > 0 && data[0] & 32;
  scene_t *scene = open_scene(&in);
  if (begins) begin(scene);
  for (int i = 0; i < MESSAGES_MAX && in.n > 0; i++) say_something(scene, &in);
  close_scene(&scene);
  return 0;
}
