/* pack.c - see pack.h. */
#include "launch/data/pack.h"

#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "worker/data/pack.h"
#include "worker/graph/graph.h"

static plt_status_t pack(const plt_dataset_t *data, const plt_pack_origin_t *origin, const char *out, uint32_t threads,
                         plt_packed_t *packed) {
  plt_graph_t *graph = plt_graph_create(data, threads);
  plt_packed_edges_t edges = {.n = graph->edges};
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++)
    edges.side[s] = (plt_packed_side_t){graph->of[s].offset, graph->of[s].id, graph->of[s].norm};
  plt_status_t status = plt_pack_write(out, data, &edges, origin, &packed->bytes);
  plt_graph_destroy(&graph);
  PLT_TRY(status);
  packed->path = plt_mem_strdup(out);
  packed->users = data->users;
  packed->items = data->items;
  for (size_t p = 0; p < PLT_PARTS; p++) packed->pairs += data->part[p].n;
  return PLT_OK;
}

static plt_status_t pack_rows(plt_interactions_t **rows, const plt_pack_origin_t *origin, const char *out,
                              uint32_t threads, plt_packed_t *packed) {
  plt_dataset_t *data = NULL;
  PLT_TRY(plt_dataset_from_rows(rows, &data));
  plt_status_t status = pack(data, origin, out, threads, packed);
  plt_dataset_destroy(&data);
  return status;
}

plt_status_t plt_data_pack_rows(plt_interactions_t **rows, const char *out, uint32_t threads, plt_packed_t *packed) {
  return pack_rows(rows, &(plt_pack_origin_t){{NULL}}, out, threads, packed);
}

plt_status_t plt_data_pack(const char *folder, const char *interactions, const char *out, uint32_t threads,
                           plt_packed_t *packed) {
  plt_source_t source = {0};
  plt_interactions_t *rows = NULL;
  char beside[PLT_PATH_MAX];
  PLT_TRY(plt_source_find(folder, interactions, PLT_SOURCE_TEXT, &source));
  char *name = plt_mem_print("%s" PLT_PACK_SUFFIX, source.name);
  plt_status_t status = plt_path_join(source.folder, name, beside);
  free(name);
  if (status == PLT_OK) status = plt_interactions_read(&source, NULL, &rows);
  plt_pack_origin_t origin = {{source.path, source.test_path}};
  if (status == PLT_OK) status = pack_rows(&rows, &origin, out != NULL ? out : beside, threads, packed);
  plt_source_clear(&source);
  return status;
}
