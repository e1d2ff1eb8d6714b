/* The ladder's boundaries: A-26, B-22 … B-28, B-53, B-61, B-62, B-67, B-70, B-82, U-21, U-34, X-1, X-2, X-4, X-8, X-26. */
#include "base/instant.h"
#include "tests/support/check.h"
#include "worlds/policy.h"

#define H INT64_C(3600000)
#define D (24 * H)
#define NOW (INT64_C(1800000000000))
#define NONE INSTANT_NONE

static struct world_settings defaults(void) {
  struct world_settings s;
  world_settings_init(&s);
  return s;
}

static struct world_row running(int64_t idle_ms) {
  return (struct world_row){.id = "w",
                            .status = WORLD_RUNNING,
                            .last_active_ms = NOW - idle_ms,
                            .paused_ms = FIELD_NULL,
                            .pause_reason = FIELD_NULL,
                            .scheduled_deletion_ms = FIELD_NULL,
                            .vacation_until_ms = FIELD_NULL,
                            .ladder_from_ms = FIELD_NULL,
                            .warned_ms = FIELD_NULL};
}

static struct world_row paused(int64_t idle_ms, int64_t reason) {
  struct world_row row = running(idle_ms);
  row.is_paused = true;
  row.pause_reason = reason;
  row.status = world_rung(reason) > 1 ? WORLD_ARCHIVED : WORLD_PAUSED;
  row.paused_ms = NOW - idle_ms + D;
  return row;
}

static struct world_facts plain(const struct world_row *row) {
  return (struct world_facts){row, NONE, NONE, NONE};
}

static void steps_are_taken_at_their_very_instant(void **state) {
  (void)state;
  static const struct {
    int line;
    int64_t idle_ms, reason;
  } rows[] = {
      {__LINE__, 0, FIELD_NULL},
      {__LINE__, -5 * H, FIELD_NULL}, /* a clock set back */
      {__LINE__, 24 * H - 1, FIELD_NULL},
      {__LINE__, 24 * H, PAUSE_INACTIVITY_24H},
      {__LINE__, 25 * H, PAUSE_INACTIVITY_24H},
      {__LINE__, 7 * D - 1, PAUSE_INACTIVITY_24H},
      {__LINE__, 7 * D, PAUSE_INACTIVITY_7D},
      {__LINE__, 30 * D - 1, PAUSE_INACTIVITY_7D},
      {__LINE__, 30 * D, PAUSE_INACTIVITY_30D},
      {__LINE__, 400 * D, PAUSE_INACTIVITY_30D},
  };
  struct world_settings s = defaults();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct world_row row = running(rows[i].idle_ms);
    struct world_facts f = plain(&row);
    struct world_verdict v = world_judge(&s, &f, NOW);
    bool is_due = rows[i].reason != FIELD_NULL;
    CHECK_ROW(rows[i].line, v.reason == rows[i].reason);
    CHECK_ROW(rows[i].line,
              v.should_pause == is_due && v.enters == is_due && !v.is_protected && !v.takes_back);
    CHECK_ROW(rows[i].line, v.why == (is_due ? WORLD_WHY_IDLE : WORLD_WHY_ACTIVE));
  }
}

static void paused_worlds_go_on_up_the_ladder(void **state) { /* X-4, B-23 */
  (void)state;
  static const struct {
    int line;
    int64_t stands, idle_ms;
    bool enters;
    int64_t reason;
  } rows[] = {
      {__LINE__, PAUSE_INACTIVITY_24H, 7 * D - 1, false, PAUSE_INACTIVITY_24H},
      {__LINE__, PAUSE_INACTIVITY_24H, 7 * D, true, PAUSE_INACTIVITY_7D},
      {__LINE__, PAUSE_SYSTEM, 7 * D, true, PAUSE_INACTIVITY_7D},
      {__LINE__, PAUSE_INACTIVITY_24H, 30 * D, true, PAUSE_INACTIVITY_30D},
      {__LINE__, PAUSE_INACTIVITY_7D, 29 * D, false, PAUSE_INACTIVITY_7D},
      {__LINE__, PAUSE_INACTIVITY_7D, 30 * D, true, PAUSE_INACTIVITY_30D},
      {__LINE__, PAUSE_INACTIVITY_30D, 33 * D, true, PAUSE_INACTIVITY_30D}, /* its mark was taken back */
      {__LINE__, PAUSE_MANUAL, 60 * D, false, PAUSE_INACTIVITY_30D},
      {__LINE__, PAUSE_VACATION, 60 * D, false, PAUSE_INACTIVITY_30D},
  };
  struct world_settings s = defaults();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct world_row row = paused(rows[i].idle_ms, rows[i].stands);
    struct world_facts f = plain(&row);
    struct world_verdict v = world_judge(&s, &f, NOW);
    CHECK_ROW(rows[i].line, v.enters == rows[i].enters && v.reason == rows[i].reason && !v.should_pause);
  }
}

static void exceptions_block_every_step_and_take_marks_back(void **state) { /* B-26 … B-28, B-82 */
  (void)state;
  struct world_settings s = defaults();
  static const int64_t stands[] = {FIELD_NULL, PAUSE_INACTIVITY_24H, PAUSE_INACTIVITY_7D,
                                   PAUSE_INACTIVITY_30D};
  static const enum world_why whys[] = {WORLD_WHY_FAVORITE, WORLD_WHY_FUTURE_EVENT, WORLD_WHY_MEMBER_ACTIVE,
                                        WORLD_WHY_ON_VACATION};
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 4; j++) {
      struct world_row row = stands[i] == FIELD_NULL ? running(40 * D) : paused(40 * D, stands[i]);
      if (i == 3) row.scheduled_deletion_ms = NOW - 3 * D;
      struct world_facts f = plain(&row);
      if (whys[j] == WORLD_WHY_FAVORITE) row.is_favorite = true;
      if (whys[j] == WORLD_WHY_FUTURE_EVENT) f.next_event_ms = NOW + 1;
      if (whys[j] == WORLD_WHY_ON_VACATION) row.vacation_until_ms = NOW + 1;
      if (whys[j] == WORLD_WHY_MEMBER_ACTIVE) {
        row.is_collaborative = true;
        f.member_active_ms = NOW - H;
      }
      struct world_verdict v = world_judge(&s, &f, NOW);
      assert_true(v.is_protected && !v.enters && !v.should_pause);
      assert_int_equal(v.why, whys[j]);
      assert_int_equal(v.takes_back, i == 3);
    }
}

static void exceptions_end(void **state) {
  (void)state;
  struct world_settings s = defaults();
  struct world_row row = running(25 * H);
  struct world_facts f = {&row, NONE, NOW, NOW - H}; /* the event is now; not collaborative */
  assert_true(world_judge(&s, &f, NOW).should_pause);
  row.is_collaborative = true;
  f.member_active_ms = NOW - 24 * H; /* the last of all users left a day ago (B-70) */
  struct world_verdict v = world_judge(&s, &f, NOW);
  assert_true(v.should_pause && v.idle_ms == 24 * H);
  row.vacation_until_ms = NOW;
  assert_true(world_judge(&s, &f, NOW).should_pause);
}

static void idleness_counts_from_the_latest_of_its_sources(void **state) { /* X-6, U-35 */
  (void)state;
  struct world_settings s = defaults();
  struct world_row row = running(40 * D);
  struct world_facts f = plain(&row);
  f.live_active_ms = NOW - 2 * H;
  assert_int_equal(world_judge(&s, &f, NOW).why, WORLD_WHY_ACTIVE);
  f.live_active_ms = NONE;
  row.ladder_from_ms = NOW + 7 * D;
  struct world_verdict v = world_judge(&s, &f, NOW);
  assert_true(!v.should_pause && v.idle_ms == 0);
  assert_int_equal(v.next_step_ms, NOW + 8 * D);
}

static void a_mark_goes_when_the_world_is_not_idle_enough_any_more(void **state) {
  (void)state;
  struct world_settings s = defaults();
  struct world_row row = paused(31 * D, PAUSE_INACTIVITY_30D);
  row.scheduled_deletion_ms = NOW + 6 * D;
  row.warned = 2;
  struct world_facts f = plain(&row);
  assert_false(world_judge(&s, &f, NOW).takes_back);
  s.mark_after_days = 60; /* policies are read when they are applied, not when a mark was made */
  s.delete_after_days = 67;
  assert_true(world_judge(&s, &f, NOW).takes_back);
  world_apply_take_back(&row);
  assert_true(row.scheduled_deletion_ms == FIELD_NULL && row.warned == 0 &&
              row.pause_reason == PAUSE_INACTIVITY_7D);
}

static void steps_set_all_columns_together(void **state) { /* */
  (void)state;
  struct world_settings s = defaults();
  struct world_row row = running(0);
  int64_t start = row.last_active_ms;
  static const struct {
    int day;
    int64_t status, reason;
  } rows[] = {{1, WORLD_PAUSED, PAUSE_INACTIVITY_24H},
              {7, WORLD_ARCHIVED, PAUSE_INACTIVITY_7D},
              {30, WORLD_ARCHIVED, PAUSE_INACTIVITY_30D}};
  for (size_t i = 0; i < 3; i++) {
    struct world_facts f = plain(&row);
    int64_t now = start + rows[i].day * D;
    struct world_verdict v = world_judge(&s, &f, now);
    world_apply_step(&s, &row, &v, now);
    assert_true(row.is_paused && row.status == rows[i].status && row.pause_reason == rows[i].reason);
    assert_int_equal(row.paused_ms, start + D); /* pausedAt is the first pause of the spell */
    assert_false(world_judge(&s, &f, now).enters);
  }
  assert_int_equal(row.scheduled_deletion_ms, start + 37 * D);
  world_apply_resume(&row, start + 31 * D);
  assert_true(!row.is_paused && row.status == WORLD_RUNNING && row.scheduled_deletion_ms == FIELD_NULL);
  assert_true(row.pause_reason == FIELD_NULL && row.paused_ms == FIELD_NULL && row.warned == 0);
}

static void the_deletion_is_put_off_only_by_a_late_mark(void **state) { /* B-24 */
  (void)state;
  struct world_settings s = defaults();
  int64_t start = NOW;
  assert_int_equal(world_deletion_ms(&s, start, start + 30 * D + 6 * H - 60000), start + 37 * D);
  assert_int_equal(world_deletion_ms(&s, start, start + 30 * D + 6 * H), start + 37 * D);
  assert_int_equal(world_deletion_ms(&s, start, start + 30 * D + 6 * H + 1000),
                   start + 37 * D + 6 * H + 1000);
  assert_int_equal(world_deletion_ms(&s, start, start + 60 * D), start + 67 * D);
}

static void nothing_is_purged_that_was_not_warned(void **state) { /* U-21; GitLab's trap */
  (void)state;
  struct world_settings s = defaults();
  struct world_row row = paused(40 * D, PAUSE_INACTIVITY_30D);
  int64_t start = row.last_active_ms, why;
  assert_int_equal(world_purge_ms(&s, &row, start, &why), INSTANT_NEVER);
  assert_int_equal(why, WORLD_WHY_IDLE);
  row.scheduled_deletion_ms = start + 37 * D;
  row.warned = 2;
  row.warned_ms = start + 30 * D;
  assert_int_equal(world_purge_ms(&s, &row, start, &why), INSTANT_NEVER);
  assert_int_equal(why, WORLD_WHY_NOT_WARNED);
  row.warned = 3;
  row.warned_ms = start + 36 * D + 6 * H;
  assert_int_equal(world_purge_ms(&s, &row, start, &why), start + 37 * D); /* B-25, X-26 */
  row.warned_ms = start + 39 * D;
  assert_int_equal(world_purge_ms(&s, &row, start, &why), start + 39 * D + 18 * H);
  row.warned_ms = start + 36 * D;
  s.delete_after_days = 60;
  assert_true(world_purge_ms(&s, &row, start, &why) >= start + 60 * D);
  s = defaults();
  s.mail_deletion_day = s.mail_mark_day = 0;
  row.warned = 0;
  assert_int_equal(world_purge_ms(&s, &row, start, &why), start + 37 * D); /* an admin wants no warnings */
}

/* Six-hourly runs over 40 days: on which day each mail comes. */
static void mails_of(const struct world_settings *s, int64_t days[4]) {
  struct world_row row = running(0);
  int64_t start = row.last_active_ms;
  for (int64_t now = start; now < start + 40 * D; now += 6 * H) {
    struct world_facts f = plain(&row);
    struct world_verdict v = world_judge(s, &f, now);
    if (v.enters) world_apply_step(s, &row, &v, now);
    int mail = world_mail_due(s, &row, start, now);
    if (!mail) continue;
    assert_int_equal(days[mail], -1); /* each once */
    days[mail] = (now - start) / D;
    row.warned = mail;
    row.warned_ms = now;
    if (world_purge_ms(s, &row, start, NULL) <= now) break;
  }
}

static void mails_come_on_their_days_each_once(void **state) { /* X-8, B-67 */
  (void)state;
  static const int64_t rows[][3] = {{6, 30, 36}, {5, 29, 35}, {0, 30, 36}, {6, 0, 36}, {1, 31, 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct world_settings s = defaults();
    s.mail_archive_day = rows[i][0];
    s.mail_mark_day = rows[i][1];
    s.mail_deletion_day = rows[i][2];
    int64_t days[4] = {-1, -1, -1, -1};
    mails_of(&s, days);
    for (int m = 0; m < 3; m++) assert_int_equal(days[m + 1], rows[i][m] ? rows[i][m] : -1);
  }
}

static void the_price_table_gives_eight_cents(void **state) { /* B-53, X-11 */
  (void)state;
  struct world_settings s = defaults();
  assert_int_equal(world_daily_micro_usd(&s), 80000);
  s.event_cost = s.director_cost = 6;
  assert_int_equal(15 * world_daily_micro_usd(&s), 2700000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_are_taken_at_their_very_instant),
      cmocka_unit_test(paused_worlds_go_on_up_the_ladder),
      cmocka_unit_test(exceptions_block_every_step_and_take_marks_back),
      cmocka_unit_test(exceptions_end),
      cmocka_unit_test(idleness_counts_from_the_latest_of_its_sources),
      cmocka_unit_test(a_mark_goes_when_the_world_is_not_idle_enough_any_more),
      cmocka_unit_test(steps_set_all_columns_together),
      cmocka_unit_test(the_deletion_is_put_off_only_by_a_late_mark),
      cmocka_unit_test(nothing_is_purged_that_was_not_warned),
      cmocka_unit_test(mails_come_on_their_days_each_once),
      cmocka_unit_test(the_price_table_gives_eight_cents),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
