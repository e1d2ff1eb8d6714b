#include "cli/systemd_calendar.h"

#include "tests/support/check.h"

/* U-27; the forms of systemd.time(7). */
static void calendars_become_schedules(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text, *want, *zone; /* want NULL: refused */
  } rows[] = {
      {__LINE__, "daily", "0 0 * * *", NULL},
      {__LINE__, "weekly", "0 0 * * Mon", NULL},
      {__LINE__, "*-*-* 02:30:00", "30 02 * * *", NULL},
      {__LINE__, "Mon..Fri *-*-* 02:00", "00 02 * * Mon-Fri", NULL},
      {__LINE__, "Monday,Saturday 10:00", "00 10 * * Mon,Sat", NULL},
      {__LINE__, "*:0/15", "0/15 * * * *", NULL},
      {__LINE__, "*-*-1 04:05:06", "06 05 04 1 * *", NULL},
      {__LINE__, "Fri *-*-13 00:00", "00 00 13 * +Fri", NULL},
      {__LINE__, "2027-01-01 00:00:00", "00 00 00 01 01 * 2027", NULL},
      {__LINE__, "*-01,07-01 03:00 Europe/Madrid", "00 03 01 01,07 *", "Europe/Madrid"},
      {__LINE__, "*-*-* 06..18:00 UTC", "00 06-18 * * *", "UTC"},
      {__LINE__, "Sat", "0 0 * * Sat", NULL},
      {__LINE__, "*-*~03 00:00", NULL, NULL},
      {__LINE__, "*:*:0.5", NULL, NULL},
      {__LINE__, "12", NULL, NULL},
      {__LINE__, "Mon Tue 10:00", NULL, NULL},
      {__LINE__, "", NULL, NULL},
      {__LINE__, "1-2-3-4", NULL, NULL},
      {__LINE__, "10:", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    BUF_AUTO struct buf out = buf_new(200);
    struct str zone;
    struct err_detail d = {};
    enum err e = systemd_calendar(str_of(rows[i].text), &out, &zone, &d);
    CHECK_ROW(rows[i].line, e == (rows[i].want ? ERR_OK : ERR_INVALID));
    if (!rows[i].want) continue;
    check_str_eq(buf_str(&out), str_of(rows[i].want), rows[i].line);
    CHECK_ROW(rows[i].line, str_eq(zone, str_of(rows[i].zone)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(calendars_become_schedules)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
