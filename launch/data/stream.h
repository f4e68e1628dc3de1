/* stream.h - random numbers of data folders: a function of (seed, stream, place), and part of the folders' definition.
 * They are not those of training (common/rng.h), so that a change there changes no data set.
 *
 *   sm(x)  splitmix64's step (Steele, Lea and Flood 2014): z = x + 9E3779B97F4A7C15;
 *          z = (z ^ z>>30) * BF58476D1CE4E5B9; z = (z ^ z>>27) * 94D049BB133111EB; z ^ z>>31
 *   u(i)   = ((sm(sm(sm(seed) ^ stream) ^ i) >> 11) + 1/2) / 2^53, inside (0, 1)
 *
 * Threads    any; pure functions. */
#ifndef PLT_LAUNCH_DATA_STREAM_H
#define PLT_LAUNCH_DATA_STREAM_H

#include <stdint.h>

typedef struct plt_stream {
  uint64_t key;
} plt_stream_t;

plt_stream_t plt_stream(uint64_t seed, uint64_t number);
/* Uniform in (0, 1). */
double plt_stream_uniform(plt_stream_t stream, uint64_t i);
/* Standard normal: sqrt(-2 ln u(2i)) * cos(2 pi u(2i + 1)) (Box and Muller 1958). */
double plt_stream_normal(plt_stream_t stream, uint64_t i);

#endif
