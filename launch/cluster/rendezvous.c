/* rendezvous.c - see rendezvous.h. */
#include "launch/cluster/rendezvous.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/mem.h"

/* The ranks of ours: what every call is about. */
static MPI_Comm ours = MPI_COMM_WORLD;

/* A number of tasks from the environment of a launcher, 0 if it is not there. */
static long tasks(const char *variable) {
  const char *text = getenv(variable);
  return text == NULL ? 0 : strtol(text, NULL, 10);
}

static bool is_launched(void) {
  static const char *const marks[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (getenv(marks[i]) != NULL) return true;
  return tasks("SLURM_STEP_NUM_TASKS") > 1;
}

#define OR_ALONE "; or, where every task is to be a run of its own or these variables are left over, with --alone"

/* srun starts tasks that know nothing of each other unless it serves PMIx; MPI_Init would end them with a page of
 * text each. */
static plt_status_t check_slurm(void) {
  if (tasks("SLURM_STEP_NUM_TASKS") <= 1 || getenv("PMIX_RANK") != NULL || getenv("OMPI_COMM_WORLD_SIZE") != NULL)
    return PLT_OK;
  return plt_fail(
      PLT_ERR_USAGE,
      "task %ld: this Slurm step has %ld tasks (SLURM_STEP_NUM_TASKS) that MPI cannot connect: start it with "
      "srun --mpi=pmix, or with mpirun inside the allocation" OR_ALONE,
      tasks("SLURM_PROCID"), tasks("SLURM_STEP_NUM_TASKS"));
}

/* One machine: the same boot of the same kernel. Containers of one machine may differ in host name only. */
static uint64_t machine_number(const char *host) {
  char boot[64] = "";
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (file != NULL) {
    if (fgets(boot, sizeof boot, file) == NULL) boot[0] = '\0';
    fclose(file);
  }
  return plt_hash64_text(plt_hash64_text(0, boot), host);
}

/* Where an ipc socket in /tmp can be seen: ranks in containers, or of services with a /tmp of their own, may share a
 * machine and not that. */
static uint64_t place_number(uint64_t machine) {
  struct stat about = {0};
  uint64_t numbers[3] = {machine, 0, 0};
  if (stat("/tmp", &about) == 0) numbers[1] = about.st_dev, numbers[2] = about.st_ino;
  return plt_hash64(0, numbers, sizeof numbers);
}

/* Numbers ranks by what is `mine` at each, in order of their first; returns how many there are. */
static int number_ranks(const plt_rendezvous_t *rv, uint64_t mine, int *of) {
  uint64_t *all = plt_mem_zalloc((size_t)rv->size, sizeof *all);
  int n = 0;
  plt_rendezvous_gather(rv, &mine, sizeof mine, all);
  for (int r = 0; r < rv->size; r++) {
    int first = 0;
    while (all[first] != all[r]) first++;
    of[r] = first == r ? n++ : of[first];
  }
  free(all);
  return n;
}

static void find_nodes(plt_rendezvous_t *rv) {
  uint64_t machine = machine_number(rv->host);
  rv->nodes = number_ranks(rv, machine, rv->node_of);
  rv->node = rv->node_of[rv->rank];
  rv->places = number_ranks(rv, place_number(machine), rv->place_of);
}

static plt_rendezvous_t *begin(void) {
  int provided;
  pid_t launcher = getppid();
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  plt_rendezvous_t *rv = plt_mem_zalloc(1, sizeof *rv);
  rv->launcher = launcher;
  return rv;
}

/* Where everybody is. */
static void look_around(plt_rendezvous_t *rv) {
  MPI_Comm_rank(ours, &rv->rank);
  MPI_Comm_size(ours, &rv->size);
  if (gethostname(rv->host, sizeof rv->host - 1) != 0) snprintf(rv->host, sizeof rv->host, "?");
  rv->node_of = plt_mem_zalloc((size_t)rv->size, sizeof *rv->node_of);
  rv->place_of = plt_mem_zalloc((size_t)rv->size, sizeof *rv->place_of);
  rv->hosts = plt_mem_zalloc((size_t)rv->size, sizeof *rv->hosts);
  plt_rendezvous_gather(rv, rv->host, sizeof rv->host, rv->hosts);
  find_nodes(rv);
}

plt_status_t plt_rendezvous_join(plt_rendezvous_t **out) {
  *out = NULL;
  if (!is_launched()) return PLT_OK;
  PLT_TRY(check_slurm());
  plt_rendezvous_t *rv = begin();
  MPI_Comm_size(MPI_COMM_WORLD, &rv->size);
  if (rv->size == 1) {
    MPI_Finalize();
    free(rv);
    if (tasks("SLURM_STEP_NUM_TASKS") > 1 || tasks("PMI_SIZE") > 1)
      return plt_fail(
          PLT_ERR_USAGE,
          "task %ld: this step has several tasks, but MPI sees only one: start it with the launcher of this "
          "MPI (mpirun, or srun --mpi=pmix)" OR_ALONE,
          tasks("SLURM_PROCID") + tasks("PMI_RANK"));
    return PLT_OK;
  }
  look_around(rv);
  *out = rv;
  return PLT_OK;
}

bool plt_rendezvous_has_others(void) { return tasks("OMPI_NUM_APP_CTX") > 1; }

plt_status_t plt_rendezvous_join_beside(plt_rendezvous_t **out) {
  int all;
  if (!is_launched())
    return plt_fail(PLT_ERR_USAGE, "there is no launcher and so no MPI_COMM_WORLD with another program in it");
  PLT_TRY(check_slurm());
  plt_rendezvous_t *rv = begin();
  MPI_Comm_size(MPI_COMM_WORLD, &all);
  MPI_Comm_split(MPI_COMM_WORLD, PLT_RENDEZVOUS_COLOUR, 0, &ours);
  look_around(rv);
  rv->beside = true;
  rv->spread = tasks("OMPI_COMM_WORLD_LOCAL_SIZE") != all;
  *out = rv;
  return PLT_OK;
}

void plt_rendezvous_tell_all(const plt_rendezvous_t *rv, const char *text) {
  struct {
    int bytes, rank;
  } teller = {0};
  if (rv->rank == 0) {
    teller.bytes = (int)strlen(text);
    MPI_Comm_rank(MPI_COMM_WORLD, &teller.rank);
  }
  MPI_Allreduce(MPI_IN_PLACE, &teller, 1, MPI_2INT, MPI_MAXLOC, MPI_COMM_WORLD);
  char *copy = plt_mem_zalloc((size_t)teller.bytes + 1, 1);
  if (rv->rank == 0) memcpy(copy, text, (size_t)teller.bytes);
  MPI_Bcast(copy, teller.bytes, MPI_CHAR, teller.rank, MPI_COMM_WORLD);
  explicit_bzero(copy, (size_t)teller.bytes);
  free(copy);
}

_Noreturn void plt_rendezvous_abort(int code) {
  MPI_Abort(MPI_COMM_WORLD, code);
  abort(); /* it does not return */
}

void plt_rendezvous_broadcast(plt_rendezvous_t *rv, void **bytes, size_t *n) {
  unsigned long length = rv->rank == 0 ? *n : 0;
  rv->has_broadcast = true;
  MPI_Bcast(&length, 1, MPI_UNSIGNED_LONG, 0, ours);
  if (rv->rank != 0) *bytes = plt_mem_alloc(length);
  MPI_Bcast(*bytes, (int)length, MPI_BYTE, 0, ours);
  *n = length;
}

plt_status_t plt_rendezvous_agree(const plt_rendezvous_t *rv, plt_status_t status) {
  plt_failure_t own = {0}, *all = plt_mem_zalloc((size_t)rv->size, sizeof *all);
  plt_failure_keep(&own, status);
  plt_rendezvous_gather(rv, &own, sizeof own, all);
  int r = 0;
  while (r < rv->size - 1 && all[r].status == PLT_OK) r++;
  status = plt_failure_restore(&all[r]);
  free(all);
  return status;
}

void plt_rendezvous_gather(const plt_rendezvous_t *rv, const void *record, size_t bytes, void *all) {
  (void)rv;
  MPI_Allgather(record, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, ours);
}

void plt_rendezvous_library(char *out, size_t bytes) {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = ""; /* a page with some, the name and version first */
  int length;
  MPI_Get_library_version(text, &length);
  text[strcspn(text, ",\n")] = '\0';
  snprintf(out, bytes, "%s", text);
}

void plt_rendezvous_leave(const plt_rendezvous_t *rv) {
  if (rv == NULL) return;
  if (rv->beside) MPI_Comm_free(&ours);
  MPI_Finalize();
}

void plt_rendezvous_destroy(plt_rendezvous_t **rv) {
  if (*rv == NULL) return;
  free((*rv)->node_of);
  free((*rv)->place_of);
  free((*rv)->hosts);
  free(*rv);
  *rv = NULL;
}
