/* calibrate.h - what a step asks for and what it costs here: real batches of a job, through its own sampler, model,
 * client and server.
 *
 *   job ─▶ one server, one worker, threads of this process, over the job's transport
 *            ─▶ shares: a worker's part of a batch, whole, a half, a quarter ... down to one leaf
 *            ─▶ exchanges: empty, with pulls, with pushes, with each push twice
 *
 * What differs between the exchanges is what a row costs: the processor time of the worker's thread is the worker's,
 * all other of the process the server's, with what carries bytes. What a second copy of a push adds is bringing it and
 * summing it up; what the first one takes beyond that is the optimizer's step.
 *
 * Ownership  all is in the struct.
 * Threads    one caller; the roles of the job have their own meanwhile.
 * Units      *_s in seconds, *_bytes in bytes; rows and floats are counts.
 * Errors     calibrate: those of plt_embedded_run(). read: PLT_ERR_DATA of the file, PLT_ERR_USAGE if it is of another
 *            job; write: PLT_ERR_IO. */
#ifndef PLT_LAUNCH_SIZING_CALIBRATE_H
#define PLT_LAUNCH_SIZING_CALIBRATE_H

#include "common/io/json.h"
#include "launch/job/job.h"

enum { PLT_SHARES_MAX = 16 };

/* A worker's part of a step. */
typedef struct plt_share {
  double leaves;
  double sample_s, compute_s;
  double pull_rows, pull_floats; /* but those of frozen tables, which come once */
  double push_rows, push_floats;
} plt_worker_load_t;

typedef struct plt_calibration {
  char of[256]; /* what it is true of, for people */
  /* a step */
  double batches, samples, leaves; /* of an epoch, the last one as the part of a batch that it is; of a full batch */
  double exchanges;                /* per batch, the mean */
  double trained_floats;           /* of all tables that are pushed to */
  /* an exchange without rows: until its answer, of it the worker's processor, and on the wire */
  double idle_s, idle_worker_s, idle_out_bytes, idle_in_bytes;
  /* per float: bringing and summing a push at both ends, the optimizer's step, reading and bringing a pull */
  double push_worker_s, push_server_s, step_s, pull_worker_s, pull_server_s;
  double key_bytes, value_bytes; /* on the wire */
  size_t n;
  plt_worker_load_t share[PLT_SHARES_MAX]; /* from the whole batch to one leaf */
} plt_calibration_t;

/* What it would be true of; into out->of. */
void plt_calibration_name(const plt_job_t *job, plt_calibration_t *out);
/* Some seconds. The job is as it was afterwards; its relations are open. */
plt_status_t plt_calibrate(plt_job_t *job, plt_calibration_t *out);

/* An object of `to` under `key`; NULL: to itself. */
void plt_calibration_put(const plt_calibration_t *calibration, plt_json_t *to, const char *key);
plt_status_t plt_calibration_write(const plt_calibration_t *calibration, const char *path);
/* out->of says what it must be true of. */
plt_status_t plt_calibration_read(const char *path, plt_calibration_t *out);

#endif
