#include "time/backoff.h"

#include "tests/support/check.h"

struct row {
  int line;
  struct backoff backoff;
  int64_t retry;
  uint64_t random;
  int64_t want_ms;
};

#define L BACKOFF_LINEAR
#define E BACKOFF_EXPONENTIAL

/* C-115: 60, 120, 180 and 60, 120, 240. */
static const struct row rows[] = {
    {__LINE__, {L, 60000, 0, 0}, 1, 7, 60000},
    {__LINE__, {L, 60000, 0, 0}, 2, 7, 120000},
    {__LINE__, {L, 60000, 0, 0}, 3, 7, 180000},
    {__LINE__, {E, 60000, 0, 0}, 1, 7, 60000},
    {__LINE__, {E, 60000, 0, 0}, 2, 7, 120000},
    {__LINE__, {E, 60000, 0, 0}, 3, 7, 240000},
    {__LINE__, {E, 60000, 200000, 0}, 3, 7, 200000},
    {__LINE__, {L, 60000, 100000, 0}, 2, 7, 100000},
    {__LINE__, {E, 1, 0, 0}, 64, 0, BACKOFF_CAP_MS},
    {__LINE__, {E, 1, 0, 0}, INT64_MAX, 0, BACKOFF_CAP_MS},
    {__LINE__, {L, INT64_MAX, INT64_MAX, 0}, INT64_MAX, 0, INT64_MAX},
    {__LINE__, {E, 0, 0, 0}, 100, 0, 0},
    {__LINE__, {L, -5, 0, 0}, 3, 0, 0},
    {__LINE__, {L, 1000, 0, 50}, 1, 500, 500},
    {__LINE__, {L, 1000, 0, 50}, 1, 501, 1000},
    {__LINE__, {L, 1000, 0, 100}, 1, 1000, 0},
    {__LINE__, {L, 1000, 0, 200}, 1, 1000, 0},
};

static void delays_are_as_stated(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_ROW(rows[i].line,
              backoff_delay_ms(&rows[i].backoff, rows[i].retry, rows[i].random) == rows[i].want_ms);
}

static void jitter_stays_within_its_part(void **state) {
  (void)state;
  struct backoff b = {L, 60000, 0, 20};
  for (uint64_t random = 0; random < 100000; random += 37) {
    int64_t delay = backoff_delay_ms(&b, 1, random * 0x9e3779b97f4a7c15u);
    assert_in_range(delay, 48000, 60000);
  }
}

static void names_are_read_back(void **state) {
  (void)state;
  for (enum backoff_strategy s = 0; s < BACKOFF_COUNT; s++) {
    enum backoff_strategy got;
    assert_true(backoff_from_name(str_of(backoff_name(s)), &got));
    assert_int_equal(got, s);
  }
  enum backoff_strategy unused;
  assert_false(backoff_from_name(STR("Linear"), &unused));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(delays_are_as_stated),
      cmocka_unit_test(jitter_stays_within_its_part),
      cmocka_unit_test(names_are_read_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
