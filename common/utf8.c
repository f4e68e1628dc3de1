/* utf8.c - see utf8.h. */
#include "common/utf8.h"

size_t plt_utf8_decode(const char *text, uint32_t *code) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char lead = (unsigned char)text[0];
  size_t n = lead < 0x80 ? 1 : lead >> 5 == 0x6 ? 2 : lead >> 4 == 0xE ? 3 : lead >> 3 == 0x1E ? 4 : 0;
  if (n == 0) return 0;
  uint32_t value = n == 1 ? lead : lead & (0x7Fu >> n);
  for (size_t i = 1; i < n; i++) {
    unsigned char next = (unsigned char)text[i]; /* the NUL of a cut text is no continuation: never read past it */
    if (next >> 6 != 0x2) return 0;
    value = value << 6 | (next & 0x3Fu);
  }
  if (value < least[n] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return 0;
  *code = value;
  return n;
}
