/* frame.c - see frame.h. */
#include "proto/frame.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "plateau.pb-c.h"

enum { HEADER_BYTES_MAX = 64 * 1024 }; /* protobuf-c has no limit of its own (docs/mechanisms.md 7) */
#define END_MARK UINT32_C(0x706c7441)

const char *plt_verb_name(plt_verb_t verb) {
#define AS_NAME(name) [PLT_VERB_##name] = #name,
  static const char *const names[PLT_VERB_COUNT] = {"NONE", PLT_VERB_LIST(AS_NAME)};
#undef AS_NAME
  return (unsigned)verb < PLT_VERB_COUNT ? names[verb] : "unknown";
}

static size_t value_bytes(plt_wire_type_t type) { return type == PLT_WIRE_BF16 ? 2 : 4; }

/* ---- encode ---- */

static void add_keys(const plt_section_t *section, bool wide, plt_pool_t *pool, plt_parcel_t *out) {
  size_t n = section->keys == NULL ? 0 : section->n;
  void *frame = plt_pool_take(pool, n * (wide ? 8 : 4));
  if (wide) {
    memcpy(frame, section->keys, n * 8);
  } else {
    uint32_t *narrow = frame;
    for (size_t i = 0; i < n; i++) narrow[i] = (uint32_t)section->keys[i];
  }
  plt_parcel_add_pooled(out, frame, n * (wide ? 8 : 4));
}

static void add_section(const plt_section_t *section, Plateau__Section *pb, plt_pool_t *pool, plt_parcel_t *out) {
  plateau__section__init(pb);
  bool wide = section->keys != NULL && section->n > 0 && section->keys[section->n - 1] > UINT32_MAX;
  pb->kind = section->kind;
  pb->table = section->table;
  pb->n = section->n;
  pb->has_cols = section->cols != 0;
  pb->cols = section->cols;
  pb->has_first = pb->has_leaves = section->kind == PLT_SECTION_PUSH;
  pb->first = section->span.first;
  pb->leaves = section->span.leaves;
  pb->has_bf16 = pb->bf16 = section->type == PLT_WIRE_BF16;
  pb->has_wide_keys = pb->wide_keys = wide;
  pb->has_region = pb->has_at = section->lent;
  pb->region = section->region;
  pb->at = section->at;
  add_keys(section, wide, pool, out);
  size_t bytes = section->values == NULL ? 0 : (size_t)section->n * section->cols * value_bytes(section->type);
  plt_parcel_add_pooled(out, (void *)(uintptr_t)section->values, bytes);
}

static Plateau__Progress *encode_progress(const plt_progress_t *p, plt_arena_t *arena) {
  Plateau__Progress *pb = plt_arena_alloc(arena, sizeof *pb);
  plateau__progress__init(pb);
  pb->stage = p->stage;
  pb->epoch = p->epoch;
  pb->batch = p->batch;
  pb->phase = p->phase;
  pb->epoch_closed = p->epoch_closed;
  pb->finished = p->finished;
  pb->loss_sum = p->loss_sum;
  pb->gradients = p->gradients;
  pb->best = p->best;
  pb->best_epoch = p->best_epoch;
  pb->best_clock = p->best_clock;
  pb->has_best = p->has_best;
  pb->bad_evals = p->bad_evals;
  pb->seconds = p->seconds;
  pb->begin_clock = p->begin_clock;
  return pb;
}

/* protobuf-c wants mutable strings and does not change them. */
static char *borrow(const char *text) { return (char *)(uintptr_t)text; }

static Plateau__Sparse *encode_sparse(const plt_sparse_keys_t *sparse, plt_arena_t *arena) {
  if (!sparse->declared) return NULL;
  Plateau__Sparse *pb = plt_arena_alloc(arena, sizeof *pb);
  plateau__sparse__init(pb);
  pb->admit_pushes = sparse->admit_pushes;
  pb->admit_share = sparse->admit_share;
  pb->max_age = sparse->max_age;
  pb->max_rows = sparse->max_rows;
  return pb;
}

static Plateau__TableSpec *encode_spec(const plt_table_spec_t *spec, plt_arena_t *arena) {
  Plateau__TableSpec *pb = plt_arena_alloc(arena, sizeof *pb);
  plateau__table_spec__init(pb);
  pb->name = borrow(spec->name);
  pb->rows = spec->rows;
  pb->cols = spec->cols;
  pb->init = spec->init.kind;
  pb->scale = spec->init.scale;
  pb->seed = spec->seed;
  pb->frozen = spec->frozen;
  pb->has_temporary = pb->temporary = spec->temporary;
  pb->optimizer = borrow(spec->optimizer);
  pb->settings = borrow(spec->settings);
  pb->has_lr_scale = spec->lr_scale != 0;
  pb->lr_scale = spec->lr_scale;
  pb->has_decay = spec->decay != 0;
  pb->decay = spec->decay;
  pb->born_as = spec->born_as[0] == '\0' ? NULL : borrow(spec->born_as);
  pb->sparse = encode_sparse(&spec->sparse, arena);
  return pb;
}

static void encode_losses(const plt_header_t *header, plt_arena_t *arena, Plateau__Header *pb) {
  Plateau__BlockLoss *losses = plt_arena_alloc(arena, header->n_losses * sizeof *losses);
  pb->losses = plt_arena_alloc(arena, header->n_losses * sizeof *pb->losses);
  pb->n_losses = header->n_losses;
  for (size_t i = 0; i < header->n_losses; i++) {
    plateau__block_loss__init(&losses[i]);
    losses[i].first = header->losses[i].span.first;
    losses[i].leaves = header->losses[i].span.leaves;
    losses[i].loss = header->losses[i].loss;
    pb->losses[i] = &losses[i];
  }
}

static void encode_fields(const plt_header_t *header, plt_arena_t *arena, Plateau__Header *pb) {
  pb->verb = header->verb;
  pb->version = header->version;
  pb->job = header->job;
  pb->generation = header->generation;
  pb->role = header->role;
  pb->number = header->number;
  pb->request = header->request;
  pb->end = END_MARK;
#define OPTIONAL(field, given) \
  do {                         \
    pb->has_##field = (given); \
    pb->field = header->field; \
  } while (0)
  OPTIONAL(pushes, header->pushes);
  OPTIONAL(clock, header->clock != 0);
  OPTIONAL(part, header->parts != 0);
  OPTIONAL(parts, header->parts != 0);
  OPTIONAL(ahead, header->ahead != 0);
  OPTIONAL(meet, header->meet != 0);
  OPTIONAL(eta, header->eta != 0);
  OPTIONAL(flags, header->flags != 0);
  OPTIONAL(loss, header->has_loss);
  OPTIONAL(table, header->table != 0);
  OPTIONAL(salt, header->salt != 0);
  OPTIONAL(anew, header->anew);
  OPTIONAL(status, header->status != 0);
  OPTIONAL(who, header->who != 0);
  OPTIONAL(age_ms, header->age_ms != 0);
  OPTIONAL(bytes, header->bytes != 0);
#undef OPTIONAL
  pb->has_sums = header->sums != NULL;
  pb->sums = (uint32_t)header->n_sums;
  if (header->text[0] != '\0') pb->text = borrow(header->text);
  if (header->hash[0] != '\0') pb->hash = borrow(header->hash);
  if (header->has_progress) pb->progress = encode_progress(&header->progress, arena);
  if (header->has_spec) pb->spec = encode_spec(&header->spec, arena);
  encode_losses(header, arena, pb);
}

/* Whether every frame is one that the other end accepts. */
static plt_status_t check_sizes(const plt_header_t *header, const plt_parcel_t *out) {
  for (size_t i = 0; i < plt_parcel_frames(out); i++) {
    size_t bytes;
    plt_parcel_frame(out, i, &bytes);
    if (bytes > PLT_FRAME_BYTES_MAX)
      return plt_fail(PLT_ERR_PROTOCOL,
                      "%s: %.1f GB for one server in one array, but %.1f GB is the most; use more servers or a smaller "
                      "train.batch_size",
                      plt_verb_name(header->verb), (double)bytes / 1e9, (double)PLT_FRAME_BYTES_MAX / 1e9);
  }
  if (header->n_sums > PLT_SUMS_MAX)
    return plt_fail(PLT_ERR_PROTOCOL, "SUM %s of %zu numbers, but %d is the most", header->text, header->n_sums,
                    PLT_SUMS_MAX);
  return PLT_OK;
}

plt_status_t plt_frame_encode(const plt_header_t *header, plt_pool_t *pool, plt_arena_t *arena, plt_parcel_t *out) {
  assert(plt_parcel_frames(out) == 0 && header->n_sections <= PLT_SECTIONS_MAX);
  Plateau__Header pb = PLATEAU__HEADER__INIT;
  Plateau__Section *sections = plt_arena_alloc(arena, header->n_sections * sizeof *sections);
  pb.sections = plt_arena_alloc(arena, header->n_sections * sizeof *pb.sections);
  pb.n_sections = header->n_sections;
  encode_fields(header, arena, &pb);

  /* The header frame comes first but its sections are known last: reserve its place. */
  plt_parcel_t *body = plt_parcel_create();
  if (header->sums != NULL) {
    double *sums = plt_pool_take(pool, header->n_sums * sizeof *sums);
    memcpy(sums, header->sums, header->n_sums * sizeof *sums);
    plt_parcel_add_pooled(body, sums, header->n_sums * sizeof *sums);
  }
  for (size_t i = 0; i < header->n_sections; i++) {
    add_section(&header->sections[i], &sections[i], pool, body);
    pb.sections[i] = &sections[i];
  }
  size_t bytes = plateau__header__get_packed_size(&pb);
  plt_status_t status = check_sizes(header, body);
  if (status == PLT_OK && bytes > HEADER_BYTES_MAX)
    status = plt_fail(PLT_ERR_PROTOCOL, "%s: header of %zu bytes is too large", plt_verb_name(header->verb), bytes);
  if (status == PLT_OK) {
    uint8_t *frame = plt_pool_take(pool, bytes);
    plateau__header__pack(&pb, frame);
    plt_parcel_add_pooled(out, frame, bytes);
    plt_parcel_move(out, body);
  }
  plt_parcel_destroy(&body);
  return status;
}

/* ---- decode ---- */

static void *arena_alloc(void *arena, size_t bytes) { return plt_arena_alloc(arena, bytes); }
static void arena_free(void *arena, void *block) {
  (void)arena;
  (void)block;
}

static plt_status_t refuse(const char *what) { return plt_fail(PLT_ERR_PROTOCOL, "malformed message: %s", what); }

static plt_status_t decode_keys(const uint8_t *frame, size_t bytes, bool wide, plt_arena_t *arena,
                                plt_section_t *section) {
  if (bytes == 0 && section->kind == PLT_SECTION_ROWS) return PLT_OK; /* in the order in which they were asked for */
  size_t width = wide ? 8 : 4;
  if (bytes / width != section->n || bytes % width != 0) return refuse("keys do not have the announced size");
  uint64_t *keys = plt_arena_alloc(arena, section->n * sizeof *keys);
  if (wide) {
    memcpy(keys, frame, bytes);
  } else {
    for (size_t i = 0; i < section->n; i++) {
      uint32_t key;
      memcpy(&key, frame + i * 4, 4);
      keys[i] = key;
    }
  }
  for (size_t i = 1; i < section->n; i++)
    if (keys[i] <= keys[i - 1]) return refuse("keys do not ascend strictly");
  section->keys = keys;
  return PLT_OK;
}

static bool span_is_valid(plt_leaf_span_t span) {
  return span.leaves != 0 && (span.leaves & (span.leaves - 1)) == 0 && span.first % span.leaves == 0;
}

static plt_status_t decode_section(const Plateau__Section *pb, const plt_parcel_t *in, size_t frame, plt_arena_t *arena,
                                   plt_section_t *section) {
  size_t key_bytes, bytes;
  const void *keys = plt_parcel_frame(in, frame, &key_bytes);
  const void *values = plt_parcel_frame(in, frame + 1, &bytes);
  *section = (plt_section_t){.kind = pb->kind,
                             .table = pb->table,
                             .span = {pb->first, pb->leaves},
                             .n = pb->n,
                             .cols = pb->cols,
                             .type = pb->bf16 ? PLT_WIRE_BF16 : PLT_WIRE_F32,
                             .lent = pb->has_region && pb->has_at,
                             .region = pb->region,
                             .at = pb->at};
  if (section->kind < PLT_SECTION_PUSH || section->kind > PLT_SECTION_ROWS) return refuse("unknown kind of section");
  if (section->kind == PLT_SECTION_PUSH && !span_is_valid(section->span)) return refuse("leaves are no block");
  PLT_TRY(decode_keys(keys, key_bytes, pb->wide_keys, arena, section));
  if (section->kind == PLT_SECTION_PULL) return bytes == 0 ? PLT_OK : refuse("a pull with values");
  if (section->lent) return bytes == 0 ? PLT_OK : refuse("values in two places");
  size_t width = value_bytes(section->type) * (size_t)section->cols;
  if (section->n != 0 && (width == 0 || bytes / width != section->n || bytes % width != 0))
    return refuse("values do not have the announced size");
  if (section->n == 0 && bytes != 0) return refuse("values without rows");
  section->values = values;
  return PLT_OK;
}

static plt_status_t decode_sections(const Plateau__Header *pb, const plt_parcel_t *in, plt_arena_t *arena,
                                    plt_header_t *header) {
  size_t first = pb->has_sums ? 2 : 1;
  if (pb->n_sections > PLT_SECTIONS_MAX) return refuse("too many sections");
  if (plt_parcel_frames(in) != first + 2 * pb->n_sections) return refuse("wrong number of frames");
  if (pb->has_sums) {
    size_t bytes;
    const void *sums = plt_parcel_frame(in, 1, &bytes);
    if (pb->sums > PLT_SUMS_MAX) return refuse("too many sums");
    if (bytes != pb->sums * sizeof(double)) return refuse("sums do not have the announced size");
    header->n_sums = pb->sums;
    header->sums = memcpy(plt_arena_alloc(arena, bytes), sums, bytes);
  }
  plt_section_t *sections = plt_arena_alloc(arena, pb->n_sections * sizeof *sections);
  for (size_t i = 0; i < pb->n_sections; i++)
    PLT_TRY(decode_section(pb->sections[i], in, first + 2 * i, arena, &sections[i]));
  header->sections = sections;
  header->n_sections = pb->n_sections;
  return PLT_OK;
}

/* Whether such a rule can be is for the table to say. */
static plt_sparse_keys_t decode_sparse(const Plateau__Sparse *pb) {
  if (pb == NULL) return (plt_sparse_keys_t){0};
  return (plt_sparse_keys_t){.declared = true,
                             .admit_pushes = pb->admit_pushes,
                             .admit_share = pb->admit_share,
                             .max_age = pb->max_age,
                             .max_rows = pb->max_rows};
}

static plt_status_t decode_spec(const Plateau__TableSpec *pb, plt_table_spec_t *spec) {
  if (!plt_mem_fit_text(pb->name, spec->name, sizeof spec->name) || spec->name[0] == '\0')
    return refuse("bad table name");
  if (!plt_mem_fit_text(pb->optimizer, spec->optimizer, sizeof spec->optimizer)) return refuse("bad optimizer name");
  if (!plt_mem_fit_text(pb->settings, spec->settings, sizeof spec->settings))
    return refuse("settings that are too long");
  if (pb->born_as != NULL && !plt_mem_fit_text(pb->born_as, spec->born_as, sizeof spec->born_as))
    return refuse("bad name of initial values");
  if (pb->init >= PLT_INIT_KINDS) return refuse("unknown initial value");
  spec->sparse = decode_sparse(pb->sparse);
  if ((pb->rows == 0) != spec->sparse.declared || pb->cols == 0 || pb->cols > PLT_COLS_MAX)
    return refuse("bad table shape");
  spec->rows = pb->rows;
  spec->cols = pb->cols;
  spec->init = (plt_init_t){pb->init, pb->scale};
  spec->seed = pb->seed;
  spec->frozen = pb->frozen;
  spec->temporary = pb->has_temporary && pb->temporary;
  spec->lr_scale = pb->has_lr_scale ? pb->lr_scale : 0;
  if (!isfinite(spec->lr_scale) || spec->lr_scale < 0) return refuse("bad learning rate of a table");
  spec->decay = pb->has_decay ? pb->decay : 0;
  if (!isfinite(spec->decay) || spec->decay < 0) return refuse("bad decay of a table");
  if (spec->temporary && !spec->frozen) return refuse("a temporary table that is not frozen");
  return PLT_OK;
}

static plt_progress_t decode_progress(const Plateau__Progress *pb) {
  return (plt_progress_t){.stage = pb->stage,
                          .epoch = pb->epoch,
                          .batch = pb->batch,
                          .phase = pb->phase,
                          .epoch_closed = pb->epoch_closed,
                          .finished = pb->finished,
                          .loss_sum = pb->loss_sum,
                          .gradients = pb->gradients,
                          .best = pb->best,
                          .best_epoch = pb->best_epoch,
                          .best_clock = pb->best_clock,
                          .has_best = pb->has_best,
                          .bad_evals = pb->bad_evals,
                          .seconds = pb->seconds,
                          .begin_clock = pb->begin_clock};
}

static plt_status_t decode_losses(const Plateau__Header *pb, plt_arena_t *arena, plt_header_t *header) {
  if (pb->n_losses > PLT_TREE_BLOCKS_MAX) return refuse("too many losses");
  plt_block_loss_t *losses = plt_arena_alloc(arena, pb->n_losses * sizeof *losses);
  for (size_t i = 0; i < pb->n_losses; i++) {
    losses[i] = (plt_block_loss_t){{pb->losses[i]->first, pb->losses[i]->leaves}, pb->losses[i]->loss};
    if (!span_is_valid(losses[i].span)) return refuse("leaves are no block");
  }
  header->losses = losses;
  header->n_losses = pb->n_losses;
  return PLT_OK;
}

static plt_status_t decode_fields(const Plateau__Header *pb, plt_arena_t *arena, plt_header_t *header) {
  if (pb->end != END_MARK) return refuse("no end mark");
  if (pb->verb == PLT_VERB_NONE || pb->verb >= PLT_VERB_COUNT) return refuse("unknown verb");
  if (pb->status >= PLT_STATUS_COUNT) return refuse("unknown status");
  if (pb->parts > PLT_PARTS_MAX || pb->part >= pb->parts + (pb->parts == 0)) return refuse("a part that cannot be");
  *header = (plt_header_t){.verb = pb->verb,
                           .version = pb->version,
                           .job = pb->job,
                           .generation = pb->generation,
                           .role = pb->role,
                           .number = pb->number,
                           .request = pb->request,
                           .part = pb->part,
                           .parts = pb->parts,
                           .pushes = pb->pushes,
                           .clock = pb->clock,
                           .ahead = pb->ahead,
                           .meet = pb->meet,
                           .eta = pb->eta,
                           .flags = pb->flags,
                           .loss = pb->loss,
                           .has_loss = pb->has_loss,
                           .table = pb->table,
                           .salt = pb->salt,
                           .anew = pb->has_anew && pb->anew,
                           .status = pb->status,
                           .who = pb->who,
                           .age_ms = pb->age_ms,
                           .bytes = pb->bytes};
  if (!plt_mem_fit_text(pb->text, header->text, sizeof header->text)) return refuse("text too long");
  if (!plt_mem_fit_text(pb->hash, header->hash, sizeof header->hash)) return refuse("hash too long");
  if (pb->progress != NULL) {
    header->has_progress = true;
    header->progress = decode_progress(pb->progress);
  }
  if (pb->spec != NULL) {
    header->has_spec = true;
    PLT_TRY(decode_spec(pb->spec, &header->spec));
  }
  return decode_losses(pb, arena, header);
}

plt_status_t plt_frame_decode(const plt_parcel_t *in, plt_arena_t *arena, plt_header_t *header) {
  if (plt_parcel_is_damaged(in)) return plt_fail(PLT_ERR_DAMAGED, "a message was damaged on its way");
  if (plt_parcel_frames(in) == 0) return refuse("no frames");
  size_t bytes;
  const void *frame = plt_parcel_frame(in, 0, &bytes);
  if (bytes > HEADER_BYTES_MAX) return refuse("header too large");
  ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
  Plateau__Header *pb = plateau__header__unpack(&allocator, bytes, frame);
  if (pb == NULL) return refuse("header does not parse");
  PLT_TRY(decode_fields(pb, arena, header));
  return decode_sections(pb, in, arena, header);
}

void plt_frame_library(char *out, size_t bytes) { snprintf(out, bytes, "protobuf-c %s", protobuf_c_version()); }
