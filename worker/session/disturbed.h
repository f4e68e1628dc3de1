/* disturbed.h - a session that sees disturbed features for a while: tables stay as they are, what is worked out of
 * features, graphs of items too, is worked out anew.
 *
 *   plt_disturbed_begin() ─▶ evaluations, recommendations ... ─▶ plt_disturbed_end()
 *
 * Ownership  the session's plan is another one in between; the caller ends what has begun.
 * Threads    the session's; sessions of one process have nothing in common here, and each makes its own graphs.
 * Errors     begin: PLT_ERR_USAGE where the model reads no features or trains them; those of plt_relations_open(). */
#ifndef PLT_WORKER_SESSION_DISTURBED_H
#define PLT_WORKER_SESSION_DISTURBED_H

#include "worker/data/disturb.h"
#include "worker/session/session.h"

typedef struct plt_disturbed_session plt_disturbed_session_t;

/* Whether disturbed features can make a difference to what the session's model recommends. */
plt_status_t plt_disturbed_check(const plt_session_t *session);
plt_status_t plt_disturbed_begin(plt_session_t *session, const plt_disturbance_t *disturbance,
                                 plt_disturbed_session_t **out);
void plt_disturbed_end(plt_disturbed_session_t **disturbed);

#endif
