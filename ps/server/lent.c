/* lent.c - memory of workers on this machine (wire/region.h): see state.h.
 *
 * A worker that lends nonsense, or sends places outside of it, is refused; what lies there is values, read once. */
#include <inttypes.h>

#include "proto/shard.h"
#include "ps/server/state.h"

plt_status_t plt_server_take_lent(plt_server_t *s, uint32_t w) {
  plt_peer_t *peer = &s->peers[w];
  const plt_header_t *lend = &s->spare->header;
  plt_region_offer_t offer = {.descriptor = (int)lend->who, .bytes = lend->bytes, .mark = lend->salt};
  if (lend->table < peer->n_regions) return PLT_OK; /* asked again */
  if (lend->table != peer->n_regions || lend->table >= PLT_REGIONS_MAX || lend->who > INT32_MAX)
    return plt_fail(PLT_ERR_PROTOCOL, "region %" PRIu32 " is lent, %" PRIu32 " is the next", lend->table,
                    peer->n_regions);
  PLT_TRY(plt_region_attach(plt_parcel_sender(s->spare->parcel), &offer, &peer->regions[peer->n_regions]));
  peer->n_regions++;
  return PLT_OK;
}

plt_status_t plt_server_find_lent(plt_server_t *s, uint32_t w, const plt_header_t *header) {
  const plt_peer_t *peer = &s->peers[w];
  for (size_t i = 0; i < header->n_sections; i++) {
    plt_section_t *section = (plt_section_t *)(uintptr_t)&header->sections[i]; /* in the inbox's arena */
    if (!section->lent) continue;
    plt_region_t *region = section->region < peer->n_regions ? peer->regions[section->region] : NULL;
    uint64_t width = (uint64_t)section->cols * plt_shard_value_bytes(section->type);
    uint64_t bytes = section->kind == PLT_SECTION_PULL ? 0 : width * section->n;
    bool fits = region != NULL && (width == 0 || section->n <= PLT_REGION_BYTES_MAX / width);
    void *at = fits ? plt_region_at(region, section->at, bytes) : NULL;
    if (at == NULL || (bytes == 0 && section->n > 0 && section->kind != PLT_SECTION_PULL))
      return plt_fail(PLT_ERR_PROTOCOL, "values of table %" PRIu32 " are not in the memory that was lent",
                      section->table);
    if (section->kind == PLT_SECTION_PULL) {
      section->place = at;
      section->room = plt_region_bytes(region) - section->at;
    } else {
      section->values = at;
    }
  }
  return PLT_OK;
}

plt_region_t *plt_server_claim_lent(plt_server_t *s, const plt_header_t *asked) {
  const plt_peer_t *peer = &s->peers[asked->number];
  plt_region_t *region = NULL;
  for (size_t i = 0; i < asked->n_sections; i++) {
    const plt_section_t *pull = &asked->sections[i];
    if (pull->kind != PLT_SECTION_PULL) continue;
    plt_region_t *of = pull->place == NULL ? NULL : peer->regions[pull->region];
    if (of == NULL || (region != NULL && of != region) || plt_tableset_pull_bytes(s->tables, pull) > pull->room)
      return NULL;
    region = of;
  }
  return region != NULL && plt_region_claim(region, asked->request) ? region : NULL;
}

void plt_server_free_lent(plt_peer_t *peer) {
  while (peer->n_regions > 0) plt_region_destroy(&peer->regions[--peer->n_regions]);
}
