/* job_card.c - see job_card.h. Lines have a fixed order: a reader needs no state. */
#include "proto/job_card.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { LINE_MAX = 512 };

void plt_job_card_clear(plt_job_card_t *card) {
  plt_secret_destroy(&card->secret);
  free(card->doors);
  *card = (plt_job_card_t){0};
}

static const char *or_none(const char *endpoint) { return endpoint[0] == '\0' ? "-" : endpoint; }

char *plt_job_card_to_text(const plt_job_card_t *card) {
  const char *mode = !card->alone ? "bsp" : card->staleness == UINT64_MAX ? "asp" : "ssp";
  uint64_t staleness = card->alone && card->staleness != UINT64_MAX ? card->staleness : 0;
  size_t room = (size_t)LINE_MAX * (card->servers + 4), used;
  char secret[PLT_SECRET_TEXT_MAX], *text = plt_mem_alloc(room);
  plt_secret_to_text(card->secret, secret);
  used = (size_t)snprintf(text, room,
                          "plateau job 1\njob %016" PRIx64 " generation %" PRIu32 "\nworkers %" PRIu32
                          " servers %" PRIu32 " consistency %s %" PRIu64 "\nsecret %s\n",
                          card->job, card->generation, card->workers, card->servers, mode, staleness, secret);
  explicit_bzero(secret, sizeof secret);
  for (uint32_t s = 0; s < card->servers; s++) {
    const plt_door_t *door = &card->doors[s];
    used += (size_t)snprintf(text + used, room - used, "server %s %s %s\n", door->host, or_none(door->tcp),
                             or_none(door->ipc));
  }
  return text;
}

/* The next line without its end into `line`; false at the end of the text, or where a line is too long. */
static bool next_line(const char **at, char line[LINE_MAX]) {
  size_t length = strcspn(*at, "\n");
  if ((*at)[length] != '\n' || length >= LINE_MAX) return false;
  memcpy(line, *at, length);
  line[length] = '\0';
  *at += length + 1;
  return true;
}

/* Whether all of a line was read: what %n of sscanf says. */
static bool is_whole(const char *line, int read) { return read > 0 && line[read] == '\0'; }

static bool read_numbers(const char *line, plt_job_card_t *card) {
  char mode[4];
  int read = 0;
  uint64_t workers, servers; /* wider than they are: sscanf takes what is too large for another number */
  if (sscanf(line, "workers %" SCNu64 " servers %" SCNu64 " consistency %3s %" SCNu64 "%n", &workers, &servers, mode,
             &card->staleness, &read) != 4 ||
      !is_whole(line, read))
    return false;
  bool asp = strcmp(mode, "asp") == 0, ssp = strcmp(mode, "ssp") == 0;
  card->alone = asp || ssp;
  if (asp) card->staleness = UINT64_MAX;
  if (!card->alone && strcmp(mode, "bsp") != 0) return false;
  if (workers == 0 || workers > UINT32_MAX || servers == 0 || servers > PLT_DOORS_MAX) return false;
  card->workers = (uint32_t)workers;
  card->servers = (uint32_t)servers;
  return true;
}

static bool read_secret(const char *line, plt_job_card_t *card) {
  static const char head[] = "secret ";
  if (strncmp(line, head, sizeof head - 1) != 0) return false;
  return plt_secret_from_text(line + sizeof head - 1, &card->secret) == PLT_OK;
}

static bool read_door(const char *line, plt_door_t *door) {
  int read = 0;
  if (sscanf(line, "server %127s %127s %127s%n", door->host, door->tcp, door->ipc, &read) != 3) return false;
  if (strcmp(door->tcp, "-") == 0) door->tcp[0] = '\0';
  if (strcmp(door->ipc, "-") == 0) door->ipc[0] = '\0';
  return is_whole(line, read) && (door->tcp[0] != '\0' || door->ipc[0] != '\0');
}

/* *line_number: of the line that is wrong. */
static bool read_card(const char *text, plt_job_card_t *card, uint32_t *line_number) {
  char line[LINE_MAX];
  int read = 0;
  *line_number = 1;
  if (!next_line(&text, line) || strcmp(line, "plateau job 1") != 0) return false;
  ++*line_number;
  if (!next_line(&text, line) ||
      sscanf(line, "job %" SCNx64 " generation %" SCNu32 "%n", &card->job, &card->generation, &read) != 2 ||
      !is_whole(line, read))
    return false;
  ++*line_number;
  if (!next_line(&text, line) || !read_numbers(line, card)) return false;
  ++*line_number;
  bool good = next_line(&text, line) && read_secret(line, card);
  explicit_bzero(line, sizeof line);
  if (!good) return false;
  card->doors = plt_mem_zalloc(card->servers, sizeof *card->doors);
  for (uint32_t s = 0; s < card->servers; s++) {
    ++*line_number;
    if (!next_line(&text, line) || !read_door(line, &card->doors[s])) return false;
  }
  ++*line_number;
  return text[0] == '\0';
}

plt_status_t plt_job_card_from_text(const char *text, const char *name, plt_job_card_t *out) {
  plt_job_card_t card = {0};
  uint32_t line;
  if (read_card(text, &card, &line)) {
    *out = card;
    return PLT_OK;
  }
  plt_job_card_clear(&card);
  if (line == 1 && strncmp(text, "plateau job ", strlen("plateau job ")) == 0 && strchr(text, '\n') != NULL)
    return plt_fail(PLT_ERR_PROTOCOL, "%s: of another version of plateau: servers and workers need the same one", name);
  return plt_fail(PLT_ERR_PROTOCOL, "%s:%" PRIu32 ": this is not what plateau serve writes for its workers%s", name,
                  line, line == 1 ? " (\"plateau job 1\")" : "");
}
