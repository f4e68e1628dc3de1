/* inherit.c - a fresh table that takes the rows of another: see table.h. For numbered rows: those under sparse keys
 * come from checkpoints alone. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "ps/table/state.h"

static bool is_born_alike(const plt_table_t *a, const plt_table_t *b) {
  const plt_table_spec_t *x = &a->spec, *y = &b->spec;
  return strcmp(x->name, y->name) == 0 && x->rows == y->rows && x->cols == y->cols && x->seed == y->seed &&
         x->init.kind == y->init.kind && x->init.scale == y->init.scale && a->number == b->number &&
         a->servers == b->servers;
}

plt_status_t plt_table_take(plt_table_t *table, plt_table_t *from) {
  size_t bytes = table->cols * sizeof(float);
  if (table->sparse != NULL || from->sparse != NULL || !is_born_alike(table, from) || table->t != 0)
    return plt_fail(PLT_ERR_PROTOCOL, "table %s of %llu x %zu cannot take the rows of table %s of %llu x %zu",
                    table->spec.name, (unsigned long long)table->spec.rows, table->cols, from->spec.name,
                    (unsigned long long)from->spec.rows, from->cols);
  float *now = plt_mem_alloc(2 * bytes), *born = now + table->cols;
  table->salt = from->salt;
  for (uint64_t local = 0; local < table->local_rows; local++) {
    uint64_t key = local * table->servers + table->number;
    plt_place_t place = plt_slabs_find(from->slabs, local);
    bool is_stored = place.row != NULL && *place.last != 0;
    if (!is_stored && from->optimizer->ops->value == NULL) continue; /* as born */
    plt_table_read(from, &key, 1, now);
    plt_table_spec_birth(&table->spec, table->salt, key, born);
    if (memcmp(now, born, bytes) != 0) plt_table_assign(table, &key, 1, now);
  }
  free(now);
  return PLT_OK;
}

bool plt_table_state_goes_on(const plt_table_spec_t *from, const plt_table_spec_t *to) {
  return !from->frozen && !to->frozen && strcmp(from->optimizer, to->optimizer) == 0 &&
         strcmp(from->settings, to->settings) == 0;
}

/* A row of `from` that was pushed or assigned, with all that its optimizer keeps. */
static void copy_row(plt_table_t *table, uint64_t local, plt_place_t from) {
  plt_place_t place = plt_slabs_open(table->slabs, local);
  memcpy(place.row, from.row, table->stride * sizeof(float));
  table->slabs->stored += *place.last == 0;
  *place.last = *from.last;
}

plt_status_t plt_table_continue(plt_table_t *table, plt_table_t *from, bool with_state) {
  size_t bytes = table->cols * sizeof(float);
  if (table->sparse != NULL || from->sparse != NULL || strcmp(table->spec.name, from->spec.name) != 0 ||
      table->cols != from->cols || table->number != from->number || table->servers != from->servers || table->t != 0)
    return plt_fail(PLT_ERR_PROTOCOL, "table %s of %zu columns cannot go on with table %s of %zu", table->spec.name,
                    table->cols, from->spec.name, from->cols);
  with_state = with_state && plt_table_state_goes_on(&from->spec, &table->spec);
  float *now = plt_mem_alloc(2 * bytes), *born = now + table->cols;
  table->salt = from->salt;
  if (with_state) plt_table_restore_state(table, plt_table_state(from));
  bool moves = table->optimizer->ops->value != NULL && table->t > 0; /* what is born now was not there to be moved */
  for (uint64_t local = 0; local < table->local_rows; local++) {
    uint64_t key = local * table->servers + table->number;
    bool is_there = local < from->local_rows;
    plt_place_t place = is_there ? plt_slabs_find(from->slabs, local) : (plt_place_t){0};
    if (with_state && place.row != NULL && *place.last != 0) {
      copy_row(table, local, place);
      continue;
    }
    if (is_there) {
      plt_table_read(from, &key, 1, now);
      plt_table_read(table, &key, 1, born);
      if (memcmp(now, born, bytes) != 0) plt_table_assign(table, &key, 1, now);
    } else if (moves) {
      plt_table_spec_birth(&table->spec, table->salt, key, born);
      plt_table_assign(table, &key, 1, born);
    }
  }
  free(now);
  return PLT_OK;
}
