/* The clock rule over random schedules of workers, beside a naive model: whole arrays, every condition written out.
 * Workers prefetch, have unequal numbers of batches, finish epochs, and are called together. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/rng.h"
#include "ps/server/clock.h"

enum { WORKERS_MAX = 5, EPOCHS = 3, PULLS_MAX = 8, SCHEDULES = 400 };

/* One pull on its way: for which clock, and whether the answer has come. */
typedef struct pull {
  uint64_t b;
  bool answered;
} pull_t;

typedef struct model {
  uint32_t schedule, draws;
  uint32_t workers, batches, depth;
  uint64_t staleness;
  plt_clock_t *clock; /* what is tested */
  /* the naive model */
  uint64_t pushed[WORKERS_MAX], rounds;
  uint32_t epoch[WORKERS_MAX];
  pull_t pulls[WORKERS_MAX][PULLS_MAX];
  size_t n_pulls[WORKERS_MAX];
  bool waits[WORKERS_MAX]; /* at the end of its epoch */
  uint64_t meet;           /* 0: nobody was called */
  bool told[WORKERS_MAX];  /* of this meeting */
  uint64_t answers, asked, meetings;
} model_t;

static uint32_t draw(model_t *m, uint32_t below) {
  return plt_rng_draw(plt_rng_key(5, "clock", 0), m->schedule, m->draws++, 0, 0).word[0] % below;
}

static uint64_t own_batches(const model_t *m, uint32_t w) {
  return w < m->batches ? (m->batches - 1 - w) / m->workers + 1 : 0;
}
static uint64_t base(const model_t *m, uint32_t w) { return m->epoch[w] * m->rounds; }
static uint64_t own_end(const model_t *m, uint32_t w) { return base(m, w) + own_batches(m, w); }

static void ask(model_t *m, uint32_t w, uint64_t b) {
  cr_assert_lt(m->n_pulls[w], PULLS_MAX);
  m->pulls[w][m->n_pulls[w]++] = (pull_t){b, false};
  m->asked++;
}

static void finish_epoch(model_t *m, uint32_t w) {
  m->waits[w] = true;
  m->pushed[w] = base(m, w) + m->rounds;
  plt_clock_place(m->clock, w, m->pushed[w]);
  plt_clock_told(m->clock, w, m->pushed[w]);
  if (m->meet != 0) m->told[w] = true;
}

static void begin_epoch(model_t *m, uint32_t w) {
  uint64_t own = own_batches(m, w);
  plt_clock_place(m->clock, w, base(m, w));
  m->n_pulls[w] = 0;
  for (uint64_t ahead = 0; ahead <= m->depth && ahead < own; ahead++) ask(m, w, base(m, w) + ahead);
  if (own == 0) finish_epoch(m, w);
}

/* Whether the first pull is answered, so that the worker can push. At a meeting nobody goes on. */
static bool can_push(const model_t *m, uint32_t w) {
  if (m->waits[w] || m->n_pulls[w] == 0 || !m->pulls[w][0].answered) return false;
  return !(m->told[w] && m->pushed[w] == m->meet);
}

static void push(model_t *m, uint32_t w) {
  uint64_t b = m->pulls[w][0].b;
  cr_assert_eq(b, m->pushed[w]);
  if (m->meet != 0) cr_assert_lt(b, m->meet, "schedule %u: worker %u goes past the meeting", m->schedule, w);
  memmove(m->pulls[w], m->pulls[w] + 1, --m->n_pulls[w] * sizeof *m->pulls[w]);
  m->pushed[w]++;
  plt_clock_advance(m->clock, w);
  cr_assert_eq(plt_clock_of(m->clock, w), m->pushed[w]);
  if (m->meet == 0 && draw(m, 10) == 0) { /* it asks for a meeting */
    m->meet = plt_clock_meeting(m->clock);
    for (uint32_t v = 0; v < m->workers; v++) cr_assert_leq(m->pushed[v], m->meet);
  }
  uint64_t next = b + m->depth + 1;
  if (next < own_end(m, w)) {
    ask(m, w, next);
  } else {
    plt_clock_told(m->clock, w, m->pushed[w]); /* a push without keys is answered at once */
    if (m->meet != 0) m->told[w] = true;
  }
  if (m->pushed[w] == own_end(m, w) && !(m->told[w] && m->meet == m->pushed[w])) finish_epoch(m, w);
}

/* The naive rule. */
static bool naive_admits(const model_t *m, uint32_t w, uint64_t b) {
  for (uint32_t v = 0; v < m->workers; v++)
    if (v != w && m->staleness != PLT_STALENESS_ANY && m->pushed[v] + m->staleness < b) return false;
  return true;
}

static bool answer(model_t *m, uint32_t w, size_t i) {
  pull_t *pull = &m->pulls[w][i];
  uint32_t who = w;
  if (pull->answered) return false;
  bool admitted = plt_clock_admits(m->clock, w, pull->b, &who);
  cr_assert_eq(admitted, naive_admits(m, w, pull->b), "schedule %u: worker %u, clock %lu", m->schedule, w,
               (unsigned long)pull->b);
  if (!admitted) {
    cr_assert(who != w && m->pushed[who] + m->staleness < pull->b);
    return false;
  }
  pull->answered = true;
  m->answers++;
  plt_clock_told(m->clock, w, pull->b + 1);
  if (m->meet != 0) m->told[w] = true;
  return true;
}

/* All have come to the meeting, or to an epoch's end before it. */
static bool meeting_is_full(const model_t *m) {
  for (uint32_t w = 0; w < m->workers; w++)
    if (m->pushed[w] != m->meet && !m->waits[w]) return false;
  return m->meet != 0;
}

static void end_meeting(model_t *m) {
  m->meetings++;
  uint64_t met = m->meet;
  m->meet = 0;
  memset(m->told, 0, sizeof m->told);
  for (uint32_t w = 0; w < m->workers; w++)
    if (!m->waits[w] && met == own_end(m, w)) finish_epoch(m, w);
}

/* One random thing that can happen; false if nothing can. */
static bool go_on(model_t *m) {
  uint32_t offset = draw(m, 64), lazy = draw(m, m->workers);
  if (meeting_is_full(m)) {
    end_meeting(m);
    return true;
  }
  for (uint32_t pass = 0; pass < 2; pass++) /* a lazy worker comes last */
    for (uint32_t i = 0; i < 64; i++) {
      uint32_t action = (i + offset) % 64, w = action % 8, what = action / 8;
      if (w >= m->workers || (pass == 0 && w == lazy)) continue;
      if (what == PULLS_MAX - 1 && can_push(m, w)) {
        push(m, w);
        return true;
      }
      if (what < m->n_pulls[w] && answer(m, w, what)) return true;
    }
  return false;
}

static bool all_wait(const model_t *m) {
  for (uint32_t w = 0; w < m->workers; w++)
    if (!m->waits[w]) return false;
  return true;
}

static void run_schedule(model_t *m) {
  m->clock = plt_clock_create(m->workers, m->staleness, 0);
  m->rounds = (m->batches + m->workers - 1) / m->workers;
  for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
    for (uint32_t w = 0; w < m->workers; w++) { /* the end of an epoch was a barrier */
      m->epoch[w] = epoch;
      m->waits[w] = m->told[w] = false;
    }
    m->meet = 0;
    for (uint32_t w = 0; w < m->workers; w++) begin_epoch(m, w);
    while (!all_wait(m))
      cr_assert(go_on(m), "schedule %u: nobody can go on: %u workers, %u batches, staleness %lu, prefetch %u",
                m->schedule, m->workers, m->batches, (unsigned long)m->staleness, m->depth);
  }
  cr_assert_eq(m->answers, m->asked, "schedule %u: a pull was never answered", m->schedule);
  plt_clock_destroy(&m->clock);
}

Test(schedules, random_schedules_with_any_bound) {
  static const uint64_t bounds[] = {0, 1, 2, 3, 4, PLT_STALENESS_ANY};
  uint64_t meetings = 0;
  for (uint32_t schedule = 0; schedule < SCHEDULES; schedule++) {
    model_t m = {.schedule = schedule};
    m.workers = 1 + draw(&m, WORKERS_MAX);
    m.batches = 1 + draw(&m, 23);
    m.staleness = bounds[draw(&m, 6)];
    m.depth = m.staleness == PLT_STALENESS_ANY ? draw(&m, 2) : draw(&m, (uint32_t)m.staleness + 1);
    run_schedule(&m);
    meetings += m.meetings;
  }
  cr_assert_gt(meetings, 100);
}

Test(schedules, who_has_left_holds_nobody_back) {
  uint32_t who = 9;
  plt_clock_t *clock = plt_clock_create(3, 1, 10);
  cr_assert(plt_clock_admits(clock, 0, 11, &who));
  cr_assert_not(plt_clock_admits(clock, 0, 12, &who));
  plt_clock_advance(clock, 1);
  cr_assert_not(plt_clock_admits(clock, 0, 12, &who));
  cr_assert_eq(who, 2);
  plt_clock_leave(clock, 2);
  cr_assert(plt_clock_admits(clock, 0, 12, &who));
  cr_assert_eq(plt_clock_lead(clock, 0, 12), 1);
  cr_assert_eq(plt_clock_live(clock), 2);
  plt_clock_place(clock, 1, 5); /* never back */
  cr_assert_eq(plt_clock_of(clock, 1), 11);
  plt_clock_destroy(&clock);
}
