/* utf8.h - text that may not be UTF-8 at all: one code point, and bytes of a stranger fit for a terminal.
 *
 * Threads    any; pure functions. */
#ifndef PLT_COMMON_UTF8_H
#define PLT_COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes (1 to 4) of the code point at `text`, a NUL-terminated string that is not at its end; 0 when the bytes are
 * not UTF-8: overlong, a surrogate, cut short. *code is set only when the result is not 0. */
size_t plt_utf8_decode(const char *text, uint32_t *code);

enum { PLT_SHOWN_BYTES = 200 /* room for what is shown */ };

/* Bytes of a file for a person's terminal: control characters and what is not UTF-8 as \xNN, cut to some 40 characters.
 * A byte may be read behind them. Returns out. */
const char *plt_bytes_show(const char *at, size_t length, char out[PLT_SHOWN_BYTES]);

/* A text of one line for a person's terminal, whole: control characters as \xNN, ends of lines as \n. Returns out,
 * which has room for 4 * length + 1. */
const char *plt_text_show(const char *text, size_t length, char *out);

#endif
