/* star.c - see star.h. */
#include "launch/cluster/star.h"

#include <string.h>

#include "launch/cluster/control.h"

/* The packet as a parcel of one frame. */
static void fill(plt_wire_t *wire, plt_packet_t *packet, plt_parcel_t *out) {
  void *frame = plt_pool_take(plt_wire_pool(wire), packet->n);
  memcpy(frame, packet->bytes, packet->n);
  plt_parcel_clear(out);
  plt_parcel_add_pooled(out, frame, packet->n);
  plt_packet_clear(packet);
}

plt_status_t plt_star_put_report(plt_wire_t *wire, const plt_report_t *report, plt_parcel_t *out) {
  plt_packet_t packet;
  PLT_TRY(plt_control_pack_report(report, &packet));
  fill(wire, &packet, out);
  return PLT_OK;
}

plt_status_t plt_star_put_directive(plt_wire_t *wire, const plt_directive_t *directive, plt_parcel_t *out) {
  plt_packet_t packet;
  PLT_TRY(plt_control_pack_directive(directive, &packet));
  fill(wire, &packet, out);
  return PLT_OK;
}

/* NULL unless it is the only one. */
static const void *only_frame(const plt_parcel_t *in, size_t *n) {
  if (plt_parcel_frames(in) == 1) return plt_parcel_frame(in, 0, n);
  plt_fail(PLT_ERR_PROTOCOL, "malformed message: %zu frames", plt_parcel_frames(in));
  return NULL;
}

plt_status_t plt_star_take_report(const plt_parcel_t *in, plt_report_t *report) {
  size_t n = 0;
  const void *bytes = only_frame(in, &n);
  return bytes == NULL ? PLT_ERR_PROTOCOL : plt_control_unpack_report(bytes, n, report);
}

plt_status_t plt_star_take_directive(const plt_parcel_t *in, plt_directive_t *directive) {
  size_t n = 0;
  const void *bytes = only_frame(in, &n);
  return bytes == NULL ? PLT_ERR_PROTOCOL : plt_control_unpack_directive(bytes, n, directive);
}
