/* message.h - what peers say to each other, as C structs: the header of every message and its array sections.
 *
 *   message = [header][section 0: keys, values][section 1: keys, values] ...      proto/PROTOCOL.md, "Frames"
 *
 * frame.h turns these into frames and back. A section's keys or values frame is empty where the verb has none:
 * a pull has keys only, rows in answer to it have values only, in the order in which they were asked for.
 *
 * Threads    plain data; functions may be called by any thread. */
#ifndef PLT_PROTO_MESSAGE_H
#define PLT_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/hash.h"
#include "common/status.h"
#include "proto/table_spec.h"
#include "proto/tree.h"

enum {
  PLT_PROTOCOL_VERSION = 5,
  PLT_SECTIONS_MAX = 1024,              /* per message */
  PLT_PARTS_MAX = 32,                   /* of a message that is cut: bits of a uint32_t */
  PLT_SUMS_MAX = 1 << 24,               /* numbers of a SUM */
  PLT_TEXT_MAX = 1024,                  /* bytes of a text in a header */
  PLT_PREFETCH_MAX = 4,                 /* ssp, asp: clocks that a pull may run ahead */
  PLT_STEPS_MAX = PLT_PREFETCH_MAX + 1, /* STEPs of one worker that wait for an answer at a time */
  PLT_FIRST_WAIT_MS = 100,              /* a request that was kept so long is told WAIT ... */
  PLT_NEXT_WAIT_MS = 1000               /* ... and then so often */
};

/* Of all values in an answer; one frame holds PLT_FRAME_BYTES_MAX (wire.h). */
#define PLT_ANSWER_BYTES_MAX (UINT64_C(1) << 32)

#define PLT_VERB_LIST(X) \
  X(HELLO)               \
  X(WELCOME)             \
  X(DECLARE)             \
  X(STEP)                \
  X(ROWS)                \
  X(WAIT)                \
  X(READ)                \
  X(ASSIGN)              \
  X(RESET)               \
  X(DROP)                \
  X(SUM)                 \
  X(CHECKPOINTED)        \
  X(BYE)                 \
  X(REFUSED)             \
  X(DONE)                \
  X(AGAIN)               \
  X(ENTER)               \
  X(LEND)                \
  X(PUBLISH)
#define PLT_VERB_ENUM(name) PLT_VERB_##name,
typedef enum { PLT_VERB_NONE, PLT_VERB_LIST(PLT_VERB_ENUM) PLT_VERB_COUNT } plt_verb_t;
#undef PLT_VERB_ENUM
const char *plt_verb_name(plt_verb_t verb);

typedef enum { PLT_ROLE_WORKER = 1, PLT_ROLE_SERVER = 2 } plt_role_t;
typedef enum { PLT_WIRE_F32, PLT_WIRE_BF16 } plt_wire_type_t;

enum { PLT_FLAG_CHECKPOINT = 1, PLT_FLAG_STOP = 2 };

/* Where the training loop stands, as worker 0 tells it to server 0 with every push, so that a checkpoint holds
 * it (docs/architecture.md 8). Also what a resumed worker is told. */
typedef struct plt_progress {
  uint32_t stage;               /* slot (docs/decisions/procedures.md); what follows is of this slot alone ... */
  uint64_t begin_clock;         /* at which it began */
  uint32_t epoch, batch, phase; /* the next thing to do: batch `batch` of epoch `epoch` */
  bool epoch_closed;            /* the epoch before was evaluated; false between its last push and that */
  bool finished;
  double loss_sum; /* over the batches of this epoch so far */
  double best;     /* best validation metric */
  uint32_t best_epoch;
  uint64_t best_clock;
  bool has_best;
  uint32_t bad_evals; /* evaluations since the best */
  uint64_t gradients; /* ... but for these two: gradient evaluations so far, in units of batches */
  double seconds;     /* training time so far */
} plt_progress_t;

/* "after epoch 34": epochs are counted from 0, as events and progress lines have them. */
void plt_progress_describe(const plt_progress_t *progress, char *out, size_t bytes);

/* Loss of the leaves of one block, already weighted to add up to the step's loss. */
typedef struct plt_block_loss {
  plt_leaf_span_t span;
  double loss;
} plt_block_loss_t;

typedef enum { PLT_SECTION_PUSH = 1, PLT_SECTION_PULL = 2, PLT_SECTION_ROWS = 3 } plt_section_kind_t;

typedef struct plt_section {
  plt_section_kind_t kind;
  uint32_t table;       /* index of its declaration */
  plt_leaf_span_t span; /* PUSH: the leaves in this partial sum */
  uint64_t n;
  uint32_t cols;        /* of values; 0 in a PULL */
  plt_wire_type_t type; /* of values on the wire */
  const uint64_t *keys; /* n, or NULL */
  const void *values;   /* n x cols on the wire's type, unaligned, or NULL */
  bool lent;            /* the values are not in the message but in memory that the worker lends (wire/region.h): */
  uint32_t region;      /* ... in this one, from `at` on; a PULL: there is a place for them */
  uint64_t at;
  void *place;               /* PULL, at the server: that place */
  uint64_t room;             /* ... and bytes from there to the end of its region */
  const void *const *pieces; /* joined from n_pieces parts (parts.h): their values, instead of `values` */
  uint32_t n_pieces;         /* 0: it came whole */
} plt_section_t;

typedef struct plt_header {
  plt_verb_t verb;
  uint32_t version;
  uint64_t job;
  uint32_t generation;
  plt_role_t role;  /* of the sender */
  uint32_t number;  /* of the sender */
  uint64_t request; /* chosen by the asker, echoed in the answer */

  /* STEP and ROWS: parts of one message have the same request; losses and progress are in part 0. */
  uint32_t part, parts; /* 0 parts: it is whole */

  /* STEP: what is pushed and asked for. ROWS: rows as of `clock`. */
  bool pushes;    /* STEP carries the push of `clock` */
  uint64_t clock; /* STEP: of the push, or of the rows wanted by a bare pull; ENTER: of the tables to take from */
  uint32_t ahead; /* STEP: the rows are wanted for as many clocks later (ssp, asp) */
  uint64_t meet;  /* ROWS of server 0: the clock at which all workers meet next (ssp, asp); 0: none was set */
  double eta;
  uint32_t flags; /* PLT_FLAG_*; in ROWS: as decided by all */
  const plt_block_loss_t *losses;
  size_t n_losses;
  double loss; /* ROWS of server 0: loss of the step before */
  bool has_loss;

  bool has_progress; /* STEP of worker 0, WELCOME of server 0 */
  plt_progress_t progress;

  bool has_spec; /* DECLARE */
  plt_table_spec_t spec;
  uint32_t table; /* DECLARE: its index; RESET, DROP; ENTER: how many will be declared; LEND: number of the region;
                     PUBLISH: the part */
  bool anew;      /* DECLARE: takes no rows from before; HELLO: takes the number of a process that is gone */
  uint64_t salt; /* RESET; LEND: mark of the region; HELLO: of the process; WELCOME: its requests have higher numbers */

  char text[PLT_TEXT_MAX]; /* SUM: name; REFUSED, BYE: reason; CHECKPOINTED, PUBLISH: file name; WAIT: what for */
  plt_status_t status;     /* REFUSED, BYE, answer to LEND */
  uint32_t who;            /* WAIT: the worker waited for; LEND: descriptor of the region; PUBLISH: how many parts */
  uint64_t age_ms;         /* WAIT: since it was last heard */
  uint64_t bytes;          /* CHECKPOINTED, LEND, PUBLISH */
  char hash[PLT_HASH_HEX]; /* CHECKPOINTED, PUBLISH */
  const double *sums;      /* SUM: n_sums doubles, in the frame after the header */
  size_t n_sums;

  const plt_section_t *sections;
  size_t n_sections;
} plt_header_t;

#endif
