#include "model/policy.h"

#include "tests/support/check.h"

/* C-109, C-115, X-12, X-15: the job's own field, else the settings', else the built-in default. */
static struct job plain_job(void) {
  struct job job;
  job_init(&job);
  return job;
}

static struct settings plain_settings(void) {
  struct settings s;
  settings_init(&s);
  return s;
}

static void what_nobody_sets_has_the_defaults_of_the_design(void **state) {
  (void)state;
  struct job job = plain_job();
  struct settings s = plain_settings();
  struct policy p = policy_resolve(&job, &s);
  assert_int_equal(p.timeout_ms, 3600 * 1000);
  assert_int_equal(p.max_runtime_ms, 3600 * 1000 + POLICY_GRACE_MS);
  assert_int_equal(p.total_timeout_ms, 0);
  assert_int_equal(p.retries, 0);
  assert_int_equal(p.retry_delay_ms, 60 * 1000);
  assert_int_equal(p.backoff, BACKOFF_LINEAR);
  assert_int_equal(p.misfire, MISFIRE_LAST);
  assert_int_equal(p.start_window_ms, 60 * 1000);
  assert_int_equal(p.catch_up_window_ms, 3600 * 1000);
  assert_int_equal(p.catch_up_max, 100);
  assert_int_equal(p.queue_timeout_ms, p.catch_up_window_ms);
  assert_int_equal(p.overlap, OVERLAP_SKIP);
  assert_false(p.allow_concurrent);
  assert_int_equal(p.on_crash, CRASH_FAIL);
  assert_int_equal(p.priority, 5);
  assert_int_equal(p.disable_after, 0);
  assert_true(p.no_new_privs);
  assert_null(p.pool);
}

static void the_settings_stand_in_for_a_job_that_says_nothing(void **state) {
  (void)state;
  struct job job = plain_job();
  struct settings s = plain_settings();
  s.default_timeout = 7;
  s.backoff = BACKOFF_EXPONENTIAL;
  s.disable_after = 4;
  s.timezone = "Asia/Tokyo";
  s.alert_on_failure = 0;
  struct policy p = policy_resolve(&job, &s);
  assert_int_equal(p.timeout_ms, 7000);
  assert_int_equal(p.backoff, BACKOFF_EXPONENTIAL);
  assert_int_equal(p.disable_after, 4);
  assert_false(p.alert_on_failure);
  CHECK_STR(str_of(p.timezone), STR("Asia/Tokyo"));
}

static void the_job_has_the_last_word(void **state) {
  (void)state;
  struct job job = plain_job();
  struct settings s = plain_settings();
  s.default_timeout = 7;
  s.backoff = BACKOFF_EXPONENTIAL;
  s.disable_after = 4;
  job.timeout = 2;
  job.max_runtime = 4;
  job.backoff = BACKOFF_LINEAR;
  job.disable_after = 0;
  job.queue_timeout = 9;
  job.timezone = "UTC";
  struct policy p = policy_resolve(&job, &s);
  assert_int_equal(p.timeout_ms, 2000);
  assert_int_equal(p.max_runtime_ms, 4000); /* whatever the grace */
  assert_int_equal(p.backoff, BACKOFF_LINEAR);
  assert_int_equal(p.disable_after, 0);
  assert_int_equal(p.queue_timeout_ms, 9000);
  CHECK_STR(str_of(p.timezone), STR("UTC"));
}

struct pool_row {
  int line;
  const char *pool, *category, *pools, *want;
  int64_t size;
};

static void a_pool_is_the_jobs_own_else_its_category_if_the_settings_name_it(void **state) {
  (void)state;
  static const struct pool_row rows[] = {
      {__LINE__, NULL, NULL, "{\"disk\":2}", NULL, 0},
      {__LINE__, "disk", NULL, "{\"disk\":2}", "disk", 2},
      {__LINE__, NULL, "BACKUP", "{\"BACKUP\":1}", "BACKUP", 1},
      {__LINE__, "disk", "BACKUP", "{\"disk\":2,\"BACKUP\":1}", "disk", 2},
      {__LINE__, "disk", NULL, "{\"net\":2}", NULL, 0},
      {__LINE__, "disk", NULL, NULL, NULL, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct job job = plain_job();
    struct settings s = plain_settings();
    job.pool = rows[i].pool;
    job.category = rows[i].category;
    s.pools = rows[i].pools;
    struct policy p = policy_resolve(&job, &s);
    CHECK_ROW(rows[i].line, str_eq(str_of(p.pool), str_of(rows[i].want)));
    CHECK_ROW(rows[i].line, p.pool_size == rows[i].size);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_nobody_sets_has_the_defaults_of_the_design),
      cmocka_unit_test(the_settings_stand_in_for_a_job_that_says_nothing),
      cmocka_unit_test(the_job_has_the_last_word),
      cmocka_unit_test(a_pool_is_the_jobs_own_else_its_category_if_the_settings_name_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
