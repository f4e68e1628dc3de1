/* utf8.c - see utf8.h. */
#include "common/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_CHARACTERS = 40 };

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

const char *plt_text_show(const char *text, size_t length, char *out) {
  char *to = out;
  for (size_t i = 0; i < length; i++) {
    const unsigned char byte = (unsigned char)text[i];
    if (byte == '\n')
      to = stpcpy(to, "\\n");
    else if (byte < 0x20 || byte == 0x7F)
      to += sprintf(to, "\\x%02X", byte);
    else
      *to++ = text[i];
  }
  *to = '\0';
  return out;
}

const char *plt_bytes_show(const char *at, size_t length, char out[PLT_SHOWN_BYTES]) {
  char *to = out;
  size_t i = 0;
  for (int shown = 0; i < length && shown < SHOWN_CHARACTERS; shown++) {
    uint32_t code = (unsigned char)at[i];
    size_t size = at[i] != '\0' ? plt_utf8_decode(at + i, &code) : 0;
    bool is_plain = size > 0 && size <= length - i && code >= 0x20 && (code < 0x7F || code >= 0xA0);
    if (is_plain) {
      memcpy(to, at + i, size);
      to += size;
      i += size;
    } else {
      to += sprintf(to, "\\x%02X", (unsigned char)at[i++]);
    }
  }
  const char *rest = i < length ? "..." : "";
  memcpy(to, rest, strlen(rest) + 1);
  return out;
}
