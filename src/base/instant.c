#include "base/instant.h"

#include <stdio.h>

#define DAY_MS 86400000

/* Days and civil dates by the era method (H. Hinnant, "chrono-compatible low-level date
 * algorithms"): a year begins in March, so the leap day is its last. */
int64_t civil_to_days(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  int64_t doe = days - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
  *ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
  *ret_year = yoe + era * 400 + (*ret_month <= 2);
}

static char *put_digits(char *to, int64_t value, int count) {
  for (int i = count - 1; i >= 0; i--, value /= 10) to[i] = (char)('0' + value % 10);
  return to + count;
}

static char *put_char(char *to, char c) {
  *to = c;
  return to + 1;
}

/* By hand, since a store writes several of them for each run and printf takes a microsecond. */
static struct instant_text format_instant(int64_t epoch_ms, bool with_ms) {
  int64_t days = epoch_ms / DAY_MS, ms = epoch_ms % DAY_MS;
  if (ms < 0) ms += DAY_MS, days--;
  int64_t year;
  int month, day;
  civil_from_days(days, &year, &month, &day);
  struct instant_text t;
  bool is_usual = year >= 0 && year <= 9999;
  char *end = t.text;
  if (is_usual) end = put_digits(end, year, 4);
  else end += snprintf(t.text, sizeof t.text, "%04lld", (long long)year);
  const int parts[] = {month, day, (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60)};
  for (int i = 0; i < 5; i++) end = put_digits(put_char(end, "--T::"[i]), parts[i], 2);
  if (with_ms) end = put_digits(put_char(end, '.'), ms % 1000, 3);
  *put_char(end, 'Z') = '\0';
  return t;
}

struct instant_text instant_to_text(int64_t epoch_ms) {
  return format_instant(epoch_ms, true);
}
struct instant_text instant_to_text_seconds(int64_t epoch_ms) {
  return format_instant(epoch_ms, false);
}

static bool take_digits(struct str *s, size_t n, int64_t max, int *ret) {
  int64_t value;
  if (s->len < n || s->ptr[0] == '-' || !str_to_int((struct str){s->ptr, n}, 0, max, &value)) return false;
  *ret = (int)value;
  *s = str_from(*s, n);
  return true;
}

static bool take_char(struct str *s, const char *one_of) {
  if (s->len == 0 || s->ptr[0] == '\0' || !strchr(one_of, s->ptr[0])) return false;
  *s = str_from(*s, 1);
  return true;
}

static bool take_fraction(struct str *s, int *ret_ms) {
  *ret_ms = 0;
  if (!take_char(s, ".")) return true;
  int digits = 0;
  for (; s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9'; *s = str_from(*s, 1), digits++)
    if (digits < 3) *ret_ms = *ret_ms * 10 + (s->ptr[0] - '0');
  for (int i = digits; i < 3; i++) *ret_ms *= 10;
  return digits >= 1 && digits <= 9;
}

static bool take_offset(struct str *s, int64_t *ret_ms) {
  *ret_ms = 0;
  if (take_char(s, "Zz")) return true;
  bool is_west = s->len > 0 && s->ptr[0] == '-';
  int hours, minutes;
  if (!take_char(s, "+-") || !take_digits(s, 2, 23, &hours) || !take_char(s, ":") ||
      !take_digits(s, 2, 59, &minutes))
    return false;
  *ret_ms = (hours * 60 + minutes) * 60000LL * (is_west ? -1 : 1);
  return true;
}

static int days_in_month(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && is_leap);
}

/* -1: other characters than digits. */
static int digits(const char *text, int count) {
  int value = 0;
  for (int i = 0; i < count; i++) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + text[i] - '0';
  }
  return value;
}

/* As instant_to_text writes them, quickly: a list reads seven for each job. False: to be read with more care. */
static bool read_usual_instant(struct str text, int64_t *ret) {
  static const char form[] = "0000-00-00T00:00:00.000Z";
  if (text.len != sizeof form - 1) return false;
  for (size_t i = 0; i < sizeof form - 1; i++)
    if (form[i] != '0' && text.ptr[i] != form[i]) return false;
  const char *t = text.ptr;
  int year = digits(t, 4), month = digits(t + 5, 2), day = digits(t + 8, 2);
  int hour = digits(t + 11, 2), minute = digits(t + 14, 2), second = digits(t + 17, 2),
      ms = digits(t + 20, 3);
  bool is_date = year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month);
  bool is_time =
      hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 && ms >= 0;
  if (!is_date || !is_time) return false;
  int64_t days = civil_to_days(year, month, day);
  *ret = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms;
  return true;
}

bool instant_from_text(struct str s, int64_t *ret_epoch_ms) {
  if (read_usual_instant(s, ret_epoch_ms)) return true;
  int year, month, day, hour, minute, second, ms;
  int64_t offset_ms;
  bool is_read = take_digits(&s, 4, 9999, &year) && take_char(&s, "-") && take_digits(&s, 2, 12, &month) &&
                 take_char(&s, "-") && take_digits(&s, 2, 31, &day) && take_char(&s, "Tt ") &&
                 take_digits(&s, 2, 23, &hour) && take_char(&s, ":") && take_digits(&s, 2, 59, &minute) &&
                 take_char(&s, ":") && take_digits(&s, 2, 59, &second) && take_fraction(&s, &ms) &&
                 take_offset(&s, &offset_ms) && s.len == 0;
  if (!is_read || month < 1 || day < 1 || day > days_in_month(year, month)) return false;
  *ret_epoch_ms = civil_to_days(year, month, day) * DAY_MS + hour * 3600000LL + minute * 60000LL +
                  second * 1000LL + ms - offset_ms;
  return true;
}

struct duration_unit {
  struct str name;
  int64_t ms;
};

/* "ms" stands before "m": the first match wins. */
static const struct duration_unit units[] = {
    {{"ms", 2}, 1},      {{"s", 1}, 1000},   {{"m", 1}, 60000},
    {{"h", 1}, 3600000}, {{"d", 1}, DAY_MS}, {{"w", 1}, 7LL * DAY_MS},
};

static const struct duration_unit iso_date_units[] = {{{"W", 1}, 7LL * DAY_MS}, {{"D", 1}, DAY_MS}};
static const struct duration_unit iso_time_units[] = {{{"H", 1}, 3600000},
                                                      {{"M", 1}, 60000},
                                                      {{"S", 1}, 1000}};

#define DURATION_MAX_MS (36525LL * DAY_MS)

static bool take_unit(struct str *s, const struct duration_unit *table, size_t n, int64_t *total) {
  size_t digits = 0;
  while (digits < s->len && s->ptr[digits] >= '0' && s->ptr[digits] <= '9') digits++;
  int64_t count;
  if (!str_to_int((struct str){s->ptr, digits}, 0, DURATION_MAX_MS, &count)) return false;
  *s = str_from(*s, digits);
  for (size_t i = 0; i < n; i++) {
    if (!str_starts(*s, table[i].name)) continue;
    *s = str_from(*s, table[i].name.len);
    int64_t ms;
    if (__builtin_mul_overflow(count, table[i].ms, &ms)) return false;
    *total += ms;
    return *total <= DURATION_MAX_MS;
  }
  return false;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool iso_duration(struct str s, int64_t *ret_ms) {
  int64_t total = 0;
  if (s.len == 0) return false;
  while (s.len > 0 && s.ptr[0] != 'T')
    if (!take_unit(&s, iso_date_units, COUNT(iso_date_units), &total)) return false;
  if (s.len == 1) return false; /* a lone T */
  s = str_from(s, 1);
  while (s.len > 0)
    if (!take_unit(&s, iso_time_units, COUNT(iso_time_units), &total)) return false;
  *ret_ms = total;
  return true;
}

bool duration_from_text(struct str s, int64_t *ret_ms) {
  int64_t seconds, total = 0;
  if (s.len > 0 && s.ptr[0] != '-' && str_to_int(s, 0, DURATION_MAX_MS / 1000, &seconds)) {
    *ret_ms = seconds * 1000;
    return true;
  }
  if (s.len > 0 && s.ptr[0] == 'P') return iso_duration(str_from(s, 1), ret_ms);
  if (s.len == 0) return false;
  while (s.len > 0)
    if (!take_unit(&s, units, COUNT(units), &total)) return false;
  *ret_ms = total;
  return true;
}
