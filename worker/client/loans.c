/* loans.c - see loans.h. */
#include "worker/client/loans.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"

enum { LINE = 64, LENT_FROM = 4096 }; /* bytes: fewer are as well sent */

struct plt_loans {
  plt_desk_t *desk;
  uint32_t n_servers;
  plt_lender_t **lenders; /* NULL for servers that are not near */
  bool told;
};

plt_loans_t *plt_loans_create(plt_desk_t *desk) {
  const plt_client_config_t *config = plt_desk_config(desk);
  plt_loans_t *loans = plt_mem_zalloc(1, sizeof *loans);
  *loans = (plt_loans_t){.desk = desk, .n_servers = config->n_servers};
  loans->lenders = plt_mem_zalloc(config->n_servers, sizeof *loans->lenders);
  for (uint32_t s = 0; s < config->n_servers; s++)
    if (config->lends && plt_desk_is_near(desk, s)) loans->lenders[s] = plt_lender_create();
  return loans;
}

void plt_loans_destroy(plt_loans_t **loans_at) {
  plt_loans_t *loans = *loans_at;
  if (loans == NULL) return;
  for (uint32_t s = 0; s < loans->n_servers; s++) plt_lender_destroy(&loans->lenders[s]);
  free(loans->lenders);
  free(loans);
  *loans_at = NULL;
}

/* ---- LEND ---- */

static void go_without(plt_loans_t *loans, uint32_t server, const char *why) {
  plt_lender_give_up(loans->lenders[server]);
  plt_log(PLT_LOG_INFO, "no shared memory with server %" PRIu32 ", all goes in messages: %s", server, why);
}

static plt_status_t on_lend(void *context, uint32_t server, const plt_header_t *answer) {
  plt_loans_t *loans = context;
  if (answer->verb != PLT_VERB_LEND)
    return plt_fail(PLT_ERR_PROTOCOL, "server %" PRIu32 " answered LEND with %s", server, plt_verb_name(answer->verb));
  if (answer->status != PLT_OK) {
    go_without(loans, server, answer->text);
    return PLT_OK;
  }
  plt_lender_grown(loans->lenders[server]);
  if (!loans->told) plt_log(PLT_LOG_INFO, "values go through shared memory between here and server %" PRIu32, server);
  loans->told = true;
  return PLT_OK;
}

static plt_status_t offer(plt_loans_t *loans, uint32_t server, uint64_t bytes) {
  plt_header_t header = {.verb = PLT_VERB_LEND};
  plt_region_offer_t region;
  if (plt_lender_make(loans->lenders[server], bytes, &header.table, &region) != PLT_OK) {
    go_without(loans, server, plt_fail_text());
    return PLT_OK;
  }
  header.who = (uint32_t)region.descriptor;
  header.bytes = region.bytes;
  header.salt = region.mark;
  plt_exchange_t *lend = plt_exchange_begin(loans->desk, "LEND");
  PLT_TRY(plt_exchange_address(loans->desk, lend, server, &header));
  return plt_exchange_ask(loans->desk, lend, on_lend, loans);
}

/* ---- loans ---- */

uint64_t plt_loan_bytes(uint64_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

plt_status_t plt_loan_begin(plt_loans_t *loans, const plt_exchange_t *exchange, uint32_t server, uint64_t bytes,
                            plt_loan_t *out) {
  plt_lender_t *lender = loans->lenders[server];
  *out = (plt_loan_t){.region = PLT_LENT_NONE, .used = PLT_REGION_FIRST};
  if (lender == NULL || bytes < LENT_FROM || bytes > PLT_REGION_BYTES_MAX - PLT_REGION_FIRST) return PLT_OK;
  out->region = plt_lender_take(lender, bytes);
  if (out->region == PLT_LENT_NONE && !plt_lender_has_given_up(lender)) {
    PLT_TRY(offer(loans, server, bytes));
    out->region = plt_lender_take(lender, bytes);
  }
  if (out->region == PLT_LENT_NONE) return PLT_OK;
  plt_region_open(plt_lender_region(lender, out->region), plt_exchange_request(exchange));
  return PLT_OK;
}

plt_lent_t plt_loan_next(const plt_loans_t *loans, uint32_t server, plt_loan_t *loan, uint64_t bytes) {
  if (loan->region == PLT_LENT_NONE) return (plt_lent_t){.memory = NULL};
  plt_lent_t lent = {
      .memory = plt_region_at(plt_lender_region(loans->lenders[server], loan->region), loan->used, bytes),
      .region = (uint32_t)loan->region,
      .at = loan->used};
  loan->used += plt_loan_bytes(bytes);
  return lent;
}

void plt_loan_end(plt_loans_t *loans, uint32_t server, plt_loan_t *loan) {
  if (loan->region != PLT_LENT_NONE) plt_lender_give_back(loans->lenders[server], loan->region);
  loan->region = PLT_LENT_NONE;
}
