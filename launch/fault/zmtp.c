/* zmtp.c - see zmtp.h. */
#include "launch/fault/zmtp.h"

enum { GREETING = 64, SIGNATURE_END = 9, MAJOR = 10, MORE = 1, LONG = 2, COMMAND = 4, FLAGS = MORE | LONG | COMMAND };

static bool greeting_is_ours(size_t place, uint8_t byte) {
  switch (place) {
    case 0: return byte == 0xFF;
    case SIGNATURE_END: return byte == 0x7F;
    case MAJOR: return byte >= 3;
    default: return true;
  }
}

static size_t take_raw(plt_zmtp_t *zmtp, const uint8_t *bytes, size_t n, plt_zmtp_part_t *part) {
  size_t taken = 0;
  *part = (plt_zmtp_part_t){.kind = PLT_ZMTP_RAW};
  if (zmtp->is_raw) return n;
  while (taken < n && zmtp->greeting < GREETING) {
    if (!greeting_is_ours(zmtp->greeting++, bytes[taken++])) {
      zmtp->is_raw = true;
      return n;
    }
  }
  return taken;
}

static bool is_command(const plt_zmtp_t *zmtp) { return zmtp->head[0] & COMMAND; }

static void describe(const plt_zmtp_t *zmtp, plt_zmtp_part_t *part) {
  part->kind = is_command(zmtp) ? PLT_ZMTP_COMMAND : PLT_ZMTP_MESSAGE;
  part->ends = zmtp->left == 0 && (is_command(zmtp) || !(zmtp->head[0] & MORE));
}

static size_t take_head(plt_zmtp_t *zmtp, const uint8_t *bytes, size_t n, plt_zmtp_part_t *part) {
  size_t taken = 0;
  *part = (plt_zmtp_part_t){.kind = PLT_ZMTP_RAW};
  if (zmtp->n_head == 0) zmtp->head[zmtp->n_head++] = bytes[taken++];
  if (zmtp->head[0] & ~FLAGS || (is_command(zmtp) && zmtp->head[0] & MORE)) {
    zmtp->is_raw = true;
    return n;
  }
  size_t whole = zmtp->head[0] & LONG ? 9 : 2;
  while (taken < n && zmtp->n_head < whole) zmtp->head[zmtp->n_head++] = bytes[taken++];
  zmtp->left = 1; /* not known yet: nothing ends here */
  if (zmtp->n_head == whole) {
    zmtp->left = 0;
    for (size_t i = 1; i < whole; i++) zmtp->left = zmtp->left << 8 | zmtp->head[i];
    zmtp->in_body = zmtp->left > 0;
    zmtp->body_begun = false;
    zmtp->n_head = 0;
  }
  describe(zmtp, part);
  return taken;
}

size_t plt_zmtp_take(plt_zmtp_t *zmtp, const uint8_t *bytes, size_t n, plt_zmtp_part_t *part) {
  if (zmtp->is_raw || zmtp->greeting < GREETING) return take_raw(zmtp, bytes, n, part);
  if (!zmtp->in_body) return take_head(zmtp, bytes, n, part);
  size_t taken = n < zmtp->left ? n : (size_t)zmtp->left;
  zmtp->left -= taken;
  *part = (plt_zmtp_part_t){.is_body = true, .begins_body = !zmtp->body_begun};
  zmtp->body_begun = true;
  zmtp->in_body = zmtp->left > 0;
  describe(zmtp, part);
  return taken;
}
