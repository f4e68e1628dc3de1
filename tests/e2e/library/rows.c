/* rows.c - tables of which some rows are stored: JOB-FILE DIR [NAME], NAME for the second one. Leaves in DIR what
 * exports of them are to hold, as the servers tell it: NAME.all (rows 0, 1, ...), NAME.keys and NAME.stored, numbers
 * without a header. */
#include <plateau.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 500, DIM = 3, STEPS = 30, PUSHED = 7, TABLES = 3 };

static plateau_t *job;

static void check(int status) {
  if (status == PLATEAU_OK) return;
  fprintf(stderr, "rows: %s\n", plateau_error());
  exit(1);
}

static uint64_t key_of(uint64_t t, uint64_t i) { return i * 64 + t * 7 % 64; }

static void push(void) {
  static uint64_t keys[PUSHED];
  static float gradient[PUSHED * DIM];
  uint64_t t = plateau_clock(job);
  for (uint64_t i = 0; i < PUSHED; i++) keys[i] = key_of(t, i);
  for (uint64_t i = 0; i < PUSHED * DIM; i++) gradient[i] = (float)((t * 31 + i * 17) % 13) - 6;
  plateau_push_t parts[] = {{.table = 0, .keys = keys, .n = PUSHED, .values = gradient},
                            {.table = 1, .keys = keys, .n = PUSHED, .values = gradient}};
  check(plateau_push(job, 0.05, parts, 2));
}

static void write_rows(const char *dir, const char *name, const char *kind, const void *what, size_t size, size_t n) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s.%s", dir, name, kind);
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(what, size, n, file) != n || fclose(file) != 0) exit(2);
}

static void write_table(const char *dir, const char *name, uint32_t table, const int *is_stored) {
  static uint64_t keys[ROWS];
  static float all[ROWS * DIM], stored[ROWS * DIM];
  size_t n = 0;
  for (uint64_t k = 0; k < ROWS; k++) keys[k] = k;
  check(plateau_pull(job, &(plateau_pull_t){table, keys, ROWS, all}, 1));
  write_rows(dir, name, "all", all, sizeof *all, ROWS * DIM);
  for (uint64_t k = 0; k < ROWS; k++) {
    if (!is_stored[k]) continue;
    for (int c = 0; c < DIM; c++) stored[n * DIM + (size_t)c] = all[k * DIM + (uint64_t)c];
    keys[n++] = k;
  }
  write_rows(dir, name, "keys", keys, sizeof *keys, n);
  write_rows(dir, name, "stored", stored, sizeof *stored, n * DIM);
}

/* Keys of any 64 bits, in ascending order. */
static uint64_t id_of(uint64_t i) { return UINT64_MAX / (PUSHED - 1) * i; }

static void write_ids(const char *dir, uint32_t table) {
  uint64_t keys[PUSHED];
  float rows[PUSHED * DIM], gradient[PUSHED * DIM];
  for (uint64_t i = 0; i < PUSHED; i++) keys[i] = id_of(i);
  for (int i = 0; i < PUSHED * DIM; i++) gradient[i] = (float)i;
  check(plateau_push(job, 0.05, &(plateau_push_t){table, 0, keys, PUSHED, gradient}, 1));
  check(plateau_pull(job, &(plateau_pull_t){table, keys, PUSHED, rows}, 1));
  write_rows(dir, "ids", "keys", keys, sizeof *keys, PUSHED);
  write_rows(dir, "ids", "stored", rows, sizeof *rows, PUSHED * DIM);
}

int main(int argc, char **argv) {
  static int pushed[ROWS], assigned[ROWS];
  static const char *names[TABLES] = {"moving", "still.keys.of", "given"};
  static const uint64_t given[2] = {3, ROWS - 1};
  static const float values[2 * DIM] = {1, 2, 3, -4, -5, -6};
  if (argc < 3) return 64;
  if (argc > 3) names[1] = argv[3];
  check(plateau_connect(&(plateau_options_t){.job_file = argv[1]}, &job));
  /* adam moves rows between their pushes; sgd does not */
  plateau_table_t specs[TABLES] = {{.init = PLATEAU_NORMAL, .scale = 0.1, .optimizer = "adam"},
                                   {.init = PLATEAU_UNIFORM, .scale = 0.5},
                                   {.init = PLATEAU_NORMAL, .scale = 1, .frozen = 1}};
  for (int i = 0; i < TABLES; i++) {
    specs[i].name = names[i];
    specs[i].rows = ROWS;
    specs[i].dim = DIM;
    check(plateau_declare(job, &specs[i], &(uint32_t){0}));
  }
  plateau_table_t ids = {.name = "ids", .dim = DIM, .init = PLATEAU_NORMAL, .scale = 1};
  check(plateau_declare_sparse(job, &ids, NULL, &(uint32_t){0}));
  check(plateau_assign(job, 2, given, 2, values));
  assigned[given[0]] = assigned[given[1]] = 1;
  for (uint64_t t = 0; t < STEPS; t++) {
    if (t == STEPS / 2) check(plateau_checkpoint(job));
    push();
    for (uint64_t i = 0; i < PUSHED; i++) pushed[key_of(t, i)] = 1;
  }
  write_ids(argv[2], 3);
  check(plateau_checkpoint(job));
  write_table(argv[2], names[0], 0, pushed);
  write_table(argv[2], names[1], 1, pushed);
  write_table(argv[2], names[2], 2, assigned);
  check(plateau_close(&job));
  return 0;
}
