/* brief.c - see brief.h. */
#include "launch/cluster/brief.h"

#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"

plt_brief_t plt_brief_of(const plt_job_t *job, const plt_work_t *work) {
  plt_brief_t brief = {.generation = plt_generation_of(job),
                       .turn = plt_turn_first(work),
                       .options = plt_mem_strdups(work->options, work->n_options),
                       .n_options = work->n_options,
                       .run_dir = plt_mem_strdup(work->run_dir),
                       .warm = plt_mem_strdup(job->warm.restore.given ? job->warm.restore.dir : ""),
                       .values_alone = job->warm.restore.values_alone,
                       .sets = plt_mem_strdups(work->sets, work->n_sets),
                       .n_sets = work->n_sets,
                       .quiet = work->quiet,
                       .proxy = plt_mem_strdup(job->proxy == NULL ? "" : job->proxy)};
  return brief;
}

plt_brief_t plt_brief_for(const plt_brief_t *brief, const plt_turn_t *turn, uint32_t generation) {
  plt_brief_t other = *brief;
  if (turn->task != brief->turn.task) other.n_options = 0; /* they are the first task's */
  other.turn = *turn;
  other.generation.number = generation;
  return other;
}

void plt_brief_clear(plt_brief_t *brief) {
  if (brief->secret != NULL) explicit_bzero(brief->secret, strlen(brief->secret));
  char *const texts[] = {brief->run_dir, brief->warm,         brief->proxy,
                         brief->secret,  brief->endpoints[0], brief->endpoints[1]};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
  plt_names_free(&brief->options, brief->n_options);
  plt_names_free(&brief->sets, brief->n_sets);
  plt_names_free(&brief->addresses, brief->n_addresses);
  *brief = (plt_brief_t){0};
}

plt_status_t plt_brief_secure(const plt_brief_t *brief, plt_wire_t *wire) {
  plt_secret_t *secret;
  PLT_TRY(plt_secret_from_text(brief->secret == NULL ? "" : brief->secret, &secret));
  plt_wire_secure(wire, secret);
  plt_secret_destroy(&secret);
  return PLT_OK;
}
