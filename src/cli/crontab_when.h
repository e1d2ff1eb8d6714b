/* The five time fields of crontab(5) read the classic way, and a plain walk over days and minutes: an
 * independent witness of what a line means. It shares no code with time/schedule and is slow on purpose;
 * importing shows both side by side. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "time/tz.h"

struct crontab_when {
  uint64_t minutes;                       /* bit n = minute n */
  uint32_t hours, days, months, weekdays; /* days 1–31, months 1–12, weekdays 0–6 from Sunday */
  bool days_star, weekdays_star;          /* the field begins with '*' (Vixie's DOM_STAR, DOW_STAR) */
  bool is_fixed;                          /* neither minute nor hour has '*' or '/' (DESIGN 5, DST) */
  bool is_reboot;                         /* @reboot: never by time */
  bool is_random;                         /* has '~': the minute depends on the job, not on the text */
};

/* Five fields separated by spaces or tabs, or a nickname. Strict: what Vixie's cron or cronie refuses is
 * ERR_INVALID with the field, the column in text and a hint. */
enum err crontab_when_read(struct str text, struct crontab_when *ret, struct err_detail *detail);

/* The first instant > after_ms by walking, DST as `dst: once`; INSTANT_NEVER after the year 2199, for @reboot
 * and for is_random. */
int64_t crontab_when_next(const struct crontab_when *when, const struct tz *zone, int64_t after_ms);
