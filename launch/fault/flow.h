/* flow.h - one direction of one connection: bytes go in as they come, and out as the script wants it.
 *
 *   take ──▶ [message under way] ── whole ──▶ decision ──▶ [held back] ──▶ [queue] ──▶ ready, sent
 *                                                              due, or overtaken
 *
 * A message is held until it is whole; greeting and commands pass at once. A message of more than
 * PLT_FAULT_MESSAGE_MAX bytes passes untouched, as it comes.
 *
 * Time       all functions are told what time it is: a flow waits for nothing and looks at no clock.
 * Threads    one owner.
 * Memory     one message under way, and a queue that is_full() keeps from growing. */
#ifndef PLT_LAUNCH_FAULT_FLOW_H
#define PLT_LAUNCH_FAULT_FLOW_H

#include "launch/fault/tally.h"

enum { PLT_FAULT_MESSAGE_MAX = 64 << 20, PLT_FAULT_QUEUE_MAX = 64 << 20 };

typedef struct plt_fault_flow plt_fault_flow_t;

/* Script and tally must outlive the flow. */
plt_fault_flow_t *plt_fault_flow_create(const plt_fault_script_t *script, uint32_t connection, plt_fault_side_t side,
                                        plt_fault_tally_t *tally);
void plt_fault_flow_destroy(plt_fault_flow_t **flow);

/* Whether no more bytes should be taken for now. */
bool plt_fault_flow_is_full(const plt_fault_flow_t *flow);
void plt_fault_flow_take(plt_fault_flow_t *flow, const uint8_t *bytes, size_t n, int64_t now_ns);
/* How many bytes may go out now, and where they are; tell with `sent` how many did. */
size_t plt_fault_flow_ready(plt_fault_flow_t *flow, int64_t now_ns, const uint8_t **bytes);
void plt_fault_flow_sent(plt_fault_flow_t *flow, size_t n, int64_t now_ns);
/* When bytes may go out that may not now; INT64_MAX if there are none. */
int64_t plt_fault_flow_due(const plt_fault_flow_t *flow, int64_t now_ns);
/* Nothing is queued or held back; a message that never became whole does not count. */
bool plt_fault_flow_is_empty(const plt_fault_flow_t *flow);

typedef enum { PLT_CUT_NONE, PLT_CUT_END, PLT_CUT_RESET } plt_cut_t;
/* Whether the connection is to end now, and how. */
plt_cut_t plt_fault_flow_cut(const plt_fault_flow_t *flow);
/* How long the connection is to stall from now on; asked once, 0 afterwards. */
int64_t plt_fault_flow_stall(plt_fault_flow_t *flow);

#endif
