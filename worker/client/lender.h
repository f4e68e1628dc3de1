/* lender.h - memory that this worker lends to one server of its machine: a region (wire/region.h) for each exchange
 * that is under way.
 *
 *   take ─▶ no region is large enough: make, offer it ─▶ grown, or given up
 *     └───▶ in use, until it is given back
 *
 * Regions are made for what is asked, and half as large again as the last at least, so there are few; one that was
 * outgrown gives its memory back when it is free. A server that will not have one ends it: everything goes in frames
 * from then on.
 *
 * Ownership  regions are the lender's.
 * Threads    one owner.
 * Errors     PLT_ERR_CREATE: no memory to lend; the lender has given up. */
#ifndef PLT_WORKER_CLIENT_LENDER_H
#define PLT_WORKER_CLIENT_LENDER_H

#include "proto/wire/region.h"

typedef struct plt_lender plt_lender_t;

enum { PLT_LENT_NONE = -1 };

plt_lender_t *plt_lender_create(void);
void plt_lender_destroy(plt_lender_t **lender);

bool plt_lender_has_given_up(const plt_lender_t *lender);
void plt_lender_give_up(plt_lender_t *lender);

/* The number of a free region with so many bytes, in use from now on; PLT_LENT_NONE. */
int plt_lender_take(plt_lender_t *lender, uint64_t bytes);
/* A new one that take() will find when it was offered to the server, which calls it *number. */
plt_status_t plt_lender_make(plt_lender_t *lender, uint64_t bytes, uint32_t *number, plt_region_offer_t *offer);
/* The server has the region that was made last. */
void plt_lender_grown(plt_lender_t *lender);
plt_region_t *plt_lender_region(const plt_lender_t *lender, int number);
/* Is over. PLT_LENT_NONE is fine. */
void plt_lender_give_back(plt_lender_t *lender, int number);

#endif
