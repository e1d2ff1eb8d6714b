#include "api/cursor.h"

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cursors_come_back_as_they_were),
      cmocka_unit_test(foreign_cursors_are_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
