#include <stdio.h>

#include "tests/support/check.h"
#include "time/schedule.h"

static struct tzdb *db;

static int open_zones(void **state) {
  (void)state;
  return tzdb_new(NULL, &db) == ERR_OK ? 0 : -1;
}
static int close_zones(void **state) {
  (void)state;
  tzdb_free(db);
  return 0;
}

static int64_t at(const char *text) {
  int64_t ms;
  if (!instant_from_text(str_of(text), &ms)) fail_msg("%s is no instant", text);
  return ms;
}

static struct schedule_explanation explain(const char *text, const char *zone,
                                           struct schedule_explain_options o) {
  struct schedule_options so = SCHEDULE_OPTIONS_DEFAULT;
  so.timezone = str_of(zone);
  struct schedule *s;
  CHECK_OK(schedule_compile(db, str_of(text), &so, &s, NULL));
  if (o.from_ms == 0) o.from_ms = at("2026-11-21T18:00:00Z");
  static struct schedule_explanation x;
  CHECK_OK(schedule_explain(s, &o, &x));
  schedule_free(s);
  return x;
}

static const struct {
  int line;
  const char *text, *en, *es;
} sentences[] = {
    {__LINE__, "* * * * *", "Every minute", "Cada minuto"},
    {__LINE__, "*/5 * * * *", "Every 5 minutes", "Cada 5 minutos"},
    {__LINE__, "0 * * * *", "At minute 0 of every hour", "En el minuto 0 de cada hora"},
    {__LINE__, "0 3 * * *", "At 03:00, every day", "A las 03:00, todos los días"},
    {__LINE__, "0 2 * * 0", "At 02:00, every Sunday", "A las 02:00, cada domingo"},
    {__LINE__, "5,17,42 8-18 * * 1-5",
     "At the minutes 5, 17 and 42, in the hours 8–18, from Monday to Friday",
     "En los minutos 5, 17 y 42, en las horas 8–18, de lunes a viernes"},
    {__LINE__, "30 9 1,15 JAN,JUL *", "At 09:30, on the days 1 and 15 of the month, in January and July",
     "A las 09:30, los días 1 y 15 del mes, en enero y julio"},
    {__LINE__, "*/10 * * * * *", "Every 10 seconds", "Cada 10 segundos"},
    {__LINE__, "15 30 6 * * *", "At 06:30:15, every day", "A las 06:30:15, todos los días"},
    {__LINE__, "0 0 L * *", "At 00:00, on the last day of the month", "A las 00:00, el último día del mes"},
    {__LINE__, "0 0 L-2 * *", "At 00:00, 2 days before the last day of the month",
     "A las 00:00, 2 días antes del último día del mes"},
    {__LINE__, "0 9 15W * *", "At 09:00, on the working day nearest to day 15",
     "A las 09:00, el día laborable más cercano al día 15"},
    {__LINE__, "0 9 LW * *", "At 09:00, on the last working day of the month",
     "A las 09:00, el último día laborable del mes"},
    {__LINE__, "0 18 * * 5L", "At 18:00, on the last Friday of the month",
     "A las 18:00, el último viernes del mes"},
    {__LINE__, "0 10 * * 2#2,4#4",
     "At 10:00, on the second Tuesday of the month or on the fourth Thursday of the month",
     "A las 10:00, el segundo martes del mes o el cuarto jueves del mes"},
    {__LINE__, "0 0 13 * 5", "At 00:00, on day 13 of the month or every Friday",
     "A las 00:00, el día 13 del mes o cada viernes"},
    {__LINE__, "0 0 13 * +5", "At 00:00, on day 13 of the month, if that is Friday",
     "A las 00:00, el día 13 del mes, si es viernes"},
    {__LINE__, "0 0 0 1 1 * 2027-2029,2040",
     "At 00:00, on day 1 of the month, in January, in 2027–2029, 2040",
     "A las 00:00, el día 1 del mes, en enero, en 2027–2029, 2040"},
    {__LINE__, "@daily | 0 12 * * *", "At 00:00, every day; and at 12:00, every day",
     "A las 00:00, todos los días; y a las 12:00, todos los días"},
};

static void sentences_are_said_in_both_languages(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
    char want[SCHEDULE_EXPLAIN_TEXT_MAX];
    (void)snprintf(want, sizeof want, "%s (time zone UTC)", sentences[i].en);
    struct schedule_explanation x = explain(sentences[i].text, "UTC", (struct schedule_explain_options){});
    check_str_eq(str_of(x.sentence), str_of(want), sentences[i].line);
    (void)snprintf(want, sizeof want, "%s (zona horaria UTC)", sentences[i].es);
    x = explain(sentences[i].text, "UTC", (struct schedule_explain_options){.lang = SCHEDULE_LANG_ES});
    check_str_eq(str_of(x.sentence), str_of(want), sentences[i].line);
  }
}

static void other_kinds_are_said_too(void **state) {
  (void)state;
  struct schedule_explain_options o = {};
  CHECK_STR(str_of(explain("@every 90m", "UTC", o).sentence), STR("Every 1 h 30 min of elapsed time"));
  CHECK_STR(str_of(explain("@reboot", "UTC", o).sentence), STR("Once for each start of the machine"));
  CHECK_STR(str_of(explain("@at 2026-12-01T10:00", "Europe/Madrid", o).sentence),
            STR("Once, at 2026-12-01 10:00:00 CET"));
}

static void runs_are_listed_both_ways(void **state) {
  (void)state;
  struct schedule_explanation x = explain("0 3 * * *", "UTC", (struct schedule_explain_options){.count = 3});
  assert_int_equal(x.next_count, 3);
  assert_int_equal(x.next_ms[0], at("2026-11-22T03:00:00Z"));
  assert_int_equal(x.next_ms[2], at("2026-11-24T03:00:00Z"));
  assert_int_equal(x.prev_count, 3);
  assert_int_equal(x.prev_ms[0], at("2026-11-21T03:00:00Z"));
  x = explain("@at 2026-12-01T10:00", "UTC", (struct schedule_explain_options){.count = 3});
  assert_int_equal(x.next_count, 1);
  assert_int_equal(x.prev_count, 0);
}

static void runs_per_day_are_a_years_mean(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text;
    double want;
  } rows[] = {
      {__LINE__, "* * * * * *", 86400}, {__LINE__, "* * * * *", 1440},
      {__LINE__, "0 3 * * *", 1},       {__LINE__, "*/10 * * * 1-5", 144 * 261.0 / 365},
      {__LINE__, "@every 1s", 86400},   {__LINE__, "0 0 1 * *", 12.0 / 365},
      {__LINE__, "0 12 29 2 *", 0},     {__LINE__, "@daily | @every 6h", 4.0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double got = explain(rows[i].text, "UTC", (struct schedule_explain_options){}).runs_per_day;
    double difference = got - rows[i].want;
    CHECK_ROW(rows[i].line, difference < 0.5 && difference > -0.5);
  }
}

static bool has(const struct schedule_explanation *x, enum schedule_warning_code code,
                const char **ret_text) {
  for (int i = 0; i < x->warning_count; i++) {
    if (x->warnings[i].code != code) continue;
    *ret_text = x->warnings[i].text;
    return true;
  }
  return false;
}

static const struct {
  int line;
  const char *text, *zone;
  int64_t usual_ms;
  enum schedule_warning_code code;
  bool is_wanted;
  const char *part; /* of the warning's text */
} warnings[] = {
    {__LINE__, "* * 31 2 *", "UTC", 0, SCHEDULE_WARNING_NEVER, true, "never"},
    {__LINE__, "0 0 0 1 1 * 2020", "UTC", 0, SCHEDULE_WARNING_NEVER, true, "never"},
    {__LINE__, "0 0 29 2 *", "UTC", 0, SCHEDULE_WARNING_NEVER, false, ""},
    {__LINE__, "30 2 * * *", "Europe/Madrid", 0, SCHEDULE_WARNING_DST_GAP, true,
     "2027-03-28 the clock jumps from 02:00 to 03:00"},
    {__LINE__, "30 2 * * *", "Europe/Madrid", 0, SCHEDULE_WARNING_DST_OVERLAP, true,
     "2027-10-31 the clock goes back from 03:00 to 02:00"},
    {__LINE__, "*/30 2 * * *", "Europe/Madrid", 0, SCHEDULE_WARNING_DST_GAP, true, "does not fire"},
    {__LINE__, "*/30 2 * * *", "Europe/Madrid", 0, SCHEDULE_WARNING_DST_OVERLAP, true, "both passes"},
    {__LINE__, "*/30 * * * *", "Europe/Madrid", 0, SCHEDULE_WARNING_DST_GAP, false, ""},
    {__LINE__, "0 3 * * *", "Europe/Madrid", 0, SCHEDULE_WARNING_DST_GAP, false, ""},
    {__LINE__, "30 2 * * *", "Asia/Tokyo", 0, SCHEDULE_WARNING_DST_GAP, false, ""},
    {__LINE__, "0 0 13 * 5", "UTC", 0, SCHEDULE_WARNING_DAYS_OR, true, "OR"},
    {__LINE__, "0 0 13 * +5", "UTC", 0, SCHEDULE_WARNING_DAYS_OR, false, ""},
    {__LINE__, "0 0 13 * *", "UTC", 0, SCHEDULE_WARNING_DAYS_OR, false, ""},
    {__LINE__, "*/7 * * * *", "UTC", 0, SCHEDULE_WARNING_UNEVEN_STEP, true, "7 minutes"},
    {__LINE__, "0 */5 * * *", "UTC", 0, SCHEDULE_WARNING_UNEVEN_STEP, true, "5 hours"},
    {__LINE__, "*/15 * * * *", "UTC", 0, SCHEDULE_WARNING_UNEVEN_STEP, false, ""},
    {__LINE__, "0,15,30,45 * * * *", "UTC", 0, SCHEDULE_WARNING_UNEVEN_STEP, false, ""},
    {__LINE__, "*/5 * * * *", "UTC", 400000, SCHEDULE_WARNING_SHORT, true, "300 s apart"},
    {__LINE__, "*/5 * * * *", "UTC", 300000, SCHEDULE_WARNING_SHORT, false, ""},
    {__LINE__, "@every 10s", "UTC", 11000, SCHEDULE_WARNING_SHORT, true, "10 s apart"},
    {__LINE__, "0 0 * * *", "UTC", 0, SCHEDULE_WARNING_CROWDED, true, "H"},
    {__LINE__, "H 0 * * *", "UTC", 0, SCHEDULE_WARNING_CROWDED, false, ""},
    {__LINE__, "17 0 * * *", "UTC", 0, SCHEDULE_WARNING_CROWDED, false, ""},
    {__LINE__, "0 0 * * THU", "UTC", 0, SCHEDULE_WARNING_CROWDED, true, "H"},
    {__LINE__, "H 0 * * *", "UTC", 0, SCHEDULE_WARNING_EXAMPLE, true, "own"},
    {__LINE__, "7 0 * * MON | 5 1~4 * * *", "UTC", 0, SCHEDULE_WARNING_EXAMPLE, true, "own"},
    {__LINE__, "7 0 * MAR THU | @every 1h30m", "UTC", 0, SCHEDULE_WARNING_EXAMPLE, false, ""},
    {__LINE__, "5 0 31 * *", "UTC", 0, SCHEDULE_WARNING_SHORT_MONTH, true, "31"},
    {__LINE__, "5 0 28 * *", "UTC", 0, SCHEDULE_WARNING_SHORT_MONTH, false, ""},
    {__LINE__, "5 0 L * *", "UTC", 0, SCHEDULE_WARNING_SHORT_MONTH, false, ""},
};

static void warnings_name_the_traps(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof warnings / sizeof warnings[0]; i++) {
    struct schedule_explain_options o = {.usual_duration_ms = warnings[i].usual_ms, .is_of_no_job = true};
    struct schedule_explanation x = explain(warnings[i].text, warnings[i].zone, o);
    const char *text = "";
    bool is_there = has(&x, warnings[i].code, &text);
    CHECK_ROW(warnings[i].line, is_there == warnings[i].is_wanted);
    if (is_there && !strstr(text, warnings[i].part))
      fail_msg("row at line %d: \"%s\"", warnings[i].line, text);
  }
}

/* Catalogue: no warning may be missing or cut in either language. */
static void warnings_are_whole_in_both_languages(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof warnings / sizeof warnings[0]; i++)
    for (enum schedule_lang lang = SCHEDULE_LANG_EN; lang <= SCHEDULE_LANG_ES; lang++) {
      struct schedule_explain_options o = {
          .lang = lang, .usual_duration_ms = warnings[i].usual_ms, .is_of_no_job = true};
      struct schedule_explanation x = explain(warnings[i].text, warnings[i].zone, o);
      for (int w = 0; w < x.warning_count; w++) {
        assert_true(str_ends(str_of(x.warnings[w].text), STR(".")));
        assert_true(schedule_warning_name(x.warnings[w].code)[0]);
      }
    }
}

static void limits_are_refused(void **state) {
  (void)state;
  struct schedule_options so = SCHEDULE_OPTIONS_DEFAULT;
  struct schedule *s;
  CHECK_OK(schedule_compile(db, STR("* * * * *"), &so, &s, NULL));
  static struct schedule_explanation x;
  struct schedule_explain_options o = {.count = SCHEDULE_EXPLAIN_RUNS_MAX + 1};
  assert_int_equal(schedule_explain(s, &o, &x), ERR_LIMIT);
  o = (struct schedule_explain_options){.from_ms = -1};
  assert_int_equal(schedule_explain(s, &o, &x), ERR_INVALID);
  o = (struct schedule_explain_options){.from_ms = INSTANT_NEVER};
  assert_int_equal(schedule_explain(s, &o, &x), ERR_INVALID);
  schedule_free(s);
  enum schedule_lang lang;
  assert_true(schedule_lang_from_name(STR("es"), &lang) && lang == SCHEDULE_LANG_ES);
  assert_false(schedule_lang_from_name(STR("fr"), &lang));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sentences_are_said_in_both_languages),
      cmocka_unit_test(other_kinds_are_said_too),
      cmocka_unit_test(runs_are_listed_both_ways),
      cmocka_unit_test(runs_per_day_are_a_years_mean),
      cmocka_unit_test(warnings_name_the_traps),
      cmocka_unit_test(warnings_are_whole_in_both_languages),
      cmocka_unit_test(limits_are_refused),
  };
  return cmocka_run_group_tests(tests, open_zones, close_zones);
}
