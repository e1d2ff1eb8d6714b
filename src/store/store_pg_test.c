/* What only PostgreSQL has: a server that may go at any moment, others who write, other servers of ours. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/support/store_fixture.h"

static int setup(void **state) {
  static struct harness h;
  harness_open(&h, HARNESS_PG);
  *state = &h;
  return 0;
}

static int teardown(void **state) {
  harness_close(*state);
  return 0;
}

/* Until the server is back: a connection is made anew at most once a second. */
static void apply_late(struct harness *h, struct change *c) {
  enum err e = ERR_UNAVAILABLE;
  for (int i = 0; i < 1000 && e == ERR_UNAVAILABLE; i++) {
    if (i > 0) poll(NULL, 0, 20);
    e = harness_apply(h, c);
  }
  assert_int_equal(e, ERR_OK);
}

/* ---- one server ---- */

static void a_second_server_is_kept_out(void **state) {
  struct harness *h = *state;
  struct store_backend *other;
  struct store_boot boot;
  struct err_detail detail = {};
  assert_int_equal(store_pg_open(&h->config, &other, &boot, &detail), ERR_CONFLICT);
  assert_non_null(strstr(detail.message, "another server"));
  harness_do(h, harness_claim(h, h->now_ms));
}

/* Its session was lost, and while nobody looked another server has taken the database over. */
static void a_server_that_was_followed_is_refused(void **state) {
  struct harness *h = *state;
  pg_fixture_sql(h->url, "UPDATE \"CronMeta\" SET \"epoch\"=\"epoch\"+1");
  struct job job = harness_definition("late", "@daily");
  struct change *c = harness_save(h, &job);
  assert_int_equal(harness_apply(h, c), ERR_STORE_STALE);
  change_free(c);
  assert_string_equal(pg_fixture_sql(h->url, "SELECT count(*) FROM \"CronJob\""), "0");
}

static void a_newer_schema_is_refused(void **state) {
  struct harness *h = *state;
  struct store_boot boot;
  struct store_backend *b;
  struct err_detail detail = {};
  h->backend->ops->close(h->backend);
  h->backend = NULL;
  pg_fixture_sql(h->url, "COMMENT ON TABLE \"CronMeta\" IS 'sereno schema 99'");
  assert_int_equal(store_pg_open(&h->config, &b, &boot, &detail), ERR_STORE_SCHEMA);
  assert_non_null(strstr(detail.message, "99"));
}

/* ---- the server goes ---- */

/* changes fail while the database is away, and it recovers by itself, nothing half applied. */
static void a_killed_server_fails_changes_until_it_is_back(void **state) {
  struct harness *h = *state;
  struct job one = harness_definition("one", "@daily"), two = harness_definition("two", "@daily");
  harness_job(h, "zero", "* * * * *");
  pg_fixture_kill();
  struct change *c = harness_save(h, &one);
  assert_int_equal(harness_apply(h, c), ERR_UNAVAILABLE);
  assert_true(c->detail.message[0]);
  change_free(c);
  pg_fixture_revive();
  c = harness_save(h, &two);
  apply_late(h, c);
  change_free(c);
  assert_string_equal(
      pg_fixture_sql(h->url, "SELECT string_agg(\"name\",' ' ORDER BY \"name\") FROM \"CronJob\""),
      "two zero");
  assert_string_equal(harness_audit(h), "");
  h->now_ms += MINUTE;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
}

static void a_reader_finds_the_server_again(void **state) {
  struct harness *h = *state;
  struct store_backend *reader;
  CHECK_OK(h->backend->ops->open_reader(h->backend, &reader));
  pg_fixture_kill();
  pg_fixture_revive();
  enum err e = ERR_UNAVAILABLE;
  for (int i = 0; i < 1000 && e == ERR_UNAVAILABLE; i++) {
    if (i > 0) poll(NULL, 0, 20);
    struct store_read *r = harness_read(h, READ_HEALTH);
    e = reader->ops->read(reader, r);
    store_read_free(r);
  }
  assert_int_equal(e, ERR_OK);
  reader->ops->close(reader);
}

/* Ends the session that is in a COMMIT, once it waits for this. */
struct hangman {
  const char *url, *wait_event;
  pthread_t thread;
  bool is_done;
};

static void *hang_up(void *arg) {
  struct hangman *m = arg;
  char sql[200];
  snprintf(sql, sizeof sql,
           "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event='%s' AND "
           "query='COMMIT'",
           m->wait_event);
  for (int i = 0; i < 500 && !m->is_done; i++) {
    if (i > 0) poll(NULL, 0, 10);
    m->is_done = strcmp(pg_fixture_sql(m->url, sql), "0") != 0;
  }
  return NULL;
}

/* One that waits for a standby is durable already; its answer is lost with the session. */
static void a_commit_whose_answer_was_lost_is_found_to_be_done(void **state) {
  struct harness *h = *state;
  pg_fixture_sql(h->url, "ALTER SYSTEM SET synchronous_standby_names='nobody'");
  pg_fixture_sql(h->url, "SELECT pg_reload_conf()");
  struct hangman m = {.url = h->url, .wait_event = "SyncRep"};
  struct job job = harness_definition("kept", "@daily");
  struct change *c = harness_save(h, &job);
  assert_int_equal(pthread_create(&m.thread, NULL, hang_up, &m), 0);
  enum err e = harness_apply(h, c);
  pthread_join(m.thread, NULL);
  assert_true(m.is_done);
  pg_fixture_sql(h->url, "ALTER SYSTEM RESET synchronous_standby_names");
  pg_fixture_sql(h->url, "SELECT pg_reload_conf()");
  assert_int_equal(e, ERR_OK);
  change_free(c);
  assert_string_equal(pg_fixture_sql(h->url, "SELECT \"name\" FROM \"CronJob\""), "kept");
  assert_string_equal(harness_audit(h), "");
}

static void a_commit_that_was_cut_off_is_not_applied(void **state) {
  struct harness *h = *state;
  pg_fixture_sql(
      h->url,
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.\"name\"='slow' THEN "
      "PERFORM pg_sleep(4); END IF; RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON "
      "\"CronJob\" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()");
  struct hangman m = {.url = h->url, .wait_event = "PgSleep"};
  struct job job = harness_definition("slow", "@daily");
  struct change *c = harness_save(h, &job);
  assert_int_equal(pthread_create(&m.thread, NULL, hang_up, &m), 0);
  enum err e = harness_apply(h, c);
  pthread_join(m.thread, NULL);
  assert_true(m.is_done);
  change_free(c);
  assert_int_equal(e, ERR_UNAVAILABLE);
  assert_string_equal(pg_fixture_sql(h->url, "SELECT count(*) FROM \"CronJob\""), "0");
  job.name = "after";
  c = harness_save(h, &job);
  apply_late(h, c);
  change_free(c);
}

/* ---- SQL from outside, while we run (DESIGN 6) ---- */

static void claim_news(struct harness *h) {
  for (int i = 0; i < 500 && !h->backend->ops->news(h->backend); i++) poll(NULL, 0, 10);
  assert_true(h->backend->ops->news(h->backend) != 0);
}

static void first_claim(struct harness *h) { /* what every connection looks for once */
  struct change *c = harness_claim(h, h->now_ms);
  CHECK_OK(harness_apply(h, c));
  change_free(c);
  assert_int_equal(h->backend->ops->news(h->backend), 0);
}

/* The writer looks now and then: it must tell the second time even if it has never seen that there was nothing. */
static void news_right_after_a_claim_are_others(void **state) {
  struct harness *h = *state;
  harness_job(h, "a", "@daily");
  first_claim(h);
  pg_fixture_sql(h->url, "UPDATE \"CronJob\" SET \"category\"='x'");
  claim_news(h);
  int64_t news = h->backend->ops->news(h->backend);
  assert_int_equal(h->backend->ops->news(h->backend), news);
  first_claim(h);
  pg_fixture_sql(h->url, "UPDATE \"CronJob\" SET \"category\"='y'");
  claim_news(h);
  assert_int_not_equal(h->backend->ops->news(h->backend), news);
}

static void a_job_inserted_by_sql_runs(void **state) {
  struct harness *h = *state;
  first_claim(h);
  pg_fixture_sql(
      h->url,
      "INSERT INTO "
      "\"CronJob\"(\"id\",\"name\",\"schedule\",\"command\",\"systemId\",\"timezone\",\"createdAt\") SELECT "
      "'theirs','theirs','* * * * *','shell',\"id\",'UTC','2025-11-21 11:00' FROM \"System\" LIMIT 1");
  claim_news(h);
  first_claim(h);
  h->now_ms += MINUTE;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(pg_fixture_sql(h->url, "SELECT \"actor\" FROM \"CronJobVersion\""), "sql");
  assert_string_equal(harness_audit(h), "");
}

static void an_edit_by_sql_governs_beyond_what_is_claimed(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  first_claim(h);
  struct change *c = harness_claim(h, h->now_ms + MINUTE);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 1); /* 12:01, which the core holds */
  change_free(c);
  pg_fixture_sql(h->url, "UPDATE \"CronJob\" SET \"schedule\"='*/5 * * * *'");
  claim_news(h);
  c = harness_claim(h, h->now_ms + MINUTE);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 0);
  assert_int_equal(c->claim.outside_count, 1);
  assert_true(c->claim.outside[0].is_active && c->claim.outside[0].job_no == no);
  change_free(c);
  h->now_ms += MINUTE;
  harness_finish_claims(h, no);
  h->now_ms += 4 * MINUTE;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(harness_ledger(h, no), "12:01:00 ran/success; 12:05:00 ran/success");
  assert_string_equal(harness_audit(h), "");
}

static void jobs_and_settings_that_sql_ends_are_told_to_the_core(void **state) {
  struct harness *h = *state;
  int64_t a = harness_job(h, "a", "* * * * *"), b = harness_job(h, "b", "* * * * *");
  first_claim(h);
  pg_fixture_sql(
      h->url,
      "UPDATE \"CronJob\" SET \"isActive\"=false WHERE \"name\"='a'; DELETE FROM \"CronJob\" WHERE "
      "\"name\"='b'; UPDATE \"CronSettings\" SET \"maxConcurrentJobs\"=77");
  claim_news(h);
  struct change *c = harness_claim(h, h->now_ms + MINUTE);
  CHECK_OK(harness_apply(h, c));
  assert_int_equal(c->claimed.count, 0);
  assert_non_null(c->claim.settings);
  assert_int_equal(c->claim.settings->max_concurrent, 77);
  assert_int_equal(c->claim.outside_count, 2);
  for (size_t i = 0; i < 2; i++) {
    const struct change_outside *o = &c->claim.outside[i];
    assert_true(!o->is_active && o->is_deleted == (o->job_no == b) && (o->job_no == a || o->job_no == b));
  }
  change_free(c);
  assert_int_equal(h->backend->ops->news(h->backend), 0);
  assert_string_equal(harness_audit(h), "");
}

static void a_job_that_cannot_run_is_switched_off_with_the_reason(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  first_claim(h);
  pg_fixture_sql(h->url, "UPDATE \"CronJob\" SET \"schedule\"='99 * * * *'");
  claim_news(h);
  first_claim(h);
  struct job *job = harness_get_job(h, no);
  assert_false(job->is_active);
  assert_non_null(strstr(job->disabled_reason, "99"));
  job_unref(job);
}

/* ---- what the two databases might see differently ---- */

static void output_that_is_no_utf8_does_not_keep_a_run_from_ending(void **state) {
  struct harness *h = *state;
  int64_t no = harness_job(h, "a", "* * * * *");
  struct change *c = harness_run(h, CHANGE_END, harness_next_run_no(h), no, INSTANT_NONE);
  c->run.run.output = "caf\xe9";
  c->run.run.duration_ms = 5000000000; /* more than an INTEGER holds */
  harness_do(h, c);
  assert_string_equal(pg_fixture_sql(h->url, "SELECT \"output\"||' '||\"duration\" FROM \"CronExecution\""),
                      "caf? 2147483647");
}

static void an_applications_own_tables_are_added_to(void **state) {
  struct harness *h = *state;
  h->backend->ops->close(h->backend);
  store_boot_free(&h->boot);
  h->backend = NULL;
  pg_fixture_drop(h->url);
  pg_fixture_schema(h->url);
  pg_fixture_sql(
      h->url,
      "CREATE TABLE \"System\"(\"id\" TEXT PRIMARY KEY, \"name\" TEXT NOT NULL, \"theirs\" INTEGER);"
      "INSERT INTO \"System\" VALUES('s','theirs',7);"
      "CREATE TABLE \"CronJob\"(\"id\" TEXT PRIMARY KEY, \"name\" TEXT NOT NULL UNIQUE, \"description\" "
      "TEXT, \"schedule\" "
      "TEXT NOT NULL, \"command\" TEXT NOT NULL, \"isActive\" BOOLEAN NOT NULL DEFAULT true, \"timeout\" "
      "INTEGER, "
      "\"retries\" INTEGER NOT NULL DEFAULT 0, \"retryDelay\" INTEGER NOT NULL DEFAULT 60, \"category\" "
      "TEXT, \"priority\" "
      "INTEGER NOT NULL DEFAULT 5, \"maxRuntime\" INTEGER, \"allowConcurrent\" BOOLEAN NOT NULL DEFAULT "
      "false, "
      "\"systemId\" TEXT NOT NULL REFERENCES \"System\"(\"id\"), \"createdAt\" TIMESTAMP(3) NOT NULL DEFAULT "
      "CURRENT_TIMESTAMP, \"updatedAt\" TIMESTAMP(3) NOT NULL, \"lastRunAt\" TIMESTAMP(3), \"nextRunAt\" "
      "TIMESTAMP(3));"
      "INSERT INTO "
      "\"CronJob\"(\"id\",\"name\",\"schedule\",\"command\",\"systemId\",\"createdAt\",\"updatedAt\") VALUES "
      "('j','theirs','0 * * * *','shell','s','2025-11-21 09:00','2025-11-21 09:00')");
  CHECK_OK(store_pg_open(&h->config, &h->backend, &h->boot, NULL));
  h->now_ms += HOUR;
  assert_int_equal(harness_work(h, RUN_SUCCESS), 1);
  assert_string_equal(pg_fixture_sql(h->url, "SELECT \"theirs\" FROM \"System\" WHERE \"id\"='s'"), "7");
  assert_string_equal(harness_audit(h), "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_second_server_is_kept_out),
      TEST(a_server_that_was_followed_is_refused),
      TEST(a_newer_schema_is_refused),
      TEST(a_killed_server_fails_changes_until_it_is_back),
      TEST(a_reader_finds_the_server_again),
      TEST(a_commit_that_was_cut_off_is_not_applied),
      TEST(a_commit_whose_answer_was_lost_is_found_to_be_done),
      TEST(news_right_after_a_claim_are_others),
      TEST(a_job_inserted_by_sql_runs),
      TEST(an_edit_by_sql_governs_beyond_what_is_claimed),
      TEST(jobs_and_settings_that_sql_ends_are_told_to_the_core),
      TEST(a_job_that_cannot_run_is_switched_off_with_the_reason),
      TEST(output_that_is_no_utf8_does_not_keep_a_run_from_ending),
      TEST(an_applications_own_tables_are_added_to),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
