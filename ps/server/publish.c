/* publish.c - PUBLISH: server 0 makes a checkpoint known whose parts are written. See state.h.
 *
 * Workers of other people's programs need not see the run directory: worker 0 has asked all servers for their parts
 * (CHECKPOINTED), and tells them to server 0, one a message. With the last of them it is published. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "ps/server/state.h"

static plt_status_t check(const plt_server_t *s) {
  const plt_header_t *told = &s->spare->header;
  if (s->config->run_dir == NULL || s->config->number != 0)
    return plt_fail(PLT_ERR_PROTOCOL, "only server 0 of a job with a run directory publishes checkpoints");
  if (told->who != s->config->servers || told->table >= told->who || told->hash[0] == '\0')
    return plt_fail(PLT_ERR_PROTOCOL, "part %" PRIu32 " of %" PRIu32 ": this job has %" PRIu32 " servers", told->table,
                    told->who, s->config->servers);
  char file[sizeof s->manifest.parts->file];
  snprintf(file, sizeof file, "server-%" PRIu32 ".h5", told->table);
  if (strcmp(file, told->text) != 0)
    return plt_fail(PLT_ERR_PROTOCOL, "part %" PRIu32 " of a checkpoint is not %s", told->table, file);
  return PLT_OK;
}

/* The first part of a checkpoint forgets what was told of another. */
static void begin(plt_server_t *s) {
  const plt_header_t *told = &s->spare->header;
  plt_manifest_clear(&s->manifest);
  s->manifest = (plt_manifest_t){.clock = told->clock,
                                 .job = s->config->job,
                                 .generation = s->config->generation,
                                 .parts = plt_mem_zalloc(told->who, sizeof *s->manifest.parts),
                                 .n_parts = told->who};
  s->n_manifest = 0;
}

static plt_status_t publish(plt_server_t *s) {
  PLT_TRY(plt_manifest_publish(s->config->run_dir, &s->manifest, false));
  if (s->config->keep > 0) PLT_TRY(plt_manifest_prune(s->config->run_dir, s->config->keep));
  plt_log(PLT_LOG_NOTE, "checkpoint of clock %" PRIu64 " published", s->manifest.clock);
  return PLT_OK;
}

plt_status_t plt_server_on_publish(plt_server_t *s, uint32_t w) {
  const plt_header_t *told = &s->spare->header;
  if (told->request == s->peers[w].changed) return plt_server_answer_done(s, s->spare); /* asked again */
  plt_status_t status = check(s);
  if (status == PLT_OK && told->table == 0) begin(s);
  if (status == PLT_OK && (told->clock != s->manifest.clock || told->table != s->n_manifest))
    status = plt_fail(PLT_ERR_PROTOCOL, "part %" PRIu32 " of the checkpoint of clock %" PRIu64 " is out of order",
                      told->table, told->clock);
  if (status == PLT_OK) {
    plt_manifest_part_t *part = &s->manifest.parts[s->n_manifest++];
    part->bytes = told->bytes;
    snprintf(part->file, sizeof part->file, "%.60s", told->text);
    memcpy(part->hash, told->hash, sizeof part->hash);
    if (s->n_manifest == s->manifest.n_parts) status = publish(s);
  }
  if (status != PLT_OK) return plt_server_refuse(s, s->spare, status, plt_fail_text());
  s->peers[w].changed = told->request;
  return plt_server_answer_done(s, s->spare);
}
