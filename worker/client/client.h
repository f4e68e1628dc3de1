/* client.h - a worker's side of the protocol: one call per verb, each to all servers at once.
 *
 * A call sends one message per server (in parts, if it is large: proto/parts.h), waits for one answer from each and
 * puts rows where they belong, whatever the number of servers. Lost messages are asked for again (exchange.h); no call
 * waits longer than the deadline without a sign of life. A step can be begun and finished later, with others begun in
 * between.
 *
 * Ownership  matrices given to a call are read or filled before it returns; nothing is kept. Of a step that is begun,
 *            where its rows go must stay until it is finished.
 * Threads    one owner.
 * Errors     PLT_ERR_DEADLINE and PLT_ERR_PEER name who waited for whom and for what; a refusal is passed on with
 *            the server's status and text; PLT_ERR_PROTOCOL for a message that is too large and for an answer to
 *            something else.
 * Source     proto/PROTOCOL.md. */
#ifndef PLT_WORKER_CLIENT_CLIENT_H
#define PLT_WORKER_CLIENT_CLIENT_H

#include <stdatomic.h>

#include "common/io/manifest.h"
#include "proto/message.h"
#include "proto/wire/wire.h"

typedef struct plt_client_config {
  uint32_t number, workers;   /* this worker, and how many there are */
  const char *const *servers; /* addresses */
  uint32_t n_servers;
  uint64_t job;
  uint32_t generation;
  double deadline_s;
  const char *deadline_name; /* of that option, for errors; NULL: cluster.deadline_s */
  plt_wire_type_t wire;      /* of values */
  bool lends;                /* values for servers at ipc addresses go through shared memory (loans.h) */
  uint64_t mark;             /* of this process: another one with its number is refused; 0 is one too */
  bool succeeds;             /* bsp: a process with this number is gone, this one goes on where it was; lends nothing */
  const atomic_bool *cancelled; /* set when a server is known to be lost: calls fail at once; may be NULL */
} plt_client_config_t;

typedef struct plt_client plt_client_t;

/* Connects and greets. *clock is that of the servers' tables when the job began, or that of the next push of the worker
 * that this one succeeds, whose last push is in the tables then; *progress what a checkpoint said, if *resumed.
 * Also PLT_ERR_CREATE (no sockets), PLT_ERR_CHECKPOINT (the servers start from different clocks, or the worker died
 * while some of them had its push and others had not: all are told that it gave up), PLT_ERR_USAGE (there is such a
 * worker, or it cannot be succeeded). */
plt_status_t plt_client_open(plt_wire_t *wire, const plt_client_config_t *config, uint64_t *clock, bool *resumed,
                             plt_progress_t *progress, plt_client_t **out);
/* Frees everything; says nothing to the servers (see plt_client_bye). */
void plt_client_close(plt_client_t **client);

/* Declares tables first .. first + n - 1. */
plt_status_t plt_client_declare(plt_client_t *client, uint32_t first, const plt_table_spec_t *specs, size_t n);
/* The same of one table; anew: without rows from a checkpoint or, after plt_client_enter(), from before. */
plt_status_t plt_client_declare_one(plt_client_t *client, uint32_t table, const plt_table_spec_t *spec, bool anew);
/* Ends all tables; `n` will be declared next and take the values of those of their names: as they are if `clock` is the
 * servers', else as they are in the checkpoint of that clock, which must be whole. One worker calls while the others
 * wait; then they declare the same. */
plt_status_t plt_client_enter(plt_client_t *client, uint64_t clock, uint32_t n);
/* All rows of a table are born again, from the salt; its optimizer begins anew. */
plt_status_t plt_client_reset(plt_client_t *client, uint32_t table, uint64_t salt);
/* Drops a temporary table, the last one there is. */
plt_status_t plt_client_drop(plt_client_t *client, uint32_t table);

/* One block of leaves of one table: n ascending keys, n x cols values. */
typedef struct plt_push {
  uint32_t table, cols;
  plt_leaf_span_t span;
  const uint64_t *keys;
  const float *values;
  size_t n;
} plt_push_t;

/* Rows wanted: n ascending keys, into out [n, cols]. */
typedef struct plt_pull {
  uint32_t table, cols;
  const uint64_t *keys;
  size_t n;
  float *out;
} plt_pull_t;

typedef struct plt_step {
  bool pushes;    /* false: a bare pull, or only flags, at `clock` */
  uint64_t clock; /* of the push */
  uint32_t ahead; /* ssp, asp: the rows are for as many clocks later than the next; at most PLT_PREFETCH_MAX */
  double eta;
  uint32_t flags;
  const plt_block_loss_t *losses;
  size_t n_losses;
  const plt_push_t *push;
  size_t n_push;
  const plt_pull_t *pull;
  size_t n_pull;
  const plt_progress_t *progress; /* worker 0: goes to server 0; else NULL */
} plt_step_t;

typedef struct plt_step_result {
  uint32_t flags; /* as all workers' flags decided */
  double loss;    /* bsp: of the pushed step, over all workers */
  uint64_t clock; /* of server 0's tables */
  uint64_t meet;  /* ssp, asp: the clock at which all workers meet next, or met last; 0: none */
} plt_step_result_t;

/* One exchange: push of a clock, rows of the next. */
plt_status_t plt_client_step(plt_client_t *client, const plt_step_t *step, plt_step_result_t *result);
/* The same in two halves. At most PLT_STEPS_MAX may be begun and not finished; they are finished in any order. Other
 * calls may come in between. After a failure nothing but plt_client_bye() is possible. */
typedef struct plt_exchange plt_exchange_t; /* exchange.h */
plt_status_t plt_client_step_begin(plt_client_t *client, const plt_step_t *step, plt_exchange_t **out);
plt_status_t plt_client_step_finish(plt_client_t *client, plt_exchange_t **exchange, plt_step_result_t *result);
/* Rows now. Large requests are cut into several messages. */
plt_status_t plt_client_read(plt_client_t *client, const plt_pull_t *pulls, size_t n);
/* All rows of a table, [rows, cols]. */
plt_status_t plt_client_read_table(plt_client_t *client, uint32_t table, uint64_t rows, uint32_t cols, float *out);
plt_status_t plt_client_assign(plt_client_t *client, uint32_t table, uint32_t cols, const uint64_t *keys, size_t n,
                               const float *values);
/* Adds `values` [n] over all workers, in place. A barrier. Names must differ from call to call. */
plt_status_t plt_client_sum(plt_client_t *client, const char *name, double *values, size_t n);
/* Has server 0 make a checkpoint known whose parts are all there (pending.h). Worker 0. */
plt_status_t plt_client_publish(plt_client_t *client, uint64_t clock, const plt_manifest_part_t *parts);
/* From now on. */
void plt_client_set_deadline(plt_client_t *client, double deadline_s);
/* Takes leave; a status other than PLT_OK, with its text, is told to the other workers. Does not insist. */
void plt_client_bye(plt_client_t *client, plt_status_t status, const char *text);

/* Bytes of rows asked for and pushed, and time, so far. */
typedef struct plt_client_count {
  plt_wire_count_t wire;
  int64_t exchange_ns; /* packing and unpacking */
  int64_t wait_ns;     /* waiting for answers */
} plt_client_count_t;
plt_client_count_t plt_client_count(const plt_client_t *client);

#endif
