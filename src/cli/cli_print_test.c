#include "cli/cli.h"

#include "tests/support/check.h"

static void no_control_character_of_a_job_reaches_the_terminal(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text, *shown;
  } rows[] = {
      {__LINE__, "a\tb\n", "a\tb\n"},
      {__LINE__, "\033[31mred\033[0m", "\033[31mred\033[0m"},
      {__LINE__, "\033]52;c;eA==\a", "^[]52;c;eA==^G"},
      {__LINE__, "\033[2J\r", "^[[2J^M"},
      {__LINE__, "\033[31", "^[[31"},
      {__LINE__, "\033", "^["},
      {__LINE__, "\x7f", "^?"},
      {__LINE__,
       "\xc2\x9b"
       "31m",
       "?31m"},
      {__LINE__, "ñ ✅ \xc2\xa0", "ñ ✅ \xc2\xa0"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    BUF_AUTO struct buf out = buf_new(1000);
    cli_clean_output(str_of(rows[i].text), &out);
    CHECK_ROW(rows[i].line, str_eq(buf_str(&out), str_of(rows[i].shown)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_control_character_of_a_job_reaches_the_terminal)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
