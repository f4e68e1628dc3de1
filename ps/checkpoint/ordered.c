/* ordered.c - see ordered.h. A merge of sources by a heap; a source is a part or a run of the scratch file. */
#include "ps/checkpoint/ordered.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

enum { KEYS_AT_ONCE = 1 << 16 };

/* Rows [at, end) of a part or of a run, in order; those before `at` are in the buffer or merged. */
typedef struct source {
  plt_checkpoint_rows_t *rows;    /* NULL: a run */
  off_t keys_begin, values_begin; /* of a run: its first row in the scratch file */
  uint64_t at, end;
  uint64_t *keys; /* [buffer] */
  float *values;  /* [buffer, cols] */
  size_t n, next; /* rows in the buffer, the next of them */
} source_t;

struct plt_ordered {
  plt_checkpoint_rows_t **parts; /* [n_parts] */
  size_t n_parts, cols;
  char *name, *scratch_path;
  FILE *scratch; /* NULL: no part needed it */
  off_t scratch_bytes;
  size_t memory_rows; /* held at once */
  source_t *sources;
  size_t n_sources, capacity, buffer;
  size_t *heap; /* [n_heap] of sources that have a row, the one of the least key first */
  size_t n_heap;
  uint64_t stored, last; /* the key that came last, if one did */
  bool has_last;
};

/* ---- sources ---- */

static source_t *add_source(plt_ordered_t *self, source_t source) {
  PLT_MEM_GROW(self->sources, self->n_sources, self->capacity);
  self->sources[self->n_sources] = source;
  return &self->sources[self->n_sources++];
}

static plt_status_t do_keys_ascend(plt_checkpoint_rows_t *rows, bool *ascend) {
  uint64_t *keys = plt_mem_alloc(KEYS_AT_ONCE * sizeof *keys), before = 0, stored = plt_checkpoint_rows_stored(rows);
  plt_status_t status = PLT_OK;
  *ascend = true;
  for (uint64_t at = 0; at < stored && *ascend && status == PLT_OK; at += KEYS_AT_ONCE) {
    size_t n = stored - at < KEYS_AT_ONCE ? (size_t)(stored - at) : KEYS_AT_ONCE;
    status = plt_checkpoint_rows_read(rows, at, n, keys, NULL);
    for (size_t i = 0; i < n && status == PLT_OK; before = keys[i++])
      if (at + i > 0 && keys[i] <= before) *ascend = false;
  }
  free(keys);
  return status;
}

/* ---- runs of the scratch file ---- */

typedef struct place {
  uint64_t key;
  size_t row;
} place_t;

static int by_key(const void *a, const void *b) {
  const place_t *x = a, *y = b;
  return (x->key > y->key) - (x->key < y->key);
}

static plt_status_t open_scratch(plt_ordered_t *self) {
  if (self->scratch != NULL) return PLT_OK;
  int fd = open(self->scratch_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return plt_fail_errno(PLT_ERR_CREATE, "%s: cannot create", self->scratch_path);
  unlink(self->scratch_path);
  self->scratch = fdopen(fd, "w+b");
  if (self->scratch != NULL) return PLT_OK;
  close(fd);
  return plt_fail_errno(PLT_ERR_IO, "%s: cannot open", self->scratch_path);
}

static plt_status_t append(plt_ordered_t *self, const void *bytes, size_t n) {
  if (fwrite(bytes, 1, n, self->scratch) != n)
    return plt_fail_errno(PLT_ERR_IO, "%s: cannot write (rows that are being sorted)", self->scratch_path);
  self->scratch_bytes += (off_t)n;
  return PLT_OK;
}

/* Rows of places [n], in that order, as a run. */
static plt_status_t write_run(plt_ordered_t *self, const place_t *places, size_t n, const float *values) {
  plt_status_t status = open_scratch(self);
  source_t run = {.keys_begin = self->scratch_bytes, .end = n};
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = append(self, &places[i].key, sizeof places[i].key);
  run.values_begin = self->scratch_bytes;
  for (size_t i = 0; i < n && status == PLT_OK; i++)
    status = append(self, values + places[i].row * self->cols, self->cols * sizeof *values);
  if (status == PLT_OK) add_source(self, run);
  return status;
}

/* A part whose keys do not ascend, as runs. */
static plt_status_t sort_part(plt_ordered_t *self, plt_checkpoint_rows_t *rows) {
  uint64_t stored = plt_checkpoint_rows_stored(rows);
  size_t at_once = stored < self->memory_rows ? (size_t)stored : self->memory_rows;
  uint64_t *keys = plt_mem_alloc(at_once * sizeof *keys);
  float *values = plt_mem_alloc(at_once * self->cols * sizeof *values);
  place_t *places = plt_mem_alloc(at_once * sizeof *places);
  plt_status_t status = PLT_OK;
  for (uint64_t at = 0; at < stored && status == PLT_OK; at += at_once) {
    size_t n = stored - at < at_once ? (size_t)(stored - at) : at_once;
    status = plt_checkpoint_rows_read(rows, at, n, keys, values);
    for (size_t i = 0; i < n && status == PLT_OK; i++) places[i] = (place_t){keys[i], i};
    if (status != PLT_OK) break;
    qsort(places, n, sizeof *places, by_key);
    status = write_run(self, places, n, values);
  }
  free(keys);
  free(values);
  free(places);
  return status;
}

static plt_status_t read_run(const plt_ordered_t *self, off_t begin, void *into, size_t n) {
  for (size_t got = 0; got < n;) {
    ssize_t more = pread(fileno(self->scratch), (char *)into + got, n - got, begin + (off_t)got);
    if (more < 0 && errno == EINTR) continue;
    if (more == 0) return plt_fail(PLT_ERR_IO, "%s: cut short (rows that were sorted)", self->scratch_path);
    if (more < 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot read (rows that were sorted)", self->scratch_path);
    got += (size_t)more;
  }
  return PLT_OK;
}

/* ---- merging ---- */

static plt_status_t fill(const plt_ordered_t *self, source_t *source) {
  uint64_t left = source->end - source->at;
  size_t n = left < self->buffer ? (size_t)left : self->buffer, row_bytes = self->cols * sizeof(float);
  if (source->rows != NULL) {
    PLT_TRY(plt_checkpoint_rows_read(source->rows, source->at, n, source->keys, source->values));
  } else {
    off_t at = (off_t)source->at;
    PLT_TRY(read_run(self, source->keys_begin + at * (off_t)sizeof(uint64_t), source->keys, n * sizeof(uint64_t)));
    PLT_TRY(read_run(self, source->values_begin + at * (off_t)row_bytes, source->values, n * row_bytes));
  }
  source->at += n;
  source->n = n;
  source->next = 0;
  return PLT_OK;
}

static uint64_t key_of(const plt_ordered_t *self, size_t place) {
  const source_t *source = &self->sources[self->heap[place]];
  return source->keys[source->next];
}

/* Lets the source at `place` sink to where it belongs. */
static void sink(plt_ordered_t *self, size_t place) {
  for (size_t least = place;; place = least) {
    for (size_t child = 2 * place + 1; child < self->n_heap && child <= 2 * place + 2; child++)
      if (key_of(self, child) < key_of(self, least)) least = child;
    if (least == place) return;
    size_t other = self->heap[least];
    self->heap[least] = self->heap[place];
    self->heap[place] = other;
  }
}

static plt_status_t begin_merge(plt_ordered_t *self) {
  if (self->scratch != NULL && fflush(self->scratch) != 0)
    return plt_fail_errno(PLT_ERR_IO, "%s: cannot write (rows that are being sorted)", self->scratch_path);
  size_t n = self->n_sources == 0 ? 1 : self->n_sources;
  self->buffer = self->memory_rows / n == 0 ? 1 : self->memory_rows / n;
  self->heap = plt_mem_alloc(n * sizeof *self->heap);
  for (size_t i = 0; i < self->n_sources; i++) {
    source_t *source = &self->sources[i];
    source->keys = plt_mem_alloc(self->buffer * sizeof *source->keys);
    source->values = plt_mem_alloc(self->buffer * self->cols * sizeof *source->values);
    PLT_TRY(fill(self, source));
    if (source->n > 0) self->heap[self->n_heap++] = i;
  }
  for (size_t i = self->n_heap / 2; i-- > 0;) sink(self, i);
  return PLT_OK;
}

/* The row at the top of the heap is taken. */
static plt_status_t advance(plt_ordered_t *self) {
  source_t *source = &self->sources[self->heap[0]];
  if (++source->next == source->n && source->at < source->end) PLT_TRY(fill(self, source));
  if (source->next == source->n) self->heap[0] = self->heap[--self->n_heap];
  sink(self, 0);
  return PLT_OK;
}

plt_status_t plt_ordered_next(plt_ordered_t *ordered, size_t max, uint64_t *keys, float *values, size_t *n) {
  size_t got = 0;
  for (; got < max && ordered->n_heap > 0; got++) {
    const source_t *source = &ordered->sources[ordered->heap[0]];
    uint64_t key = source->keys[source->next];
    if (ordered->has_last && key <= ordered->last)
      return plt_fail(PLT_ERR_CHECKPOINT, "table %s: key %llu is there twice", ordered->name, (unsigned long long)key);
    ordered->last = key;
    ordered->has_last = true;
    keys[got] = key;
    memcpy(values + got * ordered->cols, source->values + source->next * ordered->cols, ordered->cols * sizeof *values);
    PLT_TRY(advance(ordered));
  }
  *n = got;
  return PLT_OK;
}

/* ---- all of it ---- */

static plt_status_t open_part(plt_ordered_t *self, plt_checkpoint_part_t *part) {
  plt_checkpoint_rows_t **rows = &self->parts[self->n_parts];
  PLT_TRY(plt_checkpoint_rows_open(part, self->name, rows));
  self->n_parts++;
  size_t cols = plt_checkpoint_rows_spec(*rows)->cols;
  if (self->cols != 0 && self->cols != cols)
    return plt_fail(PLT_ERR_CHECKPOINT, "table %s has %zu columns in one part, %zu in another", self->name, self->cols,
                    cols);
  self->cols = cols;
  self->stored += plt_checkpoint_rows_stored(*rows);
  return PLT_OK;
}

static plt_status_t add_part(plt_ordered_t *self, plt_checkpoint_rows_t *rows) {
  bool ascend;
  PLT_TRY(do_keys_ascend(rows, &ascend));
  if (!ascend) return sort_part(self, rows);
  add_source(self, (source_t){.rows = rows, .end = plt_checkpoint_rows_stored(rows)});
  return PLT_OK;
}

plt_status_t plt_ordered_create(plt_checkpoint_part_t *const *parts, size_t n_parts, const char *name,
                                const char *scratch, size_t memory_bytes, plt_ordered_t **out) {
  plt_ordered_t *self = plt_mem_zalloc(1, sizeof *self);
  self->name = plt_mem_strdup(name);
  self->scratch_path = plt_mem_strdup(scratch);
  self->parts = plt_mem_zalloc(n_parts, sizeof(plt_checkpoint_rows_t *));
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < n_parts && status == PLT_OK; i++) status = open_part(self, parts[i]);
  size_t row_bytes = sizeof(place_t) + sizeof(uint64_t) + self->cols * sizeof(float);
  self->memory_rows = memory_bytes / row_bytes == 0 ? 1 : memory_bytes / row_bytes;
  for (size_t i = 0; i < self->n_parts && status == PLT_OK; i++) status = add_part(self, self->parts[i]);
  if (status == PLT_OK) status = begin_merge(self);
  if (status == PLT_OK)
    *out = self;
  else
    plt_ordered_destroy(&self);
  return status;
}

void plt_ordered_destroy(plt_ordered_t **ordered) {
  plt_ordered_t *self = *ordered;
  if (self == NULL) return;
  for (size_t i = 0; i < self->n_sources; i++) {
    free(self->sources[i].keys);
    free(self->sources[i].values);
  }
  for (size_t i = 0; i < self->n_parts; i++) plt_checkpoint_rows_close(&self->parts[i]);
  if (self->scratch != NULL) fclose(self->scratch);
  free(self->sources);
  free(self->heap);
  free(self->parts);
  free(self->scratch_path);
  free(self->name);
  free(self);
  *ordered = NULL;
}

uint64_t plt_ordered_stored(const plt_ordered_t *ordered) { return ordered->stored; }

void plt_ordered_unborn(plt_ordered_t *ordered, uint64_t key, float *value) {
  plt_checkpoint_rows_unborn(ordered->parts[0], key, value);
}
