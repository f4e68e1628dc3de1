/* gather.c - requests that come in parts (proto/parts.h): see state.h.
 *
 * One request of a worker is put together at a time. Parts may come in any order, and often; a part of another request
 * begins anew, and what is missing then is asked again. */
#include "proto/parts.h"
#include "ps/server/state.h"

static void begin(plt_server_t *s, plt_inbox_t *gather, const plt_header_t *part) {
  plt_server_release_parts(s, gather);
  gather->n_parts = part->parts;
  gather->gathered = part->request;
}

/* What was received is this worker's part; the server receives into another inbox from now on. */
static void put(plt_server_t *s, plt_inbox_t *gather) {
  uint32_t part = s->spare->header.part;
  plt_inbox_t *received = s->spare;
  if (gather->parts[part] != NULL) {
    s->spare = gather->parts[part];
  } else {
    s->spare = s->n_empty > 0 ? s->empty[--s->n_empty] : plt_inbox_create();
    gather->n_got++;
  }
  gather->parts[part] = received;
  gather->route = received->route; /* the newest way */
}

plt_status_t plt_server_gather(plt_server_t *s, uint32_t w, bool *whole) {
  plt_peer_t *peer = &s->peers[w];
  plt_header_t header = s->spare->header;
  *whole = false;
  if (peer->gather == NULL) peer->gather = plt_inbox_create();
  plt_inbox_t *gather = peer->gather;
  if (gather->n_parts != header.parts || gather->gathered != header.request) begin(s, gather, &header);
  put(s, gather);
  if (gather->n_got < gather->n_parts) return PLT_OK;

  const plt_header_t *parts[PLT_PARTS_MAX];
  for (uint32_t p = 0; p < gather->n_parts; p++) parts[p] = &gather->parts[p]->header;
  plt_arena_reset(gather->arena);
  plt_status_t status = plt_parts_join(parts, gather->n_parts, gather->arena, &gather->header);
  if (status != PLT_OK) {
    gather->header = header;
    plt_server_release_parts(s, gather);
    return plt_server_refuse(s, gather, status, plt_fail_text());
  }
  peer->gather = s->spare;
  s->spare = gather;
  *whole = true;
  return PLT_OK;
}
