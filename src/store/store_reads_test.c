/* The contract every backend keeps (store.h, DESIGN 6): audit log, identities, retention, lists, figures. */
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

/* What is written behind must not undo what overtook it. */
static void a_touch_writes_one_instant_and_brings_nothing_back(void **state) {
  struct harness *h = *state;
  struct user ana = {.id = "u1", .name = "ana", .role = ROLE_ADMIN, .last_login_ms = FIELD_NULL};
  struct token ci = {.id = "t1", .name = "ci", .role = ROLE_ADMIN, .last_used_ms = FIELD_NULL};
  struct session session = {.id_hash = {9}, .user_id = "u1", .csrf = "x", .seen_ms = 1};
  for (int touches = 0; touches < 3; touches++) {
    enum change_kind kinds[] = {CHANGE_USER, CHANGE_TOKEN, CHANGE_SESSION};
    for (size_t i = 0; i < 3; i++) {
      struct change *c = change_new(touches == 2 ? kinds[i] + 1 : kinds[i], h->now_ms);
      if (i == 0) c->user = ana;
      else if (i == 1) c->token_row = ci;
      else c->session = session;
      harness_do(h, c);
      c = change_new(kinds[i], h->now_ms);
      c->is_touch = true;
      if (i == 0) c->user = ana, c->user.last_login_ms = 7, c->user.role = ROLE_VIEWER;
      else if (i == 1) c->token_row = ci, c->token_row.last_used_ms = 8, c->token_row.role = ROLE_VIEWER;
      else c->session = session, c->session.seen_ms = 9, c->session.csrf = "y";
      harness_do(h, c);
    }
    struct store_read *r = harness_read(h, READ_IDENTITIES);
    harness_ask(h, r);
    assert_int_equal(r->identities.user_count, touches < 2);
    assert_int_equal(r->identities.token_count, touches < 2);
    assert_int_equal(r->identities.session_count, touches < 2);
    if (touches < 2) {
      assert_int_equal(r->identities.users[0].last_login_ms, 7);
      assert_int_equal(r->identities.users[0].role, ROLE_ADMIN);
      assert_int_equal(r->identities.tokens[0].last_used_ms, 8);
      assert_int_equal(r->identities.tokens[0].role, ROLE_ADMIN);
      assert_int_equal(r->identities.sessions[0].seen_ms, 9);
      assert_string_equal(r->identities.sessions[0].csrf, "x");
    }
    store_read_free(r);
  }
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

/* X-17: older than 30 days or beyond the newest 1000, but the newest of each job stays, and what runs. */
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
  harness_do(h, harness_settings(h, &s));
  retain_all(h);
  assert_int_equal(count_runs(h, old), 2); /* the newest finished one, and the running one */
  assert_int_equal(count_runs(h, busy), 20);
  s = *h->boot.settings;
  s.keep_last_per_job = 0; /* X-17: then no row is held back for being a job's only one */
  harness_do(h, harness_settings(h, &s));
  retain_all(h);
  assert_int_equal(count_runs(h, old), 1);
  assert_int_equal(count_runs(h, busy), 20);
  advance(h, 31 * DAY);
  retain_all(h);
  assert_int_equal(count_runs(h, busy), 0);
}

static void two_attempts(struct harness *h, int64_t job_no) {
  advance(h, MINUTE);
  harness_do(h, harness_claim(h, h->now_ms));
  for (int64_t attempt = 1; attempt <= 2; attempt++) {
    struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), job_no, h->now_ms);
    c->run.run.attempt = attempt;
    c->run.run.trigger = attempt == 1 ? TRIGGER_SCHEDULE : TRIGGER_RETRY;
    c->run.run.status = attempt == 1 ? RUN_FAILED : RUN_SUCCESS;
    harness_do(h, c);
  }
}

/* A slice whose transaction is undone, here for another change of its batch, is done again and not gone on after: else
 * an occurrence would lose its later attempts before its first. */
static void undone_slice_of_retention_is_done_again(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  for (int i = 0; i < 3; i++) two_attempts(h, no);
  struct settings s = *h->boot.settings;
  s.keep_executions = 1;
  harness_do(h, harness_settings(h, &s));
  for (int left = 5; left >= 1; left--) {
    struct change *retain = change_new(CHANGE_RETAIN, h->now_ms);
    retain->retain.max_rows = 1;
    struct change *batch[] = {retain, harness_run(h, CHANGE_START, harness_next_run_no(h), no, h->now_ms)};
    batch[1]->run.run.attempt = 2;
    CHECK_OK(h->backend->ops->apply(h->backend, batch, 2));
    CHECK_OK(retain->error);
    assert_int_equal(retain->retain.deleted, 1);
    assert_int_equal(batch[1]->error, ERR_CONFLICT); /* that attempt is on record, and the newest run */
    for (int i = 0; i < 2; i++) change_free(batch[i]);
    assert_int_equal(count_runs(h, no), left);
    assert_string_equal(harness_audit(h), "");
  }
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
  harness_do(h, harness_settings(h, &s));
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
  harness_do(h, harness_settings(h, &s));
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

static const char *names_of(struct harness *h, struct store_read *r) {
  static char text[64];
  size_t at = 0;
  harness_ask(h, r);
  text[0] = 0;
  for (size_t i = 0; i < r->count; i++)
    at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? " " : "", r->jobs[i].job->name);
  store_read_free(r);
  return text;
}

static void ended(struct harness *h, int64_t job_no, enum run_status status) {
  struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), job_no, INSTANT_NONE);
  c->run.run.status = status;
  harness_do(h, c);
}

static int64_t labelled_job(struct harness *h, const char *name, const char *category, const char *labels) {
  struct job job = harness_definition(name, "@daily");
  job.category = category;
  job.labels = labels;
  job.description = "of the night";
  job.is_active = category != NULL;
  struct change *c = harness_save(h, &job);
  CHECK_OK(harness_apply(h, c));
  int64_t no = c->job.saved->no;
  change_free(c);
  return no;
}

static void lists_of_jobs_are_filtered(void **state) {
  struct harness *h = *state;
  int64_t a = labelled_job(h, "anna", "fish", "{\"team\":\"blue\",\"n\":7}");
  int64_t b = labelled_job(h, "berta", "fish", "{\"team\":\"red\"}");
  int64_t c = labelled_job(h, "carla", "meat", "[\"team\"]");
  int64_t d = labelled_job(h, "dora", NULL, NULL);
  ended(h, a, RUN_FAILED);
  ended(h, a, RUN_SUCCESS);
  ended(h, b, RUN_TIMEOUT);
  ended(h, c, RUN_LOST);
  harness_do(h, harness_run(h, CHANGE_QUEUE, harness_next_run_no(h), b, INSTANT_NONE));
  ended(h, d, RUN_SKIPPED);
  const unsigned failures = 1U << RUN_FAILED | 1U << RUN_TIMEOUT | 1U << RUN_LOST;
  static const struct str none = {};
  const struct {
    int line, is_active;
    struct str category, contains, label;
    unsigned status;
    size_t limit;
    const char *after, *want;
  } table[] = {
      {__LINE__, -1, none, none, none, 0, 0, NULL, "anna berta carla dora"},
      {__LINE__, 1, none, none, none, 0, 0, NULL, "anna berta carla"},
      {__LINE__, 0, none, none, none, 0, 0, NULL, "dora"},
      {__LINE__, -1, STR("fish"), none, none, 0, 0, NULL, "anna berta"},
      {__LINE__, -1, STR("fish"), none, none, 0, 0, "anna", "berta"},
      {__LINE__, -1, STR("fis"), none, none, 0, 0, NULL, ""},
      {__LINE__, -1, none, STR("r"), none, 0, 0, NULL, "berta carla dora"},
      {__LINE__, -1, none, STR("R"), none, 0, 0, NULL, ""},
      {__LINE__, -1, none, STR("night"), none, 0, 2, NULL, "anna berta"},
      {__LINE__, -1, none, STR("%"), none, 0, 0, NULL, ""},
      {__LINE__, -1, none, none, STR("team"), 0, 0, NULL, "anna berta"},
      {__LINE__, -1, none, none, STR("team:red"), 0, 0, NULL, "berta"},
      {__LINE__, -1, none, none, STR("n:7"), 0, 0, NULL, ""},
      {__LINE__, -1, none, none, none, failures, 0, NULL, "berta carla"},
      {__LINE__, -1, none, none, none, 1U << RUN_SUCCESS, 0, NULL, "anna"},
      {__LINE__, -1, none, none, none, 1U << RUN_QUEUED, 0, NULL, ""},
      {__LINE__, -1, STR("meat"), STR("car"), none, failures, 0, "berta", "carla"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    struct store_read *r = harness_read(h, READ_JOBS);
    r->is_active = table[i].is_active;
    r->category = table[i].category;
    r->contains = table[i].contains;
    r->label = table[i].label;
    r->status_mask = table[i].status;
    r->limit = table[i].limit;
    r->after_text = str_of(table[i].after);
    const char *got = names_of(h, r);
    if (strcmp(got, table[i].want) != 0) fail_msg("line %d: %s, not %s", table[i].line, got, table[i].want);
  }
  struct store_read *r = harness_read(h, READ_DASHBOARD);
  harness_ask(h, r);
  assert_int_equal(r->dashboard.total_jobs, 4);
  assert_int_equal(r->dashboard.active_jobs, 3);
  assert_int_equal(r->dashboard.failed_jobs, 2);
  assert_int_equal(r->dashboard.runs, 4);
  assert_int_equal(r->dashboard.successes, 1);
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

static void alerts_are_remembered(void **state) { /* C-107 */
  struct harness *h = *state;
  for (int i = 0; i < 3; i++) {
    struct change *c = change_new(i == 2 ? CHANGE_ALERT_DELETE : CHANGE_ALERT, h->now_ms);
    c->alert = (struct alert_memory){.id = i == 1 ? "b.1" : "a.1", .first_ms = NOON, .ack_ms = FIELD_NULL};
    if (i == 1)
      c->alert = (struct alert_memory){.id = "b.1", .first_ms = 5, .ack_ms = NOON, .ack_by = "user:ana"};
    harness_do(h, c);
    struct store_read *r = harness_read(h, READ_ALERTS);
    harness_ask(h, r);
    assert_int_equal(r->count, i == 1 ? 2 : 1);
    const char *want = i == 0 ? "a.1" : "b.1";
    const struct alert_memory *m = &r->alerts[0];
    if (strcmp(m->id, want) != 0) m = &r->alerts[r->count - 1]; /* in no order */
    assert_string_equal(m->id, want);
    assert_int_equal(m->ack_ms, i == 0 ? FIELD_NULL : NOON);
    assert_true(i == 0 ? m->ack_by == NULL : strcmp(m->ack_by, "user:ana") == 0);
    store_read_free(r);
  }
}

#define CONTRACT_ON(kind, name, f) \
  { name " " #f, f, setup, teardown, (void *)(uintptr_t)&kinds[kind] }
#define CONTRACT(f)                                                             \
  CONTRACT_ON(HARNESS_MEM, "mem", f), CONTRACT_ON(HARNESS_SQLITE, "sqlite", f), \
      CONTRACT_ON(HARNESS_PG, "pg", f)

static const enum harness_kind kinds[] = {HARNESS_MEM, HARNESS_SQLITE, HARNESS_PG};

int main(void) {
  const struct CMUnitTest tests[] = {
      CONTRACT(audit_rows_form_a_chain),
      CONTRACT(identities_come_back),
      CONTRACT(a_touch_writes_one_instant_and_brings_nothing_back),
      CONTRACT(retention_keeps_the_newest_of_each_job),
      CONTRACT(undone_slice_of_retention_is_done_again),
      CONTRACT(old_ledger_rows_become_rollups_that_prove_them),
      CONTRACT(ledger_is_bounded_by_count),
      CONTRACT(lists_come_in_pages),
      CONTRACT(lists_of_jobs_are_filtered),
      CONTRACT(figures_are_those_of_the_runs),
      CONTRACT(closed_gates_are_listed),
      CONTRACT(alerts_are_remembered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
