/* beside.c - a program of MPI whose servers may be in its MPI_COMM_WORLD: each rank of its own is a worker.
 *
 *   mpicc beside.c -o beside $(pkg-config --cflags --libs plateau)
 *   mpirun -n 2 plateau serve DIR --mpmd file --workers 4 : -n 4 ./beside DIR      or --mpmd text and ./beside DIR text
 *
 * Workers talk over MPI, too: losses are added by MPI_Allreduce, which has to say what plateau_step() says, and rank 0
 * draws what is learnt. Prints a hash of the table. */
#include <mpi.h>
#include <plateau.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, DIM = 4, STEPS = 60, LEAVES = 8, COLOUR = 0 };

static plateau_t *job;

static void check(int status) {
  if (status == PLATEAU_OK) return;
  fprintf(stderr, "beside: %s\n", plateau_error());
  plateau_abandon(&job, plateau_error());
  MPI_Abort(MPI_COMM_WORLD, 3);
}

/* What the servers broadcast with --mpmd text. */
static char *receive_text(void) {
  struct {
    int bytes, rank;
  } teller = {0, 0};
  MPI_Allreduce(MPI_IN_PLACE, &teller, 1, MPI_2INT, MPI_MAXLOC, MPI_COMM_WORLD);
  char *text = calloc((size_t)teller.bytes + 1, 1);
  MPI_Bcast(text, teller.bytes, MPI_CHAR, teller.rank, MPI_COMM_WORLD);
  return text;
}

/* Pulls rows towards `goal`; leaf l has those of number l modulo LEAVES. */
static double gradients(uint64_t l, const float *rows, const float *goal, float *out) {
  double loss = 0;
  for (uint64_t i = 0; i < ROWS / LEAVES; i++)
    for (uint64_t c = 0; c < DIM; c++) {
      float gap = rows[(i * LEAVES + l) * DIM + c] - goal[(i * LEAVES + l) * DIM + c];
      out[i * DIM + c] = gap;
      loss += gap * gap / 2;
    }
  return loss;
}

static void train(MPI_Comm workers, uint32_t rank, uint32_t n) {
  static uint64_t all[ROWS], keys[LEAVES][ROWS / LEAVES];
  static float goal[ROWS * DIM], rows[ROWS * DIM], gradient[LEAVES][ROWS / LEAVES * DIM];
  uint64_t first = LEAVES * rank / n, leaves = LEAVES * (rank + 1) / n - first;
  for (uint64_t k = 0; k < ROWS; k++) all[k] = k, keys[k % LEAVES][k / LEAVES] = k;
  for (int i = 0; i < ROWS * DIM && rank == 0; i++) goal[i] = (float)(i * 37 % 101) / 101;
  MPI_Bcast(goal, ROWS * DIM, MPI_FLOAT, 0, workers);
  plateau_pull_t pull = {.keys = all, .n = ROWS, .values = rows};
  check(plateau_pull(job, &pull, 1));
  for (uint64_t t = plateau_clock(job); t < STEPS; t++) {
    plateau_push_t push[LEAVES] = {{0}};
    plateau_loss_t losses[LEAVES];
    double told, own = 0, sum;
    for (uint64_t l = 0; l < leaves; l++) {
      losses[l] = (plateau_loss_t){(uint32_t)(first + l), gradients(first + l, rows, goal, gradient[l])};
      push[l] = (plateau_push_t){0, losses[l].leaf, keys[first + l], ROWS / LEAVES, gradient[l]};
      own += losses[l].loss;
    }
    check(plateau_step(job, &(plateau_step_t){0.1, push, leaves, &pull, 1, losses, leaves}, &told));
    MPI_Allreduce(&own, &sum, 1, MPI_DOUBLE, MPI_SUM, workers);
    if (sum - told > 1e-9 * sum || told - sum > 1e-9 * sum) {
      fprintf(stderr, "beside: MPI adds losses to %.17g, plateau to %.17g\n", sum, told);
      MPI_Abort(MPI_COMM_WORLD, 4);
    }
    if (t == STEPS / 2) check(plateau_checkpoint(job));
  }
  uint64_t hash = 0;
  for (int i = 0; i < ROWS * DIM; i++) hash = hash * 1099511628211u ^ (uint64_t)(int64_t)(rows[i] * 0x1p40f);
  if (rank == 0) printf("tables %016llx\n", (unsigned long long)hash);
}

int main(int argc, char **argv) {
  MPI_Comm workers;
  int rank, n;
  char file[512], *text = NULL;
  if (argc < 2) return 64;
  MPI_Init(&argc, &argv);
  MPI_Comm_split(MPI_COMM_WORLD, COLOUR, 0, &workers); /* the servers do the same, with another colour */
  MPI_Comm_rank(workers, &rank);
  MPI_Comm_size(workers, &n);
  snprintf(file, sizeof file, "%s/job", argv[1]);
  if (argc > 2 && strcmp(argv[2], "text") == 0) text = receive_text();
  plateau_options_t options = {
      .job_file = text == NULL ? file : NULL, .job_text = text, .worker = (uint32_t)rank, .workers = (uint32_t)n};
  check(plateau_connect(&options, &job));
  free(text);
  plateau_table_t spec = {.name = "t", .rows = ROWS, .dim = DIM, .init = PLATEAU_NORMAL, .scale = 1};
  check(plateau_declare(job, &spec, &(uint32_t){0}));
  train(workers, (uint32_t)rank, (uint32_t)n);
  check(plateau_close(&job));
  MPI_Comm_free(&workers);
  MPI_Finalize();
  return 0;
}
