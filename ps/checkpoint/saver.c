/* saver.c - see saver.h.
 *
 * An errand writes and hashes; the server's thread only looks, and releases the images once it has seen the end, for
 * that is the tables' owner's to do. */
#include "ps/checkpoint/saver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/errand.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/time.h"
#include "proto/message.h"

struct plt_saver {
  plt_errand_t errand;
  plt_image_t *images[PLT_TABLES_MAX];
  size_t n;
  char *run_dir;       /* NULL: none */
  plt_path_id_t place; /* of run_dir in the beginning */
  plt_checkpoint_head_t head;
  int64_t begin_ns;
  plt_checkpoint_control_t control;

  plt_manifest_part_t part; /* the errand's until its end */
  plt_failure_t failure;    /* of the last part */
};

static plt_status_t write_file(plt_saver_t *saver) {
  char dir[PLT_PATH_MAX], path[PLT_PATH_MAX];
  if (!plt_path_is(saver->run_dir, saver->place))
    return plt_fail(PLT_ERR_IO, "%s: the run directory was removed, moved or replaced", saver->run_dir);
  PLT_TRY(plt_manifest_make_part(saver->run_dir, saver->head.clock, dir));
  PLT_TRY(plt_path_join(dir, saver->part.file, path));
  unlink(path); /* of an attempt that was broken off */
  PLT_TRY(plt_checkpoint_write(path, &saver->head, saver->images, saver->n, &saver->control));
  atomic_fetch_add(&saver->control.rows, 1);
  return plt_hash_file(path, saver->part.hash, &saver->part.bytes);
}

static plt_status_t write_part(void *context) {
  plt_saver_t *saver = context;
  plt_status_t status = write_file(saver);
  for (size_t i = 0; i < saver->n; i++) plt_image_swept(saver->images[i]);
  return status;
}

plt_saver_t *plt_saver_create(const char *run_dir) {
  plt_saver_t *saver = plt_mem_zalloc(1, sizeof *saver);
  if (run_dir != NULL) saver->run_dir = plt_mem_strdup(run_dir), saver->place = plt_path_id(run_dir);
  saver->head.clock = UINT64_MAX;
  return saver;
}

void plt_saver_destroy(plt_saver_t **saver) {
  if (*saver == NULL) return;
  atomic_store(&(*saver)->control.cancelled, true);
  plt_saver_wait(*saver);
  free((*saver)->run_dir);
  free(*saver);
  *saver = NULL;
}

void plt_saver_begin(plt_saver_t *saver, const plt_checkpoint_head_t *head, plt_table_t *const *tables, size_t n) {
  plt_saver_wait(saver);
  saver->begin_ns = plt_time_ns();
  saver->head = *head;
  saver->part = (plt_manifest_part_t){0};
  snprintf(saver->part.file, sizeof saver->part.file, "server-%" PRIu32 ".h5", head->server);
  saver->failure = (plt_failure_t){0};
  if (saver->run_dir == NULL) {
    plt_status_t status = plt_fail(PLT_ERR_USAGE, "this job has no run directory to write a checkpoint to");
    plt_failure_keep(&saver->failure, status);
    return;
  }
  saver->n = n;
  for (size_t i = 0; i < n; i++) saver->images[i] = plt_table_image(tables[i]);
  plt_errand_begin(&saver->errand, write_part, saver);
}

static void close_part(plt_saver_t *saver, plt_status_t status) {
  uint64_t copied = 0;
  plt_failure_keep(&saver->failure, status);
  for (size_t i = 0; i < saver->n; i++) {
    copied += plt_image_copied(saver->images[i]);
    plt_image_release(&saver->images[i]);
  }
  plt_log(PLT_LOG_INFO, "checkpoint of clock %" PRIu64 ": %s, %.3f s, %.1f MB were copied before they changed",
          saver->head.clock, status == PLT_OK ? "written" : saver->failure.text,
          plt_time_seconds(plt_time_ns() - saver->begin_ns), (double)copied / 1e6);
}

void plt_saver_wait(plt_saver_t *saver) {
  plt_status_t status;
  if (plt_errand_wait(&saver->errand, &status)) close_part(saver, status);
}

plt_saver_report_t plt_saver_look(plt_saver_t *saver) {
  plt_saver_report_t report = {.clock = saver->head.clock};
  plt_status_t status;
  if (plt_errand_look(&saver->errand, &status)) close_part(saver, status);
  report.moves = atomic_load(&saver->control.rows);
  if (saver->errand.under_way) return report;
  report.ended = true;
  report.status = saver->failure.status;
  report.text = saver->failure.text;
  report.part = saver->part;
  return report;
}
