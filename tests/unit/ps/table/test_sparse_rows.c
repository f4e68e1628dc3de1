/* Rows under 64-bit keys, against a twin that keeps a list of all keys and goes through it after every step: which rows
 * are stored, what they are, on any number of servers, through images and restarts. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "proto/shard.h"
#include "ps/optimizers/registry.h"
#include "ps/table/image.h"

enum { KEYS = 400, COLS = 3, STEPS = 160, SERVERS_MAX = 5, BUCKETS = 1024, AT_ONCE = 4096 };

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(4, "sparse", 0), a, b, 0, 0).word[0]; }

/* The end of splitmix64, written again. */
static uint32_t bucket_of(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ (z >> 31)) >> 54);
}

static int ascending(const void *x, const void *y) {
  uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
  return a < b ? -1 : a > b;
}

/* KEYS keys of few buckets, the largest and the smallest one among them. */
static const uint64_t *make_keys(void) {
  static uint64_t keys[KEYS];
  if (keys[KEYS - 1] != 0) return keys;
  keys[1] = UINT64_MAX;
  uint32_t n = 0;
  for (size_t i = 2; i < KEYS; n++) { /* of every size */
    uint64_t key = ((uint64_t)draw(n, 0) << 32 | draw(n, 1)) >> (n % 50);
    bool is_new = bucket_of(key) < 16;
    for (size_t j = 0; j < i && is_new; j++) is_new = keys[j] != key;
    if (is_new) keys[i++] = key;
  }
  qsort(keys, KEYS, sizeof *keys, ascending);
  for (size_t i = 1; i < KEYS; i++) cr_assert_neq(keys[i], keys[i - 1]);
  return keys;
}

static plt_table_spec_t spec_of(plt_sparse_keys_t rule) {
  plt_table_spec_t spec = {
      .name = "ids", .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}, .seed = 7, .optimizer = "sgd", .sparse = rule};
  spec.sparse.declared = true;
  return spec;
}

/* ---- a table on several servers ---- */

typedef struct job {
  uint32_t servers;
  plt_table_t *tables[SERVERS_MAX];
} job_t;

static job_t job_create(const plt_table_spec_t *spec, uint32_t servers) {
  job_t job = {.servers = servers};
  for (uint32_t s = 0; s < servers; s++)
    cr_assert_eq(plt_table_create(spec, s, servers, &job.tables[s]), PLT_OK, "%s", plt_fail_text());
  return job;
}

static void job_destroy(job_t *job) {
  for (uint32_t s = 0; s < job->servers; s++) plt_table_destroy(&job->tables[s]);
}

static bool is_pushed(uint32_t t, size_t i) {
  /* Some keys often, most now and then, and in waves, so that rows grow old and come again. */
  uint32_t often = i % 7 == 0 ? 2 : t / 20 % 3 == i % 3 ? 6 : 60;
  return draw(t, (uint32_t)i) % often == 0;
}

static float gradient_of(uint32_t t, size_t i, uint32_t c) {
  return (float)plt_rng_unit(draw(t * 8 + c + 1, (uint32_t)i)) - 0.5f;
}

static void job_step(job_t *job, uint32_t t) {
  static uint64_t keys[KEYS];
  static float values[KEYS][COLS];
  const uint64_t *all = make_keys();
  for (uint32_t s = 0; s < job->servers; s++) {
    size_t n = 0;
    for (size_t i = 0; i < KEYS; i++) {
      if (bucket_of(all[i]) % job->servers != s || !is_pushed(t, i)) continue;
      for (uint32_t c = 0; c < COLS; c++) values[n][c] = gradient_of(t, i, c);
      keys[n++] = all[i];
    }
    cr_assert_eq(plt_table_check_keys(job->tables[s], keys, n), PLT_OK, "%s", plt_fail_text());
    plt_table_step(job->tables[s], 0.1, (plt_rows_t){keys, values, n});
  }
}

/* ---- the twin ---- */

typedef struct twin_row {
  bool stored, counted;
  uint64_t last, count_last;
  uint32_t count;
  float value[COLS];
} twin_row_t;

typedef struct twin {
  plt_table_spec_t spec;
  twin_row_t row[KEYS];
} twin_t;

static void forget_old(twin_t *twin, uint64_t t) {
  uint64_t age = twin->spec.sparse.max_age;
  for (size_t i = 0; i < KEYS && age > 0; i++) {
    twin_row_t *row = &twin->row[i];
    if (row->stored && t - row->last > age) row->stored = false;
    if (row->counted && t - row->count_last > age) row->counted = false;
  }
}

/* The one that goes first of a bucket's rows or counts; KEYS: there is none. */
static size_t first_to_go(const twin_t *twin, uint32_t bucket, bool counts, size_t *n) {
  size_t first = KEYS;
  *n = 0;
  for (size_t i = 0; i < KEYS; i++) {
    const twin_row_t *row = &twin->row[i], *least = &twin->row[first % KEYS];
    if (bucket_of(make_keys()[i]) != bucket || !(counts ? row->counted : row->stored)) continue;
    ++*n;
    if (first == KEYS || (counts ? row->count_last < least->count_last : row->last < least->last)) first = i;
  }
  return first;
}

static void bound(twin_t *twin) {
  size_t most = (size_t)twin->spec.sparse.max_rows / BUCKETS, n;
  const uint32_t of_largest = bucket_of(UINT64_MAX);
  for (uint32_t i = 0; i < 17 && most > 0; i++) {
    uint32_t bucket = i < 16 ? i : of_largest;
    for (int counts = 0; counts < 2; counts++) {
      first_to_go(twin, bucket, counts, &n);
      if (n <= most) continue;
      while (true) {
        size_t first = first_to_go(twin, bucket, counts, &n);
        if (n <= most - most / 8) break;
        if (counts)
          twin->row[first].counted = false;
        else
          twin->row[first].stored = false;
      }
    }
  }
}

static bool twin_admits(twin_t *twin, size_t i, uint64_t t) {
  const plt_sparse_keys_t *rule = &twin->spec.sparse;
  twin_row_t *row = &twin->row[i];
  uint64_t key = make_keys()[i];
  if (rule->admit_share > 0) {
    plt_rng_block_t block =
        plt_rng_draw(plt_rng_key(7, "admit ids", 0), (uint32_t)key, (uint32_t)(key >> 32), (uint32_t)t, 0);
    return plt_rng_unit(block.word[0]) < rule->admit_share;
  }
  row->count = row->counted ? row->count + 1 : 1;
  row->counted = row->count < rule->admit_pushes;
  row->count_last = t;
  return !row->counted;
}

static void twin_step(twin_t *twin, uint32_t t) {
  for (size_t i = 0; i < KEYS; i++) {
    twin_row_t *row = &twin->row[i];
    if (!is_pushed(t, i)) continue;
    if (!row->stored && !twin_admits(twin, i, t)) continue;
    if (!row->stored) plt_table_spec_birth(&twin->spec, 0, make_keys()[i], row->value);
    row->stored = true;
    row->last = t;
    for (uint32_t c = 0; c < COLS; c++) row->value[c] -= 0.1f * gradient_of(t, i, c);
  }
  forget_old(twin, t);
  bound(twin);
}

static size_t expect_twin(job_t *job, const twin_t *twin, uint32_t t, const char *what) {
  size_t stored = 0, there = 0;
  for (size_t i = 0; i < KEYS; i++) {
    uint64_t key = make_keys()[i];
    plt_table_t *table = job->tables[bucket_of(key) % job->servers];
    float got[COLS], want[COLS];
    plt_table_read(table, &key, 1, got);
    memcpy(want, twin->row[i].value, sizeof want);
    if (!twin->row[i].stored) plt_table_spec_birth(&twin->spec, 0, key, want);
    cr_assert_arr_eq(got, want, sizeof got, "%s, %u servers: key %llu after step %u is %g, not %g", what, job->servers,
                     (unsigned long long)key, t, (double)got[0], (double)want[0]);
    cr_assert_eq(plt_table_missing(table, &key, 1), !twin->row[i].stored, "%s: key %llu after step %u", what,
                 (unsigned long long)key, t);
    stored += twin->row[i].stored;
  }
  for (uint32_t s = 0; s < job->servers; s++) there += plt_table_stored(job->tables[s]);
  cr_assert_geq(there, stored, "%s", what); /* with old ones whose memory is not given back yet */
  return stored;
}

/* All rows of a job into another with other servers, by images. */
typedef struct move {
  uint32_t from, to; /* servers */
  plt_image_t *images[SERVERS_MAX];
  job_t job;
  size_t rows;
} move_t;

static void *sweep(void *argument) {
  static uint64_t keys[AT_ONCE], last[AT_ONCE];
  static float values[AT_ONCE * COLS], state[AT_ONCE];
  move_t *move = argument;
  for (uint32_t s = 0; s < move->from; s++) {
    plt_image_t *image = move->images[s], *counted = plt_image_counted(image);
    size_t n;
    while ((n = plt_image_sweep(image, AT_ONCE, keys, last, values, state)) > 0) {
      for (uint32_t d = 0; d < move->to; d++) plt_table_restore_rows(move->job.tables[d], n, keys, last, values, state);
      move->rows += n;
    }
    while (counted != NULL && (n = plt_image_sweep(counted, AT_ONCE, keys, last, values, state)) > 0)
      for (uint32_t d = 0; d < move->to; d++) plt_table_restore_counts(move->job.tables[d], n, keys, last, values);
    for (uint32_t d = 0; d < move->to; d++) plt_table_restore_state(move->job.tables[d], plt_image_state(image));
    plt_image_swept(image);
  }
  return NULL;
}

/* The images are swept by a thread while steps go on, in which rows come and go. They have no more rows than are
 * stored. */
static job_t move_to(uint32_t servers, job_t *from, const plt_table_spec_t *spec, uint32_t t, size_t stored) {
  enum { MORE = 10 };
  pthread_t thread;
  move_t move = {.from = from->servers, .to = servers, .job = job_create(spec, servers)};
  for (uint32_t s = 0; s < from->servers; s++) move.images[s] = plt_table_image(from->tables[s]);
  cr_assert_eq(pthread_create(&thread, NULL, sweep, &move), 0);
  for (uint32_t i = 1; i <= MORE; i++) job_step(from, t + i);
  pthread_join(thread, NULL);
  for (uint32_t s = 0; s < from->servers; s++) plt_image_release(&move.images[s]);
  cr_assert_eq(move.rows, stored, "images of %zu rows", move.rows);
  return move.job;
}

static size_t go_along(plt_sparse_keys_t rule, const char *what) {
  size_t most = 0;
  for (uint32_t servers = 1; servers <= 3; servers += 2) {
    static twin_t twin;
    twin = (twin_t){.spec = spec_of(rule)};
    job_t job = job_create(&twin.spec, servers);
    for (uint32_t t = 1; t <= STEPS; t++) {
      job_step(&job, t);
      twin_step(&twin, t);
      size_t stored = expect_twin(&job, &twin, t, what);
      if (stored > most) most = stored;
      if (t % 40 != 0) continue;
      job_t moved = move_to(job.servers == 1 ? 5 : 2, &job, &twin.spec, t, stored);
      job_destroy(&job);
      job = moved;
      expect_twin(&job, &twin, t, what);
    }
    size_t bytes = plt_table_bytes(job.tables[0]);
    cr_assert_gt(bytes, plt_table_stored(job.tables[0]) * COLS * sizeof(float));
    plt_table_reset(job.tables[0], 0);
    cr_assert_eq(plt_table_stored(job.tables[0]), 0);
    job_destroy(&job);
  }
  return most;
}

Test(sparse_rows, are_those_of_a_list_of_all_keys) {
  size_t all = go_along((plt_sparse_keys_t){0}, "all");
  cr_assert_gt(all, KEYS * 9 / 10);
  cr_assert_lt(go_along((plt_sparse_keys_t){.admit_pushes = 4}, "the fourth push"), all);
  cr_assert_lt(go_along((plt_sparse_keys_t){.admit_share = 0.1}, "one in ten"), all);
  cr_assert_lt(go_along((plt_sparse_keys_t){.max_age = 9}, "not older than nine"), all);
  /* Sixteen buckets, and that of the largest key. */
  cr_assert_leq(go_along((plt_sparse_keys_t){.max_rows = 8 * BUCKETS + 5}, "eight of a bucket"), 8 * 17);
  cr_assert_leq(go_along((plt_sparse_keys_t){.max_rows = BUCKETS}, "one of a bucket"), 17);
  go_along((plt_sparse_keys_t){.admit_pushes = 3, .max_age = 20, .max_rows = 10 * BUCKETS}, "counted, bounded, aged");
  go_along((plt_sparse_keys_t){.admit_share = 0.2, .max_age = 12, .max_rows = 9 * BUCKETS}, "drawn, bounded, aged");
}

/* Where nothing is refused or forgotten, a table with sparse keys is one with row numbers. */
Test(sparse_rows, have_the_bits_of_numbered_ones) {
  for (size_t o = 0; plt_optimizers[o] != NULL; o++) {
    plt_table_spec_t numbered = spec_of((plt_sparse_keys_t){0});
    snprintf(numbered.optimizer, sizeof numbered.optimizer, "%s", plt_optimizers[o]->name);
    if (strcmp(plt_optimizers[o]->name, "adamw") == 0) strcpy(numbered.settings, "weight_decay: 0.1\n");
    plt_table_spec_t sparse = numbered;
    numbered.sparse = (plt_sparse_keys_t){0};
    numbered.rows = KEYS;
    plt_table_t *a, *b;
    cr_assert_eq(plt_table_create(&numbered, 0, 1, &a), PLT_OK, "%s", plt_fail_text());
    cr_assert_eq(plt_table_create(&sparse, 0, 1, &b), PLT_OK, "%s", plt_fail_text());
    for (uint32_t t = 1; t <= 40; t++) {
      uint64_t keys[KEYS];
      float values[KEYS][COLS], x[KEYS][COLS], y[KEYS][COLS];
      size_t n = 0;
      for (uint64_t i = 0; i < KEYS; i++) {
        if (!is_pushed(t, i)) continue;
        for (uint32_t c = 0; c < COLS; c++) values[n][c] = gradient_of(t, i, c);
        keys[n++] = i;
      }
      plt_table_step(a, t % 5 == 0 ? 0.02 : 0.01, (plt_rows_t){keys, values, n});
      plt_table_step(b, t % 5 == 0 ? 0.02 : 0.01, (plt_rows_t){keys, values, n});
      for (uint64_t i = 0; i < KEYS; i++) keys[i] = i;
      plt_table_read(a, keys, KEYS, x[0]);
      plt_table_read(b, keys, KEYS, y[0]);
      cr_assert_arr_eq(x, y, sizeof x, "%s, step %u", plt_optimizers[o]->name, t);
    }
    plt_table_destroy(&a);
    plt_table_destroy(&b);
  }
}

/* Assigned rows are stored whatever the rule of admission, and are as young as a pushed one. */
Test(sparse_rows, can_be_assigned) {
  plt_table_spec_t spec = spec_of((plt_sparse_keys_t){.admit_pushes = 3, .max_age = 4});
  plt_table_t *table;
  uint64_t key = UINT64_C(1) << 63, other = 5;
  float ones[COLS] = {1, 1, 1}, zeros[COLS] = {0}, got[COLS];
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  plt_table_step(table, 0.1, (plt_rows_t){&key, zeros, 1});
  cr_assert_eq(plt_table_missing(table, &key, 1), 1);
  plt_table_assign(table, &key, 1, ones);
  plt_table_read(table, &key, 1, got);
  cr_assert_arr_eq(got, ones, sizeof ones);
  for (int i = 0; i < 4; i++) plt_table_step(table, 0.1, (plt_rows_t){&other, zeros, 1});
  cr_assert_eq(plt_table_missing(table, &key, 1), 0);
  plt_table_step(table, 0.1, (plt_rows_t){&other, zeros, 1});
  cr_assert_eq(plt_table_missing(table, &key, 1), 1);
  plt_table_destroy(&table);
}

/* Of two keys of a bucket that holds one, the later one stays; the other has to be admitted anew. */
Test(sparse_rows, an_assigned_row_has_no_count) {
  plt_table_spec_t spec = spec_of((plt_sparse_keys_t){.admit_pushes = 3, .max_rows = BUCKETS});
  plt_table_t *table;
  uint64_t key = 1, other = 2;
  float zeros[COLS] = {0};
  while (bucket_of(other) != bucket_of(key)) other++;
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  for (int i = 0; i < 2; i++) plt_table_step(table, 0.1, (plt_rows_t){&key, zeros, 1});
  plt_table_assign(table, &key, 1, zeros);
  plt_table_step(table, 0.1, (plt_rows_t){0});
  plt_table_assign(table, &other, 1, zeros);
  cr_assert_eq(plt_table_missing(table, &key, 1), 0);
  plt_table_step(table, 0.1, (plt_rows_t){0});
  cr_assert_eq(plt_table_missing(table, &key, 1), 1);
  cr_assert_eq(plt_table_missing(table, &other, 1), 0);
  plt_table_step(table, 0.1, (plt_rows_t){&key, zeros, 1});
  cr_assert_eq(plt_table_missing(table, &key, 1), 1, "two pushes before it was assigned do not count");
  plt_table_destroy(&table);
}

static void expect_refused(plt_table_spec_t spec, uint32_t servers, const char *text) {
  plt_table_t *table;
  cr_assert_eq(plt_table_create(&spec, 0, servers, &table), PLT_ERR_USAGE, "%s", text);
  cr_assert_not_null(strstr(plt_fail_text(), text), "%s", plt_fail_text());
}

Test(sparse_rows, refuses_rules_that_cannot_be) {
  plt_table_spec_t dense = spec_of((plt_sparse_keys_t){0});
  strcpy(dense.optimizer, "momentum");
  strcpy(dense.settings, "sweep: dense\n");
  expect_refused(dense, 1, "no end");
  expect_refused(spec_of((plt_sparse_keys_t){.admit_pushes = 2, .admit_share = 0.5}), 1, "not both");
  expect_refused(spec_of((plt_sparse_keys_t){.admit_pushes = UINT32_MAX}), 1, "at the latest");
  expect_refused(spec_of((plt_sparse_keys_t){.admit_share = 1.5}), 1, "probability");
  expect_refused(spec_of((plt_sparse_keys_t){.max_rows = 1023}), 1, "too small");
  expect_refused(spec_of((plt_sparse_keys_t){0}), 1025, "1024 servers");
  plt_table_t *table;
  plt_table_spec_t spec = spec_of((plt_sparse_keys_t){0});
  cr_assert_eq(plt_table_create(&spec, 1023, 1024, &table), PLT_OK);
  uint64_t keys[2] = {0, 1}; /* the hash of 0 is 0: of server 0 */
  cr_assert_eq(plt_table_check_keys(table, keys, 1), PLT_ERR_PROTOCOL);
  plt_table_destroy(&table);
}

/* What a server takes into account when a table is declared is what it holds later. */
Test(sparse_rows, take_the_memory_that_was_foreseen) {
  plt_table_spec_t spec = spec_of((plt_sparse_keys_t){.max_rows = 40 * BUCKETS});
  spec.cols = 64;
  plt_table_t *table;
  uint64_t expected, unbounded;
  cr_assert_eq(plt_table_expect(&spec, 0, 2, &expected), PLT_OK);
  cr_assert_eq(plt_table_create(&spec, 0, 2, &table), PLT_OK);
  enum { BATCH = 1000 };
  static uint64_t keys[BATCH];
  static float values[BATCH * 64];
  uint64_t next = 0;
  for (int t = 0; t < 100; t++) {
    for (size_t n = 0; n < BATCH; next += 1000003)
      if (plt_shard_of(next, true, 2) == 0) keys[n++] = next;
    plt_table_step(table, 0.1, (plt_rows_t){keys, values, BATCH});
    cr_assert_leq(plt_table_stored(table), 20 * BUCKETS);
  }
  cr_assert_gt(plt_table_stored(table), 17 * BUCKETS);
  cr_assert_lt((double)plt_table_bytes(table), 1.15 * (double)expected);
  spec.sparse.max_rows = 0;
  cr_assert_eq(plt_table_expect(&spec, 0, 2, &unbounded), PLT_OK);
  cr_assert_eq(unbounded, 0);
  plt_table_destroy(&table);
}
