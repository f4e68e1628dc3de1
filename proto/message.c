/* message.c - see message.h. */
#include "proto/message.h"

#include <inttypes.h>
#include <stdio.h>

void plt_progress_describe(const plt_progress_t *progress, char *out, size_t bytes) {
  if (progress->batch > 0 || progress->phase > 0)
    snprintf(out, bytes, "in epoch %" PRIu32 ", after %" PRIu32 " of its batches", progress->epoch, progress->batch);
  else if (progress->epoch > 0)
    snprintf(out, bytes, "after epoch %" PRIu32, progress->epoch - 1);
  else
    snprintf(out, bytes, "before epoch 0");
}
