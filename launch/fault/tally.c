/* tally.c - see tally.h. */
#include "launch/fault/tally.h"

#include "common/io/json.h"

void plt_fault_tally_add(plt_fault_tally_t *tally, plt_fault_side_t side, plt_fault_kind_t kind) {
  tally->faults[side][kind]++;
  tally->total++;
}

static void put_sides(plt_json_t *json, const char *key, const uint64_t *counts) {
  plt_json_t *sides = plt_json_add_object(json, key);
  for (size_t side = 0; side < PLT_FAULT_SIDES; side++)
    plt_json_int(sides, plt_fault_side_names[side], (int64_t)counts[side]);
}

char *plt_fault_tally_write(const plt_fault_tally_t *tally, uint64_t seed, double seconds) {
  plt_json_t *json = plt_json_create();
  plt_json_text(json, "event", "faults");
  plt_json_int(json, "seed", (int64_t)seed);
  plt_json_real(json, "seconds", seconds);
  plt_json_int(json, "total", (int64_t)tally->total);
  for (size_t kind = 0; kind < PLT_FAULT_KINDS; kind++)
    put_sides(json, plt_fault_names[kind],
              (uint64_t[]){tally->faults[PLT_TO_SERVER][kind], tally->faults[PLT_TO_WORKER][kind]});
  put_sides(json, "messages", tally->messages);
  put_sides(json, "bytes", tally->bytes);
  plt_json_int(json, "too_large", (int64_t)tally->too_large);
  plt_json_int(json, "connections", (int64_t)tally->connections);
  plt_json_int(json, "refused", (int64_t)tally->refused);
  plt_json_int(json, "partitions", (int64_t)tally->partitions);
  char *line = plt_json_print(json);
  plt_json_destroy(&json);
  return line;
}
