#include "api/call.h"

#include "api/api_output.h"
#include "api/dispatch.h"
#include "api/stream.h"
#include "tests/support/check.h"

static void prefer_wait_is_read_and_bounded(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text;
    int64_t want;
  } rows[] = {
      {__LINE__, NULL, 0},         {__LINE__, "", 0},
      {__LINE__, "wait=30", 30},   {__LINE__, "respond-async, wait=5", 5},
      {__LINE__, " wait=7 ", 7},   {__LINE__, "wait=99999", CALL_WAIT_MAX_S},
      {__LINE__, "wait=-1", 0},    {__LINE__, "wait=x, wait=3", 3},
      {__LINE__, "waiting=30", 0}, {__LINE__, "wait=", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line, prefer_wait_s(str_of(rows[i].text)) == rows[i].want);
}

static void if_match_takes_our_etags_only(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text;
    enum err want;
    int64_t value;
  } rows[] = {
      {__LINE__, NULL, ERR_OK, FIELD_NULL},
      {__LINE__, "*", ERR_OK, FIELD_NULL},
      {__LINE__, "\"1795287461208\"", ERR_OK, 1795287461208},
      {__LINE__, " \"5\" ", ERR_OK, 5},
      {__LINE__, "5", ERR_PRECONDITION, 0},
      {__LINE__, "W/\"5\"", ERR_PRECONDITION, 0},
      {__LINE__, "\"5\", \"6\"", ERR_PRECONDITION, 0},
      {__LINE__, "\"\"", ERR_PRECONDITION, 0},
      {__LINE__, "\"", ERR_PRECONDITION, 0},
      {__LINE__, "", ERR_PRECONDITION, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t got = 0;
    CHECK_ROW(rows[i].line, if_match_parse(str_of(rows[i].text), &got, NULL) == rows[i].want);
    CHECK_ROW(rows[i].line, got == rows[i].value);
  }
  ARENA_AUTO struct arena arena = arena_new(1000);
  int64_t back;
  CHECK_OK(if_match_parse(str_of(etag_of(&arena, 77)), &back, NULL));
  assert_int_equal(back, 77);
}

static void lists_of_names_become_masks(void **state) {
  (void)state;
  unsigned mask = 9;
  struct err_detail d = {};
  CHECK_OK(mask_parse(NULL, run_status_names, "status", &mask, &d));
  assert_int_equal(mask, 0);
  CHECK_OK(mask_parse("failed, lost", run_status_names, "status", &mask, &d));
  assert_int_equal(mask, 1U << RUN_FAILED | 1U << RUN_LOST);
  assert_int_equal(mask_parse("failed,odd", run_status_names, "status", &mask, &d), ERR_INVALID);
  assert_string_equal(d.field, "status");
  assert_string_equal(d.message, "\"odd\" is not known");
  assert_non_null(strstr(d.hint, "timeout"));
}

static void only_our_own_pages_are_ours(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *origin, *host, *url;
    bool want;
  } rows[] = {
      {__LINE__, NULL, "a:3000", NULL, true},
      {__LINE__, "http://a:3000", "a:3000", NULL, true},
      {__LINE__, "https://A:3000", "a:3000", NULL, true},
      {__LINE__, "http://a", "a:3000", NULL, false},
      {__LINE__, "http://a:3000.evil", "a:3000", NULL, false},
      {__LINE__, "http://evil", "a:3000", NULL, false},
      {__LINE__, "null", "a:3000", NULL, false},
      {__LINE__, "", "a:3000", NULL, false},
      {__LINE__, "https://cron.example", "127.0.0.1:3000", "https://cron.example/", true},
      {__LINE__, "https://cron.example.evil", "127.0.0.1:3000", "https://cron.example", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line,
              origin_is_ours(str_of(rows[i].origin), str_of(rows[i].host), rows[i].url) == rows[i].want);
}

static void ranges_of_bytes(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *text;
    int status;
    uint64_t start, length;
  } rows[] = {
      {__LINE__, NULL, 200, 0, 10},        {__LINE__, "bytes=0-0", 206, 0, 1},
      {__LINE__, "bytes=2-", 206, 2, 8},   {__LINE__, "bytes=2-99", 206, 2, 8},
      {__LINE__, "bytes=-3", 206, 7, 3},   {__LINE__, "bytes=-99", 206, 0, 10},
      {__LINE__, "bytes=10-", 416, 0, 10}, {__LINE__, "bytes=-0", 416, 0, 10},
      {__LINE__, "bytes=5-2", 200, 0, 10}, {__LINE__, "bytes=0-1,4-5", 200, 0, 10},
      {__LINE__, "bytes=-", 200, 0, 10},   {__LINE__, "bytes=a-b", 200, 0, 10},
      {__LINE__, "lines=0-1", 200, 0, 10}, {__LINE__, "bytes=0-9223372036854775807", 206, 0, 10},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t start, length;
    CHECK_ROW(rows[i].line, range_parse(str_of(rows[i].text), 10, &start, &length) == rows[i].status);
    CHECK_ROW(rows[i].line, start == rows[i].start && length == rows[i].length);
  }
  uint64_t start, length;
  assert_int_equal(range_parse(STR("bytes=-5"), 0, &start, &length), 416);
}

static void ranges_of_lines(void **state) {
  (void)state;
  static const struct {
    int line;
    int64_t count, first, last, tail, from, end;
  } rows[] = {
      {__LINE__, 3, 0, 0, 0, 1, 4}, {__LINE__, 3, 2, 0, 0, 2, 4},  {__LINE__, 3, 2, 2, 0, 2, 3},
      {__LINE__, 3, 3, 9, 0, 3, 4}, {__LINE__, 3, 9, 0, 0, 4, 4},  {__LINE__, 3, 0, 2, 1, 2, 3},
      {__LINE__, 3, 0, 0, 1, 3, 4}, {__LINE__, 3, 0, 0, 99, 1, 4}, {__LINE__, 3, 2, 0, 9, 2, 4},
      {__LINE__, 0, 1, 1, 1, 1, 1}, {__LINE__, 2, 3, 1, 0, 2, 2},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct output_span span = output_lines_wanted(rows[i].count, rows[i].first, rows[i].last, rows[i].tail);
    CHECK_ROW(rows[i].line, span.from == rows[i].from && span.end == rows[i].end);
  }
}

static void ids_of_events(void **state) {
  (void)state;
  int64_t epoch, seq;
  assert_true(event_id_parse(STR("3-17"), &epoch, &seq));
  assert_int_equal(epoch, 3);
  assert_int_equal(seq, 17);
  static const char *const bad[] = {"", "3", "3-", "-17", "3-x", "3--1", " 3-1", "3-1 "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ROW(i, !event_id_parse(str_of(bad[i]), &epoch, &seq));
}

static void the_language_is_the_one_liked_best(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *header, *want;
  } rows[] = {
      {__LINE__, NULL, "en"},
      {__LINE__, "", "en"},
      {__LINE__, "es", "es"},
      {__LINE__, "ES-es,es;q=0.9,en;q=0.8", "es"},
      {__LINE__, "de, en;q=0.3, es;q=0.31", "es"},
      {__LINE__, "en, es", "en"},
      {__LINE__, "es;q=0", "en"},
      {__LINE__, "est, *", "en"},
      {__LINE__, "es;q=2", "en"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_str_eq(str_of(language_of(str_of(rows[i].header))), str_of(rows[i].want), rows[i].line);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_language_is_the_one_liked_best),
      cmocka_unit_test(prefer_wait_is_read_and_bounded),
      cmocka_unit_test(if_match_takes_our_etags_only),
      cmocka_unit_test(lists_of_names_become_masks),
      cmocka_unit_test(only_our_own_pages_are_ours),
      cmocka_unit_test(ranges_of_bytes),
      cmocka_unit_test(ranges_of_lines),
      cmocka_unit_test(ids_of_events),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
