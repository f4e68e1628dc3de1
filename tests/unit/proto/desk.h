/* desk.h - a header through the encoder into a parcel, and through the decoder out of it. */
#ifndef PLT_TESTS_UNIT_PROTO_DESK_H
#define PLT_TESTS_UNIT_PROTO_DESK_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

typedef struct desk {
  plt_pool_t *pool;
  plt_arena_t *out_arena, *in_arena;
  plt_parcel_t *parcel;
} desk_t;

static inline desk_t desk_open(void) {
  return (desk_t){plt_pool_create(), plt_arena_create(), plt_arena_create(), plt_parcel_create()};
}

static inline void desk_close(desk_t *desk) {
  plt_parcel_destroy(&desk->parcel);
  plt_arena_destroy(&desk->out_arena);
  plt_arena_destroy(&desk->in_arena);
  plt_pool_destroy(&desk->pool);
}

static inline void encode(desk_t *desk, const plt_header_t *header) {
  plt_parcel_clear(desk->parcel);
  plt_arena_reset(desk->out_arena);
  cr_assert_eq(plt_frame_encode(header, desk->pool, desk->out_arena, desk->parcel), PLT_OK, "%s", plt_fail_text());
}

static inline plt_status_t decode(desk_t *desk, plt_header_t *header) {
  plt_arena_reset(desk->in_arena);
  return plt_frame_decode(desk->parcel, desk->in_arena, header);
}

static inline void *pooled(desk_t *desk, const void *bytes, size_t n) {
  void *buffer = plt_pool_take(desk->pool, n);
  if (n > 0) memcpy(buffer, bytes, n);
  return buffer;
}

static inline void expect_refusal(desk_t *desk, const char *why) {
  plt_header_t header;
  cr_assert_eq(decode(desk, &header), PLT_ERR_PROTOCOL, "accepted, but %s", why);
  cr_assert_not_null(strstr(plt_fail_text(), why), "\"%s\" is not in \"%s\"", why, plt_fail_text());
}

static inline plt_header_t identified(plt_verb_t verb) {
  return (plt_header_t){.verb = verb,
                        .version = 7,
                        .job = UINT64_MAX - 3,
                        .generation = 4000000000u,
                        .role = PLT_ROLE_SERVER,
                        .number = 12345,
                        .request = UINT64_MAX};
}

static inline void expect_identity(const plt_header_t *a, const plt_header_t *b) {
  cr_assert(a->verb == b->verb && a->version == b->version && a->job == b->job && a->generation == b->generation);
  cr_assert(a->role == b->role && a->number == b->number && a->request == b->request);
}

static inline plt_table_spec_t full_spec(void) {
  plt_table_spec_t spec = {.rows = UINT64_MAX,
                           .cols = 1 << 24,
                           .init = {PLT_INIT_UNIFORM, 0.25},
                           .seed = UINT64_MAX,
                           .frozen = true,
                           .temporary = true};
  memset(spec.name, 'n', PLT_TABLE_NAME_MAX - 1);
  memset(spec.optimizer, 'o', PLT_TABLE_NAME_MAX - 1);
  memset(spec.settings, 's', PLT_SETTINGS_MAX - 1);
  return spec;
}

#endif
