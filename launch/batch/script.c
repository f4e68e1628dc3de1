/* script.c - see script.h. */
#include "launch/batch/script.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "launch/host/self.h"

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

void plt_shell_word(const char *text, FILE *out) {
  if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
    fputs(text, out);
    return;
  }
  fputc('\'', out);
  for (; *text != '\0'; text++) *text == '\'' ? fputs("'\\''", out) : fputc(*text, out);
  fputc('\'', out);
}

static void print_words(const plt_batch_job_t *batch, FILE *out) {
  for (size_t i = 0; i < batch->n_words; i++) {
    fputc(' ', out);
    plt_shell_word(batch->words[i], out);
  }
}

/* ---- Slurm ---- */

/* --key=value, as sbatch reads it: quoted where it must be. NULL: not given. */
static plt_status_t print_directive(const char *key, const char *value, FILE *out) {
  if (value == NULL) return PLT_OK;
  if (value[0] == '\0' || strpbrk(value, "\n\r\"\\") != NULL)
    return plt_fail(PLT_ERR_USAGE, "--%s cannot stand in a line of #SBATCH: no quotes, backslashes, line ends", key);
  const char *quote = value[strspn(value, plain)] == '\0' ? "" : "\"";
  fprintf(out, "#SBATCH --%s=%s%s%s\n", key, quote, value, quote);
  return PLT_OK;
}

static plt_status_t print_directives(const plt_batch_job_t *batch, const char *here, FILE *out) {
  char output[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(here, batch->output, output));
  PLT_TRY(print_directive("job-name", batch->name, out));
  if (batch->trials != NULL)
    fprintf(out, "#SBATCH --array=0-%zu\n#SBATCH --ntasks=1\n", batch->n_trials - 1);
  else
    fprintf(out, "#SBATCH --nodes=%u\n#SBATCH --ntasks-per-node=%u\n", batch->nodes, batch->ranks_per_node);
  if (batch->cpus_per_rank > 0) fprintf(out, "#SBATCH --cpus-per-task=%u\n", batch->cpus_per_rank);
  PLT_TRY(print_directive("time", batch->time, out));
  PLT_TRY(print_directive("partition", batch->partition, out));
  PLT_TRY(print_directive("account", batch->account, out));
  PLT_TRY(print_directive("output", output, out));
  fprintf(out,
          "#SBATCH --requeue\n"
          "#SBATCH --open-mode=append\n"
          "# The batch shell gets USR1 so many seconds before the limit; Slurm is up to a minute early or late.\n"
          "#SBATCH --signal=B:USR1@%u\n",
          batch->grace_s);
  return PLT_OK;
}

/* $plateau and $run. */
static plt_status_t print_places(const plt_batch_job_t *batch, const char *here, FILE *out) {
  char self[PLT_PATH_MAX];
  PLT_TRY(plt_self_path(self));
  fputs("set -euo pipefail\ncd ", out);
  plt_shell_word(here, out);
  fputs("\nplateau=", out);
  plt_shell_word(self, out);
  fputs("\nplateau=${PLATEAU:-$plateau}\n", out);
  if (batch->trials != NULL) {
    fputs("runs=(", out);
    for (size_t i = 0; i < batch->n_trials; i++) {
      if (i > 0) fputc(' ', out);
      plt_shell_word(batch->trials[i], out);
    }
    fputs(")\nrun=${runs[SLURM_ARRAY_TASK_ID]}\n", out);
  } else if (batch->run_dir != NULL) {
    fputs("run=", out);
    plt_shell_word(batch->run_dir, out);
    fputc('\n', out);
  } else {
    fputs("run=runs/", out);
    plt_shell_word(batch->name, out);
    fputs("-$SLURM_JOB_ID\n", out);
  }
  return PLT_OK;
}

static void print_command(const plt_batch_job_t *batch, FILE *out) {
  fputs(
      "\n# In the background: a shell that waits for a command in the foreground does not run its trap.\n"
      "job=''\n"
      "trap '[[ -z $job ]] || kill -USR1 \"$job\" 2>/dev/null || true' USR1 TERM\n",
      out);
  /* The number of processors is said again: since Slurm 22.05 srun does not take it from sbatch. */
  if (batch->trials == NULL) fprintf(out, "srun --mpi=pmix --cpus-per-task=%u --cpu-bind=cores ", batch->cpus_per_rank);
  fputs("\"$plateau\"", out);
  print_words(batch, out);
  fputs(batch->trials != NULL ? " --trial \"$SLURM_ARRAY_TASK_ID\"" : " --set \"run.dir=$run\" --resume --quiet", out);
  fputs(" &\njob=$!\n", out);
}

static void print_end(const plt_batch_job_t *batch, FILE *out) {
  fputs(
      "# wait returns early at every trapped signal.\n"
      "while true; do\n"
      "  code=0\n"
      "  wait \"$job\" || code=$?\n"
      "  kill -0 \"$job\" 2>/dev/null || break\n"
      "done\n"
      "\n"
      "# 75: stopped by request, or a node was lost; 137: killed. Anything else would happen again; and so would what\n"
      "# ends like this many times without a newer checkpoint: want of memory, say.\n"
      "if ((code == 75 || code == 137)); then\n"
      "  newest=$(readlink \"$run/checkpoints/last\" || true)\n"
      "  before='' times=0\n"
      "  [[ ! -e $run/requeued.txt ]] || read -r times before <\"$run/requeued.txt\" || true\n"
      "  [[ ${newest:-none} == \"$before\" ]] && times=$((times + 1)) || times=1\n"
      "  [[ ! -d $run ]] || echo \"$times ${newest:-none}\" >\"$run/requeued.txt\"\n"
      "  if ((times > ${PLATEAU_REQUEUES:-5})); then\n"
      "    echo \"plateau: exit code $code for the ${times}th time without a newer checkpoint than ${newest:-none}:"
      " not requeued\" >&2\n"
      "    exit 69\n"
      "  fi\n"
      "  echo \"plateau: requeued after exit code $code, restart ${SLURM_RESTART_COUNT:-0}\"\n",
      out);
  /* The number of a task's own job may be that of the array, which would begin all of it again. */
  fprintf(out, "  scontrol requeue \"%s\"\nfi\nexit \"$code\"\n",
          batch->trials != NULL ? "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" : "$SLURM_JOB_ID");
}

static plt_status_t print_script(const plt_batch_job_t *batch, FILE *out) {
  char here[PLT_PATH_MAX];
  if (getcwd(here, sizeof here) == NULL) return plt_fail_errno(PLT_ERR_IO, "the working directory");
  fprintf(out, "#!/usr/bin/env bash\n# %s\n", batch->about);
  PLT_TRY(print_directives(batch, here, out));
  PLT_TRY(print_places(batch, here, out));
  print_command(batch, out);
  print_end(batch, out);
  return PLT_OK;
}

plt_status_t plt_batch_slurm(const plt_batch_job_t *batch, FILE *out) {
  char *text; /* half a script is none */
  size_t bytes;
  FILE *script = open_memstream(&text, &bytes);
  plt_status_t status = print_script(batch, script);
  fclose(script);
  if (status == PLT_OK) fputs(text, out);
  free(text);
  return status;
}

/* ---- mpirun ---- */

/* "a,b" as mpirun wants it, with the ranks that each has: "a:4,b:4". */
static void print_hosts(const plt_batch_job_t *batch, FILE *out) {
  fputs(" --host ", out);
  char *text;
  size_t bytes;
  FILE *list = open_memstream(&text, &bytes);
  for (const char *at = batch->hosts; *at != '\0';) {
    const size_t length = strcspn(at, ",");
    fprintf(list, "%.*s:%u%s", (int)length, at, batch->ranks_per_node, at[length] == ',' ? "," : "");
    at += length + (at[length] == ',');
  }
  fclose(list);
  plt_shell_word(text, out);
  free(text);
}

plt_status_t plt_batch_mpirun(const plt_batch_job_t *batch, FILE *out) {
  char self[PLT_PATH_MAX];
  PLT_TRY(plt_self_path(self));
  fprintf(out, "mpirun -n %u --map-by ppr:%u:node:PE=%u --bind-to core", batch->nodes * batch->ranks_per_node,
          batch->ranks_per_node, batch->cpus_per_rank);
  if (batch->hosts != NULL) print_hosts(batch, out);
  fputc(' ', out);
  plt_shell_word(self, out);
  print_words(batch, out);
  fputc('\n', out);
  return PLT_OK;
}
