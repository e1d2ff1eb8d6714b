#include "time/cron.h"

#include <limits.h>

#include "base/instant.h"

#define DAY_S 86400
#define EVERY_SEVENTH UINT64_C(0x10204081) /* bits 0, 7, 14, 21, 28 */
#define FIRST_READING INT64_C(0)
#define END_READING (INT64_C(84006) * DAY_S) /* 2200-01-01T00:00:00 */
#define DAYS_TO_1970 719468                  /* from 0000-03-01 */

struct date {
  int32_t year, month, day;
};

/* Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms" (2022):
 * a year begins in March. Half the time of base/instant's, which must also do negative years. */
static struct date date_from_days(uint32_t days) {
  uint32_t n1 = 4 * (days + DAYS_TO_1970) + 3;
  uint32_t century = n1 / 146097;
  uint32_t n2 = n1 % 146097 | 3;
  uint64_t p2 = UINT64_C(2939745) * n2;
  uint32_t year_day = (uint32_t)p2 / 2939745 / 4;
  uint32_t n3 = 2141 * year_day + 197913;
  bool is_next_year = year_day >= 306;
  return (struct date){.year = (int32_t)(100 * century + (uint32_t)(p2 >> 32) + is_next_year),
                       .month = (int32_t)((n3 >> 16) - (is_next_year ? 12 : 0)),
                       .day = (int32_t)((n3 & 0xffff) / 2141 + 1)};
}

/* Days since 1970 of the first day of a month, 1970–2200. */
static int32_t first_of_month(int32_t year, int32_t month) {
  uint32_t y = (uint32_t)year - (month <= 2), m = (uint32_t)(month <= 2 ? month + 12 : month);
  uint32_t century = y / 100;
  return (int32_t)(1461 * y / 4 - century + century / 4 + (979 * m - 2919) / 32) - DAYS_TO_1970;
}

static int32_t month_length(int32_t year, int32_t month) {
  if (month != 2) return 30 | (month ^ (month >> 3));
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
}

static uint32_t weekday_of(int32_t days) { return ((uint32_t)days + 4) % 7; /* 1970-01-01: Thursday */ }

/* Seven weekday bits → seven day bits, the first of them on a given weekday. */
static uint64_t week_from(uint64_t weekdays, uint32_t first_weekday) {
  return (weekdays >> first_weekday | weekdays << (7 - first_weekday)) & 0x7f;
}

/* The weekday nearest to day d that does not leave the month. */
static int32_t nearest_weekday(int32_t day, uint32_t first_weekday, int32_t length) {
  uint32_t weekday = (first_weekday + (uint32_t)day - 1) % 7;
  if (weekday == 6) return day > 1 ? day - 1 : day + 2;
  if (weekday == 0) return day < length ? day + 1 : day - 2;
  return day;
}

/* ---- which days of a month match ---- */

static uint32_t special_days(const struct cron *c, uint32_t first_weekday, int32_t length) {
  uint32_t days = 0;
  for (uint32_t m = c->last_days; m; m &= m - 1)
    if (__builtin_ctz(m) < length) days |= UINT32_C(1) << (length - __builtin_ctz(m));
  for (uint32_t m = c->near_days; m; m &= m - 1)
    if (__builtin_ctz(m) <= length)
      days |= UINT32_C(1) << nearest_weekday(__builtin_ctz(m), first_weekday, length);
  for (uint32_t m = c->near_last_days; m; m &= m - 1)
    if (__builtin_ctz(m) < length)
      days |= UINT32_C(1) << nearest_weekday(length - __builtin_ctz(m), first_weekday, length);
  return days;
}

static uint64_t nth_weekdays(const struct cron *c, uint32_t first_weekday, int32_t length) {
  uint64_t days = 0;
  for (int n = 0; n < 5; n++) days |= week_from(c->nth >> (7 * n) & 0x7f, first_weekday) << (7 * n);
  uint32_t tail_weekday = (first_weekday + (uint32_t)length) % 7;
  return days | week_from(c->nth >> 35 & 0x7f, tail_weekday) << (length - 7);
}

static uint32_t matching_days(const struct cron *c, int32_t first, int32_t length) {
  uint32_t first_weekday = weekday_of(first);
  uint32_t days = c->days;
  uint64_t weekdays = week_from(c->weekdays, first_weekday) * EVERY_SEVENTH;
  if (__builtin_expect(c->has_special_days, 0)) {
    days |= special_days(c, first_weekday, length);
    weekdays |= nth_weekdays(c, first_weekday, length);
  }
  uint64_t both = c->is_and ? days & weekdays << 1 : days | weekdays << 1;
  return (uint32_t)(both & ((UINT64_C(2) << length) - 2));
}

static void cache_month(struct cron *c, int32_t year, int32_t month, int32_t first) {
  c->month_first = first;
  c->month_length = month_length(year, month);
  c->month_days = matching_days(c, c->month_first, c->month_length);
}

static bool has_year(const struct cron *c, int32_t year) {
  uint32_t bit = (uint32_t)(year - SCHEDULE_FIRST_YEAR);
  return c->years[bit / 64] >> (bit % 64) & 1;
}

/* ---- searching days ---- */

static int32_t next_year(const struct cron *c, int32_t year) {
  for (uint32_t bit = (uint32_t)(year - SCHEDULE_FIRST_YEAR); bit < CRON_YEARS; bit = (bit | 63) + 1) {
    uint64_t rest = c->years[bit / 64] >> (bit % 64);
    if (rest) return SCHEDULE_FIRST_YEAR + (int32_t)bit + __builtin_ctzll(rest);
  }
  return INT32_MAX;
}

static int32_t prev_year(const struct cron *c, int32_t year) {
  for (int32_t bit = year - SCHEDULE_FIRST_YEAR; bit >= 0; bit = (bit & ~63) - 1) {
    uint64_t rest = c->years[bit / 64] << (63 - bit % 64);
    if (rest) return SCHEDULE_FIRST_YEAR + bit - __builtin_clzll(rest);
  }
  return INT32_MIN;
}

/* The first matching day in or after this month, skipping years and months by their masks; fills the cache. */
static int32_t search_months_up(struct cron *c, int32_t year, int32_t month) {
  for (;;) {
    uint32_t months = has_year(c, year) && month <= 12 ? (uint32_t)c->months >> month << month : 0;
    for (; months; months &= months - 1) {
      month = __builtin_ctz(months);
      cache_month(c, year, month, first_of_month(year, month));
      if (c->month_days) return c->month_first + __builtin_ctz(c->month_days) - 1;
    }
    if (year >= SCHEDULE_LAST_YEAR || (year = next_year(c, year + 1)) == INT32_MAX) return -1;
    month = 1;
  }
}

static int32_t search_months_down(struct cron *c, int32_t year, int32_t month) {
  for (;;) {
    uint32_t months = has_year(c, year) ? c->months & ((UINT32_C(2) << month) - 1) : 0;
    while (months) {
      month = 31 - __builtin_clz(months);
      cache_month(c, year, month, first_of_month(year, month));
      if (c->month_days) return c->month_first + 31 - __builtin_clz(c->month_days) - 1;
      months &= ~(UINT32_C(1) << month);
    }
    if (year <= SCHEDULE_FIRST_YEAR || (year = prev_year(c, year - 1)) == INT32_MIN) return -1;
    month = 12;
  }
}

static bool is_cached(const struct cron *c, int32_t days) {
  return (uint32_t)(days - c->month_first) < (uint32_t)c->month_length;
}

/* A month whose year or number is not wanted is cached without days. */
static void cache_month_of(struct cron *c, int32_t days) {
  struct date date = date_from_days((uint32_t)days);
  cache_month(c, date.year, date.month, days - date.day + 1);
  if (!has_year(c, date.year) || !(c->months >> date.month & 1)) c->month_days = 0;
}

/* The first matching day >= days, or -1. The day is within 1970–2199. */
static int32_t next_day(struct cron *c, int32_t days) {
  if (!is_cached(c, days)) cache_month_of(c, days);
  int32_t day = days - c->month_first + 1;
  uint32_t rest = c->month_days >> day;
  if (rest) return days + __builtin_ctz(rest);
  struct date date = date_from_days((uint32_t)c->month_first);
  return search_months_up(c, date.year, date.month + 1);
}

static int32_t prev_day(struct cron *c, int32_t days) {
  if (!is_cached(c, days)) cache_month_of(c, days);
  int32_t day = days - c->month_first + 1;
  uint32_t rest = c->month_days << (31 - day);
  if (rest) return days - __builtin_clz(rest);
  struct date date = date_from_days((uint32_t)c->month_first);
  return search_months_down(c, date.year, date.month - 1);
}

/* ---- searching the time of day ---- */

struct clock {
  uint32_t hour, minute, second;
};

static struct clock clock_of(uint32_t second_of_day) {
  return (struct clock){second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60};
}

static int32_t seconds_of(uint32_t hour, int minute, int second) {
  return (int32_t)(hour * 3600) + minute * 60 + second;
}

static int32_t first_time_in(const struct cron *c, uint32_t hour) {
  return seconds_of(hour, __builtin_ctzll(c->minutes), __builtin_ctzll(c->seconds));
}

static int32_t last_time_in(const struct cron *c, uint32_t hour) {
  return seconds_of(hour, 63 - __builtin_clzll(c->minutes), 63 - __builtin_clzll(c->seconds));
}

/* The first matching second of the day >= the one given, or -1. */
static int32_t next_time(const struct cron *c, uint32_t second_of_day) {
  struct clock now = clock_of(second_of_day);
  if (c->hours >> now.hour & 1) {
    uint64_t seconds = c->seconds >> now.second;
    if ((c->minutes >> now.minute & 1) && seconds) return (int32_t)second_of_day + __builtin_ctzll(seconds);
    uint64_t minutes = c->minutes >> now.minute >> 1;
    if (minutes)
      return seconds_of(now.hour, (int)now.minute + 1 + __builtin_ctzll(minutes),
                        __builtin_ctzll(c->seconds));
  }
  uint32_t hours = c->hours >> now.hour >> 1;
  return hours ? first_time_in(c, now.hour + 1 + (uint32_t)__builtin_ctz(hours)) : -1;
}

static int32_t prev_time(const struct cron *c, uint32_t second_of_day) {
  struct clock now = clock_of(second_of_day);
  if (c->hours >> now.hour & 1) {
    uint64_t seconds = c->seconds << (63 - now.second);
    if ((c->minutes >> now.minute & 1) && seconds) return (int32_t)second_of_day - __builtin_clzll(seconds);
    uint64_t minutes = c->minutes << (63 - now.minute) << 1;
    if (minutes)
      return seconds_of(now.hour, (int)now.minute - 1 - __builtin_clzll(minutes),
                        63 - __builtin_clzll(c->seconds));
  }
  uint32_t hours = c->hours << (31 - now.hour) << 1;
  return hours ? last_time_in(c, now.hour - 1 - (uint32_t)__builtin_clz(hours)) : -1;
}

int64_t cron_next(struct cron *c, int64_t local_s) {
  if (local_s >= END_READING) return CRON_NONE;
  if (local_s < FIRST_READING) local_s = FIRST_READING;
  int32_t days = (int32_t)(local_s / DAY_S);
  int32_t found = next_day(c, days);
  if (found == days) {
    int32_t time = next_time(c, (uint32_t)(local_s - (int64_t)days * DAY_S));
    if (time >= 0) return (int64_t)days * DAY_S + time;
    found = (days + 1) * (int64_t)DAY_S < END_READING ? next_day(c, days + 1) : -1;
  }
  if (found < 0) return CRON_NONE;
  return (int64_t)found * DAY_S + first_time_in(c, (uint32_t)__builtin_ctz(c->hours));
}

int64_t cron_prev(struct cron *c, int64_t local_s) {
  if (local_s < FIRST_READING) return CRON_NONE;
  if (local_s >= END_READING) local_s = END_READING - 1;
  int32_t days = (int32_t)(local_s / DAY_S);
  int32_t found = prev_day(c, days);
  if (found == days) {
    int32_t time = prev_time(c, (uint32_t)(local_s - (int64_t)days * DAY_S));
    if (time >= 0) return (int64_t)days * DAY_S + time;
    found = days > 0 ? prev_day(c, days - 1) : -1;
  }
  if (found < 0) return CRON_NONE;
  return (int64_t)found * DAY_S + last_time_in(c, 31 - (uint32_t)__builtin_clz(c->hours));
}

/* ---- counting ---- */

/* Matching days within [from, until). */
static int64_t count_days(struct cron *c, int32_t from, int32_t until) {
  int64_t n = 0;
  while (from < until) {
    if (!is_cached(c, from)) cache_month_of(c, from);
    int32_t first = from - c->month_first + 1, next_month = c->month_first + c->month_length;
    uint64_t days = c->month_days >> first << first;
    if (until < next_month) days &= (UINT64_C(1) << (until - c->month_first + 1)) - 1;
    n += __builtin_popcountll(days);
    from = next_month;
  }
  return n;
}

static int count_below(uint64_t bits, uint32_t n) {
  return __builtin_popcountll(bits & ((UINT64_C(1) << n) - 1));
}

/* Matching times of day before a second of the day. */
static int64_t count_times(const struct cron *c, uint32_t second_of_day) {
  struct clock now = clock_of(second_of_day);
  int seconds = __builtin_popcountll(c->seconds), minutes = __builtin_popcountll(c->minutes);
  int64_t n = (int64_t)count_below(c->hours, now.hour) * minutes * seconds;
  if (!(c->hours >> now.hour & 1)) return n;
  n += (int64_t)count_below(c->minutes, now.minute) * seconds;
  return c->minutes >> now.minute & 1 ? n + count_below(c->seconds, now.second) : n;
}

/* Matching readings from the beginning of a day up to a reading of it. */
static int64_t count_in_day(struct cron *c, int32_t day, int64_t local_s) {
  uint32_t second_of_day = (uint32_t)(local_s - (int64_t)day * DAY_S);
  return second_of_day > 0 && count_days(c, day, day + 1) ? count_times(c, second_of_day) : 0;
}

int64_t cron_count(struct cron *c, int64_t low_s, int64_t high_s) {
  if (low_s < FIRST_READING) low_s = FIRST_READING;
  if (high_s > END_READING) high_s = END_READING;
  if (low_s >= high_s) return 0;
  int32_t first = (int32_t)(low_s / DAY_S), last = (int32_t)(high_s / DAY_S);
  int64_t times = (int64_t)__builtin_popcount(c->hours) * __builtin_popcountll(c->minutes) *
                  __builtin_popcountll(c->seconds);
  return count_days(c, first, last) * times + count_in_day(c, last, high_s) - count_in_day(c, first, low_s);
}

/* ---- the judge ---- */

static bool matches_weekday(const struct cron *c, int day, int weekday, int length) {
  bool is_last = day + 7 > length;
  return (c->weekdays >> weekday & 1) || (c->nth >> (7 * ((day - 1) / 7) + weekday) & 1) ||
         (is_last && (c->nth >> (35 + weekday) & 1));
}

static bool matches_day(const struct cron *c, int day, uint32_t first_weekday, int length) {
  if ((c->days >> day & 1) || (c->last_days >> (length - day) & 1)) return true;
  for (int d = 1; d <= length; d++) {
    bool is_wanted = (c->near_days >> d & 1) || (c->near_last_days >> (length - d) & 1);
    if (is_wanted && nearest_weekday(d, first_weekday, length) == day) return true;
  }
  return false;
}

bool cron_matches(const struct cron *c, int64_t local_s) {
  if (local_s < FIRST_READING || local_s >= END_READING) return false;
  int64_t year;
  int month, day;
  civil_from_days(local_s / DAY_S, &year, &month, &day);
  int64_t first = civil_to_days(year, month, 1);
  int length = (int)(civil_to_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - first);
  bool is_day = matches_day(c, day, weekday_of((int32_t)first), length);
  bool is_weekday = matches_weekday(c, day, (int)((local_s / DAY_S + 4) % 7), length);
  bool is_date = c->is_and ? is_day && is_weekday : is_day || is_weekday;
  return is_date && has_year(c, (int32_t)year) && (c->months >> month & 1) &&
         (c->hours >> (local_s % DAY_S / 3600) & 1) && (c->minutes >> (local_s / 60 % 60) & 1) &&
         (c->seconds >> (local_s % 60) & 1);
}
