/* vectors.c - see vectors.h. */
#include "worker/rank/vectors.h"

#include <assert.h>
#include <stdlib.h>

#include "common/mem.h"
#include "worker/rank/block.h"

struct plt_vectors {
  plt_session_t *session;
  plt_inference_t *inference;
  plt_block_reader_t *reader;
};

plt_status_t plt_vectors_create(plt_session_t *session, plt_inference_t *inference, plt_vectors_t **out) {
  plt_vectors_t *vectors = plt_mem_zalloc(1, sizeof *vectors);
  vectors->session = session;
  vectors->inference = inference;
  plt_status_t status = plt_block_reader_create(session, &vectors->reader);
  if (status == PLT_OK)
    *out = vectors;
  else
    plt_vectors_destroy(&vectors);
  return status;
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
  plt_pass_t pass;
  PLT_TRY(plt_block_begin(vectors->reader, side, ids, n, &pass));
  if (vectors->inference != NULL) {
    size_t cols = model->base_cols;
    plt_rows_of_layers_t rows = {.base = plt_block_scratch(vectors->reader, n * cols),
                                 .sum = plt_block_scratch(vectors->reader, n * cols),
                                 .spread = plt_block_scratch(vectors->reader, n * cols)};
    PLT_TRY(plt_inference_read(vectors->inference, side, ids, n, rows));
    pass.base[side] = plt_tape_constant(pass.tape, n, cols, rows.base);
    pass.sum[side] = plt_tape_constant(pass.tape, n, cols, rows.sum);
    if (side == PLT_SIDE_ITEM) pass.spread = plt_tape_constant(pass.tape, n, cols, rows.spread);
  }
  plt_var_t vector = plt_model_vectors(model, &pass, side);
  *out = plt_tape_value(pass.tape, vector);
  return PLT_OK;
}

plt_status_t plt_vectors_read_block(plt_vectors_t *vectors, plt_side_t side, uint32_t first, size_t n,
                                    const float **out) {
  uint32_t ids[PLT_VECTORS_BLOCK];
  assert(n <= PLT_VECTORS_BLOCK);
  for (size_t k = 0; k < n; k++) ids[k] = first + (uint32_t)k;
  return plt_vectors_read(vectors, side, ids, n, out);
}
