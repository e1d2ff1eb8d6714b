#include "api/mask.h"

#include "tests/support/check.h"

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
      cmocka_unit_test(secrets_are_masked_and_come_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
