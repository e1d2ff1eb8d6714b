/* Instants. A wall-clock instant is int64_t milliseconds since 1970-01-01T00:00:00Z and its name
 * ends in _ms; a monotonic tick is a struct of its own, so that the two cannot be mixed. */
#pragma once
#include <stdint.h>

#include "base/str.h"

#define INSTANT_NONE INT64_MIN /* "null" of an instant */
#define INSTANT_NEVER INT64_MAX

struct tick { /* CLOCK_MONOTONIC, nanoseconds */
  uint64_t ns;
};

struct instant_text {
  char text[40];
};

/* "2026-11-21T18:00:00.000Z"; years outside 0–9999 with a sign and as many digits as needed. */
struct instant_text instant_to_text(int64_t epoch_ms);
/* "2026-11-21T18:00:00Z" */
struct instant_text instant_to_text_seconds(int64_t epoch_ms);
/* RFC 3339: date, 'T' or a space, time with up to 9 decimals (cut to ms), 'Z' or an offset.
 * Years 0000–9999. False when it is anything else. */
bool instant_from_text(struct str text, int64_t *ret_epoch_ms);

/* Proleptic Gregorian days since 1970-01-01; month 1–12. */
int64_t civil_to_days(int64_t year, int month, int day);
void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);

/* "90", "1h30m", "2d12h", "1w", "500ms", ISO 8601 "PT1H30M" → milliseconds, 0 to 100 years;
 * a bare number counts seconds. False when it is anything else. */
bool duration_from_text(struct str text, int64_t *ret_ms);
