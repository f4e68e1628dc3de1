/* script.c - see script.h. */
#include "launch/fault/script.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/time.h"

const char *const plt_fault_side_names[PLT_FAULT_SIDES] = {"to_server", "to_worker"};
#define AS_NAME(name, text) text,
const char *const plt_fault_names[PLT_FAULT_KINDS] = {PLT_FAULT_LIST(AS_NAME)};
#undef AS_NAME

#define PROBABILITY(name, text) \
  { .key = name, .type = PLT_OPT_REAL, .fallback = "0", .min = 0, .max = 1, .help = text }
#define SPAN(name, given, text) \
  { .key = name, .type = PLT_OPT_REALS, .fallback = given, .min = 0, .max = 1e7, .unit = "ms", .help = text, }
#define SECONDS .min = 0, .max = 1e9

/* The first SHARED ones can be set for one direction only. */
static const plt_option_t rows[] = {
    PROBABILITY("drop", "Probability that a message is lost."),
    PROBABILITY("duplicate", "Probability that a message comes twice."),
    SPAN("duplicate_ms", "[0, 50]", "How much later the second one comes: least and most."),
    PROBABILITY("reorder", "Probability that the next message overtakes a message."),
    {.key = "reorder_ms",
     .type = PLT_OPT_REAL,
     .fallback = "100",
     .min = 0,
     .max = 1e7,
     .unit = "ms",
     .help = "How long a message waits to be overtaken."},
    PROBABILITY("corrupt", "Probability that one bit of one frame of a message is flipped."),
    PROBABILITY("delay", "Probability that a message is late; others pass it."),
    SPAN("delay_ms", "[1, 50]", "How late: least and most."),
    PROBABILITY("cut", "Probability that the connection ends within a message."),
    PROBABILITY("stall", "Probability that from a message on nothing passes over its connection for a while."),
    {.key = "stall_s", .type = PLT_OPT_REAL, .fallback = "1", SECONDS, .unit = "s", .help = "How long."},
    {.key = "bytes_per_s",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     .min = 0,
     .max = DBL_MAX,
     .unit = "bytes/s",
     .help = "Limit of each direction of each connection; 0: none."},
    {.key = "after_messages",
     .type = PLT_OPT_INT,
     .fallback = "0",
     .min = 0,
     .max = 9e15,
     .help = "So many messages of each connection pass untouched first."},
    {.key = "seed",
     .type = PLT_OPT_INT,
     .fallback = "1",
     .min = 0,
     .max = 9e15,
     .help = "Every decision is a function of it and of the message's number."},
    {.key = "faults_max",
     .type = PLT_OPT_INT,
     .fallback = "0",
     .min = 0,
     .max = 9e15,
     .help = "After so many faults all messages pass untouched; 0: no limit."},
    {.key = "partition.every_s",
     .type = PLT_OPT_REAL,
     .fallback = "0",
     SECONDS,
     .unit = "s",
     .help = "Distance of partitions: nothing passes over any connection; 0: none."},
    {.key = "partition.seconds",
     .type = PLT_OPT_REAL,
     .fallback = "5",
     SECONDS,
     .unit = "s",
     .help = "How long one lasts."},
};
enum { ROWS = sizeof rows / sizeof *rows, SHARED = 13, KEY_MAX = 48 };
const plt_option_table_t plt_fault_options = {"script", rows, ROWS};

/* ---- the script ---- */

/* The shared rows for one direction: without defaults, since what is not set there is as for both. */
typedef struct side_table {
  char keys[SHARED][KEY_MAX];
  plt_option_t rows[SHARED];
  plt_option_table_t table;
} side_table_t;

static void make_side_table(plt_fault_side_t side, side_table_t *out) {
  for (size_t i = 0; i < SHARED; i++) {
    snprintf(out->keys[i], KEY_MAX, "%s.%s", plt_fault_side_names[side], rows[i].key);
    out->rows[i] = rows[i];
    out->rows[i].key = out->keys[i];
    out->rows[i].fallback = NULL;
  }
  out->table = (plt_option_table_t){plt_fault_side_names[side], out->rows, SHARED};
}

/* "to_server.drop" where the script has it, else "drop". */
static const char *key_for(const plt_config_t *config, plt_fault_side_t side, const char *name, char own[KEY_MAX]) {
  snprintf(own, KEY_MAX, "%s.%s", plt_fault_side_names[side], name);
  return plt_config_is_set(config, own) ? own : name;
}

static double number(const plt_config_t *config, plt_fault_side_t side, const char *name) {
  char own[KEY_MAX];
  return plt_config_real(config, key_for(config, side, name, own));
}

static plt_status_t span(const plt_config_t *config, plt_fault_side_t side, const char *name, double out[2]) {
  char own[KEY_MAX];
  const char *key = key_for(config, side, name, own);
  bool good = plt_config_list_size(config, key) == 2;
  for (size_t i = 0; i < 2 && good; i++) out[i] = plt_config_list_real(config, key, i);
  if (good && out[0] <= out[1]) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "%s: %s takes two numbers, the least and the most, like [1, 50]",
                  plt_config_origin(config, key), key);
}

static plt_status_t read_rules(const plt_config_t *config, plt_fault_side_t side, plt_fault_rules_t *rules) {
  char own[KEY_MAX];
  for (size_t kind = 0; kind < PLT_FAULT_KINDS; kind++)
    rules->probability[kind] = number(config, side, plt_fault_names[kind]);
  rules->reorder_ms = number(config, side, "reorder_ms");
  rules->stall_s = number(config, side, "stall_s");
  rules->bytes_per_s = number(config, side, "bytes_per_s");
  rules->after_messages = (uint64_t)plt_config_int(config, key_for(config, side, "after_messages", own));
  PLT_TRY(span(config, side, "duplicate_ms", rules->duplicate_ms));
  return span(config, side, "delay_ms", rules->delay_ms);
}

static plt_status_t read_script(plt_config_t *config, side_table_t *sides, plt_fault_script_t *script) {
  char *warnings = NULL;
  PLT_TRY(plt_config_apply(config, &plt_fault_options));
  for (plt_fault_side_t side = 0; side < PLT_FAULT_SIDES; side++) {
    make_side_table(side, &sides[side]);
    PLT_TRY(plt_config_apply(config, &sides[side].table));
  }
  PLT_TRY(plt_config_finish(config, NULL, 0, &warnings)); /* nothing is known but not in use: no warnings */
  script->seed = (uint64_t)plt_config_int(config, "seed");
  script->key = plt_rng_key(script->seed, "faults", 0);
  script->faults_max = (uint64_t)plt_config_int(config, "faults_max");
  script->partition_every_s = plt_config_real(config, "partition.every_s");
  script->partition_s = plt_config_real(config, "partition.seconds");
  if (script->partition_every_s > 0 && script->partition_s >= script->partition_every_s)
    return plt_fail(PLT_ERR_USAGE,
                    "%s: partition.seconds (%g) must be less than partition.every_s (%g): nothing would ever pass",
                    plt_config_origin(config, "partition.seconds"), script->partition_s, script->partition_every_s);
  for (plt_fault_side_t side = 0; side < PLT_FAULT_SIDES; side++)
    PLT_TRY(read_rules(config, side, &script->rules[side]));
  return PLT_OK;
}

plt_status_t plt_fault_script_load(const char *path, const char *const *sets, size_t n, plt_fault_script_t *out) {
  plt_config_t *config = plt_config_create();
  plt_fault_script_t script = {0};
  side_table_t sides[PLT_FAULT_SIDES];
  plt_status_t status = plt_config_read(config, path);
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = plt_config_set(config, sets[i]);
  if (status == PLT_OK) status = read_script(config, sides, &script);
  plt_config_destroy(&config);
  if (status == PLT_OK) *out = script;
  return status;
}

/* ---- decisions ---- */

/* Four words for a message; `draw` tells those of one message apart. */
static plt_rng_block_t draw_for(const plt_fault_script_t *script, uint32_t connection, plt_fault_side_t side,
                                uint64_t message, uint32_t draw) {
  return plt_rng_draw(script->key, connection, draw << 1 | (uint32_t)side, (uint32_t)message,
                      (uint32_t)(message >> 32));
}

static int64_t within(const double ms[2], uint32_t word) {
  return (int64_t)((ms[0] + (ms[1] - ms[0]) * plt_rng_unit(word)) * (double)PLT_NS_PER_MS);
}

plt_fault_t plt_fault_decide(const plt_fault_script_t *script, uint32_t connection, plt_fault_side_t side,
                             uint64_t message) {
  const plt_fault_rules_t *rules = &script->rules[side];
  plt_fault_t fault = {0};
  if (message < rules->after_messages) return fault;
  plt_rng_block_t block = {{0}};
  for (unsigned kind = 0; kind < PLT_FAULT_KINDS; kind++) {
    if (kind % 4 == 0) block = draw_for(script, connection, side, message, kind / 4);
    fault.has[kind] = plt_rng_unit(block.word[kind % 4]) < rules->probability[kind];
    fault.any = fault.any || fault.has[kind];
  }
  if (!fault.any) return fault;
  unsigned strongest = fault.has[PLT_FAULT_CUT] ? PLT_FAULT_CUT : fault.has[PLT_FAULT_DROP] ? PLT_FAULT_DROP : 0;
  for (unsigned kind = 0; kind < strongest; kind++) fault.has[kind] = false;
  plt_rng_block_t times = draw_for(script, connection, side, message, 2);
  plt_rng_block_t places = draw_for(script, connection, side, message, 3);
  fault.late_ns = within(rules->delay_ms, times.word[0]);
  fault.copy_ns = within(rules->duplicate_ms, times.word[1]);
  fault.held_ns = (int64_t)(rules->reorder_ms * (double)PLT_NS_PER_MS);
  fault.stall_ns = (int64_t)(rules->stall_s * (double)PLT_NS_PER_S);
  fault.frame = plt_rng_unit(places.word[0]);
  fault.bit = plt_rng_unit(places.word[1]);
  fault.cut_at = plt_rng_unit(places.word[2]);
  fault.resets = places.word[3] & 1;
  return fault;
}
