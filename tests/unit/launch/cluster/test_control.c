/* Every message of supervisors, conductor and children to bytes and back, and what may come instead. */
#include "launch/cluster/control.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "launch/tasks/registry.h"
#include "tests/unit/common/scratch.h"

static char *options[] = {(char *)(uintptr_t) "topk=3", (char *)(uintptr_t) "output=a b"};
static char *sets[] = {(char *)(uintptr_t) "data.path=/x"};
static char *addresses[] = {(char *)(uintptr_t) "ipc:///tmp/a", (char *)(uintptr_t) "tcp://[::1]:1"};

/* Nothing of it is to be freed. */
static plt_brief_t some_brief(void) {
  plt_brief_t brief = {.generation = {.job = UINT64_MAX - 3,
                                      .number = 7,
                                      .servers = 2,
                                      .workers = 3,
                                      .alone = true,
                                      .staleness = UINT64_MAX,
                                      .threads = 4},
                       .turn = {.task = plt_task_find("recommend"), .start = "240", .before = {5, 1ull << 40, 0.1}},
                       .options = options,
                       .n_options = 2,
                       .run_dir = (char *)(uintptr_t) "/runs/\xFFnot utf-8",
                       .warm = (char *)(uintptr_t) "/runs/monday/checkpoints/12",
                       .values_alone = true,
                       .sets = sets,
                       .n_sets = 1,
                       .quiet = true,
                       .proxy = (char *)(uintptr_t) "host:5",
                       .secret = (char *)(uintptr_t) "token 0123",
                       .number = 2,
                       .endpoints = {(char *)(uintptr_t) "", (char *)(uintptr_t) "ipc:///tmp/b"},
                       .addresses = addresses,
                       .n_addresses = 2};
  return brief;
}

static plt_ending_t some_ending(void) {
  return (plt_ending_t){.status = PLT_ERR_NAN,
                        .signal = 9,
                        .has_standing = true,
                        .standing = {.epoch = UINT32_MAX, .gradients = UINT64_MAX, .seconds = 1e300},
                        .text = "epoch 3: \"loss\"\nis not finite"};
}

static plt_report_t some_report(void) {
  return (plt_report_t){.rank = 4,
                        .serves = true,
                        .job = 1ull << 63,
                        .generation = 9,
                        .state = PLT_CHILD_ENDED,
                        .ending = some_ending(),
                        .wants_interrupt = true};
}

static plt_directive_t some_directive(void) {
  return (plt_directive_t){.job = 77,
                           .generation = 3,
                           .want = PLT_WANT_RUN,
                           .interrupt = true,
                           .turn = {.task = plt_task_find("conclude"), .start = "best", .before = {1, 2, 3.5}}};
}

static void expect_brief(const plt_brief_t *got) {
  plt_brief_t want = some_brief();
  cr_assert_eq(memcmp(&got->generation, &want.generation, sizeof want.generation), 0);
  cr_assert_eq(got->turn.task, want.turn.task);
  cr_assert_str_eq(got->turn.start, "240");
  cr_assert_eq(memcmp(&got->turn.before, &want.turn.before, sizeof want.turn.before), 0);
  cr_assert_eq(got->n_options, 2);
  cr_assert_str_eq(got->options[1], "output=a b");
  cr_assert_str_eq(got->run_dir, want.run_dir);
  cr_assert_str_eq(got->warm, want.warm);
  cr_assert(got->values_alone);
  cr_assert_eq(got->n_sets, 1);
  cr_assert_str_eq(got->sets[0], "data.path=/x");
  cr_assert(got->quiet);
  cr_assert_str_eq(got->proxy, "host:5");
  cr_assert_str_eq(got->secret, "token 0123");
  cr_assert_not(got->is_server);
  cr_assert_eq(got->number, 2);
  cr_assert_str_eq(got->endpoints[0], "");
  cr_assert_str_eq(got->endpoints[1], "ipc:///tmp/b");
  cr_assert_eq(got->n_addresses, 2);
  cr_assert_str_eq(got->addresses[1], "tcp://[::1]:1");
}

static void expect_ending(const plt_ending_t *got) {
  plt_ending_t want = some_ending();
  cr_assert_eq(got->status, want.status);
  cr_assert_eq(got->signal, want.signal);
  cr_assert(got->has_standing);
  cr_assert_eq(memcmp(&got->standing, &want.standing, sizeof want.standing), 0);
  cr_assert_str_eq(got->text, want.text);
}

Test(control, a_brief_comes_back) {
  plt_brief_t brief = some_brief(), back;
  plt_packet_t packet;
  CR_OK(plt_control_pack_brief(&brief, &packet));
  CR_OK(plt_control_unpack_brief(packet.bytes, packet.n, &back));
  plt_packet_clear(&packet);
  cr_assert_null(packet.bytes);
  expect_brief(&back);
  plt_brief_clear(&back);
  cr_assert_null(back.secret);
}

Test(control, an_invitation_comes_back) {
  plt_invitation_t invitation = {.brief = some_brief(),
                                 .transport = "auto",
                                 .interface = "eth0",
                                 .probe = ".seen",
                                 .max_restarts = UINT32_MAX,
                                 .deadline_s = 0.5},
                   back;
  plt_packet_t packet;
  CR_OK(plt_control_pack_invitation(&invitation, &packet));
  CR_OK(plt_control_unpack_invitation(packet.bytes, packet.n, &back));
  plt_packet_clear(&packet);
  expect_brief(&back.brief);
  plt_brief_clear(&back.brief);
  cr_assert_str_eq(back.transport, "auto");
  cr_assert_str_eq(back.interface, "eth0");
  cr_assert_str_eq(back.probe, ".seen");
  cr_assert_eq(back.max_restarts, UINT32_MAX);
  cr_assert_eq(back.deadline_s, 0.5);
}

Test(control, reports_and_endings_come_back) {
  plt_report_t report = some_report(), back;
  plt_ending_t ending = some_ending(), ending_back;
  plt_packet_t packet;
  CR_OK(plt_control_pack_report(&report, &packet));
  CR_OK(plt_control_unpack_report(packet.bytes, packet.n, &back));
  plt_packet_clear(&packet);
  cr_assert_eq(back.rank, 4);
  cr_assert(back.serves && back.wants_interrupt);
  cr_assert_eq(back.job, 1ull << 63);
  cr_assert_eq(back.generation, 9);
  cr_assert_eq(back.state, PLT_CHILD_ENDED);
  expect_ending(&back.ending);
  CR_OK(plt_control_pack_ending(&ending, &packet));
  CR_OK(plt_control_unpack_ending(packet.bytes, packet.n, &ending_back));
  plt_packet_clear(&packet);
  expect_ending(&ending_back);
}

Test(control, directives_come_back) {
  plt_directive_t directive = some_directive(), back;
  plt_packet_t packet;
  CR_OK(plt_control_pack_directive(&directive, &packet));
  CR_OK(plt_control_unpack_directive(packet.bytes, packet.n, &back));
  plt_packet_clear(&packet);
  cr_assert_eq(back.job, 77);
  cr_assert_eq(back.generation, 3);
  cr_assert_eq(back.want, PLT_WANT_RUN);
  cr_assert(back.interrupt);
  cr_assert_eq(back.turn.task, directive.turn.task);
  cr_assert_str_eq(back.turn.start, "best");
  cr_assert_eq(back.turn.before.seconds, 3.5);
  directive = (plt_directive_t){.want = PLT_WANT_FINISH}; /* nothing to run: no turn */
  CR_OK(plt_control_pack_directive(&directive, &packet));
  CR_OK(plt_control_unpack_directive(packet.bytes, packet.n, &back));
  plt_packet_clear(&packet);
  cr_assert_null(back.turn.task);
}

/* ---- what may come instead ---- */

enum { KINDS = 5 };

static void pack(int kind, plt_packet_t *packet) {
  plt_invitation_t invitation = {.brief = some_brief(), .transport = "tcp", .deadline_s = 1};
  plt_brief_t brief = some_brief();
  plt_ending_t ending = some_ending();
  plt_report_t report = some_report();
  plt_directive_t directive = some_directive();
  switch (kind) {
    case 0: CR_OK(plt_control_pack_invitation(&invitation, packet)); return;
    case 1: CR_OK(plt_control_pack_brief(&brief, packet)); return;
    case 2: CR_OK(plt_control_pack_ending(&ending, packet)); return;
    case 3: CR_OK(plt_control_pack_report(&report, packet)); return;
    default: CR_OK(plt_control_pack_directive(&directive, packet));
  }
}

/* Unpacks bytes of their own size, so that a sanitizer sees a step behind them. */
static plt_status_t unpack(int kind, const void *from, size_t n) {
  plt_invitation_t invitation;
  plt_brief_t brief;
  plt_ending_t ending;
  plt_report_t report;
  plt_directive_t directive;
  void *bytes = malloc(n == 0 ? 1 : n);
  if (n > 0) memcpy(bytes, from, n);
  plt_status_t status = PLT_OK;
  switch (kind) {
    case 0: status = plt_control_unpack_invitation(bytes, n, &invitation); break;
    case 1: status = plt_control_unpack_brief(bytes, n, &brief); break;
    case 2: status = plt_control_unpack_ending(bytes, n, &ending); break;
    case 3: status = plt_control_unpack_report(bytes, n, &report); break;
    default: status = plt_control_unpack_directive(bytes, n, &directive);
  }
  free(bytes);
  if (status == PLT_OK && kind == 0) plt_brief_clear(&invitation.brief);
  if (status == PLT_OK && kind == 1) plt_brief_clear(&brief);
  return status;
}

Test(control, what_is_cut_short_is_refused) {
  for (int kind = 0; kind < KINDS; kind++) {
    plt_packet_t packet;
    pack(kind, &packet);
    for (size_t n = 0; n < packet.n; n++)
      cr_assert_eq(unpack(kind, packet.bytes, n), PLT_ERR_PROTOCOL, "kind %d, %zu of %zu bytes", kind, n, packet.n);
    cr_assert_eq(unpack(kind, packet.bytes, packet.n), PLT_OK);
    plt_packet_clear(&packet);
  }
}

Test(control, flipped_bits_and_noise_give_a_status) {
  uint64_t state = 1;
  for (int kind = 0; kind < KINDS; kind++) {
    plt_packet_t packet;
    unsigned char noise[300];
    pack(kind, &packet);
    for (size_t bit = 0; bit < packet.n * 8; bit++) {
      ((unsigned char *)packet.bytes)[bit / 8] ^= (unsigned char)(1u << bit % 8);
      plt_status_t status = unpack(kind, packet.bytes, packet.n);
      cr_assert(status == PLT_OK || status == PLT_ERR_PROTOCOL);
      ((unsigned char *)packet.bytes)[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (int turn = 0; turn < 3000; turn++) {
      for (size_t i = 0; i < sizeof noise; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        noise[i] = (unsigned char)(state >> 56);
      }
      cr_assert_eq(unpack(kind, noise, (size_t)turn % sizeof noise), PLT_ERR_PROTOCOL);
    }
    plt_packet_clear(&packet);
  }
}

/* Packs what a faulty peer would. */
static void expect_refused_brief(plt_brief_t brief, const char *why) {
  plt_packet_t packet;
  plt_brief_t back = {.number = 99};
  CR_OK(plt_control_pack_brief(&brief, &packet));
  CR_FAILED_WITH(plt_control_unpack_brief(packet.bytes, packet.n, &back), PLT_ERR_PROTOCOL, why);
  cr_assert_eq(back.number, 99);
  plt_packet_clear(&packet);
}

Test(control, a_brief_makes_sense) {
  static const plt_task_t unknown = {.name = "dance"};
  static char long_text[5000];
  memset(long_text, 'x', sizeof long_text - 1);
  plt_brief_t brief = some_brief();
  brief.turn.task = &unknown;
  expect_refused_brief(brief, "no such task");
  brief = some_brief();
  brief.number = 3;
  expect_refused_brief(brief, "behind the last");
  brief.is_server = true;
  brief.number = 2;
  expect_refused_brief(brief, "behind the last");
  brief = some_brief();
  brief.n_addresses = 1;
  expect_refused_brief(brief, "address for every server");
  brief = some_brief();
  brief.generation.servers = 0;
  expect_refused_brief(brief, "number of servers");
  brief = some_brief();
  brief.secret = long_text;
  expect_refused_brief(brief, "secret is too long");
  brief = some_brief();
  brief.run_dir = long_text;
  expect_refused_brief(brief, "run directory");
}

Test(control, sizes_have_limits) {
  char *text = plt_mem_zalloc(1, PLT_BRIEF_BYTES_MAX + 1);
  memset(text, 'x', PLT_BRIEF_BYTES_MAX);
  plt_brief_t brief = some_brief();
  plt_packet_t packet;
  brief.proxy = text;
  CR_FAILED_WITH(plt_control_pack_brief(&brief, &packet), PLT_ERR_PROTOCOL, "too large");
  for (int kind = 0; kind < KINDS; kind++) cr_assert_eq(unpack(kind, text, PLT_BRIEF_BYTES_MAX + 1), PLT_ERR_PROTOCOL);
  free(text);
}

Test(control, a_report_makes_sense) {
  plt_report_t report = some_report(), back;
  plt_packet_t packet;
  report.state = PLT_CHILD_DISMISSED + 1;
  CR_OK(plt_control_pack_report(&report, &packet));
  CR_FAILED_WITH(plt_control_unpack_report(packet.bytes, packet.n, &back), PLT_ERR_PROTOCOL, "unknown state");
  plt_packet_clear(&packet);
  report = some_report();
  report.ending.status = PLT_STATUS_COUNT;
  CR_OK(plt_control_pack_report(&report, &packet));
  CR_FAILED_WITH(plt_control_unpack_report(packet.bytes, packet.n, &back), PLT_ERR_PROTOCOL, "unknown status");
  plt_packet_clear(&packet);
  report = some_report();
  report.rank = -1;
  CR_OK(plt_control_pack_report(&report, &packet));
  CR_FAILED_WITH(plt_control_unpack_report(packet.bytes, packet.n, &back), PLT_ERR_PROTOCOL, "rank");
  plt_packet_clear(&packet);
}

Test(control, a_directive_makes_sense) {
  plt_directive_t directive = some_directive(), back;
  plt_packet_t packet;
  directive.turn.task = NULL;
  CR_OK(plt_control_pack_directive(&directive, &packet));
  CR_FAILED_WITH(plt_control_unpack_directive(packet.bytes, packet.n, &back), PLT_ERR_PROTOCOL, "nothing to run");
  plt_packet_clear(&packet);
  directive = some_directive();
  directive.want = PLT_WANT_FINISH + 1;
  CR_OK(plt_control_pack_directive(&directive, &packet));
  CR_FAILED_WITH(plt_control_unpack_directive(packet.bytes, packet.n, &back), PLT_ERR_PROTOCOL, "unknown want");
  plt_packet_clear(&packet);
}

/* ---- the star's parcels ---- */

Test(control, parcels_hold_one_message) {
  plt_wire_t *wire = plt_wire_create();
  plt_parcel_t *parcel = plt_parcel_create();
  plt_report_t report = some_report(), report_back;
  plt_directive_t directive = some_directive(), directive_back;
  cr_assert_eq(plt_star_take_report(parcel, &report_back), PLT_ERR_PROTOCOL);
  CR_OK(plt_star_put_report(wire, &report, parcel));
  CR_OK(plt_star_take_report(parcel, &report_back));
  expect_ending(&report_back.ending);
  cr_assert_eq(plt_star_take_directive(parcel, &directive_back), PLT_ERR_PROTOCOL);
  CR_OK(plt_star_put_directive(wire, &directive, parcel));
  CR_OK(plt_star_take_directive(parcel, &directive_back));
  cr_assert_eq(directive_back.generation, 3);
  plt_parcel_add_pooled(parcel, plt_pool_take(plt_wire_pool(wire), 8), 8);
  CR_FAILED_WITH(plt_star_take_directive(parcel, &directive_back), PLT_ERR_PROTOCOL, "2 frames");
  plt_parcel_destroy(&parcel);
  plt_wire_destroy(&wire);
}

/* ---- briefs of the turns that follow ---- */

Test(control, options_are_those_of_the_first_task) {
  plt_brief_t brief = some_brief();
  plt_turn_t same = brief.turn, other = {.task = plt_task_find("evaluate"), .start = "last"};
  plt_brief_t again = plt_brief_for(&brief, &same, 8), next = plt_brief_for(&brief, &other, 9);
  cr_assert_eq(again.n_options, 2);
  cr_assert_eq(again.generation.number, 8);
  cr_assert_eq(next.n_options, 0);
  cr_assert_eq(next.generation.number, 9);
  cr_assert_eq(next.generation.job, brief.generation.job);
  cr_assert_str_eq(next.turn.start, "last");
}
