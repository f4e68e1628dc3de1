/* control.c - see control.h. */
#include "launch/cluster/control.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "control.pb-c.h"
#include "launch/tasks/registry.h"

#define END_MARK UINT32_C(0x706c7443)
enum { WORKERS_MAX = 1 << 20, SERVERS_MAX = 1 << 16, RANKS_MAX = WORKERS_MAX + SERVERS_MAX };

void plt_packet_clear(plt_packet_t *packet) {
  if (packet->bytes != NULL) explicit_bzero(packet->bytes, packet->n);
  free(packet->bytes);
  *packet = (plt_packet_t){0};
}

/* ---- pack ---- */

/* protobuf-c wants mutable strings and does not change them. */
static char *borrow(const char *text) { return (char *)(uintptr_t)(text == NULL ? "" : text); }

static plt_status_t pack(const ProtobufCMessage *message, size_t limit, plt_packet_t *out) {
  size_t n = protobuf_c_message_get_packed_size(message);
  if (n > limit)
    return plt_fail(PLT_ERR_PROTOCOL, "a %s of %zu bytes is too large, %zu is the most",
                    message->descriptor->short_name, n, limit);
  *out = (plt_packet_t){.bytes = plt_mem_alloc(n), .n = n};
  protobuf_c_message_pack(message, out->bytes);
  return PLT_OK;
}

static Control__Standing standing_of(const plt_standing_t *standing) {
  Control__Standing pb = CONTROL__STANDING__INIT;
  pb.epoch = standing->epoch;
  pb.gradients = standing->gradients;
  pb.seconds = standing->seconds;
  return pb;
}

/* A turn with its part. */
typedef struct turn_message {
  Control__Turn turn;
  Control__Standing before;
} turn_message_t;

static Control__Turn *fill_turn(const plt_turn_t *turn, turn_message_t *message) {
  control__turn__init(&message->turn);
  message->before = standing_of(&turn->before);
  message->turn.task = borrow(turn->task->name);
  message->turn.start = borrow(turn->start);
  message->turn.before = &message->before;
  return &message->turn;
}

typedef struct brief_message {
  Control__Brief brief;
  Control__Generation generation;
  Control__Warm warm;
  turn_message_t turn;
} brief_message_t;

static Control__Brief *fill_brief(const plt_brief_t *brief, brief_message_t *message) {
  Control__Brief *pb = &message->brief;
  control__brief__init(pb);
  control__generation__init(&message->generation);
  message->generation.job = brief->generation.job;
  message->generation.number = brief->generation.number;
  message->generation.servers = brief->generation.servers;
  message->generation.workers = brief->generation.workers;
  message->generation.alone = brief->generation.alone;
  message->generation.staleness = brief->generation.staleness;
  message->generation.threads = brief->generation.threads;
  pb->generation = &message->generation;
  pb->turn = fill_turn(&brief->turn, &message->turn);
  pb->options = brief->options;
  pb->n_options = brief->n_options;
  pb->run_dir = borrow(brief->run_dir);
  if (brief->warm != NULL && brief->warm[0] != '\0') {
    control__warm__init(&message->warm);
    message->warm.checkpoint = borrow(brief->warm);
    message->warm.values_alone = brief->values_alone;
    pb->warm = &message->warm;
  }
  pb->sets = brief->sets;
  pb->n_sets = brief->n_sets;
  pb->quiet = brief->quiet;
  pb->proxy = borrow(brief->proxy);
  pb->secret = borrow(brief->secret);
  pb->is_server = brief->is_server;
  pb->number = brief->number;
  pb->tcp = borrow(brief->endpoints[0]);
  pb->ipc = borrow(brief->endpoints[1]);
  pb->addresses = brief->addresses;
  pb->n_addresses = brief->n_addresses;
  pb->end = END_MARK;
  return pb;
}

plt_status_t plt_control_pack_brief(const plt_brief_t *brief, plt_packet_t *out) {
  brief_message_t message;
  return pack(&fill_brief(brief, &message)->base, PLT_BRIEF_BYTES_MAX, out);
}

plt_status_t plt_control_pack_invitation(const plt_invitation_t *invitation, plt_packet_t *out) {
  brief_message_t message;
  Control__Invitation pb = CONTROL__INVITATION__INIT;
  pb.brief = fill_brief(&invitation->brief, &message);
  pb.transport = borrow(invitation->transport);
  pb.interface = borrow(invitation->interface);
  pb.probe = borrow(invitation->probe);
  pb.max_restarts = invitation->max_restarts;
  pb.deadline_s = invitation->deadline_s;
  pb.end = END_MARK;
  return pack(&pb.base, PLT_BRIEF_BYTES_MAX, out);
}

typedef struct ending_message {
  Control__Ending ending;
  Control__Standing standing;
} ending_message_t;

static Control__Ending *fill_ending(const plt_ending_t *ending, ending_message_t *message) {
  Control__Ending *pb = &message->ending;
  control__ending__init(pb);
  message->standing = standing_of(&ending->standing);
  pb->status = ending->status;
  pb->signal = (uint32_t)ending->signal;
  pb->text = borrow(ending->text);
  if (ending->has_standing) pb->standing = &message->standing;
  pb->end = END_MARK;
  return pb;
}

plt_status_t plt_control_pack_ending(const plt_ending_t *ending, plt_packet_t *out) {
  ending_message_t message;
  return pack(&fill_ending(ending, &message)->base, PLT_NOTE_BYTES_MAX, out);
}

plt_status_t plt_control_pack_report(const plt_report_t *report, plt_packet_t *out) {
  ending_message_t ending;
  Control__Report pb = CONTROL__REPORT__INIT;
  pb.job = report->job;
  pb.rank = (uint32_t)report->rank;
  pb.serves = report->serves;
  pb.generation = report->generation;
  pb.state = report->state;
  pb.wants_interrupt = report->wants_interrupt;
  pb.ending = fill_ending(&report->ending, &ending);
  pb.end = END_MARK;
  return pack(&pb.base, PLT_NOTE_BYTES_MAX, out);
}

plt_status_t plt_control_pack_directive(const plt_directive_t *directive, plt_packet_t *out) {
  turn_message_t turn;
  Control__Directive pb = CONTROL__DIRECTIVE__INIT;
  pb.job = directive->job;
  pb.generation = directive->generation;
  pb.want = directive->want;
  pb.interrupt = directive->interrupt;
  if (directive->turn.task != NULL) pb.turn = fill_turn(&directive->turn, &turn);
  pb.end = END_MARK;
  return pack(&pb.base, PLT_NOTE_BYTES_MAX, out);
}

/* ---- unpack ---- */

/* Blocks know their size, so that they can be wiped: protobuf-c copies every text, a secret too. */
enum { BLOCK_HEAD = 16 };

static void *wiping_alloc(void *unused, size_t bytes) {
  (void)unused;
  unsigned char *block = plt_mem_alloc(BLOCK_HEAD + bytes);
  memcpy(block, &bytes, sizeof bytes);
  return block + BLOCK_HEAD;
}

static void wiping_free(void *unused, void *at) {
  size_t bytes;
  (void)unused;
  if (at == NULL) return;
  unsigned char *block = (unsigned char *)at - BLOCK_HEAD;
  memcpy(&bytes, block, sizeof bytes);
  explicit_bzero(at, bytes);
  free(block);
}

static ProtobufCAllocator wiping = {.alloc = wiping_alloc, .free = wiping_free};

static plt_status_t refuse(const char *what) { return plt_fail(PLT_ERR_PROTOCOL, "malformed message: %s", what); }

/* A message to be given to drop(); NULL when the bytes are none. */
static void *unpack(const ProtobufCMessageDescriptor *kind, size_t limit, const void *bytes, size_t n) {
  ProtobufCMessage *message = n > limit ? NULL : protobuf_c_message_unpack(kind, &wiping, n, bytes);
  if (message == NULL) refuse(n > limit ? "too large" : "does not parse");
  return message;
}

static void drop(ProtobufCMessage *message) { protobuf_c_message_free_unpacked(message, &wiping); }

static plt_standing_t take_standing(const Control__Standing *pb) {
  return (plt_standing_t){.epoch = pb->epoch, .gradients = pb->gradients, .seconds = pb->seconds};
}

static plt_status_t take_turn(const Control__Turn *pb, plt_turn_t *turn) {
  turn->task = plt_task_find(pb->task);
  if (turn->task == NULL) return refuse("there is no such task");
  if (!plt_mem_fit_text(pb->start, turn->start, sizeof turn->start))
    return refuse("the name of a checkpoint is too long");
  turn->before = take_standing(pb->before);
  return PLT_OK;
}

static plt_status_t take_generation(const Control__Generation *pb, plt_generation_t *generation) {
  if (pb->servers < 1 || pb->servers > SERVERS_MAX || pb->workers < 1 || pb->workers > WORKERS_MAX)
    return refuse("no sensible number of servers and workers");
  if (pb->threads < 1 || pb->threads > PLT_THREADS_MAX) return refuse("no sensible number of threads");
  *generation = (plt_generation_t){.job = pb->job,
                                   .number = pb->number,
                                   .servers = pb->servers,
                                   .workers = pb->workers,
                                   .alone = pb->alone,
                                   .staleness = pb->staleness,
                                   .threads = pb->threads};
  return PLT_OK;
}

/* Without its texts, which are copied once nothing can go wrong any more. */
static plt_status_t check_brief(const Control__Brief *pb, plt_brief_t *brief) {
  if (pb->end != END_MARK) return refuse("no end mark");
  PLT_TRY(take_generation(pb->generation, &brief->generation));
  PLT_TRY(take_turn(pb->turn, &brief->turn));
  if (pb->number >= (pb->is_server ? brief->generation.servers : brief->generation.workers))
    return refuse("a role's number is behind the last");
  if (pb->n_addresses != 0 && pb->n_addresses != brief->generation.servers)
    return refuse("not an address for every server");
  if (strlen(pb->secret) >= PLT_SECRET_TEXT_MAX) return refuse("the secret is too long");
  if (strlen(pb->run_dir) >= PLT_PATH_MAX) return refuse("the run directory's path is too long");
  if (pb->warm != NULL && strlen(pb->warm->checkpoint) >= PLT_PATH_MAX)
    return refuse("a checkpoint's path is too long");
  brief->values_alone = pb->warm != NULL && pb->warm->values_alone;
  brief->quiet = pb->quiet;
  brief->is_server = pb->is_server;
  brief->number = pb->number;
  return PLT_OK;
}

static plt_status_t take_brief(const Control__Brief *pb, plt_brief_t *out) {
  plt_brief_t brief = {0};
  PLT_TRY(check_brief(pb, &brief));
  brief.options = plt_mem_strdups((const char *const *)pb->options, pb->n_options);
  brief.n_options = pb->n_options;
  brief.run_dir = plt_mem_strdup(pb->run_dir);
  brief.warm = plt_mem_strdup(pb->warm == NULL ? "" : pb->warm->checkpoint);
  brief.sets = plt_mem_strdups((const char *const *)pb->sets, pb->n_sets);
  brief.n_sets = pb->n_sets;
  brief.proxy = plt_mem_strdup(pb->proxy);
  brief.secret = plt_mem_strdup(pb->secret);
  brief.endpoints[0] = plt_mem_strdup(pb->tcp);
  brief.endpoints[1] = plt_mem_strdup(pb->ipc);
  brief.addresses = plt_mem_strdups((const char *const *)pb->addresses, pb->n_addresses);
  brief.n_addresses = pb->n_addresses;
  *out = brief;
  return PLT_OK;
}

plt_status_t plt_control_unpack_brief(const void *bytes, size_t n, plt_brief_t *out) {
  Control__Brief *pb = unpack(&control__brief__descriptor, PLT_BRIEF_BYTES_MAX, bytes, n);
  if (pb == NULL) return PLT_ERR_PROTOCOL;
  plt_status_t status = take_brief(pb, out);
  drop(&pb->base);
  return status;
}

static plt_status_t take_invitation(const Control__Invitation *pb, plt_invitation_t *out) {
  plt_invitation_t invitation = {.max_restarts = pb->max_restarts, .deadline_s = pb->deadline_s};
  if (pb->end != END_MARK) return refuse("no end mark");
  if (!plt_mem_fit_text(pb->transport, invitation.transport, sizeof invitation.transport) ||
      !plt_mem_fit_text(pb->interface, invitation.interface, sizeof invitation.interface) ||
      !plt_mem_fit_text(pb->probe, invitation.probe, sizeof invitation.probe))
    return refuse("a text is too long");
  if (!(pb->deadline_s > 0)) return refuse("no sensible deadline");
  PLT_TRY(take_brief(pb->brief, &invitation.brief));
  *out = invitation;
  return PLT_OK;
}

plt_status_t plt_control_unpack_invitation(const void *bytes, size_t n, plt_invitation_t *out) {
  Control__Invitation *pb = unpack(&control__invitation__descriptor, PLT_BRIEF_BYTES_MAX, bytes, n);
  if (pb == NULL) return PLT_ERR_PROTOCOL;
  plt_status_t status = take_invitation(pb, out);
  drop(&pb->base);
  return status;
}

static plt_status_t take_ending(const Control__Ending *pb, plt_ending_t *out) {
  plt_ending_t ending = {.status = pb->status, .signal = (int)pb->signal, .has_standing = pb->standing != NULL};
  if (pb->end != END_MARK) return refuse("no end mark");
  if (pb->status >= PLT_STATUS_COUNT) return refuse("unknown status");
  if (pb->signal > 128) return refuse("unknown signal");
  if (!plt_mem_fit_text(pb->text, ending.text, sizeof ending.text)) return refuse("a text is too long");
  if (pb->standing != NULL) ending.standing = take_standing(pb->standing);
  *out = ending;
  return PLT_OK;
}

plt_status_t plt_control_unpack_ending(const void *bytes, size_t n, plt_ending_t *out) {
  Control__Ending *pb = unpack(&control__ending__descriptor, PLT_NOTE_BYTES_MAX, bytes, n);
  if (pb == NULL) return PLT_ERR_PROTOCOL;
  plt_status_t status = take_ending(pb, out);
  drop(&pb->base);
  return status;
}

static plt_status_t take_report(const Control__Report *pb, plt_report_t *out) {
  if (pb->end != END_MARK) return refuse("no end mark");
  if (pb->rank >= RANKS_MAX) return refuse("no sensible rank");
  if (pb->state > PLT_CHILD_DISMISSED) return refuse("unknown state");
  plt_report_t report = {.rank = (int)pb->rank,
                         .serves = pb->serves,
                         .job = pb->job,
                         .generation = pb->generation,
                         .state = (plt_child_state_t)pb->state,
                         .wants_interrupt = pb->wants_interrupt};
  PLT_TRY(take_ending(pb->ending, &report.ending));
  *out = report;
  return PLT_OK;
}

plt_status_t plt_control_unpack_report(const void *bytes, size_t n, plt_report_t *out) {
  Control__Report *pb = unpack(&control__report__descriptor, PLT_NOTE_BYTES_MAX, bytes, n);
  if (pb == NULL) return PLT_ERR_PROTOCOL;
  plt_status_t status = take_report(pb, out);
  drop(&pb->base);
  return status;
}

static plt_status_t take_directive(const Control__Directive *pb, plt_directive_t *out) {
  if (pb->end != END_MARK) return refuse("no end mark");
  if (pb->want > PLT_WANT_FINISH) return refuse("unknown want");
  if (pb->want == PLT_WANT_RUN && pb->turn == NULL) return refuse("nothing to run");
  plt_directive_t directive = {
      .job = pb->job, .generation = pb->generation, .want = (plt_want_t)pb->want, .interrupt = pb->interrupt};
  if (pb->turn != NULL) PLT_TRY(take_turn(pb->turn, &directive.turn));
  *out = directive;
  return PLT_OK;
}

plt_status_t plt_control_unpack_directive(const void *bytes, size_t n, plt_directive_t *out) {
  Control__Directive *pb = unpack(&control__directive__descriptor, PLT_NOTE_BYTES_MAX, bytes, n);
  if (pb == NULL) return PLT_ERR_PROTOCOL;
  plt_status_t status = take_directive(pb, out);
  drop(&pb->base);
  return status;
}
