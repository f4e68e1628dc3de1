/* output.c - see output.h. */
#include "worker/rank/output.h"

#include <inttypes.h>
#include <string.h>

#include "common/io/outfile.h"

void plt_output_id(FILE *out, const plt_idmap_t *names, uint32_t id) {
  if (names == NULL) {
    fprintf(out, "%" PRIu32, id);
    return;
  }
  plt_id_name_t name = plt_idmap_name(names, id);
  fwrite(name.at, 1, name.length, out);
}

/* Names have no control characters: two others are escaped. */
void plt_output_id_json(FILE *out, const plt_idmap_t *names, uint32_t id) {
  if (names == NULL) {
    fprintf(out, "%" PRIu32, id);
    return;
  }
  plt_id_name_t name = plt_idmap_name(names, id);
  fputc('"', out);
  for (size_t i = 0; i < name.length; i++) {
    if (name.at[i] == '"' || name.at[i] == '\\') fputc('\\', out);
    fputc(name.at[i], out);
  }
  fputc('"', out);
}

static plt_status_t write_to(plt_session_t *session, const plt_inference_t *inference, const char *path,
                             plt_output_fn work, const void *what) {
  if (strcmp(path, "-") == 0) {
    plt_status_t status = work(session, inference, what, stdout);
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);
    if (status == PLT_OK && !is_written) status = plt_fail_errno(PLT_ERR_IO, "standard output");
    return status;
  }
  plt_outfile_t out;
  PLT_TRY(plt_outfile_open(path, &out));
  return plt_outfile_close(&out, work(session, inference, what, out.file));
}

plt_status_t plt_output_write(plt_session_t *session, const char *name, const char *path, plt_output_fn work,
                              const void *what) {
  plt_inference_t *inference;
  PLT_TRY(plt_inference_begin(session, name, &inference));
  plt_status_t status = session->worker == 0 ? write_to(session, inference, path, work, what) : PLT_OK;
  return plt_inference_end(&inference, status);
}
