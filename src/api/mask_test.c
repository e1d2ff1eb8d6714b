#include "api/mask.h"

#include <stdlib.h>

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
    check_str_eq(str_of(mask_json_text(rows[i].json, NULL, &arena)), str_of(rows[i].want), rows[i].line);
  assert_null(mask_json_text(NULL, NULL, &arena));

  JSON_AUTO json_t *old = NULL, *given = NULL, *want = NULL;
  CHECK_OK(json_parse(STR("{\"token\":\"t\",\"u\":\"h://a:b@c\",\"l\":[{\"secret\":7}],\"o\":\"***\"}"), &old,
                      NULL));
  CHECK_OK(
      json_parse(STR("{\"token\":\"***\",\"u\":\"h://a:***@c\",\"l\":[{\"secret\":\"***\"}],\"n\":\"***\"}"),
                 &given, NULL));
  CHECK_OK(json_parse(STR("{\"token\":\"t\",\"u\":\"h://a:b@c\",\"l\":[{\"secret\":7}],\"n\":\"***\"}"),
                      &want, NULL));
  mask_restore(given, old, NULL);
  assert_true(json_equal(given, want));
}

static const char *const shown_headers[] = {"Accept", "User-Agent", NULL};
static const struct mask_param secret_params[] = {{"headers", shown_headers}, {"pin", NULL}, {"box", NULL}};
static const struct mask_rules rules = {.count = 3, .params = secret_params};
static const struct mask_rules everything = {.hides_all = true};

static void what_the_schema_calls_secret_is_masked(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  static const struct {
    int line;
    const struct mask_rules *rules;
    const char *json, *want;
  } rows[] = {
      {__LINE__, &rules,
       "{\"headers\":{\"X-A\":\"abc\",\"accept\":\"text/html\",\"User-Agent\":\"a http://u:p@h\"}}",
       "{\"headers\":{\"X-A\":\"***\",\"accept\":\"text/html\",\"User-Agent\":\"a http://u:***@h\"}}"},
      {__LINE__, &rules, "{\"pin\":1234,\"n\":5,\"a\":{\"pin\":7}}",
       "{\"pin\":\"***\",\"n\":5,\"a\":{\"pin\":7}}"},
      {__LINE__, &rules, "{\"box\":[{\"Accept\":\"x\",\"l\":[1,true,\"\"]}]}",
       "{\"box\":[{\"Accept\":\"***\",\"l\":[\"***\",true,\"\"]}]}"},
      {__LINE__, &everything, "{\"a\":{\"b\":[\"c\",4,false,null]}}",
       "{\"a\":{\"b\":[\"***\",\"***\",false,null]}}"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_str_eq(str_of(mask_json_text(rows[i].json, rows[i].rules, &arena)), str_of(rows[i].want),
                 rows[i].line);
  check_str_eq(
      str_of(mask_json_member("{\"a\":\"x\",\"params\":{\"pin\":1,\"a\":\"x\"}}", "params", &rules, &arena)),
      STR("{\"a\":\"x\",\"params\":{\"pin\":\"***\",\"a\":\"x\"}}"), __LINE__);
  assert_true(mask_hides("{\"pin\":1}", &rules));
  assert_false(mask_hides("{\"n\":1,\"headers\":{\"Accept\":\"a\"}}", &rules));
  assert_false(mask_hides(NULL, &rules));
}

/* One text as {"t": text}. */
static void secrets_inside_texts_are_masked(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  static const struct {
    int line;
    const char *text, *want;
  } rows[] = {
      {__LINE__, "https://h/p?a=1&api_key=abc&b=2#f", "https://h/p?a=1&api_key=***&b=2#f"},
      {__LINE__, "https://h/p?key=abc", "https://h/p?key=***"},
      {__LINE__, "https://h/?X-Amz-Signature=ab/c", "https://h/?X-Amz-Signature=***"},
      {__LINE__, "key=abc sig=1 code=2", "key=abc sig=1 code=2"},
      {__LINE__, "API_TOKEN=abc DEBUG=1 run --password='a b' --dsn=\"x;y\"; next",
       "API_TOKEN=*** DEBUG=1 run --password='***' --dsn=\"***\"; next"},
      {__LINE__, "curl -H 'Authorization: Bearer a.b' -H \"Accept: x\" h",
       "curl -H 'Authorization: ***' -H \"Accept: x\" h"},
      {__LINE__, "{\"user\":\"u\",\"password\": \"p\\\"q\", \"token\":12}",
       "{\"user\":\"u\",\"password\": \"***\", \"token\":***}"},
      {__LINE__, "-d {\\\"secret\\\":\\\"p\\\",\\\"a\\\":1}", "-d {\\\"secret\\\":\\\"***\\\",\\\"a\\\":1}"},
      {__LINE__, "amqp://u:p@h/v?password=q", "amqp://u:***@h/v?password=***"},
      {__LINE__, "echo $API_TOKEN \"$SECRET\" token: ", "echo $API_TOKEN \"$SECRET\" token: "},
      {__LINE__, "TOKEN=", "TOKEN="},
      {__LINE__, "see https://h:80/a:b@c", "see https://h:80/a:b@c"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    JSON_AUTO json_t *object = json_pack("{s:s}", "t", rows[i].text), *back = NULL;
    char *json = json_to_text(object);
    CHECK_OK(json_parse(str_of(mask_json_text(json, NULL, &arena)), &back, NULL));
    check_str_eq(json_text_at(back, "t"), str_of(rows[i].want), rows[i].line);
    mask_restore(back, object, NULL); /* and all of it comes back */
    if (!json_equal(back, object))
      fail_msg("line %d did not come back: %s", rows[i].line, json_text_at(back, "t").ptr);
    free(json);
  }
}

static void names_beside_a_value_make_it_secret(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(1 << 20);
  check_str_eq(str_of(mask_json_text(
                   "{\"env\":[\"A=1\",\"DB_PASSWORD=x y\"],\"args\":[\"-v\",\"--token\",\"abc\",\"d\"],"
                   "\"l\":[{\"name\":\"API_KEY\",\"value\":\"v\"},{\"name\":\"A\",\"value\":\"v\"}]}",
                   NULL, &arena)),
               STR("{\"env\":[\"A=1\",\"DB_PASSWORD=***\"],\"args\":[\"-v\",\"--token\",\"***\",\"d\"],"
                   "\"l\":[{\"name\":\"API_KEY\",\"value\":\"***\"},{\"name\":\"A\",\"value\":\"v\"}]}"),
               __LINE__);
}

static void a_text_that_changed_around_its_masks_keeps_its_secrets(void **state) {
  (void)state;
  static const struct {
    int line;
    const char *was, *given, *want;
    bool is_left;
  } rows[] = {
      {__LINE__, "TOKEN=a run", "TOKEN=*** run -v", "TOKEN=a run -v", false},
      {__LINE__, "A_TOKEN=a B_TOKEN=b A_TOKEN=c", "B_TOKEN=*** A_TOKEN=*** A_TOKEN=***",
       "B_TOKEN=b A_TOKEN=a A_TOKEN=c", false},
      {__LINE__, "h://u:p@x/?token=t", "h://u:***@y/?token=new", "h://u:p@y/?token=new", false},
      {__LINE__, "run", "TOKEN=*** run", "TOKEN=*** run", true},
      {__LINE__, "run", "echo ***", "echo ***", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    JSON_AUTO json_t *old = json_pack("{s:s}", "t", rows[i].was),
                     *given = json_pack("{s:s}", "t", rows[i].given);
    mask_restore(given, old, NULL);
    check_str_eq(json_text_at(given, "t"), str_of(rows[i].want), rows[i].line);
    assert_int_equal(mask_is_left(given, NULL), rows[i].is_left);
  }
}

static void a_mask_without_a_value_is_found(void **state) {
  (void)state;
  JSON_AUTO json_t *old = json_pack("{s:[s,s,s]}", "args", "-v", "--token", "abc");
  JSON_AUTO json_t *moved = json_pack("{s:[s,s]}", "args", "--token", MASK);
  mask_restore(moved, old, NULL);
  assert_true(mask_is_left(moved, NULL)); /* the list was cut: nobody knows whose it is */
  JSON_AUTO json_t *pin = json_pack("{s:s}", "pin", MASK);
  assert_true(mask_is_left(pin, &rules));
  assert_false(mask_is_left(pin, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(secrets_are_masked_and_come_back),
      cmocka_unit_test(what_the_schema_calls_secret_is_masked),
      cmocka_unit_test(secrets_inside_texts_are_masked),
      cmocka_unit_test(names_beside_a_value_make_it_secret),
      cmocka_unit_test(a_text_that_changed_around_its_masks_keeps_its_secrets),
      cmocka_unit_test(a_mask_without_a_value_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
