/* flow.c - see flow.h.
 *
 * Bytes are gathered until zmtp.h says that a message is whole; then script.h decides, and it goes into the queue, or
 * is held back: lists of stretches of bytes, each with its time. */
#include "launch/fault/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/time.h"
#include "launch/fault/zmtp.h"

#define THROTTLE_QUANTUM_S 0.02
#define WAIT_MOST_NS 1e18 /* so long as good as for ever: time is still counted in 63 bits */

/* Bytes on their way. */
typedef struct stretch {
  struct stretch *next;
  uint8_t *bytes;
  size_t n, capacity, sent;
  int64_t due_ns;      /* held back until then ... */
  unsigned overtakers; /* ... or until so many messages have passed, if not 0 */
  plt_cut_t cut;       /* what happens behind it */
} stretch_t;

typedef struct body {
  size_t begin, n;
} body_t;

struct plt_fault_flow {
  const plt_fault_script_t *script;
  plt_fault_tally_t *tally;
  uint32_t connection;
  plt_fault_side_t side;
  plt_zmtp_t zmtp;
  stretch_t *message, *command; /* under way; NULL: none */
  body_t *bodies;               /* of the message under way, the empty ones left out */
  size_t n_bodies, bodies_capacity;
  bool passes; /* the message under way is too large */
  uint64_t messages;
  stretch_t *first, *last; /* the queue */
  stretch_t *held;         /* in order of due_ns */
  size_t waiting;          /* bytes of both */
  int64_t stall_ns;
  int64_t next_ns; /* throttle: when the next byte may go */
  bool cutting;    /* what comes now is lost with the connection */
  plt_cut_t cut;
};

static void stretch_destroy(stretch_t *stretch) {
  if (stretch == NULL) return;
  free(stretch->bytes);
  free(stretch);
}

static void list_destroy(stretch_t *stretch) {
  while (stretch != NULL) {
    stretch_t *next = stretch->next;
    stretch_destroy(stretch);
    stretch = next;
  }
}

/* n > 0 bytes to the end of a stretch, which is made if there is none. */
static void append(stretch_t **at, const uint8_t *bytes, size_t n) {
  if (*at == NULL) *at = plt_mem_zalloc(1, sizeof **at);
  stretch_t *stretch = *at;
  if (stretch->n + n > stretch->capacity) {
    stretch->capacity = stretch->n + n > 2 * stretch->capacity ? stretch->n + n : 2 * stretch->capacity;
    stretch->bytes = plt_mem_resize(stretch->bytes, stretch->capacity, 1);
  }
  memcpy(stretch->bytes + stretch->n, bytes, n);
  stretch->n += n;
}

plt_fault_flow_t *plt_fault_flow_create(const plt_fault_script_t *script, uint32_t connection, plt_fault_side_t side,
                                        plt_fault_tally_t *tally) {
  plt_fault_flow_t *flow = plt_mem_zalloc(1, sizeof *flow);
  *flow = (plt_fault_flow_t){.script = script, .tally = tally, .connection = connection, .side = side};
  return flow;
}

void plt_fault_flow_destroy(plt_fault_flow_t **flow_at) {
  plt_fault_flow_t *flow = *flow_at;
  if (flow == NULL) return;
  stretch_destroy(flow->message);
  stretch_destroy(flow->command);
  list_destroy(flow->first);
  list_destroy(flow->held);
  free(flow->bodies);
  free(flow);
  *flow_at = NULL;
}

/* ---- queue ---- */

static void enqueue(plt_fault_flow_t *flow, stretch_t *stretch) {
  stretch->next = NULL;
  if (flow->first == NULL) {
    flow->first = stretch;
  } else {
    flow->last->next = stretch;
  }
  flow->last = stretch;
}

static void hold(plt_fault_flow_t *flow, stretch_t *stretch, int64_t due_ns, unsigned overtakers) {
  stretch_t **at = &flow->held;
  stretch->due_ns = due_ns;
  stretch->overtakers = overtakers;
  while (*at != NULL && (*at)->due_ns <= due_ns) at = &(*at)->next;
  stretch->next = *at;
  *at = stretch;
}

/* A message goes on; who waited for that goes behind it. */
static void pass(plt_fault_flow_t *flow, stretch_t *message) {
  enqueue(flow, message);
  for (stretch_t **at = &flow->held; *at != NULL;) {
    stretch_t *stretch = *at;
    if (stretch->overtakers == 0 || --stretch->overtakers > 0) {
      at = &stretch->next;
      continue;
    }
    *at = stretch->next;
    enqueue(flow, stretch);
    plt_fault_tally_add(flow->tally, flow->side, PLT_FAULT_REORDER);
  }
}

static void release_due(plt_fault_flow_t *flow, int64_t now_ns) {
  while (flow->held != NULL && flow->held->due_ns <= now_ns) {
    stretch_t *stretch = flow->held;
    flow->held = stretch->next;
    if (stretch->overtakers > 0)
      enqueue(flow, stretch); /* nobody came: it has not changed its place */
    else
      pass(flow, stretch);
  }
}

/* ---- faults ---- */

static bool flip_bit(plt_fault_flow_t *flow, const plt_fault_t *fault) {
  if (flow->n_bodies == 0) return false;
  const body_t *body = &flow->bodies[(size_t)(fault->frame * (double)flow->n_bodies)];
  uint64_t bit = (uint64_t)(fault->bit * (double)body->n * 8);
  flow->message->bytes[body->begin + bit / 8] ^= (uint8_t)(1u << bit % 8);
  return true;
}

static stretch_t *copy_of(const stretch_t *stretch) {
  stretch_t *copy = NULL;
  append(&copy, stretch->bytes, stretch->n);
  return copy;
}

/* The message under way is whole. */
static void decide(plt_fault_flow_t *flow, int64_t now_ns) {
  uint64_t limit = flow->script->faults_max;
  plt_fault_t fault = plt_fault_decide(flow->script, flow->connection, flow->side, flow->messages++);
  if (limit > 0 && flow->tally->total >= limit) fault = (plt_fault_t){0};
#define COUNT(kind) plt_fault_tally_add(flow->tally, flow->side, PLT_FAULT_##kind)
  stretch_t *message = flow->message;
  flow->tally->messages[flow->side]++;
  if (fault.has[PLT_FAULT_DROP]) {
    COUNT(DROP);
    stretch_destroy(message);
    flow->message = NULL;
    return;
  }
  if (fault.has[PLT_FAULT_CUT]) {
    COUNT(CUT);
    message->n = (size_t)(fault.cut_at * (double)message->n);
    message->cut = fault.resets ? PLT_CUT_RESET : PLT_CUT_END;
    flow->cutting = true;
  }
  flow->waiting += message->n;
  if (fault.has[PLT_FAULT_STALL]) {
    COUNT(STALL);
    flow->stall_ns = fault.stall_ns;
  }
  int64_t due_ns = fault.has[PLT_FAULT_DELAY] ? now_ns + fault.late_ns : now_ns;
  if (fault.has[PLT_FAULT_DUPLICATE]) {
    COUNT(DUPLICATE);
    stretch_t *copy = copy_of(message);
    flow->waiting += copy->n;
    hold(flow, copy, due_ns + fault.copy_ns, 0);
  }
  if (fault.has[PLT_FAULT_CORRUPT] && flip_bit(flow, &fault)) COUNT(CORRUPT);
  flow->message = NULL;
  if (fault.has[PLT_FAULT_DELAY]) {
    COUNT(DELAY);
    hold(flow, message, due_ns, 0);
  } else if (fault.has[PLT_FAULT_REORDER]) {
    hold(flow, message, now_ns + fault.held_ns, 1); /* counted when it is overtaken */
  } else {
    pass(flow, message);
  }
#undef COUNT
}

/* ---- bytes in ---- */

static void enqueue_now(plt_fault_flow_t *flow, stretch_t **stretch) {
  if (*stretch == NULL) return;
  flow->waiting += (*stretch)->n;
  enqueue(flow, *stretch);
  *stretch = NULL;
}

static void note_body(plt_fault_flow_t *flow, const plt_zmtp_part_t *part, size_t n) {
  if (part->begins_body) {
    PLT_MEM_GROW(flow->bodies, flow->n_bodies, flow->bodies_capacity);
    flow->bodies[flow->n_bodies++] = (body_t){.begin = flow->message->n}; /* its head is there already */
  }
  flow->bodies[flow->n_bodies - 1].n += n;
}

static void take_message(plt_fault_flow_t *flow, const plt_zmtp_part_t *part, const uint8_t *bytes, size_t n,
                         int64_t now_ns) {
  if (part->is_body && !flow->passes) note_body(flow, part, n);
  append(&flow->message, bytes, n);
  if (flow->message->n > PLT_FAULT_MESSAGE_MAX && !flow->passes) {
    flow->passes = true;
    flow->tally->too_large++;
  }
  if (flow->passes) {
    enqueue_now(flow, &flow->message);
  } else if (part->ends) {
    decide(flow, now_ns);
  }
  if (!part->ends) return;
  if (flow->passes) {
    flow->messages++;
    flow->tally->messages[flow->side]++;
  }
  flow->passes = false;
  flow->n_bodies = 0;
}

void plt_fault_flow_take(plt_fault_flow_t *flow, const uint8_t *bytes, size_t n, int64_t now_ns) {
  flow->tally->bytes[flow->side] += n;
  for (size_t taken; n > 0 && !flow->cutting; bytes += taken, n -= taken) {
    plt_zmtp_part_t part;
    taken = plt_zmtp_take(&flow->zmtp, bytes, n, &part);
    switch (part.kind) {
      case PLT_ZMTP_RAW: {
        stretch_t *raw = NULL;
        append(&raw, bytes, taken);
        enqueue_now(flow, &flow->message); /* of a stream that cannot be understood any more */
        enqueue_now(flow, &flow->command);
        enqueue_now(flow, &raw);
        break;
      }
      case PLT_ZMTP_COMMAND:
        append(&flow->command, bytes, taken);
        if (part.ends) enqueue_now(flow, &flow->command);
        break;
      case PLT_ZMTP_MESSAGE: take_message(flow, &part, bytes, taken, now_ns); break;
    }
  }
}

/* ---- bytes out ---- */

bool plt_fault_flow_is_full(const plt_fault_flow_t *flow) {
  return flow->cutting || flow->waiting >= PLT_FAULT_QUEUE_MAX;
}

bool plt_fault_flow_is_empty(const plt_fault_flow_t *flow) { return flow->first == NULL && flow->held == NULL; }

/* Pieces that have been sent, and empty ones, go; a cut comes into force. */
static void advance(plt_fault_flow_t *flow) {
  while (flow->first != NULL && flow->first->sent == flow->first->n && flow->cut == PLT_CUT_NONE) {
    stretch_t *stretch = flow->first;
    flow->cut = stretch->cut;
    flow->first = stretch->next;
    stretch_destroy(stretch);
  }
}

size_t plt_fault_flow_ready(plt_fault_flow_t *flow, int64_t now_ns, const uint8_t **bytes) {
  double rate = flow->script->rules[flow->side].bytes_per_s;
  release_due(flow, now_ns);
  advance(flow);
  if (flow->first == NULL || flow->cut != PLT_CUT_NONE || now_ns < flow->next_ns) return 0;
  size_t n = flow->first->n - flow->first->sent;
  *bytes = flow->first->bytes + flow->first->sent;
  if (rate > 0 && (double)n > rate * THROTTLE_QUANTUM_S) n = (size_t)(rate * THROTTLE_QUANTUM_S) + 1;
  return n;
}

void plt_fault_flow_sent(plt_fault_flow_t *flow, size_t n, int64_t now_ns) {
  double rate = flow->script->rules[flow->side].bytes_per_s;
  flow->first->sent += n;
  flow->waiting -= n;
  if (rate > 0) flow->next_ns = now_ns + (int64_t)fmin((double)n / rate * (double)PLT_NS_PER_S, WAIT_MOST_NS);
  advance(flow);
}

int64_t plt_fault_flow_due(const plt_fault_flow_t *flow, int64_t now_ns) {
  int64_t due_ns = flow->held == NULL ? INT64_MAX : flow->held->due_ns;
  if (flow->first != NULL && now_ns < flow->next_ns && flow->next_ns < due_ns) due_ns = flow->next_ns;
  return due_ns;
}

plt_cut_t plt_fault_flow_cut(const plt_fault_flow_t *flow) { return flow->cut; }

int64_t plt_fault_flow_stall(plt_fault_flow_t *flow) {
  int64_t stall_ns = flow->stall_ns;
  flow->stall_ns = 0;
  return stall_ns;
}
