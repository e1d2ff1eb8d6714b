/* One cron expression as bit masks, and the search in local readings. Knows nothing of zones: a local
 * reading is "seconds since 1970 as if the wall clock showed UTC". Used through schedule.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "time/schedule.h"

#define CRON_NONE INT64_MIN /* no such reading */
#define CRON_YEARS (SCHEDULE_LAST_YEAR - SCHEDULE_FIRST_YEAR + 1)
#define CRON_YEAR_WORDS ((CRON_YEARS + 63) / 64)

struct cron {
  uint64_t seconds, minutes;       /* bit n: the value n, here and below */
  uint64_t nth;                    /* bit 7·(n-1)+w: the n-th weekday w; bit 35+w: the last */
  uint64_t years[CRON_YEAR_WORDS]; /* bit year-1970 */
  uint32_t hours;
  uint32_t days;
  uint32_t last_days;      /* bit n: n days before the last of the month */
  uint32_t near_days;      /* bit d: the weekday (Mon–Fri) nearest to day d, in the same month */
  uint32_t near_last_days; /* bit n: the weekday nearest to n days before the last */
  uint16_t months;
  uint8_t weekdays;       /* bit 0 = Sunday */
  bool is_fixed : 1;      /* schedule.h */
  bool is_and : 1;        /* days AND weekdays must match; else one of them */
  bool has_free_days : 1; /* the field starts with '*' or '?' */
  bool has_free_weekdays : 1;
  bool has_special_days : 1; /* any of the masks nth … near_last_days is set */

  /* The month searched last. A cache only: it follows from the fields above. */
  uint32_t month_days;  /* bit d: day d matches */
  int32_t month_first;  /* days since 1970 of its first day */
  int32_t month_length; /* 0: nothing cached */
};

struct cron_options {
  enum schedule_dialect dialect;
  bool days_and;
  uint64_t seed;
  size_t column; /* of the expression's first byte in the whole text, 0-based */
};

/* Appends the canonical text to *canonical. Errors as schedule_compile's. */
enum err cron_parse(struct str text, const struct cron_options *options, struct cron *ret,
                    struct buf *canonical, struct err_detail *detail);

/* The first matching reading >= local_s / the last one <= local_s within 1970–2199, or CRON_NONE. */
int64_t cron_next(struct cron *c, int64_t local_s);
int64_t cron_prev(struct cron *c, int64_t local_s);
/* How many readings within [low_s, high_s) match: by months and popcounts, not by reading. */
int64_t cron_count(struct cron *c, int64_t low_s, int64_t high_s);
/* Does the reading match? Written apart from the search, as its judge: no month cache, no day masks. */
bool cron_matches(const struct cron *c, int64_t local_s);
