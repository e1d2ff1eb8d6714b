/* READ_AHEAD, READ_LANES and READ_LOAD: bounded answers whatever the number of jobs and runs (C-75, A-92). */
#include "tests/support/store_fixture.h"

#include <stdio.h>

#define MANY 3000

static int setup(void **state) {
  static struct harness h;
  harness_open(&h, HARNESS_SQLITE);
  *state = &h;
  return 0;
}

static int teardown(void **state) {
  harness_close(*state);
  return 0;
}

static struct store_read *ask_ahead(struct harness *h, int64_t max) {
  struct store_read *r = harness_read(h, READ_AHEAD);
  struct ahead_question *q = ARENA_NEW(&r->arena, struct ahead_question);
  *q = (struct ahead_question){h->now_ms, h->now_ms + 10 * HOUR, max, "UTC"};
  r->ahead_question = q;
  harness_ask(h, r);
  return r;
}

static struct store_read *ask_lanes(struct harness *h, size_t max, const int64_t *others) {
  static const int64_t none[] = {FIELD_NULL};
  struct store_read *r = harness_read(h, READ_LANES);
  struct lanes_question *q = ARENA_NEW(&r->arena, struct lanes_question);
  *q = (struct lanes_question){h->now_ms - 14 * HOUR, h->now_ms + 10 * HOUR, "UTC", max, none, others};
  r->lanes_question = q;
  harness_ask(h, r);
  return r;
}

static void many_jobs_make_a_bounded_answer_with_a_proposal(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < MANY; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "j%d", i);
    harness_job(h, name, "0 14 * * *");
  }
  struct store_read *r = ask_ahead(h, 5);
  const struct ahead *a = r->ahead;
  assert_int_equal(a->jobs, MANY);
  assert_int_equal(a->planned, MANY);
  assert_int_equal(a->clash_count, 1);
  assert_int_equal(a->clashes[0].peak, MANY);
  assert_int_equal(a->clashes[0].jobs, MANY);
  assert_int_equal(a->clashes[0].peak_ms, NOON + 2 * HOUR);
  assert_int_equal(a->clashes[0].move_count, AHEAD_CLASH_JOBS);
  assert_true(a->clashes[0].after >= MANY - AHEAD_CLASH_JOBS && a->clashes[0].after < MANY);
  assert_int_equal(a->sparse_count, AHEAD_SPARSE);
  int64_t starts = 0;
  for (size_t i = 0; i < a->bucket_count; i++) starts += a->buckets[i].runs;
  assert_int_equal(starts, MANY);
  store_read_free(r);
}

static void too_many_instants_are_spread_evenly_and_said_to_be(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 150; i++) { /* 36,000 instants each */
    char name[32];
    (void)snprintf(name, sizeof name, "s%d", i);
    struct job job = harness_definition(name, "* * * * * *");
    job.start_at_ms = h->now_ms - i * SECOND; /* alike in what is asked about, but schedules of their own */
    harness_do(h, harness_save(h, &job));
  }
  struct store_read *r = ask_ahead(h, 1000);
  assert_true(r->ahead->is_estimated);
  assert_int_equal(r->ahead->planned, 150 * 36000);
  int64_t least = INT64_MAX, most = 0;
  for (size_t i = 1; i + 1 < r->ahead->bucket_count; i++) {
    if (r->ahead->buckets[i].runs < least) least = r->ahead->buckets[i].runs;
    if (r->ahead->buckets[i].runs > most) most = r->ahead->buckets[i].runs;
  }
  assert_int_equal(least, 150 * 300);
  assert_int_equal(most, 150 * 300);
  store_read_free(r);
}

static void dense_lanes_are_bands_and_no_more_than_asked_for(void **state) {
  struct harness *h = *state;
  int64_t others[] = {harness_job(h, "a", "* * * * *"), harness_job(h, "b", "0 * * * *"),
                      harness_job(h, "c", "0 * * * *"), FIELD_NULL};
  for (int i = 0; i < 200; i++) {
    h->now_ms += MINUTE;
    harness_work(h, i == 100 ? RUN_FAILED : RUN_SUCCESS);
  }
  struct store_read *r = ask_lanes(h, 2, others);
  assert_int_equal(r->lanes->count, 2);
  const struct round_lane *dense = &r->lanes->items[0];
  assert_int_equal(dense->mark_count, 0);
  assert_true(dense->band_count >= 3 && dense->band_count < 10); /* good, bad, good */
  int64_t runs = 0, failed = 0;
  for (size_t i = 0; i < dense->band_count; i++)
    runs += dense->bands[i].runs, failed += dense->bands[i].failed;
  assert_int_equal(runs, 200);
  assert_int_equal(failed, 1);
  assert_true(dense->planned_total > LANE_PLANNED_MAX && dense->planned_count == 0);
  store_read_free(r);
}

static void what_ran_is_kept_by_five_minutes(void **state) {
  struct harness *h = *state;
  harness_job(h, "a", "* * * * *");
  int64_t began_ms = h->now_ms;
  for (int i = 0; i < 20; i++) {
    h->now_ms += MINUTE;
    harness_work(h, i % 4 ? RUN_SUCCESS : RUN_FAILED);
  }
  struct store_read *r = harness_read(h, READ_LOAD);
  int64_t *bounds = ARENA_ARRAY(&r->arena, int64_t, 2);
  bounds[0] = load_bucket(began_ms);
  bounds[1] = load_bucket(h->now_ms) + LOAD_BUCKET_MS;
  r->bounds = bounds;
  r->bound_count = 2;
  harness_ask(h, r);
  assert_int_equal(r->load[0].runs, 20);
  assert_int_equal(r->load[0].failed, 5);
  store_read_free(r);
}

static struct store_read *ask_days(struct harness *h, int64_t no, int64_t first_ms, size_t days) {
  struct store_read *r = harness_read(h, READ_DAYS);
  int64_t *bounds = ARENA_ARRAY(&r->arena, int64_t, days + 1);
  for (size_t i = 0; i <= days; i++) bounds[i] = first_ms + (int64_t)i * DAY;
  r->no = no;
  r->bounds = bounds;
  r->bound_count = days + 1;
  harness_ask(h, r);
  return r;
}

/* Roll-ups are of days of UTC: they count on the local day that most of theirs is. */
static void rolled_up_days_are_on_their_local_day(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "0 15 * * *");
  for (int i = 0; i < 5; i++) {
    h->now_ms = NOON + 3 * HOUR + i * DAY;
    harness_work(h, RUN_SUCCESS);
  }
  struct settings s = *h->boot.settings;
  s.ledger_days = 1;
  harness_do(h, harness_settings(h, &s));
  for (bool has_more = true; has_more;) {
    struct change *c = change_new(CHANGE_RETAIN, h->now_ms);
    assert_int_equal(harness_apply(h, c), ERR_OK);
    has_more = c->retain.has_more;
    change_free(c);
  }
  struct store_read *r = ask_days(h, no, NOON - DAY / 2 + 5 * HOUR, 5); /* midnights five hours behind UTC */
  for (int i = 0; i < 5; i++) assert_int_equal(r->days[i].runs, 1);
  store_read_free(r);
}

/* What only fails is not searched through for a success. */
static void the_usual_duration_is_looked_for_among_the_newest_runs(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "0 * * * *");
  for (int i = 0; i < 1 + 2 * AHEAD_USUAL_LOOKED; i++) {
    int64_t run_no = harness_next_run_no(h);
    harness_do(h, harness_run(h, CHANGE_START, run_no, no, INSTANT_NONE));
    struct change *end = harness_run(h, CHANGE_END, run_no, no, INSTANT_NONE);
    end->run.run.status = i ? RUN_FAILED : RUN_SUCCESS;
    if (i) end->run.reason = end->run.run.reason = REASON_FAILED;
    end->run.run.duration_ms = 50 * MINUTE;
    harness_do(h, end);
    struct store_read *r = i == 0 || i == 2 * AHEAD_USUAL_LOOKED ? ask_ahead(h, 5) : NULL;
    if (r) assert_int_equal(r->ahead->tight_total, i == 0);
    store_read_free(r);
  }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(many_jobs_make_a_bounded_answer_with_a_proposal),
      T(too_many_instants_are_spread_evenly_and_said_to_be),
      T(dense_lanes_are_bands_and_no_more_than_asked_for),
      T(what_ran_is_kept_by_five_minutes),
      T(rolled_up_days_are_on_their_local_day),
      T(the_usual_duration_is_looked_for_among_the_newest_runs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
