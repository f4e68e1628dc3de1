/* loans.h - what of an exchange lies in memory that is lent to the servers of this machine (lender.h), instead of in
 * its messages: the values that it pushes, and places for the rows that it pulls.
 *
 *   begin (a server, so many bytes) ─▶ next, next ... (a section each) ─▶ the exchange ─▶ end
 *
 * Ownership  loans are the client's; what next() gives is good until end().
 * Threads    one owner.
 * Errors     begin: PLT_ERR_PEER, PLT_ERR_DEADLINE and PLT_ERR_PROTOCOL of an exchange (LEND is one). That there is no
 *            memory to lend is no error. */
#ifndef PLT_WORKER_CLIENT_LOANS_H
#define PLT_WORKER_CLIENT_LOANS_H

#include "worker/client/exchange.h"
#include "worker/client/lender.h"

typedef struct plt_loans plt_loans_t;

/* To one server, for one exchange. */
typedef struct plt_loan {
  int region; /* PLT_LENT_NONE: all goes in frames */
  uint64_t used;
} plt_loan_t;

/* Where something lies. */
typedef struct plt_lent {
  char *memory; /* NULL: in a frame */
  uint32_t region;
  uint64_t at;
} plt_lent_t;

/* To the servers of a desk that are near, if the configuration lends. */
plt_loans_t *plt_loans_create(plt_desk_t *desk);
void plt_loans_destroy(plt_loans_t **loans);

/* What `bytes` bytes take of a loan. */
uint64_t plt_loan_bytes(uint64_t bytes);
plt_status_t plt_loan_begin(plt_loans_t *loans, const plt_exchange_t *exchange, uint32_t server, uint64_t bytes,
                            plt_loan_t *out);
plt_lent_t plt_loan_next(const plt_loans_t *loans, uint32_t server, plt_loan_t *loan, uint64_t bytes);
/* The exchange is over. */
void plt_loan_end(plt_loans_t *loans, uint32_t server, plt_loan_t *loan);

#endif
