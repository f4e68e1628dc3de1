/* role.h - a server or worker of a job in a process of its own, by its brief: what a child does (child.h).
 *
 *   brief ─▶ server: listens through inherited sockets, serves until all workers have said goodbye
 *         ─▶ worker: the job from the run directory's configuration, a session, its part of the turn
 *
 * Threads    one call per process: logs and the crew of a worker are the process's.
 * Errors     PLT_ERR_PROTOCOL for a brief whose secret is none; PLT_ERR_CHECKPOINT for tables that are not there or
 *            damaged. A server: those of plt_listener_inherit() and plt_server_run(). A worker: of the proxy
 *            (launch/fault/forward.h), plt_run_dir_config(), plt_job_create(), plt_session_run() and the task. */
#ifndef PLT_LAUNCH_CLUSTER_ROLE_H
#define PLT_LAUNCH_CLUSTER_ROLE_H

#include "launch/cluster/child.h"

/* control: where orders come from (plt_orders_watch). sockets: the first of the descriptors that a server listens at.
 * *standing: what worker 0's task reported. */
plt_status_t plt_role_play(plt_brief_t *brief, int control, int sockets, plt_standing_t *standing);

#endif
