/* bf16.c - see bf16.h. */
#include "common/bf16.h"

#include <stdint.h>
#include <string.h>

#include "common/vector.h"

static uint16_t to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & UINT32_C(0x7fffffff)) > UINT32_C(0x7f800000)) return (uint16_t)(bits >> 16 | 0x40); /* quiet NaN */
  return (uint16_t)((bits + UINT32_C(0x7fff) + (bits >> 16 & 1)) >> 16);
}

static float from_bf16(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Both ends may be unaligned. */
PLT_VECTOR_CLONES static void encode(size_t n, const char *restrict from, char *restrict out) {
  for (size_t i = 0; i < n; i++) {
    float value;
    memcpy(&value, from + i * sizeof value, sizeof value);
    uint16_t half = to_bf16(value);
    memcpy(out + i * sizeof half, &half, sizeof half);
  }
}

PLT_VECTOR_CLONES static void decode(size_t n, const char *restrict from, float *restrict out) {
  for (size_t i = 0; i < n; i++) {
    uint16_t half;
    memcpy(&half, from + i * sizeof half, sizeof half);
    out[i] = from_bf16(half);
  }
}

void plt_bf16_encode(size_t n, const void *from, void *out) { encode(n, from, out); }

void plt_bf16_decode(size_t n, const void *from, float *out) { decode(n, from, out); }
