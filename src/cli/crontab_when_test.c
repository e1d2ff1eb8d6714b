#include "cli/crontab_when.h"

#include "base/instant.h"
#include "tests/support/check.h"
#include "time/schedule.h"

static struct tzdb *zones;

static int set_up(void **s) {
  (void)s;
  return tzdb_new(NULL, &zones) == ERR_OK ? 0 : -1;
}
static int tear_down(void **s) {
  (void)s;
  tzdb_free(zones);
  return 0;
}

static int64_t ms_of(const char *text) {
  int64_t ms = 0;
  assert_true(instant_from_text(str_of(text), &ms));
  return ms;
}

static void the_walk_gives_known_instants(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *when, *zone, *after, *next;
  } rows[] = {
      {__LINE__, "0 3 * * *", "UTC", "2026-11-21T03:00:00Z", "2026-11-22T03:00:00Z"},
      {__LINE__, "*/15 * * * *", "UTC", "2026-11-21T03:01:00Z", "2026-11-21T03:15:00Z"},
      {__LINE__, "0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
      /* either day, when both are restricted; both, when one begins with a star */
      {__LINE__, "0 0 13 * fri", "UTC", "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z"},
      {__LINE__, "0 0 13 * fri", "UTC", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"},
      {__LINE__, "0 0 */2 * mon", "UTC", "2026-11-21T00:00:00Z", "2026-11-23T00:00:00Z"},
      {__LINE__, "0 0 * * 7", "UTC", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"},
      {__LINE__, "@weekly", "UTC", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"},
      {__LINE__, "5/20 4 * * *", "UTC", "2026-11-21T04:05:00Z", "2026-11-21T04:25:00Z"},
      /* Madrid: 02:00–03:00 missing on 29 March 2026, 02:00–03:00 twice on 25 October */
      {__LINE__, "30 2 * * *", "Europe/Madrid", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
      {__LINE__, "30 2 * * *", "Europe/Madrid", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
      {__LINE__, "30 2 * * *", "Europe/Madrid", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
      {__LINE__, "*/30 2 * * *", "Europe/Madrid", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"},
      {__LINE__, "*/30 2 * * *", "Europe/Madrid", "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z"},
      /* Apia had no 30 December 2011 */
      {__LINE__, "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2012-12-29T22:00:00Z"},
      {__LINE__, "0 12 * * *", "Pacific/Apia", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct crontab_when when;
    const struct tz *zone;
    CHECK_OK(crontab_when_read(str_of(rows[i].when), &when, NULL));
    CHECK_OK(tz_find(zones, str_of(rows[i].zone), &zone, NULL));
    int64_t next = crontab_when_next(&when, zone, ms_of(rows[i].after));
    if (next != ms_of(rows[i].next))
      fail_msg("row at line %d: %s", rows[i].line, instant_to_text_seconds(next).text);
  }
}

static void what_never_comes_ends(void **s) {
  (void)s;
  static const char *const never[] = {"0 0 30 2 *", "* * 31 2 *", "@reboot", "~ 3 * * *"};
  const struct tz *zone;
  CHECK_OK(tz_find(zones, STR("Europe/Madrid"), &zone, NULL));
  for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
    struct crontab_when when;
    CHECK_OK(crontab_when_read(str_of(never[i]), &when, NULL));
    assert_int_equal(crontab_when_next(&when, zone, 0), INSTANT_NEVER);
  }
}

/* The witness and the engine were written apart; over a year with both changes of clock they must agree. */
static void the_engine_agrees_with_the_walk(void **s) {
  (void)s;
  static const char *const texts[] = {
      "* * * * *",        "*/7 * * * *",     "0 * * * *",      "30 2 * * *",  "0,30 1-3 * * *",
      "15 0 1 * *",       "0 0 13 * fri",    "0 0 */2 * mon",  "5 4 * * sun", "0 22 * * 1-5",
      "*/10 2 25-31 * *", "59 23 31 12 *",   "0 0 29 2 *",     "@daily",      "@hourly",
      "0 */12 * * *",     "23 0-20/2 * * *", "0 0,12 1 */2 *", "0 0 1-7 * 1", "5/20 1 * * 0,6"};
  static const char *const places[] = {
      "UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Africa/Casablanca"};
  int64_t from = ms_of("2026-01-01T00:00:00Z");
  for (size_t i = 0; i < sizeof texts / sizeof texts[0] * (sizeof places / sizeof places[0]); i++) {
    const char *text = texts[i % (sizeof texts / sizeof texts[0])],
               *place = places[i / (sizeof texts / sizeof texts[0])];
    struct schedule_options options = SCHEDULE_OPTIONS_DEFAULT;
    options.timezone = str_of(place);
    struct schedule *schedule;
    struct crontab_when when;
    const struct tz *zone;
    CHECK_OK(schedule_compile(zones, str_of(text), &options, &schedule, NULL));
    CHECK_OK(crontab_when_read(str_of(text), &when, NULL));
    CHECK_OK(tz_find(zones, options.timezone, &zone, NULL));
    int64_t a = from, b = from;
    for (int n = 0; n < 700 && a == b && a < from + 400LL * 86400000; n++) {
      a = schedule_next(schedule, a);
      b = crontab_when_next(&when, zone, b);
    }
    if (a != b)
      fail_msg("%s in %s: engine %s, walk %s", text, place, instant_to_text_seconds(a).text,
               instant_to_text_seconds(b).text);
    schedule_free(schedule);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_walk_gives_known_instants),
      cmocka_unit_test(what_never_comes_ends),
      cmocka_unit_test(the_engine_agrees_with_the_walk),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
