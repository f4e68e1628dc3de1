/* sparse_rows.c - see sparse_rows.h. */
#include "ps/table/sparse_rows.h"

#include <string.h>

#include "proto/shard.h"

plt_status_t plt_sparse_rows_check(const plt_table_spec_t *spec, uint32_t servers) {
  const plt_sparse_keys_t *rule = &spec->sparse;
  if (!rule->declared) return PLT_OK;
  if (servers > PLT_BUCKETS)
    return plt_fail(PLT_ERR_USAGE, "table %s: rows under sparse keys are for at most %d servers, not %u", spec->name,
                    PLT_BUCKETS, servers);
  if (rule->admit_pushes > PLT_ADMIT_PUSHES_MAX)
    return plt_fail(PLT_ERR_USAGE, "table %s: a row can be admitted at its push %d at the latest, not at push %u",
                    spec->name, PLT_ADMIT_PUSHES_MAX, rule->admit_pushes);
  if (!(rule->admit_share >= 0 && rule->admit_share <= 1))
    return plt_fail(PLT_ERR_USAGE, "table %s: rows cannot be admitted with a probability of %g", spec->name,
                    rule->admit_share);
  if (plt_sparse_keys_counts(rule) && rule->admit_share > 0)
    return plt_fail(PLT_ERR_USAGE, "table %s: rows are admitted at their push %u or with a probability of %g, not both",
                    spec->name, rule->admit_pushes, rule->admit_share);
  if (rule->max_rows > 0 && rule->max_rows < PLT_BUCKETS)
    return plt_fail(PLT_ERR_USAGE, "table %s: a bound of %llu rows is too small: rows are bounded in %d parts",
                    spec->name, (unsigned long long)rule->max_rows, PLT_BUCKETS);
  return PLT_OK;
}

void plt_sparse_rows_salt(plt_sparse_rows_t *sparse, const plt_table_spec_t *spec, uint64_t salt) {
  char purpose[sizeof "admit " + PLT_TABLE_NAME_MAX] = "admit ";
  memcpy(purpose + strlen(purpose), spec->name, sizeof spec->name);
  sparse->draws = plt_rng_key(spec->seed, purpose, salt);
}

void plt_sparse_rows_init(plt_sparse_rows_t *sparse, const plt_table_spec_t *spec, size_t stride, uint32_t number,
                          uint32_t servers) {
  sparse->rule = spec->sparse;
  plt_sparse_rows_salt(sparse, spec, 0);
  plt_hashed_init(&sparse->rows, stride, spec->sparse.max_rows, number, servers);
  plt_hashed_init(&sparse->counted, 1, spec->sparse.max_rows, number, servers);
}

void plt_sparse_rows_clear(plt_sparse_rows_t *sparse) {
  plt_hashed_clear(&sparse->rows);
  plt_hashed_clear(&sparse->counted);
}

void plt_sparse_rows_destroy(plt_sparse_rows_t *sparse) {
  plt_hashed_destroy(&sparse->rows);
  plt_hashed_destroy(&sparse->counted);
}

size_t plt_sparse_rows_bytes(const plt_sparse_rows_t *sparse) {
  return plt_hashed_bytes(&sparse->rows) + plt_hashed_bytes(&sparse->counted);
}

uint64_t plt_sparse_row_bytes(const plt_sparse_keys_t *rule, size_t floats) {
  uint64_t found = sizeof(uint64_t) + PLT_HASHED_ROW_BYTES; /* its step count, and what finds it */
  return floats * sizeof(float) + found + (plt_sparse_keys_counts(rule) ? sizeof(float) + found : 0);
}

plt_place_t plt_sparse_rows_find(const plt_sparse_rows_t *sparse, uint64_t key, uint64_t t) {
  uint32_t slot = plt_hashed_slot(&sparse->rows, key);
  if (slot == PLT_NO_SLOT || plt_sparse_keys_is_old(&sparse->rule, t, *plt_slabs_last(&sparse->rows.slabs, slot) - 1))
    return (plt_place_t){0};
  return plt_slabs_find(&sparse->rows.slabs, slot);
}

/* One that is stored and not old after step t, to write to; one that is old is dropped. */
static plt_place_t take(plt_hashed_t *hashed, const plt_sparse_keys_t *rule, uint64_t key, uint64_t t) {
  uint32_t slot = plt_hashed_slot(hashed, key);
  if (slot == PLT_NO_SLOT) return (plt_place_t){0};
  if (!plt_sparse_keys_is_old(rule, t, *plt_slabs_last(&hashed->slabs, slot) - 1))
    return plt_slabs_open(&hashed->slabs, slot);
  plt_hashed_drop(hashed, key);
  return (plt_place_t){0};
}

/* A push of a key that is not stored. */
static bool is_admitted(plt_sparse_rows_t *sparse, uint64_t key, uint64_t t) {
  const plt_sparse_keys_t *rule = &sparse->rule;
  if (rule->admit_share > 0) {
    plt_rng_block_t block =
        plt_rng_draw(sparse->draws, (uint32_t)key, (uint32_t)(key >> 32), (uint32_t)t, (uint32_t)(t >> 32));
    return plt_rng_unit(block.word[0]) < rule->admit_share;
  }
  if (!plt_sparse_keys_counts(rule)) return true;
  plt_place_t count = take(&sparse->counted, rule, key, t - 1);
  float pushes = count.row == NULL ? 1 : *count.row + 1;
  if (pushes >= (float)rule->admit_pushes) {
    plt_hashed_drop(&sparse->counted, key); /* at least the second push: there is a count */
    return true;
  }
  plt_sparse_rows_restore_count(sparse, key, t, pushes);
  return false;
}

plt_place_t plt_sparse_rows_push(plt_sparse_rows_t *sparse, uint64_t key, uint64_t t) {
  plt_place_t place = take(&sparse->rows, &sparse->rule, key, t - 1); /* as it was read */
  if (place.row != NULL) return place;
  if (!is_admitted(sparse, key, t)) return (plt_place_t){0};
  return plt_hashed_open(&sparse->rows, key);
}

plt_place_t plt_sparse_rows_open(plt_sparse_rows_t *sparse, uint64_t key) {
  if (plt_hashed_slot(&sparse->counted, key) != PLT_NO_SLOT) plt_hashed_drop(&sparse->counted, key);
  return plt_hashed_open(&sparse->rows, key);
}

void plt_sparse_rows_end_step(plt_sparse_rows_t *sparse, uint64_t t) {
  plt_hashed_t *stores[] = {&sparse->rows, &sparse->counted};
  for (size_t i = 0; i < 2; i++) {
    plt_hashed_trim(stores[i], &sparse->rule, t);
    plt_hashed_sweep(stores[i], &sparse->rule, t);
  }
}

void plt_sparse_rows_purge(plt_sparse_rows_t *sparse, uint64_t t) {
  plt_hashed_purge(&sparse->rows, &sparse->rule, t);
  plt_hashed_purge(&sparse->counted, &sparse->rule, t);
}

void plt_sparse_rows_restore_count(plt_sparse_rows_t *sparse, uint64_t key, uint64_t last, float count) {
  plt_place_t place = plt_hashed_open(&sparse->counted, key);
  sparse->counted.slabs.stored += *place.last == 0;
  *place.row = count;
  *place.last = last + 1;
}
