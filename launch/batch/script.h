/* script.h - jobs of batch systems as text: sbatch scripts that outlive their time limit, commands of mpirun.
 *
 * A script asks for USR1 before its limit, hands it on, and asks to be queued again when plateau ended with 75 (a
 * checkpoint was made) or was killed (137), but not for ever: PLATEAU_REQUEUES times without a newer checkpoint.
 *
 * Ownership  all texts are the caller's, and stay until the call returns.
 * Threads    any.
 * Errors     PLT_ERR_USAGE: a value that no line of #SBATCH can hold. PLT_ERR_IO: no working directory, no /proc. */
#ifndef PLT_LAUNCH_BATCH_SCRIPT_H
#define PLT_LAUNCH_BATCH_SCRIPT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/status.h"

typedef struct plt_batch {
  const char *about;                             /* a line for who reads the script */
  const char *name;                              /* of the job */
  uint32_t nodes, ranks_per_node, cpus_per_rank; /* cpus_per_rank 0: as the cluster has it */
  const char *const *words;                      /* [n_words] behind the program's name, as they are */
  size_t n_words;
  /* Of Slurm: */
  const char *time, *partition, *account; /* NULL: as the cluster has it */
  uint32_t grace_s;                       /* the signal comes so long before the limit */
  const char *output;                     /* a pattern of Slurm */
  const char *const *trials;              /* [n_trials] run directories of an array, a task each; or NULL */
  size_t n_trials;
  const char *run_dir; /* of a job without an array; NULL: runs/NAME-<number of the job> */
  /* Of mpirun: */
  const char *hosts; /* "a,b"; NULL: the machines that mpirun finds */
} plt_batch_job_t;

/* A script for sbatch. A task of an array runs the words and `--trial NUMBER`, as one process; else ranks run the words
 * and what names the run directory. */
plt_status_t plt_batch_slurm(const plt_batch_job_t *batch, FILE *out);
/* One command. */
plt_status_t plt_batch_mpirun(const plt_batch_job_t *batch, FILE *out);
/* `text` as one word of a shell. */
void plt_shell_word(const char *text, FILE *out);

#endif
