/* The contract every backend keeps (store.h, DESIGN 6): edits, gates, clock changes, starts. */
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

static void disabled_settings_stop_every_scheduled_start(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  struct settings s = *h->boot.settings;
  s.is_enabled = 0;
  harness_do(h, harness_settings(h, &s));
  harness_touch(h);
  struct job *job = harness_get_job(h, no);
  assert_int_equal(job->next_run_ms, FIELD_NULL);
  job_unref(job);
  advance(h, 2 * MINUTE);
  assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  s.is_enabled = 1;
  harness_do(h, harness_settings(h, &s));
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
  harness_do(h, harness_settings(h, &s));
  assert_int_equal(h->backend->ops->next_due_ms(h->backend), NOON + 6 * HOUR); /* 18:00 UTC */
  advance(h, 2 * DAY);
  harness_work(h, RUN_SUCCESS);
  assert_string_equal(harness_audit(h), "");
}

static void unknown_zone_in_settings_is_refused(void **state) {
  struct harness *h = *state;
  struct settings s = *h->boot.settings;
  s.timezone = "Mars/Olympus";
  struct change *c = harness_settings(h, &s);
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

static void stepping_back_to_before_a_job_was_made_plans_nothing_there(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "0 0 * * *");
  struct change *c = change_new(CHANGE_CLOCK, h->now_ms);
  c->clock.was_ms = h->now_ms;
  c->clock.is_ms = h->now_ms = NOON - 72 * HOUR;
  harness_do(h, c);
  h->now_ms = NOON + 50 * HOUR;
  c = harness_claim(h, h->now_ms);
  c->claim.late_reason = REASON_CLOCK_JUMP;
  c->claim.no_catch_up = true;
  harness_do(h, c);
  assert_string_equal(harness_ledger(h, no), "00:00:00-00:00:00 x2 missed/clock_jump");
  assert_string_equal(harness_audit(h), "");
}

static void pause_holds_when_the_clock_steps_back(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  for (int i = 0; i < 2; i++) {
    advance(h, 30 * MINUTE);
    while (harness_work(h, RUN_SUCCESS)) {
    }
  }
  harness_do(h, harness_gate(h, GATE_SCOPE_JOB, no, GATE_PAUSED));
  struct change *c = change_new(CHANGE_CLOCK, NOON - HOUR);
  c->clock.was_ms = h->now_ms;
  c->clock.is_ms = h->now_ms = NOON - HOUR;
  harness_do(h, c);
  for (int i = 0; i < 5; i++) {
    advance(h, MINUTE);
    assert_int_equal(harness_work(h, RUN_SUCCESS), 0);
  }
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

#define CONTRACT_ON(kind, name, f) \
  { name " " #f, f, setup, teardown, (void *)(uintptr_t)&kinds[kind] }
#define CONTRACT(f)                                                             \
  CONTRACT_ON(HARNESS_MEM, "mem", f), CONTRACT_ON(HARNESS_SQLITE, "sqlite", f), \
      CONTRACT_ON(HARNESS_PG, "pg", f)

static const enum harness_kind kinds[] = {HARNESS_MEM, HARNESS_SQLITE, HARNESS_PG};

int main(void) {
  const struct CMUnitTest tests[] = {
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
      CONTRACT(stepping_back_to_before_a_job_was_made_plans_nothing_there),
      CONTRACT(pause_holds_when_the_clock_steps_back),
      CONTRACT(what_started_never_starts_again),
      CONTRACT(reopened_store_lists_what_was_open),
      CONTRACT(waiting_claim_and_its_queued_run_are_one),
      CONTRACT(older_epoch_is_refused_but_for_its_ends),
      CONTRACT(reboot_jobs_fall_due_once_for_each_boot),
      CONTRACT(process_off_is_kept_over_starts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
