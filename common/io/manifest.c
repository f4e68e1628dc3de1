/* manifest.c - see manifest.h.
 *
 *   <clock>.part ── parts written, synced ── manifest.json ── rename ──> <clock> ── last, best
 *
 * A crash before the rename leaves a .part, which nobody reads; one after it leaves a complete checkpoint that
 * `last` does not name yet, which plt_manifest_newest finds.
 *
 * manifest.json holds lists of equal length and ends with a hash of all that stands before it, so that a flipped bit in
 * the manifest itself is seen too. */
#include "common/io/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/json.h"
#include "common/log.h"
#include "common/mem.h"

enum { FORMAT = 1, MANIFEST_BYTES_MAX = 64 << 20 };
static const char manifest_name[] = "manifest.json";
static const char check_key[] = ", \"check\": ";

void plt_manifest_clear(plt_manifest_t *manifest) {
  free(manifest->parts);
  *manifest = (plt_manifest_t){0};
}

/* RUN/checkpoints/NAME */
static plt_status_t place(const char *run_dir, const char *name, char out[PLT_PATH_MAX]) {
  char all[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(run_dir, "checkpoints", all));
  return plt_path_join(all, name, out);
}

static plt_status_t clock_place(const char *run_dir, uint64_t clock, const char *suffix, char out[PLT_PATH_MAX]) {
  char name[64];
  snprintf(name, sizeof name, "%" PRIu64 "%s", clock, suffix);
  return place(run_dir, name, out);
}

/* A run directory that could be written until now: somebody removed it, or shut it. */
static plt_status_t of_a_run(plt_status_t status) { return status == PLT_ERR_CREATE ? PLT_ERR_IO : status; }

plt_status_t plt_manifest_part_dir(const char *run_dir, uint64_t clock, char out[PLT_PATH_MAX]) {
  return clock_place(run_dir, clock, ".part", out);
}

plt_status_t plt_manifest_make_part(const char *run_dir, uint64_t clock, char out[PLT_PATH_MAX]) {
  char all[PLT_PATH_MAX];
  PLT_TRY(clock_place(run_dir, clock, ".part", out));
  PLT_TRY(plt_path_join(run_dir, "checkpoints", all));
  PLT_TRY(of_a_run(plt_dir_create_one(all)));
  return of_a_run(plt_dir_create_one(out));
}

/* ---- writing ---- */

static void hash_text(const char *text, size_t bytes, char out[17]) {
  snprintf(out, 17, "%016" PRIx64, plt_hash64(0, text, bytes));
}

static void put_parts(plt_json_t *json, const plt_manifest_t *manifest) {
  plt_json_t *files = plt_json_add_list(json, "files"), *bytes = plt_json_add_list(json, "bytes"),
             *hashes = plt_json_add_list(json, "xxh3_128");
  for (size_t i = 0; i < manifest->n_parts; i++) {
    plt_json_text(files, NULL, manifest->parts[i].file);
    plt_json_int(bytes, NULL, (int64_t)manifest->parts[i].bytes);
    plt_json_text(hashes, NULL, manifest->parts[i].hash);
  }
}

/* The text of manifest.json; free it. */
static char *write_manifest(const plt_manifest_t *manifest) {
  char job[17], check[17];
  plt_json_t *json = plt_json_create();
  plt_json_int(json, "format", FORMAT);
  plt_json_int(json, "clock", (int64_t)manifest->clock);
  snprintf(job, sizeof job, "%016" PRIx64, manifest->job); /* as text: JSON numbers are doubles to many readers */
  plt_json_text(json, "job", job);
  plt_json_int(json, "generation", manifest->generation);
  plt_json_int(json, "epoch", manifest->epoch);
  plt_json_text(json, "products", manifest->products);
  put_parts(json, manifest);
  char *text = plt_json_print(json);
  plt_json_destroy(&json);
  size_t open = strlen(text) - 1; /* without its last brace */
  hash_text(text, open, check);
  char *whole = plt_mem_print("%.*s%s\"%s\"}", (int)open, text, check_key, check);
  free(text);
  return whole;
}

/* missing: what it is where there is no such file. */
static plt_status_t check_size(const char *path, uint64_t bytes, plt_status_t missing) {
  struct stat info;
  if (stat(path, &info) != 0) return plt_fail_errno(missing, "%s: part of the checkpoint is missing", path);
  if ((uint64_t)info.st_size == bytes) return PLT_OK;
  return plt_fail(PLT_ERR_CHECKPOINT, "%s: has %llu bytes, the manifest says %" PRIu64, path,
                  (unsigned long long)info.st_size, bytes);
}

/* A file of the checkpoint's own directory. */
static bool is_plain_name(const char *file) {
  return file[0] != '\0' && file[0] != '.' && strchr(file, '/') == NULL &&
         strlen(file) < sizeof((plt_manifest_part_t *)0)->file;
}

static plt_status_t check_sizes(const char *dir, const plt_manifest_t *manifest, plt_status_t missing) {
  char path[PLT_PATH_MAX];
  for (size_t i = 0; i < manifest->n_parts; i++) {
    const char *file = manifest->parts[i].file;
    if (!is_plain_name(file))
      return plt_fail(PLT_ERR_CHECKPOINT, "%s: \"%s\" is no name for a file of a checkpoint", dir, file);
    PLT_TRY(plt_path_join(dir, file, path));
    PLT_TRY(check_size(path, manifest->parts[i].bytes, missing));
  }
  return PLT_OK;
}

/* Puts `part` in the place of `final`; whichever stood there before is removed last. */
static plt_status_t swap_in(const char *part, const char *final) {
  if (!plt_path_is_dir(final)) {
    if (rename(part, final) == 0) return PLT_OK;
    return plt_fail_errno(PLT_ERR_IO, "%s: cannot rename to its place", final);
  }
  if (renameat2(AT_FDCWD, part, AT_FDCWD, final, RENAME_EXCHANGE) == 0) {
    PLT_TRY(plt_dir_sync_of(final)); /* the exchange must be on disk before the old files go */
    return plt_dir_remove(part);
  }
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
    return plt_fail_errno(PLT_ERR_IO, "%s: cannot replace", final);
  PLT_TRY(plt_dir_remove(final)); /* a file system without exchange */
  if (rename(part, final) == 0) return PLT_OK;
  return plt_fail_errno(PLT_ERR_IO, "%s: cannot rename to its place", final);
}

static plt_status_t move_link(const char *run_dir, const char *name, uint64_t clock) {
  char target[32], link[PLT_PATH_MAX], fresh[PLT_PATH_MAX], fresh_name[32];
  snprintf(target, sizeof target, "%" PRIu64, clock);
  snprintf(fresh_name, sizeof fresh_name, "%s.part", name);
  PLT_TRY(place(run_dir, name, link));
  PLT_TRY(place(run_dir, fresh_name, fresh));
  if (unlink(fresh) != 0 && errno != ENOENT) return plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", fresh);
  if (symlink(target, fresh) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot create", fresh);
  if (rename(fresh, link) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot move the link", link);
  return PLT_OK;
}

plt_status_t plt_manifest_unlink_best(const char *run_dir) {
  char link[PLT_PATH_MAX];
  PLT_TRY(place(run_dir, "best", link));
  if (unlink(link) == 0) return plt_dir_sync_of(link);
  return errno == ENOENT ? PLT_OK : plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", link);
}

plt_status_t plt_manifest_mend_links(const char *run_dir, uint64_t clock, const uint64_t *best) {
  char dir[PLT_PATH_MAX];
  PLT_TRY(move_link(run_dir, "last", clock));
  if (best == NULL) return plt_manifest_unlink_best(run_dir);
  PLT_TRY(clock_place(run_dir, *best, "", dir));
  if (plt_path_is_dir(dir)) PLT_TRY(move_link(run_dir, "best", *best));
  return plt_dir_sync_of(dir);
}

plt_status_t plt_manifest_publish(const char *run_dir, const plt_manifest_t *manifest, bool is_best) {
  char part[PLT_PATH_MAX], final[PLT_PATH_MAX], file[PLT_PATH_MAX];
  PLT_TRY(clock_place(run_dir, manifest->clock, ".part", part));
  PLT_TRY(clock_place(run_dir, manifest->clock, "", final));
  PLT_TRY(plt_path_join(part, manifest_name, file));
  PLT_TRY(check_sizes(part, manifest, PLT_ERR_IO)); /* just written: somebody removed it */
  char *text = write_manifest(manifest);
  plt_status_t status = of_a_run(plt_file_publish(file, text, strlen(text)));
  free(text);
  if (status != PLT_OK) return status;
  PLT_TRY(swap_in(part, final));
  PLT_TRY(plt_dir_sync_of(final));
  PLT_TRY(move_link(run_dir, "last", manifest->clock));
  if (is_best) PLT_TRY(move_link(run_dir, "best", manifest->clock));
  return plt_dir_sync_of(final);
}

/* ---- reading ---- */

/* A whole number as we write it: no sign, no space. */
static bool read_number(const char *text, int radix, uint64_t *out) {
  char *end;
  size_t n = strspn(text, "0123456789abcdef");
  if (n == 0 || text[n] != '\0') return false;
  errno = 0;
  *out = strtoull(text, &end, radix);
  return *end == '\0' && errno == 0;
}

static bool is_clock(const char *name, uint64_t *clock) {
  return read_number(name, 10, clock) && (name[0] != '0' || name[1] == '\0');
}

static bool read_parts(const plt_json_t *json, plt_manifest_t *manifest) {
  const plt_json_t *files = plt_json_find(json, "files"), *bytes = plt_json_find(json, "bytes"),
                   *hashes = plt_json_find(json, "xxh3_128");
  size_t n = plt_json_length(files);
  if (n == 0 || plt_json_length(bytes) != n || plt_json_length(hashes) != n) return false;
  manifest->parts = plt_mem_zalloc(n, sizeof *manifest->parts);
  manifest->n_parts = n;
  for (size_t i = 0; i < n; i++) {
    plt_manifest_part_t *part = &manifest->parts[i];
    const char *file = plt_json_get_text(plt_json_item(files, i)), *hash = plt_json_get_text(plt_json_item(hashes, i));
    if (file == NULL || !is_plain_name(file) || hash == NULL || strlen(hash) + 1 != PLT_HASH_HEX) return false;
    if (!plt_json_get_uint(plt_json_item(bytes, i), INT64_MAX, &part->bytes)) return false;
    snprintf(part->file, sizeof part->file, "%s", file);
    memcpy(part->hash, hash, PLT_HASH_HEX);
  }
  return true;
}

static bool field(const plt_json_t *json, const char *key, uint64_t limit, uint64_t *out) {
  return plt_json_get_uint(plt_json_find(json, key), limit, out);
}

static bool read_fields(const plt_json_t *json, plt_manifest_t *manifest) {
  uint64_t format, generation, epoch;
  const char *job = plt_json_get_text(plt_json_find(json, "job"));
  if (!field(json, "format", FORMAT, &format) || format != FORMAT || job == NULL) return false;
  bool ok = field(json, "clock", INT64_MAX, &manifest->clock) && read_number(job, 16, &manifest->job) &&
            field(json, "generation", UINT32_MAX, &generation) && field(json, "epoch", UINT32_MAX, &epoch);
  if (!ok) return false;
  const char *products = plt_json_get_text(plt_json_find(json, "products")); /* of older ones not known */
  snprintf(manifest->products, sizeof manifest->products, "%s", products == NULL ? "" : products);
  manifest->generation = (uint32_t)generation;
  manifest->epoch = (uint32_t)epoch;
  return read_parts(json, manifest);
}

static bool check_is_right(const char *text) {
  char hash[17];
  const char *at = strstr(text, check_key);
  if (at == NULL) return false;
  hash_text(text, (size_t)(at - text), hash);
  const char *said = at + strlen(check_key);
  return said[0] == '"' && strncmp(said + 1, hash, 16) == 0 && strcmp(said + 17, "\"}") == 0;
}

static plt_status_t read_manifest(const char *file, plt_manifest_t *manifest) {
  char *text = NULL;
  size_t bytes;
  plt_json_t *json = NULL;
  if (plt_file_read(file, MANIFEST_BYTES_MAX, &text, &bytes) != PLT_OK) return PLT_ERR_CHECKPOINT;
  bool ok = check_is_right(text) && plt_json_parse(text, bytes, file, &json) == PLT_OK && read_fields(json, manifest);
  plt_json_destroy(&json);
  free(text);
  return ok ? PLT_OK : plt_fail(PLT_ERR_CHECKPOINT, "%s: damaged, or of another version of plateau", file);
}

static plt_status_t check_hash(const char *path, const plt_manifest_part_t *part) {
  char hash[PLT_HASH_HEX];
  uint64_t bytes;
  PLT_TRY(check_size(path, part->bytes, PLT_ERR_CHECKPOINT));
  if (plt_hash_file(path, hash, &bytes) != PLT_OK) return PLT_ERR_CHECKPOINT;
  if (bytes == part->bytes && strcmp(hash, part->hash) == 0) return PLT_OK;
  return plt_fail(PLT_ERR_CHECKPOINT, "%s: damaged: its xxh3-128 is %s, the manifest says %s", path, hash, part->hash);
}

/* sizes_only: whoever started this process has looked at the hashes. */
static plt_status_t verify(const char *dir, bool sizes_only, plt_manifest_t *manifest) {
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_path_join(dir, manifest_name, path));
  PLT_TRY(read_manifest(path, manifest));
  for (size_t i = 0; i < manifest->n_parts; i++) {
    PLT_TRY(plt_path_join(dir, manifest->parts[i].file, path));
    PLT_TRY(sizes_only ? check_size(path, manifest->parts[i].bytes, PLT_ERR_CHECKPOINT)
                       : check_hash(path, &manifest->parts[i]));
  }
  return PLT_OK;
}

/* The clock that a link names; the name itself where there is no link. */
static void follow_link(const char *path, const char *name, char out[64]) {
  ssize_t n = readlink(path, out, 63);
  if (n < 0) {
    snprintf(out, 64, "%s", name);
  } else {
    out[n] = '\0';
  }
}

static plt_status_t load(const char *run_dir, const char *name, bool sizes_only, plt_manifest_t *manifest,
                         char dir[PLT_PATH_MAX]) {
  char path[PLT_PATH_MAX], target[64];
  uint64_t clock;
  PLT_TRY(place(run_dir, name, path));
  if (!plt_path_is_dir(path)) return plt_fail(PLT_ERR_CHECKPOINT, "%s: there is no such checkpoint", path);
  if (is_clock(name, &clock))
    snprintf(target, sizeof target, "%s", name);
  else
    follow_link(path, name, target);
  if (!is_clock(target, &clock))
    return plt_fail(PLT_ERR_CHECKPOINT, "%s: should name a checkpoint beside it, not \"%s\"", path, target);
  PLT_TRY(place(run_dir, target, path));
  plt_manifest_t result = {0};
  plt_status_t status = verify(path, sizes_only, &result);
  if (status == PLT_OK && clock != result.clock)
    status = plt_fail(PLT_ERR_CHECKPOINT, "%s: its manifest is of clock %" PRIu64, path, result.clock);
  if (status != PLT_OK) {
    plt_manifest_clear(&result);
    return status;
  }
  *manifest = result;
  memcpy(dir, path, PLT_PATH_MAX);
  return PLT_OK;
}

plt_status_t plt_manifest_load(const char *run_dir, const char *name, plt_manifest_t *manifest,
                               char dir[PLT_PATH_MAX]) {
  return load(run_dir, name, false, manifest, dir);
}

plt_status_t plt_manifest_load_verified(const char *run_dir, const char *name, plt_manifest_t *manifest,
                                        char dir[PLT_PATH_MAX]) {
  return load(run_dir, name, true, manifest, dir);
}

/* ---- all checkpoints of a run ---- */

static int newest_first(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x < y) - (x > y);
}

/* Clocks that have a directory, newest first; free them. A run without checkpoints/ has none. */
static plt_status_t list_clocks(const char *run_dir, uint64_t **clocks, size_t *n) {
  char dir[PLT_PATH_MAX], **names = NULL;
  size_t n_names = 0;
  *clocks = NULL;
  *n = 0;
  PLT_TRY(plt_path_join(run_dir, "checkpoints", dir));
  if (!plt_path_exists(dir)) return PLT_OK;
  PLT_TRY(plt_dir_list(dir, &names, &n_names));
  *clocks = plt_mem_zalloc(n_names, sizeof **clocks);
  for (size_t i = 0; i < n_names; i++) *n += is_clock(names[i], &(*clocks)[*n]);
  qsort(*clocks, *n, sizeof **clocks, newest_first);
  plt_names_free(&names, n_names);
  return PLT_OK;
}

plt_status_t plt_manifest_any(const char *run_dir, bool *any) {
  uint64_t *clocks;
  size_t n;
  PLT_TRY(list_clocks(run_dir, &clocks, &n));
  free(clocks);
  *any = n > 0;
  return PLT_OK;
}

plt_status_t plt_manifest_newest(const char *run_dir, plt_manifest_t *manifest, char dir[PLT_PATH_MAX], bool *none) {
  uint64_t *clocks;
  size_t n;
  PLT_TRY(list_clocks(run_dir, &clocks, &n));
  *none = n == 0;
  plt_status_t status = PLT_ERR_CHECKPOINT;
  for (size_t i = 0; i < n && status != PLT_OK; i++) {
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, clocks[i]);
    status = plt_manifest_load(run_dir, name, manifest, dir);
    if (status != PLT_OK) plt_log(PLT_LOG_WARN, "%s; this checkpoint is passed over", plt_fail_text());
  }
  free(clocks);
  if (status == PLT_OK) return PLT_OK;
  return plt_fail(PLT_ERR_CHECKPOINT, "%s: %s", run_dir, n == 0 ? "has no checkpoint" : "no checkpoint is undamaged");
}

static plt_status_t remove_leftovers(const char *run_dir) {
  char dir[PLT_PATH_MAX], path[PLT_PATH_MAX], **names = NULL;
  size_t n = 0;
  plt_status_t status = PLT_OK;
  PLT_TRY(plt_path_join(run_dir, "checkpoints", dir));
  if (!plt_path_exists(dir)) return PLT_OK;
  PLT_TRY(plt_dir_list(dir, &names, &n));
  for (size_t i = 0; i < n && status == PLT_OK; i++) {
    size_t length = strlen(names[i]);
    if (length < 5 || strcmp(names[i] + length - 5, ".part") != 0) continue;
    status = plt_path_join(dir, names[i], path);
    if (status == PLT_OK) status = plt_dir_remove(path);
  }
  plt_names_free(&names, n);
  return status;
}

static bool is_linked(const char *run_dir, const char *link, uint64_t clock) {
  char path[PLT_PATH_MAX], target[64];
  uint64_t linked;
  if (place(run_dir, link, path) != PLT_OK) return false;
  follow_link(path, link, target);
  return is_clock(target, &linked) && linked == clock;
}

/* Renamed first: one that is half removed neither looks complete nor stays. */
static plt_status_t remove_checkpoint(const char *run_dir, uint64_t clock) {
  char dir[PLT_PATH_MAX], part[PLT_PATH_MAX];
  PLT_TRY(clock_place(run_dir, clock, "", dir));
  PLT_TRY(clock_place(run_dir, clock, ".part", part));
  if (rename(dir, part) != 0) return plt_fail_errno(PLT_ERR_IO, "%s: cannot remove", dir);
  return plt_dir_remove(part);
}

/* Removes a checkpoint if it is complete, `keep` others are newer and no link points to it. */
static plt_status_t prune(const char *run_dir, uint64_t clock, size_t keep, size_t *complete) {
  char dir[PLT_PATH_MAX], manifest[PLT_PATH_MAX];
  PLT_TRY(clock_place(run_dir, clock, "", dir));
  PLT_TRY(plt_path_join(dir, manifest_name, manifest));
  if (!plt_path_exists(manifest) || ++*complete <= keep) return PLT_OK;
  return is_linked(run_dir, "last", clock) || is_linked(run_dir, "best", clock) ? PLT_OK
                                                                                : remove_checkpoint(run_dir, clock);
}

plt_status_t plt_manifest_prune(const char *run_dir, size_t keep) {
  uint64_t *clocks;
  size_t n, complete = 0;
  PLT_TRY(remove_leftovers(run_dir));
  PLT_TRY(list_clocks(run_dir, &clocks, &n));
  plt_status_t status = PLT_OK;
  for (size_t i = 0; i < n && status == PLT_OK; i++) status = prune(run_dir, clocks[i], keep, &complete);
  free(clocks);
  return status;
}
