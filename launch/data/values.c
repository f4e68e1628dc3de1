/* values.c - see values.h. */
#include "launch/data/values.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 63, WHOLE_DIGITS = 15 /* any such number is a double */ };

bool plt_value_number(const char *at, size_t length, double *out) {
  char text[NUMBER_BYTES + 1], *end;
  uint64_t whole = 0;
  size_t i = 0;
  for (; i < length && i < WHOLE_DIGITS && at[i] >= '0' && at[i] <= '9'; i++)
    whole = 10 * whole + (uint64_t)(at[i] - '0');
  *out = (double)whole;
  if (i == length) return length > 0;
  if (length > NUMBER_BYTES) return false;
  memcpy(text, at, length);
  text[length] = '\0';
  if (strspn(text, "0123456789+-.eE") != length) return false;
  *out = strtod(text, &end);
  return *end == '\0' && isfinite(*out);
}

/* A text that is read from the left. */
typedef struct reader {
  const char *at, *end;
} reader_t;

static bool take(reader_t *reader, char c) {
  if (reader->at >= reader->end || *reader->at != c) return false;
  reader->at++;
  return true;
}

static bool take_digits(reader_t *reader, int digits, int least, int most, int *out) {
  *out = 0;
  for (int i = 0; i < digits; i++) {
    if (reader->at >= reader->end || *reader->at < '0' || *reader->at > '9') return false;
    *out = 10 * *out + (*reader->at++ - '0');
  }
  return *out >= least && *out <= most;
}

/* Days since 1970-01-01 in the Gregorian calendar, years counted from March on. */
static int64_t days_of(int year, int month, int day) {
  int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool is_day(int year, int month, int day) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= days[month - 1] + (month == 2 && leaps);
}

static bool take_fraction(reader_t *reader, double *out) {
  double unit = 1;
  *out = 0;
  if (!take(reader, '.')) return true;
  const char *first = reader->at;
  for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
    unit /= 10;
    *out += unit * (*reader->at - '0');
  }
  return reader->at > first;
}

static bool take_time(reader_t *reader, double *seconds) {
  int hour, minute, second = 0;
  double fraction = 0;
  if (!take_digits(reader, 2, 0, 23, &hour) || !take(reader, ':') || !take_digits(reader, 2, 0, 59, &minute))
    return false;
  if (take(reader, ':') && (!take_digits(reader, 2, 0, 60, &second) || !take_fraction(reader, &fraction))) return false;
  *seconds += 3600.0 * hour + 60.0 * minute + second + fraction;
  return true;
}

/* "", "Z", " UTC", "+02:00", "+0200". */
static bool take_zone(reader_t *reader, double *seconds) {
  int hours, minutes, sign;
  take(reader, ' ');
  if (reader->at == reader->end || (take(reader, 'Z') && reader->at == reader->end)) return true;
  if (reader->end - reader->at == 3 && memcmp(reader->at, "UTC", 3) == 0) return true;
  sign = take(reader, '+') ? 1 : take(reader, '-') ? -1 : 0;
  if (sign == 0 || !take_digits(reader, 2, 0, 14, &hours)) return false;
  take(reader, ':');
  if (!take_digits(reader, 2, 0, 59, &minutes) || reader->at != reader->end) return false;
  *seconds -= sign * (3600.0 * hours + 60.0 * minutes);
  return true;
}

bool plt_value_date(const char *at, size_t length, double *out) {
  reader_t reader = {at, at + length};
  int year, month, day;
  if (!take_digits(&reader, 4, 1, 9999, &year) || !take(&reader, '-') || !take_digits(&reader, 2, 1, 12, &month) ||
      !take(&reader, '-') || !take_digits(&reader, 2, 1, 31, &day) || !is_day(year, month, day))
    return false;
  *out = 86400.0 * (double)days_of(year, month, day);
  if (reader.at == reader.end) return true;
  if (!take(&reader, 'T') && !take(&reader, ' ')) return false;
  return take_time(&reader, out) && take_zone(&reader, out);
}
