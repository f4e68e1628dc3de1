/* A sharded table against a naive twin: whole arrays, one element at a time, with momentum. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rng.h"
#include "proto/shard.h"
#include "ps/optimizers/registry.h"
#include "ps/table/image.h"

enum { ROWS = 5000, COLS = 5, SHARDS_MAX = 4 };

static plt_table_spec_t spec_of(const char *optimizer) {
  plt_table_spec_t spec = {.name = "user", .rows = ROWS, .cols = COLS, .init = {PLT_INIT_NORMAL, 0.1}, .seed = 9};
  strcpy(spec.optimizer, optimizer);
  if (strcmp(optimizer, "momentum") == 0) strcpy(spec.settings, "momentum: 0.5\n");
  return spec;
}

static uint32_t draw(uint32_t a, uint32_t b) { return plt_rng_draw(plt_rng_key(2, "table", 0), a, b, 0, 0).word[0]; }

typedef struct twin {
  plt_table_spec_t spec;
  float w[ROWS][COLS], v[ROWS][COLS];
} twin_t;

static void twin_birth(twin_t *twin, uint64_t salt) {
  memset(twin->v, 0, sizeof twin->v);
  for (uint64_t key = 0; key < ROWS; key++) plt_table_spec_birth(&twin->spec, salt, key, twin->w[key]);
}

/* Some keys in ascending order, often none, sometimes all of a range. */
static size_t some_keys(uint32_t t, uint64_t *keys) {
  uint32_t start = draw(t, 1) % ROWS, stride = 1 + draw(t, 2) % 700;
  size_t n = 0;
  for (uint32_t key = start; key < ROWS && draw(t, 3) % 8 != 0; key += stride) keys[n++] = key;
  return n;
}

typedef struct shards {
  uint32_t n;
  plt_table_t *of[SHARDS_MAX];
} shards_t;

typedef void (*shard_fn)(plt_table_t *table, const uint64_t *keys, size_t n, void *values, double eta);

/* In pieces, as large pushes come; some are empty. */
static void do_step(plt_table_t *table, const uint64_t *keys, size_t n, void *values, double eta) {
  const char *rows = values;
  size_t first = n / 3, row = COLS * sizeof(float);
  plt_table_step_pieces(table, eta,
                        (plt_rows_t[]){{keys, rows, first}, {0}, {keys + first, rows + first * row, n - first}, {0}}, 4,
                        PLT_WIRE_F32);
}
static void do_assign(plt_table_t *table, const uint64_t *keys, size_t n, void *values, double eta) {
  (void)eta;
  plt_table_assign(table, keys, n, values);
}
static void do_read(plt_table_t *table, const uint64_t *keys, size_t n, void *values, double eta) {
  float out[ROWS][COLS];
  (void)eta;
  plt_table_read(table, keys, n, out[0]);
  memcpy(values, out, n * sizeof *out);
}

/* Splits keys and values by shard, calls, and gathers; values travel at an odd address, like received frames. */
static void each_shard(const shards_t *shards, shard_fn fn, const uint64_t *keys, size_t n, float values[][COLS],
                       double eta) {
  static uint64_t part[ROWS];
  static char bytes[1 + ROWS * COLS * sizeof(float)];
  const size_t row = COLS * sizeof(float);
  for (uint32_t s = 0; s < shards->n; s++) {
    size_t got = 0;
    for (size_t i = 0; i < n; i++) {
      if (keys[i] % shards->n != s) continue;
      memcpy(bytes + 1 + got * row, values[i], row);
      part[got++] = keys[i];
    }
    cr_assert_eq(plt_table_check_keys(shards->of[s], part, got), PLT_OK);
    fn(shards->of[s], part, got, bytes + 1, eta);
    got = 0;
    for (size_t i = 0; i < n; i++)
      if (keys[i] % shards->n == s) memcpy(values[i], bytes + 1 + row * got++, row);
  }
}

static void compare_all(const shards_t *shards, const twin_t *twin) {
  static float now[ROWS][COLS];
  static uint64_t all[ROWS];
  for (uint64_t key = 0; key < ROWS; key++) all[key] = key;
  each_shard(shards, do_read, all, ROWS, now, 0);
  cr_assert_arr_eq(now, twin->w, sizeof now);
}

Test(table, random_operations_equal_the_twin_for_every_number_of_shards) {
  static twin_t twin;
  static float values[ROWS][COLS];
  static uint64_t keys[ROWS];
  twin.spec = spec_of("momentum");
  for (uint32_t servers = 1; servers <= SHARDS_MAX; servers++) {
    shards_t shards = {.n = servers};
    for (uint32_t s = 0; s < servers; s++)
      cr_assert_eq(plt_table_create(&twin.spec, s, servers, &shards.of[s]), PLT_OK);
    twin_birth(&twin, 0);
    for (uint32_t t = 1; t <= 200; t++) {
      size_t n = some_keys(t, keys);
      float eta = 0.1f / (float)(1 + t / 50);
      for (size_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < COLS; c++) values[i][c] = (float)plt_rng_unit(draw(t, 10 + c)) - 0.5f;
      if (t % 97 == 0) {
        for (uint32_t s = 0; s < servers; s++) plt_table_reset(shards.of[s], t);
        twin_birth(&twin, t);
      } else if (t % 10 == 0) {
        for (size_t i = 0; i < n; i++) {
          memcpy(twin.w[keys[i]], values[i], sizeof values[i]);
          memset(twin.v[keys[i]], 0, sizeof values[i]);
        }
        each_shard(&shards, do_assign, keys, n, values, 0);
      } else {
        for (size_t i = 0; i < n; i++) {
          for (int c = 0; c < COLS; c++) {
            float *v = &twin.v[keys[i]][c];
            *v = 0.5f * *v + values[i][c];
            twin.w[keys[i]][c] -= eta * *v;
          }
        }
        each_shard(&shards, do_step, keys, n, values, eta);
      }
      if (t % 20 == 0) compare_all(&shards, &twin);
    }
    for (uint32_t s = 0; s < servers; s++) plt_table_destroy(&shards.of[s]);
  }
}

Test(table, reads_store_nothing_and_memory_follows_the_rows_stored) {
  plt_table_spec_t spec = spec_of("adam");
  plt_table_t *table;
  float out[COLS], gradient[COLS] = {1};
  spec.rows = UINT64_C(1) << 32;
  cr_assert_eq(plt_table_create(&spec, 1, 4, &table), PLT_OK);
  size_t empty = plt_table_bytes(table);
  for (uint64_t key = 1; key < 40000; key += 4) plt_table_read(table, &key, 1, out);
  cr_assert_eq(plt_table_stored(table), 0);
  cr_assert_eq(plt_table_bytes(table), empty);
  uint64_t far = (UINT64_C(1) << 32) - 3;
  plt_table_step(table, 0.1, (plt_rows_t){&far, gradient, 1});
  cr_assert_eq(plt_table_stored(table), 1);
  cr_assert_leq(plt_table_bytes(table) - empty, 1 << 20);
  plt_table_reset(table, 1);
  cr_assert_eq(plt_table_bytes(table), empty);
  plt_table_destroy(&table);
}

Test(table, bad_keys_are_refused) {
  plt_table_spec_t spec = spec_of("momentum");
  plt_table_t *table;
  cr_assert_eq(plt_table_create(&spec, 1, 3, &table), PLT_OK);
  cr_assert_eq(plt_table_check_keys(table, (uint64_t[]){1, 4, 4999}, 3), PLT_OK);
  cr_assert_eq(plt_table_check_keys(table, NULL, 0), PLT_OK);
  cr_assert_eq(plt_table_check_keys(table, (uint64_t[]){1, 4, 4}, 3), PLT_ERR_PROTOCOL, "twice");
  cr_assert_eq(plt_table_check_keys(table, (uint64_t[]){4, 1}, 2), PLT_ERR_PROTOCOL, "descending");
  cr_assert_eq(plt_table_check_keys(table, (uint64_t[]){1, 5}, 2), PLT_ERR_PROTOCOL, "another shard's");
  cr_assert_eq(plt_table_check_keys(table, (uint64_t[]){5002}, 1), PLT_ERR_PROTOCOL, "beyond the end");
  plt_table_destroy(&table);
}

Test(table, bad_specs_are_refused) {
  plt_table_t *table = NULL;
  plt_table_spec_t spec = spec_of("none");
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_ERR_USAGE);
  spec = spec_of("momentum");
  spec.cols = 0;
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_ERR_USAGE);
  spec = spec_of("momentum");
  spec.rows = UINT64_MAX;
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_ERR_USAGE);
  const char *names[] = {"", "../x", "a/b", ".", "a b"};
  for (size_t i = 0; i < 5; i++) {
    spec = spec_of("momentum");
    strcpy(spec.name, names[i]);
    cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_ERR_USAGE);
  }
  cr_assert_null(table);
  spec = spec_of("");
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_ERR_USAGE);
  spec.frozen = true;
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  plt_table_destroy(&table);
  plt_table_destroy(&table);
}

/* Swept any number of rows at a time and restored into a table that goes on: the same bits, for every optimizer. */
Test(table, sweep_and_restore_continue_with_the_same_bits) {
  static float values[ROWS][COLS], state[ROWS][3 * COLS], a[ROWS][COLS], b[ROWS][COLS];
  static uint64_t keys[ROWS], last[ROWS], all[ROWS];
  for (uint64_t key = 0; key < ROWS; key++) all[key] = key;
  for (size_t o = 0; plt_optimizers[o] != NULL; o++) {
    plt_table_spec_t spec = spec_of(plt_optimizers[o]->name);
    plt_table_t *table, *copy;
    cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
    cr_assert_eq(plt_table_create(&spec, 0, 1, &copy), PLT_OK);
    cr_assert_leq(plt_table_state_floats(table), 3 * COLS, "make room for the state of %s", spec.optimizer);
    for (uint32_t t = 1; t <= 600; t++) {
      size_t n = some_keys(t, keys);
      double eta = 0.01 / (1 + t / 100);
      for (size_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < COLS; c++) values[i][c] = (float)plt_rng_unit(draw(t, 10 + c)) - 0.4f;
      plt_table_step(table, eta, (plt_rows_t){keys, values, n});
      if (t > 300) plt_table_step(copy, eta, (plt_rows_t){keys, values, n});
      if (t != 300) continue;
      uint64_t total = 0, above = 0;
      size_t got;
      plt_image_t *image = plt_table_image(table);
      while ((got = plt_image_sweep(image, 2048, keys, last, values[0], state[0])) > 0) {
        for (size_t i = 0; i < got; i++, above = keys[i - 1] + 1) cr_assert(keys[i] >= above && last[i] <= t);
        plt_table_restore_rows(copy, got, keys, last, values[0], state[0]);
        total += got;
      }
      cr_assert_eq(total, plt_table_stored(table));
      plt_image_release(&image);
      plt_table_restore_state(copy, plt_table_state(table));
    }
    plt_table_read(table, all, ROWS, a[0]);
    plt_table_read(copy, all, ROWS, b[0]);
    cr_assert_arr_eq(a, b, sizeof a, "%s", plt_optimizers[o]->name);
    cr_assert_eq(plt_table_stored(table), plt_table_stored(copy));
    plt_table_destroy(&table);
    plt_table_destroy(&copy);
  }
}

/* Every row moves at every clock, is stored from the first on, and has the same bits on any number of shards. */
Test(table, dense_sweep_moves_all_rows_on_any_number_of_shards) {
  static float one[ROWS][COLS], now[ROWS][COLS], values[ROWS][COLS], born[ROWS][COLS];
  static uint64_t keys[ROWS], all[ROWS];
  for (uint64_t key = 0; key < ROWS; key++) all[key] = key;
  for (size_t o = 0; plt_optimizers[o] != NULL; o++) {
    plt_table_spec_t spec = spec_of(plt_optimizers[o]->name);
    strcat(spec.settings, "weight_decay: 0.1\nsweep: dense\n");
    for (uint64_t key = 0; key < ROWS; key++) plt_table_spec_birth(&spec, 0, key, born[key]);
    for (uint32_t servers = 1; servers <= 3; servers++) {
      shards_t shards = {servers, {0}};
      for (uint32_t s = 0; s < servers; s++) cr_assert_eq(plt_table_create(&spec, s, servers, &shards.of[s]), PLT_OK);
      for (uint32_t t = 1; t <= 12; t++) {
        size_t n = some_keys(t, keys);
        for (size_t i = 0; i < n; i++)
          for (uint32_t c = 0; c < COLS; c++) values[i][c] = (float)plt_rng_unit(draw(t, 10 + c)) - 0.4f;
        each_shard(&shards, do_step, keys, n, values, 0.01);
        uint64_t stored = 0;
        for (uint32_t s = 0; s < servers; s++) stored += plt_table_stored(shards.of[s]);
        cr_assert_eq(stored, ROWS);
      }
      each_shard(&shards, do_read, all, ROWS, servers == 1 ? one : now, 0);
      if (servers > 1) cr_assert_arr_eq(one, now, sizeof one);
      for (uint32_t s = 0; s < servers; s++) plt_table_destroy(&shards.of[s]);
    }
    for (uint64_t key = 0; key < ROWS; key++) cr_assert(memcmp(one[key], born[key], sizeof one[key]) != 0);
  }
}

/* ---- values without state ---- */

static plt_table_t *make_trained(const char *optimizer, double weight_decay, uint64_t salt) {
  static float values[ROWS][COLS];
  static uint64_t keys[ROWS];
  plt_table_spec_t spec = spec_of(optimizer);
  plt_table_t *table;
  size_t used = strlen(spec.settings);
  snprintf(spec.settings + used, sizeof spec.settings - used, "weight_decay: %g\n", weight_decay);
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK, "%s", plt_fail_text());
  plt_table_reset(table, salt);
  for (uint32_t t = 1; t <= 30; t++) {
    size_t n = some_keys(t, keys);
    for (size_t i = 0; i < n; i++)
      for (uint32_t c = 0; c < COLS; c++) values[i][c] = (float)plt_rng_unit(draw(t, 10 + c)) - 0.5f;
    plt_table_step(table, 0.05, (plt_rows_t){keys, values, n});
  }
  return table;
}

Test(table, another_optimizer_takes_the_values_as_they_are_and_nothing_else) {
  static const struct {
    const char *optimizer;
    double weight_decay;
    bool moves_all; /* rows that nobody pushed, too */
  } cases[] = {{"momentum", 0, false}, {"adam", 0, false}, {"adamw", 0.1, true}, {"adagrad", 0, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_table_t *from = make_trained(cases[i].optimizer, cases[i].weight_decay, 5), *to;
    plt_table_spec_t spec = spec_of("lazy_adam");
    cr_assert_eq(plt_table_create(&spec, 0, 1, &to), PLT_OK);
    cr_assert_eq(plt_table_take(to, from), PLT_OK, "%s", plt_fail_text());
    float want[COLS], got[COLS], born[COLS];
    uint64_t changed = 0;
    for (uint64_t key = 0; key < ROWS; key++) {
      plt_table_read(from, &key, 1, want);
      plt_table_read(to, &key, 1, got);
      cr_assert_arr_eq(got, want, sizeof want, "%s: row %zu", cases[i].optimizer, (size_t)key);
      plt_table_spec_birth(&spec, 5, key, born);
      changed += memcmp(born, want, sizeof born) != 0;
    }
    cr_assert_eq(plt_table_stored(to), changed, "rows as they were born need no memory");
    cr_assert(cases[i].moves_all ? changed == ROWS : changed < ROWS / 2);
    cr_assert(plt_table_state(to).t == 0 && plt_table_state(to).salt == 5 && plt_table_state(to).history->n == 0);
    plt_table_destroy(&from);
    plt_table_destroy(&to);
  }
}

Test(table, rows_of_another_table_are_not_taken) {
  plt_table_spec_t spec = spec_of("adam"), other;
  plt_table_t *from, *to;
  cr_assert_eq(plt_table_create(&spec, 1, 2, &from), PLT_OK);
  for (int i = 0; i < 6; i++) {
    other = spec_of("sgd");
    uint32_t number = 1;
    switch (i) {
      case 0: other.cols++; break;
      case 1: other.rows++; break;
      case 2: other.seed++; break;
      case 3: other.init.scale *= 2; break;
      case 4: strcpy(other.name, "item"); break;
      case 5: number = 0; break;
    }
    cr_assert_eq(plt_table_create(&other, number, 2, &to), PLT_OK);
    cr_assert_eq(plt_table_take(to, from), PLT_ERR_PROTOCOL, "%d", i);
    plt_table_destroy(&to);
  }
  plt_table_destroy(&from);
}

/* Two tables whose specs differ, and in the end have the same rows. */
static void open_two(const plt_table_spec_t *x, const plt_table_spec_t *y, plt_table_t **a, plt_table_t **b) {
  cr_assert(!plt_table_spec_equal(x, y));
  cr_assert_eq(plt_table_create(x, 0, 1, a), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_table_create(y, 0, 1, b), PLT_OK, "%s", plt_fail_text());
}

static void close_alike(plt_table_t **a, plt_table_t **b) {
  static uint64_t keys[ROWS];
  static float own[ROWS * COLS], same[ROWS * COLS];
  for (size_t i = 0; i < ROWS; i++) keys[i] = i;
  plt_table_read(*a, keys, ROWS, own);
  plt_table_read(*b, keys, ROWS, same);
  cr_assert_arr_eq(own, same, sizeof own, "%s", plt_table_spec(*a)->optimizer);
  plt_table_destroy(a);
  plt_table_destroy(b);
}

/* Decay adds to the gradient what the row was before the step, whatever the optimizer, in pieces too. */
Test(table, decay_of_pushed_rows) {
  static uint64_t keys[ROWS];
  static float gradient[ROWS * COLS], decayed[ROWS * COLS];
  for (size_t i = 0; i < ROWS * COLS; i++) gradient[i] = (float)(draw(7, (uint32_t)i) % 200) / 100 - 1;
  for (size_t o = 0; plt_optimizers[o] != NULL; o++) {
    plt_table_spec_t with = spec_of(plt_optimizers[o]->name), plain = with;
    plt_table_t *a, *b;
    with.decay = 0.25;
    open_two(&with, &plain, &a, &b);
    for (uint32_t t = 1; t < 12; t++) {
      size_t n = some_keys(t, keys), half = n / 2;
      plt_table_read(b, keys, n, decayed);
      for (size_t i = 0; i < n * COLS; i++) decayed[i] = gradient[i] + 0.25f * decayed[i];
      plt_rows_t pieces[2] = {{keys, gradient, half}, {keys + half, gradient + half * COLS, n - half}};
      plt_table_step_pieces(a, 0.125, pieces, 2, PLT_WIRE_F32);
      plt_table_step(b, 0.125, (plt_rows_t){keys, decayed, n});
    }
    close_alike(&a, &b);
  }
}

/* A push in bfloat16 is that of its values in float32: with decay, with a dense sweep, in pieces that lie anywhere. */
Test(table, steps_of_bfloat16) {
  static uint64_t keys[ROWS];
  static float gradient[ROWS * COLS];
  static char half[2 * ROWS * COLS + 1];
  for (size_t i = 0; i < ROWS * COLS; i++) gradient[i] = (float)(draw(7, (uint32_t)i) % 200) / 100 - 1;
  plt_shard_encode(gradient, (size_t)ROWS * COLS, PLT_WIRE_BF16, half + 1);
  plt_shard_decode(half + 1, (size_t)ROWS * COLS, PLT_WIRE_BF16, gradient);
  for (int kind = 0; kind < 3; kind++) {
    plt_table_spec_t spec = spec_of("momentum");
    if (kind == 1) spec.decay = 0.25;
    if (kind == 2) strcpy(spec.settings, "sweep: dense\n");
    plt_table_t *a, *b;
    cr_assert_eq(plt_table_create(&spec, 0, 1, &a), PLT_OK);
    cr_assert_eq(plt_table_create(&spec, 0, 1, &b), PLT_OK);
    for (uint32_t t = 1; t < 12; t++) {
      size_t n = some_keys(t, keys), first = n / 2;
      plt_rows_t pieces[2] = {{keys, half + 1, first}, {keys + first, half + 1 + 2 * first * COLS, n - first}};
      plt_table_step_pieces(a, 0.125, pieces, 2, PLT_WIRE_BF16);
      plt_table_step(b, 0.125, (plt_rows_t){keys, gradient, n});
    }
    close_alike(&a, &b);
  }
}

/* More slabs than have memory of their own: 24 MB of rows, written, forgotten and written again. */
Test(table, slabs_in_blocks) {
  enum { MANY = 96 * 1024, WIDE = 64, SOME = 1000 };
  plt_table_spec_t spec = {.name = "user", .rows = MANY, .cols = WIDE, .init = {PLT_INIT_NORMAL, 0.1}, .seed = 9};
  strcpy(spec.optimizer, "sgd");
  plt_table_t *table, *fresh;
  static uint64_t keys[SOME];
  static float ones[SOME * WIDE], now[SOME * WIDE], born[SOME * WIDE];
  cr_assert_eq(plt_table_create(&spec, 0, 1, &table), PLT_OK);
  cr_assert_eq(plt_table_create(&spec, 0, 1, &fresh), PLT_OK);
  size_t empty = plt_table_bytes(table);
  for (size_t i = 0; i < SOME * WIDE; i++) ones[i] = 1;
  for (int turn = 0; turn < 2; turn++) {
    for (size_t i = 0; i < SOME; i++) keys[i] = i * (MANY / SOME);
    for (size_t shift = 0; shift < 2; shift++) {
      plt_table_step(table, 0.5, (plt_rows_t){keys, ones, SOME});
      plt_table_read(table, keys, SOME, now);
      plt_table_read(fresh, keys, SOME, born);
      for (size_t i = 0; i < SOME * WIDE; i++) cr_assert_eq(now[i], born[i] - 0.5f);
      for (size_t i = 0; i < SOME; i++) keys[i]++;
    }
    cr_assert_gt(plt_table_bytes(table), (size_t)20 << 20);
    cr_assert_eq(plt_table_stored(table), 2 * SOME);
    plt_table_reset(table, 0);
    cr_assert_eq(plt_table_bytes(table), empty);
  }
  plt_table_destroy(&table);
  plt_table_destroy(&fresh);
}

/* eta * lr_scale is all that counts, in closed forms too. */
Test(table, a_learning_rate_of_its_own_multiplies_that_of_the_step) {
  uint64_t keys[ROWS];
  static float gradient[ROWS * COLS];
  for (size_t i = 0; i < ROWS * COLS; i++) gradient[i] = (float)(draw(7, (uint32_t)i) % 200) / 100 - 1;
  for (size_t o = 0; plt_optimizers[o] != NULL; o++) {
    plt_table_spec_t scaled = spec_of(plt_optimizers[o]->name), plain = scaled;
    plt_table_t *a, *b;
    scaled.lr_scale = 0.25;
    open_two(&scaled, &plain, &a, &b);
    for (uint32_t t = 1; t < 12; t++) {
      size_t n = some_keys(t, keys);
      plt_table_step(a, 0.5 / t, (plt_rows_t){keys, gradient, n});
      plt_table_step(b, 0.125 / t, (plt_rows_t){keys, gradient, n});
    }
    close_alike(&a, &b);
  }
}
