/* control.h - messages of supervisors, conductor and children to bytes and back, with protobuf-c (control.proto).
 *
 * Pack       into fresh blocks; plt_packet_clear() wipes them, since a brief holds the job's secret.
 * Unpack     checks all that a reader relies on: known tasks, states and statuses, numbers below their counts, lengths
 *            of texts. What does not unpack is a peer's fault and leaves the output as it was; memory that held parts
 *            of it is wiped.
 * Threads    any; nothing is shared.
 * Errors     PLT_ERR_PROTOCOL with the reason, also for what is larger than the limits below. */
#ifndef PLT_LAUNCH_CLUSTER_CONTROL_H
#define PLT_LAUNCH_CLUSTER_CONTROL_H

#include "launch/cluster/brief.h"
#include "launch/cluster/star.h"

enum {
  PLT_BRIEF_BYTES_MAX = 1024 * 1024, /* addresses of 1024 servers, assignments; an invitation too */
  PLT_NOTE_BYTES_MAX = 16 * 1024     /* of all other messages */
};

typedef struct plt_packet {
  void *bytes;
  size_t n;
} plt_packet_t;

void plt_packet_clear(plt_packet_t *packet);

plt_status_t plt_control_pack_invitation(const plt_invitation_t *invitation, plt_packet_t *out);
plt_status_t plt_control_pack_brief(const plt_brief_t *brief, plt_packet_t *out);
plt_status_t plt_control_pack_ending(const plt_ending_t *ending, plt_packet_t *out);
plt_status_t plt_control_pack_report(const plt_report_t *report, plt_packet_t *out);
plt_status_t plt_control_pack_directive(const plt_directive_t *directive, plt_packet_t *out);

/* The brief is to be cleared. */
plt_status_t plt_control_unpack_invitation(const void *bytes, size_t n, plt_invitation_t *out);
plt_status_t plt_control_unpack_brief(const void *bytes, size_t n, plt_brief_t *out);
plt_status_t plt_control_unpack_ending(const void *bytes, size_t n, plt_ending_t *out);
plt_status_t plt_control_unpack_report(const void *bytes, size_t n, plt_report_t *out);
plt_status_t plt_control_unpack_directive(const void *bytes, size_t n, plt_directive_t *out);

#endif
