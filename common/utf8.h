/* utf8.h - one code point of a text that may not be UTF-8 at all.
 *
 * Threads    any; a pure function. */
#ifndef PLT_COMMON_UTF8_H
#define PLT_COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes (1 to 4) of the code point at `text`, a NUL-terminated string that is not at its end; 0 when the bytes are
 * not UTF-8: overlong, a surrogate, cut short. *code is set only when the result is not 0. */
size_t plt_utf8_decode(const char *text, uint32_t *code);

#endif
