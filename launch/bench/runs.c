/* runs.c - see runs.h. */
#include "launch/bench/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "launch/data/synth.h"
#include "launch/host/self.h"

enum {
  USERS = 19445,
  ITEMS = 7050,
  PAIRS = 160000,
  TEXT_COLS = 384,
  IMAGE_COLS = 512,
  FILE_MAX = 1 << 26,
  SHOWN = 400
};

static plt_status_t write_data(const char *folder, size_t scale) {
  static const plt_synth_modality_t modalities[] = {{"text", TEXT_COLS}, {"image", IMAGE_COLS}};
  plt_synth_t synth = {.users = (uint32_t)(USERS * scale / 100 + 1),
                       .items = (uint32_t)(ITEMS * scale / 100 + 100),
                       .interactions = PAIRS * scale / 100 + 100,
                       .modalities = modalities,
                       .n_modalities = 2,
                       .factors = 16,
                       .noise = 0.5,
                       .pool = 2048,
                       .seed = 1,
                       .threads = 2,
                       .packs = true};
  plt_synth_world_t world;
  PLT_TRY(plt_dir_create(folder));
  PLT_TRY(plt_synth_draw(&synth, &world));
  plt_status_t status = plt_synth_write(&synth, &world, folder);
  plt_synth_free(&world);
  return status;
}

static plt_status_t name_files(plt_bench_place_t *place) {
  PLT_TRY(plt_path_join(place->folder, "data", place->data));
  PLT_TRY(plt_path_join(place->folder, "config.yaml", place->config));
  return plt_path_join(place->folder, "run", place->run);
}

plt_status_t plt_bench_place_make(size_t scale, plt_bench_place_t *place) {
  *place = (plt_bench_place_t){.folder = "/tmp/plateau-bench-XXXXXX"};
  if (mkdtemp(place->folder) == NULL) {
    place->folder[0] = '\0';
    return plt_fail_errno(PLT_ERR_CREATE, "/tmp: cannot make a folder");
  }
  plt_status_t status = name_files(place);
  if (status == PLT_OK) status = write_data(place->data, scale);
  if (status != PLT_OK) plt_bench_place_remove(place);
  return status;
}

void plt_bench_place_remove(plt_bench_place_t *place) {
  plt_failure_t failure = {0}; /* a clean-up after a failure keeps its text */
  plt_failure_keep(&failure, plt_fail_text()[0] == '\0' ? PLT_OK : PLT_ERR_IO);
  free(place->metrics);
  if (place->folder[0] != '\0') plt_dir_remove(place->folder);
  plt_failure_restore(&failure);
  *place = (plt_bench_place_t){0};
}

/* What a child said last, in one line. */
static plt_status_t tell_failure(const char *words) {
  char *text;
  size_t bytes;
  PLT_TRY(plt_file_read(words, FILE_MAX, &text, &bytes));
  while (bytes > 0 && text[bytes - 1] == '\n') text[--bytes] = '\0';
  const char *last = strrchr(text, '\n');
  plt_status_t status = plt_fail(PLT_ERR_BUG, "bench: a run failed: %.*s", SHOWN, last == NULL ? text : last + 1);
  free(text);
  return status;
}

static void become(const char *path, const char *words, plt_bench_place_t *place) {
  char *arguments[] = {(char[]){"plateau"}, (char[]){"train"}, place->config, (char[]){"--quiet"}, NULL};
  int fd = open(words, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0) plt_self_exec(path, arguments);
  _exit(127);
}

static plt_status_t run_child(plt_bench_place_t *place) {
  char path[PLT_PATH_MAX], words[PLT_PATH_MAX];
  int state;
  PLT_TRY(plt_self_path(path));
  PLT_TRY(plt_path_join(place->folder, "words.txt", words));
  fflush(NULL); /* what is not written yet must not be written twice */
  pid_t child = fork();
  if (child < 0) return plt_fail_errno(PLT_ERR_IO, "bench: cannot start a run");
  if (child == 0) become(path, words, place);
  while (waitpid(child, &state, 0) < 0)
    if (errno != EINTR) return plt_fail_errno(PLT_ERR_IO, "bench: a run is lost");
  return WIFEXITED(state) && WEXITSTATUS(state) == 0 ? PLT_OK : tell_failure(words);
}

plt_status_t plt_bench_place_run(plt_bench_place_t *place, const char *yaml) {
  char metrics[PLT_PATH_MAX];
  char *text = plt_mem_print(
      "run: {dir: %s, seed: 1, log_view: true}\n"
      "data: {path: %s, features: [text_feat.npy, image_feat.npy]}\n%s",
      place->run, place->data, yaml);
  plt_status_t status = plt_dir_remove(place->run);
  if (status == PLT_OK) status = plt_file_publish(place->config, text, strlen(text));
  free(text);
  PLT_TRY(status);
  PLT_TRY(run_child(place));
  PLT_TRY(plt_path_join(place->run, "metrics.jsonl", metrics));
  free(place->metrics);
  place->metrics = NULL;
  return plt_file_read(metrics, FILE_MAX, &place->metrics, &place->metrics_bytes);
}

void plt_bench_place_events(const plt_bench_place_t *place, const char *name, plt_bench_event_fn each, void *context) {
  const char *end = place->metrics + place->metrics_bytes;
  for (const char *line = place->metrics; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    plt_json_t *json = NULL;
    if (stop == NULL) stop = end;
    if (plt_json_parse(line, (size_t)(stop - line), "metrics.jsonl", &json) == PLT_OK) {
      const char *event = plt_json_get_text(plt_json_find(json, "event"));
      if (event != NULL && strcmp(event, name) == 0) each(context, json);
    }
    plt_json_destroy(&json);
    line = stop + 1;
  }
}
