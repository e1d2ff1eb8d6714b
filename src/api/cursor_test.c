#include "api/cursor.h"

#include "api/idempotency.h"
#include "api/mask.h"
#include "tests/support/check.h"

static void cursors_come_back_as_they_were(void **state) {
  (void)state;
  static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    BUF_AUTO struct buf out = buf_new(200);
    int64_t back = 5;
    cursor_of_number(&out, numbers[i]);
    CHECK_OK(cursor_to_number(buf_str(&out), &back, NULL));
    assert_true(back == numbers[i]);
  }
  BUF_AUTO struct buf out = buf_new(200);
  char name[300];
  cursor_of_text(&out, STR("año \" nuevo"));
  CHECK_OK(cursor_to_text(buf_str(&out), name, sizeof name, NULL));
  assert_string_equal(name, "año \" nuevo");
}

static void foreign_cursors_are_refused_by_name(void **state) {
  (void)state;
  BUF_AUTO struct buf text = buf_new(200);
  cursor_of_text(&text, STR("12"));
  struct str bad[] = {
      STR(""), STR("!"), STR("bg"), STR("AAAA"), STR("bjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"), buf_str(&text)};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct err_detail d = {};
    int64_t number = 42;
    assert_int_equal(cursor_to_number(bad[i], &number, &d), ERR_INVALID);
    assert_string_equal(d.field, "cursor");
    assert_int_equal(number, 42);
  }
}

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

static void secrets_are_masked_and_come_back(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  static const struct {
    int line;
    const char *json, *want;
  } rows[] = {
      {__LINE__, "{\"url\":\"http://a/b\",\"n\":1}", "{\"url\":\"http://a/b\",\"n\":1}"},
      {__LINE__, "{\"apiToken\":\"x\",\"PASSWORD\":\"\"}", "{\"apiToken\":\"***\",\"PASSWORD\":\"\"}"},
      {__LINE__, "{\"headers\":{\"Authorization\":\"Bearer x\"}}",
       "{\"headers\":{\"Authorization\":\"***\"}}"},
      {__LINE__, "{\"secrets\":[\"a\",{\"b\":2}]}", "{\"secrets\":[\"***\",{\"b\":\"***\"}]}"},
      {__LINE__, "[\"ftp://u:p@h/x\",\"http://h:80/@\"]", "[\"ftp://u:***@h/x\",\"http://h:80/@\"]"},
      {__LINE__, "no json", "\"***\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_str_eq(str_of(mask_json_text(rows[i].json, &arena)), str_of(rows[i].want), rows[i].line);
  assert_null(mask_json_text(NULL, &arena));

  JSON_AUTO json_t *old = NULL, *given = NULL, *want = NULL;
  CHECK_OK(json_parse(STR("{\"token\":\"t\",\"u\":\"h://a:b@c\",\"l\":[{\"secret\":7}],\"o\":\"***\"}"), &old,
                      NULL));
  CHECK_OK(
      json_parse(STR("{\"token\":\"***\",\"u\":\"h://a:***@c\",\"l\":[{\"secret\":\"***\"}],\"n\":\"***\"}"),
                 &given, NULL));
  CHECK_OK(json_parse(STR("{\"token\":\"t\",\"u\":\"h://a:b@c\",\"l\":[{\"secret\":7}],\"n\":\"***\"}"),
                      &want, NULL));
  mask_restore(given, old);
  assert_true(json_equal(given, want));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cursors_come_back_as_they_were),
      cmocka_unit_test(foreign_cursors_are_refused_by_name),
      cmocka_unit_test(a_repeated_key_gets_the_first_answer),
      cmocka_unit_test(the_table_is_bounded),
      cmocka_unit_test(secrets_are_masked_and_come_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
