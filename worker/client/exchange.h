/* exchange.h - one request to all servers, asked until it is answered: what client.h is made of.
 *
 *   begin ──▶ address (a message per server) ──▶ launch ──▶ finish
 *
 * Lost messages are asked for again (rto.h), damaged ones at once, and a link on which nothing comes any more is
 * made anew: libzmq gives up some for good without a word (a message that curve cannot open, a proxy that does not
 * answer). Answers are matched by their number, so it does not matter how often they come, or when.
 *
 * Ownership  an exchange is the desk's, from begin to finish; its arena lives as long.
 * Threads    one owner.
 * Errors     PLT_ERR_DEADLINE and PLT_ERR_PEER name who waited for whom and for what; a refusal is passed on with the
 *            server's status and text; PLT_ERR_PROTOCOL for a message that is too large. */
#ifndef PLT_WORKER_CLIENT_EXCHANGE_H
#define PLT_WORKER_CLIENT_EXCHANGE_H

#include "proto/message.h"
#include "proto/wire/wire.h"
#include "worker/client/client.h"

typedef struct plt_desk plt_desk_t;

/* Reads one server's answer; of one in parts each part once, in any order. */
typedef plt_status_t (*plt_answer_fn)(void *context, uint32_t server, const plt_header_t *answer);

/* Connects to the servers of a configuration, which is copied. PLT_ERR_CREATE, PLT_ERR_PEER. */
plt_status_t plt_desk_open(plt_wire_t *wire, const plt_client_config_t *config, plt_desk_t **out);
void plt_desk_close(plt_desk_t **desk);
const plt_client_config_t *plt_desk_config(const plt_desk_t *desk);
/* Requests have numbers above `request` from now on. */
void plt_desk_skip(plt_desk_t *desk, uint64_t request);
/* What users call the deadline. */
const char *plt_desk_deadline_name(const plt_desk_t *desk);
void plt_desk_set_deadline(plt_desk_t *desk, double deadline_s);
/* Nothing under way is waited for any more; what comes now has so long. */
void plt_desk_hurry_up(plt_desk_t *desk, double deadline_s);

/* Whether ipc leads to a server: it is on this machine. */
bool plt_desk_is_near(const plt_desk_t *desk, uint32_t server);

/* At most PLT_STEPS_MAX + 2 may be under way. `what` stands in error messages. */
plt_exchange_t *plt_exchange_begin(plt_desk_t *desk, const char *what);
plt_arena_t *plt_exchange_arena(const plt_exchange_t *exchange);
uint64_t plt_exchange_request(const plt_exchange_t *exchange);
/* Prepares the message to one server, or its next part; `header`'s identity is filled in here. */
plt_status_t plt_exchange_address(plt_desk_t *desk, plt_exchange_t *exchange, uint32_t server, plt_header_t *header);
/* Sends what was addressed to a server so far. */
plt_status_t plt_exchange_hasten(plt_desk_t *desk, plt_exchange_t *exchange, uint32_t server);
/* Sends what was addressed and not sent yet. fn may be NULL. */
plt_status_t plt_exchange_launch(plt_desk_t *desk, plt_exchange_t *exchange, plt_answer_fn fn, void *context);
/* Waits for all answers; the exchange is over, whatever comes of it. Answers to others are taken as they come. */
plt_status_t plt_exchange_finish(plt_desk_t *desk, plt_exchange_t *exchange);
/* Both. */
plt_status_t plt_exchange_ask(plt_desk_t *desk, plt_exchange_t *exchange, plt_answer_fn fn, void *context);
/* It was begun, but will not be launched. */
void plt_exchange_drop(plt_exchange_t *exchange);
void *plt_exchange_context(const plt_exchange_t *exchange);

/* The counts of client.h; `packing_ns` is added to the time of packing and unpacking. */
void plt_desk_add_packing(plt_desk_t *desk, int64_t packing_ns);
plt_client_count_t plt_desk_count(const plt_desk_t *desk);

#endif
