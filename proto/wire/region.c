/* region.c - see region.h. */
#include "proto/wire/region.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

#define NAME "plateau-lent"
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, PAGE = 4096, BLOCK = 512, STATE_AT = 64 };

struct plt_region {
  unsigned char *base;
  uint64_t bytes, mark;
  int fd; /* -1: not needed any more */
};

/* ---- one's own ---- */

/* Memory that is only promised would be a signal when there is none: SIGBUS, in whoever touches it first. */
static plt_status_t reserve(plt_region_t *region) {
  struct rlimit files; /* memory counts as a file: what is above the limit would end the process */
  if (getrlimit(RLIMIT_FSIZE, &files) == 0 && files.rlim_cur < region->bytes)
    return plt_fail(PLT_ERR_CREATE, "no %" PRIu64 " bytes of shared memory: files may have %llu (ulimit -f)",
                    region->bytes, (unsigned long long)files.rlim_cur);
  int cause = posix_fallocate(region->fd, 0, (off_t)region->bytes);
  errno = cause;
  if (cause != 0) return plt_fail_errno(PLT_ERR_CREATE, "no %" PRIu64 " bytes of shared memory", region->bytes);
  if (fcntl(region->fd, F_ADD_SEALS, SEALS) != 0) return plt_fail_errno(PLT_ERR_CREATE, "cannot seal shared memory");
  return PLT_OK;
}

static plt_status_t map(plt_region_t *region) {
  void *base = mmap(NULL, region->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, region->fd, 0);
  if (base == MAP_FAILED) return plt_fail_errno(PLT_ERR_CREATE, "cannot map shared memory");
  region->base = base;
  return PLT_OK;
}

static plt_status_t make(plt_region_t *region) {
  region->fd = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (region->fd < 0) return plt_fail_errno(PLT_ERR_CREATE, "no shared memory");
  if (getrandom(&region->mark, sizeof region->mark, 0) != (ssize_t)sizeof region->mark)
    return plt_fail_errno(PLT_ERR_CREATE, "no random numbers");
  PLT_TRY(reserve(region));
  PLT_TRY(map(region));
  memcpy(region->base, &region->mark, sizeof region->mark);
  return PLT_OK;
}

plt_status_t plt_region_create(uint64_t bytes, plt_region_t **out) {
  if (bytes > PLT_REGION_BYTES_MAX - PLT_REGION_FIRST)
    return plt_fail(PLT_ERR_CREATE, "%" PRIu64 " bytes are more than a region of shared memory has", bytes);
  plt_region_t *region = plt_mem_zalloc(1, sizeof *region);
  region->fd = -1;
  region->bytes = (bytes + PLT_REGION_FIRST + PAGE - 1) / PAGE * PAGE;
  plt_status_t status = make(region);
  if (status == PLT_OK)
    *out = region;
  else
    plt_region_destroy(&region);
  return status;
}

plt_region_offer_t plt_region_offer(const plt_region_t *region) {
  return (plt_region_offer_t){.descriptor = region->fd, .bytes = region->bytes, .mark = region->mark};
}

void plt_region_seal(plt_region_t *region) {
  if (region->fd >= 0) close(region->fd);
  region->fd = -1;
}

void plt_region_empty(plt_region_t *region) { (void)madvise(region->base, region->bytes, MADV_REMOVE); /* a wish */ }

void plt_region_destroy(plt_region_t **region_at) {
  plt_region_t *region = *region_at;
  if (region == NULL) return;
  plt_region_seal(region);
  if (region->base != NULL) munmap(region->base, region->bytes);
  free(region);
  *region_at = NULL;
}

/* ---- another's ---- */

/* What is opened may be anything that the other has open: a terminal, a pipe. Only a memfd of ours is touched. */
static plt_status_t open_other(plt_region_t *region, int64_t process, int descriptor) {
  static const char wanted[] = "/memfd:" NAME;
  char path[64], target[64];
  snprintf(path, sizeof path, "/proc/%" PRId64 "/fd/%d", process, descriptor);
  ssize_t length = readlink(path, target, sizeof target);
  if (length < 0) return plt_fail_errno(PLT_ERR_CREATE, "cannot look at %s", path);
  if ((size_t)length < sizeof wanted - 1 || memcmp(target, wanted, sizeof wanted - 1) != 0)
    return plt_fail(PLT_ERR_CREATE, "%s is no memory that was lent", path);
  region->fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  return region->fd < 0 ? plt_fail_errno(PLT_ERR_CREATE, "cannot open %s", path) : PLT_OK;
}

/* Sealed, so that no page of it can go away while it is mapped. */
static plt_status_t check_other(const plt_region_t *region) {
  struct stat about;
  int seals = fcntl(region->fd, F_GET_SEALS);
  if (fstat(region->fd, &about) != 0 || !S_ISREG(about.st_mode) || seals < 0 || (seals & SEALS) != SEALS)
    return plt_fail(PLT_ERR_CREATE, "what was lent is no sealed memory");
  if ((uint64_t)about.st_blocks * BLOCK < region->bytes)
    return plt_fail(PLT_ERR_CREATE, "what was lent is promised, but not there");
  if ((uint64_t)about.st_size != region->bytes)
    return plt_fail(PLT_ERR_CREATE, "what was lent has %" PRIu64 " bytes, not %" PRIu64, (uint64_t)about.st_size,
                    region->bytes);
  return PLT_OK;
}

static plt_status_t attach(plt_region_t *region, int64_t process, int descriptor) {
  PLT_TRY(open_other(region, process, descriptor));
  PLT_TRY(check_other(region));
  PLT_TRY(map(region));
  if (region->base == NULL || memcmp(region->base, &region->mark, sizeof region->mark) != 0)
    return plt_fail(PLT_ERR_CREATE, "what was lent is not what was announced");
  plt_region_seal(region);
  return PLT_OK;
}

plt_status_t plt_region_attach(int64_t process, const plt_region_offer_t *offer, plt_region_t **out) {
  if (process <= 0) return plt_fail(PLT_ERR_CREATE, "which process lends memory is not known");
  if (offer->bytes < PLT_REGION_FIRST || offer->bytes > PLT_REGION_BYTES_MAX)
    return plt_fail(PLT_ERR_CREATE, "%" PRIu64 " bytes of memory cannot be lent", offer->bytes);
  plt_region_t *region = plt_mem_zalloc(1, sizeof *region);
  *region = (plt_region_t){.bytes = offer->bytes, .mark = offer->mark, .fd = -1};
  plt_status_t status = attach(region, process, offer->descriptor);
  if (status == PLT_OK)
    *out = region;
  else
    plt_region_destroy(&region);
  return status;
}

/* ---- either's ---- */

uint64_t plt_region_bytes(const plt_region_t *region) { return region->bytes; }

void *plt_region_at(const plt_region_t *region, uint64_t at, uint64_t bytes) {
  if (at < PLT_REGION_FIRST || at > region->bytes || bytes > region->bytes - at) return NULL;
  return region->base + at;
}

/* ---- answers ---- */

typedef _Atomic(uint64_t) answer_state_t;
_Static_assert(sizeof(answer_state_t) == sizeof(uint64_t), "a state is the same in all processes");

enum { CLOSED, OPEN, CLAIMED, FILLED, WHAT = 3 }; /* in the lowest two bits, behind the request */
static uint64_t state_of(uint64_t request, unsigned what) { return request << 2 | what; }

/* In a cache line of its own, behind the mark. */
static answer_state_t *answer_of(plt_region_t *region) { return (answer_state_t *)(region->base + STATE_AT); }

void plt_region_open(plt_region_t *region, uint64_t request) {
  atomic_store(answer_of(region), state_of(request, OPEN));
}

bool plt_region_claim(plt_region_t *region, uint64_t request) {
  uint64_t is = state_of(request, OPEN);
  return atomic_compare_exchange_strong(answer_of(region), &is, state_of(request, CLAIMED));
}

void plt_region_fill(plt_region_t *region, uint64_t request) {
  uint64_t is = state_of(request, CLAIMED);
  atomic_compare_exchange_strong(answer_of(region), &is, state_of(request, FILLED));
}

bool plt_region_close(plt_region_t *region) {
  uint64_t is = atomic_load(answer_of(region));
  while ((is & WHAT) != CLAIMED)
    if (atomic_compare_exchange_weak(answer_of(region), &is, state_of(0, CLOSED))) return true;
  return false;
}
