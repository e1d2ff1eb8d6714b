/* WHEN: a schedule text compiled into something that answers "next" in tens of nanoseconds.
 *
 *   0 3 * * *                      5 fields; 6 with seconds first; 7 with a year last (1970–2199)
 *   @daily @hourly … @reboot       nicknames
 *   @every 1h30m                   elapsed time from an anchor
 *   @at 2026-12-01T10:00           one instant, local to the zone unless it carries an offset
 *   CRON_TZ=Europe/Madrid 0 3 …    the zone as a prefix
 *   A | B                          several expressions: the union of their instants
 *
 * docs/schedules.md is the reference of the dialect and of the rules below.
 *
 * Instants are int64 milliseconds since 1970-01-01T00:00:00Z; cron has a granularity of seconds. Days:
 * day-of-month OR day-of-week when both are restricted; a field that starts with '*' or '?' is not (Vixie's
 * rule, also for "*" "/n"); '+' before the weekday or days_and means AND.
 *
 * A time is *fixed* when neither second, minute nor hour contains '*' or '/'. Times that are not fixed fire at
 * every instant whose local reading matches. Fixed ones follow `dst`. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/str.h"
#include "time/tz.h"

enum schedule_dialect {
  SCHEDULE_DIALECT_SERENO, /* OCPS 1.4 and the extensions of DESIGN 5 */
  SCHEDULE_DIALECT_OCPS,   /* strictly OCPS 1.4 */
  SCHEDULE_DIALECT_QUARTZ, /* 6 or 7 fields, 1 = Sunday, '?' in exactly one day field */
  SCHEDULE_DIALECT_COUNT
};
enum schedule_dst {
  SCHEDULE_DST_ONCE, /* a fixed time: once on each local day that exists; gap: at its end; overlap: first pass */
  SCHEDULE_DST_SKIP, /* nothing for a gap; overlap: first pass (OCPS 1.4, 4.3.1) */
  SCHEDULE_DST_BOTH, /* gap: at its end; overlap: both passes */
  SCHEDULE_DST_COUNT
};
enum schedule_kind {
  SCHEDULE_CRON, /* also several expressions of different kinds */
  SCHEDULE_EVERY,
  SCHEDULE_AT,
  SCHEDULE_REBOOT, /* never due by time */
};

struct schedule_options {
  struct str timezone; /* IANA name; empty = UTC; a CRON_TZ= prefix in the text wins */
  enum schedule_dialect dialect;
  enum schedule_dst dst;
  bool days_and;
  uint64_t seed;            /* of H and ~: schedule_seed of the job's id */
  int64_t anchor_ms;        /* of @every: the job's creation; start_ms, when set, stands in for it */
  int64_t start_ms, end_ms; /* no instant before start or after end; INSTANT_NONE = open */
};
/* UTC, the Sereno dialect, dst once, open window; a zeroed struct has the window [0, 0]. */
#define SCHEDULE_OPTIONS_DEFAULT ((struct schedule_options){.start_ms = INSTANT_NONE, .end_ms = INSTANT_NONE})

#define SCHEDULE_EXPRESSIONS_MAX 32 /* joined by " | " */
#define SCHEDULE_EVERY_MIN_MS 1000  /* the shortest @every */
#define SCHEDULE_FIRST_YEAR 1970
#define SCHEDULE_LAST_YEAR 2199

/* Immutable but for a small per-object cache: one thread at a time. Borrows the zone, so it must be
 * freed before its tzdb. 240 bytes and the text for one expression. */
struct schedule;

/* Errors: ERR_INVALID (ERR_LIMIT when longer than LIMIT_SCHEDULE_BYTES) with field "second", "minute", "hour",
 * "dayOfMonth", "month", "dayOfWeek", "year", "timezone" or "schedule", the 1-based column in text, and a hint. An
 * expression that never fires is valid: schedule_next says INSTANT_NEVER. */
enum err schedule_compile(struct tzdb *db, struct str text, const struct schedule_options *options,
                          struct schedule **ret, struct err_detail *detail);
void schedule_free(struct schedule *s); /* NULL-safe */

/* The first instant > after_ms, or INSTANT_NEVER. after_ms may be any value, also INSTANT_NONE. */
int64_t schedule_next(struct schedule *s, int64_t after_ms);
/* The last instant < before_ms, or INSTANT_NONE. */
int64_t schedule_prev(struct schedule *s, int64_t before_ms);
/* Number of instants in (after_ms, until_ms], stopping at max. ret_first and ret_last (may be NULL) are the first and
 * the last of them all, also when counting stopped at max; INSTANT_NONE when there are none. One expression is counted
 * by arithmetic, whatever the range (years of seconds take microseconds); a set takes tens of nanoseconds an instant. */
int64_t schedule_count(struct schedule *s, int64_t after_ms, int64_t until_ms, int64_t max,
                       int64_t *ret_first, int64_t *ret_last);

enum schedule_kind schedule_kind(const struct schedule *s);
const struct tz *schedule_tz(const struct schedule *s);
/* A lower bound of the gap between two instants (for startWindow < interval); INSTANT_NEVER when there is at
 * most one instant. The period for a lone @every; for cron at most a day, since it looks at the time of day only. */
int64_t schedule_min_interval_ms(const struct schedule *s);
/* The local wall-clock parts matter to people: is the time fixed (see above) in every expression? */
bool schedule_is_fixed(const struct schedule *s);

/* Appends the canonical text: one space between fields, names in upper case, CRON_TZ= only if it was written.
 * Compiling it with the same options gives the same schedule and the same text. */
enum err schedule_format(const struct schedule *s, struct buf *out);

/* H and ~ of a job: a hash of its id. */
uint64_t schedule_seed(struct str job_id);
/* Has the text an H or a ~, so that its instants are of one job alone? */
bool schedule_is_drawn(struct str text);

const char *schedule_dialect_name(enum schedule_dialect d); /* "sereno", "ocps", "quartz" */
const char *schedule_dst_name(enum schedule_dst d);         /* "once", "skip", "both" */
bool schedule_dialect_from_name(struct str name, enum schedule_dialect *ret);
bool schedule_dst_from_name(struct str name, enum schedule_dst *ret);

/* ---- in words (explain.c) ---- */

enum schedule_lang { SCHEDULE_LANG_EN, SCHEDULE_LANG_ES };
bool schedule_lang_from_name(struct str name, enum schedule_lang *ret); /* "en", "es" */

enum schedule_warning_code {
  SCHEDULE_WARNING_NEVER,       /* no instant after from_ms */
  SCHEDULE_WARNING_DST_GAP,     /* at_ms: the end of the next gap that this schedule falls into */
  SCHEDULE_WARNING_DST_OVERLAP, /* at_ms: the end of the next overlap it falls into */
  SCHEDULE_WARNING_DAYS_OR,     /* day of month and day of week are both restricted */
  SCHEDULE_WARNING_UNEVEN_STEP, /* e.g. every 7 minutes: the last gap of the hour is shorter */
  SCHEDULE_WARNING_SHORT,       /* the interval is shorter than the usual duration */
  SCHEDULE_WARNING_CROWDED,     /* many jobs share this minute (minute 0, midnight) */
  SCHEDULE_WARNING_SHORT_MONTH, /* day 29, 30 or 31 does not exist in every month */
  SCHEDULE_WARNING_EXAMPLE,     /* H or ~ of no job: another one has other times */
  SCHEDULE_WARNING_COUNT
};
const char *schedule_warning_name(enum schedule_warning_code code); /* "dst_gap" */

#define SCHEDULE_EXPLAIN_RUNS_MAX 100
#define SCHEDULE_EXPLAIN_TEXT_MAX 1024
#define SCHEDULE_WARNINGS_MAX 12

struct schedule_explain_options {
  enum schedule_lang lang;
  int64_t from_ms;           /* next runs are after it, previous ones before it */
  int count;                 /* of next and of previous runs, 0–SCHEDULE_EXPLAIN_RUNS_MAX */
  int64_t usual_duration_ms; /* 0 = unknown */
  bool leaves_zone_out;      /* of the sentence: for lists, which show it elsewhere */
  bool is_of_no_job;         /* compiled without a seed: H and ~ are examples */
};
struct schedule_warning {
  enum schedule_warning_code code;
  int64_t at_ms; /* INSTANT_NONE when it is about no instant */
  char text[ERR_TEXT_MAX];
};
struct schedule_explanation {               /* plain data, owns nothing */
  char sentence[SCHEDULE_EXPLAIN_TEXT_MAX]; /* no full stop; first letter upper case */
  int64_t next_ms[SCHEDULE_EXPLAIN_RUNS_MAX];
  int next_count;
  int64_t prev_ms[SCHEDULE_EXPLAIN_RUNS_MAX]; /* newest first */
  int prev_count;
  double runs_per_day; /* mean of the year after from_ms */
  struct schedule_warning warnings[SCHEDULE_WARNINGS_MAX];
  int warning_count;
};
enum err schedule_explain(struct schedule *s, const struct schedule_explain_options *options,
                          struct schedule_explanation *ret);
