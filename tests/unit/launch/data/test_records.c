/* Tables of other programs: quotes, whole and broken, ends of lines, bytes that are none, long lines; against what RFC
 * 4180 says of each. And the numbers and dates in them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "launch/data/records.h"
#include "launch/data/values.h"

/* A file that is gone when the test ends. */
static char path[] = "/tmp/test_records.XXXXXX";

static plt_records_t *open_text(const char *text, size_t n) {
  strcpy(path, "/tmp/test_records.XXXXXX");
  int fd = mkstemp(path);
  cr_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n);
  close(fd);
  plt_records_t *records = NULL;
  cr_assert_eq(plt_records_open(path, &records), PLT_OK, "%s", plt_fail_text());
  unlink(path);
  return records;
}

/* All records as "LINE[a|b]" or "LINE!fault", with spaces between. */
static char *read_all(const char *text, size_t n, const char *separator) {
  plt_records_t *records = open_text(text, n);
  plt_record_t record;
  bool more;
  char *out = plt_mem_strdup("");
  const plt_separator_t *s = plt_separators;
  while (strcmp(s->name, separator) != 0) s++;
  plt_records_cut(records, s);
  for (;;) {
    cr_assert_eq(plt_records_next(records, &record, &more), PLT_OK);
    if (!more) break;
    char *next = plt_mem_print("%s%s%d%s%s", out, *out == '\0' ? "" : " ", (int)record.line,
                               record.fault != NULL ? "!" : "[", record.fault != NULL ? record.fault : "");
    free(out);
    out = next;
    for (size_t i = 0; i < record.n; i++) {
      next =
          plt_mem_print("%s%.*s%s", out, (int)record.field[i].length, record.field[i].at, i + 1 < record.n ? "|" : "]");
      free(out);
      out = next;
    }
  }
  plt_records_close(&records);
  return out;
}

static void expect(const char *text, const char *separator, const char *wanted) {
  char *got = read_all(text, strlen(text), separator);
  cr_expect_str_eq(got, wanted, "of \"%s\": %s, not %s", text, got, wanted);
  free(got);
}

Test(records, plain) {
  expect("a,b\nc,d\n", "commas", "1[a|b] 2[c|d]");
  expect("a,b\nc,d", "commas", "1[a|b] 2[c|d]");
  expect(
      "\xEF\xBB\xBF"
      "a,b\r\n\r\nc,d\r\n",
      "commas", "1[a|b] 3[c|d]");
  expect("a,,\n,\n", "commas", "1[a||] 2[|]");
  expect(" a , b \n", "commas", "1[a|b]");
  expect("a\t\tb\n\t\n", "tabs", "1[a||b] 2[|]");
  expect("  a  b\tc \n\t \n", "blanks", "1[a|b|c]");
  expect("1::2::3\n4:5::6\n", "double colons", "1[1|2|3] 2[4:5|6]");
  expect("", "commas", "");
  expect("\n\n", "commas", "");
  expect("a", "commas", "1[a]");
}

Test(records, quotes) {
  expect("\"a,b\",c\n", "commas", "1[a,b|c]");
  expect("\"a \"\"b\"\"\",\"\"\n", "commas", "1[a \"b\"|]");
  expect("\"a\nb\",c\nd,e\n", "commas", "1[a\nb|c] 3[d|e]");
  expect("\"a\r\nb\",c\r\nd,e\r\n", "commas", "1[a\r\nb|c] 3[d|e]");
  expect("x, \"a,b\" ,c\n", "commas", "1[x|a,b|c]");
  expect("x\",y\"z\n", "commas", "1[x\"|y\"z]");
  expect("\"a\";\"b;c\"\n", "semicolons", "1[a|b;c]");
  expect("\"a\tb\"\n", "tabs", "1[\"a|b\"]");
  expect("a,\"b\"", "commas", "1[a|b]");
  expect("\"\"\"\"\n", "commas", "1[\"]");
}

Test(records, broken_quotes) {
  expect("\"a,b\nc,d\n", "commas", "1!a quote is not closed 2[c|d]");
  expect("a,b\nc,\"d", "commas", "1[a|b] 2!a quote is not closed");
  expect("\"a\"b,c\nd,e\n", "commas", "1!something stands behind a closing quote 2[d|e]");
  expect("\"a\n\"b,c\nd,e\n", "commas", "1!something stands behind a closing quote 2!a quote is not closed 3[d|e]");
}

Test(records, nul_bytes) {
  char *got = read_all("a\0b,c\nd,e\n", 10, "commas");
  cr_expect_str_eq(got, "1[a|c] 2[d|e]", "%s", got); /* the first has three bytes, of which a text shows one */
  free(got);
}

/* Records at every place of the buffer's borders, and beyond what a record may have. */
Test(records, long_lines) {
  enum { N = 3 << 20 };
  char *text = plt_mem_alloc((size_t)PLT_RECORD_BYTES + N + 64);
  for (size_t length = 1; length < N; length = 3 * length + 1) {
    memset(text, 'x', length);
    size_t n = length + (size_t)sprintf(text + length, ",b\n\"c\n\",d\n");
    plt_records_t *records = open_text(text, n);
    plt_record_t record;
    bool more;
    plt_records_cut(records, &plt_separators[1]);
    cr_assert(plt_records_next(records, &record, &more) == PLT_OK && more && record.n == 2);
    cr_assert_eq(record.field[0].length, length);
    cr_assert(plt_records_next(records, &record, &more) == PLT_OK && more && record.n == 2 && record.line == 2);
    cr_assert(plt_records_next(records, &record, &more) == PLT_OK && !more);
    plt_records_close(&records);
  }
  size_t huge = (size_t)PLT_RECORD_BYTES + (2 << 20);
  memset(text, 'x', huge);
  size_t n = huge + (size_t)sprintf(text + huge, "\nc,d\n");
  char *got = read_all(text, n, "commas");
  cr_expect_str_eq(got, "1!is longer than 16 MiB 2[c|d]");
  free(got);
  memset(text, '\n', N);
  text[0] = '"';
  memcpy(text + N, "a,b\n", 5);
  got = read_all(text, N + 4, "commas");
  char wanted[64];
  snprintf(wanted, sizeof wanted, "1!a quote is not closed %d[a|b]", N);
  cr_expect_str_eq(got, wanted);
  free(got);
  free(text);
}

Test(records, first_line_stays) {
  plt_records_t *records = open_text("\n\na,b\r\nc,d", 11);
  plt_record_t record;
  bool more;
  plt_span_t line = plt_records_peek(records);
  cr_assert(line.length == 3 && memcmp(line.at, "a,b", 3) == 0);
  plt_records_cut(records, &plt_separators[1]);
  cr_assert(plt_records_next(records, &record, &more) == PLT_OK && more && record.line == 3);
  plt_records_close(&records);
}

Test(records, shown_bytes_are_harmless) {
  char shown[PLT_SHOWN_BYTES];
  cr_expect_str_eq(plt_bytes_show("a\x1b[1m\xff\xc3\xa9", 8, shown), "a\\x1B[1m\\xFF\xc3\xa9");
  cr_expect_str_eq(plt_bytes_show("\xc2\x9b\0", 3, shown), "\\xC2\\x9B\\x00");
  char text[101];
  memset(text, 1, sizeof text);
  plt_bytes_show(text, 100, shown);
  cr_expect_eq(strlen(shown), 40 * 4 + 3);
}

Test(values, numbers) {
  static const struct {
    const char *text;
    double value;
  } good[] = {{"0", 0},
              {"007", 7},
              {"-1.5", -1.5},
              {"1e3", 1000},
              {"+2", 2},
              {".5", 0.5},
              {"1400000000.25", 1400000000.25},
              {"123456789012345678", 123456789012345678.0}};
  static const char *const bad[] = {"", "x", "1x", "nan", "inf", "0x10", "1e999", "1 ", "--1", "1.2.3"};
  double value;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    cr_expect(plt_value_number(good[i].text, strlen(good[i].text), &value), "%s", good[i].text);
    cr_expect_eq(value, good[i].value, "%s", good[i].text);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect(!plt_value_number(bad[i], strlen(bad[i]), &value), "\"%s\"", bad[i]);
}

/* As `date -u -d TEXT +%s` has them. */
Test(values, dates) {
  static const struct {
    const char *text;
    double value;
  } good[] = {{"1970-01-01", 0},
              {"2000-02-29 00:00:01", 951782401},
              {"2014-07-03T09:30", 1404379800},
              {"2014-07-03T09:30:00.25Z", 1404379800.25},
              {"2014-07-03 09:30:00+02:00", 1404372600},
              {"2014-07-03 09:30:00 UTC", 1404379800},
              {"1969-12-31 23:59:59", -1},
              {"2100-03-01", 4107542400}};
  static const char *const bad[] = {
      "2014-13-01",           "2014-02-29",        "2100-02-29", "2014-07-03x", "2014-07-03 25:00",
      "2014-07-03 09:30:00.", "2014-07-03 09:30+", "14-07-03",   "2014/07/03",  ""};
  double value;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    cr_expect(plt_value_date(good[i].text, strlen(good[i].text), &value), "%s", good[i].text);
    cr_expect_float_eq(value, good[i].value, 1e-6, "%s: %f", good[i].text, value);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect(!plt_value_date(bad[i], strlen(bad[i]), &value), "\"%s\"", bad[i]);
}
