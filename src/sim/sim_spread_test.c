#include "sim/sim_spread.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/check.h"

static bool is_about(double got, double want) { return fabs(got - want) <= 0.012 * want; }

static void nothing_took_no_time(void **state) {
  (void)state;
  struct sim_spread s = {};
  assert_true(sim_spread_quantile(&s, 0.5) == 0);
}

static void quantiles_are_told_within_a_step(void **state) {
  (void)state;
  struct sim_spread s = {};
  for (int64_t us = 1; us <= 1000; us++) sim_spread_add(&s, us * 1000, 1);
  assert_true(is_about(sim_spread_quantile(&s, 0.5), 0.5));
  assert_true(is_about(sim_spread_quantile(&s, 0.95), 0.95));
  assert_true(is_about(sim_spread_quantile(&s, 1), 1));
  assert_true(is_about(sim_spread_quantile(&s, 0), 0.001));
}

/* One first message of 200 and 199 quick ones: the 95th of a hundred is a quick one. */
static void what_stands_for_many_counts_as_many(void **state) {
  (void)state;
  struct sim_spread s = {};
  sim_spread_add(&s, 9000000, 1);
  sim_spread_add(&s, 100000, 199);
  assert_true(is_about(sim_spread_quantile(&s, 0.95), 0.1));
  sim_spread_add(&s, 9000000, 20);
  assert_true(is_about(sim_spread_quantile(&s, 0.95), 9));
}

static void what_is_out_of_range_counts_at_its_end(void **state) {
  (void)state;
  struct sim_spread s = {};
  sim_spread_add(&s, 0, 1);
  sim_spread_add(&s, INT64_MAX, 1);
  assert_int_equal(s.total, 2);
  assert_int_equal(s.counts[0], 1);
  assert_int_equal(s.counts[SIM_SPREAD_STEPS - 1], 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_took_no_time),
      cmocka_unit_test(quantiles_are_told_within_a_step),
      cmocka_unit_test(what_stands_for_many_counts_as_many),
      cmocka_unit_test(what_is_out_of_range_counts_at_its_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
