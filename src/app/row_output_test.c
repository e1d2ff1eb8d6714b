#include "app/row_output.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/os_file.h"
#include "tests/support/check.h"

static void bytes_that_are_no_text_are_replaced(void **state) {
  (void)state;
  static const struct {
    int line;
    struct str bytes, want;
  } rows[] = {
      {__LINE__, {"plain", 5}, {"plain", 5}},
      {__LINE__, {"ni\xc3\xb1o", 5}, {"ni\xc3\xb1o", 5}},
      {__LINE__,
       {"a\0b", 3},
       {"a\xef\xbf\xbd"
        "b",
        5}},
      {__LINE__, {"\xff\xc3", 2}, {"\xef\xbf\xbd\xef\xbf\xbd", 6}},
      {__LINE__, {"\xed\xa0\x80", 3}, {"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 9}}, /* a surrogate */
      {__LINE__, {"", 0}, {"", 0}},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    BUF_AUTO struct buf out = buf_new(100);
    CHECK_ROW(rows[i].line, output_clean(rows[i].bytes, &out));
    check_str_eq(buf_str(&out), rows[i].want, rows[i].line);
  }
}

static void the_last_line_is_the_last_with_text(void **state) {
  (void)state;
  CHECK_STR(output_last_line(STR("one\ntwo\r\n\n  \n")), STR("two"));
  CHECK_STR(output_last_line(STR("only")), STR("only"));
  CHECK_STR(output_last_line(STR("\n\n")), STR(""));
}

static void cutting_keeps_characters_whole(void **state) {
  (void)state;
  assert_int_equal(output_cut(STR("a\xc3\xb1"), 2), 1);
  assert_int_equal(output_cut(STR("a\xc3\xb1"), 3), 3);
  assert_int_equal(output_cut(STR("ab"), 9), 2);
}

static void read_back(const char *bytes, size_t n, size_t max, struct buf *out, bool *is_cut) {
  char path[] = "/tmp/row_output_test_XXXXXX";
  int fd = mkstemp(path);
  assert_int_equal(write(fd, bytes, n), (ssize_t)n);
  close(fd);
  *out = buf_new(max);
  *is_cut = false;
  output_read(path, out, is_cut);
  CHECK_OK(buf_error(out));
  assert_true(out->len <= max);
  unlink(path);
}

static void a_long_output_keeps_head_and_tail(void **state) {
  (void)state;
  char bytes[5000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)('a' + i % 26);
  struct buf out;
  bool is_cut;
  read_back(bytes, sizeof bytes, 1000, &out, &is_cut);
  assert_true(is_cut);
  assert_memory_equal(out.ptr, bytes, 400);
  assert_memory_equal(out.ptr + out.len - 400, bytes + sizeof bytes - 400, 400);
  assert_true(str_find(buf_str(&out), STR("the kept output has 5000 bytes")) != SIZE_MAX);
  buf_free(&out);
}

static void garbage_that_grows_when_cleaned_still_fits(void **state) {
  (void)state;
  char bytes[900];
  memset(bytes, 0xff, sizeof bytes);
  struct buf out;
  bool is_cut;
  read_back(bytes, sizeof bytes, 1000, &out, &is_cut);
  assert_true(is_cut);
  assert_true(str_is_utf8(buf_str(&out)));
  buf_free(&out);
}

static void a_short_output_is_kept_whole(void **state) {
  (void)state;
  struct buf out;
  bool is_cut;
  read_back("hello\n", 6, 1000, &out, &is_cut);
  assert_false(is_cut);
  CHECK_STR(buf_str(&out), STR("hello\n"));
  buf_free(&out);
  out = buf_new(100);
  output_read("/nowhere/at/all", &out, &is_cut);
  assert_int_equal(out.len, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bytes_that_are_no_text_are_replaced),
      cmocka_unit_test(the_last_line_is_the_last_with_text),
      cmocka_unit_test(cutting_keeps_characters_whole),
      cmocka_unit_test(a_long_output_keeps_head_and_tail),
      cmocka_unit_test(garbage_that_grows_when_cleaned_still_fits),
      cmocka_unit_test(a_short_output_is_kept_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
