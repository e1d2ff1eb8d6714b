#include "api/web.h"

#include "base/embedded.h"
#include "tests/support/check.h"

static void a_base_path_is_checked(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *base;
    bool is_good;
  } rows[] = {
      {__LINE__, NULL, true},       {__LINE__, "", true},        {__LINE__, "/sereno", true},
      {__LINE__, "/a/b-c.d", true}, {__LINE__, "sereno", false}, {__LINE__, "/sereno/", false},
      {__LINE__, "/", false},       {__LINE__, "/a//b", false},  {__LINE__, "/../x", false},
      {__LINE__, "/a\"><b", false}, {__LINE__, "/a b", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct err_detail detail = {};
    CHECK_ROW(rows[i].line, (web_base_check(rows[i].base, &detail) == ERR_OK) == rows[i].is_good);
  }
}

static void the_base_path_is_taken_off(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *path, *want;
  } rows[] = {
      {__LINE__, "/sereno", "/"},          {__LINE__, "/sereno/", "/"},
      {__LINE__, "/sereno/jobs", "/jobs"}, {__LINE__, "/serenos/jobs", "/serenos/jobs"},
      {__LINE__, "/livez", "/livez"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line,
              str_eq(web_without_base(str_of(rows[i].path), STR("/sereno")), str_of(rows[i].want)));
  assert_true(str_eq(web_without_base(STR("/jobs"), STR_NONE), STR("/jobs")));
}

static void the_root_has_the_base_once(void **state) {
  (void)state;
  static const char *const urls[] = {"https://example.org", "https://example.org/",
                                     "https://example.org/sereno", "https://example.org/sereno/"};
  for (size_t i = 0; i < 4; i++) {
    BUF_AUTO struct buf out = buf_new(100);
    web_root_url(str_of(urls[i]), STR("/sereno"), &out);
    CHECK_STR(buf_str(&out), STR("https://example.org/sereno"));
  }
}

static void the_best_encoding_is_chosen(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *accept, *want;
  } rows[] = {
      {__LINE__, NULL, ""},
      {__LINE__, "", ""},
      {__LINE__, "gzip, deflate, br, zstd", "br"},
      {__LINE__, "gzip", "gzip"},
      {__LINE__, "br;q=0, gzip;q=0.5", "gzip"},
      {__LINE__, "br;q=0.001", "br"},
      {__LINE__, "BR", "br"},
      {__LINE__, "identity", ""},
      {__LINE__, "gzip;q=0.0", ""},
      {__LINE__, "brotli", ""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line, str_eq(web_encoding(str_of(rows[i].accept)), str_of(rows[i].want)));
}

static void what_the_client_has_is_known(void **state) {
  (void)state;
  const struct str etag = STR("\"abc\"");
  assert_true(web_is_known(STR("\"abc\""), etag));
  assert_true(web_is_known(STR("\"x\", W/\"abc\""), etag));
  assert_true(web_is_known(STR("*"), etag));
  assert_false(web_is_known(STR("\"abcd\""), etag));
  assert_false(web_is_known(STR_NONE, etag));
}

static void pages_have_their_routes(void **state) { /* C-70 */
  (void)state;
  static const struct {
    int line;
    const char *path;
    bool is_page;
  } rows[] = {
      {__LINE__, "/", true},
      {__LINE__, "/jobs", true},
      {__LINE__, "/jobs/17/history", true},
      {__LINE__, "/jobsx", false},
      {__LINE__, "/api/nothing", false},
      {__LINE__, "/nothing", false},
      {__LINE__, "/assets/x.js", true},
      {__LINE__, "/embed/v1/sereno-world.js", true},
      {__LINE__, "/configuracion/sistema/cron-manager", true},
      {__LINE__, "/configuracion", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_ROW(rows[i].line, (web_route_find(str_of(rows[i].path)) != NULL) == rows[i].is_page);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_base_path_is_checked),       cmocka_unit_test(the_base_path_is_taken_off),
      cmocka_unit_test(the_root_has_the_base_once),   cmocka_unit_test(the_best_encoding_is_chosen),
      cmocka_unit_test(what_the_client_has_is_known), cmocka_unit_test(pages_have_their_routes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
