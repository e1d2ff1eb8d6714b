/* The contract every backend keeps (store.h, DESIGN 6). */
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

/* ---- edits ---- */

static void edit_withdraws_what_lies_beyond_it(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * * *");
  struct change *c = harness_claim(h, NOON + 4 * SECOND);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 4);
  change_free(c);
  advance(h, 2 * SECOND);
  struct job *job = harness_get_job(h, no);
  struct job edited;
  memcpy(&edited, job, sizeof edited);
  edited.schedule = "*/3 * * * * *";
  c = harness_save(h, &edited);
  c->job.from_ms = h->now_ms;
  c->job.until_ms = NOON + 4 * SECOND;
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 1);
  assert_int_equal(c->claimed.claims[0].due_ms, NOON + 3 * SECOND);
  assert_int_equal(c->claimed.claims[0].job->version, 2);
  change_free(c);
  job_unref(job);
  assert_string_equal(harness_ledger(h, no), "12:00:01 pending; 12:00:02 pending; 12:00:03 pending");
  assert_string_equal(harness_audit(h), "");
}

static void edit_never_runs_the_past(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@hourly");
  advance(h, 5 * MINUTE);
  struct job *job = harness_get_job(h, no);
  struct job edited;
  memcpy(&edited, job, sizeof edited);
  edited.schedule = "* * * * *";
  harness_do(h, harness_save(h, &edited));
  job_unref(job);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  advance(h, MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_audit(h), "");
}

static void disabled_job_settles_what_waits(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms + MINUTE));
  harness_do(h, harness_run(h, CHANGE_QUEUE, harness_next_run_no(h), no, INSTANT_NONE));
  struct job *job = harness_get_job(h, no);
  struct job edited;
  memcpy(&edited, job, sizeof edited);
  edited.is_active = 0;
  struct change *c = harness_save(h, &edited);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->job.saved->next_run_ms, FIELD_NULL);
  change_free(c);
  job_unref(job);
  assert_string_equal(harness_ledger(h, no), "12:01:00 skipped/disabled");
  struct store_read *r = harness_read(h, READ_RUNS);
  harness_ask(h, r);
  assert_int_equal(r->runs[0].run.status, RUN_SKIPPED);
  assert_int_equal(r->runs[0].run.reason, REASON_DISABLED);
  store_read_free(r);
  advance(h, HOUR);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  assert_string_equal(harness_audit(h), "");
}

/* ---- gates ---- */

static void pause_skips_and_resume_goes_on(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  harness_do(h, harness_claim(h, h->now_ms + MINUTE));
  harness_do(h, harness_gate(h, GATE_SCOPE_JOB, no, GATE_PAUSED));
  assert_string_equal(harness_ledger(h, no), "");
  advance(h, 3 * MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  harness_do(h, harness_gate(h, GATE_SCOPE_JOB, no, GATE_OPEN));
  advance(h, MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_ledger(h, no), "12:01:00-12:03:00 x3 skipped/paused; 12:04:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

static void pause_ends_by_itself(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  struct change *c = harness_gate(h, GATE_SCOPE_JOB, no, GATE_PAUSED);
  c->gate.gate_until_ms = NOON + 2 * MINUTE;
  harness_do(h, c);
  for (int i = 0; i < 3; i++) {
    advance(h, MINUTE);
    harness_work(h, RUN_SUCCESS);
  }
  assert_string_equal(harness_ledger(h, no),
                      "12:01:00 skipped/paused; 12:02:00 ran/success; 12:03:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

static void gates_reach_their_scope(void **state) {
  struct harness *h = *state;
  static const struct {
    int line;
    enum gate_scope scope;
    const char *key;
    bool closes[3]; /* sync of SYNC, cleanup of CLEANUP, other */
  } rows[] = {
      {__LINE__, GATE_SCOPE_CATEGORY, "SYNC", {true, false, false}},
      {__LINE__, GATE_SCOPE_ALL, NULL, {true, true, true}},
      {__LINE__, GATE_SCOPE_WORLD_JOBS, NULL, {true, true, false}},
  };
  static const char *const names[] = {"sync", "cleanup", "other"}, *const categories[] = {"SYNC", "CLEANUP",
                                                                                          NULL};
  for (int i = 0; i < 3; i++) {
    struct job job = harness_definition(names[i], "@every 1m");
    job.category = categories[i];
    harness_do(h, harness_save(h, &job));
  }
  for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
    struct change *c = harness_gate(h, rows[n].scope, 0, GATE_OFF);
    c->gate.key = rows[n].key;
    harness_do(h, c);
    for (int i = 0; i < 3; i++) {
      struct store_read *r = harness_read(h, READ_JOB);
      r->no = i + 1;
      harness_ask(h, r);
      CHECK_ROW(rows[n].line, (r->jobs[0].gate == GATE_OFF) == rows[n].closes[i]);
      store_read_free(r);
    }
    advance(h, MINUTE);
    size_t open = 0;
    for (int i = 0; i < 3; i++) open += !rows[n].closes[i];
    CHECK_ROW(rows[n].line, harness_work(h, RUN_SUCCESS) == open);
    c = harness_gate(h, rows[n].scope, 0, GATE_OPEN);
    c->gate.key = rows[n].key;
    harness_do(h, c);
  }
  advance(h, MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 3);
  assert_string_equal(harness_audit(h), "");
}

static struct change *settings_change(struct harness *h, const struct settings *s) {
  struct change *c = change_new(CHANGE_SETTINGS, h->now_ms);
  c->settings.settings = settings_copy(s);
  c->settings.if_updated_ms = FIELD_NULL;
  c->settings.until_ms = h->now_ms;
  return c;
}

static void disabled_settings_stop_every_scheduled_start(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  struct settings s = *h->boot.settings;
  s.is_enabled = 0;
  harness_do(h, settings_change(h, &s));
  harness_touch(h);
  struct job *job = harness_get_job(h, no);
  assert_int_equal(job->next_run_ms, FIELD_NULL);
  job_unref(job);
  advance(h, 2 * MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  s.is_enabled = 1;
  harness_do(h, settings_change(h, &s));
  advance(h, MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_ledger(h, no), "12:01:00-12:02:00 x2 skipped/off; 12:03:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

static void settings_zone_moves_the_jobs_without_one(void **state) {
  struct harness *h = *state;
  struct job job = harness_definition("a", "0 3 * * *");
  job.timezone = NULL;
  harness_do(h, harness_save(h, &job));
  assert_int_equal(h->backend->ops->next_due_ms(h->backend),
                   NOON + 14 * HOUR); /* 03:00 in Madrid is 02:00 UTC */
  struct settings s = *h->boot.settings;
  s.timezone = "Asia/Tokyo";
  harness_do(h, settings_change(h, &s));
  assert_int_equal(h->backend->ops->next_due_ms(h->backend), NOON + 6 * HOUR); /* 18:00 UTC */
  advance(h, 2 * DAY);
  harness_work(h, RUN_SUCCESS);
  assert_string_equal(harness_audit(h), "");
}

static void unknown_zone_in_settings_is_refused(void **state) {
  struct harness *h = *state;
  struct settings s = *h->boot.settings;
  s.timezone = "Mars/Olympus";
  struct change *c = settings_change(h, &s);
  assert_int_equal(harness_apply(h, c), ERR_INVALID);
  change_free(c);
}

/* ---- the clock ---- */

static void stepping_back_withdraws_what_the_jump_settled(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "0 * * * *");
  advance(h, 10 * HOUR + 30 * MINUTE);
  struct change *c = harness_claim(h, h->now_ms);
  c->claim.late_reason = REASON_CLOCK_JUMP;
  c->claim.no_catch_up = true;
  harness_do(h, c);
  assert_string_equal(harness_ledger(h, no), "13:00:00-22:00:00 x10 missed/clock_jump");
  c = change_new(CHANGE_CLOCK, NOON + 30 * MINUTE);
  c->clock.was_ms = h->now_ms;
  c->clock.is_ms = h->now_ms = NOON + 2 * HOUR + 30 * MINUTE;
  harness_do(h, c);
  assert_string_equal(harness_ledger(h, no), "13:00:00-14:00:00 x2 missed/clock_jump");
  h->now_ms = NOON + 3 * HOUR;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_ledger(h, no), "13:00:00-14:00:00 x2 missed/clock_jump; 15:00:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

static void what_started_never_starts_again(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  for (int i = 0; i < 3; i++) {
    advance(h, MINUTE);
    assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  }
  struct change *c = change_new(CHANGE_CLOCK, NOON);
  c->clock.was_ms = h->now_ms;
  c->clock.is_ms = h->now_ms = NOON;
  harness_do(h, c);
  for (int i = 0; i < 3; i++) {
    advance(h, MINUTE);
    assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  }
  advance(h, MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_int_equal(no, 1);
  assert_string_equal(harness_audit(h), "");
}

/* ---- opening again ---- */

static void reopened_store_lists_what_was_open(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms + MINUTE));
  int64_t running = harness_next_run_no(h), queued = harness_next_run_no(h);
  harness_do(h, harness_run(h, CHANGE_START, running, no, NOON + MINUTE));
  harness_do(h, harness_run(h, CHANGE_QUEUE, queued, no, INSTANT_NONE));
  harness_reopen(h, NOON + 5 * MINUTE, NULL);
  assert_int_equal(h->boot.epoch, 2);
  assert_true(h->boot.is_same_boot);
  assert_int_equal(h->boot.last_alive_ms, NOON + MINUTE);
  assert_int_equal(h->boot.last_run_no, queued);
  assert_int_equal(h->boot.unfinished_count, 3);
  const struct unfinished *u = h->boot.unfinished;
  assert_true(u[0].has_run && !u[0].has_claim && u[0].run.no == running && u[0].due_ms == NOON + MINUTE);
  assert_true(u[1].has_run && u[1].run.no == queued && u[1].due_ms == INSTANT_NONE);
  assert_true(u[2].has_claim && !u[2].has_run && u[2].due_ms == NOON + 2 * MINUTE);
  assert_int_equal(u[2].not_before_ms, NOON + 2 * MINUTE);
}

static void waiting_claim_and_its_queued_run_are_one(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms));
  harness_do(h, harness_run(h, CHANGE_QUEUE, harness_next_run_no(h), no, NOON + MINUTE));
  harness_reopen(h, NOON + 2 * MINUTE, "00000000-0000-0000-0000-000000000002");
  assert_false(h->boot.is_same_boot);
  assert_int_equal(h->boot.unfinished_count, 1);
  assert_true(h->boot.unfinished[0].has_claim && h->boot.unfinished[0].has_run);
}

static void older_epoch_is_refused_but_for_its_ends(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  harness_reopen(h, NOON + SECOND, NULL);
  struct change *c = harness_claim(h, h->now_ms);
  c->epoch = 1;
  assert_int_equal(harness_apply(h, c), ERR_STORE_STALE);
  change_free(c);
  c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
  c->epoch = 1;
  harness_do(h, c);
}

static void reboot_jobs_fall_due_once_for_each_boot(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@reboot");
  advance(h, MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  harness_reopen(h, NOON + HOUR, "00000000-0000-0000-0000-000000000002");
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  harness_reopen(h, NOON + 2 * HOUR, NULL);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  assert_string_equal(harness_ledger(h, no), "13:00:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

static void process_off_is_kept_over_starts(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "*/10 * * * *");
  h->config.is_process_off = true;
  harness_reopen(h, NOON + 5 * MINUTE, NULL);
  advance(h, 10 * MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  h->config.is_process_off = false;
  harness_reopen(h, NOON + 25 * MINUTE, NULL);
  advance(h, 5 * MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_ledger(h, no), "12:10:00-12:20:00 x2 skipped/off; 12:30:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

/* ---- the audit chain, identities, retention ---- */

static void audit_rows_form_a_chain(void **state) {
  struct harness *h = *state;
  for (int i = 0; i < 5; i++) {
    struct change *c = change_new(CHANGE_AUDIT, h->now_ms);
    c->audit = (struct audit_note){.actor = "user:ana", .action = "login", .object = "user:ana"};
    harness_do(h, c);
  }
  struct store_read *r = harness_read(h, READ_AUDIT_LOG);
  r->limit = 2;
  harness_ask(h, r);
  assert_int_equal(r->count, 2);
  assert_true(r->has_more);
  assert_int_equal(r->audit_rows[0].seq, 5);
  assert_int_equal(strlen(r->audit_rows[0].hash), 64);
  store_read_free(r);
  r = harness_read(h, READ_AUDIT_VERIFY);
  harness_ask(h, r);
  assert_int_equal(r->proof.first_bad, 0);
  assert_int_equal(r->total, 5);
  store_read_free(r);
}

static void identities_come_back(void **state) {
  struct harness *h = *state;
  struct change *c = change_new(CHANGE_USER, h->now_ms);
  c->user = (struct user){.id = "u1",
                          .name = "ana",
                          .role = ROLE_ADMIN,
                          .created_ms = 1,
                          .updated_ms = 2,
                          .last_login_ms = FIELD_NULL};
  harness_do(h, c);
  c = change_new(CHANGE_USER, h->now_ms);
  c->user = (struct user){.id = "u2", .name = "ana", .role = ROLE_VIEWER};
  assert_int_equal(harness_apply(h, c), ERR_CONFLICT);
  change_free(c);
  c = change_new(CHANGE_TOKEN, h->now_ms);
  c->token_row =
      (struct token){.id = "t1", .name = "ci", .hash = {1, 2, 255}, .role = ROLE_OPERATOR, .user_id = "u1"};
  harness_do(h, c);
  c = change_new(CHANGE_SESSION, h->now_ms);
  c->session = (struct session){.id_hash = {9, 160}, .user_id = "u1", .csrf = "x", .expires_ms = NOON + DAY};
  harness_do(h, c);
  struct store_read *r = harness_read(h, READ_IDENTITIES);
  harness_ask(h, r);
  assert_int_equal(r->identities.user_count, 1);
  assert_int_equal(r->identities.users[0].role, ROLE_ADMIN);
  assert_int_equal(r->identities.users[0].last_login_ms, FIELD_NULL);
  assert_int_equal(r->identities.tokens[0].hash[2], 255);
  assert_int_equal(r->identities.sessions[0].id_hash[1], 160);
  store_read_free(r);
  c = change_new(CHANGE_USER_DELETE, h->now_ms);
  c->user.id = "u1";
  harness_do(h, c);
  r = harness_read(h, READ_IDENTITIES);
  harness_ask(h, r);
  assert_int_equal(r->identities.user_count + r->identities.token_count + r->identities.session_count, 0);
  store_read_free(r);
}

static void retain_all(struct harness *h) {
  bool has_more = true;
  for (int i = 0; has_more; i++) {
    assert_true(i < 1000);
    struct change *c = change_new(CHANGE_RETAIN, h->now_ms);
    c->retain.max_rows = 7;
    CHECK_OK(harness_apply(h, c));
    has_more = c->retain.has_more;
    change_free(c);
  }
}

static size_t count_runs(struct harness *h, int64_t job_no) {
  struct store_read *r = harness_read(h, READ_RUNS);
  r->no = job_no;
  harness_ask(h, r);
  size_t count = r->count;
  store_read_free(r);
  return count;
}

/* older than 30 days or beyond the newest 1000, but the newest of each job stays, and what runs. */
static void retention_keeps_the_newest_of_each_job(void **state) {
  struct harness *h = *state;
  int64_t old = harness_job(h, "old", "@yearly"), busy = harness_job(h, "busy", "@yearly");
  harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), old, INSTANT_NONE));
  harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), old, INSTANT_NONE));
  harness_do(h, harness_run(h, CHANGE_START, harness_next_run_no(h), old, INSTANT_NONE));
  advance(h, 31 * DAY);
  for (int i = 0; i < 30; i++)
    harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), busy, INSTANT_NONE));
  struct settings s = *h->boot.settings;
  s.keep_executions = 20;
  harness_do(h, settings_change(h, &s));
  retain_all(h);
  assert_int_equal(count_runs(h, old), 2); /* the newest finished one, and the running one */
  assert_int_equal(count_runs(h, busy), 20);
}

static void old_ledger_rows_become_rollups_that_prove_them(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "0 * * * *");
  for (int i = 0; i < 24 * 4; i++) {
    advance(h, HOUR);
    harness_work(h, i % 5 ? RUN_SUCCESS : RUN_FAILED);
  }
  struct settings s = *h->boot.settings;
  s.ledger_days = 1;
  harness_do(h, settings_change(h, &s));
  retain_all(h);
  struct store_read *r = harness_read(h, READ_OCCURRENCES);
  r->no = no;
  harness_ask(h, r);
  assert_int_equal(r->count, 25);
  store_read_free(r);
  assert_string_equal(harness_audit(h), "");
  r = harness_read(h, READ_LEDGER_AUDIT);
  harness_ask(h, r);
  assert_int_equal(r->proof.expected, 96);
  assert_int_equal(r->proof.ran, 96);
  assert_true(r->proof.rolled_up_days >= 3);
  store_read_free(r);
  advance(h, 800 * DAY); /* and then months */
  struct job *job = harness_get_job(h, no);
  struct change *c = change_new(CHANGE_JOB_DELETE, h->now_ms - 800 * DAY);
  c->job.job_no = no;
  c->job.from_ms = c->at_ms;
  c->job.if_updated_ms = FIELD_NULL;
  harness_do(h, c);
  job_unref(job);
  retain_all(h);
  assert_string_equal(harness_audit(h), "");
}

static void ledger_is_bounded_by_count(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  for (int i = 0; i < 60; i++) {
    advance(h, MINUTE);
    harness_work(h, RUN_SUCCESS);
  }
  struct settings s = *h->boot.settings;
  s.ledger_rows_per_job = 10;
  harness_do(h, settings_change(h, &s));
  retain_all(h);
  struct store_read *r = harness_read(h, READ_OCCURRENCES);
  r->no = no;
  harness_ask(h, r);
  assert_int_equal(r->count, 10);
  store_read_free(r);
  assert_string_equal(harness_audit(h), "");
}

/* ---- reads ---- */

static void lists_come_in_pages(void **state) {
  struct harness *h = *state;
  static const char *const names[] = {"delta", "alpha", "charlie", "bravo"};
  for (int i = 0; i < 4; i++) harness_job(h, names[i], "@daily");
  struct store_read *r = harness_read(h, READ_JOBS);
  r->limit = 3;
  harness_ask(h, r);
  assert_int_equal(r->count, 3);
  assert_true(r->has_more);
  assert_string_equal(r->jobs[0].job->name, "alpha");
  struct store_read *next = harness_read(h, READ_JOBS);
  next->after_text = str_of(r->jobs[2].job->name);
  harness_ask(h, next);
  assert_int_equal(next->count, 1);
  assert_string_equal(next->jobs[0].job->name, "delta");
  store_read_free(next);
  store_read_free(r);
  for (int i = 0; i < 5; i++)
    harness_do(h, harness_run(h, CHANGE_END, harness_next_run_no(h), 1, INSTANT_NONE));
  r = harness_read(h, READ_RUNS);
  r->limit = 2;
  r->no = 1;
  harness_ask(h, r);
  assert_int_equal(r->runs[0].run.no, h->last_run);
  assert_null(r->runs[0].run.output);
  next = harness_read(h, READ_RUNS);
  next->after = r->runs[1].run.no;
  harness_ask(h, next);
  assert_int_equal(next->count, 3);
  store_read_free(next);
  store_read_free(r);
}

static void figures_are_those_of_the_runs(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@daily");
  harness_job(h, "b", "@daily");
  for (int i = 1; i <= 100; i++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
    c->run.run.duration_ms = i;
    if (i == 100) c->run.run.status = RUN_FAILED, c->run.chain = -1;
    harness_do(h, c);
  }
  struct store_read *r = harness_read(h, READ_JOB_METRICS);
  r->no = no;
  harness_ask(h, r);
  assert_int_equal(r->metrics.runs, 100);
  assert_int_equal(r->metrics.successes, 99);
  assert_int_equal(r->metrics.failures_in_row, 1);
  assert_int_equal(r->metrics.p50_ms, 50);
  assert_int_equal(r->metrics.p99_ms, 99);
  assert_int_equal(r->metrics.max_ms, 100);
  store_read_free(r);
  harness_touch(h);
  r = harness_read(h, READ_DASHBOARD);
  r->limit = 2;
  harness_ask(h, r);
  assert_int_equal(r->count, 2);
  assert_true(r->jobs[0].job->next_run_ms <= r->jobs[1].job->next_run_ms);
  assert_int_equal(r->dashboard.total_jobs, 2);
  assert_int_equal(r->dashboard.failed_jobs, 1);
  assert_int_equal(r->dashboard.runs, 100);
  store_read_free(r);
}

static void closed_gates_are_listed(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "@daily");
  struct change *c = harness_gate(h, GATE_SCOPE_JOB, no, GATE_PAUSED);
  c->gate.gate_until_ms = NOON + HOUR;
  harness_do(h, c);
  struct store_read *r = harness_read(h, READ_GATES);
  harness_ask(h, r);
  assert_int_equal(r->count, 1);
  assert_int_equal(r->gates[0].job_no, no);
  assert_int_equal(r->gates[0].until_ms, NOON + HOUR);
  store_read_free(r);
  advance(h, HOUR);
  r = harness_read(h, READ_GATES);
  harness_ask(h, r);
  assert_int_equal(r->count, 0);
  store_read_free(r);
}

#define CONTRACT(f)                                                             \
  {"mem " #f, f, setup, teardown, (void *)(uintptr_t)&kinds[HARNESS_MEM]}, {    \
    "sqlite " #f, f, setup, teardown, (void *)(uintptr_t)&kinds[HARNESS_SQLITE] \
  }

static const enum harness_kind kinds[] = {HARNESS_MEM, HARNESS_SQLITE};

int main(void) {
  const struct CMUnitTest tests[] = {
      CONTRACT(fresh_store_has_the_seeds_defaults),
      CONTRACT(created_job_is_complete),
      CONTRACT(taken_name_is_a_conflict),
      CONTRACT(bad_schedule_names_its_field),
      CONTRACT(edit_needs_the_version_it_read),
      CONTRACT(edit_of_a_missing_job_is_not_found),
      CONTRACT(numbers_are_never_reused),
      CONTRACT(claim_gives_each_instant_once),
      CONTRACT(claim_stops_at_its_maximum),
      CONTRACT(downtime_is_one_row),
      CONTRACT(last_misfire_is_caught_up),
      CONTRACT(gaps_that_touch_are_one),
      CONTRACT(run_goes_from_claim_to_end),
      CONTRACT(start_and_end_in_one_batch_are_one_row),
      CONTRACT(repeated_records_change_nothing),
      CONTRACT(failed_chains_are_counted),
      CONTRACT(retry_is_queued_with_the_end),
      CONTRACT(second_run_of_one_attempt_is_refused),
      CONTRACT(refused_change_leaves_its_batch_alone),
      CONTRACT(records_of_a_deleted_job_are_accepted),
      CONTRACT(deleting_a_job_takes_its_runs),
      CONTRACT(last_and_next_run_follow),
      CONTRACT(edit_withdraws_what_lies_beyond_it),
      CONTRACT(edit_never_runs_the_past),
      CONTRACT(disabled_job_settles_what_waits),
      CONTRACT(pause_skips_and_resume_goes_on),
      CONTRACT(pause_ends_by_itself),
      CONTRACT(gates_reach_their_scope),
      CONTRACT(disabled_settings_stop_every_scheduled_start),
      CONTRACT(settings_zone_moves_the_jobs_without_one),
      CONTRACT(unknown_zone_in_settings_is_refused),
      CONTRACT(stepping_back_withdraws_what_the_jump_settled),
      CONTRACT(what_started_never_starts_again),
      CONTRACT(reopened_store_lists_what_was_open),
      CONTRACT(waiting_claim_and_its_queued_run_are_one),
      CONTRACT(older_epoch_is_refused_but_for_its_ends),
      CONTRACT(reboot_jobs_fall_due_once_for_each_boot),
      CONTRACT(process_off_is_kept_over_starts),
      CONTRACT(audit_rows_form_a_chain),
      CONTRACT(identities_come_back),
      CONTRACT(retention_keeps_the_newest_of_each_job),
      CONTRACT(old_ledger_rows_become_rollups_that_prove_them),
      CONTRACT(ledger_is_bounded_by_count),
      CONTRACT(lists_come_in_pages),
      CONTRACT(figures_are_those_of_the_runs),
      CONTRACT(closed_gates_are_listed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
