/* The contract every backend keeps (store.h, DESIGN 6): jobs, claims, runs. */
#include "base/id.h"
#include "tests/support/store_fixture.h"

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

/* ---- what a fresh store holds ---- */

static void fresh_store_has_the_seeds_defaults(void **state) {
  struct harness *h = *state;
  struct settings *s = h->boot.settings;
  assert_int_equal(h->boot.epoch, 1);
  assert_int_equal(h->boot.last_alive_ms, INSTANT_NONE);
  assert_int_equal(h->boot.unfinished_count, 0);
  assert_string_equal(s->timezone, "Europe/Madrid");
  assert_int_equal(s->is_enabled, 1);
  assert_int_equal(s->max_concurrent, 5);
  assert_int_equal(s->default_timeout, 3600);
  assert_int_equal(s->keep_executions, 1000);
  assert_int_equal(s->cleanup_days, 30);
  assert_true(id_is_acceptable(str_of(s->id)) && s->id[0] == 'c');
  assert_true(h->backend->ops->next_due_ms(h->backend) == INSTANT_NEVER);
}

/* ---- jobs ---- */

static void created_job_is_complete(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("backup", "0 3 * * *");
  job.params = "{\"a\":1}";
  job.retries = 2;
  struct change *c = harness_save(h, &job);
  CHECK_OK(harness_apply(h, c));
  struct job *saved = c->job.saved;
  int64_t number;
  assert_int_equal(saved->no, 1);
  assert_int_equal(saved->version, 1);
  assert_true(id_from_text(str_of(saved->id), &number));
  assert_int_equal(saved->created_ms, NOON);
  assert_int_equal(saved->updated_ms, NOON);
  assert_int_equal(saved->next_run_ms, NOON + 15 * HOUR);
  assert_int_equal(saved->last_run_ms, FIELD_NULL);
  assert_string_equal(saved->system_id, h->boot.settings->system_id);
  struct job *read = harness_get_job(h, 1);
  for (size_t i = 0; i < job_field_count; i++) {
    const struct field *f = &job_fields[i];
    if (f->type == FIELD_TEXT || f->type == FIELD_JSON)
      check_str_eq(str_of(field_text(f, read)), str_of(field_text(f, saved)), __LINE__);
    else if (field_int(f, read) != field_int(f, saved)) fail_msg("%s", f->name);
  }
  job_unref(read);
  change_free(c);
}

static void taken_name_is_a_conflict(void **state) {
  struct harness *h = *state;
  harness_job(h, "a", "@daily");
  struct job job = harness_definition("a", "@hourly");
  struct change *c = harness_save(h, &job);
  assert_int_equal(harness_apply(h, c), ERR_CONFLICT);
  assert_string_equal(c->detail.field, "name");
  change_free(c);
  assert_int_equal(harness_job(h, "b", "@hourly") > 1, true);
}

static void a_proposed_id_is_given_once(void **state) {
  struct harness *h = *state;
  struct id_maker ids = {};
  int64_t number = id_next(&ids, h->now_ms);
  struct id_text proposed = id_to_text(number | ID_PROPOSED);
  struct job job = harness_definition("a", "@daily");
  job.id = proposed.text;
  struct change *c = harness_save(h, &job);
  CHECK_OK(harness_apply(h, c));
  assert_string_equal(c->job.saved->id, proposed.text);
  change_free(c);
  job.name = "b";
  c = harness_save(h, &job);
  assert_int_equal(harness_apply(h, c), ERR_CONFLICT);
  assert_string_equal(c->detail.field, "id");
  change_free(c);
  for (int i = 0; i < 20; i++) { /* what the store itself would give next: it takes others */
    struct id_text taken = id_to_text(number + i);
    char name[2] = {(char)('c' + i)};
    job.id = taken.text;
    job.name = name;
    harness_do(h, harness_save(h, &job));
  }
  assert_true(harness_job(h, "b", "@hourly") > 0);
}

static void bad_schedule_names_its_field(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "75 * * * *");
  struct change *c = harness_save(h, &job);
  assert_int_equal(harness_apply(h, c), ERR_INVALID);
  assert_string_equal(c->detail.field, "minute");
  change_free(c);
}

static void edit_needs_the_version_it_read(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@daily");
  struct job *job = harness_get_job(h, no);
  struct change *c = harness_save(h, job);
  c->job.if_updated_ms = job->updated_ms - 1;
  assert_int_equal(harness_apply(h, c), ERR_PRECONDITION);
  change_free(c);
  c = harness_save(h, job);
  c->job.if_updated_ms = job->updated_ms;
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->job.saved->version, 2);
  assert_true(c->job.saved->updated_ms > job->updated_ms); /* although the clock stood still */
  assert_int_equal(c->job.saved->created_ms, job->created_ms);
  change_free(c);
  job_unref(job);
}

static void edit_of_a_missing_job_is_not_found(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "@daily");
  job.no = 77;
  struct change *c = harness_save(h, &job);
  assert_int_equal(harness_apply(h, c), ERR_NOT_FOUND);
  change_free(c);
}

static void numbers_are_never_reused(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@daily");
  struct change *c = change_new(CHANGE_JOB_DELETE, h->now_ms);
  c->job.job_no = no;
  c->job.if_updated_ms = FIELD_NULL;
  harness_do(h, c);
  assert_int_equal(harness_job(h, "a", "@daily"), no + 1);
}

/* ---- claims ---- */

static void claim_gives_each_instant_once(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  struct change *c = harness_claim(h, h->now_ms + MINUTE);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 2);
  assert_int_equal(c->claimed.claims[0].due_ms, NOON + MINUTE);
  assert_int_equal(c->claimed.claims[1].due_ms, NOON + 2 * MINUTE);
  assert_int_equal(c->claimed.claims[0].job->no, no);
  assert_int_equal(c->claim.next_due_ms, NOON + 3 * MINUTE);
  change_free(c);
  c = harness_claim(h, h->now_ms + MINUTE);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 0);
  change_free(c);
  assert_string_equal(harness_ledger(h, no), "12:01:00 pending; 12:02:00 pending");
}

static void claim_stops_at_its_maximum(void **state) {
  struct harness *h = *state;
  harness_job(h, "a", "* * * * * *");
  harness_job(h, "b", "* * * * * *");
  advance(h, 10 * SECOND);
  int64_t got = 0;
  bool has_more = true;
  for (int i = 0; has_more; i++) {
    struct change *c = harness_claim(h, h->now_ms + 5 * SECOND);
    c->claim.max = 4;
    c->claim.late_reason = REASON_WINDOW;
    CHECK_OK(harness_apply(h, c));
    assert_true(c->claimed.count <= 4 && i < 20);
    got += (int64_t)c->claimed.count;
    has_more = c->claim.has_more;
    change_free(c);
  }
  assert_int_equal(h->backend->ops->next_due_ms(h->backend), NOON + 16 * SECOND);
  assert_true(got >= 12);
  assert_string_equal(harness_audit(h), "");
}

static void downtime_is_one_row(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "* * * * *");
  job.misfire_policy = MISFIRE_NONE;
  harness_do(h, harness_save(h, &job));
  advance(h, 10 * DAY + 30 * SECOND);
  struct change *c = harness_claim(h, h->now_ms);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->gap_count, 1);
  assert_int_equal(c->gaps[0].count + (int64_t)c->claimed.count, 10 * 1440);
  assert_int_equal(c->gaps[0].reason, REASON_SERVER_DOWN);
  change_free(c);
  assert_string_equal(harness_audit(h), "");
}

/* A million missed slots are one row and a jump, not a loop. */
static void long_downtime_of_a_fast_job_is_one_row(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "@every 1s");
  job.misfire_policy = MISFIRE_NONE;
  harness_do(h, harness_save(h, &job));
  advance(h, 12 * DAY);
  struct change *c = harness_claim(h, h->now_ms);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->gap_count, 1);
  assert_int_equal(c->gaps[0].count + (int64_t)c->claimed.count, 12 * 86400);
  change_free(c);
  assert_string_equal(harness_audit(h), "");
}

static void last_misfire_is_caught_up(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "0 * * * *");
  advance(h, 3 * HOUR + 30 * MINUTE);
  struct change *c = harness_claim(h, h->now_ms);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 1);
  assert_true(c->claimed.claims[0].is_catch_up);
  change_free(c);
  assert_string_equal(harness_ledger(h, no), "13:00:00-14:00:00 x2 missed/server_down; 15:00:00 pending");
}

static void gaps_that_touch_are_one(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  harness_do(h, harness_gate(h, GATE_SCOPE_JOB, no, GATE_PAUSED));
  for (int i = 0; i < 5; i++) {
    advance(h, MINUTE);
    assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  }
  assert_string_equal(harness_ledger(h, no), "12:01:00-12:05:00 x5 skipped/paused");
  assert_string_equal(harness_audit(h), "");
}

/* ---- runs ---- */

static void run_goes_from_claim_to_end(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success");
  struct store_read *r = harness_read(h, READ_RUN);
  r->no = h->last_run;
  r->with_output = true;
  harness_ask(h, r);
  const struct run *run = &r->runs[0].run;
  assert_int_equal(run->status, RUN_SUCCESS);
  assert_int_equal(run->job_no, no);
  assert_int_equal(run->due_ms, NOON + MINUTE);
  assert_string_equal(run->output, "done\n");
  assert_string_equal(r->runs[0].job_name, "a");
  assert_string_equal(run->id, id_to_text(h->last_run).text);
  store_read_free(r);
  assert_string_equal(harness_audit(h), "");
}

static void start_and_end_in_one_batch_are_one_row(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  change_free(NULL);
  struct change *claim = harness_claim(h, h->now_ms);
  int64_t run = harness_next_run_no(h);
  struct change *batch[] = {claim, harness_run(h, CHANGE_START, run, no, NOON + MINUTE),
                            harness_run(h, CHANGE_END, run, no, NOON + MINUTE)};
  CHECK_OK(h->backend->ops->apply(h->backend, batch, 3));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(batch[i]->error);
    change_free(batch[i]);
  }
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

/* The journal knows better than who sent the START. */
static void end_corrects_when_a_run_started(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms));
  for (int i = 0; i < 2; i++) { /* as its START said, and 5 ms later */
    int64_t run_no = harness_next_run_no(h);
    harness_do(h, harness_run(h, CHANGE_START, run_no, no, INSTANT_NONE));
    struct change *c = harness_run(h, CHANGE_END, run_no, no, INSTANT_NONE);
    c->run.run.started_ms = h->now_ms + 5 * i;
    harness_do(h, c);
    struct store_read *r = harness_read(h, READ_RUN);
    r->no = run_no;
    harness_ask(h, r);
    assert_int_equal(r->runs[0].run.status, RUN_SUCCESS);
    assert_int_equal(r->runs[0].run.started_ms, h->now_ms + 5 * i);
    store_read_free(r);
  }
}

static void repeated_records_change_nothing(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms));
  int64_t run = harness_next_run_no(h);
  const enum change_kind kinds[] = {CHANGE_START, CHANGE_START, CHANGE_END,
                                    CHANGE_END,   CHANGE_START, CHANGE_SETTLE};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    struct change *c = harness_run(h, kinds[i], run, no, NOON + MINUTE);
    if (kinds[i] == CHANGE_SETTLE) {
      c->run.has_run = false;
      c->run.state = OCCURRENCE_SKIPPED;
      c->run.reason = REASON_CAPACITY;
    }
    harness_do(h, c);
  }
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success");
  struct store_read *r = harness_read(h, READ_RUNS);
  harness_ask(h, r);
  assert_int_equal(r->count, 1);
  assert_int_equal(r->runs[0].run.status, RUN_SUCCESS);
  store_read_free(r);
}

static void failed_chains_are_counted(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  for (int64_t want = 1; want <= 3; want++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
    c->run.run.status = RUN_FAILED;
    c->run.chain = -1;
    CHECK_OK(harness_apply(h, c));
    assert_int_equal(c->run.failures, want);
    change_free(c);
  }
  struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->run.failures, 0);
  change_free(c);
}

static void retry_is_queued_with_the_end(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms));
  int64_t first = harness_next_run_no(h), second = harness_next_run_no(h);
  harness_do(h, harness_run(h, CHANGE_START, first, no, NOON + MINUTE));
  struct change *end = harness_run(h, CHANGE_END, first, no, NOON + MINUTE);
  struct change *retry = harness_run(h, CHANGE_QUEUE, second, no, NOON + MINUTE);
  end->run.run.status = RUN_FAILED;
  end->run.reason = REASON_FAILED;
  end->run.chain = 0;
  end->run.has_retry = true;
  end->run.retry = retry->run.run;
  end->run.retry.attempt = 2;
  end->run.retry.trigger = TRIGGER_RETRY;
  CHECK_OK(harness_apply(h, end));
  change_free(end);
  change_free(retry);
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/failed");
  struct store_read *r = harness_read(h, READ_RUNS);
  r->no = no;
  r->status_mask = 1u << RUN_QUEUED;
  harness_ask(h, r);
  assert_int_equal(r->count, 1);
  assert_int_equal(r->runs[0].run.attempt, 2);
  store_read_free(r);
  struct change *again = harness_run(h, CHANGE_END, second, no, NOON + MINUTE);
  again->run.run.attempt = 2;
  again->run.run.trigger = TRIGGER_RETRY;
  struct change *start = harness_run(h, CHANGE_START, second, no, NOON + MINUTE);
  start->run.run.attempt = 2;
  start->run.run.trigger = TRIGGER_RETRY;
  harness_do(h, start);
  harness_do(h, again);
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

static void second_run_of_one_attempt_is_refused(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_work(h, RUN_SUCCESS);
  struct change *c = harness_run(h, CHANGE_START, harness_next_run_no(h), no, NOON + MINUTE);
  assert_int_equal(harness_apply(h, c), ERR_CONFLICT);
  change_free(c);
  assert_string_equal(harness_audit(h), "");
}

static void refused_change_leaves_its_batch_alone(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_work(h, RUN_SUCCESS);
  advance(h, MINUTE);
  struct job job = harness_definition("b", "@daily");
  struct change *batch[] = {
      harness_claim(h, h->now_ms), harness_run(h, CHANGE_START, harness_next_run_no(h), no, NOON + MINUTE),
      harness_save(h, &job), harness_run(h, CHANGE_START, harness_next_run_no(h), no, NOON + 2 * MINUTE)};
  CHECK_OK(h->backend->ops->apply(h->backend, batch, 4));
  CHECK_OK(batch[0]->error);
  assert_int_equal(batch[0]->claimed.count, 1);
  assert_int_equal(batch[1]->error, ERR_CONFLICT);
  CHECK_OK(batch[2]->error);
  CHECK_OK(batch[3]->error);
  for (int i = 0; i < 4; i++) change_free(batch[i]);
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success; 12:02:00 ran");
}

static void records_of_a_deleted_job_are_accepted(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms));
  struct change *c = change_new(CHANGE_JOB_DELETE, h->now_ms);
  c->job.job_no = no;
  c->job.from_ms = h->now_ms;
  c->job.if_updated_ms = FIELD_NULL;
  harness_do(h, c);
  assert_string_equal(harness_ledger(h, no), "12:01:00 skipped/disabled");
  harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), no, NOON + MINUTE));
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success"); /* it had started before */
  assert_string_equal(harness_audit(h), "");
}

static void deleting_a_job_takes_its_runs(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_work(h, RUN_SUCCESS);
  struct change *c = change_new(CHANGE_JOB_DELETE, h->now_ms);
  c->job.job_no = no;
  c->job.if_updated_ms = FIELD_NULL;
  harness_do(h, c);
  struct store_read *r = harness_read(h, READ_RUNS);
  harness_ask(h, r);
  assert_int_equal(r->count, 0);
  store_read_free(r);
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success");
  assert_int_equal(h->backend->ops->next_due_ms(h->backend), INSTANT_NEVER);
}

static void last_and_next_run_follow(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_work(h, RUN_SUCCESS);
  harness_touch(h);
  struct job *job = harness_get_job(h, no);
  assert_int_equal(job->last_run_ms, NOON + MINUTE);
  assert_int_equal(job->next_run_ms, NOON + 2 * MINUTE);
  job_unref(job);
}

#define CONTRACT_ON(kind, name, f) \
  { name " " #f, f, setup, teardown, (void *)(uintptr_t)&kinds[kind] }
#define CONTRACT(f)                                                             \
  CONTRACT_ON(HARNESS_MEM, "mem", f), CONTRACT_ON(HARNESS_SQLITE, "sqlite", f), \
      CONTRACT_ON(HARNESS_PG, "pg", f)

static const enum harness_kind kinds[] = {HARNESS_MEM, HARNESS_SQLITE, HARNESS_PG};

/* ---- jobs that are only tried ---- */

static int64_t listed_jobs(struct harness *h, int64_t *ret_total) {
  struct store_read *r = harness_read(h, READ_JOBS);
  r->is_active = -1;
  harness_ask(h, r);
  int64_t count = (int64_t)r->count;
  *ret_total = r->total;
  store_read_free(r);
  return count;
}

static int64_t try_job(struct harness *h, const char *name) {
  struct job job = harness_definition(name, "* * * * *");
  job.is_active = 0;
  job.disabled_reason = JOB_TEST_MARK;
  struct change *c = harness_save(h, &job);
  CHECK_OK(harness_apply(h, c));
  int64_t no = c->job.saved->no;
  assert_true(job_is_test(c->job.saved));
  change_free(c);
  return no;
}

static void retain_all(struct harness *h) {
  for (bool has_more = true; has_more;) {
    struct change *c = change_new(CHANGE_RETAIN, h->now_ms);
    CHECK_OK(harness_apply(h, c));
    has_more = c->retain.has_more;
    change_free(c);
  }
}

static enum err read_run_of(struct harness *h, int64_t run_no) {
  struct store_read *r = harness_read(h, READ_RUN);
  r->no = run_no;
  enum err e = h->backend->ops->read(h->backend, r);
  store_read_free(r);
  return e;
}

static void a_tried_job_is_in_no_list_and_goes_after_a_day(void **state) {
  struct harness *h = *state;
  int64_t total;
  harness_job(h, "a", "0 0 1 1 *");
  int64_t tried = try_job(h, "a (test)"), open = try_job(h, "b (test)");
  assert_int_equal(listed_jobs(h, &total), 1);
  assert_int_equal(total, 1);
  struct store_read *board = harness_read(h, READ_DASHBOARD);
  harness_ask(h, board);
  assert_int_equal(board->dashboard.total_jobs, 1);
  store_read_free(board);

  int64_t run_no = harness_next_run_no(h), open_no;
  harness_do(h, harness_run(h, CHANGE_START, run_no, tried, INSTANT_NONE));
  harness_do(h, harness_run(h, CHANGE_END, run_no, tried, INSTANT_NONE));
  open_no = harness_next_run_no(h);
  harness_do(h, harness_run(h, CHANGE_START, open_no, open, INSTANT_NONE));
  advance(h, JOB_TEST_KEPT_MS - HOUR);
  retain_all(h);
  CHECK_OK(read_run_of(h, run_no));
  advance(h, 2 * HOUR);
  retain_all(h);
  assert_int_equal(read_run_of(h, run_no), ERR_NOT_FOUND);
  CHECK_OK(read_run_of(h, open_no)); /* what still runs is not taken away */
  struct store_read *versions = harness_read(h, READ_VERSIONS);
  versions->no = tried;
  versions->limit = 10;
  harness_ask(h, versions);
  assert_int_equal(versions->count, 0); /* nor is its definition kept, which may hold secrets */
  store_read_free(versions);
  harness_do(h, harness_run(h, CHANGE_END, open_no, open, INSTANT_NONE));
  advance(h, 2 * HOUR);
  retain_all(h);
  assert_int_equal(read_run_of(h, open_no), ERR_NOT_FOUND);
  assert_int_equal(listed_jobs(h, &total), 1);
  assert_string_equal(harness_audit(h), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CONTRACT(fresh_store_has_the_seeds_defaults),
      CONTRACT(created_job_is_complete),
      CONTRACT(taken_name_is_a_conflict),
      CONTRACT(a_proposed_id_is_given_once),
      CONTRACT(bad_schedule_names_its_field),
      CONTRACT(edit_needs_the_version_it_read),
      CONTRACT(edit_of_a_missing_job_is_not_found),
      CONTRACT(numbers_are_never_reused),
      CONTRACT(claim_gives_each_instant_once),
      CONTRACT(claim_stops_at_its_maximum),
      CONTRACT(downtime_is_one_row),
      CONTRACT(long_downtime_of_a_fast_job_is_one_row),
      CONTRACT(last_misfire_is_caught_up),
      CONTRACT(gaps_that_touch_are_one),
      CONTRACT(run_goes_from_claim_to_end),
      CONTRACT(start_and_end_in_one_batch_are_one_row),
      CONTRACT(end_corrects_when_a_run_started),
      CONTRACT(repeated_records_change_nothing),
      CONTRACT(failed_chains_are_counted),
      CONTRACT(retry_is_queued_with_the_end),
      CONTRACT(second_run_of_one_attempt_is_refused),
      CONTRACT(refused_change_leaves_its_batch_alone),
      CONTRACT(records_of_a_deleted_job_are_accepted),
      CONTRACT(deleting_a_job_takes_its_runs),
      CONTRACT(a_tried_job_is_in_no_list_and_goes_after_a_day),
      CONTRACT(last_and_next_run_follow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
