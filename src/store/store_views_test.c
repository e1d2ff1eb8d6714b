/* The contract every backend keeps of what pages show: the Round, the calendar, lanes, days of a job, its history,
 * lists of runs by the filter language. */
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "model/filter_lists.h"
#include "model/policy.h"
#include "sched/plan.h"
#include "store/round.h"
#include "tests/support/store_fixture.h"
#include "time/schedule.h"

static int setup(void **state) {
  static struct harness h;
  enum harness_kind kind = *(const enum harness_kind *)*state;
  harness_open(&h, kind);
  *state = &h;
  return 0;
}

static int teardown(void **state) {
  harness_close(*state);
  return 0;
}

static void advance(struct harness *h, int64_t ms) { h->now_ms += ms; }

static int64_t saved(struct harness *h, const struct job *job) {
  struct change *c = harness_save(h, job);
  enum err e = harness_apply(h, c);
  if (e != ERR_OK) fail_msg("%s: %s", job->name, c->detail.message);
  int64_t no = c->job.saved->no;
  change_free(c);
  return no;
}

static void close_gate(struct harness *h, enum gate_scope scope, int64_t job_no, int64_t until_ms) {
  struct change *c = harness_gate(h, scope, job_no, GATE_PAUSED);
  c->gate.gate_until_ms = until_ms;
  harness_do(h, c);
}

/* ---- load ---- */

static void load_is_summed_by_intervals(void **state) { /* C-75 */
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@yearly"), began_ms = load_bucket(h->now_ms);
  static const struct {
    int64_t at_ms, took_ms, lag_ms;
    enum run_status status;
  } runs[] = {{0, 1000, 10, RUN_SUCCESS},
              {MINUTE, 2000, 20, RUN_FAILED},
              {11 * MINUTE, 8 * MINUTE, 30, RUN_SUCCESS}}; /* busy in three intervals */
  for (size_t i = 0; i < 3; i++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
    c->run.run.started_ms = began_ms + runs[i].at_ms;
    c->run.run.duration_ms = runs[i].took_ms;
    c->run.run.finished_ms = c->run.run.started_ms + runs[i].took_ms;
    c->run.run.lag_ms = runs[i].lag_ms;
    c->run.run.status = runs[i].status;
    harness_do(h, c);
  }
  int64_t bounds[] = {began_ms - LOAD_BUCKET_MS, began_ms, began_ms + LOAD_BUCKET_MS,
                      began_ms + 2 * LOAD_BUCKET_MS, began_ms + 6 * LOAD_BUCKET_MS};
  struct store_read *r = harness_read(h, READ_LOAD);
  r->bounds = bounds;
  r->bound_count = 5;
  harness_ask(h, r);
  assert_int_equal(r->count, 4);
  static const int64_t starts[] = {0, 2, 0, 1}, failed[] = {0, 1, 0, 0}, busy[] = {0, 3000, 0, 8 * 60000};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(r->load[i].runs, starts[i]);
    assert_int_equal(r->load[i].failed, failed[i]);
    assert_int_equal(r->load[i].busy_ms, busy[i]);
  }
  assert_int_equal(r->load[0].p50_ms, FIELD_NULL);
  assert_true(r->load[1].p50_ms >= 900 && r->load[1].p50_ms <= 1100);
  assert_true(r->load[1].p95_ms >= 1800 && r->load[1].p95_ms <= 2200);
  assert_true(r->load[1].lag_p99_ms >= 18 && r->load[1].lag_p99_ms <= 22);
  store_read_free(r);
}

/* ---- one job by days ---- */

static struct store_read *ask_days(struct harness *h, int64_t job_no, const int64_t *bounds, size_t count) {
  struct store_read *r = harness_read(h, READ_DAYS);
  r->no = job_no;
  r->bounds = bounds;
  r->bound_count = count;
  harness_ask(h, r);
  return r;
}

/* Verdicts, stretches without a row each, runs by hand; and the same once the ledger has been folded away. */
static void days_of_a_job_stay_when_its_rows_go(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "0 * * * *");
  job.misfire_policy = MISFIRE_NONE;
  int64_t no = saved(h, &job), day_ms = NOON + 12 * HOUR; /* a midnight */
  advance(h, 12 * HOUR + MINUTE);
  harness_work(h, RUN_SUCCESS); /* eleven were missed, and one is on time */
  for (int i = 0; i < 23; i++) {
    advance(h, HOUR);
    harness_work(h, i == 5 ? RUN_FAILED : RUN_SUCCESS);
  }
  struct change *hand = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
  hand->run.run.status = RUN_FAILED;
  harness_do(h, hand);
  close_gate(h, GATE_SCOPE_JOB, no, INSTANT_NEVER);
  advance(h, 6 * HOUR);
  harness_work(h, RUN_SUCCESS);
  int64_t bounds[] = {day_ms - DAY, day_ms, day_ms + DAY, day_ms + 2 * DAY};
  struct store_read *r = ask_days(h, no, bounds, 4);
  assert_int_equal(r->count, 3);
  assert_int_equal(r->days[0].missed, 11);
  assert_int_equal(r->days[0].runs, 0);
  assert_int_equal(r->days[1].runs, 25); /* 24 and one by hand */
  assert_int_equal(r->days[1].failed, 2);
  assert_true(r->days[1].p50_ms >= 4 && r->days[1].p50_ms <= 6);
  assert_int_equal(r->days[2].skipped, 6);
  store_read_free(r);
  struct settings s = *h->boot.settings;
  s.ledger_days = 1;
  advance(h, 5 * DAY);
  harness_do(h, harness_settings(h, &s));
  for (bool has_more = true; has_more;) {
    struct change *c = change_new(CHANGE_RETAIN, h->now_ms);
    c->retain.max_rows = 10;
    CHECK_OK(harness_apply(h, c));
    has_more = c->retain.has_more;
    change_free(c);
  }
  r = ask_days(h, no, bounds, 4);
  assert_int_equal(r->days[1].runs, 25);
  assert_int_equal(r->days[1].failed, 2);
  store_read_free(r);
}

/* ---- lanes ---- */

static struct store_read *ask_lanes(struct harness *h, size_t max, const int64_t *running,
                                    const int64_t *others) {
  struct store_read *r = harness_read(h, READ_LANES);
  struct lanes_question *q = ARENA_NEW(&r->arena, struct lanes_question);
  *q = (struct lanes_question){h->now_ms - 14 * HOUR, h->now_ms + 10 * HOUR, "UTC", max, running, others};
  r->lanes_question = q;
  harness_ask(h, r);
  return r;
}

static void lanes_show_trouble_then_what_runs_then_the_others(void **state) {
  struct harness *h = *state;
  int64_t calm = harness_job(h, "calm", "0 * * * *"), busy = harness_job(h, "busy", "30 * * * *");
  int64_t bad = harness_job(h, "bad", "15 * * * *"), off = harness_job(h, "off", "45 12 * * *");
  advance(h, HOUR);
  struct change *claim = harness_claim(h, h->now_ms);
  CHECK_OK(harness_apply(h, claim));
  for (size_t i = 0; i < claim->claimed.count; i++) {
    int64_t job_no = claim->claimed.claims[i].job->no, due_ms = claim->claimed.claims[i].due_ms;
    int64_t run_no = harness_next_run_no(h);
    struct change *start = harness_run(h, CHANGE_START, run_no, job_no, due_ms);
    harness_do(h, start);
    if (job_no == busy) continue; /* goes on */
    struct change *end = harness_run(h, CHANGE_END, run_no, job_no, due_ms);
    if (job_no == bad) {
      end->run.run.status = RUN_FAILED;
      end->run.run.error_message = "no room";
      end->run.reason = end->run.run.reason = REASON_FAILED;
      end->run.chain = -1;
    }
    harness_do(h, end);
  }
  change_free(claim);
  struct change *retry = harness_run(h, CHANGE_QUEUE, harness_next_run_no(h), bad, INSTANT_NONE);
  retry->run.run.trigger = TRIGGER_RETRY;
  retry->run.run.attempt = 2;
  retry->run.run.not_before_ms = h->now_ms + MINUTE;
  harness_do(h, retry);
  close_gate(h, GATE_SCOPE_JOB, off, INSTANT_NEVER);
  int64_t running[] = {busy, FIELD_NULL}, others[] = {calm, off, 999999, FIELD_NULL};
  struct store_read *r = ask_lanes(h, 10, running, others);
  assert_int_equal(r->lanes->count, 4);
  const struct round_lane *l = r->lanes->items;
  assert_string_equal(l[0].job->name, "bad");
  assert_true(l[0].is_trouble && l[0].has_last);
  assert_string_equal(l[0].last.error_message, "no room");
  assert_int_equal(l[0].retry_ms, h->now_ms + MINUTE);
  assert_int_equal(l[0].retry_attempt, 2);
  assert_int_equal(l[0].mark_count, 2);
  assert_int_equal(l[0].marks[0].state,
                   LANE_QUEUED); /* by its due instant, which is before the start of the other */
  assert_int_equal(l[0].marks[1].state, LANE_FAILED);
  assert_string_equal(l[1].job->name, "busy");
  assert_true(l[1].is_running && !l[1].is_trouble);
  assert_int_equal(l[1].marks[0].state, LANE_RUNNING);
  assert_int_equal(l[1].marks[0].due_ms, NOON + 30 * MINUTE);
  assert_string_equal(l[2].job->name, "calm");
  assert_int_equal(l[2].marks[0].state, LANE_SUCCESS);
  assert_int_equal(l[2].usual_ms, 5);
  assert_int_equal(l[2].next_ms, NOON + 2 * HOUR);
  assert_int_equal(l[2].planned_count, 10);
  assert_int_equal(l[2].planned[9], NOON + 11 * HOUR);
  assert_string_equal(l[3].job->name, "off");
  assert_int_equal(l[3].gate, GATE_PAUSED);
  assert_int_equal(l[3].planned_count, 0);
  store_read_free(r);
  r = ask_lanes(h, 2, running, others);
  assert_int_equal(r->lanes->count, 2);
  store_read_free(r);
}

/* A stretch of downtime is one mark; more than 160 marks are bands. */
static void lanes_show_stretches_and_bands(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "* * * * *");
  job.misfire_policy = MISFIRE_NONE;
  int64_t no = saved(h, &job), none[] = {FIELD_NULL}, others[] = {no, FIELD_NULL};
  advance(h, 2 * HOUR + 30 * SECOND);
  harness_work(h, RUN_SUCCESS);
  struct store_read *r = ask_lanes(h, 3, none, others);
  const struct round_lane *l = r->lanes->items;
  assert_int_equal(l->mark_count, 2);
  assert_int_equal(l->marks[0].state, LANE_MISSED);
  assert_int_equal(l->marks[0].count, 119);
  assert_int_equal(l->marks[0].reason, REASON_SERVER_DOWN);
  assert_int_equal(l->marks[1].state, LANE_SUCCESS);
  assert_int_equal(l->planned_total, 600);
  assert_int_equal(l->planned_count, 0); /* too many to show one by one */
  store_read_free(r);
  for (int i = 0; i < 170; i++) {
    advance(h, MINUTE);
    harness_work(h, RUN_SUCCESS);
  }
  r = ask_lanes(h, 3, none, others);
  l = r->lanes->items;
  assert_int_equal(l->mark_count, 0);
  int64_t runs = 0, failed = 0;
  for (size_t i = 0; i < l->band_count; i++) runs += l->bands[i].runs, failed += l->bands[i].failed;
  assert_int_equal(runs, 119 + 171);
  assert_int_equal(failed, 119);
  store_read_free(r);
}

/* ---- ahead ---- */

static struct store_read *ask_ahead(struct harness *h, int64_t from_ms, int64_t to_ms, int64_t max) {
  struct store_read *r = harness_read(h, READ_AHEAD);
  struct ahead_question *q = ARENA_NEW(&r->arena, struct ahead_question);
  *q = (struct ahead_question){from_ms, to_ms, max, "Europe/Madrid"};
  r->ahead_question = q;
  harness_ask(h, r);
  return r;
}

/* What the answer's buckets must be, by walking each job's own schedule. */
static int64_t count_starts(struct harness *h, const int64_t *nos, size_t count, const struct ahead *a,
                            int64_t to_ms, int64_t *buckets) {
  struct tzdb *db;
  int64_t planned = 0;
  CHECK_OK(tzdb_new(NULL, &db));
  for (size_t i = 0; i < count; i++) {
    struct job *job = harness_get_job(h, nos[i]);
    struct schedule_options options = job_schedule_options(job, "Europe/Madrid");
    struct schedule *s;
    CHECK_OK(schedule_compile(db, str_of(job->schedule), &options, &s, NULL));
    int64_t splay_ms = plan_splay_ms((uint64_t)job->seed, job->splay == FIELD_NULL ? 0 : job->splay * SECOND,
                                     schedule_min_interval_ms(s));
    for (int64_t at_ms = h->now_ms; (at_ms = schedule_next(s, at_ms)) <= to_ms;) {
      size_t bucket = (size_t)((at_ms + splay_ms - a->origin_ms) / LOAD_BUCKET_MS);
      planned++;
      if (bucket < a->bucket_count) buckets[bucket]++;
    }
    schedule_free(s);
    job_unref(job);
  }
  tzdb_free(db);
  return planned;
}

static void the_look_ahead_counts_every_jobs_own_instants(void **state) { /* U-13 */
  struct harness *h = *state;
  static const struct {
    const char *schedule, *zone;
    int64_t splay_s, start_h, end_h;
  } kinds[] = {{"0 14 * * *", "UTC", FIELD_NULL, 0, 0},
               {"0 14 * * *", NULL, FIELD_NULL, 0, 0},
               {"0 14 * * *", "America/New_York", 600, 0, 0},
               {"*/7 * * * *", "UTC", FIELD_NULL, 0, 0},
               {"*/7 * * * *", "UTC", FIELD_NULL, 3, 0},
               {"*/7 * * * *", "UTC", FIELD_NULL, 0, 5},
               {"H H * * *", "UTC", FIELD_NULL, 0, 0},
               {"H/20 * * * *", "UTC", 60, 0, 0},
               {"@every 17m", "UTC", FIELD_NULL, 0, 0},
               {"@hourly", "UTC", FIELD_NULL, 0, 0},
               {"~ * * * *", "UTC", FIELD_NULL, 0, 0},
               {"0 3 * * THU | 30 5 * * *", NULL, FIELD_NULL, 0, 0},
               {"CRON_TZ=Asia/Tokyo 15 1 * * *", NULL, FIELD_NULL, 0, 0}};
  enum { KINDS = sizeof kinds / sizeof *kinds, JOBS = 3 * KINDS };
  int64_t nos[JOBS], buckets[1000] = {}, starts = 0, want_starts = 0;
  for (int i = 0; i < JOBS; i++) {
    char name[32];
    (void)snprintf(name, sizeof name, "j%d", i);
    struct job job = harness_definition(name, kinds[i % KINDS].schedule);
    job.timezone = kinds[i % KINDS].zone;
    job.splay = kinds[i % KINDS].splay_s;
    if (kinds[i % KINDS].start_h) job.start_at_ms = h->now_ms + kinds[i % KINDS].start_h * HOUR;
    if (kinds[i % KINDS].end_h) job.end_at_ms = h->now_ms + kinds[i % KINDS].end_h * HOUR;
    nos[i] = saved(h, &job);
    advance(h, 7 * SECOND);
  }
  struct job idle = harness_definition("idle", "* * * * *");
  idle.is_active = 0;
  saved(h, &idle);
  int64_t to_ms = load_bucket(h->now_ms) + 30 * HOUR;
  struct store_read *r = ask_ahead(h, h->now_ms - 2 * HOUR, to_ms, 1000);
  assert_int_equal(r->ahead->jobs, JOBS + 1);
  assert_int_equal(r->ahead->active, JOBS);
  assert_true(r->ahead->bucket_count <= 1000);
  int64_t planned = count_starts(h, nos, JOBS, r->ahead, to_ms, buckets);
  assert_int_equal(r->ahead->planned, planned);
  for (size_t i = 0; i < r->ahead->bucket_count; i++) {
    starts += r->ahead->buckets[i].runs;
    want_starts += buckets[i];
    if (r->ahead->buckets[i].runs != buckets[i])
      fail_msg("bucket %zu: %lld, not %lld", i, (long long)r->ahead->buckets[i].runs, (long long)buckets[i]);
  }
  assert_int_equal(starts, want_starts);
  assert_false(r->ahead->is_estimated);
  assert_true(r->ahead->sparse_count == JOBS);
  assert_int_equal(r->ahead->sparse[0].planned + r->ahead->sparse[0].past,
                   1); /* 14:00 UTC is once in 30 hours */
  store_read_free(r);
}

static void the_look_ahead_finds_clashes_tight_jobs_and_closed_gates(void **state) { /* */
  struct harness *h = *state;
  int64_t long_one = harness_job(h, "long", "*/10 * * * *"), paused = harness_job(h, "paused", "0 15 * * *");
  for (int i = 0; i < 8; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "noon%d", i);
    struct job job = harness_definition(name, "0 15 * * *");
    job.priority = i + 1;
    job.critical = i == 7;
    saved(h, &job);
  }
  close_gate(h, GATE_SCOPE_JOB, paused, h->now_ms + 4 * HOUR);
  for (int i = 0; i < 3; i++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), long_one, INSTANT_NONE);
    c->run.run.duration_ms = 9 * MINUTE;
    c->run.run.started_ms = h->now_ms - 10 * MINUTE;
    c->run.run.finished_ms = h->now_ms - MINUTE;
    harness_do(h, c);
  }
  struct store_read *r = ask_ahead(h, h->now_ms, h->now_ms + 10 * HOUR, 4);
  const struct ahead *a = r->ahead;
  assert_int_equal(a->planned, 60 + 8);
  assert_int_equal(a->tight_total, 1);
  assert_string_equal(a->tight[0].name, "long");
  assert_int_equal(a->tight[0].interval_ms, 10 * MINUTE);
  assert_int_equal(a->tight[0].usual_ms, 9 * MINUTE);
  assert_int_equal(a->clash_total, 1);
  assert_int_equal(a->clashes[0].peak, 9);
  assert_int_equal(a->clashes[0].peak_ms, NOON + 3 * HOUR);
  assert_int_equal(a->clashes[0].jobs, 9);
  assert_true(a->clashes[0].after < 9 && a->clashes[0].moved > 0);
  const struct ahead_clash *c = &a->clashes[0];
  bool is_critical_moved = false;
  for (size_t i = 0; i < c->move_count; i++)
    is_critical_moved |= strcmp(c->moves[i].name, "noon7") == 0 && c->moves[i].new_splay_s != FIELD_NULL;
  assert_false(is_critical_moved);
  store_read_free(r);
}

/* ---- history ---- */

static void versions_come_newest_first_also_of_what_is_gone(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "0 1 * * *");
  for (int i = 2; i <= 5; i++) {
    char schedule[32];
    (void)snprintf(schedule, sizeof schedule, "0 %d * * *", i);
    struct job *old = harness_get_job(h, no);
    struct job job = *old;
    advance(h, MINUTE);
    job.schedule = schedule;
    struct change *c = harness_save(h, &job);
    c->job.job_no = no;
    c->audit.actor = "user:ana";
    harness_do(h, c);
    job_unref(old);
  }
  struct store_read *r = harness_read(h, READ_VERSIONS);
  r->no = no;
  r->limit = 2;
  harness_ask(h, r);
  assert_int_equal(r->count, 2);
  assert_true(r->has_more);
  assert_int_equal(r->versions[0].job->version, 5);
  assert_string_equal(r->versions[0].job->schedule, "0 5 * * *");
  assert_int_equal(r->versions[0].to_ms, INSTANT_NEVER);
  assert_int_equal(r->versions[1].to_ms, r->versions[0].from_ms);
  struct store_read *next = harness_read(h, READ_VERSIONS);
  next->no = no;
  next->after = r->versions[1].job->version;
  harness_ask(h, next);
  assert_int_equal(next->count, 3);
  assert_false(next->has_more);
  assert_string_equal(next->versions[2].job->schedule, "0 1 * * *");
  store_read_free(next);
  store_read_free(r);
  struct change *c = change_new(CHANGE_JOB_DELETE, h->now_ms);
  c->job.job_no = no;
  c->job.from_ms = h->now_ms;
  c->job.if_updated_ms = FIELD_NULL;
  harness_do(h, c);
  r = harness_read(h, READ_VERSIONS);
  r->name = STR("a");
  harness_ask(h, r);
  assert_int_equal(r->versions[0].job->no, no);
  store_read_free(r);
  r = harness_read(h, READ_VERSIONS);
  r->name = STR("b");
  assert_int_equal(h->backend->ops->read(h->backend, r), ERR_NOT_FOUND);
  store_read_free(r);
}

static void occurrences_come_in_pages_with_their_stretches(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "* * * * *");
  job.misfire_policy = MISFIRE_NONE;
  int64_t no = saved(h, &job), after = 0, seen = 0, rows = 0, last_ms = INT64_MAX;
  for (int i = 0; i < 4; i++) {
    advance(h, HOUR + 30 * SECOND);
    harness_work(h, RUN_SUCCESS);
    advance(h, 30 * SECOND);
    harness_work(h, RUN_SUCCESS);
  }
  for (bool has_more = true; has_more;) {
    struct store_read *r = harness_read(h, READ_OCCURRENCES);
    r->no = no;
    r->limit = 3;
    r->after = after;
    harness_ask(h, r);
    for (size_t i = 0; i < r->count; i++, rows++) {
      assert_true(r->occurrences[i].due_ms < last_ms);
      last_ms = r->occurrences[i].due_ms;
      seen += r->occurrences[i].count;
    }
    has_more = r->has_more;
    if (r->count) after = r->occurrences[r->count - 1].due_ms;
    store_read_free(r);
  }
  assert_int_equal(seen, (h->now_ms - NOON) / MINUTE);
  assert_true(rows < 20);
}

/* ---- rows of jobs ---- */

static void jobs_come_with_their_strips_and_in_the_order_asked_for(void **state) {
  struct harness *h = *state;
  int64_t a = harness_job(h, "a", "@daily"), b = harness_job(h, "b", "@daily");
  int64_t empty = harness_job(h, "empty", "@daily");
  for (int i = 0; i < 5; i++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), a, INSTANT_NONE);
    c->run.run.status = i == 4 ? RUN_FAILED : RUN_SUCCESS;
    c->run.run.duration_ms = i + 1;
    c->run.run.error_message = i == 4 ? "broken" : NULL;
    harness_do(h, c);
  }
  harness_do(h, harness_run(h, CHANGE_START, harness_next_run_no(h), a, INSTANT_NONE));
  harness_do(h, harness_run(h, CHANGE_QUEUE, harness_next_run_no(h), b, INSTANT_NONE));
  int64_t nos[] = {b, 999999, empty, a};
  struct store_read *r = harness_read(h, READ_JOBS);
  r->nos = nos;
  r->no_count = 4;
  r->strip = 3;
  harness_ask(h, r);
  assert_int_equal(r->count, 3);
  assert_string_equal(r->jobs[0].job->name, "b");
  assert_false(r->jobs[0].has_last_run); /* what waits has not run */
  assert_int_equal(r->jobs[0].strip_count, 0);
  assert_string_equal(r->jobs[1].job->name, "empty");
  assert_false(r->jobs[1].has_last_run);
  assert_string_equal(r->jobs[2].job->name, "a");
  assert_int_equal(r->jobs[2].last_run.status, RUN_RUNNING);
  assert_int_equal(r->jobs[2].strip_count, 3);
  assert_int_equal(r->jobs[2].strip[0].status, RUN_FAILED);
  assert_int_equal(r->jobs[2].strip[0].duration_ms, 5);
  assert_int_equal(r->jobs[2].strip[2].duration_ms, 3);
  store_read_free(r);
  r = harness_read(h, READ_JOBS);
  r->strip = 2;
  r->limit = 2;
  close_gate(h, GATE_SCOPE_JOB, b, INSTANT_NEVER);
  harness_ask(h, r);
  assert_int_equal(r->count, 2);
  assert_true(r->has_more);
  assert_int_equal(r->total, 3);
  assert_int_equal(r->jobs[0].strip_count, 2);
  assert_int_equal(r->jobs[0].gate, GATE_OPEN);
  assert_int_equal(r->jobs[1].gate, GATE_PAUSED);
  store_read_free(r);
}

static void the_dashboard_counts_and_looks_ahead(void **state) {
  struct harness *h = *state;
  int64_t late = harness_job(h, "late", "0 20 * * *"), soon = harness_job(h, "soon", "0 13 * * *");
  struct job idle = harness_definition("idle", "* * * * *");
  idle.is_active = 0;
  saved(h, &idle);
  static const enum run_status ends[] = {RUN_SUCCESS, RUN_FAILED, RUN_SUCCESS, RUN_SKIPPED, RUN_LOST};
  for (int i = 0; i < 5; i++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), i == 4 ? soon : late, INSTANT_NONE);
    c->run.run.status = ends[i];
    c->run.run.duration_ms = 10 * (i + 1);
    harness_do(h, c);
  }
  harness_touch(h);
  struct store_read *r = harness_read(h, READ_DASHBOARD);
  r->limit = 5;
  harness_ask(h, r);
  assert_int_equal(r->dashboard.total_jobs, 3);
  assert_int_equal(r->dashboard.active_jobs, 2);
  assert_int_equal(r->dashboard.failed_jobs, 1);
  assert_int_equal(r->dashboard.runs, 4); /* skipped by the job itself: it did not end by itself */
  assert_int_equal(r->dashboard.successes, 2);
  assert_int_equal(r->dashboard.mean_ms, (10 + 20 + 30 + 50) / 4);
  assert_int_equal(r->count, 2);
  assert_string_equal(r->jobs[0].job->name, "soon");
  assert_string_equal(r->jobs[1].job->name, "late");
  store_read_free(r);
  r = harness_read(h, READ_HEALTH);
  harness_ask(h, r);
  assert_int_equal(r->health.run_rows, 5);
  assert_int_equal(r->health.ledger_rows, 0);
  store_read_free(r);
}

/* ---- the audit log ---- */

static void the_audit_log_is_filtered_in_pages(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 9; i++) {
    struct change *c = change_new(CHANGE_AUDIT, h->now_ms);
    c->audit = (struct audit_note){.actor = i % 3 ? "user:ana" : "user:Eva",
                                   .action = i % 2 ? "job.run" : "login",
                                   .object = "job:á",
                                   .address = "10.0.0.1"};
    harness_do(h, c);
    advance(h, MINUTE);
  }
  struct arena a = arena_new(65536);
  const struct filter *f;
  CHECK_OK(filter_parse(&filter_audit, STR("who:user:eva target~A"), h->now_ms, &a, &f, NULL));
  int64_t after = 0, seen = 0;
  for (bool has_more = true; has_more;) {
    struct store_read *r = harness_read(h, READ_AUDIT_LOG);
    r->filter = f;
    r->limit = 2;
    r->after = after;
    harness_ask(h, r);
    for (size_t i = 0; i < r->count; i++, seen++)
      assert_string_equal(r->audit_rows[i].note.actor, "user:Eva");
    has_more = r->has_more;
    after = r->looked;
    store_read_free(r);
  }
  assert_int_equal(seen, 3);
  arena_free(&a);
}

/* ---- runs by the filter language ---- */

enum { ANA, BERTA, CESAR, MADE_JOBS };
static const struct made_run {
  int job, ago_min; /* started so many minutes ago */
  enum run_status status;
  int64_t took_ms, lag_ms, exit, attempt, memory;
  enum run_trigger trigger;
  const char *error, *who;
} made[] = {/* oldest first: run 0 is the first line */
            {ANA, 600, RUN_SUCCESS, 100, 1, 0, 1, 1 << 20, TRIGGER_SCHEDULE, NULL, NULL},
            {BERTA, 590, RUN_FAILED, 90000, 2, 3, 1, 64 << 20, TRIGGER_SCHEDULE,
             "Conexión rechazada por el servidor", NULL},
            {CESAR, 500, RUN_SUCCESS, 200, 3, 0, 1, 1 << 20, TRIGGER_MANUAL, NULL, "user:ana"},
            {ANA, 400, RUN_TIMEOUT, 60000, 4, FIELD_NULL, 1, 1 << 20, TRIGGER_SCHEDULE, "100% of its_time",
             NULL},
            {ANA, 390, RUN_SUCCESS, 150, 5, 0, 2, 1 << 20, TRIGGER_RETRY, NULL, NULL},
            {BERTA, 300, RUN_SUCCESS, 45000, 60000, 0, 1, FIELD_NULL, TRIGGER_SCHEDULE, NULL, NULL},
            {CESAR, 200, RUN_CANCELLED, 10, 7, FIELD_NULL, 1, 1 << 20, TRIGGER_MANUAL, NULL, "user:Eva"},
            {CESAR, 100, RUN_LOST, FIELD_NULL, 8, FIELD_NULL, 1, 1 << 20, TRIGGER_SCHEDULE,
             "the server stopped", NULL},
            {ANA, 50, RUN_SUCCESS, 110, 9, 7, 1, 1 << 20, TRIGGER_SCHEDULE, NULL, NULL},
            {BERTA, 20, RUN_SUCCESS, 120, 10, 0, 1, 1 << 20, TRIGGER_SCHEDULE, "warned only", NULL},
            {ANA, 10, RUN_RUNNING, FIELD_NULL, 11, FIELD_NULL, 1, FIELD_NULL, TRIGGER_SCHEDULE, NULL, NULL},
            {BERTA, 5, RUN_QUEUED, FIELD_NULL, FIELD_NULL, FIELD_NULL, 1, FIELD_NULL, TRIGGER_MANUAL, NULL,
             "token:ci"}};
enum { MADE = sizeof made / sizeof *made };

static const struct {
  int line;
  const char *q, *want; /* newest first */
} asked[] = {{__LINE__, "", "11 10 9 8 7 6 5 4 3 2 1 0"},
             {__LINE__, "status:failed", "1"},
             {__LINE__, "status:failed,timeout,lost", "7 3 1"},
             {__LINE__, "-status:success", "11 10 7 6 3 1"},
             {__LINE__, "status:success status:failed", ""},
             {__LINE__, "status:running,queued", "11 10"},
             {__LINE__, "status:running,failed", "10 1"},
             {__LINE__, "status:any took:none", "11 10 7"},
             {__LINE__, "trigger:manual", "11 6 2"},
             {__LINE__, "trigger:manual status:success", "2"},
             {__LINE__, "-trigger:schedule", "11 6 4 2"},
             {__LINE__, "took>30s", "5 3 1"},
             {__LINE__, "took>=45s took<1m30s", "5 3"},
             {__LINE__, "took:45s", "5"},
             {__LINE__, "-took>30s status:success", "9 8 4 2 0"},
             {__LINE__, "lag>=1m", "5"},
             {__LINE__, "exit:3", "1"},
             {__LINE__, "exit>0", "8 1"},
             {__LINE__, "exit:0", "9 5 4 2 0"},
             {__LINE__, "exit:none status:lost", "7"},
             {__LINE__, "attempt>1", "4"},
             {__LINE__, "mem>=64MB", "1"},
             {__LINE__, "mem:none", "11 10 5"},
             {__LINE__, "error~conexion", "1"},
             {__LINE__, "error~RECHAZADA", "1"},
             {__LINE__, "error:*servidor", "1"},
             {__LINE__, "error:conexion", ""},
             {__LINE__, "error~%", "3"},
             {__LINE__, "error~s_t", "3"},
             {__LINE__, "error~sXt", ""},
             {__LINE__, "error:any", "9 7 3 1"},
             {__LINE__, "error:any -status:success", "7 3 1"},
             {__LINE__, "-error~server", "11 10 9 8 6 5 4 3 2 1 0"},
             {__LINE__, "error:none status:failed,cancelled", "6"},
             {__LINE__, "error~only,stopped", "9 7"},
             {__LINE__, "who:user:ana", "2"},
             {__LINE__, "who~EVA", "6"},
             {__LINE__, "who:user:*", "6 2"},
             {__LINE__, "started<1h", "11 10 9 8"},
             {__LINE__, "started>1h", "7 6 5 4 3 2 1 0"},
             {__LINE__, "started>1h started<5h", "7 6"},
             {__LINE__, "started<1h status:success", "9 8"},
             {__LINE__, "job:ana", "10 8 4 3 0"},
             {__LINE__, "job:ANA status:success", "8 4 0"},
             {__LINE__, "job~a", "11 10 9 8 7 6 5 4 3 2 1 0"},
             {__LINE__, "job:b*", "11 9 5 1"},
             {__LINE__, "job:nobody", ""},
             {__LINE__, "-job:ana", "11 9 7 6 5 2 1"},
             {__LINE__, "cesar", "7 6 2"},
             {__LINE__, "cat:sync", "11 9 5 1"},
             {__LINE__, "cat:none", "7 6 2"},
             {__LINE__, "tag:team", "11 10 9 8 5 4 3 1 0"},
             {__LINE__, "tag:team=azul", "10 8 4 3 0"},
             {__LINE__, "tag:rapido status:failed", "1"},
             {__LINE__, "tag~team=a", "10 8 4 3 0"},
             {__LINE__, "owner:eva", "11 9 5 1"},
             {__LINE__, "owner:malaga", "7 6 2"},
             {__LINE__, "cpu:none status:success took>1s", "5"},
             {__LINE__, "reason:success exit:7", "8"}};

static void make_runs(struct harness *h) {
  static const char *const names[] = {"ana", "berta", "César"}, *const categories[] = {"CLEANUP", "SYNC",
                                                                                       NULL};
  static const char *const labels[] = {"{\"team\":\"azul\"}",
                                       "{\"team\":\"rojo\",\"rápido\":\"\",\"owner\":\"Eva\"}",
                                       "{\"owner\":\"M\\u00e1laga\"}"};
  int64_t nos[MADE_JOBS], now_ms = h->now_ms + DAY;
  for (int i = 0; i < MADE_JOBS; i++) {
    struct job job = harness_definition(names[i], "@yearly");
    job.category = categories[i];
    job.labels = labels[i];
    nos[i] = saved(h, &job);
  }
  for (int i = 0; i < MADE; i++) {
    const struct made_run *m = &made[i];
    h->now_ms = now_ms - m->ago_min * MINUTE;
    enum change_kind kind = m->status == RUN_QUEUED    ? CHANGE_QUEUE
                            : m->status == RUN_RUNNING ? CHANGE_START
                                                       : CHANGE_END;
    struct change *c = harness_run(h, kind, harness_next_run_no(h), nos[m->job], INSTANT_NONE);
    struct run *run = &c->run.run;
    run->status = m->status;
    run->trigger = m->trigger;
    run->duration_ms = m->took_ms;
    run->lag_ms = m->lag_ms;
    run->exit_code = m->exit;
    run->attempt = m->attempt;
    run->peak_memory_bytes = m->memory;
    run->error_message = m->error;
    run->requested_by = m->who;
    run->params = i == 1 ? "{\"a\":1}" : NULL;
    harness_do(h, c);
  }
  h->now_ms = now_ms;
}

/* Page after page until there are no more, each of at most `limit`; the runs as indexes into `made`. */
static const char *indexes(struct harness *h, const struct filter *f, const struct store_read *also,
                           size_t limit) {
  static char text[200];
  int64_t after = 0;
  size_t at = 0;
  text[0] = 0;
  for (bool has_more = true; has_more;) {
    struct store_read *r = harness_read(h, READ_RUNS);
    r->filter = f;
    r->limit = limit;
    r->after = after;
    if (also) {
      r->status_mask = also->status_mask;
      r->trigger_mask = also->trigger_mask;
      r->from_ms = also->from_ms;
      r->to_ms = also->to_ms;
      r->no = also->no;
      r->knows_jobs = also->knows_jobs;
      r->nos = also->nos;
      r->no_count = also->no_count;
    }
    harness_ask(h, r);
    assert_true(r->count <= limit);
    for (size_t i = 0; i < r->count; i++) {
      const struct run *run = &r->runs[i].run;
      int index = 0;
      while (index < MADE && made[index].ago_min * MINUTE != h->now_ms - run->started_ms) index++;
      assert_true(index < MADE);
      assert_non_null(r->runs[i].job_name);
      assert_null(run->output);
      if (index == 1) assert_string_equal(run->params, "{\"a\":1}");
      at += (size_t)snprintf(text + at, sizeof text - at, "%s%d", at ? " " : "", index);
      after = run->no;
    }
    has_more = r->has_more;
    if (has_more && r->looked) {
      assert_true(after == 0 || r->looked <= after);
      after = r->looked;
    }
    store_read_free(r);
  }
  return text;
}

static void runs_are_found_by_every_key_page_by_page(void **state) { /* U-13 */
  struct harness *h = *state;
  make_runs(h);
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    struct arena a = arena_new(65536);
    struct err_detail detail = {};
    const struct filter *f;
    enum err e = filter_parse(&filter_runs, str_of(asked[i].q), h->now_ms, &a, &f, &detail);
    if (e != ERR_OK) fail_msg("line %d: %s", asked[i].line, detail.message);
    for (size_t limit = 1; limit <= 100; limit += limit == 2 ? 98 : 1) {
      const char *got = indexes(h, f, NULL, limit);
      if (strcmp(got, asked[i].want) != 0)
        fail_msg("line %d, %zu a page: %s: %s, not %s", asked[i].line, limit, asked[i].q, got, asked[i].want);
    }
    arena_free(&a);
  }
}

static void runs_are_found_by_masks_and_times_beside_a_filter(void **state) {
  struct harness *h = *state;
  make_runs(h);
  struct arena a = arena_new(65536);
  const struct filter *took;
  CHECK_OK(filter_parse(&filter_runs, STR("took>1s"), h->now_ms, &a, &took, NULL));
  struct store_read *r = harness_read(h, READ_RUNS);
  r->from_ms = r->to_ms = INSTANT_NONE;
  r->status_mask = 1U << RUN_SUCCESS | 1U << RUN_FAILED;
  assert_string_equal(indexes(h, NULL, r, 2), "9 8 5 4 2 1 0");
  assert_string_equal(indexes(h, took, r, 2), "5 1");
  r->trigger_mask = 1U << TRIGGER_MANUAL;
  assert_string_equal(indexes(h, NULL, r, 2), "2");
  r->trigger_mask = r->status_mask = 0;
  r->from_ms = h->now_ms - 400 * MINUTE;
  r->to_ms = h->now_ms - 100 * MINUTE;
  assert_string_equal(indexes(h, NULL, r, 2), "7 6 5 4 3");
  r->no = 1;
  assert_string_equal(indexes(h, NULL, r, 1), "4 3");
  assert_string_equal(indexes(h, took, r, 1), "3");
  store_read_free(r);
  arena_free(&a);
}

/* A clock that is set back makes runs whose start is before their id's own time. */
/* Who knows the jobs is believed: their terms are not judged again. */
static void runs_of_known_jobs_are_found_without_looking_for_them(void **state) { /* U-13 */
  struct harness *h = *state;
  static const struct {
    const char *q;
    int jobs[3];
    size_t count;
    const char *want;
  } rows[] = {{"cat:sync", {BERTA}, 1, "11 9 5 1"},
              {"cat:sync", {CESAR}, 1, "7 6 2"},
              {"cat:sync", {}, 0, ""},
              {"owner:any status:success", {ANA, CESAR}, 2, "8 4 2 0"},
              {"ana took>30s", {ANA, BERTA, CESAR}, 3, "5 3 1"}};
  int64_t first_no;
  make_runs(h);
  struct store_read *job = harness_read(h, READ_JOB);
  job->name = STR("ana");
  harness_ask(h, job);
  first_no = job->jobs[0].job->no;
  store_read_free(job);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct arena a = arena_new(65536);
    struct store_read *also = harness_read(h, READ_RUNS);
    int64_t nos[3];
    const struct filter *f;
    CHECK_OK(filter_parse(&filter_runs, str_of(rows[i].q), h->now_ms, &a, &f, NULL));
    for (size_t n = 0; n < rows[i].count; n++) nos[n] = first_no + rows[i].jobs[n];
    also->knows_jobs = true;
    also->nos = nos;
    also->no_count = rows[i].count;
    for (size_t limit = 2; limit <= 100; limit += 98)
      assert_string_equal(indexes(h, f, also, limit), rows[i].want);
    store_read_free(also);
    arena_free(&a);
  }
}

#define CROWD 60 /* jobs, more than are read one by one where that is dear */
#define EACH 5   /* runs */

static void runs_of_a_crowd_of_jobs_come_newest_first(void **state) { /* U-13 */
  struct harness *h = *state;
  int64_t nos[CROWD], made_no[CROWD * EACH], after = 0;
  struct arena a = arena_new(65536);
  const struct filter *f;
  size_t seen = 0;
  for (int i = 0; i < CROWD; i++) {
    char name[20];
    snprintf(name, sizeof name, "crowd-%d", i);
    nos[i] = harness_job(h, name, "@yearly");
  }
  int64_t other = harness_job(h, "other", "@yearly");
  for (int i = 0; i < CROWD * EACH; i++) {
    h->now_ms += SECOND;
    harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), other, INSTANT_NONE));
    made_no[i] = harness_next_run_no(h);
    harness_do(h, harness_run(h, CHANGE_END, made_no[i], nos[i * 7 % CROWD], INSTANT_NONE));
  }
  CHECK_OK(filter_parse(&filter_runs, STR("job~crowd"), h->now_ms, &a, &f, NULL));
  for (bool has_more = true; has_more;) {
    struct store_read *r = harness_read(h, READ_RUNS);
    r->filter = f;
    r->limit = 7;
    r->after = after;
    harness_ask(h, r);
    for (size_t i = 0; i < r->count; i++, seen++)
      assert_true(seen < CROWD * EACH && r->runs[i].run.no == made_no[CROWD * EACH - 1 - seen]);
    has_more = r->has_more;
    assert_true(!has_more || after == 0 || r->looked < after);
    after = r->looked;
    store_read_free(r);
  }
  assert_int_equal(seen, CROWD * EACH);
  arena_free(&a);
}

static void jobs_are_asked_for_by_failures_in_a_row(void **state) { /* C-107 */
  struct harness *h = *state;
  int64_t twice = harness_job(h, "twice", "@yearly"), once = harness_job(h, "once", "@yearly");
  (void)harness_job(h, "never", "@yearly");
  for (int i = 0; i < 3; i++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), i < 2 ? twice : once, INSTANT_NONE);
    c->run.run.status = RUN_FAILED;
    c->run.chain = -1;
    harness_do(h, c);
  }
  for (int64_t least = 0; least <= 3; least++) {
    static const size_t want[] = {3, 2, 1, 0};
    struct store_read *r = harness_read(h, READ_JOBS);
    r->is_active = -1;
    r->failures_min = least;
    harness_ask(h, r);
    assert_int_equal(r->count, want[least]);
    if (least == 2) assert_string_equal(r->jobs[0].job->name, "twice");
    store_read_free(r);
  }
  struct store_read *r = harness_read(h, READ_JOBS);
  r->is_active = -1;
  r->status_mask = 1U << RUN_FAILED;
  harness_ask(h, r);
  assert_int_equal(r->count, 2);
  store_read_free(r);
}

static void runs_after_a_clock_set_back_are_found_by_their_start(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@yearly"), was_ms = h->now_ms;
  harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE));
  struct change *c = change_new(CHANGE_CLOCK, h->now_ms);
  c->clock.was_ms = was_ms;
  c->clock.is_ms = was_ms - 30 * DAY;
  harness_do(h, c);
  h->now_ms = was_ms - 30 * DAY;
  harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE));
  struct arena a = arena_new(65536);
  const struct filter *f;
  CHECK_OK(filter_parse(&filter_runs, STR("started>1d"), was_ms, &a, &f, NULL));
  struct store_read *r = harness_read(h, READ_RUNS);
  r->filter = f;
  harness_ask(h, r);
  assert_int_equal(r->count, 1);
  assert_int_equal(r->runs[0].run.started_ms, was_ms - 30 * DAY);
  store_read_free(r);
  arena_free(&a);
}

static void runs_of_one_due_instant_come_oldest_first(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms));
  for (int64_t attempt = 1; attempt <= 3; attempt++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, h->now_ms);
    c->run.run.attempt = attempt;
    if (attempt > 1) c->run.run.trigger = TRIGGER_RETRY;
    harness_do(h, c);
  }
  struct store_read *r = harness_read(h, READ_RUNS);
  r->no = no;
  r->due_ms = h->now_ms;
  harness_ask(h, r);
  assert_int_equal(r->count, 3);
  for (int i = 0; i < 3; i++) assert_int_equal(r->runs[i].run.attempt, i + 1);
  store_read_free(r);
}

#define MANY 30000

/* What fits rarely is looked for in steps: each page is bounded, says how far it came, and nothing is passed over. */
static void what_is_rare_is_looked_for_in_steps(void **state) { /* U-13 */
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@yearly"), found = 0, after = 0;
  struct change *batch[500];
  for (int i = 0; i < MANY; i += 500) {
    for (int n = 0; n < 500; n++) {
      batch[n] = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
      batch[n]->run.run.trigger = TRIGGER_SCHEDULE;
      batch[n]->run.run.output = NULL;
      if (i + n == 3 || i + n == MANY / 2)
        batch[n]->run.run.cpu_user_us = 5000000, batch[n]->run.run.cpu_system_us = 0;
      h->now_ms += SECOND;
    }
    CHECK_OK(h->backend->ops->apply(h->backend, batch, 500));
    for (int n = 0; n < 500; n++) change_free(batch[n]);
  }
  struct arena a = arena_new(65536);
  const struct filter *f;
  int pages = 0;
  CHECK_OK(filter_parse(&filter_runs, STR("cpu>4s"), h->now_ms, &a, &f, NULL));
  for (bool has_more = true; has_more; pages++) {
    struct store_read *r = harness_read(h, READ_RUNS);
    r->filter = f;
    r->after = after;
    harness_ask(h, r);
    found += (int64_t)r->count;
    has_more = r->has_more;
    if (has_more) assert_true(r->looked > 0 && (after == 0 || r->looked < after));
    after = r->looked;
    store_read_free(r);
  }
  assert_int_equal(found, 2);
  assert_true(pages > 1);
  arena_free(&a);
}

#define CONTRACT_ON(kind, name, f) \
  { name " " #f, f, setup, teardown, (void *)(uintptr_t)&kinds[kind] }
#define CONTRACT(f)                                                             \
  CONTRACT_ON(HARNESS_MEM, "mem", f), CONTRACT_ON(HARNESS_SQLITE, "sqlite", f), \
      CONTRACT_ON(HARNESS_PG, "pg", f)

static const enum harness_kind kinds[] = {HARNESS_MEM, HARNESS_SQLITE, HARNESS_PG};

int main(void) {
  const struct CMUnitTest tests[] = {
      CONTRACT(load_is_summed_by_intervals),
      CONTRACT(days_of_a_job_stay_when_its_rows_go),
      CONTRACT(lanes_show_trouble_then_what_runs_then_the_others),
      CONTRACT(lanes_show_stretches_and_bands),
      CONTRACT(the_look_ahead_counts_every_jobs_own_instants),
      CONTRACT(the_look_ahead_finds_clashes_tight_jobs_and_closed_gates),
      CONTRACT(versions_come_newest_first_also_of_what_is_gone),
      CONTRACT(occurrences_come_in_pages_with_their_stretches),
      CONTRACT(jobs_come_with_their_strips_and_in_the_order_asked_for),
      CONTRACT(the_dashboard_counts_and_looks_ahead),
      CONTRACT(the_audit_log_is_filtered_in_pages),
      CONTRACT(runs_are_found_by_every_key_page_by_page),
      CONTRACT(runs_are_found_by_masks_and_times_beside_a_filter),
      CONTRACT(runs_of_known_jobs_are_found_without_looking_for_them),
      CONTRACT(runs_of_a_crowd_of_jobs_come_newest_first),
      CONTRACT(jobs_are_asked_for_by_failures_in_a_row),
      CONTRACT(runs_after_a_clock_set_back_are_found_by_their_start),
      CONTRACT(runs_of_one_due_instant_come_oldest_first),
      CONTRACT(what_is_rare_is_looked_for_in_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
