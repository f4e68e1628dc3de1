/* print.h - what plateau plan says: memory, a row for each split, the best one, and how it grows.
 *
 * Threads    one caller.
 * Errors     none; whoever flushes the file learns of those. */
#ifndef PLT_LAUNCH_SIZING_PRINT_H
#define PLT_LAUNCH_SIZING_PRINT_H

#include <stdio.h>

#include "launch/sizing/predict.h"

typedef struct plt_sizing {
  const plt_calibration_t *calibration;
  plt_job_memory_t memory;
  const char *transport;
  const plt_layout_t *layouts;
  size_t n_layouts;
  uint32_t ranks;    /* split as well as can be; 0: not asked for */
  plt_layout_t base; /* what all have in common */
  bool grows;        /* also to thousands of workers, on more machines */
} plt_sizing_t;

void plt_sizing_print(const plt_sizing_t *sizing, FILE *out);
void plt_sizing_print_json(const plt_sizing_t *sizing, FILE *out);

#endif
