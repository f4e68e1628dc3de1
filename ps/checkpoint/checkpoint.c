/* checkpoint.c - what writing (write.c) and reading (read.c) share: the lists of fields,
 * the ear for HDF5's failures, the lock. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ps/checkpoint/format.h"

static pthread_mutex_t hdf5_mutex = PTHREAD_MUTEX_INITIALIZER;

#define FIELD(type, kind, member) \
  { #member, PLT_FIELD_##kind, offsetof(type, member), 0 }
/* Since format 2. */
#define FIELD_2(type, kind, member) \
  { #member, PLT_FIELD_##kind, offsetof(type, member), 2 }
#define LIST(array) \
  { array, sizeof array / sizeof *array }

static const plt_field_t head_fields[] = {
    FIELD(plt_checkpoint_head_t, U64, job), FIELD(plt_checkpoint_head_t, U32, generation),
    FIELD(plt_checkpoint_head_t, U64, clock), FIELD(plt_checkpoint_head_t, U32, server),
    FIELD(plt_checkpoint_head_t, U32, servers)};
static const plt_field_t progress_fields[] = {
    FIELD(plt_progress_t, U32, stage),      FIELD_2(plt_progress_t, U64, begin_clock),
    FIELD(plt_progress_t, U32, epoch),      FIELD(plt_progress_t, U32, batch),
    FIELD(plt_progress_t, U32, phase),      FIELD(plt_progress_t, BOOL, epoch_closed),
    FIELD(plt_progress_t, BOOL, finished),  FIELD(plt_progress_t, F64, loss_sum),
    FIELD(plt_progress_t, U64, gradients),  FIELD(plt_progress_t, F64, best),
    FIELD(plt_progress_t, U32, best_epoch), FIELD(plt_progress_t, U64, best_clock),
    FIELD(plt_progress_t, BOOL, has_best),  FIELD(plt_progress_t, U32, bad_evals),
    FIELD(plt_progress_t, F64, seconds)};
static const plt_field_t record_fields[] = {
    FIELD(plt_checkpoint_record_t, U32, index),
    FIELD(plt_checkpoint_record_t, TEXT, init),
    FIELD(plt_checkpoint_record_t, U64, t),
    FIELD(plt_checkpoint_record_t, U64, salt),
    {"rows", PLT_FIELD_U64, offsetof(plt_checkpoint_record_t, spec.rows), 0},
    {"cols", PLT_FIELD_U32, offsetof(plt_checkpoint_record_t, spec.cols), 0},
    {"init_scale", PLT_FIELD_F64, offsetof(plt_checkpoint_record_t, spec.init.scale), 0},
    {"seed", PLT_FIELD_U64, offsetof(plt_checkpoint_record_t, spec.seed), 0},
    {"frozen", PLT_FIELD_BOOL, offsetof(plt_checkpoint_record_t, spec.frozen), 0},
    {"optimizer", PLT_FIELD_TEXT, offsetof(plt_checkpoint_record_t, spec.optimizer), 0},
    {"optimizer_settings", PLT_FIELD_LONG_TEXT, offsetof(plt_checkpoint_record_t, spec.settings), 2},
    {"lr_scale", PLT_FIELD_F64, offsetof(plt_checkpoint_record_t, spec.lr_scale), 2},
    {"sparse", PLT_FIELD_BOOL, offsetof(plt_checkpoint_record_t, spec.sparse.declared), 3},
    {"admit_pushes", PLT_FIELD_U32, offsetof(plt_checkpoint_record_t, spec.sparse.admit_pushes), 3},
    {"admit_share", PLT_FIELD_F64, offsetof(plt_checkpoint_record_t, spec.sparse.admit_share), 3},
    {"max_age", PLT_FIELD_U64, offsetof(plt_checkpoint_record_t, spec.sparse.max_age), 3},
    {"max_rows", PLT_FIELD_U64, offsetof(plt_checkpoint_record_t, spec.sparse.max_rows), 3}};

const plt_field_list_t plt_head_fields = LIST(head_fields);
const plt_field_list_t plt_progress_fields = LIST(progress_fields);
const plt_field_list_t plt_record_fields = LIST(record_fields);
#define INIT_NAME(name, text) text,
const char *const plt_init_names[PLT_INIT_KINDS] = {PLT_INIT_LIST(INIT_NAME)};

static hid_t text_type(size_t bytes) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, bytes);
  H5Tset_strpad(type, H5T_STR_NULLTERM);
  return type;
}

hid_t plt_field_type(plt_field_kind_t kind) {
  switch (kind) {
    case PLT_FIELD_BOOL: return H5T_NATIVE_UINT8;
    case PLT_FIELD_U32: return H5T_NATIVE_UINT32;
    case PLT_FIELD_U64: return H5T_NATIVE_UINT64;
    case PLT_FIELD_F64: return H5T_NATIVE_DOUBLE;
    case PLT_FIELD_TEXT: return text_type(PLT_TABLE_NAME_MAX);
    case PLT_FIELD_LONG_TEXT: return text_type(PLT_SETTINGS_MAX);
  }
  return -1;
}

void plt_field_type_done(plt_field_kind_t kind, hid_t type) {
  if (kind == PLT_FIELD_TEXT || kind == PLT_FIELD_LONG_TEXT) H5Tclose(type);
}

/* The innermost entries of HDF5's error stack say what happened; the outer ones only repeat the way there. */
static herr_t take_entry(unsigned n, const H5E_error2_t *entry, void *context) {
  plt_hdf5_error_t *error = context;
  const char *cause = strstr(entry->desc, "errno = "); /* the rest of such an entry is of no use to a reader */
  size_t used = strlen(error->text), room = sizeof error->text - used;
  if (cause != NULL) {
    int code = atoi(cause + strlen("errno = "));
    error->full = code == ENOSPC || code == EDQUOT;
    if (strstr(error->text, strerror(code)) == NULL) snprintf(error->text + used, room, ": %s", strerror(code));
  } else if (n < 3) {
    size_t length = strcspn(entry->desc, "\n"); /* of more than a line, or with the time of day, the beginning */
    const char *time = strstr(entry->desc, ": time = ");
    if (time != NULL && (size_t)(time - entry->desc) < length) length = (size_t)(time - entry->desc);
    snprintf(error->text + used, room, ": %.*s", (int)length, entry->desc);
  }
  return 0;
}

hid_t plt_hdf5_heard(plt_hdf5_error_t *error, const char *what, hid_t result) {
  if (result >= 0 || error->failed) return result;
  error->failed = true;
  snprintf(error->text, sizeof error->text, "%s", what);
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_entry, error);
  return result;
}

void plt_hdf5_note(plt_hdf5_error_t *error, const char *format, ...) {
  va_list args;
  if (error->failed) return;
  error->failed = true;
  va_start(args, format);
  vsnprintf(error->text, sizeof error->text, format, args);
  va_end(args);
}

/* HDF5 1.10.8 crashes in its exit handler when a file could not be closed. We close what we open: it has nothing
 * to do there. */
static void forget_exit(void) { H5dont_atexit(); }

void plt_hdf5_enter(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, forget_exit);
  pthread_mutex_lock(&hdf5_mutex);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* per thread */
}

void plt_hdf5_leave(void) { pthread_mutex_unlock(&hdf5_mutex); }

hid_t plt_hdf5_access(plt_hdf5_error_t *error) {
  hid_t access = plt_hdf5_heard(error, "file access", H5Pcreate(H5P_FILE_ACCESS));
  plt_hdf5_heard(error, "format version", H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110));
  plt_hdf5_heard(error, "close degree", H5Pset_fclose_degree(access, H5F_CLOSE_STRONG));
  /* A buffer would be written when it is closed, where HDF5 does not tell of a full disk. */
  plt_hdf5_heard(error, "sieve buffer", H5Pset_sieve_buf_size(access, 0));
#if H5_VERSION_GE(1, 10, 7) && !(H5_VERS_MINOR == 12 && H5_VERS_RELEASE == 0)
  plt_hdf5_heard(error, "file locking", H5Pset_file_locking(access, 0, 1)); /* Lustre, NFS */
#endif
  return access;
}

size_t plt_buffer_rows(size_t bytes, size_t row_bytes) {
  size_t rows = 1;
  while (rows * 2 * row_bytes <= bytes) rows *= 2;
  return rows;
}

size_t plt_checkpoint_block(uint64_t stored, size_t row_bytes) {
  size_t rows = plt_buffer_rows(PLT_CHECKPOINT_BUFFER, row_bytes);
  return stored >= rows ? rows : stored == 0 ? 1 : (size_t)stored;
}

void plt_checkpoint_library(char *out, size_t bytes) {
  unsigned major = 0, minor = 0, release = 0;
  plt_hdf5_enter();
  H5get_libversion(&major, &minor, &release);
  plt_hdf5_leave();
  snprintf(out, bytes, "HDF5 %u.%u.%u", major, minor, release);
}
