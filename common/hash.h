/* hash.h - xxh3: 64 bits for keys of generators, 128 bits for files.
 *
 * Threads    any; nothing is shared.
 * Errors     PLT_ERR_IO when a file cannot be opened or read. */
#ifndef PLT_COMMON_HASH_H
#define PLT_COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

enum { PLT_HASH_HEX = 33 }; /* 32 hex digits and NUL */

/* Hash of a byte string under a seed; the same on every machine. */
uint64_t plt_hash64(uint64_t seed, const void *bytes, size_t n);
uint64_t plt_hash64_text(uint64_t seed, const char *text);
/* xxh3-128 of a whole file as lower-case hex, and its size. */
plt_status_t plt_hash_file(const char *path, char hex[PLT_HASH_HEX], uint64_t *bytes);
/* The same of its first bytes, `limit` at most. */
plt_status_t plt_hash_head(const char *path, uint64_t limit, char hex[PLT_HASH_HEX], uint64_t *bytes);

/* "xxHash 0.8.1", for --version. */
void plt_hash_library(char *out, size_t bytes);

#endif
