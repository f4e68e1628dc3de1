/* script.h - what a fault proxy does to the messages that pass: its script, and the decision for one message.
 *
 * A decision is a function of (seed, connection, direction, message number): the same script does the same to the
 * same message. Connections are numbered as they come, messages of a direction from 0.
 *
 * Threads    read-only once loaded; decisions are a pure function.
 * Errors     PLT_ERR_USAGE, one line per fault of the script.
 * Source     docs/fault-proxy.md. */
#ifndef PLT_LAUNCH_FAULT_SCRIPT_H
#define PLT_LAUNCH_FAULT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/options/options.h"
#include "common/rng.h"

typedef enum { PLT_TO_SERVER, PLT_TO_WORKER, PLT_FAULT_SIDES } plt_fault_side_t;
extern const char *const plt_fault_side_names[PLT_FAULT_SIDES];

/* drop hides those before it, cut all others. */
#define PLT_FAULT_LIST(X)   \
  X(DUPLICATE, "duplicate") \
  X(REORDER, "reorder")     \
  X(CORRUPT, "corrupt")     \
  X(DELAY, "delay")         \
  X(STALL, "stall")         \
  X(DROP, "drop")           \
  X(CUT, "cut")
#define PLT_FAULT_ENUM(name, text) PLT_FAULT_##name,
typedef enum { PLT_FAULT_LIST(PLT_FAULT_ENUM) PLT_FAULT_KINDS } plt_fault_kind_t;
#undef PLT_FAULT_ENUM
extern const char *const plt_fault_names[PLT_FAULT_KINDS];

/* For one direction. */
typedef struct plt_fault_rules {
  double probability[PLT_FAULT_KINDS];
  double duplicate_ms[2], delay_ms[2]; /* least and most */
  double reorder_ms, stall_s;
  double bytes_per_s;      /* 0: no limit */
  uint64_t after_messages; /* so many of each connection pass untouched */
} plt_fault_rules_t;

typedef struct plt_fault_script {
  uint64_t seed;
  plt_rng_key_t key;
  uint64_t faults_max; /* 0: no limit */
  double partition_every_s, partition_s;
  plt_fault_rules_t rules[PLT_FAULT_SIDES];
} plt_fault_script_t;

/* What happens to one message. */
typedef struct plt_fault {
  bool has[PLT_FAULT_KINDS];
  bool any;
  int64_t late_ns;  /* delay: how long it is held back; others pass it */
  int64_t copy_ns;  /* duplicate: the copy comes so much later */
  int64_t held_ns;  /* reorder: it waits for one later message, but no longer than this */
  int64_t stall_ns; /* stall: nothing passes over this connection for so long */
  double frame;     /* corrupt: which of the frames, in [0, 1) */
  double bit;       /*          which bit of it, in [0, 1) */
  double cut_at;    /* cut: the part of the message that still passes, in [0, 1) */
  bool resets;      /* cut: by a reset rather than an orderly end */
} plt_fault_t;

/* The options of a script; those of one direction stand below to_server or to_worker. */
extern const plt_option_table_t plt_fault_options;

/* Reads a script, then n `--set` assignments. */
plt_status_t plt_fault_script_load(const char *path, const char *const *sets, size_t n, plt_fault_script_t *out);
plt_fault_t plt_fault_decide(const plt_fault_script_t *script, uint32_t connection, plt_fault_side_t side,
                             uint64_t message);

#endif
