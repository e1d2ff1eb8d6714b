#include "api/access.h"

#include "tests/support/check.h"

static const struct access_job normal = {"c1", "sync", false}, critical = {"c2", "backup", true};

static void roles_are_a_ladder_and_critical_jobs_need_admin(void **state) {
  (void)state;
  static const struct {
    int line;
    enum who_kind kind;
    enum role role;
    struct access_need need;
    const struct access_job *job;
    enum err want;
  } rows[] = {
      {__LINE__, WHO_NOBODY, ROLE_NONE, {.least = ROLE_NONE}, NULL, ERR_OK},
      {__LINE__, WHO_NOBODY, ROLE_NONE, {.least = ROLE_VIEWER}, NULL, ERR_UNAUTHENTICATED},
      {__LINE__, WHO_TOKEN, ROLE_NONE, {.least = ROLE_VIEWER}, NULL, ERR_FORBIDDEN},
      {__LINE__, WHO_TOKEN, ROLE_VIEWER, {.least = ROLE_VIEWER}, NULL, ERR_OK},
      {__LINE__, WHO_TOKEN, ROLE_VIEWER, {.least = ROLE_OPERATOR, .is_write = true}, NULL, ERR_FORBIDDEN},
      {__LINE__, WHO_SESSION, ROLE_OPERATOR, {.least = ROLE_EDITOR, .is_write = true}, NULL, ERR_FORBIDDEN},
      {__LINE__, WHO_SESSION, ROLE_OPERATOR, {.least = ROLE_OPERATOR, .is_write = true}, &normal, ERR_OK},
      {__LINE__,
       WHO_SESSION,
       ROLE_OPERATOR,
       {.least = ROLE_OPERATOR, .is_write = true},
       &critical,
       ERR_FORBIDDEN},
      {__LINE__,
       WHO_SESSION,
       ROLE_EDITOR,
       {.least = ROLE_EDITOR, .is_write = true},
       &critical,
       ERR_FORBIDDEN},
      {__LINE__, WHO_SESSION, ROLE_ADMIN, {.least = ROLE_EDITOR, .is_write = true}, &critical, ERR_OK},
      {__LINE__, WHO_TOKEN, ROLE_VIEWER, {.least = ROLE_VIEWER}, &critical, ERR_OK},
      {__LINE__, WHO_CRON_SECRET, ROLE_NONE, {.least = ROLE_VIEWER}, NULL, ERR_FORBIDDEN},
      {__LINE__,
       WHO_CRON_SECRET,
       ROLE_NONE,
       {.least = ROLE_OPERATOR, .takes_cron_secret = true},
       NULL,
       ERR_OK},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct who who = {.kind = rows[i].kind, .role = rows[i].role};
    struct err_detail d = {};
    CHECK_ROW(rows[i].line, access_check(&who, &rows[i].need, rows[i].job, &d) == rows[i].want);
  }
}

static void a_token_for_some_jobs_reaches_only_these(void **state) {
  (void)state;
  struct scope scope;
  struct err_detail d = {};
  CHECK_OK(scope_parse("{\"jobs\":[\"sync\",\"c9\"]}", &scope, &d));
  struct who who = {.kind = WHO_TOKEN, .role = ROLE_ADMIN, .scope = &scope};
  struct access_need about_job = {.least = ROLE_VIEWER, .is_about_job = true}, list = {.least = ROLE_VIEWER};
  CHECK_OK(access_check(&who, &about_job, NULL, &d));
  CHECK_OK(access_check(&who, &about_job, &normal, &d));
  assert_int_equal(access_check(&who, &about_job, &critical, &d), ERR_FORBIDDEN);
  assert_int_equal(access_check(&who, &list, NULL, &d), ERR_FORBIDDEN);
  assert_true(access_sees_job(&who, "c9", "other"));
  assert_false(access_sees_job(&who, "c8", "other"));
  scope_free(&scope);
}

/* a service token reaches worlds and nothing else; jobs and worlds together reach both. */
static void a_service_token_reaches_worlds_alone(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *scope;
    bool is_about_job, is_about_world, want;
  } rows[] = {
      {__LINE__, "{\"worlds\":true}", false, true, true},
      {__LINE__, "{\"worlds\":true}", true, false, false},
      {__LINE__, "{\"worlds\":true}", false, false, false},
      {__LINE__, "{\"jobs\":[\"a\"]}", false, true, false},
      {__LINE__, "{\"worlds\":false}", false, false, true},
      {__LINE__, "{}", false, true, true},
      {__LINE__, "{\"jobs\":[\"a\"],\"worlds\":true}", true, false, true},
      {__LINE__, "{\"jobs\":[\"a\"],\"worlds\":true}", false, true, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct scope scope;
    CHECK_OK(scope_parse(rows[i].scope, &scope, NULL));
    struct who who = {.kind = WHO_TOKEN, .role = ROLE_OPERATOR, .actor = "token:app", .scope = &scope};
    struct access_need need = {
        .least = ROLE_VIEWER, .is_about_job = rows[i].is_about_job, .is_about_world = rows[i].is_about_world};
    CHECK_ROW(rows[i].line, (access_check(&who, &need, NULL, NULL) == ERR_OK) == rows[i].want);
    CHECK_ROW(rows[i].line, access_is_service(&who) == scope.is_worlds);
    who.role = ROLE_VIEWER;
    CHECK_ROW(rows[i].line, !access_is_service(&who));
    scope_free(&scope);
  }
}

static void scopes_are_read_strictly(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *json, *field;
  } rows[] = {
      {__LINE__, "[]", "scope"},
      {__LINE__, "{\"job\":[\"a\"]}", "scope"},
      {__LINE__, "{\"jobs\":[]}", "scope.jobs"},
      {__LINE__, "{\"jobs\":[1]}", "scope.jobs"},
      {__LINE__, "{\"jobs\":[\"a\",\"\"]}", "scope.jobs"},
      {__LINE__, "{\"nets\":[\"10.0.0.0/33\"]}", "scope.nets"},
      {__LINE__, "{\"nets\":[\"example.org\"]}", "scope.nets"},
      {__LINE__, "{\"singleUse\":1}", "scope"},
      {__LINE__, "{\"worlds\":\"all\"}", "scope"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct scope scope;
    struct err_detail d = {};
    CHECK_ROW(rows[i].line, scope_parse(rows[i].json, &scope, &d) == ERR_INVALID);
    CHECK_ROW(rows[i].line, str_eq(str_of(d.field), str_of(rows[i].field)));
  }
}

static void networks_match_by_their_bits(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *json, *peer;
    bool want;
  } rows[] = {
      {__LINE__, "{\"nets\":[\"10.1.0.0/16\"]}", "10.1.255.1", true},
      {__LINE__, "{\"nets\":[\"10.1.0.0/16\"]}", "10.2.0.1", false},
      {__LINE__, "{\"nets\":[\"10.0.0.0/9\"]}", "10.127.0.1", true},
      {__LINE__, "{\"nets\":[\"10.0.0.0/9\"]}", "10.128.0.1", false},
      {__LINE__, "{\"nets\":[\"192.168.1.7\"]}", "192.168.1.7", true},
      {__LINE__, "{\"nets\":[\"192.168.1.7\"]}", "192.168.1.8", false},
      {__LINE__, "{\"nets\":[\"::1\",\"127.0.0.1\"]}", "::1", true},
      {__LINE__, "{\"nets\":[\"2001:db8::/32\"]}", "2001:db8:5::1", true},
      {__LINE__, "{\"nets\":[\"2001:db8::/32\"]}", "127.0.0.1", false},
      {__LINE__, "{\"nets\":[\"0.0.0.0/0\"]}", "8.8.8.8", true},
      {__LINE__, "{\"nets\":[\"0.0.0.0/0\"]}", "::1", false},
      {__LINE__, "{\"singleUse\":true}", "anything", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct scope scope;
    CHECK_OK(scope_parse(rows[i].json, &scope, NULL));
    CHECK_ROW(rows[i].line, scope_allows_address(&scope, str_of(rows[i].peer)) == rows[i].want);
    scope_free(&scope);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(roles_are_a_ladder_and_critical_jobs_need_admin),
      cmocka_unit_test(a_token_for_some_jobs_reaches_only_these),
      cmocka_unit_test(a_service_token_reaches_worlds_alone),
      cmocka_unit_test(scopes_are_read_strictly),
      cmocka_unit_test(networks_match_by_their_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
