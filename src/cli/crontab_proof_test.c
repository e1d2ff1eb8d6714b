#include "cli/crontab_proof.h"

#include "base/instant.h"
#include "tests/support/check.h"

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

#define FROM 1795284000000 /* 2026-11-21T18:00:00Z */

static struct crontab_proof prove(const char *schedule, const char *zone) {
  struct crontab_job job = {.schedule = schedule, .timezone = zone};
  struct crontab_proof p;
  CHECK_OK(crontab_prove(&job, zones, STR("UTC"), FROM, &p, NULL));
  return p;
}

static void common_lines_agree_for_500_firings(void **s) {
  (void)s;
  static const char *const lines[] = {"*/5 * * * *", "17 * * * *", "25 6 * * *",    "47 6 * * 7",
                                      "52 6 1 * *",  "@daily",     "09,39 * * * *", "0 0 13 * 5"};
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    struct crontab_proof p = prove(lines[i], "Europe/Madrid");
    if (!p.agrees || p.compared != CRONTAB_PROOF_FIRINGS)
      fail_msg("%s: %d, then %s and %s", lines[i], p.compared, instant_to_text(p.engine_ms).text,
               instant_to_text(p.witness_ms).text);
    assert_null(p.unproven);
  }
}

static void a_line_that_ends_agrees_with_fewer(void **s) {
  (void)s;
  struct crontab_proof p = prove("0 0 29 2 *", NULL);
  assert_true(p.agrees);
  assert_in_range(p.compared, 40, 43); /* leap days 2028 to 2196 */
  p = prove("0 0 30 2 *", NULL);
  assert_true(p.agrees);
  assert_int_equal(p.compared, 0);
}

static void reboot_and_random_minutes_are_said_to_be_unproven(void **s) {
  (void)s;
  assert_non_null(prove("@reboot", NULL).unproven);
  assert_non_null(prove("0~59 3 * * *", NULL).unproven);
}

static void the_zone_of_the_job_rules(void **s) {
  (void)s;
  struct crontab_job job = {.schedule = "0 12 * * *", .timezone = NULL};
  struct crontab_proof utc, tokyo;
  CHECK_OK(crontab_prove(&job, zones, STR("UTC"), FROM, &utc, NULL));
  job.timezone = "Asia/Tokyo";
  CHECK_OK(crontab_prove(&job, zones, STR("UTC"), FROM, &tokyo, NULL));
  assert_int_equal(utc.engine_ms - tokyo.engine_ms, 9 * 3600000);
}

static void an_unknown_zone_is_an_error(void **s) {
  (void)s;
  struct crontab_job job = {.schedule = "0 0 * * *", .timezone = "Mars/Olympus"};
  struct crontab_proof p;
  struct err_detail d = {};
  assert_int_equal(crontab_prove(&job, zones, STR("UTC"), FROM, &p, &d), ERR_INVALID);
  assert_string_equal(d.field, "timezone");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(common_lines_agree_for_500_firings),
      cmocka_unit_test(a_line_that_ends_agrees_with_fewer),
      cmocka_unit_test(reboot_and_random_minutes_are_said_to_be_unproven),
      cmocka_unit_test(the_zone_of_the_job_rules),
      cmocka_unit_test(an_unknown_zone_is_an_error),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
