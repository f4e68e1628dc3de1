/* hash.c - see hash.h.
 *
 * XXH3 of libxxhash; where the library has its dispatcher (PLATEAU_XXHASH_DISPATCH) the processor's widest
 * instructions, with the same bits. */
#include "common/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#ifdef PLT_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>
#endif

#include "common/mem.h"

uint64_t plt_hash64(uint64_t seed, const void *bytes, size_t n) { return XXH3_64bits_withSeed(bytes, n, seed); }

uint64_t plt_hash64_text(uint64_t seed, const char *text) { return plt_hash64(seed, text, strlen(text)); }

plt_status_t plt_hash_file(const char *path, char hex[PLT_HASH_HEX], uint64_t *bytes) {
  return plt_hash_head(path, UINT64_MAX, hex, bytes);
}

plt_status_t plt_hash_head(const char *path, uint64_t limit, char hex[PLT_HASH_HEX], uint64_t *bytes) {
  enum { CHUNK = 1 << 20 };
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot open", path);
  XXH3_state_t *state = XXH3_createState();
  unsigned char *chunk = plt_mem_alloc(CHUNK);
  uint64_t total = 0;
  ssize_t got = 0;
  XXH3_128bits_reset(state);
  while (total < limit && (got = read(fd, chunk, limit - total < CHUNK ? (size_t)(limit - total) : CHUNK)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    XXH3_128bits_update(state, chunk, (size_t)got);
    total += (uint64_t)got;
  }
  plt_status_t status = got < 0 ? plt_fail_errno(PLT_ERR_IO, "%s: cannot read", path) : PLT_OK;
  if (status == PLT_OK) {
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    snprintf(hex, PLT_HASH_HEX, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    *bytes = total;
  }
  XXH3_freeState(state);
  free(chunk);
  close(fd);
  return status;
}

void plt_hash_library(char *out, size_t bytes) {
  unsigned number = XXH_versionNumber(); /* 801 is 0.8.1 */
  snprintf(out, bytes, "xxHash %u.%u.%u", number / 10000, number / 100 % 100, number % 100);
}
