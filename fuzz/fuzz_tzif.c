/* Zone files: what is accepted has spans that join, offsets within bounds, and local readings that come back. */
#include "fuzz/fuzz.h"
#include "time/schedule.h"

static void check_spans(const struct tz *z) {
  int64_t t = TZ_SPAN_FIRST;
  struct tz_span span, before;
  tz_span_at(z, t, &before);
  ASSERT(before.from_s == TZ_SPAN_FIRST && before.high_s == INT64_MIN);
  for (int i = 0; i < 2000 && tz_next_transition(z, t, &t); i++, before = span) {
    tz_span_at(z, t, &span);
    ASSERT(span.from_s == t && span.until_s > t && before.until_s == t);
    ASSERT(span.offset_s > -TZ_OFFSET_MAX_S && span.offset_s < TZ_OFFSET_MAX_S);
    ASSERT(span.high_s >= t + before.offset_s && span.high_s >= before.high_s);
    bool is_gap;
    int64_t reading = t + span.offset_s;
    int64_t first = tz_from_local(z, reading, &is_gap);
    ASSERT(first <= t);
  }
}

static void check_schedule(struct tzdb *db) {
  struct schedule_options o = SCHEDULE_OPTIONS_DEFAULT;
  o.timezone = STR("Fuzz");
  struct schedule *s;
  if (schedule_compile(db, STR("30 2 * * *"), &o, &s, NULL) != ERR_OK) return;
  for (int64_t t = 0, i = 0, next; i < 200 && (next = schedule_next(s, t)) != INSTANT_NEVER; i++, t = next) {
    ASSERT(next > t);
    int64_t prev = schedule_prev(s, next + 1);
    ASSERT(prev == next);
  }
  schedule_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct tzdb *db;
  if (tzdb_new("/nonexistent", &db) != ERR_OK) return 0;
  const struct tz *z;
  struct err_detail detail = {};
  enum err e = tzdb_add(db, STR("Fuzz"), (struct str){(const char *)data, size}, &z, &detail);
  if (e == ERR_OK) {
    check_spans(z);
    check_schedule(db);
  } else {
    ASSERT(e == ERR_LIMIT || detail.message[0]);
  }
  tzdb_free(db);
  return 0;
}
