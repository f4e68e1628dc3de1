/* region.h - memory that a worker lends to a server of the same machine: values lie there instead of in frames.
 *
 *   worker: create ─▶ offer ══ LEND, over ipc ══▶ server: attach             proto/PROTOCOL.md, "Lent memory"
 *
 * A region is a memfd: it has no name, cannot change its size, and is gone with the last process that has mapped it,
 * however that ends. The server opens it through /proc, in the process that the kernel says is at the other end of the
 * connection, and believes nothing: what is not a sealed memfd of the announced size with the announced mark is
 * refused. What lies in a region may change at any moment, so it is values only: sizes and keys stay in messages.
 *
 * Answers    The worker opens a region for the answer to one request, and closes it before it is used for another; the
 *            server claims it once, so that an answer which comes late, or again, cannot write into what is read:
 *
 *              open(request) ── claim ──▶ claimed ── fill ──▶ filled
 *                    └───────── close ──▶ closed  ◀── close ────┘
 *
 * Ownership  each side owns its mapping; the memory lives as long as one of them.
 * Threads    a region has one owner in each process; the state of its answer is atomic.
 * Errors     PLT_ERR_CREATE with the reason: there is no lent memory then, and nothing else is wrong.
 * Source     docs/mechanisms.md 9. */
#ifndef PLT_PROTO_WIRE_REGION_H
#define PLT_PROTO_WIRE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

#define PLT_REGION_BYTES_MAX (UINT64_C(1) << 30)

enum {
  PLT_REGIONS_MAX = 64,  /* that a worker lends to a server, ever: they grow by doubling */
  PLT_REGION_FIRST = 128 /* bytes at the beginning that are the region's own */
};

typedef struct plt_region plt_region_t;

/* How another process finds a region of this one. */
typedef struct plt_region_offer {
  int descriptor;
  uint64_t bytes, mark; /* mark: random, at its beginning */
} plt_region_offer_t;

/* At least `bytes` bytes behind PLT_REGION_FIRST; the memory is there: it is not only promised. */
plt_status_t plt_region_create(uint64_t bytes, plt_region_t **out);
plt_region_offer_t plt_region_offer(const plt_region_t *region);
/* The other side has it, or will not have it: the descriptor is not needed any more. */
void plt_region_seal(plt_region_t *region);
/* That of another process, or of this one. */
plt_status_t plt_region_attach(int64_t process, const plt_region_offer_t *offer, plt_region_t **out);
/* Gives the memory back to the system, on both sides; what is read there from now on is zeros. */
void plt_region_empty(plt_region_t *region);
void plt_region_destroy(plt_region_t **region);

uint64_t plt_region_bytes(const plt_region_t *region);
/* `bytes` bytes from `at` on; NULL if they are not all in it. */
void *plt_region_at(const plt_region_t *region, uint64_t at, uint64_t bytes);

/* ---- answers ---- */
void plt_region_open(plt_region_t *region, uint64_t request);
/* Whether the answer to this request may be put here; once per opening. */
bool plt_region_claim(plt_region_t *region, uint64_t request);
void plt_region_fill(plt_region_t *region, uint64_t request);
/* Whether nobody will write here any more; false: somebody is at it. */
bool plt_region_close(plt_region_t *region);

#endif
