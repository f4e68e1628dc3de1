/* test_scorer.c - the best items of users: those of a full sort of products in double, and the same bits whatever the
 * memory that chunks of items and groups of users are cut for. */
#include "tests/unit/worker/tiny.h"
#include "worker/rank/scorer.h"

enum { USERS = 600, ITEMS = 2300, K = 30, DIM = 8, BLOCK_BYTES = PLT_VECTORS_BLOCK * DIM * sizeof(float) };

static void write_wide(const folder_t *folder) {
  naive_rng_t rng = {9};
  FILE *file = folder_create(folder, "wide.inter");
  fprintf(file, "userID\titemID\tx_label\n");
  for (uint32_t u = 0; u < USERS; u++)
    for (uint32_t i = naive_below(&rng, 100); i < ITEMS; i += 1 + naive_below(&rng, 200))
      fprintf(file, "%u\t%u\t0\n", u, i);
  fprintf(file, "0\t%d\t1\n", ITEMS - 1);
  fclose(file);
}

typedef struct ranks {
  size_t room, groups; /* in: bytes; out: calls it took */
  size_t told, done;   /* out: times that the last call told, and what the last one said */
  plt_ranked_t best[USERS][K];
} ranks_t;

/* plt_scorer_tell_fn: it only ever goes on. */
static void hear(void *context, size_t done) {
  ranks_t *ranks = context;
  cr_assert(done >= ranks->done && done <= USERS, "%zu users after %zu", done, ranks->done);
  ranks->told++;
  ranks->done = done;
}

/* A task: ranks all users, twice. */
static plt_status_t rank_all(plt_session_t *session, void *context) {
  ranks_t *ranks = context;
  plt_scorer_t *scorer = plt_scorer_create(session, NULL, K, ranks->room);
  uint32_t users[USERS];
  for (uint32_t u = 0; u < USERS; u++) users[u] = u;
  plt_scorer_watch(scorer, hear, ranks);
  for (int turn = 0; turn < 2; turn++) {
    ranks->groups = 0;
    for (size_t at = 0, size; at < USERS; at += size, ranks->groups++) {
      const plt_top_t *top;
      size = plt_scorer_group(scorer) < USERS - at ? plt_scorer_group(scorer) : USERS - at;
      ranks->told = ranks->done = 0;
      cr_assert_eq(plt_scorer_rank(scorer, users + at, size, &top), PLT_OK, "%s", plt_fail_text());
      cr_assert_eq(ranks->done, size);
      for (size_t u = 0; u < size; u++) {
        cr_assert_eq(top[u].n, K);
        if (turn == 1) cr_assert_eq(memcmp(ranks->best[at + u], top[u].best, sizeof ranks->best[0]), 0);
        memcpy(ranks->best[at + u], top[u].best, sizeof ranks->best[0]);
      }
    }
  }
  plt_scorer_destroy(&scorer);
  return PLT_OK;
}

static void rank_with(const tiny_t *tiny, size_t room, ranks_t *out) {
  *out = (ranks_t){.room = room};
  cr_assert_eq(tiny_run(&tiny->plan, rank_all, (void *[]){out}), PLT_OK, "%s", plt_fail_text());
}

static bool is_in(const plt_user_items_t *train, uint32_t user, uint32_t item) {
  for (uint64_t p = train->offset[user]; p < train->offset[user + 1]; p++)
    if (train->item[p] == item) return true;
  return false;
}

/* Nothing of training; sorted; nothing that is left out is better. */
static void check_against_all(const tiny_t *tiny, const ranks_t *ranks) {
  static float item[ITEMS][DIM];
  for (uint32_t i = 0; i < ITEMS; i++) plt_table_spec_birth(&tiny->plan.specs[1], 0, i, item[i]);
  for (uint32_t u = 0; u < USERS; u += 7) {
    float user[DIM];
    bool is_taken[ITEMS] = {false};
    const plt_ranked_t *best = ranks->best[u];
    plt_table_spec_birth(&tiny->plan.specs[0], 0, u, user);
    for (size_t r = 0; r < K; r++) {
      is_taken[best[r].item] = true;
      cr_assert_not(is_in(&tiny->data->part[PLT_PART_TRAIN], u, best[r].item));
      cr_assert(r == 0 || best[r].score <= best[r - 1].score);
    }
    for (uint32_t i = 0; i < ITEMS; i++) {
      double score = 0;
      for (int c = 0; c < DIM; c++) score += (double)user[c] * (double)item[i][c];
      if (!is_taken[i] && !is_in(&tiny->data->part[PLT_PART_TRAIN], u, i))
        cr_assert(score <= (double)best[K - 1].score + 1e-7, "user %u: item %u is left out", u, i);
    }
  }
}

Test(scorer, chunks_and_groups_change_nothing) {
  static ranks_t whole, one, two;
  tiny_t tiny;
  tiny_open_of(&tiny, write_wide, 0,
               (const char *const[]){"model.name=bpr", "model.dim=8", "strategy.name=plain", NULL});
  cr_assert(tiny.data->items == ITEMS && tiny.data->users == USERS);
  tiny_settle(&tiny);
  rank_with(&tiny, PLT_SCORER_ROOM, &whole);
  cr_assert_eq(whole.groups, 1);
  cr_assert_eq(whole.told, (USERS + PLT_SCORER_USERS - 1) / PLT_SCORER_USERS);
  check_against_all(&tiny, &whole);
  rank_with(&tiny, 1, &one); /* the least there is: blocks */
  cr_assert_eq(one.groups, (USERS + PLT_SCORER_USERS - 1) / PLT_SCORER_USERS);
  cr_assert_eq(one.told, (ITEMS + PLT_VECTORS_BLOCK - 1) / PLT_VECTORS_BLOCK);
  rank_with(&tiny, 2 * BLOCK_BYTES, &two);
  cr_assert_eq(memcmp(one.best, whole.best, sizeof one.best), 0);
  cr_assert_eq(memcmp(two.best, whole.best, sizeof two.best), 0);
  tiny.plan.threads = 3;
  rank_with(&tiny, 2 * BLOCK_BYTES, &two);
  cr_assert_eq(memcmp(two.best, whole.best, sizeof two.best), 0);
  tiny_close(&tiny);
}
