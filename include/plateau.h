/* plateau.h - libplateau: rows of float32 on parameter servers, for training programs of your own, in C and C++.
 *
 *   plateau serve DIR --workers 2 --servers 3 &      servers: rows, optimizers, checkpoints; writes DIR/job
 *   ./train DIR/job 0 & ./train DIR/job 1            your program, twice: pulls rows, computes gradients, pushes them
 *
 * Each of W workers connects under a number of its own, declares the same tables in the same order, and then goes
 * round: push the gradients of step t, pull the rows of step t + 1, both in one message to each server (plateau_step).
 * Keys are row numbers or ids of your own, values lie row by row. docs/library.md has programs that train,
 * docs/from-ps-lite.md the same loop beside ps-lite's.
 *
 * Caveats
 *   - A worker that is silent for longer than the deadline (options, 120 s) while others wait for it ends their calls,
 *     and with them the job. It must be longer than what your program computes between two calls.
 *   - Gradients of a step are added, not averaged: divide by the size of your batch.
 *   - In bsp (the servers' default) the step of clock t is made when every worker has pushed it. A worker with nothing
 *     to push in a step still pushes, n_push 0. One that is through says so (plateau_close) and holds nobody back any
 *     more.
 *   - The same bits for any number of servers, always. For any number of workers only if the parts that are computed as
 *     if alone ("leaves", see plateau_push_t) are the same ones whoever computes them.
 *   - Rows are born on the servers when they are first asked for, from (seed, table's name, key), and stored once they
 *     were pushed or assigned. A table is refused unless the servers' memory could hold all its rows.
 *   - Keys are row numbers, or any 64-bit numbers (plateau_declare_sparse): never renumber ids only for this library.
 *   - After a failure that the servers may know of, or that left a call half done, the handle is spent: all calls
 *     return the same status with the same sentence, until plateau_close(). Which failures do not spend it is said at
 *     each call.
 *   - A worker that died can be replaced while the servers run, in bsp, by one that sets `rejoin`; else restart all
 *     from a checkpoint (plateau serve --resume). Whoever connects asks where the tables stand: plateau_clock().
 *   - The file that connects holds the job's secret, mode 0600. Who can read it can read and change your tables.
 *   - Memory: a call copies what it sends, once. If the system has no memory for that, the process is aborted with one
 *     line on stderr. The library prints nothing else, never exits, reads no environment, and installs no signal
 *     handler.
 *   - Not for the child of a fork: a handle is of the process that connected.
 *
 * Threads
 *   A handle is used by one thread at a time; several handles of one process are independent. plateau_cancel() alone
 *   may be called by any thread and from a signal handler. Sentences of failures (plateau_error) are per thread. Each
 *   handle has two threads of its own, for sockets, in which signals are blocked.
 *
 * Errors
 *   Calls that can fail return a plateau_status_t, PLATEAU_OK being 0, and then plateau_error() is a sentence that says
 *   what, where and what to do. Outputs are set only with PLATEAU_OK.
 *
 * Versions
 *   Functions have symbol versions (PLATEAU_0). Structs are zero-initialised, {0}: zero is every default. One that
 *   grows gets a new version of the functions that take it. Servers and workers of a job need the same plateau.
 *
 * License Apache-2.0. */
#ifndef PLATEAU_H
#define PLATEAU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PLATEAU_API __attribute__((visibility("default")))
#else
#define PLATEAU_API
#endif

/* ---- failures ---- */

/* Numbers do not change; new ones may come at the end. */
typedef enum plateau_status {
  PLATEAU_OK = 0,
  PLATEAU_USAGE = 1,    /* an argument is wrong, or a call at the wrong time; also what servers say of a declaration */
  PLATEAU_NAN = 2,      /* a value to be pushed or assigned is not finite; nothing was sent */
  PLATEAU_REFUSED = 3,  /* a server does not take a message: workers that do not agree, another version of plateau */
  PLATEAU_PEER = 4,     /* another worker gave up, or a server refuses the secret */
  PLATEAU_DEADLINE = 5, /* a server does not answer, or a worker that is waited for is silent */
  PLATEAU_CHECKPOINT = 6, /* no usable checkpoint, or a worker that cannot be replaced */
  PLATEAU_IO = 7,         /* a file or a disk, here or at a server */
  PLATEAU_SYSTEM = 8,     /* no sockets, no threads, no memory */
  PLATEAU_CANCELLED = 9,  /* plateau_cancel() */
  PLATEAU_BUG = 10        /* of the library: please tell us */
} plateau_status_t;

/* The sentence of the last call of this thread that failed; "" if none has. Valid until the next one fails. */
PLATEAU_API const char *plateau_error(void);
/* "deadline", say; "unknown" for a number that is none. */
PLATEAU_API const char *plateau_status_name(int status);
/* "0.1.0": of the library that runs. */
PLATEAU_API const char *plateau_version(void);

/* ---- the life of a worker ---- */

/* A worker of a job: from plateau_connect() to plateau_close(). */
typedef struct plateau plateau_t;

/* Read by plateau_connect() only: texts may go when it returns. */
typedef struct plateau_options {
  const char *job_file; /* what `plateau serve` wrote; is waited for until the deadline if it is not there yet */
  const char *job_text; /* or its content, where workers do not share a file system (MPI_Bcast it) */
  uint32_t worker;      /* the number of this one, from 0 */
  uint32_t workers;     /* how many you have started, to be checked; 0: as many as the servers want */
  double deadline_s;    /* seconds without a sign of life of a server, or of a worker that is waited for; 0: 120 */
  int rejoin; /* a worker with this number has died, this one takes its place (bsp); true also if none was there */
  int bf16;   /* values travel as bfloat16: half the bytes, 8 bits of mantissa */
} plateau_options_t;

/* Connects and greets all servers. The servers run with more than one worker: nobody waits for the others here.
 *   USAGE     options that cannot be; the number is taken, or no worker of this job; rejoin in ssp and asp
 *   PEER      the servers do not take the secret
 *   DEADLINE  no job file, or no answer
 *   CHECKPOINT  rejoin: the worker died in the middle of a push; the job ends, restart it from a checkpoint
 *   IO, REFUSED (not a job file), SYSTEM */
PLATEAU_API int plateau_connect(const plateau_options_t *options, plateau_t **job);

/* Waits for a checkpoint under way (worker 0), says goodbye, frees everything and sets *job to NULL; takes a NULL
 * there, too. After a failure the other workers are told of it, so that they do not wait for this one. Not PLATEAU_OK
 * only if that checkpoint was not made. Servers end when all workers have closed. */
PLATEAU_API int plateau_close(plateau_t **job);

/* The same of a worker that cannot go on: calls of the others fail with PLATEAU_PEER and `why`. Takes a NULL in
 * *job. */
PLATEAU_API void plateau_abandon(plateau_t **job, const char *why);

/* Ends the call that another thread is in, and spends the handle: PLATEAU_CANCELLED within a tenth of a second. Any
 * thread, also a signal handler, as long as the handle is not closed meanwhile. */
PLATEAU_API void plateau_cancel(plateau_t *job);

typedef enum plateau_consistency { PLATEAU_BSP = 0, PLATEAU_SSP = 1, PLATEAU_ASP = 2 } plateau_consistency_t;

typedef struct plateau_info {
  uint32_t worker, workers, servers;
  uint32_t consistency; /* plateau_consistency_t: as the servers were started */
  uint64_t staleness;   /* ssp: steps that a worker may be ahead of the slowest */
  uint64_t start;       /* the clock when this handle connected */
  uint32_t resumed;     /* the tables come from a checkpoint: do not assign initial values again */
} plateau_info_t;

PLATEAU_API void plateau_info(const plateau_t *job, plateau_info_t *info);

/* Steps that this worker has pushed, those before it rejoined and those in the checkpoint included: the number of the
 * next one. A program that makes step t a function of t alone goes on right here after any stop. */
PLATEAU_API uint64_t plateau_clock(const plateau_t *job);

/* ---- tables ---- */

typedef enum plateau_init {
  PLATEAU_ZERO = 0,
  PLATEAU_NORMAL = 1, /* scale: the standard deviation */
  PLATEAU_UNIFORM = 2 /* in (-scale, scale) */
} plateau_init_t;

/* Read by plateau_declare() only. */
typedef struct plateau_table {
  const char *name; /* letters, digits, _ - and . ; at most 63; another one for each table */
  uint64_t rows;    /* keys are 0 .. rows - 1; 0: plateau_declare_sparse() */
  uint32_t dim;     /* floats of a row, 2^24 at most */
  uint32_t init;    /* plateau_init_t */
  double scale;
  uint64_t seed;         /* of the births */
  const char *optimizer; /* sgd, momentum, adagrad, rowwise_adagrad, ftrl, adam, adamw, lazy_adam; NULL: sgd */
  const char *settings;  /* of the optimizer, "beta1=0.9 eps=1e-8", or as YAML, "beta1: 0.9\n"; NULL: its defaults */
  double lr_scale;       /* the step's learning rate is multiplied by it for this table; 0: by 1 */
  int frozen;            /* takes no push, only plateau_assign() */
} plateau_table_t;

/* Every worker declares the same tables in the same order, before its first step; *table is the number by which calls
 * name it, 0, 1, ... After a resume, or by a worker that rejoins, the same again: the rows are there then. May wait
 * until rows of a checkpoint are read. Settings: docs/optimizers.md, `plateau help optimizers NAME`. USAGE does not
 * spend the handle; declare it again, right. REFUSED: another worker has declared it differently. */
PLATEAU_API int plateau_declare(plateau_t *job, const plateau_table_t *spec, uint32_t *table);

/* Ids as they come: rows under any 64-bit keys. Zeros: every row is stored from its first push on, and stays. */
typedef struct plateau_sparse {
  uint32_t admit_pushes; /* a row is stored at this push of it, one a step, 2^24 at most; 0, 1: at the first */
  double admit_share;    /* or at any push, with this probability, drawn from (seed, name, key, step); 0: 1 */
  uint64_t max_age;      /* a row that more than so many steps have not pushed is forgotten; 0: none is */
  uint64_t max_rows;     /* of the whole table, at least 1024: those that were pushed longest ago go; 0: no bound */
} plateau_sparse_t;

/* plateau_declare() of a table whose rows are not numbered: spec.rows is 0, and keys are any 64-bit numbers. One that
 * is not stored is read as it is born, and so is one that was forgotten. Which rows a table holds depends on its steps
 * alone: not on the number of servers or workers, nor on restarts (bsp). max_rows is kept in 1024 parts, by a hash of
 * the key: a part with more than a 1024th is left, after the step, with the seven eighths that were pushed last. sparse
 * may be NULL: zeros. Without max_rows a table grows until a server's memory is full; the push that is one too many is
 * REFUSED: go on from a checkpoint, with more servers or a bound. For at most 1024 servers, and for optimizers whose
 * sweep is lazy. USAGE, REFUSED: as plateau_declare(). docs/methods/sparse-ids.md. */
PLATEAU_API int plateau_declare_sparse(plateau_t *job, const plateau_table_t *spec, const plateau_sparse_t *sparse,
                                       uint32_t *table);

/* Sets rows, and clears what the optimizer keeps of them: for initial values of your own. keys [n] ascend strictly,
 * values [n, dim]. Worker 0, say, and then all call plateau_barrier(). USAGE and NAN do not spend the handle. */
PLATEAU_API int plateau_assign(plateau_t *job, uint32_t table, const uint64_t *keys, size_t n, const float *values);

/* ---- rows ---- */

/* Gradients of some rows of a table, those of one leaf.
 *
 * A leaf is a part of a step's samples that is computed as if alone. The servers add the leaves of a step, of all
 * workers, by a binary tree over their numbers: leaf 0 to 1, 2 to 3, then the sums. So the bits do not depend on who
 * computed which, nor on who came first. No two workers may push the same leaf in one step, and no worker one twice per
 * table. Simple: one leaf per worker, leaf = worker: the same bits for any number of servers. Better: a fixed number of
 * leaves, 8, say, of which worker w takes 8w/W .. 8(w+1)/W - 1: the same bits for any number of workers from 1 to 8,
 * too. */
typedef struct plateau_push {
  uint32_t table, leaf;
  const uint64_t *keys; /* [n], ascending strictly: one entry per row (plateau_distinct) */
  size_t n;
  const float *values; /* [n, dim] */
} plateau_push_t;

typedef struct plateau_pull {
  uint32_t table;
  const uint64_t *keys; /* [n], ascending strictly */
  size_t n;             /* 0 is fine */
  float *values;        /* [n, dim], filled */
} plateau_pull_t;

typedef struct plateau_loss {
  uint32_t leaf;
  double loss;
} plateau_loss_t;

typedef struct plateau_step {
  double lr;                  /* learning rate of this step; bsp: the same at all workers */
  const plateau_push_t *push; /* n_push, in any order */
  size_t n_push;
  const plateau_pull_t *pull; /* n_pull, each of another table; n_push + n_pull <= 1024 */
  size_t n_pull;
  const plateau_loss_t *losses; /* n_losses <= 64; leaves of one step, each once; may be left out */
  size_t n_losses;
} plateau_step_t;

/* Rows as they are at this worker's clock, before its next push: what the first step computes with, or an evaluation.
 * Any number of rows: large requests are cut. bsp: all workers get the rows of the same step. ssp, asp: waits while
 * this worker is too far ahead. USAGE does not spend the handle. */
PLATEAU_API int plateau_pull(plateau_t *job, const plateau_pull_t *pull, size_t n);

/* Pushes step t and pulls the rows of step t + 1; returns when they are here. plateau_clock() is t + 1 then.
 * *loss (may be NULL): bsp: the losses of all workers' leaves, added by the tree; else those given here.
 * USAGE and NAN (the sentence names table and row) do not spend the handle, and nothing was pushed then. */
PLATEAU_API int plateau_step(plateau_t *job, const plateau_step_t *step, double *loss);

/* The same in two halves, to compute in between. Until plateau_wait() returns, keys and values of pulls must stay as
 * they are, and no call but plateau_clock(), plateau_info(), plateau_cancel(), plateau_close() and plateau_abandon() is
 * allowed; what was pushed is copied. */
PLATEAU_API int plateau_begin(plateau_t *job, const plateau_step_t *step);
PLATEAU_API int plateau_wait(plateau_t *job, double *loss);

/* A step without a pull. */
PLATEAU_API int plateau_push(plateau_t *job, double lr, const plateau_push_t *push, size_t n);

/* Sorts keys [n] and drops repeated ones, in place; place[i] is where the i-th key given is now. Returns how many are
 * left. No handle, no failure. n < 2^32. */
PLATEAU_API size_t plateau_distinct(uint64_t *keys, size_t n, uint32_t *place);

/* ---- all workers together ---- */

/* Adds values [n] over the workers, in the order of their numbers, in place: the same bits at all. All call it, in the
 * same order among their sums and barriers. n <= 2^24. USAGE does not spend the handle. */
PLATEAU_API int plateau_sum(plateau_t *job, double *values, size_t n);
/* Returns when all workers have called it. */
PLATEAU_API int plateau_barrier(plateau_t *job);

/* Orders a checkpoint of all tables as they are at this clock, with their optimizers' state. All workers call it at the
 * same clock. It returns at once (bsp: others do nothing; ssp, asp: it is a barrier): the servers write while training
 * goes on, and worker 0 makes it known in one of its later calls. One at a time: ordering waits for the one before. A
 * worker 0 that dies meanwhile leaves the checkpoint before as the newest. IO: a disk at a server, said by a later call
 * too. */
PLATEAU_API int plateau_checkpoint(plateau_t *job);
/* Worker 0: waits until the last one ordered is complete on disk; *clock (may be NULL) is its clock. Others:
 * returns. */
PLATEAU_API int plateau_checkpoint_wait(plateau_t *job, uint64_t *clock);

#ifdef __cplusplus
}
#endif
#endif
