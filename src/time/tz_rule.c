#include "time/tz_rule.h"

#include <stdlib.h>

#include "base/instant.h"

#define DAY_S 86400
#define DEFAULT_TIME_S (2 * 3600)
#define NAME_MIN 3
#define NAME_MAX 15

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool take(struct str *s, char c) {
  if (s->len == 0 || s->ptr[0] != c) return false;
  *s = str_from(*s, 1);
  return true;
}

static bool take_number(struct str *s, int max, int *ret) {
  size_t n = 0;
  while (n < s->len && n < 4 && is_digit(s->ptr[n])) n++;
  int64_t value;
  if (!str_to_int((struct str){s->ptr, n}, 0, max, &value)) return false;
  *ret = (int)value;
  *s = str_from(*s, n);
  return true;
}

static bool take_name(struct str *s, struct str *ret) {
  bool is_quoted = take(s, '<');
  size_t n = 0;
  while (n < s->len && (is_alpha(s->ptr[n]) ||
                        (is_quoted && (is_digit(s->ptr[n]) || s->ptr[n] == '+' || s->ptr[n] == '-'))))
    n++;
  *ret = (struct str){s->ptr, n};
  *s = str_from(*s, n);
  return n >= NAME_MIN && n <= NAME_MAX && (!is_quoted || take(s, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *s, int max_hours, int *ret_s) {
  bool is_negative = take(s, '-');
  if (!is_negative) (void)take(s, '+');
  int hours, minutes = 0, seconds = 0;
  if (!take_number(s, max_hours, &hours)) return false;
  if (take(s, ':')) {
    if (!take_number(s, 59, &minutes)) return false;
    if (take(s, ':') && !take_number(s, 59, &seconds)) return false;
  }
  int total = hours * 3600 + minutes * 60 + seconds;
  *ret_s = is_negative ? -total : total;
  return true;
}

static bool take_day(struct str *s, struct tz_rule_day *ret) {
  *ret = (struct tz_rule_day){.kind = TZ_DAY_ZERO_BASED, .time_s = DEFAULT_TIME_S};
  bool is_read;
  if (take(s, 'M')) {
    ret->kind = TZ_DAY_MONTH_WEEK;
    is_read = take_number(s, 12, &ret->month) && ret->month >= 1 && take(s, '.') &&
              take_number(s, 5, &ret->week) && ret->week >= 1 && take(s, '.') && take_number(s, 6, &ret->day);
  } else if (take(s, 'J')) {
    ret->kind = TZ_DAY_JULIAN;
    is_read = take_number(s, 365, &ret->day) && ret->day >= 1;
  } else {
    is_read = take_number(s, 365, &ret->day);
  }
  return is_read && (!take(s, '/') || take_time(s, 167, &ret->time_s));
}

static bool parse(struct str s, struct tz_rule *r) {
  int west_s;
  if (!take_name(&s, &r->std_name) || !take_time(&s, 24, &west_s)) return false;
  r->std_offset_s = -west_s;
  if (s.len == 0) return true;
  r->has_dst = true;
  if (!take_name(&s, &r->dst_name)) return false;
  r->dst_offset_s = r->std_offset_s + 3600;
  if (s.len > 0 && s.ptr[0] != ',') {
    if (!take_time(&s, 24, &west_s)) return false;
    r->dst_offset_s = -west_s;
  }
  return take(&s, ',') && take_day(&s, &r->start) && take(&s, ',') && take_day(&s, &r->end) && s.len == 0;
}

enum err tz_rule_parse(struct str text, struct tz_rule *ret, struct err_detail *detail) {
  struct tz_rule rule = {.is_set = text.len > 0};
  if (rule.is_set && !parse(text, &rule))
    return err_set(detail, ERR_INVALID, "timezone", 0, "the zone file ends with a rule that cannot be read");
  *ret = rule;
  return ERR_OK;
}

static int weekday_of(int64_t days) {
  int64_t w = (days + 4) % 7; /* 1970-01-01 was a Thursday */
  return (int)(w < 0 ? w + 7 : w);
}

static bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* Days since 1970 of the rule's day in a year. */
static int64_t day_of(const struct tz_rule_day *d, int64_t year) {
  int64_t january = civil_to_days(year, 1, 1);
  if (d->kind == TZ_DAY_ZERO_BASED) return january + d->day;
  if (d->kind == TZ_DAY_JULIAN) return january + d->day - 1 + (is_leap(year) && d->day >= 60);
  int64_t first = civil_to_days(year, d->month, 1);
  int64_t next = d->month == 12 ? civil_to_days(year + 1, 1, 1) : civil_to_days(year, d->month + 1, 1);
  int64_t day = first + (d->day - weekday_of(first) + 7) % 7 + 7 * (d->week - 1);
  return day < next ? day : day - 7; /* week 5 is the last one */
}

static int by_time(const void *a, const void *b) {
  const struct tz_rule_event *x = a, *y = b;
  if (x->at_s != y->at_s) return x->at_s < y->at_s ? -1 : 1;
  return (int)x->is_dst - (int)y->is_dst;
}

void tz_rule_events(const struct tz_rule *r, int64_t first_year, int64_t last_year,
                    struct tz_rule_event *ret) {
  ASSERT(r->is_set && r->has_dst);
  size_t n = 0;
  for (int64_t year = first_year; year <= last_year; year++) {
    int64_t start = day_of(&r->start, year) * DAY_S + r->start.time_s - r->std_offset_s;
    int64_t end = day_of(&r->end, year) * DAY_S + r->end.time_s - r->dst_offset_s;
    ret[n++] = (struct tz_rule_event){start, true};
    ret[n++] = (struct tz_rule_event){end, false};
  }
  qsort(ret, n, sizeof *ret, by_time);
}
