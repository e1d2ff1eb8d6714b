/* The words of explain.c in every language, and the sentence made of them. One table a language column: a text
 * is added by adding a line to both. */
#pragma once
#include "base/buf.h"
#include "time/schedule.h"
#include "time/schedule_data.h"

enum explain_text {
  TEXT_AND,
  TEXT_OR,
  TEXT_EVERY_SECOND,
  TEXT_EVERY_N_SECONDS,
  TEXT_AT_SECOND,
  TEXT_AT_SECONDS,
  TEXT_EVERY_MINUTE,
  TEXT_EVERY_N_MINUTES,
  TEXT_AT_MINUTE,
  TEXT_AT_MINUTES,
  TEXT_EVERY_HOUR,
  TEXT_HOUR,
  TEXT_HOURS,
  TEXT_AT_TIME,
  TEXT_EVERY_DAY,
  TEXT_DAY,
  TEXT_DAYS,
  TEXT_LAST_DAY,
  TEXT_BEFORE_LAST_DAY,
  TEXT_NEAR_DAY,
  TEXT_NEAR_LAST_DAY,
  TEXT_NEAR_BEFORE_LAST_DAY,
  TEXT_WEEKDAYS,
  TEXT_WEEKDAYS_ALSO,
  TEXT_WEEKDAY_RANGE,
  TEXT_NTH_WEEKDAY,
  TEXT_ONLY_IF,
  TEXT_MONTHS,
  TEXT_YEARS,
  TEXT_EVERY_PERIOD,
  TEXT_AT,
  TEXT_REBOOT,
  TEXT_ZONE,
  TEXT_ALSO,
  TEXT_WARN_NEVER,
  TEXT_WARN_GAP_ONCE,
  TEXT_WARN_GAP_SKIP,
  TEXT_WARN_OVERLAP_ONCE,
  TEXT_WARN_OVERLAP_BOTH,
  TEXT_WARN_DAYS_OR,
  TEXT_WARN_UNEVEN,
  TEXT_WARN_SHORT,
  TEXT_WARN_CROWDED,
  TEXT_WARN_SHORT_MONTH,
  TEXT_WARN_EXAMPLE,
  TEXT_SECONDS,
  TEXT_MINUTES,
  TEXT_HOURS_UNIT,
  TEXT_COUNT
};

#define EXPLAIN_ARGS_MAX 3

/* Appends a text with each "{}" replaced by the next argument. */
void explain_say(struct buf *out, enum schedule_lang lang, enum explain_text text,
                 const char *const args[EXPLAIN_ARGS_MAX]);
#define SAY(out, lang, text, ...) \
  explain_say((out), (lang), (text), (const char *const[EXPLAIN_ARGS_MAX]){__VA_ARGS__})

/* The schedule in words, without full stop. */
void explain_sentence(struct buf *out, const struct schedule *s, const struct schedule_explain_options *how);

/* If the set bits of n are every k-th from some a < k on (k > 1, at least two of them): k; else 0. */
int explain_step_of(uint64_t bits, int n);
