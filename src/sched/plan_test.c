#include "sched/plan.h"

#include <string.h>

#include "base/map.h"
#include "tests/support/check.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define NOON 1763726400000LL /* 2025-11-21T12:00:00Z */

static struct tzdb *zones;

static struct schedule *compile(const char *text) {
  struct schedule_options options = SCHEDULE_OPTIONS_DEFAULT;
  struct schedule *s = NULL;
  struct err_detail detail = {};
  if (schedule_compile(zones, str_of(text), &options, &s, &detail)) fail_msg("%s: %s", text, detail.message);
  return s;
}

static struct policy usual(void) {
  return (struct policy){
      .misfire = MISFIRE_LAST, .start_window_ms = MINUTE, .catch_up_window_ms = HOUR, .catch_up_max = 100};
}

static struct plan_input at(int64_t now_ms, int64_t through_ms) {
  return (struct plan_input){.now_ms = now_ms,
                             .through_ms = through_ms,
                             .until_ms = now_ms + 2 * SECOND,
                             .late_reason = REASON_SERVER_DOWN,
                             .may_catch_up = true};
}

static struct plan plan_of(const char *text, struct policy policy, struct plan_input in) {
  struct schedule *s = compile(text);
  static struct plan plan;
  plan_due(s, &policy, &in, &plan);
  schedule_free(s);
  return plan;
}

static void claims_what_falls_due_within_the_horizon(void **state) {
  (void)state;
  struct plan p = plan_of("*/5 * * * *", usual(), at(NOON - SECOND, NOON - 5 * MINUTE));
  assert_int_equal(p.slot_count, 1);
  assert_int_equal(p.slots[0].due_ms, NOON);
  assert_false(p.slots[0].is_catch_up);
  assert_int_equal(p.gap_count, 0);
  assert_int_equal(p.next_due_ms, NOON + 5 * MINUTE);
  assert_int_equal(p.through_ms, NOON + SECOND);
  assert_false(p.has_more);
}

static void never_plans_an_instant_twice(void **state) {
  (void)state;
  struct plan p = plan_of("*/5 * * * *", usual(), at(NOON - SECOND, NOON));
  assert_int_equal(p.slot_count, 0);
  assert_int_equal(p.through_ms, NOON + SECOND);
  struct plan_input back = at(NOON - HOUR, NOON); /* the clock stepped back: the cursor stays */
  p = plan_of("*/5 * * * *", usual(), back);
  assert_int_equal(p.slot_count + p.gap_count, 0);
  assert_int_equal(p.through_ms, NOON);
}

struct misfire_row {
  int line;
  const char *schedule;
  enum misfire_policy policy;
  int64_t max, down_ms, now_ms; /* the cursor stands at now − down */
  size_t slots, catch_ups;
  int64_t first_slot_ms; /* INSTANT_NONE = none */
  int64_t missed, superseded;
};

static void misfires_follow_the_policy(void **state) {
  (void)state;
  static const struct misfire_row rows[] = {
      {__LINE__, "*/5 * * * *", MISFIRE_NONE, 100, 2 * HOUR, NOON + 2 * MINUTE, 0, 0, INSTANT_NONE, 24, 0},
      /* 10:02:00 to 12:02:00: the newest late one is 12:00; 11:02 to 11:55 are superseded */
      {__LINE__, "*/5 * * * *", MISFIRE_LAST, 100, 2 * HOUR, NOON + 2 * MINUTE, 1, 1, NOON, 12, 11},
      /* 12:00 is still on time and stands for the late ones */
      {__LINE__, "*/5 * * * *", MISFIRE_LAST, 100, 2 * HOUR, NOON + 30 * SECOND, 1, 0, NOON, 12, 11},
      /* only a slot that fell due already does: here 12:00:01 is ahead */
      {__LINE__, "*/5 * * * *", MISFIRE_LAST, 100, 2 * HOUR, NOON - SECOND, 2, 1, NOON - 5 * MINUTE, 12, 11},
      {__LINE__, "*/5 * * * *", MISFIRE_ALL, 100, 2 * HOUR, NOON + 2 * MINUTE, 12, 12, NOON - 55 * MINUTE, 12,
       0},
      {__LINE__, "*/5 * * * *", MISFIRE_ALL, 3, 2 * HOUR, NOON + 2 * MINUTE, 3, 3, NOON - 10 * MINUTE, 21, 0},
      {__LINE__, "*/5 * * * *", MISFIRE_ALL, 0, 2 * HOUR, NOON + 2 * MINUTE, 0, 0, INSTANT_NONE, 24, 0},
      {__LINE__, "0 9 * * *", MISFIRE_LAST, 100, 24 * HOUR, NOON, 0, 0, INSTANT_NONE, 1, 0},
      {__LINE__, "@every 10s", MISFIRE_NONE, 0, HOUR, NOON, 1, 0, NOON, 359, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct misfire_row *r = &rows[i];
    struct policy policy = usual();
    policy.misfire = r->policy;
    policy.catch_up_max = r->max;
    struct plan p = plan_of(r->schedule, policy, at(r->now_ms, r->now_ms - r->down_ms));
    int64_t missed = 0, superseded = 0;
    size_t catch_ups = 0;
    for (size_t g = 0; g < p.gap_count; g++) {
      CHECK_ROW(r->line, p.gaps[g].state == OCCURRENCE_MISSED);
      *(p.gaps[g].reason == REASON_SUPERSEDED ? &superseded : &missed) += p.gaps[g].count;
    }
    for (size_t s = 0; s < p.slot_count; s++) catch_ups += p.slots[s].is_catch_up;
    if (p.slot_count != r->slots || missed != r->missed || superseded != r->superseded)
      fail_msg("row at line %d: %zu slots, %lld missed, %lld superseded", r->line, p.slot_count,
               (long long)missed, (long long)superseded);
    CHECK_ROW(r->line, catch_ups == r->catch_ups);
    CHECK_ROW(r->line, r->first_slot_ms == INSTANT_NONE || p.slots[0].due_ms == r->first_slot_ms);
  }
}

static void the_window_is_shorter_than_the_interval(void **state) {
  (void)state;
  struct policy policy = usual();
  policy.misfire = MISFIRE_NONE;
  struct plan p = plan_of("@every 10s", policy, at(NOON + 5 * SECOND, NOON - 40 * SECOND));
  assert_int_equal(p.slot_count, 1); /* noon, 5 s late; the ones before are more than 10 s late */
  assert_int_equal(p.gaps[0].count, 3);
}

static void a_long_clock_jump_catches_nothing_up(void **state) {
  (void)state;
  struct plan_input in = at(NOON + 2 * MINUTE, NOON - 2 * HOUR);
  in.may_catch_up = false;
  in.late_reason = REASON_CLOCK_JUMP;
  struct plan p = plan_of("*/5 * * * *", usual(), in);
  assert_int_equal(p.slot_count, 0);
  assert_int_equal(p.gap_count, 1);
  assert_int_equal(p.gaps[0].reason, REASON_CLOCK_JUMP);
  assert_int_equal(p.gaps[0].count, 24);
}

static void a_closed_gate_skips_what_fell_due_and_nothing_ahead(void **state) {
  (void)state;
  struct plan_input in = at(NOON - SECOND, NOON - HOUR);
  in.gate = GATE_PAUSED;
  in.gate_until_ms = INSTANT_NEVER;
  struct plan p = plan_of("*/5 * * * *", usual(), in);
  assert_int_equal(p.slot_count, 0);
  assert_int_equal(p.gap_count, 1);
  assert_int_equal(p.gaps[0].state, OCCURRENCE_SKIPPED);
  assert_int_equal(p.gaps[0].reason, REASON_PAUSED);
  assert_int_equal(p.gaps[0].count, 11); /* 11:05 to 11:55 */
  assert_int_equal(p.next_due_ms, NOON); /* opened before noon, noon still fires */
  assert_true(p.through_ms < NOON);
}

static void a_pause_that_ended_while_down_divides_skipped_from_missed(void **state) {
  (void)state;
  struct plan_input in = at(NOON + 2 * MINUTE, NOON - HOUR);
  in.gate = GATE_OFF;
  in.gate_until_ms = NOON - 30 * MINUTE;
  struct plan p = plan_of("*/5 * * * *", usual(), in);
  assert_int_equal(p.gap_count, 2);
  assert_int_equal(p.gaps[0].reason, REASON_OFF);
  assert_int_equal(p.gaps[0].count, 5); /* 11:05 to 11:25 */
  assert_int_equal(p.gaps[1].reason, REASON_SUPERSEDED);
  assert_int_equal(p.gaps[1].count, 6); /* 11:30 to 11:55 */
  assert_int_equal(p.slot_count, 1);
  assert_int_equal(p.slots[0].due_ms, NOON);
}

static void splay_shifts_the_start_not_the_instant(void **state) {
  (void)state;
  struct plan_input in = at(NOON - SECOND, NOON - 5 * MINUTE);
  in.splay_ms = 90 * SECOND;
  struct plan p = plan_of("*/5 * * * *", usual(), in);
  assert_int_equal(p.slot_count, 0); /* not before 12:01:30 */
  in = at(NOON + 89 * SECOND, p.through_ms);
  in.splay_ms = 90 * SECOND;
  p = plan_of("*/5 * * * *", usual(), in);
  assert_int_equal(p.slot_count, 1);
  assert_int_equal(p.slots[0].due_ms, NOON);
  assert_int_equal(p.slots[0].not_before_ms, NOON + 90 * SECOND);
  assert_false(p.slots[0].is_catch_up); /* the window counts from notBefore */
}

static void splay_stays_below_the_interval(void **state) {
  (void)state;
  bool differs = false;
  for (uint64_t seed = 0; seed < 1000; seed++) {
    int64_t ms = plan_splay_ms(seed, 600 * SECOND, 10 * SECOND);
    assert_true(ms >= 0 && ms < 10 * SECOND);
    assert_int_equal(ms, plan_splay_ms(seed, 600 * SECOND, 10 * SECOND));
    differs = differs || ms != plan_splay_ms(0, 600 * SECOND, 10 * SECOND);
  }
  assert_true(differs);
  assert_int_equal(plan_splay_ms(7, 0, HOUR), 0);
}

static void ten_years_of_seconds_are_one_gap_by_arithmetic(void **state) {
  (void)state;
  struct policy policy = usual();
  policy.misfire = MISFIRE_NONE;
  int64_t years = 10LL * 365 * 24 * HOUR;
  struct plan p = plan_of("@every 1s", policy, at(NOON, NOON - years));
  assert_false(p.has_more);
  assert_int_equal(p.gap_count, 1);
  assert_int_equal(p.gaps[0].count, years / SECOND - 1); /* noon itself is on time */
}

static void cron_gaps_are_counted_in_bounded_steps(void **state) {
  (void)state;
  struct policy policy = usual();
  policy.misfire = MISFIRE_NONE;
  struct schedule *s = compile("* * * * * *");
  struct plan_input in = at(NOON, NOON - 48 * HOUR);
  int64_t count = 0;
  int calls = 0;
  static struct plan p;
  do {
    plan_due(s, &policy, &in, &p);
    in.through_ms = p.through_ms;
    for (size_t g = 0; g < p.gap_count; g++) {
      assert_true(p.gaps[g].count <= PLAN_STEPS_MAX);
      count += p.gaps[g].count;
    }
    calls++;
  } while (p.has_more);
  schedule_free(s);
  assert_int_equal(calls, 2); /* 172,800 instants */
  assert_int_equal(count, 172800 - 1);
  assert_int_equal(p.slot_count, 3); /* noon and the two seconds of the horizon */
}

/* Any cut of time into calls settles each instant exactly once, with the same verdict as one call would. */
static void any_sequence_of_calls_settles_each_instant_once(void **state) {
  (void)state;
  static const char *const texts[] = {"* * * * * *", "@every 7s", "*/2 * * * *", "@every 90s",
                                      "30 */5 * * * *"};
  uint64_t random = 1;
  for (int round = 0; round < 300; round++) {
    struct schedule *s = compile(texts[round % 5]);
    struct policy policy = usual();
    policy.misfire = (enum misfire_policy)(round % 3);
    policy.catch_up_max = round % 7 * 60;
    int64_t now_ms = NOON, cursor_ms = NOON, seen = 0;
    int64_t splay_ms = plan_splay_ms((uint64_t)round, round % 2 * MINUTE, schedule_min_interval_ms(s));
    for (int step = 0; step < 30; step++) {
      random = hash_int(random + (uint64_t)step);
      now_ms += (int64_t)(random % 5 == 0 ? random % (uint64_t)(3 * HOUR) : random % 3000);
      struct plan_input in = at(now_ms, cursor_ms);
      in.splay_ms = splay_ms;
      in.gate = random % 11 == 0 ? GATE_PAUSED : GATE_OPEN;
      in.gate_until_ms = INSTANT_NEVER;
      static struct plan p;
      plan_due(s, &policy, &in, &p);
      for (size_t i = 0; i < p.slot_count; i++) {
        assert_true(p.slots[i].due_ms > cursor_ms && p.slots[i].due_ms <= p.through_ms);
        assert_true(i == 0 || p.slots[i].due_ms > p.slots[i - 1].due_ms);
        seen++;
      }
      for (size_t g = 0; g < p.gap_count; g++) seen += p.gaps[g].count;
      cursor_ms = p.through_ms;
      assert_int_equal(seen, schedule_count(s, NOON, cursor_ms, INT64_MAX, NULL, NULL));
    }
    schedule_free(s);
  }
}

int main(void) {
  if (tzdb_new(NULL, &zones)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(claims_what_falls_due_within_the_horizon),
      cmocka_unit_test(never_plans_an_instant_twice),
      cmocka_unit_test(misfires_follow_the_policy),
      cmocka_unit_test(the_window_is_shorter_than_the_interval),
      cmocka_unit_test(a_long_clock_jump_catches_nothing_up),
      cmocka_unit_test(a_closed_gate_skips_what_fell_due_and_nothing_ahead),
      cmocka_unit_test(a_pause_that_ended_while_down_divides_skipped_from_missed),
      cmocka_unit_test(splay_shifts_the_start_not_the_instant),
      cmocka_unit_test(splay_stays_below_the_interval),
      cmocka_unit_test(ten_years_of_seconds_are_one_gap_by_arithmetic),
      cmocka_unit_test(cron_gaps_are_counted_in_bounded_steps),
      cmocka_unit_test(any_sequence_of_calls_settles_each_instant_once),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  tzdb_free(zones);
  return failed;
}
