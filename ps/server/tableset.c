/* tableset.c - see tableset.h. */
#include "ps/server/tableset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/errand.h"
#include "proto/parts.h"
#include "proto/shard.h"
#include "proto/wire/wire.h"

struct plt_tableset {
  uint32_t number, servers;
  plt_table_t *tables[PLT_TABLES_MAX];
  size_t n, lasting;
  plt_checkpoint_part_t **parts; /* open while tables are being declared: those that have rows of this shard */
  size_t n_parts;
  plt_start_kind_t kind;               /* what `parts` are to the tables, unless they are handed over */
  bool hands_over;                     /* tables take values, not states: of `parts`, or, without, of `before` */
  plt_table_t *before[PLT_TABLES_MAX]; /* until all that are awaited are declared */
  size_t n_before, awaited;
  plt_errand_t reading; /* of rows into the table that was declared last; it is not one of `tables` yet */
  plt_table_t *read;
  uint64_t read_bytes;
  plt_crew_t *crew;         /* NULL: none */
  uint64_t limit, expected; /* bytes of all tables once all rows are stored; limit 0: none */
};

/* Opens the parts of a checkpoint that have rows of this shard. *head: what its first part says; NULL: nobody asks. */
static plt_status_t open_parts(plt_tableset_t *set, const char *dir, const plt_manifest_t *manifest,
                               plt_checkpoint_head_t *head) {
  bool own_only = manifest->n_parts == set->servers; /* as many servers: the other parts are other shards' rows */
  set->parts = plt_mem_zalloc(manifest->n_parts, sizeof(plt_checkpoint_part_t *));
  for (size_t i = 0; i < manifest->n_parts; i++) {
    char path[PLT_PATH_MAX];
    plt_checkpoint_part_t *part;
    bool has_rows = !own_only || i == set->number, has_head = i == 0 && head != NULL;
    if (!has_rows && !has_head) continue;
    PLT_TRY(plt_path_join(dir, manifest->parts[i].file, path));
    PLT_TRY(plt_checkpoint_open(path, &part));
    if (has_head) *head = *plt_checkpoint_head(part);
    if (has_rows)
      set->parts[set->n_parts++] = part;
    else
      plt_checkpoint_close(&part);
  }
  if (manifest->n_parts == 0) return plt_fail(PLT_ERR_CHECKPOINT, "%s: the manifest names no files", dir);
  return PLT_OK;
}

plt_status_t plt_tableset_create(uint32_t number, uint32_t servers, const plt_start_t *start,
                                 plt_checkpoint_head_t *head, plt_tableset_t **out) {
  plt_status_t status = PLT_OK;
  plt_tableset_t *set = plt_mem_zalloc(1, sizeof *set);
  *set = (plt_tableset_t){.number = number, .servers = servers, .kind = start->kind};
  if (start->dir != NULL) status = open_parts(set, start->dir, start->manifest, plt_start_goes_on(start) ? head : NULL);
  if (status == PLT_OK)
    *out = set;
  else
    plt_tableset_destroy(&set);
  return status;
}

void plt_tableset_settled(plt_tableset_t *set) {
  if (set->reading.under_way) return;
  for (size_t i = 0; i < set->n_parts; i++) plt_checkpoint_close(&set->parts[i]);
  free(set->parts);
  set->parts = NULL;
  set->n_parts = 0;
  for (size_t i = 0; i < set->n_before; i++) plt_table_destroy(&set->before[i]);
  set->n_before = set->awaited = 0;
  set->hands_over = false;
}

void plt_tableset_destroy(plt_tableset_t **set) {
  plt_status_t ignored;
  if (*set == NULL) return;
  if (plt_errand_wait(&(*set)->reading, &ignored)) plt_table_destroy(&(*set)->read);
  plt_tableset_settled(*set);
  for (size_t i = 0; i < (*set)->n; i++) plt_table_destroy(&(*set)->tables[i]);
  free(*set);
  *set = NULL;
}

void plt_tableset_share(plt_tableset_t *set, plt_crew_t *crew) { set->crew = crew; }

void plt_tableset_limit(plt_tableset_t *set, uint64_t bytes) { set->limit = bytes; }

static plt_status_t check_room(const plt_tableset_t *set, const plt_table_spec_t *spec, uint64_t *bytes) {
  PLT_TRY(plt_table_expect(spec, set->number, set->servers, bytes));
  if (set->limit == 0 || (*bytes <= set->limit && set->expected <= set->limit - *bytes)) return PLT_OK;
  return plt_fail(PLT_ERR_USAGE,
                  "table %s of %" PRIu64 " rows and %" PRIu32 " columns takes %.3g GB on each of %" PRIu32
                  " servers; this one has %.3g GB of memory, other tables take %.3g GB of it",
                  spec->name, spec->rows, spec->cols, (double)*bytes / 1e9, set->servers, (double)set->limit / 1e9,
                  (double)set->expected / 1e9);
}

static void add_table(plt_tableset_t *set, plt_table_t *table, uint64_t bytes) {
  plt_table_share(table, set->crew);
  set->tables[set->n++] = table;
  if (!plt_table_spec(table)->temporary) set->lasting = set->n;
  set->expected += bytes;
  if (set->n == set->awaited) plt_tableset_settled(set);
}

/* ---- rows from before ---- */

/* The spec of a table as the checkpoint has it; false: it has no such table. */
static bool find_spec(const plt_tableset_t *set, const char *name, plt_table_spec_t *spec) {
  uint64_t t, stored;
  for (size_t i = 0; i < plt_checkpoint_tables(set->parts[0]); i++)
    if (plt_checkpoint_table(set->parts[0], i, spec, &t, &stored) == PLT_OK && strcmp(spec->name, name) == 0)
      return true;
  return false;
}

/* The table of a checkpoint as it was, with its optimizer. */
static plt_status_t restore_before(const plt_tableset_t *set, const char *name, plt_table_t **out) {
  plt_table_spec_t spec;
  if (!find_spec(set, name, &spec))
    return plt_fail(PLT_ERR_CHECKPOINT, "the checkpoint to take rows from has no table %s", name);
  memcpy(spec.born_as, plt_table_spec(set->read)->born_as, sizeof spec.born_as); /* which a checkpoint does not have */
  PLT_TRY(plt_table_create(&spec, set->number, set->servers, out));
  plt_status_t status = PLT_OK;
  for (size_t p = 0; p < set->n_parts && status == PLT_OK; p++) status = plt_checkpoint_restore(set->parts[p], *out);
  if (status != PLT_OK) plt_table_destroy(out);
  return status;
}

static plt_table_t *find_before(const plt_tableset_t *set, const char *name) {
  for (size_t i = 0; i < set->n_before; i++)
    if (strcmp(plt_table_spec(set->before[i])->name, name) == 0) return set->before[i];
  return NULL;
}

static plt_status_t take_values(const plt_tableset_t *set) {
  const char *name = plt_table_spec(set->read)->name;
  plt_table_t *before = NULL;
  if (set->n_parts == 0) {
    before = find_before(set, name);
    if (before == NULL) return plt_fail(PLT_ERR_PROTOCOL, "there is no table %s whose rows could be taken", name);
    return plt_table_take(set->read, before);
  }
  PLT_TRY(restore_before(set, name, &before));
  plt_status_t status = plt_table_take(set->read, before);
  plt_table_destroy(&before);
  return status;
}

/* Rows from `first` on are zero. */
static void clear_rows(plt_table_t *table, uint64_t first, const plt_tableset_t *set) {
  const plt_table_spec_t *spec = plt_table_spec(table);
  float *zeros = plt_mem_zalloc(spec->cols, sizeof *zeros);
  for (uint64_t key = first; key < spec->rows; key++)
    if (plt_shard_of(key, false, set->servers) == set->number) plt_table_assign(table, &key, 1, zeros);
  free(zeros);
}

/* The table may have other rows than it had. What the checkpoint does not know is born; whoever starts the servers has
 * seen to it that this may be. */
static plt_status_t continue_rows(const plt_tableset_t *set) {
  const plt_table_spec_t *spec = plt_table_spec(set->read);
  plt_table_spec_t was;
  plt_table_t *before;
  if (!find_spec(set, spec->name, &was)) return PLT_OK;
  PLT_TRY(restore_before(set, spec->name, &before));
  plt_status_t status = plt_table_continue(set->read, before, set->kind != PLT_START_VALUES);
  plt_table_destroy(&before);
  if (status == PLT_OK && set->kind == PLT_START_LOOK) clear_rows(set->read, was.rows, set);
  return status;
}

/* plt_errand_fn */
static plt_status_t read_rows(void *context) {
  plt_tableset_t *set = context;
  plt_table_spec_t was;
  if (set->hands_over) return take_values(set);
  const plt_table_spec_t *spec = plt_table_spec(set->read);
  bool has_grown = set->kind == PLT_START_LOOK && find_spec(set, spec->name, &was) && was.rows != spec->rows;
  if (set->kind > PLT_START_LOOK || has_grown) return continue_rows(set);
  for (size_t i = 0; i < set->n_parts; i++) PLT_TRY(plt_checkpoint_restore(set->parts[i], set->read));
  return PLT_OK;
}

/* ---- declarations ---- */

bool plt_tableset_is_reading(const plt_tableset_t *set) {
  return set->reading.under_way && !atomic_load(&set->reading.ended);
}

plt_status_t plt_tableset_declare(plt_tableset_t *set, uint32_t index, const plt_table_spec_t *spec, bool anew,
                                  bool *later) {
  plt_status_t status;
  *later = plt_tableset_is_reading(set);
  if (*later) return PLT_OK;
  if (plt_errand_look(&set->reading, &status)) {
    if (status == PLT_OK)
      add_table(set, set->read, set->read_bytes);
    else
      plt_table_destroy(&set->read);
    PLT_TRY(status);
  }
  if (index < set->n) {
    if (plt_table_spec_equal(plt_table_spec(set->tables[index]), spec)) return PLT_OK;
    return plt_fail(PLT_ERR_PROTOCOL, "workers declare table %u (%s) differently", index, spec->name);
  }
  if (index != set->n || index >= PLT_TABLES_MAX)
    return plt_fail(PLT_ERR_PROTOCOL, "table %u (%s) is declared out of order", index, spec->name);
  if (!spec->temporary && set->n > set->lasting)
    return plt_fail(PLT_ERR_PROTOCOL, "table %u (%s) is declared behind a temporary one", index, spec->name);
  plt_table_t *table;
  uint64_t bytes;
  PLT_TRY(check_room(set, spec, &bytes));
  PLT_TRY(plt_table_create(spec, set->number, set->servers, &table));
  if ((set->n_parts == 0 && !set->hands_over) || spec->temporary || anew) {
    add_table(set, table, bytes);
    return PLT_OK;
  }
  set->read = table;
  set->read_bytes = bytes;
  *later = true;
  plt_errand_begin(&set->reading, read_rows, set);
  return PLT_OK;
}

plt_status_t plt_tableset_enter(plt_tableset_t *set, size_t n, const char *dir, const plt_manifest_t *manifest) {
  if (set->reading.under_way || set->hands_over || set->n > set->lasting || n > PLT_TABLES_MAX)
    return plt_fail(PLT_ERR_PROTOCOL, "tables are still being declared, or temporary ones are in use");
  plt_tableset_settled(set);
  memcpy(set->before, set->tables, set->n * sizeof *set->before);
  set->n_before = set->n;
  set->n = set->lasting = 0;
  set->expected = 0;
  set->awaited = n;
  set->hands_over = true;
  if (dir == NULL) return PLT_OK;
  for (; set->n_before > 0; set->n_before--) plt_table_destroy(&set->before[set->n_before - 1]);
  return open_parts(set, dir, manifest, NULL);
}

size_t plt_tableset_size(const plt_tableset_t *set) { return set->n; }

size_t plt_tableset_lasting(const plt_tableset_t *set) { return set->lasting; }

plt_status_t plt_tableset_drop(plt_tableset_t *set, uint32_t index) {
  uint64_t bytes;
  if (index >= set->n) return PLT_OK;
  if (index < set->lasting || index + 1 < set->n)
    return plt_fail(PLT_ERR_PROTOCOL, "table %u (%s) is not the last of the temporary ones: it cannot be dropped",
                    index, plt_table_spec(set->tables[index])->name);
  PLT_TRY(plt_table_expect(plt_table_spec(set->tables[index]), set->number, set->servers, &bytes));
  set->expected -= bytes;
  plt_table_destroy(&set->tables[--set->n]);
  return PLT_OK;
}

plt_table_t *const *plt_tableset_tables(const plt_tableset_t *set) { return set->tables; }

plt_table_t *plt_tableset_table(const plt_tableset_t *set, uint32_t index) {
  return index < set->n ? set->tables[index] : NULL;
}

/* Values that are asked for; keys may repeat from section to section, so their sum is bounded, by the limit of memory
 * too: no answer is larger than all tables. */
static plt_status_t check_answer(const plt_tableset_t *set, const plt_section_t *pull, const plt_table_spec_t *spec,
                                 uint64_t *bytes) {
  uint64_t row = (uint64_t)spec->cols * plt_shard_value_bytes(pull->type), most = PLT_ANSWER_BYTES_MAX;
  if (set->limit != 0 && set->limit < most) most = set->limit;
  if (pull->n <= PLT_FRAME_BYTES_MAX / row && (*bytes += pull->n * row) <= most) return PLT_OK;
  return plt_fail(PLT_ERR_PROTOCOL,
                  "%" PRIu64 " rows of table %s in one request: an answer has %.1f GB per section and %.3g GB at most",
                  pull->n, spec->name, (double)PLT_FRAME_BYTES_MAX / 1e9, (double)most / 1e9);
}

static bool is_unbounded(const plt_table_t *table) {
  const plt_sparse_keys_t *sparse = &plt_table_spec(table)->sparse;
  return sparse->declared && sparse->max_rows == 0;
}

/* Rows under sparse keys without a bound are not foreseen when their table is declared: a push that would store more of
 * them than there is memory is refused. */
static plt_status_t check_growth(const plt_tableset_t *set, const plt_table_t *table, const plt_section_t *push) {
  if (set->limit == 0 || !is_unbounded(table)) return PLT_OK;
  uint64_t bytes = set->expected, row = plt_table_row_bytes(table);
  for (size_t i = 0; i < set->n; i++)
    if (is_unbounded(set->tables[i])) bytes += plt_table_stored(set->tables[i]) * plt_table_row_bytes(set->tables[i]);
  if (bytes + push->n * row <= set->limit || bytes + plt_table_missing(table, push->keys, push->n) * row <= set->limit)
    return PLT_OK;
  return plt_fail(PLT_ERR_PROTOCOL,
                  "table %s: a push would store more rows than this server's %.3g GB of memory hold; it has %" PRIu64
                  " rows of %" PRIu64 " bytes: bound them (max_rows, max_age), admit fewer, or use more servers",
                  plt_table_spec(table)->name, (double)set->limit / 1e9, plt_table_stored(table), row);
}

plt_status_t plt_tableset_check(const plt_tableset_t *set, const plt_header_t *header) {
  uint64_t pulled[PLT_TABLES_MAX / 64] = {0}; /* a bit per table: an answer is never larger than the shard */
  uint64_t answer_bytes = 0;
  for (size_t i = 0; i < header->n_sections; i++) {
    const plt_section_t *section = &header->sections[i];
    const plt_table_t *table = plt_tableset_table(set, section->table);
    if (table == NULL) return plt_fail(PLT_ERR_PROTOCOL, "table %u was not declared", section->table);
    const plt_table_spec_t *spec = plt_table_spec(table);
    if (section->kind == PLT_SECTION_PUSH) {
      if (spec->frozen && header->verb == PLT_VERB_STEP)
        return plt_fail(PLT_ERR_PROTOCOL, "table %s is frozen and takes no push", spec->name);
      if (section->n > 0 && section->cols != spec->cols)
        return plt_fail(PLT_ERR_PROTOCOL, "table %s has %u columns, the push has %u", spec->name, spec->cols,
                        section->cols);
    }
    if (section->kind == PLT_SECTION_PULL) {
      uint64_t *word = &pulled[section->table / 64], bit = UINT64_C(1) << section->table % 64;
      if (*word & bit) return plt_fail(PLT_ERR_PROTOCOL, "rows of table %s are asked for twice", spec->name);
      *word |= bit;
    }
    if (section->n > 0 && section->keys == NULL)
      return plt_fail(PLT_ERR_PROTOCOL, "rows of table %s without keys", spec->name);
    if (section->kind == PLT_SECTION_PULL) PLT_TRY(check_answer(set, section, spec, &answer_bytes));
    PLT_TRY(plt_table_check_keys(table, section->keys, section->n));
    if (section->kind == PLT_SECTION_PUSH) PLT_TRY(check_growth(set, table, section));
  }
  return PLT_OK;
}

uint64_t plt_tableset_pull_bytes(const plt_tableset_t *set, const plt_section_t *pull) {
  return pull->n * plt_table_spec(set->tables[pull->table])->cols * plt_shard_value_bytes(pull->type);
}

uint64_t plt_tableset_answer_bytes(const plt_tableset_t *set, const plt_header_t *asked) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < asked->n_sections; i++) {
    const plt_section_t *pull = &asked->sections[i];
    if (pull->kind == PLT_SECTION_PULL) bytes += plt_tableset_pull_bytes(set, pull);
  }
  return bytes;
}

plt_section_t *plt_tableset_read(const plt_tableset_t *set, const plt_header_t *asked, uint32_t part, uint32_t parts,
                                 plt_pool_t *pool, plt_arena_t *arena, size_t *n) {
  plt_section_t *rows = plt_arena_alloc(arena, asked->n_sections * sizeof *rows);
  *n = 0;
  for (size_t i = 0; i < asked->n_sections; i++) {
    const plt_section_t *pull = &asked->sections[i];
    if (pull->kind != PLT_SECTION_PULL) continue;
    plt_table_t *table = set->tables[pull->table];
    plt_piece_t piece = plt_piece_of(pull->n, part, parts);
    size_t rows_n = (size_t)(piece.end - piece.begin);
    size_t cols = plt_table_spec(table)->cols, floats = rows_n * cols, width = plt_shard_value_bytes(pull->type);
    uint64_t skipped = piece.begin * cols * width;
    void *values = pool == NULL ? (char *)pull->place + skipped : plt_pool_take(pool, floats * width);
    plt_table_read_as(table, pull->keys + piece.begin, rows_n, pull->type, values);
    rows[(*n)++] = (plt_section_t){.kind = PLT_SECTION_ROWS,
                                   .table = pull->table,
                                   .n = rows_n,
                                   .cols = (uint32_t)cols,
                                   .type = pull->type,
                                   .lent = pool == NULL,
                                   .region = pool == NULL ? pull->region : 0,
                                   .at = pool == NULL ? pull->at + skipped : 0,
                                   .values = pool == NULL ? NULL : values};
  }
  return rows;
}
