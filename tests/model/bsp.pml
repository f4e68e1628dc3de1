/* bsp.pml - workers and servers in bsp, from HELLO to BYE, with checkpoints, deaths and restarts.
 *
 * Two workers, two servers. A message that was ever sent may arrive at any time, any number of times and late: what a
 * worker asks now, without bounds. FAULTS times something worse happens, at any moment: a message stays on its way when
 * its worker has gone on, for good and into later generations; an answer is lost; a process dies, the others go on until
 * the conductor has stopped them one by one, and all start again from the newest checkpoint. The network promises only
 * that what is asked again and again arrives once (weak fairness of Carrier).
 *
 * What stands for what: `received` is on_message() with admit() and dispatch() (ps/server/server.c), `step_together`,
 * `complete_clock`, `answer_steps`, `obey` and `save` are those of ps/server/step.c, `on_sum` is plt_server_on_sum()
 * (ps/server/sum.c), `save` with Saver is ps/checkpoint/saver.c, `ask` is worker/client/exchange.c, Worker is
 * worker/train/together.c with save.c, publishing is plt_manifest_publish() (common/io/manifest.c), Conductor is
 * launch/cluster/conductor.c.
 *
 * What is not 0 of `mistake` seeds one (docs/protocol-model.md). All are taken from the environment, so that one program
 * does for all. */
#define W 2
#define S 2
/* Of the environment: clocks to make, 2 at most, and faults. */
byte CLOCKS, FAULTS;

/* Mistakes; the first three were once made. */
#define TWICE 1     /* what was asked before, or came again, was done once more */
#define REPLACED 2  /* what came late was kept in the place of a push that was counted */
#define SUM_GONE 3  /* only the sum under way was answered: not the one before, whose answer may have been lost */
#define ANY_AGE 4   /* messages of all generations are taken */
#define SOME_PARTS 5 /* published when the first part is there */
byte mistake;

/* Verbs; 0 is no message. A SUM's name is a number. */
#define HELLO 1
#define ASSIGN 2
#define SUM 3
#define STEP 4
#define CHECKPOINTED 5
#define BYE 6
/* Answers; 0 is none. */
#define DONE 1
#define FLAGGED 2 /* rows of a clock whose flags ordered a checkpoint */
#define NOT_YET 3
#define REFUSED 4

#define AT(s, w) ((s) * W + (w))

typedef message {
  byte generation, request, verb;
  byte clock; /* of a STEP or a checkpoint; the name of a SUM */
  byte progress;
  bool pushes, flag
}

typedef server {
  byte start, now, save_request, progress;
  byte steps;       /* ghost: steps that are in the tables */
  bool flags, decided;
  byte pushed[W];   /* plt_clock_t */
  bool live[W], counted[W], greeted[W];
  byte last[W];     /* plt_peer_t.request */
  byte changed[W];
  message kept[W];
  byte saves;       /* clock of the saver's part */
  byte saving;      /* 0: nothing yet, 1: being written, 2: written */
  byte sum, sum_before;
  bool sum_done, summed[W]
}

server srv[S];
message cur[W];      /* what a worker asks */
message old[W];      /* what it asked before, on its way for as long as it likes */
bool open[4];        /* [AT]: the server has not answered yet */
byte ans[4];         /* [AT]: on its way to the worker */
byte told[4];        /* [AT]: the clock that came with it (WELCOME) */

byte generation = 1;
bool server_lives[S], worker_lives[W], ended[W];
bool idle[W] = true; /* a process that was ended is gone before another takes its place */
byte faults; /* so far */

/* Checkpoints: of clock c the part of server s at PART(c, s), in <c>.part until it is published. */
#define PART(c, s) ((c) * S + (s))
byte part[6];        /* 0: none, 1: being written, 2: whole */
byte part_generation[6], part_steps[6];
byte newest;         /* clock of the newest published one, 0: none */

/* ---- servers ---- */

/* Nobody hears what is sent to a process that is gone, and an answer to an earlier request is passed over. */
inline answer(s_, w_, m_, what_) {
  if
  :: m_.generation == generation && m_.request == cur[w_].request && open[AT(s_, w_)] -> ans[AT(s_, w_)] = what_
  :: else
  fi
}

/* plt_saver_begin(): waits for the part before, then begins one of the tables as they are. */
inline save(s_) {
  assert(s_ != 0 || srv[s_].progress == srv[s_].now);
  if
  :: srv[s_].saving == 1 -> part[PART(srv[s_].saves, s_)] = 2
  :: else
  fi;
  srv[s_].saves = srv[s_].now;
  srv[s_].saving = 1;
  part[PART(srv[s_].now, s_)] = 1;
  part_generation[PART(srv[s_].now, s_)] = generation;
  part_steps[PART(srv[s_].now, s_)] = srv[s_].steps
}

#define FULL(s) ((srv[s].live[0] || srv[s].live[1]) && (!srv[s].live[0] || srv[s].counted[0]) && \
                 (!srv[s].live[1] || srv[s].counted[1]))

/* A clock is made of one push of that clock by each worker, computed in this generation. */
#define IS_PUSH_OF_NOW(s, w) (!srv[s].live[w] || (srv[s].kept[w].verb == STEP && srv[s].kept[w].pushes && \
                              srv[s].kept[w].clock == srv[s].now && srv[s].kept[w].generation == generation))

inline complete_clock(s_) {
  assert(IS_PUSH_OF_NOW(s_, 0) && IS_PUSH_OF_NOW(s_, 1));
  srv[s_].now++;
  srv[s_].steps++;
  srv[s_].decided = srv[s_].flags;
  srv[s_].flags = false;
  srv[s_].counted[0] = false;
  srv[s_].counted[1] = false;
  if
  :: srv[s_].decided -> save(s_)
  :: else
  fi
}

/* The rows of the clock that was asked for, not of another (the rule of clock.h with staleness 0). */
#define WANTED(m) (m.clock + m.pushes)
inline answer_step(s_, w_) {
  if
  :: srv[s_].kept[w_].verb == STEP && !(srv[s_].kept[w_].pushes && srv[s_].kept[w_].clock >= srv[s_].pushed[w_]) &&
       WANTED(srv[s_].kept[w_]) <= srv[s_].now &&
       (!srv[s_].live[1 - w_] || srv[s_].pushed[1 - w_] >= WANTED(srv[s_].kept[w_])) ->
     assert(WANTED(srv[s_].kept[w_]) == srv[s_].now);
     if
     :: srv[s_].decided && srv[s_].kept[w_].pushes -> answer(s_, w_, srv[s_].kept[w_], FLAGGED)
     :: else -> answer(s_, w_, srv[s_].kept[w_], DONE)
     fi;
     srv[s_].kept[w_].verb = 0
  :: else
  fi
}

inline copy(to_, from_) {
  to_.generation = from_.generation;
  to_.request = from_.request;
  to_.verb = from_.verb;
  to_.clock = from_.clock;
  to_.progress = from_.progress;
  to_.pushes = from_.pushes;
  to_.flag = from_.flag
}

inline forget(m_) {
  m_.generation = 0;
  m_.request = 0;
  m_.verb = 0;
  m_.clock = 0;
  m_.progress = 0;
  m_.pushes = false;
  m_.flag = false
}

#define IS_BUSY(s, w) (srv[s].counted[w] && mistake != REPLACED) /* plt_server_check_idle() */

/* join_push() and what is around it. again: a second delivery. */
inline step_together(s_, w_, m_) {
  again = false;
  bad = false;
  if
  :: !m_.pushes -> bad = m_.clock != srv[s_].now || IS_BUSY(s_, w_)
  :: else ->
     again = srv[s_].pushed[w_] > 0 && m_.clock == srv[s_].pushed[w_] - 1;
     bad = !again && (m_.clock != srv[s_].pushed[w_] || srv[s_].counted[w_]);
     if
     :: !again && !bad ->
        srv[s_].pushed[w_]++;
        srv[s_].counted[w_] = true;
        srv[s_].kept[w_].verb = 0;
        srv[s_].flags = srv[s_].flags || m_.flag
     :: else
     fi
  fi;
  if
  :: bad -> answer(s_, w_, m_, REFUSED)
  :: !bad && srv[s_].kept[w_].verb != 0 && srv[s_].counted[w_] && m_.pushes -> skip /* plt_server_keep_again() */
  :: else ->
     if /* obey() */
     :: s_ == 0 && w_ == 0 && !again -> srv[s_].progress = m_.progress
     :: else
     fi;
     if
     :: !m_.pushes && m_.flag && m_.request > srv[s_].save_request ->
        srv[s_].save_request = m_.request;
        save(s_)
     :: else
     fi;
     copy(srv[s_].kept[w_], m_);
     if
     :: FULL(s_) -> complete_clock(s_)
     :: else
     fi;
     answer_step(s_, 0);
     answer_step(s_, 1)
  fi
}

inline answer_kept_sum(s_, w_) {
  if
  :: srv[s_].kept[w_].verb == SUM ->
     answer(s_, w_, srv[s_].kept[w_], DONE);
     srv[s_].kept[w_].verb = 0
  :: else
  fi
}

inline finish_sum(s_) {
  if
  :: (!srv[s_].live[0] || srv[s_].summed[0]) && (!srv[s_].live[1] || srv[s_].summed[1]) ->
     srv[s_].sum_done = true;
     srv[s_].summed[0] = false;
     srv[s_].summed[1] = false;
     answer_kept_sum(s_, 0);
     answer_kept_sum(s_, 1)
  :: else
  fi
}

#define IS_BEFORE(s, m) (m.clock == srv[s].sum_before && mistake != SUM_GONE)

inline on_sum(s_, w_, m_) {
  if
  :: IS_BUSY(s_, w_) -> answer(s_, w_, m_, REFUSED)
  :: !IS_BUSY(s_, w_) && m_.clock != srv[s_].sum && IS_BEFORE(s_, m_) -> answer(s_, w_, m_, DONE)
  :: !IS_BUSY(s_, w_) && m_.clock != srv[s_].sum && !IS_BEFORE(s_, m_) && srv[s_].sum != 0 && !srv[s_].sum_done ->
     answer(s_, w_, m_, REFUSED)
  :: !IS_BUSY(s_, w_) && m_.clock == srv[s_].sum && srv[s_].sum_done -> answer(s_, w_, m_, DONE)
  :: else ->
     if
     :: m_.clock != srv[s_].sum -> /* open_sum() */
        srv[s_].sum_before = srv[s_].sum;
        srv[s_].sum = m_.clock;
        srv[s_].sum_done = false
     :: else
     fi;
     srv[s_].summed[w_] = true;
     copy(srv[s_].kept[w_], m_);
     finish_sum(s_)
  fi
}

#define IS_LATE(s, w, m) (m.request < srv[s].last[w] && mistake != TWICE && mistake != REPLACED)
#define IS_CHANGED(s, w, m) (m.request == srv[s].changed[w] && mistake != TWICE)

/* Sets rows: whatever steps were in the tables are gone. */
inline on_assign(s_, w_, m_) {
  if
  :: !IS_CHANGED(s_, w_, m_) ->
     assert(srv[s_].steps == 0);
     srv[s_].changed[w_] = m_.request
  :: else
  fi;
  answer(s_, w_, m_, DONE)
}

inline on_checkpointed(s_, w_, m_) {
  if
  :: srv[s_].saving == 0 || m_.clock != srv[s_].saves -> answer(s_, w_, m_, REFUSED)
  :: srv[s_].saving == 1 && m_.clock == srv[s_].saves -> answer(s_, w_, m_, NOT_YET)
  :: else -> answer(s_, w_, m_, DONE)
  fi
}

inline on_bye(s_, w_, m_) {
  srv[s_].kept[w_].verb = 0;
  srv[s_].live[w_] = false;
  answer(s_, w_, m_, DONE);
  if /* plt_server_go_on() */
  :: FULL(s_) -> complete_clock(s_)
  :: else
  fi;
  answer_step(s_, 0);
  answer_step(s_, 1);
  if
  :: srv[s_].sum != 0 && !srv[s_].sum_done -> finish_sum(s_)
  :: else
  fi
}

#define IS_STRANGE(m) (m.generation != generation && mistake != ANY_AGE)

/* The refusals of admit() and of what is late answer nothing that is open: nobody hears them. */
inline received(s_, w_, m_) {
  if
  :: IS_STRANGE(m_) -> skip
  :: !IS_STRANGE(m_) && m_.verb != HELLO && !srv[s_].greeted[w_] -> skip
  :: !IS_STRANGE(m_) && !srv[s_].live[w_] && m_.verb != BYE -> skip
  :: !IS_STRANGE(m_) && m_.verb == HELLO && srv[s_].live[w_] ->
     srv[s_].greeted[w_] = true;
     told[AT(s_, w_)] = srv[s_].start;
     answer(s_, w_, m_, DONE)
  :: else ->
     if
     :: IS_LATE(s_, w_, m_) -> skip
     :: else ->
        if
        :: m_.request > srv[s_].last[w_] -> srv[s_].last[w_] = m_.request
        :: else
        fi;
        if
        :: m_.verb == ASSIGN -> on_assign(s_, w_, m_)
        :: m_.verb == SUM -> on_sum(s_, w_, m_)
        :: m_.verb == STEP -> step_together(s_, w_, m_)
        :: m_.verb == CHECKPOINTED -> on_checkpointed(s_, w_, m_)
        :: m_.verb == BYE -> on_bye(s_, w_, m_)
        :: else
        fi
     fi
  fi
}

/* The errand of a server's saver. */
proctype Saver(byte s) {
end:
  do
  :: atomic {
       server_lives[s] && srv[s].saving == 1 ->
       part[PART(srv[s].saves, s)] = 2;
       srv[s].saving = 2
     }
  od
}

/* ---- the network ---- */

/* What worker w asks of server s, as often as it is not answered. */
proctype Carrier(byte s; byte w) {
  bool again, bad;
end:
  do
  :: d_step {
       open[AT(s, w)] && server_lives[s] && worker_lives[w] ->
       received(s, w, cur[w]);
       again = false;
       bad = false
     }
  od
}

/* What is late, and what is lost. */
proctype Network() {
  bool again, bad;
end:
  do
  :: d_step { old[0].verb != 0 && server_lives[0] -> received(0, 0, old[0]); again = false; bad = false }
  :: d_step { old[0].verb != 0 && server_lives[1] -> received(1, 0, old[0]); again = false; bad = false }
  :: d_step { old[1].verb != 0 && server_lives[0] -> received(0, 1, old[1]); again = false; bad = false }
  :: d_step { old[1].verb != 0 && server_lives[1] -> received(1, 1, old[1]); again = false; bad = false }
  :: d_step { faults < FAULTS && ans[0] != 0 -> ans[0] = 0; faults++ }
  :: d_step { faults < FAULTS && ans[1] != 0 -> ans[1] = 0; faults++ }
  :: d_step { faults < FAULTS && ans[2] != 0 -> ans[2] = 0; faults++ }
  :: d_step { faults < FAULTS && ans[3] != 0 -> ans[3] = 0; faults++ }
  od
}

/* ---- workers ---- */

/* A worker that does all right is never refused. */
inline take(s_) {
  assert(ans[AT(s_, w)] != REFUSED);
  if
  :: ans[AT(s_, w)] == FLAGGED -> flagged = true
  :: ans[AT(s_, w)] == NOT_YET -> not_yet = true
  :: ans[AT(s_, w)] == DONE -> some = true
  :: else
  fi;
  ans[AT(s_, w)] = 0;
  open[AT(s_, w)] = false
}

/* BYE is not insisted on where the server has ended. */
#define IS_ANSWERED(s, w) (!open[AT(s, w)] || ans[AT(s, w)] != 0 || \
                           (cur[w].verb == BYE && !srv[s].live[0] && !srv[s].live[1]))

/* What was asked before may stay on its way. */
inline stays(w_) {
  if
  :: faults < FAULTS && cur[w_].verb != 0 -> copy(old[w_], cur[w_]); faults++
  :: true
  fi
}

/* Asks all servers (a SUM: server 0) and waits for their answers. */
inline ask(verb_, clock_, pushes_, flag_, progress_) {
  atomic {
    stays(w);
    flagged = false;
    not_yet = false;
    some = false;
    cur[w].generation = generation;
    cur[w].request++;
    cur[w].clock = clock_;
    cur[w].pushes = pushes_;
    cur[w].flag = flag_;
    cur[w].progress = (w == 0 -> progress_ : 0);
    cur[w].verb = verb_;
    open[AT(0, w)] = true;
    open[AT(1, w)] = verb_ != SUM
  };
  atomic {
    (IS_ANSWERED(0, w) && IS_ANSWERED(1, w)) ->
    take(0);
    take(1)
  }
}

/* Asks once whether all parts are there, and publishes them. A reader sees a whole checkpoint or none. */
inline ask_parts() {
  ask(CHECKPOINTED, order, false, false, 0);
  if
  :: !not_yet || (mistake == SOME_PARTS && some) ->
     d_step { /* the rename */
       assert(part[PART(order, 0)] == 2 && part[PART(order, 1)] == 2);
       assert(part_generation[PART(order, 0)] == generation && part_generation[PART(order, 1)] == generation);
       assert(part_steps[PART(order, 0)] == order && part_steps[PART(order, 1)] == order);
       assert(order >= newest);
       newest = order;
       order = 0
     }
  :: else -> /* it asks again after a while; its server is needed for that */
     (srv[0].saving != 1 && srv[1].saving != 1)
  fi
}

inline publish_all() {
  do
  :: order != 0 -> ask_parts()
  :: else -> break
  od
}

inline work() {
  ask(HELLO, 0, false, false, 0);
  atomic {
    clock = told[AT(0, w)];
    assert(told[AT(1, w)] == clock && clock == newest);
    order = 0;
    saved = clock
  };
  if
  :: w == 0 && clock == 0 -> ask(ASSIGN, 0, false, false, 0)
  :: else
  fi;
  ask(SUM, 1, false, false, 0);
  ask(STEP, clock, false, false, clock);
  do
  :: clock < CLOCKS ->
     if /* plt_trainer_flags(): a checkpoint is due, or a signal came */
     :: w == 0 && order == 0 -> ask(STEP, clock, true, true, clock + 1)
     :: true -> ask(STEP, clock, true, false, clock + 1)
     fi;
     atomic {
       clock++;
       if
       :: w == 0 && flagged -> order = clock; saved = clock
       :: else
       fi
     };
     if
     :: order != 0 -> ask_parts()
     :: true
     fi
  :: else -> break
  od;
  if /* plt_trainer_save() */
  :: w == 0 && saved != clock ->
     publish_all();
     ask(STEP, clock, false, true, clock);
     order = clock
  :: else
  fi;
  ask(SUM, 2, false, false, 0);
  ask(SUM, 3, false, false, 0);
  publish_all();
  assert(clock == CLOCKS && (w != 0 || newest == CLOCKS));
  ask(BYE, 0, false, false, 0);
  atomic {
    assert(srv[0].steps == CLOCKS && srv[1].steps == CLOCKS);
    ended[w] = true
  }
}

proctype Worker(byte w) {
  byte clock, order, saved;
  bool flagged, not_yet, some;
end:
  do
  :: atomic { worker_lives[w] && !ended[w] -> idle[w] = false };
     { work() } unless { !worker_lives[w] };
     atomic { clock = 0; order = 0; saved = 0; flagged = false; not_yet = false; some = false; idle[w] = true }
  od
}

/* ---- the conductor ---- */

#define ALL_ENDED (ended[0] && ended[1])
#define NOBODY (!server_lives[0] && !server_lives[1] && !worker_lives[0] && !worker_lives[1])

inline start_server(s_) {
  srv[s_].start = newest;
  srv[s_].now = newest;
  srv[s_].steps = (newest == 0 -> 0 : part_steps[PART(newest, s_)]);
  srv[s_].progress = newest;
  srv[s_].save_request = 0;
  srv[s_].flags = false;
  srv[s_].decided = false;
  srv[s_].saving = 0;
  srv[s_].saves = 0;
  srv[s_].sum = 0;
  srv[s_].sum_before = 0;
  srv[s_].sum_done = false;
  i = 0;
  do
  :: i < W ->
     srv[s_].pushed[i] = newest;
     srv[s_].live[i] = true;
     srv[s_].counted[i] = false;
     srv[s_].greeted[i] = false;
     srv[s_].last[i] = 0;
     srv[s_].changed[i] = 0;
     srv[s_].summed[i] = false;
     forget(srv[s_].kept[i]);
     ans[AT(s_, i)] = 0;
     open[AT(s_, i)] = false;
     told[AT(s_, i)] = 0;
     i++
  :: else -> break
  od;
  server_lives[s_] = true
}

inline start_all() {
  d_step {
    i = 0;
    do /* plt_manifest_prune(): what was being written is removed */
    :: i < 6 ->
       if
       :: i / S != newest -> part[i] = 0; part_generation[i] = 0; part_steps[i] = 0
       :: else
       fi;
       i++
    :: else -> break
    od;
    assert(newest == 0 || (part[PART(newest, 0)] == 2 && part[PART(newest, 1)] == 2 &&
           part_generation[PART(newest, 0)] == part_generation[PART(newest, 1)]));
    start_server(0);
    start_server(1);
    forget(cur[0]);
    forget(cur[1]);
    ended[0] = false;
    ended[1] = false;
    worker_lives[0] = true;
    worker_lives[1] = true;
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

proctype Conductor() {
  byte i;
  start_all();
end:
  do
  :: atomic { !ALL_ENDED && faults < FAULTS -> faults++; die() };
     d_step {
       server_lives[0] = false;
       server_lives[1] = false;
       worker_lives[0] = false;
       worker_lives[1] = false
     };
     atomic {
       (idle[0] && idle[1]); /* all have reported so */
       stays(0); /* even now */
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
      now.CLOCKS = atoi(getenv("CLOCKS"));
      now.FAULTS = atoi(getenv("FAULTS"));
    };
    run Conductor();
    run Worker(0);
    run Worker(1);
    run Saver(0);
    run Saver(1);
    run Carrier(0, 0);
    run Carrier(0, 1);
    run Carrier(1, 0);
    run Carrier(1, 1);
    run Network()
  }
}

ltl served { <> (ended[0] && ended[1]) }
