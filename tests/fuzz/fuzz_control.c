/* fuzz_control.c - messages between supervisors, conductor and children. Input: a byte that says which kind, then the
 * message. What unpacks must pack, and what was packed unpack to what packs to the same bytes. */
#include <string.h>

#include "launch/cluster/control.h"
#include "tests/fuzz/fuzz.h"

/* Unpacks and, if that goes, packs again. */
static bool again(unsigned kind, const void *bytes, size_t n, plt_packet_t *out) {
  union {
    plt_invitation_t invitation;
    plt_brief_t brief;
    plt_ending_t ending;
    plt_report_t report;
    plt_directive_t directive;
  } what;
  switch (kind) {
    case 0:
      if (plt_control_unpack_invitation(bytes, n, &what.invitation) != PLT_OK) return false;
      FUZZ_CHECK(plt_control_pack_invitation(&what.invitation, out) == PLT_OK);
      plt_brief_clear(&what.invitation.brief);
      return true;
    case 1:
      if (plt_control_unpack_brief(bytes, n, &what.brief) != PLT_OK) return false;
      FUZZ_CHECK(what.brief.number < what.brief.generation.servers + what.brief.generation.workers);
      FUZZ_CHECK(plt_control_pack_brief(&what.brief, out) == PLT_OK);
      plt_brief_clear(&what.brief);
      return true;
    case 2:
      if (plt_control_unpack_ending(bytes, n, &what.ending) != PLT_OK) return false;
      FUZZ_CHECK(plt_status_exit(what.ending.status) >= 0);
      FUZZ_CHECK(plt_control_pack_ending(&what.ending, out) == PLT_OK);
      return true;
    case 3:
      if (plt_control_unpack_report(bytes, n, &what.report) != PLT_OK) return false;
      FUZZ_CHECK(what.report.rank >= 0 && what.report.state <= PLT_CHILD_ENDED);
      FUZZ_CHECK(plt_control_pack_report(&what.report, out) == PLT_OK);
      return true;
    default:
      if (plt_control_unpack_directive(bytes, n, &what.directive) != PLT_OK) return false;
      FUZZ_CHECK(what.directive.want != PLT_WANT_RUN || what.directive.turn.task->run != NULL);
      FUZZ_CHECK(plt_control_pack_directive(&what.directive, out) == PLT_OK);
      return true;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  plt_packet_t first, second;
  if (n == 0) return 0;
  unsigned kind = data[0] % 5;
  if (!again(kind, data + 1, n - 1, &first)) return 0;
  FUZZ_CHECK(again(kind, first.bytes, first.n, &second));
  FUZZ_CHECK(first.n == second.n && memcmp(first.bytes, second.bytes, first.n) == 0);
  plt_packet_clear(&first);
  plt_packet_clear(&second);
  return 0;
}
