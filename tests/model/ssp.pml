/* ssp.pml - workers that step alone (ssp, asp): the bound, prefetching, placing at an epoch's end, meetings,
 * checkpoints ordered there, deaths and restarts.
 *
 * Two workers, two servers; batch b of an epoch is worker b mod 2's, so with an odd number of batches worker 1 has fewer.
 * Messages as in bsp.pml: what is asked now arrives as often as it likes and in any order, of what was asked before one
 * message of each worker at a time, into later generations too; answers are lost LOSSES times. A process dies DEATHS
 * times, at any moment: the others go on until the conductor has stopped them all, and all start again at the meeting
 * of the newest checkpoint. Sums are barriers here, and parts are whole when they are there (bsp.pml has both).
 *
 * What stands for what: `step_alone`, `apply_kept`, `answer_steps`, `obey`, `save` are those of ps/server/step.c, the
 * clock is ps/server/clock.c, `begin_step`, `finish_oldest`, `do_batch`, `meet`, `end_batches` are those of
 * worker/train/alone.c, Conductor is launch/cluster/conductor.c.
 *
 * STALENESS and AHEAD are cluster.staleness and cluster.prefetch. What is not 0 of `mistake` seeds one
 * (docs/protocol-model.md). All are taken from the environment, so that one program does for all. */
#define W 2
#define S 2
/* Of the environment: how much there is of everything. STALENESS 255 is asp. */
byte BATCHES, EPOCHS, STALENESS, AHEAD;
byte LOSSES; /* of answers */
byte DEATHS;
byte WANTS;  /* how often a checkpoint is wanted in the middle of an epoch */
#define ANY 255
#define ROUNDS ((BATCHES + 1) / 2)
#define SLOTS 2 /* steps of a worker under way: AHEAD + 1 at most */
#define KEPT 3

/* Mistakes; the first two were once made. */
#define LATE_ORDER 1   /* any order but the last one was carried out, a late one too */
#define LATE_WELCOME 2 /* a worker was welcomed with the clock as it is, not as it was in the beginning */
#define UNCOUNTED 3    /* a push that overtook the one before it is answered before it is counted */
#define LOOSE 4        /* the bound is one too many */
#define TOO_NEAR 5     /* the meeting is where the furthest is, not as far as anybody may come */
#define PLACED_EARLY 6 /* a worker is placed before its pushes are in: they look like second deliveries */
#define ANY_AGE 7      /* messages of all generations are taken */
#define FROM_CLOCK 8   /* begun anew where the first worker stood, not at the meeting that the checkpoint was made at */
byte mistake;

#define ROWS 1
#define REFUSED 2

#define AT(s, w, k) (((s) * W + (w)) * SLOTS + (k))
#define SW(s, w) ((s) * W + (w))

typedef message { /* a STEP; request 0: none */
  byte generation, request, clock, ahead;
  byte number; /* ghost: of a push, how many its worker made before */
  bool pushes, pulls, flag
}

typedef kept_list { message step[KEPT] }
typedef slot_list { message step[SLOTS] }

slot_list cur[W];
message old[W];
byte request[W];
bool open[8];  /* [AT] */
byte ans[8];
byte ans_meet[4]; /* [w * SLOTS + k]: what server 0's answer says */

/* Servers. */
kept_list kept[4];  /* [SW] */
byte pushed[4], reach[4], applied[4]; /* applied: ghost, the pushes of a worker that are in the tables */
byte meet0;         /* server 0's s->meet */
byte now[S], save_request[S];
byte saved[S];      /* ghost: orders carried out */
byte part[S];       /* the meeting of each server's newest part; 0: none of this generation */
byte newest;        /* the meeting of the newest published checkpoint; 0: none, all begin at the beginning */
bool server_lives[S];

/* Workers. */
byte arrived[W];    /* barriers come to */
bool ended[W], worker_lives[W];
bool idle[W] = true; /* a process that was ended is gone before another takes its place */
byte generation, deaths;
byte wanted;        /* checkpoints that were wanted so far */
bool wants;         /* now */
byte ordered;       /* by worker 0 */
byte losses;

/* Ghost: the batches that a worker does in rounds before x. */
#define PER_EPOCH(w) ((BATCHES + 1 - (w)) / 2)
#define OF_ROUND(w, r) ((r) < PER_EPOCH(w) -> (r) : PER_EPOCH(w))
#define OWN(w, x) (((x) / ROUNDS) * PER_EPOCH(w) + OF_ROUND(w, (x) % ROUNDS))

/* ---- servers ---- */

inline copy(to_, from_) {
  to_.generation = from_.generation;
  to_.request = from_.request;
  to_.clock = from_.clock;
  to_.ahead = from_.ahead;
  to_.number = from_.number;
  to_.pushes = from_.pushes;
  to_.pulls = from_.pulls;
  to_.flag = from_.flag
}

inline forget(m_) {
  m_.generation = 0;
  m_.request = 0;
  m_.clock = 0;
  m_.ahead = 0;
  m_.number = 0;
  m_.pushes = false;
  m_.pulls = false;
  m_.flag = false
}

/* To whichever step of the worker asked; others are passed over. */
inline answer_slot(s_, w_, k_, m_, what_) {
  if
  :: m_.generation == generation && cur[w_].step[k_].request == m_.request && open[AT(s_, w_, k_)] ->
     ans[AT(s_, w_, k_)] = what_;
     if
     :: s_ == 0 -> ans_meet[w_ * SLOTS + k_] = meet0
     :: else
     fi
  :: else
  fi
}
inline answer(s_, w_, m_, what_) {
  answer_slot(s_, w_, 0, m_, what_);
  answer_slot(s_, w_, 1, m_, what_)
}

#define OTHER_PUSHED(s, w) pushed[SW(s, 1 - (w))]
#define SLACK (STALENESS + (mistake == LOOSE))
#define ADMITS(s, w, b) (STALENESS == ANY || (b) <= SLACK || OTHER_PUSHED(s, w) >= (b) - SLACK) /* plt_clock_admits() */

/* plt_clock_told() */
inline tell(s_, w_, reach_) {
  if
  :: reach[SW(s_, w_)] < (reach_) -> reach[SW(s_, w_)] = reach_
  :: else
  fi
}

#define MORE(a, b) ((a) > (b) -> (a) : (b))
#define FURTHEST(s) MORE(pushed[SW(s, 0)], pushed[SW(s, 1)])
#define REACH(s) MORE(reach[SW(s, 0)], reach[SW(s, 1)])
#define MEETING(s) (mistake == TOO_NEAR -> FURTHEST(s) : MORE(FURTHEST(s), REACH(s))) /* plt_clock_meeting() */

#define LIST(s, w) kept[SW(s, w)]

inline release(s_, w_, i_) { /* those behind move up */
  j = i_;
  do
  :: j + 1 < KEPT -> copy(LIST(s_, w_).step[j], LIST(s_, w_).step[j + 1]); j++
  :: else -> break
  od;
  forget(LIST(s_, w_).step[KEPT - 1])
}

#define IS_EARLY(s, w, m) (m.pushes && m.clock >= pushed[SW(s, w)] && mistake != UNCOUNTED)

/* The bound by what is in the tables, not by the clocks that the rule looks at. */
#define BOUND(s, w, b) (STALENESS == ANY || (b) <= STALENESS || applied[SW(s, 1 - (w))] >= OWN(1 - (w), (b) - STALENESS))

inline answer_worker(s_, w_) {
  i = 0;
  do
  :: i < KEPT ->
     if
     :: LIST(s_, w_).step[i].request != 0 && !IS_EARLY(s_, w_, LIST(s_, w_).step[i]) ->
        b = LIST(s_, w_).step[i].clock + LIST(s_, w_).step[i].pushes + LIST(s_, w_).step[i].ahead;
        if
        :: !LIST(s_, w_).step[i].pulls ->
           tell(s_, w_, LIST(s_, w_).step[i].clock + LIST(s_, w_).step[i].pushes);
           answer(s_, w_, LIST(s_, w_).step[i], ROWS);
           release(s_, w_, i)
        :: LIST(s_, w_).step[i].pulls && ADMITS(s_, w_, b) ->
           assert(BOUND(s_, w_, b));
           tell(s_, w_, b + 1);
           answer(s_, w_, LIST(s_, w_).step[i], ROWS);
           release(s_, w_, i)
        :: else -> i++
        fi
     :: else -> i++
     fi
  :: else -> break
  od
}

/* apply_push(): each push once, in the order in which they were made. */
inline apply_kept(s_, w_) {
  i = 0;
  do
  :: i < KEPT ->
     if
     :: LIST(s_, w_).step[i].request != 0 && LIST(s_, w_).step[i].pushes &&
          LIST(s_, w_).step[i].clock == pushed[SW(s_, w_)] ->
        assert(LIST(s_, w_).step[i].number == applied[SW(s_, w_)]);
        applied[SW(s_, w_)]++;
        now[s_]++;
        pushed[SW(s_, w_)]++;
        if
        :: LIST(s_, w_).step[i].flag && s_ == 0 && meet0 <= LIST(s_, w_).step[i].clock -> meet0 = MEETING(s_)
        :: else
        fi;
        i = 0
     :: else -> i++
     fi
  :: else -> break
  od
}

#define IS_NEW_ORDER(s, m) (m.request > save_request[s] || (mistake == LATE_ORDER && m.request != save_request[s]))

/* obey(): a checkpoint holds the batches before its order, on all servers. */
inline obey(s_, m_) {
  if
  :: !m_.pushes && m_.flag && IS_NEW_ORDER(s_, m_) ->
     save_request[s_] = m_.request;
     saved[s_]++;
     part[s_] = (DEATHS > 0 -> m_.clock : 0); /* else nobody asks for it */
     assert(saved[s_] == ordered);
     assert(applied[SW(s_, 0)] == OWN(0, m_.clock) && applied[SW(s_, 1)] == OWN(1, m_.clock))
  :: else
  fi
}

#define IS_KEPT(s, w, m) (LIST(s, w).step[0].request == m.request || LIST(s, w).step[1].request == m.request || \
                          LIST(s, w).step[2].request == m.request)

#define IS_STRANGE(m) (m.generation != generation && mistake != ANY_AGE)

inline step_alone(s_, w_, m_) {
  if
  :: IS_STRANGE(m_) -> skip
  :: !IS_STRANGE(m_) && IS_KEPT(s_, w_, m_) -> skip /* asks_again() */
  :: !IS_STRANGE(m_) && !IS_KEPT(s_, w_, m_) && LIST(s_, w_).step[KEPT - 1].request != 0 -> answer(s_, w_, m_, REFUSED)
  :: else ->
     if /* plt_clock_place() */
     :: !m_.pushes && pushed[SW(s_, w_)] < m_.clock -> pushed[SW(s_, w_)] = m_.clock
     :: else
     fi;
     obey(s_, m_);
     if
     :: LIST(s_, w_).step[0].request == 0 -> copy(LIST(s_, w_).step[0], m_)
     :: LIST(s_, w_).step[0].request != 0 && LIST(s_, w_).step[1].request == 0 -> copy(LIST(s_, w_).step[1], m_)
     :: else -> copy(LIST(s_, w_).step[2], m_)
     fi;
     apply_kept(s_, w_);
     answer_worker(s_, 0);
     answer_worker(s_, 1)
  fi;
  i = 0;
  j = 0;
  b = 0
}

/* ---- the network ---- */

proctype Carrier(byte s; byte w) {
  byte i, j, b;
end:
  do
  :: d_step { open[AT(s, w, 0)] && server_lives[s] && worker_lives[w] -> step_alone(s, w, cur[w].step[0]) }
  :: d_step { open[AT(s, w, 1)] && server_lives[s] && worker_lives[w] -> step_alone(s, w, cur[w].step[1]) }
  od
}

/* What is late, and what is lost. */
proctype Network() {
  byte i, j, b;
end:
  do
  :: d_step { old[0].request != 0 && server_lives[0] -> step_alone(0, 0, old[0]) }
  :: d_step { old[0].request != 0 && server_lives[1] -> step_alone(1, 0, old[0]) }
  :: d_step { old[1].request != 0 && server_lives[0] -> step_alone(0, 1, old[1]) }
  :: d_step { old[1].request != 0 && server_lives[1] -> step_alone(1, 1, old[1]) }
  :: atomic {
       losses < LOSSES ->
       if
       :: ans[0] != 0 -> ans[0] = 0
       :: ans[1] != 0 -> ans[1] = 0
       :: ans[2] != 0 -> ans[2] = 0
       :: ans[3] != 0 -> ans[3] = 0
       :: ans[4] != 0 -> ans[4] = 0
       :: ans[5] != 0 -> ans[5] = 0
       :: ans[6] != 0 -> ans[6] = 0
       :: ans[7] != 0 -> ans[7] = 0
       fi;
       losses++
     }
  :: atomic { wanted < WANTS && !wants && !ended[0] && worker_lives[0] -> wants = true; wanted++ }
  :: d_step { part[0] > newest && part[1] == part[0] && server_lives[0] -> newest = part[0] } /* published */
  od
}

/* ---- workers ---- */

inline begin_step(clock_, ahead_, pushes_, pulls_, flag_) {
  atomic {
    k = (first + n) % SLOTS;
    assert(n < SLOTS);
    if
    :: cur[w].step[k].request != 0 -> copy(old[w], cur[w].step[k])
    :: true
    fi;
    request[w]++;
    cur[w].step[k].generation = generation;
    cur[w].step[k].request = request[w];
    cur[w].step[k].clock = clock_;
    cur[w].step[k].ahead = ahead_;
    cur[w].step[k].number = (pushes_ -> made : 0);
    cur[w].step[k].pushes = pushes_;
    cur[w].step[k].pulls = pulls_;
    cur[w].step[k].flag = flag_;
    open[AT(0, w, k)] = true;
    open[AT(1, w, k)] = true;
    n++;
    k = 0
  }
}

/* An answer is taken when it is there, whichever step is waited for: only server 0's says something. */
inline finish_oldest() {
  atomic {
    (ans[AT(0, w, first)] != 0 && ans[AT(1, w, first)] != 0) ->
    assert(ans[AT(0, w, first)] == ROWS && ans[AT(1, w, first)] == ROWS);
    if
    :: ans_meet[w * SLOTS + first] > called -> called = ans_meet[w * SLOTS + first]
    :: else
    fi;
    ans[AT(0, w, first)] = 0;
    ans[AT(1, w, first)] = 0;
    ans_meet[w * SLOTS + first] = 0;
    open[AT(0, w, first)] = false;
    open[AT(1, w, first)] = false;
    first = (first + 1) % SLOTS;
    n--;
    finished++
  }
}

inline finish_all() {
  do
  :: n > 0 -> finish_oldest()
  :: n == 0 -> break
  od
}

inline barrier() {
  arrived[w]++;
  (arrived[1 - w] >= arrived[w])
}

#define CALLED (called > met && called < end)

/* All have done the batches of rounds before `to_`, and no others. */
inline meet(to_) {
  finish_all();
  if
  :: w == 0 -> flags = wants /* in the sum */
  :: else
  fi;
  atomic {
    barrier();
    assert(applied[SW(0, 0)] == OWN(0, to_) && applied[SW(0, 1)] == OWN(1, to_));
    assert(applied[SW(1, 0)] == OWN(0, to_) && applied[SW(1, 1)] == OWN(1, to_));
    assert(began[0] == began[1])
  };
  atomic { met = called; obeys = flags };
  barrier(); /* the sum is answered */
  if
  :: obeys ->
     if
     :: w == 0 ->
        ordered++;
        begin_step(round, 0, false, false, true);
        finish_all();
        atomic { finished--; wants = false } /* it is none of those that pull a batch */
     :: else
     fi;
     barrier()
  :: else
  fi
}

inline do_batch() {
  atomic {
    wish = (w == 0 && wants);
    more = (own + AHEAD + 1 < PER_EPOCH(w));
    if
    :: more -> ahead = AHEAD
    :: else -> ahead = 0
    fi
  };
  begin_step(round, ahead, true, more, wish);
  atomic { made++; round++; wish = false; more = false; ahead = 0 }
}

inline end_batches() {
  if
  :: mistake != PLACED_EARLY -> finish_all()
  :: else
  fi;
  if
  :: CALLED -> meet(called)
  :: else
  fi;
  if
  :: round < end ->
     if
     :: n == SLOTS -> finish_oldest() /* a mistake's: there is room */
     :: else
     fi;
     round = end;
     begin_step(round, 0, false, false, false);
     finish_all();
     if
     :: CALLED -> meet(called)
     :: else
     fi
  :: else
  fi;
  called = end;
  meet(end)
}

bool flags;          /* the sum of a meeting: worker 0's */
byte began[W];       /* the clock that each was welcomed with */

/* From the meeting of the checkpoint, in the middle of an epoch or at its beginning. */
inline work() {
  atomic {
    began[w] = (mistake == LATE_WELCOME -> now[0] : newest);
    epoch = newest / ROUNDS;
    from = newest % ROUNDS;
    made = OWN(w, newest)
  };
  do
  :: epoch < EPOCHS ->
     atomic {
       round = epoch * ROUNDS + from;
       end = (epoch + 1) * ROUNDS;
       met = round;
       called = round;
       own = OF_ROUND(w, from);
       finished = own;
       from = 0;
       ahead = 0
     };
     do /* begin_batches(): bare pulls */
     :: ahead <= AHEAD && own + ahead < PER_EPOCH(w) ->
        begin_step(round, ahead, false, true, false);
        ahead++
     :: else -> break
     od;
     do
     :: own < PER_EPOCH(w) ->
        do
        :: finished <= own -> finish_oldest()
        :: else -> break
        od;
        if
        :: CALLED && round >= called -> meet(called)
        :: else
        fi;
        do_batch();
        own++
     :: else -> break
     od;
     end_batches();
     epoch++
  :: else -> break
  od;
  ended[w] = true
}

proctype Worker(byte w) {
  byte epoch, from, round, end, met, called, first, n, finished, own, ahead, k;
  byte made; /* ghost */
  bool wish, more, obeys;
end_worker:
  do
  :: atomic { worker_lives[w] && !ended[w] -> idle[w] = false };
     { work() } unless { !worker_lives[w] };
     atomic {
       epoch = 0; from = 0; round = 0; end = 0; met = 0; called = 0; first = 0; n = 0; finished = 0; own = 0;
       ahead = 0; k = 0; made = 0; wish = false; more = false; obeys = false;
       idle[w] = true
     }
  od
}

/* ---- the conductor ---- */

#define ALL_ENDED (ended[0] && ended[1])

/* Clocks begin at 0: bare pulls place the workers. */
inline start_server(s_) {
  now[s_] = OWN(0, newest) + OWN(1, newest);
  save_request[s_] = 0;
  saved[s_] = 0;
  part[s_] = 0;
  i = 0;
  do
  :: i < W ->
     pushed[SW(s_, i)] = (mistake == FROM_CLOCK -> now[s_] : 0);
     reach[SW(s_, i)] = 0;
     applied[SW(s_, i)] = OWN(i, newest);
     forget(LIST(s_, i).step[0]);
     forget(LIST(s_, i).step[1]);
     forget(LIST(s_, i).step[2]);
     i++
  :: else -> break
  od;
  server_lives[s_] = true
}

inline start_worker(w_) {
  forget(cur[w_].step[0]);
  forget(cur[w_].step[1]);
  request[w_] = 0;
  arrived[w_] = 0;
  began[w_] = 0;
  ended[w_] = false;
  worker_lives[w_] = true
}

inline start_all() {
  d_step {
    meet0 = 0;
    ordered = 0;
    flags = false;
    wants = false;
    start_server(0);
    start_server(1);
    start_worker(0);
    start_worker(1);
    i = 0;
    do
    :: i < 8 -> ans[i] = 0; open[i] = false; i++
    :: else -> break
    od;
    ans_meet[0] = 0;
    ans_meet[1] = 0;
    ans_meet[2] = 0;
    ans_meet[3] = 0;
    i = 0
  }
}

/* Any may die. The others go on for as long as they like, then all are ended. */
inline die() {
  if
  :: server_lives[0] = false
  :: server_lives[1] = false
  :: worker_lives[0] = false
  :: worker_lives[1] = false
  fi
}

/* What a worker asked last stays on its way, or what it asked before does. */
inline stays(w_) {
  if
  :: cur[w_].step[0].request != 0 -> copy(old[w_], cur[w_].step[0])
  :: cur[w_].step[1].request != 0 -> copy(old[w_], cur[w_].step[1])
  :: true
  fi
}

proctype Conductor() {
  byte i;
  start_all();
end_conductor:
  do
  :: atomic { !ALL_ENDED && deaths < DEATHS -> deaths++; die() };
     d_step {
       server_lives[0] = false;
       server_lives[1] = false;
       worker_lives[0] = false;
       worker_lives[1] = false
     };
     atomic {
       (idle[0] && idle[1]); /* all have reported so */
       stays(0);
       stays(1);
       generation++;
       start_all()
     }
  :: ALL_ENDED -> break
  od
}

init {
  atomic {
    c_code {
      now.mistake = getenv("MISTAKE") == NULL ? 0 : atoi(getenv("MISTAKE"));
      now.BATCHES = atoi(getenv("BATCHES"));
      now.EPOCHS = atoi(getenv("EPOCHS"));
      now.STALENESS = atoi(getenv("STALENESS"));
      now.AHEAD = atoi(getenv("AHEAD"));
      now.LOSSES = atoi(getenv("LOSSES"));
      now.DEATHS = atoi(getenv("DEATHS"));
      now.WANTS = atoi(getenv("WANTS"));
    };
    run Conductor();
    run Worker(0);
    run Worker(1);
    run Carrier(0, 0);
    run Carrier(0, 1);
    run Carrier(1, 0);
    run Carrier(1, 1);
    run Network()
  }
}

ltl served { <> (ended[0] && ended[1]) }
