#include "api/idempotency.h"

#include <stdio.h>

#include "tests/support/check.h"

static struct tick hours(uint64_t h) { return (struct tick){1 + h * 3600 * 1000000000}; }

static void a_repeated_key_gets_the_first_answer(void **state) {
  (void)state;
  struct idempotency *t;
  struct idempotency_answer got,
      first = {201, STR("application/json"), STR("/x"), STR_NONE, STR("{\"a\":1}")};
  CHECK_OK(idempotency_new(&t));
  assert_int_equal(idempotency_begin(t, 1, STR("k"), 9, hours(0), &got), IDEMPOTENCY_NEW);
  assert_int_equal(idempotency_begin(t, 1, STR("k"), 9, hours(0), &got), IDEMPOTENCY_BUSY);
  idempotency_finish(t, 1, STR("k"), &first);
  assert_int_equal(idempotency_begin(t, 1, STR("k"), 9, hours(1), &got), IDEMPOTENCY_DONE);
  assert_int_equal(got.status, 201);
  CHECK_STR(got.body, first.body);
  CHECK_STR(got.location, first.location);
  assert_null(got.etag.ptr);
  assert_int_equal(idempotency_begin(t, 1, STR("k"), 8, hours(1), &got), IDEMPOTENCY_REUSED);
  assert_int_equal(idempotency_begin(t, 2, STR("k"), 8, hours(1), &got), IDEMPOTENCY_NEW);
  idempotency_forget(t, 2, STR("k"));
  assert_int_equal(idempotency_begin(t, 2, STR("k"), 7, hours(1), &got), IDEMPOTENCY_NEW);
  assert_int_equal(idempotency_begin(t, 1, STR("k"), 9, hours(30), &got), IDEMPOTENCY_NEW);
  idempotency_free(t);
}

static void the_table_is_bounded(void **state) {
  (void)state;
  struct idempotency *t;
  struct idempotency_answer got, answer = {200, STR_NONE, STR_NONE, STR_NONE, STR("x")};
  CHECK_OK(idempotency_new(&t));
  for (int i = 0; i < 5000; i++) {
    char key[16];
    (void)snprintf(key, sizeof key, "k%d", i);
    assert_int_equal(idempotency_begin(t, 1, str_of(key), 1, hours(0), &got), IDEMPOTENCY_NEW);
    idempotency_finish(t, 1, str_of(key), &answer);
  }
  assert_int_equal(idempotency_begin(t, 1, STR("k4999"), 1, hours(0), &got), IDEMPOTENCY_DONE);
  assert_int_equal(idempotency_begin(t, 1, STR("k0"), 1, hours(0), &got), IDEMPOTENCY_NEW);
  for (int i = 0; i < IDEMPOTENCY_ENTRIES_MAX - 1; i++) {
    char key[16];
    (void)snprintf(key, sizeof key, "u%d", i);
    assert_int_equal(idempotency_begin(t, 1, str_of(key), 1, hours(0), &got), IDEMPOTENCY_NEW);
  }
  assert_int_equal(idempotency_begin(t, 1, STR("one more"), 1, hours(0), &got), IDEMPOTENCY_FULL);
  idempotency_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_repeated_key_gets_the_first_answer),
      cmocka_unit_test(the_table_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
