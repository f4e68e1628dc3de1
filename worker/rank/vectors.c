/* vectors.c - see vectors.h. */
#include "worker/rank/vectors.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"

struct plt_vectors {
  plt_session_t *session;
  const plt_inference_t *inference;
  plt_block_reader_t *reader;
};

plt_vectors_t *plt_vectors_create(plt_session_t *session, const plt_inference_t *inference) {
  plt_vectors_t *vectors = plt_mem_zalloc(1, sizeof *vectors);
  *vectors = (plt_vectors_t){session, inference, plt_block_reader_create(session)};
  return vectors;
}

void plt_vectors_destroy(plt_vectors_t **vectors) {
  if (*vectors == NULL) return;
  plt_block_reader_destroy(&(*vectors)->reader);
  free(*vectors);
  *vectors = NULL;
}

plt_status_t plt_vectors_read(plt_vectors_t *vectors, plt_side_t side, const uint32_t *ids, size_t n,
                              const float **out) {
  const plt_model_t *model = vectors->session->plan->model;
  plt_nodes_t nodes;
  plt_var_t *states = plt_block_begin(vectors->reader, side, ids, n, &nodes);
  if (vectors->inference != NULL)
    plt_inference_read(vectors->inference, vectors->reader, &nodes, model->programme.outputs, states);
  *out = plt_tape_value(nodes.tape, plt_model_vectors(model, &nodes));
  return plt_block_end(vectors->reader);
}

plt_status_t plt_vectors_read_block(plt_vectors_t *vectors, plt_side_t side, uint32_t first, size_t n,
                                    const float **out) {
  uint32_t ids[PLT_VECTORS_BLOCK];
  assert(n <= PLT_VECTORS_BLOCK);
  for (size_t k = 0; k < n; k++) ids[k] = first + (uint32_t)k;
  return plt_vectors_read(vectors, side, ids, n, out);
}
