/* tally.h - what a fault proxy has done so far, and how it tells it: one line of JSON.
 *
 * Threads    one owner. */
#ifndef PLT_LAUNCH_FAULT_TALLY_H
#define PLT_LAUNCH_FAULT_TALLY_H

#include "launch/fault/script.h"

typedef struct plt_fault_tally {
  uint64_t faults[PLT_FAULT_SIDES][PLT_FAULT_KINDS];
  uint64_t total; /* of these */
  uint64_t messages[PLT_FAULT_SIDES], bytes[PLT_FAULT_SIDES];
  uint64_t too_large; /* messages that passed untouched because they did not fit */
  uint64_t connections, refused, partitions;
} plt_fault_tally_t;

void plt_fault_tally_add(plt_fault_tally_t *tally, plt_fault_side_t side, plt_fault_kind_t kind);
/* One line without its end; free it. */
char *plt_fault_tally_write(const plt_fault_tally_t *tally, uint64_t seed, double seconds);

#endif
