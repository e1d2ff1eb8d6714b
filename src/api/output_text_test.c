#include "api/output_text.h"

#include "tests/support/check.h"

static void lines_that_look_wrong(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text;
    bool is_wrong;
  } rows[] = {
      {__LINE__, "error: WRONGTYPE Operation against a key", true},
      {__LINE__, "2026-11-22 ERROR could not connect", true},
      {__LINE__, "java.lang.NullPointerException: at x", true},
      {__LINE__, "Traceback (most recent call last):", true},
      {__LINE__, "TypeError: x is not a function", true},
      {__LINE__, "2 tests failed", true},
      {__LINE__, "FAIL src/x.test.js", true},
      {__LINE__, "fall\xc3\xb3 la copia", true},
      {__LINE__, "excepci\xc3\xb3n en el hilo", true},
      {__LINE__, "\x1b[31merror\x1b[0m", true},
      {__LINE__, "exit with error=2", true},
      {__LINE__, "\"level\":\"error\"", true},
      {__LINE__, "0 errors, 3 warnings", false},
      {__LINE__, "no error", false},
      {__LINE__, "sin errores", false},
      {__LINE__, "errors: 0", false},
      {__LINE__, "{\"error\":null}", false},
      {__LINE__, "error=false", false},
      {__LINE__, "failover to node 2", false},
      {__LINE__, "a default panicle", false},
      {__LINE__, "criticality", false},
      {__LINE__, "errors: 0.5 %", true},
      {__LINE__, "all is well", false},
      {__LINE__, "", false},
      {__LINE__, "err", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line, output_looks_wrong(str_of(rows[i].text)) == rows[i].is_wrong);
}

/* A word is as long as words are: a line of one endless word is not walked through at each sign in it. */
static void an_endless_word_is_no_denial(void **state) {
  (void)state;
  BUF_AUTO struct buf line = buf_new(1000);
  for (int i = 0; i < 100; i++) buf_add_text(&line, "error");
  buf_add_text(&line, ": 0");
  assert_true(output_looks_wrong(buf_str(&line)));
  assert_false(output_looks_wrong(STR("errorhandlers: 0")));
}

static void folding_is_for_searching(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text, *want;
  } rows[] = {
      {__LINE__, "Hello World", "hello world"},
      {__LINE__, "\xc3\x91O\xc3\x91O \xc3\x89XITO", "\xc3\xb1o\xc3\xb1o \xc3\xa9xito"},
      {__LINE__, "\x1b[1;31mRed\x1b[0m and plain", "red and plain"},
      {__LINE__, "\x1b]8;;https://x.example\x1b\\\\Link\x1b]8;;\a!", "\\link!"},
      {__LINE__, "cut \x1b[31", "cut "},
      {__LINE__, "cut \x1b", "cut "},
      {__LINE__, "\xc5\xbb\xc3\x93\xc5\x81W", "\xc5\xbc\xc3\xb3\xc5\x82w"},
      {__LINE__, "\xd0\x9f\xd0\xa0\xd0\x98", "\xd0\xbf\xd1\x80\xd0\xb8"},
      {__LINE__, "\xff\xc3 A", "\xff\xc3 a"},
      {__LINE__, "\xe2\x82\xac 5", "\xe2\x82\xac 5"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    BUF_AUTO struct buf out = buf_new(200);
    output_fold(str_of(rows[i].text), &out);
    check_str_eq(buf_str(&out), str_of(rows[i].want), rows[i].line);
  }
}

static void gaps_are_known(void **state) {
  (void)state;
  assert_true(output_is_gap(STR("[... 21 bytes left out ...]")));
  assert_true(output_is_gap(STR("[... 4 bytes left out: above the output rate ...]")));
  assert_true(
      output_is_gap(STR("[\xe2\x80\xa6 the middle is left out: the kept output has 9 bytes \xe2\x80\xa6]")));
  assert_false(output_is_gap(STR("[... and so on ...]")));
  assert_false(output_is_gap(STR("")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_that_look_wrong),
      cmocka_unit_test(an_endless_word_is_no_denial),
      cmocka_unit_test(folding_is_for_searching),
      cmocka_unit_test(gaps_are_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
