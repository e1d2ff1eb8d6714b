#include "api/secret.h"

#include <string.h>

#include "tests/support/check.h"

static void tokens_have_the_promised_form(void **state) {
  (void)state;
  struct token_text a = token_text_new(world_real()), b = token_text_new(world_real());
  assert_int_equal(strlen(a.text), 52);
  assert_memory_equal(a.text, "sr_", 3);
  assert_int_equal(strspn(a.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"), 52);
  assert_string_not_equal(a.text, b.text);
}

static void a_changed_or_cut_token_is_unsound(void **state) {
  (void)state;
  struct token_text t = token_text_new(world_real());
  assert_true(token_text_is_sound(str_of(t.text)));
  assert_false(token_text_is_sound((struct str){t.text, TOKEN_TEXT_LEN - 1}));
  assert_false(token_text_is_sound(STR("")));
  for (size_t i = 0; i < TOKEN_TEXT_LEN; i++) {
    struct token_text bad = t;
    bad.text[i] = bad.text[i] == 'A' ? 'B' : 'A';
    assert_false(token_text_is_sound(str_of(bad.text)));
  }
}

static void the_hash_is_sha256(void **state) {
  (void)state;
  static const unsigned char want[4] = {0xba, 0x78, 0x16, 0xbf}; /* FIPS 180-4, "abc" */
  struct secret_hash h = secret_hash(STR("abc")), other = secret_hash(STR("abd"));
  assert_memory_equal(h.bytes, want, 4);
  assert_true(secret_hash_eq(h.bytes, h.bytes));
  assert_false(secret_hash_eq(h.bytes, other.bytes));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tokens_have_the_promised_form),
      cmocka_unit_test(a_changed_or_cut_token_is_unsound),
      cmocka_unit_test(the_hash_is_sha256),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
