#include "api/rate.h"

#include <stdio.h>

#include "tests/support/check.h"

static struct tick seconds(double s) { return (struct tick){(uint64_t)(s * 1e9) + 1}; }

static void a_bucket_lets_the_burst_pass_and_then_the_rate(void **state) {
  (void)state;
  struct rate_table *t;
  struct rate_rule rule = {2, 5};
  int64_t wait = 0;
  CHECK_OK(rate_new(&t));
  for (int i = 0; i < 5; i++) assert_true(rate_take(t, 7, &rule, 1, seconds(1), &wait));
  assert_false(rate_take(t, 7, &rule, 1, seconds(1), &wait));
  assert_in_range(wait, 500, 502);
  assert_true(rate_take(t, 8, &rule, 1, seconds(1), &wait));
  assert_true(rate_take(t, 7, &rule, 1, seconds(1.6), &wait));
  assert_false(rate_take(t, 7, &rule, 1, seconds(1.6), &wait));
  for (int i = 0; i < 5; i++) assert_true(rate_take(t, 7, &rule, 1, seconds(100), &wait));
  assert_false(rate_take(t, 7, &rule, 1, seconds(100), &wait));
  rate_free(t);
}

static void a_flood_of_keys_stays_in_the_table(void **state) {
  (void)state;
  struct rate_table *t;
  struct rate_rule rule = {1, 1};
  int64_t wait;
  CHECK_OK(rate_new(&t));
  for (uint64_t key = 1; key < 100000; key++) assert_true(rate_take(t, key, &rule, 1, seconds(1), &wait));
  rate_free(t);
}

static void addresses_of_one_v6_network_share_a_bucket(void **state) {
  (void)state;
  assert_true(rate_address_key(STR("2001:db8::1")) == rate_address_key(STR("2001:db8::ffff")));
  assert_true(rate_address_key(STR("2001:db8::1")) != rate_address_key(STR("2001:db8:0:1::1")));
  assert_true(rate_address_key(STR("10.0.0.1")) != rate_address_key(STR("10.0.0.2")));
}

static void failed_logins_wait_longer_each_time(void **state) {
  (void)state;
  struct throttle *t;
  CHECK_OK(throttle_new(&t));
  struct str ana = STR("ana"), here = STR("10.0.0.1");
  for (int i = 0; i < 4; i++) throttle_failed(t, ana, here, seconds(1));
  assert_int_equal(throttle_wait_ms(t, ana, here, seconds(1)), 0);
  throttle_failed(t, ana, here, seconds(1));
  assert_int_equal(throttle_wait_ms(t, ana, here, seconds(1)), 1000);
  throttle_failed(t, ana, here, seconds(1));
  assert_int_equal(throttle_wait_ms(t, ana, here, seconds(1)), 2000);
  assert_int_equal(throttle_wait_ms(t, ana, here, seconds(3.5)), 0);
  for (int i = 0; i < 30; i++) throttle_failed(t, ana, here, seconds(1));
  assert_int_equal(throttle_wait_ms(t, ana, here, seconds(1)), 300000);
  throttle_succeeded(t, ana, here, seconds(1));
  throttle_failed(t, ana, here, seconds(2000));
  assert_int_equal(throttle_wait_ms(t, ana, here, seconds(2000)), 0);
  throttle_free(t);
}

static void strangers_cannot_lock_out_a_known_address(void **state) {
  (void)state;
  struct throttle *t;
  CHECK_OK(throttle_new(&t));
  struct str ana = STR("ana"), home = STR("10.0.0.1");
  throttle_succeeded(t, ana, home, seconds(1));
  for (int i = 0; i < 200; i++) {
    char other[20];
    (void)snprintf(other, sizeof other, "10.9.0.%d", i);
    throttle_failed(t, ana, str_of(other), seconds(2));
  }
  assert_int_equal(throttle_wait_ms(t, ana, home, seconds(2)), 0);
  assert_true(throttle_wait_ms(t, ana, STR("10.8.0.1"), seconds(2)) > 0);
  assert_int_equal(throttle_wait_ms(t, STR("bob"), STR("10.8.0.1"), seconds(2)), 0);
  throttle_free(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_bucket_lets_the_burst_pass_and_then_the_rate),
      cmocka_unit_test(a_flood_of_keys_stays_in_the_table),
      cmocka_unit_test(addresses_of_one_v6_network_share_a_bucket),
      cmocka_unit_test(failed_logins_wait_longer_each_time),
      cmocka_unit_test(strangers_cannot_lock_out_a_known_address),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
