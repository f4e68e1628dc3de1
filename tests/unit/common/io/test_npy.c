#include "common/io/npy.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "tests/unit/common/scratch.h"

TestSuite(npy, .init = scratch_make, .fini = scratch_remove);

/* A version 1.0 file with this dictionary, not padded (so its data is not aligned), and these bytes of data. */
static const char *write_npy(const char *dictionary, const void *data, size_t n) {
  char bytes[4096] = "\x93NUMPY\x01";
  size_t length = strlen(dictionary);
  bytes[8] = (char)(length & 0xFF);
  bytes[9] = (char)(length >> 8);
  memcpy(bytes + 10, dictionary, length);
  memcpy(bytes + 10 + length, data, n);
  return scratch_write("x.npy", bytes, 10 + length + n);
}

static void expect_refused(const char *dictionary, size_t data_bytes, const char *cause) {
  static const char zeros[256];
  plt_npy_t npy;
  CR_FAILED_WITH(plt_npy_open(write_npy(dictionary, zeros, data_bytes), &npy), PLT_ERR_DATA, cause);
  cr_assert_not_null(strstr(plt_fail_text(), "x.npy: "));
}

#define DICT(descr, shape) "{'descr': '" descr "', 'fortran_order': False, 'shape': " shape ", }"

Test(npy, written_files_read_back) {
  const float values[6] = {1, 2, 3, 4.5f, -0.0f, 1e-40f};
  float row[2];
  plt_npy_writer_t *writer;
  plt_npy_t npy;
  CR_OK(plt_npy_writer_create(scratch_path("t.npy"), 3, 2, &writer));
  CR_OK(plt_npy_writer_append(writer, values, 1));
  CR_OK(plt_npy_writer_append(writer, values + 2, 2));
  cr_assert_not(plt_path_exists(scratch_path("t.npy")));
  CR_OK(plt_npy_writer_close(&writer));
  cr_assert_null(writer);
  expect_no_temporary();
  CR_OK(plt_npy_open(scratch_path("t.npy"), &npy));
  cr_assert_eq(npy.rows, 3);
  cr_assert_eq(npy.cols, 2);
  cr_assert_eq(npy.dims, 2);
  cr_assert_eq(npy.type, PLT_NPY_F4);
  cr_assert_eq(((const char *)npy.data - (const char *)npy.map) % 64, 0);
  cr_assert_eq(memcmp(npy.data, values, sizeof values), 0);
  plt_npy_row_f32(&npy, 2, row);
  cr_assert_eq(memcmp(row, values + 4, sizeof row), 0);
  plt_npy_close(&npy);
  plt_npy_close(&npy);
}

Test(npy, keys_are_written) {
  static const char header[] = "{'descr': '<u8', 'fortran_order': False, 'shape': (3,), }";
  const uint64_t keys[3] = {0, 7, UINT64_MAX};
  plt_npy_writer_t *writer;
  char *text;
  size_t bytes;
  CR_OK(plt_npy_writer_create_keys(scratch_path("k.npy"), 3, &writer));
  CR_OK(plt_npy_writer_append_keys(writer, keys, 1));
  CR_OK(plt_npy_writer_append_keys(writer, keys + 1, 2));
  CR_OK(plt_npy_writer_close(&writer));
  CR_OK(plt_file_read(scratch_path("k.npy"), 1000, &text, &bytes));
  cr_assert_eq(bytes, 128 + sizeof keys);
  cr_assert_eq(memcmp(text + 10, header, sizeof header - 1), 0);
  cr_assert_eq(memcmp(text + 128, keys, sizeof keys), 0);
  free(text);
}

Test(npy, writer_keeps_its_promise) {
  const float value = 1;
  plt_npy_writer_t *writer;
  CR_OK(plt_npy_writer_create(scratch_path("t.npy"), 2, 1, &writer));
  CR_OK(plt_npy_writer_append(writer, &value, 1));
  CR_FAILED_WITH(plt_npy_writer_append(writer, &value, 2), PLT_ERR_BUG, "more rows");
  CR_FAILED_WITH(plt_npy_writer_close(&writer), PLT_ERR_BUG, "1 of 2 rows");
  cr_assert_null(writer);
  expect_no_temporary();
  plt_npy_writer_abandon(&writer);
  CR_FAILED_WITH(plt_npy_writer_create(scratch_path("no/t.npy"), 2, 1, &writer), PLT_ERR_CREATE, "cannot create");
  CR_OK(plt_npy_writer_create(scratch_path("t.npy"), 2, 1, &writer));
  plt_npy_writer_abandon(&writer);
  expect_no_temporary();
}

Test(npy, a_full_disk_is_noticed) {
  const float values[2] = {1, 2};
  plt_npy_writer_t *writer;
  char *temporary = plt_path_temporary(scratch_path("t.npy"));
  cr_assert_eq(symlink("/dev/full", temporary), 0);
  free(temporary);
  CR_OK(plt_npy_writer_create(scratch_path("t.npy"), 2, 1, &writer));
  CR_OK(plt_npy_writer_append(writer, values, 2));
  CR_FAILED_WITH(plt_npy_writer_close(&writer), PLT_ERR_SPACE, "tmp: cannot write");
  cr_assert_null(writer);
}

Test(npy, shapes) {
  static const char zeros[96];
  plt_npy_t npy;
  CR_OK(plt_npy_open(write_npy(DICT("<f4", "(5,)"), zeros, 20), &npy));
  cr_assert(npy.rows == 5 && npy.cols == 1 && npy.dims == 1);
  plt_npy_close(&npy);
  CR_OK(plt_npy_open(write_npy("{'shape':(2,3,4),\"fortran_order\":False,'descr':'<f4'}\n", zeros, 96), &npy));
  cr_assert(npy.rows == 2 && npy.cols == 12 && npy.dims == 3);
  plt_npy_close(&npy);
  CR_OK(plt_npy_open(write_npy(DICT("<f4", "(2L, 3L)"), zeros, 24), &npy)); /* Python 2 */
  cr_assert(npy.rows == 2 && npy.cols == 3 && npy.dims == 2);
  plt_npy_close(&npy);
  CR_OK(plt_npy_open(write_npy(DICT("<f4", "(0, 4)"), zeros, 0), &npy));
  cr_assert(npy.rows == 0 && npy.cols == 4);
  plt_npy_close(&npy);
  CR_OK(plt_npy_open(write_npy("{'descr': '<f4', 'fortran_order': True, 'shape': (3,), }", zeros, 12), &npy));
  plt_npy_close(&npy);
}

/* 1.0 has two bytes of length, 2.0 and 3.0 (whose names may be UTF-8) four. */
Test(npy, versions) {
  const char dictionary[] = DICT("<f4", "(2, 3)") "\n";
  const float values[6] = {1, 2, 3, 4, 5, 6};
  for (int version = 1; version <= 4; version++) {
    char bytes[256] = "\x93NUMPY";
    size_t length = sizeof dictionary - 1, start = version == 1 ? 10 : 12;
    plt_npy_t npy;
    float row[3];
    bytes[6] = (char)version;
    bytes[8] = (char)length;
    memcpy(bytes + start, dictionary, length);
    memcpy(bytes + start + length, values, sizeof values);
    const char *path = scratch_write("v.npy", bytes, start + length + sizeof values);
    if (version == 4) {
      CR_FAILED_WITH(plt_npy_open(path, &npy), PLT_ERR_DATA, "version 4.0 is not known");
      break;
    }
    CR_OK(plt_npy_open(path, &npy));
    cr_assert(npy.rows == 2 && npy.cols == 3, "version %d", version);
    plt_npy_row_f32(&npy, 1, row);
    cr_assert_eq(memcmp(row, values + 3, sizeof row), 0, "version %d", version);
    plt_npy_close(&npy);
    for (size_t cut = 8; cut < start; cut++)
      CR_FAILED_WITH(plt_npy_open(scratch_write("v.npy", bytes, cut), &npy), PLT_ERR_DATA, "v.npy: ");
  }
}

Test(npy, refused) {
  plt_npy_t npy;
  CR_FAILED_WITH(plt_npy_open(scratch_path("none.npy"), &npy), PLT_ERR_DATA, "none.npy: cannot open");
  CR_FAILED_WITH(plt_npy_open(scratch_write("e.npy", "", 0), &npy), PLT_ERR_DATA, "empty");
  CR_FAILED_WITH(plt_npy_open(scratch, &npy), PLT_ERR_DATA, "not a file");
  CR_FAILED_WITH(plt_npy_open(scratch_write_text("m.npy", "not an array"), &npy), PLT_ERR_DATA, "not a .npy file");
  CR_FAILED_WITH(plt_npy_open(scratch_write("v.npy", "\x93NUMPY\x09\0..", 10), &npy), PLT_ERR_DATA, "version 9");
  CR_FAILED_WITH(plt_npy_open(scratch_write("l.npy", "\x93NUMPY\x02\0\xFF\xFF\xFF\xFF{}", 14), &npy), PLT_ERR_DATA,
                 "header should have 4294967295 bytes, 2 are left");
  expect_refused("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 16, "Fortran order");
  expect_refused(DICT(">f4", "(2, 2)"), 16, "big-endian");
  expect_refused(DICT("|O", "(2, 2)"), 16, "dtype \"|O\"");
  expect_refused(DICT("|u1", "(2, 2)"), 4, "dtype \"|u1\" cannot be used");
  expect_refused(DICT("|u1", "(2, 2)"), 4, "numpy.load(file).astype(\"float32\")");
  expect_refused(DICT("|V2", "(2, 2)"), 8, "bfloat16");
  expect_refused(DICT("<f4", "(L,)"), 8, "cannot be read");
  expect_refused(DICT("<c8", "(2, 2)"), 32, "dtype \"<c8\"");
  expect_refused("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "cannot be read");
  expect_refused(DICT("<f4", "()"), 4, "single value");
  expect_refused(DICT("<f4", "(1, 1, 1, 1, 1)"), 4, "1 to 4 dimensions");
  expect_refused(DICT("<f4", "(-1,)"), 4, "cannot be read");
  expect_refused(DICT("<f4", "(2, 2)"), 15, "shape 2 x 2 needs 16 bytes of data, the file has 15");
  expect_refused(DICT("<f4", "(2, 2)"), 17, "has 17");
  expect_refused(DICT("<f4", "(4294967296, 4294967296)"), 0, "impossibly large");
  expect_refused(DICT("<f4", "(2, 4294967296, 4294967296)"), 0, "impossibly large");
  expect_refused(DICT("<f8", "(2305843009213693953,)"), 8, "impossibly large");
  expect_refused(DICT("<f4", "(99999999999999999999,)"), 0, "cannot be read");
  expect_refused("{'descr': '<f4', 'fortran_order': False, }", 0, "cannot be read");
  expect_refused("{'descr': '<f4", 0, "cannot be read");
}

/* The value of a binary16 by its definition. */
static double half_value(uint16_t half) {
  int exponent = half >> 10 & 31, fraction = half & 1023;
  double sign = half & 0x8000 ? -1 : 1;
  if (exponent == 31) return fraction ? (double)NAN : sign * (double)INFINITY;
  return sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24));
}

Test(npy, every_half) {
  enum { N = 65536 };
  static uint16_t halves[N];
  static float out[N];
  for (size_t i = 0; i < N; i++) halves[i] = (uint16_t)i;
  plt_npy_t npy = {.type = PLT_NPY_F2, .rows = 1, .cols = N, .dims = 2, .data = halves};
  plt_npy_row_f32(&npy, 0, out);
  for (size_t i = 0; i < N; i++) {
    double expected = half_value((uint16_t)i);
    cr_assert(isnan(expected) ? isnan(out[i]) : out[i] == expected && !signbit(out[i]) == !signbit(expected), "%zx", i);
  }
}

Test(npy, doubles_round_to_nearest_even_and_rows_may_be_unaligned) {
  const double values[4] = {1 + 0x1p-24, 1 + 0x1.8p-23, 1e300, 1e-320};
  const float expected[4] = {1, 1 + 0x1p-22f, INFINITY, 0};
  float out[2];
  plt_npy_t npy;
  CR_OK(plt_npy_open(write_npy(DICT("<f8", "(2, 2)") " ", values, sizeof values), &npy));
  cr_assert_neq((uintptr_t)npy.data % 8, 0);
  for (uint64_t i = 0; i < 2; i++) {
    plt_npy_row_f32(&npy, i, out);
    cr_assert(out[0] == expected[2 * i] && out[1] == expected[2 * i + 1]);
  }
  plt_npy_close(&npy);
}

Test(npy, integers) {
  const int64_t wide[2] = {INT64_MIN, 7};
  const int32_t narrow[4] = {1, -2, 3, INT32_MIN};
  plt_npy_t npy;
  CR_OK(plt_npy_open(write_npy(DICT("<i8", "(2,)"), wide, sizeof wide), &npy));
  cr_assert_eq(plt_npy_int(&npy, 0, 0), INT64_MIN);
  plt_npy_close(&npy);
  CR_OK(plt_npy_open(write_npy(DICT("<i4", "(2, 2)"), narrow, sizeof narrow), &npy));
  cr_assert_eq(plt_npy_int(&npy, 1, 1), INT32_MIN);
  cr_assert_eq(plt_npy_int(&npy, 0, 1), -2);
  plt_npy_close(&npy);
}

Test(npy, floats_of_integers_are_our_bug, .signal = SIGABRT) {
  const int32_t values[1] = {1};
  float out;
  plt_npy_t npy;
  CR_OK(plt_npy_open(write_npy(DICT("<i4", "(1,)"), values, sizeof values), &npy));
  scratch_remove(); /* no test that a signal ends comes to its .fini */
  plt_npy_row_f32(&npy, 0, &out);
}

/* Every truncation is refused; a flipped bit in the header is refused or gives an array that fits into the file. */
Test(npy, survives_damage) {
  const float values[4] = {1, 2, 3, 4};
  char *bytes;
  size_t n;
  plt_npy_t npy;
  plt_npy_writer_t *writer;
  CR_OK(plt_npy_writer_create(scratch_path("t.npy"), 2, 2, &writer));
  CR_OK(plt_npy_writer_append(writer, values, 2));
  CR_OK(plt_npy_writer_close(&writer));
  CR_OK(plt_file_read(scratch_path("t.npy"), 4096, &bytes, &n));
  for (size_t cut = 0; cut < n; cut++)
    cr_assert_eq(plt_npy_open(scratch_write("d.npy", bytes, cut), &npy), PLT_ERR_DATA, "%zu", cut);
  for (size_t bit = 0; bit < 8 * (n - sizeof values); bit++) {
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    if (plt_npy_open(scratch_write("d.npy", bytes, n), &npy) == PLT_OK) {
      size_t used = (size_t)((const char *)npy.data - (const char *)npy.map);
      cr_assert_leq(used + npy.rows * npy.cols * plt_npy_type_size(npy.type), npy.map_bytes);
      plt_npy_close(&npy);
    }
    bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
  }
  free(bytes);
}
