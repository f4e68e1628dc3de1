/* npy.c - see npy.h. Reading: the header is a Python dictionary in text; a small parser walks it between two
 * pointers and every size is checked against the file before it is believed.
 *
 *   93 'NUMPY' | major minor | header bytes, u16 (1.0) or u32 | "{'descr': '<f4', ..., 'shape': (3, 4), }" | data */
#include "common/io/npy.h"

#include <endian.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/mapped.h"
#include "common/mem.h"

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "arrays are mapped as they are: this machine must be little-endian"
#endif

enum { MAGIC_BYTES = 6, DIMS_MAX = 4 };
static const char magic[MAGIC_BYTES + 1] = "\x93NUMPY";

typedef struct header {
  char descr[16];
  bool has_descr, has_order, has_shape, is_fortran;
  uint64_t shape[DIMS_MAX];
  int dims;
} header_t;

/* ---- the header's text ---- */

typedef struct cursor {
  const char *at, *end;
} cursor_t;

static void skip_blanks(cursor_t *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) c->at++;
}

static bool take(cursor_t *c, char wanted) {
  skip_blanks(c);
  if (c->at == c->end || *c->at != wanted) return false;
  c->at++;
  return true;
}

static bool take_word(cursor_t *c, const char *word) {
  size_t length = strlen(word);
  skip_blanks(c);
  if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) return false;
  c->at += length;
  return true;
}

/* A quoted text without escapes, shorter than `bytes`. */
static bool take_text(cursor_t *c, char *out, size_t bytes) {
  skip_blanks(c);
  if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return false;
  char quote = *c->at++;
  size_t n = 0;
  while (c->at < c->end && *c->at != quote) {
    if (n + 1 == bytes) return false;
    out[n++] = *c->at++;
  }
  out[n] = '\0';
  return take(c, quote);
}

static bool take_number(cursor_t *c, uint64_t *out) {
  skip_blanks(c);
  const char *first = c->at;
  uint64_t number = 0;
  for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
    uint64_t digit = (uint64_t)(*c->at - '0');
    if (number > (UINT64_MAX - digit) / 10) return false;
    number = number * 10 + digit;
  }
  *out = number;
  bool any = c->at > first;
  if (any && c->at < c->end && *c->at == 'L') c->at++; /* Python 2 wrote long numbers so */
  return any;
}

/* "(3, 4)", "(5,)" */
static bool take_shape(cursor_t *c, header_t *header) {
  if (!take(c, '(')) return false;
  header->dims = 0;
  while (!take(c, ')')) {
    if (header->dims == DIMS_MAX || !take_number(c, &header->shape[header->dims])) return false;
    header->dims++;
    if (!take(c, ',') && (c->at == c->end || *c->at != ')')) return false;
  }
  return true;
}

static bool take_entry(cursor_t *c, header_t *header) {
  char key[32];
  if (!take_text(c, key, sizeof key) || !take(c, ':')) return false;
  if (strcmp(key, "descr") == 0) return header->has_descr = take_text(c, header->descr, sizeof header->descr);
  if (strcmp(key, "shape") == 0) return header->has_shape = take_shape(c, header);
  if (strcmp(key, "fortran_order") != 0) return false;
  header->is_fortran = take_word(c, "True");
  return header->has_order = header->is_fortran || take_word(c, "False");
}

static bool parse_header(cursor_t c, header_t *header) {
  if (!take(&c, '{')) return false;
  while (!take(&c, '}')) {
    if (!take_entry(&c, header)) return false;
    skip_blanks(&c);
    if (!take(&c, ',') && (c.at == c.end || *c.at != '}')) return false;
  }
  return header->has_descr && header->has_order && header->has_shape;
}

/* ---- checks ---- */

static plt_status_t find_header(const char *path, const char *bytes, size_t n, cursor_t *text) {
  if (n < MAGIC_BYTES + 4 || memcmp(bytes, magic, MAGIC_BYTES) != 0)
    return plt_fail(PLT_ERR_DATA, "%s: not a .npy file", path);
  const unsigned char *u = (const unsigned char *)bytes;
  size_t start = u[6] == 1 ? 10 : 12;
  if (u[6] < 1 || u[6] > 3) return plt_fail(PLT_ERR_DATA, "%s: .npy version %d.%d is not known", path, u[6], u[7]);
  if (n < start) return plt_fail(PLT_ERR_DATA, "%s: cut short in the header", path);
  size_t length = u[8] | (size_t)u[9] << 8;
  if (start == 12) length |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
  if (length > n - start)
    return plt_fail(PLT_ERR_DATA, "%s: cut short: the header should have %zu bytes, %zu are left", path, length,
                    n - start);
  *text = (cursor_t){bytes + start, bytes + start + length};
  return PLT_OK;
}

static plt_status_t read_type(const char *path, const char *descr, plt_npy_type_t *type) {
  static const char *const names[] = {
      [PLT_NPY_F2] = "f2", [PLT_NPY_F4] = "f4", [PLT_NPY_F8] = "f8", [PLT_NPY_I4] = "i4", [PLT_NPY_I8] = "i8"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (descr[0] != '<' || strcmp(descr + 1, names[i]) != 0) continue;
    *type = (plt_npy_type_t)i;
    return PLT_OK;
  }
  return plt_fail(PLT_ERR_DATA,
                  "%s: dtype \"%s\"%s cannot be used, little-endian f2, f4, f8, i4 and i8 can: numpy.save(file, "
                  "numpy.load(file).astype(\"float32\")), or \"int64\" for ids",
                  path, descr,
                  descr[0] == '>'             ? " (big-endian)"
                  : strcmp(descr, "|V2") == 0 ? " (bfloat16, which numpy does not know; load it with ml_dtypes)"
                                              : "");
}

static bool multiply(uint64_t a, uint64_t b, uint64_t *out) {
  if (a != 0 && b > UINT64_MAX / a) return false;
  *out = a * b;
  return true;
}

static plt_status_t read_shape(const char *path, const header_t *header, uint64_t data_bytes, plt_npy_t *npy) {
  uint64_t need = 0;
  if (header->dims == 0) return plt_fail(PLT_ERR_DATA, "%s: holds a single value, not an array", path);
  npy->dims = header->dims;
  npy->rows = header->shape[0];
  npy->cols = header->dims > 1 ? header->shape[1] : 1;
  bool fits = true;
  for (int d = 2; d < header->dims; d++) fits = fits && multiply(npy->cols, header->shape[d], &npy->cols);
  fits = fits && multiply(npy->cols, plt_npy_type_size(npy->type), &need) && multiply(need, npy->rows, &need);
  if (!fits) return plt_fail(PLT_ERR_DATA, "%s: the shape in the header is impossibly large", path);
  if (need != data_bytes)
    return plt_fail(PLT_ERR_DATA, "%s: shape %llu x %llu needs %llu bytes of data, the file has %llu", path,
                    (unsigned long long)npy->rows, (unsigned long long)npy->cols, (unsigned long long)need,
                    (unsigned long long)data_bytes);
  return PLT_OK;
}

static plt_status_t read_map(const char *path, plt_npy_t *npy) {
  cursor_t text = {0};
  header_t header = {0};
  const char *bytes = npy->map;
  PLT_TRY(find_header(path, bytes, npy->map_bytes, &text));
  if (!parse_header(text, &header))
    return plt_fail(PLT_ERR_DATA, "%s: the .npy header cannot be read; plain arrays of 1 to 4 dimensions can", path);
  PLT_TRY(read_type(path, header.descr, &npy->type));
  if (header.is_fortran && header.dims > 1)
    return plt_fail(PLT_ERR_DATA, "%s: in Fortran order: numpy.save(file, numpy.ascontiguousarray(numpy.load(file)))",
                    path);
  npy->data = text.end;
  return read_shape(path, &header, (uint64_t)(bytes + npy->map_bytes - text.end), npy);
}

plt_status_t plt_npy_open(const char *path, plt_npy_t *npy) {
  plt_npy_t result = {0};
  PLT_TRY(plt_file_map(path, &result.map, &result.map_bytes));
  plt_status_t status = read_map(path, &result);
  if (status != PLT_OK) {
    plt_npy_close(&result);
    return status;
  }
  *npy = result;
  return PLT_OK;
}

void plt_npy_close(plt_npy_t *npy) {
  if (npy->map != NULL) plt_file_unmap(npy->map, npy->map_bytes);
  *npy = (plt_npy_t){0};
}

size_t plt_npy_type_size(plt_npy_type_t type) {
  static const size_t sizes[] = {
      [PLT_NPY_F2] = 2, [PLT_NPY_F4] = 4, [PLT_NPY_F8] = 8, [PLT_NPY_I4] = 4, [PLT_NPY_I8] = 8};
  return sizes[type];
}

/* ---- elements ---- */

static _Noreturn void bug(const char *what) {
  fprintf(stderr, "plateau: bug: npy: %s\n", what);
  abort();
}

/* binary16: sign 1, exponent 5 (bias 15), fraction 10. Exact, so by way of arithmetic where bits would be longer. */
static float half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1F, fraction = half & 0x3FF;
  uint32_t bits;
  if (exponent == 0) { /* zero and subnormals: fraction * 2^-24 is a normal float32 */
    float small = (float)fraction * 0x1p-24f;
    memcpy(&bits, &small, sizeof bits);
  } else if (exponent == 31) {
    bits = 0x7F800000 | fraction << 13;
  } else {
    bits = (exponent + 127 - 15) << 23 | fraction << 13;
  }
  bits |= sign;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void halves_to_floats(const char *from, uint64_t n, float *out) {
  for (uint64_t i = 0; i < n; i++) {
    uint16_t half;
    memcpy(&half, from + 2 * i, sizeof half);
    out[i] = half_to_float(half);
  }
}

static void doubles_to_floats(const char *from, uint64_t n, float *out) {
  for (uint64_t i = 0; i < n; i++) {
    double value;
    memcpy(&value, from + 8 * i, sizeof value);
    out[i] = (float)value;
  }
}

void plt_npy_part_f32(const plt_npy_t *npy, uint64_t row, uint64_t first, uint64_t n, float *out) {
  const char *from = (const char *)npy->data + (row * npy->cols + first) * plt_npy_type_size(npy->type);
  if (row >= npy->rows) bug("row behind the end");
  if (n > npy->cols || first > npy->cols - n) bug("columns behind the end");
  switch (npy->type) {
    case PLT_NPY_F2: halves_to_floats(from, n, out); break;
    case PLT_NPY_F4: memcpy(out, from, n * sizeof *out); break;
    case PLT_NPY_F8: doubles_to_floats(from, n, out); break;
    default: bug("an integer array has no float rows");
  }
}

void plt_npy_row_f32(const plt_npy_t *npy, uint64_t row, float *out) { plt_npy_part_f32(npy, row, 0, npy->cols, out); }

int64_t plt_npy_int(const plt_npy_t *npy, uint64_t row, uint64_t col) {
  if (row >= npy->rows || col >= npy->cols) bug("element behind the end");
  const char *from = (const char *)npy->data + (row * npy->cols + col) * plt_npy_type_size(npy->type);
  int32_t narrow;
  int64_t wide;
  switch (npy->type) {
    case PLT_NPY_I4: memcpy(&narrow, from, sizeof narrow); return narrow;
    case PLT_NPY_I8: memcpy(&wide, from, sizeof wide); return wide;
    default: bug("a float array has no integers");
  }
}
