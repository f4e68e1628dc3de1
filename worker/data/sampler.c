/* sampler.c - see sampler.h. */
#include "worker/data/sampler.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rng.h"

enum { TRIES_MAX = 4096 }; /* then the free items are counted out: a user with nearly all items */
enum { AT_ONCE = 256 };    /* samples */

struct plt_sampler {
  const plt_dataset_t *data;
  plt_sampler_config_t config;
  plt_rng_key_t negatives;
  uint32_t batches;
  plt_npy_t replay;      /* map NULL: none */
  plt_npy_t numbers;     /* the same */
  size_t width;          /* columns of a sample there */
  uint32_t *samples;     /* of each batch there */
  bool is_another;       /* plt_sampler_at(): the replay is the first one's */
  const uint32_t *pairs; /* of the training pairs these, n_pairs of them; NULL: all */
  uint64_t n_pairs;
  uint32_t *own_pairs; /* the same where they are the sampler's */
};

static size_t distinct_items(const plt_user_items_t *part, uint32_t user) {
  size_t n = 0;
  for (uint64_t i = part->offset[user]; i < part->offset[user + 1]; i++)
    n += i == part->offset[user] || part->item[i] != part->item[i - 1];
  return n;
}

static uint32_t count_batches(uint64_t pairs, uint32_t batch_size) {
  return (uint32_t)((pairs + batch_size - 1) / batch_size);
}

/* Whether there is no negative for a user. */
static bool is_full(const plt_dataset_t *data, uint32_t user) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN];
  if (train->offset[user + 1] - train->offset[user] < data->n_train_items) return false; /* nearly all: not read */
  return distinct_items(train, user) >= data->n_train_items;
}

/* Of the training pairs those of users for whom there are negatives, of all or of the n given ones. */
static uint32_t *pairs_with_negatives(const plt_dataset_t *data, const uint32_t *pairs, uint64_t n, uint64_t *kept) {
  uint32_t *list = plt_mem_alloc(n * sizeof *list);
  *kept = 0;
  for (uint64_t i = 0; i < n; i++) {
    uint32_t pair = pairs == NULL ? (uint32_t)i : pairs[i];
    if (!is_full(data, data->train[pair].user)) list[(*kept)++] = pair;
  }
  return list;
}

/* Users who have all items: their pairs are left out, or refused. */
static plt_status_t check_users(plt_sampler_t *sampler) {
  const plt_dataset_t *data = sampler->data;
  uint32_t first = data->users, n = 0;
  for (uint32_t u = data->users; u-- > 0;)
    if (is_full(data, u)) first = u, n++;
  if (n == 0) return PLT_OK;
  if (sampler->config.refuses_full || data->n_train > UINT32_MAX)
    return plt_fail(PLT_ERR_DATA,
                    "%s: user %" PRIu32 " has all %" PRIu32
                    " training items, so no negative can be drawn; leave this user out (data.full_users skip does)",
                    data->source, first, data->n_train_items);
  sampler->own_pairs = pairs_with_negatives(data, NULL, data->n_train, &sampler->n_pairs);
  sampler->pairs = sampler->own_pairs;
  sampler->batches = count_batches(sampler->n_pairs, sampler->config.batch_size);
  if (sampler->n_pairs == 0)
    return plt_fail(PLT_ERR_DATA, "%s: every user has all %" PRIu32 " training items, so no negatives can be drawn",
                    data->source, data->n_train_items);
  if (sampler->config.stage == 0)
    plt_log(PLT_LOG_WARN,
            "%s: %" PRIu32 " users, user %" PRIu32 " first, have all %" PRIu32
            " training items: no negatives can be drawn for their pairs, which are left out (data.full_users)",
            data->source, n, first, data->n_train_items);
  return PLT_OK;
}

/* That a sample of the replay has ids, or only -1 where it is absent. */
static plt_status_t check_sample(const plt_sampler_t *sampler, uint64_t batch, size_t sample, bool is_absent) {
  for (size_t col = 0; col < sampler->width; col++) {
    int64_t id = plt_npy_int(&sampler->replay, batch, sample * sampler->width + col);
    int64_t limit = col == 0 ? sampler->data->users : sampler->data->items;
    if (is_absent ? id == -1 : id >= 0 && id < limit) continue;
    if (is_absent)
      return plt_fail(PLT_ERR_DATA,
                      "%s: batch %" PRIu64 ", sample %zu: %" PRId64
                      " stands behind a sample of -1; rows of -1 fill a batch up at its end, and are -1 throughout",
                      sampler->config.replay, batch, sample, id);
    return plt_fail(PLT_ERR_DATA, "%s: batch %" PRIu64 ", sample %zu: %s %" PRId64 " is not in [0, %" PRId64 ")",
                    sampler->config.replay, batch, sample, col == 0 ? "user" : "item", id, limit);
  }
  return PLT_OK;
}

/* Samples of a batch of the replay: those before the first row of -1. */
static plt_status_t count_samples(plt_sampler_t *sampler, uint64_t batch) {
  size_t size = sampler->config.batch_size, n = 0;
  while (n < size && plt_npy_int(&sampler->replay, batch, n * sampler->width) != -1) n++;
  for (size_t sample = 0; sample < size; sample++) PLT_TRY(check_sample(sampler, batch, sample, sample >= n));
  if (n == 0) return plt_fail(PLT_ERR_DATA, "%s: batch %" PRIu64 " has no samples", sampler->config.replay, batch);
  sampler->samples[batch] = (uint32_t)n;
  return PLT_OK;
}

static plt_status_t open_replay(plt_sampler_t *sampler) {
  const plt_sampler_config_t *config = &sampler->config;
  const char *path = config->replay;
  size_t width = 2 + config->negatives;
  PLT_TRY(plt_npy_open(path, &sampler->replay));
  const plt_npy_t *npy = &sampler->replay;
  /* A model without negatives passes over those of a file that has them. */
  if (config->negatives == 0 && npy->cols % config->batch_size == 0 && npy->cols / config->batch_size > width)
    width = (size_t)(npy->cols / config->batch_size);
  bool is_whole = npy->type == PLT_NPY_I8 || npy->type == PLT_NPY_I4;
  if (!is_whole || npy->dims != 3 || npy->rows == 0 || npy->cols != (uint64_t)config->batch_size * width ||
      npy->rows > UINT32_MAX)
    return plt_fail(PLT_ERR_DATA,
                    "%s: a replay file is an integer array [batches, %" PRIu32
                    ", %zu]: train.batch_size samples of user, positive item, negative items; this one has %s, %d "
                    "dimensions, %" PRIu64 " a batch",
                    path, config->batch_size, width, is_whole ? "whole numbers" : "fractions", npy->dims, npy->cols);
  sampler->batches = (uint32_t)npy->rows;
  sampler->width = width;
  sampler->samples = plt_mem_alloc(npy->rows * sizeof *sampler->samples);
  for (uint64_t batch = 0; batch < npy->rows; batch++) PLT_TRY(count_samples(sampler, batch));
  return PLT_OK;
}

static plt_status_t open_numbers(plt_sampler_t *sampler) {
  const char *path = sampler->config.numbers;
  PLT_TRY(plt_npy_open(path, &sampler->numbers));
  const plt_npy_t *npy = &sampler->numbers;
  if ((npy->type == PLT_NPY_I8 || npy->type == PLT_NPY_I4) && npy->dims == 2 && npy->rows == sampler->batches)
    return PLT_OK;
  return plt_fail(PLT_ERR_DATA, "%s: numbers of leaves are an integer array [%" PRIu32 ", leaves of a batch]", path,
                  sampler->batches);
}

plt_status_t plt_sampler_create(const plt_dataset_t *data, const plt_sampler_config_t *config, plt_sampler_t **out) {
  plt_sampler_t *sampler = plt_mem_zalloc(1, sizeof *sampler);
  *sampler = (plt_sampler_t){.data = data,
                             .config = *config,
                             .negatives = plt_rng_key(config->seed, "negatives", config->stage),
                             .n_pairs = data->n_train,
                             .batches = count_batches(data->n_train, config->batch_size)};
  plt_status_t status = PLT_OK;
  if ((uint64_t)config->batch_size * config->negatives > UINT32_MAX) /* they are numbered within a batch */
    status = plt_fail(PLT_ERR_USAGE, "train.batch_size %" PRIu32 " with %zu negatives each: more than 2^32 in a batch",
                      config->batch_size, config->negatives);
  else if (config->replay != NULL)
    status = open_replay(sampler);
  else if (config->negatives > 0 && !config->of_all)
    status = check_users(sampler);
  if (status == PLT_OK && config->numbers != NULL) status = open_numbers(sampler);
  if (status != PLT_OK) {
    plt_sampler_destroy(&sampler);
    return status;
  }
  sampler->config.replay = sampler->config.numbers = NULL; /* the caller's */
  *out = sampler;
  return PLT_OK;
}

plt_sampler_t *plt_sampler_at(const plt_sampler_t *sampler, uint32_t stage) {
  plt_sampler_t *another = plt_mem_alloc(sizeof *another);
  *another = *sampler;
  another->config.stage = stage;
  another->negatives = plt_rng_key(sampler->config.seed, "negatives", stage);
  another->is_another = true;
  another->own_pairs = NULL;
  return another;
}

plt_sampler_t *plt_sampler_over(const plt_sampler_t *sampler, uint32_t stage, const uint32_t *pairs, size_t n) {
  plt_sampler_t *another = plt_sampler_at(sampler, stage);
  another->replay = another->numbers = (plt_npy_t){0};
  another->pairs = pairs;
  another->n_pairs = n;
  if (sampler->pairs != NULL)
    another->pairs = another->own_pairs = pairs_with_negatives(sampler->data, pairs, n, &another->n_pairs);
  another->batches = count_batches(another->n_pairs, another->config.batch_size);
  return another;
}

plt_status_t plt_sampler_replay(const plt_sampler_t *sampler, uint32_t stage, const char *file, plt_sampler_t **out) {
  plt_sampler_config_t config = sampler->config;
  config.stage = stage;
  config.replay = file;
  return plt_sampler_create(sampler->data, &config, out);
}

void plt_sampler_destroy(plt_sampler_t **sampler) {
  if (*sampler == NULL) return;
  if (!(*sampler)->is_another) {
    if ((*sampler)->replay.map != NULL) plt_npy_close(&(*sampler)->replay);
    if ((*sampler)->numbers.map != NULL) plt_npy_close(&(*sampler)->numbers);
    free((*sampler)->samples);
  }
  free((*sampler)->own_pairs);
  free(*sampler);
  *sampler = NULL;
}

uint32_t plt_sampler_batches(const plt_sampler_t *sampler) { return sampler->batches; }

uint32_t plt_sampler_samples(const plt_sampler_t *sampler, uint32_t batch) {
  uint32_t full = sampler->config.batch_size;
  if (sampler->replay.map != NULL) return sampler->samples[batch];
  if (batch + 1 < sampler->batches) return full;
  return (uint32_t)(sampler->n_pairs - (uint64_t)batch * full);
}

int64_t plt_sampler_number(const plt_sampler_t *sampler, uint32_t batch, uint32_t leaf) {
  if (sampler->numbers.map == NULL || leaf >= sampler->numbers.cols) return -1;
  return plt_npy_int(&sampler->numbers, batch, leaf);
}

/* The k-th training item that the user does not have. */
static uint32_t count_out(const plt_dataset_t *data, uint32_t user, uint64_t bits) {
  const plt_user_items_t *train = &data->part[PLT_PART_TRAIN];
  uint32_t free_items = data->n_train_items - (uint32_t)distinct_items(train, user);
  uint32_t k = plt_rng_below(bits, free_items);
  for (uint32_t i = 0; i < data->n_train_items; i++)
    if (!plt_user_items_has(train, user, data->train_items[i]) && k-- == 0) return data->train_items[i];
  abort(); /* create made sure that there is one */
}

/* Which negatives of a batch: entity k is that of sample k / negatives. */
typedef struct wanted {
  uint32_t epoch, batch;
  uint32_t first; /* entity */
} wanted_t;

/* From the block of draw 0 on, as many as it takes. */
static uint32_t draw_negative(const plt_sampler_t *sampler, const wanted_t *of, uint32_t entity, uint32_t user,
                              plt_rng_block_t block) {
  const plt_dataset_t *data = sampler->data;
  for (uint32_t draw = 0;;) { /* a Philox block holds two draws of 64 bits */
    for (size_t half = 0; half < 2; half++) {
      uint64_t bits = (uint64_t)block.word[2 * half] << 32 | block.word[2 * half + 1];
      if (sampler->config.of_all) return plt_rng_below(bits, data->items);
      if (draw == TRIES_MAX) return count_out(data, user, bits);
      uint32_t item = data->train_items[plt_rng_below(bits, data->n_train_items)];
      if (!plt_user_items_has(&data->part[PLT_PART_TRAIN], user, item)) return item;
    }
    block = plt_rng_draw(sampler->negatives, of->epoch, of->batch, entity, ++draw);
  }
}

/* Negatives of users [n], into out [n, negatives]; the first blocks of several are drawn at a time. */
static void draw_negatives(const plt_sampler_t *sampler, const wanted_t *of, const uint32_t *user, size_t n,
                           uint32_t *out) {
  size_t negatives = sampler->config.negatives, count = n * negatives;
  for (size_t k = 0; k < count; k += PLT_RNG_LANES) {
    plt_rng_lanes_t lanes = {{{0}}};
    size_t here = count - k < PLT_RNG_LANES ? count - k : PLT_RNG_LANES;
    for (size_t l = 0; l < here; l++) {
      lanes.word[0][l] = of->epoch;
      lanes.word[1][l] = of->batch;
      lanes.word[2][l] = of->first + (uint32_t)(k + l);
    }
    plt_rng_draw_lanes(sampler->negatives, &lanes);
    for (size_t l = 0; l < here; l++) {
      plt_rng_block_t block = {{lanes.word[0][l], lanes.word[1][l], lanes.word[2][l], lanes.word[3][l]}};
      out[k + l] = draw_negative(sampler, of, of->first + (uint32_t)(k + l), user[(k + l) / negatives], block);
    }
  }
}

static void draw_replay(const plt_sampler_t *sampler, uint32_t batch, uint32_t first, uint32_t n, uint32_t *user,
                        uint32_t *positive, uint32_t *negative) {
  size_t negatives = sampler->config.negatives, width = sampler->width;
  for (uint32_t s = 0; s < n; s++) {
    uint64_t col = (uint64_t)(first + s) * width;
    user[s] = (uint32_t)plt_npy_int(&sampler->replay, batch, col);
    positive[s] = (uint32_t)plt_npy_int(&sampler->replay, batch, col + 1);
    for (size_t k = 0; k < negatives; k++)
      negative[s * negatives + k] = (uint32_t)plt_npy_int(&sampler->replay, batch, col + 2 + k);
  }
}

void plt_sampler_draw(const plt_sampler_t *sampler, uint32_t epoch, uint32_t batch, uint32_t first, uint32_t n,
                      uint32_t *user, uint32_t *positive, uint32_t *negative) {
  if (sampler->replay.map != NULL) {
    draw_replay(sampler, batch, first, n, user, positive, negative);
    return;
  }
  const plt_dataset_t *data = sampler->data;
  size_t negatives = sampler->config.negatives;
  plt_rng_key_t order = plt_rng_key(sampler->config.seed, "order", (uint64_t)sampler->config.stage << 32 | epoch);
  uint64_t place = (uint64_t)batch * sampler->config.batch_size + first, at[AT_ONCE];
  for (uint32_t begin = 0, here; begin < n; begin += here) {
    here = n - begin < AT_ONCE ? n - begin : AT_ONCE;
    plt_rng_permute_range(order, sampler->n_pairs, place + begin, here, at);
    for (uint32_t s = 0; s < here; s++) {
      plt_pair_t pair = data->train[sampler->pairs == NULL ? at[s] : sampler->pairs[at[s]]];
      user[begin + s] = pair.user;
      positive[begin + s] = pair.item;
    }
    wanted_t of = {epoch, batch, (uint32_t)((first + begin) * negatives)};
    draw_negatives(sampler, &of, user + begin, here, negative + begin * negatives);
  }
}
