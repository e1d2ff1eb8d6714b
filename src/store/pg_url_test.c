#include "store/pg_url.h"

#include "tests/support/check.h"

static void parameters_that_only_an_application_knows_are_left_out(void **state) {
  (void)state;
  static const struct {
    const char *given, *url, *schema;
  } cases[] = {
      {"postgresql://u:p@db:5432/app?schema=public&connection_limit=5", "postgresql://u:p@db:5432/app",
       "public"},
      {"postgres://u@db/app?pgbouncer=true&sslmode=require&schema=w1", "postgres://u@db/app?sslmode=require",
       "w1"},
      {"postgres://db/app?sslmode=verify-full&sslrootcert=/etc/ca.pem&sslaccept=strict",
       "postgres://db/app?sslmode=verify-full&sslrootcert=/etc/ca.pem", ""},
      {"postgresql:///app?host=/run/pg&port=5433", "postgresql:///app?host=/run/pg&port=5433", ""},
      {" postgresql://db/app?", "postgresql://db/app", ""},
      {"host=/run/pg dbname=app", "host=/run/pg dbname=app", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct pg_address a;
    CHECK_OK(pg_address_from(str_of(cases[i].given), &a, NULL));
    assert_string_equal(a.url, cases[i].url);
    assert_string_equal(a.schema, cases[i].schema);
  }
}

static void what_is_no_address_is_refused_without_repeating_it(void **state) {
  (void)state;
  static const char *const cases[] = {"", "mysql://u:hunter2@db/app", "hunter2",
                                      "postgresql://db/app?schema=a;drop", "postgresql://db/app?schema="};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct pg_address a;
    struct err_detail detail = {};
    assert_int_equal(pg_address_from(str_of(cases[i]), &a, &detail), ERR_INVALID);
    assert_null(strstr(detail.message, "hunter2"));
    assert_true(detail.message[0]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parameters_that_only_an_application_knows_are_left_out),
      cmocka_unit_test(what_is_no_address_is_refused_without_repeating_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
