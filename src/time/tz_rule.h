/* The footer of a TZif file: a POSIX TZ string with the extension of RFC 9636 3.3.1 (hours -167 to 167).
 * Says when daylight saving begins and ends in any year. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct tz_rule_day {
  enum { TZ_DAY_JULIAN, TZ_DAY_ZERO_BASED, TZ_DAY_MONTH_WEEK } kind; /* Jn, n, Mm.w.d */
  int day;                                                           /* n, or the weekday d (0 = Sunday) */
  int month, week;                                                   /* of Mm.w.d */
  int time_s; /* local time of that day, may be negative */
};

struct tz_rule {
  bool is_set;  /* false: no footer */
  bool has_dst; /* the parts below the names hold only then */
  int std_offset_s, dst_offset_s;
  struct str std_name, dst_name; /* borrowed from the text */
  struct tz_rule_day start, end;
};

enum err tz_rule_parse(struct str text, struct tz_rule *ret, struct err_detail *detail);

struct tz_rule_event {
  int64_t at_s;
  bool is_dst; /* the state that begins */
};
/* Both events of each year first…last, sorted by time; where two coincide the one into DST comes
 * last. Writes 2 · (last - first + 1) events; the rule has DST. */
void tz_rule_events(const struct tz_rule *r, int64_t first_year, int64_t last_year,
                    struct tz_rule_event *ret);
