#include "tests/support/check.h"

#include "base/id.h"
#include "model/change.h"
#include "model/policy.h"

static enum err read_job(const char *text, enum field_mode mode, struct job *job, struct arena *a,
                         struct err_detail *d) {
  JSON_AUTO json_t *json = NULL;
  TRY(json_parse(str_of(text), &json, d));
  return fields_from_json(job_fields, job_field_count, json, mode, job, a, d);
}

static void a_job_without_options_gets_the_seeds_defaults(void **s) {
  (void)s;
  ARENA_AUTO struct arena a = arena_new(100000);
  struct job job;
  struct err_detail d;
  job_init(&job);
  CHECK_OK(read_job("{\"name\":\"n\",\"schedule\":\"* * * * *\",\"command\":\"shell\"}", FIELD_CREATE, &job,
                    &a, &d));
  assert_int_equal(job.is_active, 1);
  assert_int_equal(job.retries, 0);
  assert_int_equal(job.retry_delay, 60);
  assert_int_equal(job.priority, 5);
  assert_int_equal(job.allow_concurrent, 0);
  assert_int_equal(job.timeout, FIELD_NULL);
  assert_null(job.description);
}

static void bad_fields_are_named(void **s) {
  (void)s;
  static const struct {
    int line;
    const char *json, *field;
  } rows[] = {
      {__LINE__, "{}", "name"},
      {__LINE__, "{\"name\":\"\",\"schedule\":\"x\",\"command\":\"y\"}", "name"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"priority\":0}", "priority"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"priority\":11}", "priority"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"timeout\":0}", "timeout"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"timeout\":\"5\"}", "timeout"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"retries\":null}", "retries"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"dst\":\"never\"}", "dst"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"id\":\"c1\"}", "id"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"colour\":1}", "colour"},
      {__LINE__, "{\"name\":\"n\",\"schedule\":\"x\",\"command\":\"y\",\"startAt\":\"soon\"}", "startAt"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    ARENA_AUTO struct arena a = arena_new(100000);
    struct job job;
    struct err_detail d = {};
    job_init(&job);
    CHECK_ROW(rows[i].line, read_job(rows[i].json, FIELD_CREATE, &job, &a, &d) == ERR_INVALID);
    CHECK_STR(str_of(d.field), str_of(rows[i].field));
  }
}

static void a_patch_leaves_what_it_does_not_name(void **s) {
  (void)s;
  ARENA_AUTO struct arena a = arena_new(100000);
  struct job job;
  struct err_detail d;
  job_init(&job);
  job.priority = 2;
  job.timeout = 7;
  CHECK_OK(read_job("{\"timeout\":null,\"params\":{\"a\":[1]}}", FIELD_PATCH, &job, &a, &d));
  assert_int_equal(job.priority, 2);
  assert_int_equal(job.timeout, FIELD_NULL);
  CHECK_STR(str_of(job.params), STR("{\"a\":[1]}"));
}

static void a_copy_owns_its_texts_and_reads_back_the_same(void **s) {
  (void)s;
  struct job job;
  job_init(&job);
  char name[] = "Sincronización ✅";
  job.name = name;
  job.schedule = "@daily";
  struct job *copy = job_copy(&job);
  name[0] = 'X';
  CHECK_STR(str_of(copy->name), STR("Sincronización ✅"));
  BUF_AUTO struct buf b = buf_new(10000);
  struct json_writer w = jw_new(&b);
  job_to_json(copy, &w);
  assert_true(str_find(buf_str(&b), STR("\"name\":\"Sincronización ✅\"")) != SIZE_MAX);
  assert_true(str_find(buf_str(&b), STR("\"timeout\":null")) != SIZE_MAX);
  job_unref(copy);
}

static void policy_takes_the_job_then_settings_then_the_built_in_default(void **s) {
  (void)s;
  struct job job;
  struct settings settings;
  job_init(&job);
  settings_init(&settings);
  struct policy p = policy_resolve(&job, &settings);
  assert_int_equal(p.timeout_ms, 3600000);
  assert_int_equal(p.max_runtime_ms, 3610000);
  assert_int_equal(p.backoff, BACKOFF_LINEAR);
  CHECK_STR(str_of(p.timezone), STR("Europe/Madrid"));
  settings.default_timeout = 2;
  settings.backoff = BACKOFF_EXPONENTIAL;
  settings.pools = "{\"SYNC\":3}";
  job.category = "SYNC";
  job.timezone = "Asia/Tokyo";
  p = policy_resolve(&job, &settings);
  assert_int_equal(p.timeout_ms, 2000);
  assert_int_equal(p.backoff, BACKOFF_EXPONENTIAL);
  assert_int_equal(p.pool_size, 3);
  CHECK_STR(str_of(p.timezone), STR("Asia/Tokyo"));
  job.max_runtime = 4;
  assert_int_equal(policy_resolve(&job, &settings).max_runtime_ms, 4000);
}

static void run_status_takes_only_allowed_edges(void **s) {
  (void)s;
  assert_true(run_may_become(RUN_QUEUED, RUN_RUNNING));
  assert_false(run_may_become(RUN_QUEUED, RUN_SUCCESS));
  assert_false(run_may_become(RUN_SUCCESS, RUN_FAILED));
  assert_true(run_may_become(RUN_LOST, RUN_SUCCESS));
  for (int from = 0; from < RUN_COUNT; from++)
    assert_false(run_may_become((enum run_status)from, RUN_QUEUED));
}

static void names_that_no_path_or_crontab_could_hold_are_refused(void **s) {
  (void)s;
  struct id_text id = id_to_text(4711);
  const struct {
    int line;
    const char *name;
    enum err want;
  } rows[] = {
      {__LINE__, "a/b", ERR_INVALID}, {__LINE__, "a\nb", ERR_INVALID},  {__LINE__, "a\x7f", ERR_INVALID},
      {__LINE__, ".", ERR_INVALID},   {__LINE__, "..", ERR_INVALID},    {__LINE__, " a", ERR_INVALID},
      {__LINE__, "a ", ERR_INVALID},  {__LINE__, id.text, ERR_INVALID}, {__LINE__, "...", ERR_OK},
      {__LINE__, "x?y#z%", ERR_OK},   {__LINE__, "Copia ✅ a", ERR_OK},  {__LINE__, "c1", ERR_OK},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct job job;
    struct err_detail d = {};
    job_init(&job);
    job.name = rows[i].name;
    CHECK_ROW(rows[i].line, job_validate(&job, &d) == rows[i].want);
    CHECK_STR(str_of(d.field), str_of(rows[i].want == ERR_OK ? "" : "name"));
  }
}

static void the_mask_of_a_secret_never_becomes_its_value(void **s) {
  (void)s;
  ARENA_AUTO struct arena a = arena_new(100000);
  struct settings settings;
  struct err_detail d = {};
  settings_init(&settings);
  settings.slack_webhook = "https://hooks.example/x";
  JSON_AUTO json_t *json = json_pack("{s:s}", "slackWebhook", "***");
  assert_int_equal(
      fields_from_json(settings_fields, settings_field_count, json, FIELD_PATCH, &settings, &a, &d),
      ERR_INVALID);
  CHECK_STR(str_of(d.field), STR("slackWebhook"));
  CHECK_STR(str_of(settings.slack_webhook), STR("https://hooks.example/x"));
}

static void settings_reject_bad_pools(void **s) {
  (void)s;
  struct settings settings;
  struct err_detail d;
  settings_init(&settings);
  CHECK_OK(settings_validate(&settings, &d));
  settings.pools = "{\"a\":0}";
  assert_int_equal(settings_validate(&settings, &d), ERR_INVALID);
  CHECK_STR(str_of(d.field), STR("pools"));
}

static void a_change_copies_a_run_with_its_texts(void **s) {
  (void)s;
  struct change *c = change_new(CHANGE_START, 5);
  struct run run;
  run_init(&run);
  char output[] = "hello";
  run.output = output;
  CHECK_OK(change_set_run(c, &c->run.run, &run));
  output[0] = 'X';
  CHECK_STR(str_of(c->run.run.output), STR("hello"));
  change_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_job_without_options_gets_the_seeds_defaults),
      cmocka_unit_test(bad_fields_are_named),
      cmocka_unit_test(a_patch_leaves_what_it_does_not_name),
      cmocka_unit_test(a_copy_owns_its_texts_and_reads_back_the_same),
      cmocka_unit_test(policy_takes_the_job_then_settings_then_the_built_in_default),
      cmocka_unit_test(run_status_takes_only_allowed_edges),
      cmocka_unit_test(names_that_no_path_or_crontab_could_hold_are_refused),
      cmocka_unit_test(the_mask_of_a_secret_never_becomes_its_value),
      cmocka_unit_test(settings_reject_bad_pools),
      cmocka_unit_test(a_change_copies_a_run_with_its_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
