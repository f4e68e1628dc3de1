/* raw.h - a server in a thread, and peers that talk to it frame by frame: they may break every rule.
 *
 * A raw_t is one server of two (the even keys are its own) with `workers` expected. Peer p is a link of its own; what
 * it says about itself is the header's business. raw_say() makes an honest header. */
#ifndef PLT_TESTS_UNIT_PS_RAW_H
#define PLT_TESTS_UNIT_PS_RAW_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "proto/frame.h"
#include "ps/server/server.h"

enum { RAW_PEERS = 4, RAW_JOB = 77, RAW_GENERATION = 3, RAW_PATIENCE_MS = 60000 };

typedef struct raw {
  plt_server_config_t config;
  atomic_bool stop;
  plt_wire_t *wire;
  plt_listener_t *listener;
  pthread_t thread;
  plt_status_t status; /* of plt_server_run */
  plt_links_t *links[RAW_PEERS];
  plt_arena_t *arena; /* of messages that were sent */
  plt_parcel_t *in;
  plt_arena_t *in_arena; /* of the last message that came */
  uint64_t request;
} raw_t;

static inline void *raw_main(void *context) {
  raw_t *raw = context;
  raw->status = plt_server_run(raw->wire, raw->listener, &raw->config);
  return NULL;
}

static inline raw_t *raw_start_at(const char *endpoint, uint32_t workers, bool alone) {
  raw_t *raw = plt_mem_zalloc(1, sizeof *raw);
  raw->config = (plt_server_config_t){.servers = 2,
                                      .workers = workers,
                                      .alone = alone, /* asp */
                                      .staleness = alone ? UINT64_MAX : 0,
                                      .job = RAW_JOB,
                                      .generation = RAW_GENERATION,
                                      .stop = &raw->stop};
  raw->wire = plt_wire_create();
  raw->arena = plt_arena_create();
  raw->in_arena = plt_arena_create();
  raw->in = plt_parcel_create();
  cr_assert_eq(plt_listener_open(raw->wire, endpoint, &raw->listener), PLT_OK);
  const char *address = plt_listener_address(raw->listener);
  for (int p = 0; p < RAW_PEERS; p++) cr_assert_eq(plt_links_open(raw->wire, &address, 1, &raw->links[p]), PLT_OK);
  cr_assert_eq(pthread_create(&raw->thread, NULL, raw_main, raw), 0);
  return raw;
}

static inline raw_t *raw_start_as(uint32_t workers, bool alone) { return raw_start_at("inproc://raw", workers, alone); }
static inline raw_t *raw_start(uint32_t workers) { return raw_start_as(workers, false); }

/* The server must end by itself (all workers have said goodbye) or be told to. */
static inline void raw_end(raw_t *raw, bool by_itself) {
  if (!by_itself) atomic_store(&raw->stop, true);
  pthread_join(raw->thread, NULL);
  cr_assert_eq(raw->status, PLT_OK, "the server ended by what peers said");
  plt_parcel_destroy(&raw->in);
  for (int p = 0; p < RAW_PEERS; p++) plt_links_close(&raw->links[p]);
  plt_listener_close(&raw->listener);
  plt_arena_destroy(&raw->arena);
  plt_arena_destroy(&raw->in_arena);
  plt_wire_destroy(&raw->wire);
  free(raw);
}

static inline plt_header_t raw_say(raw_t *raw, plt_verb_t verb, uint32_t worker) {
  return (plt_header_t){.verb = verb,
                        .version = PLT_PROTOCOL_VERSION,
                        .job = RAW_JOB,
                        .generation = RAW_GENERATION,
                        .role = PLT_ROLE_WORKER,
                        .number = worker,
                        .request = ++raw->request};
}

static inline void raw_send(raw_t *raw, int peer, const plt_header_t *header) {
  plt_parcel_t *out = plt_parcel_create();
  plt_arena_reset(raw->arena);
  cr_assert_eq(plt_frame_encode(header, plt_wire_pool(raw->wire), raw->arena, out), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_links_send(raw->links[peer], 0, out), PLT_OK);
  plt_parcel_destroy(&out);
}

/* Whether a message comes within the time; it is valid until the next. */
static inline bool raw_receive(raw_t *raw, int peer, int timeout_ms, plt_header_t *header) {
  size_t server;
  bool got;
  cr_assert_eq(plt_links_receive(raw->links[peer], timeout_ms, &server, raw->in, &got), PLT_OK);
  if (!got) return false;
  plt_arena_reset(raw->in_arena);
  cr_assert_eq(plt_frame_decode(raw->in, raw->in_arena, header), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(header->role, PLT_ROLE_SERVER);
  return true;
}

/* The next answer but for WAIT. */
static inline plt_header_t raw_hear(raw_t *raw, int peer) {
  plt_header_t header;
  int64_t end = plt_time_ns() + (int64_t)RAW_PATIENCE_MS * PLT_NS_PER_MS;
  do {
    cr_assert(plt_time_ns() < end && raw_receive(raw, peer, RAW_PATIENCE_MS, &header), "peer %d hears nothing", peer);
  } while (header.verb == PLT_VERB_WAIT);
  return header;
}

static inline plt_header_t raw_ask(raw_t *raw, int peer, const plt_header_t *header) {
  raw_send(raw, peer, header);
  plt_header_t answer = raw_hear(raw, peer);
  if (answer.request != 0) cr_assert_eq(answer.request, header->request, "an answer to another question");
  return answer;
}

static inline void raw_expect(raw_t *raw, int peer, const plt_header_t *header, plt_verb_t verb, const char *text) {
  plt_header_t answer = raw_ask(raw, peer, header);
  cr_assert_eq(answer.verb, verb, "%s was answered by %s: %s", plt_verb_name(header->verb), plt_verb_name(answer.verb),
               answer.text);
  if (text != NULL) cr_assert_not_null(strstr(answer.text, text), "\"%s\" is not in \"%s\"", text, answer.text);
  if (verb == PLT_VERB_REFUSED) cr_assert_neq(answer.status, PLT_OK);
}

/* A section whose values are a pool buffer, as encode wants them. */
static inline plt_section_t raw_section(raw_t *raw, plt_section_kind_t kind, uint32_t table, plt_leaf_span_t span,
                                        const uint64_t *keys, size_t n, const float *values, uint32_t cols) {
  plt_section_t section = {.kind = kind, .table = table, .span = span, .n = n, .keys = keys};
  if (values != NULL) {
    float *pooled = plt_pool_take(plt_wire_pool(raw->wire), n * cols * sizeof *pooled);
    memcpy(pooled, values, n * cols * sizeof *pooled);
    section.values = pooled;
    section.cols = cols;
  }
  return section;
}

static inline void raw_hello(raw_t *raw, int peer, uint32_t worker) {
  plt_header_t hello = raw_say(raw, PLT_VERB_HELLO, worker);
  raw_expect(raw, peer, &hello, PLT_VERB_WELCOME, NULL);
}

static inline void raw_bye(raw_t *raw, int peer, uint32_t worker, plt_status_t status, const char *text) {
  plt_header_t bye = raw_say(raw, PLT_VERB_BYE, worker);
  bye.status = status;
  strcpy(bye.text, text);
  raw_expect(raw, peer, &bye, PLT_VERB_DONE, NULL);
}

static inline plt_header_t raw_declaration(raw_t *raw, uint32_t worker, uint32_t index, const plt_table_spec_t *spec) {
  plt_header_t declare = raw_say(raw, PLT_VERB_DECLARE, worker);
  declare.has_spec = true;
  declare.spec = *spec;
  declare.table = index;
  return declare;
}

#endif
