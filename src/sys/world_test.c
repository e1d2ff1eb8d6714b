#include "sys/world.h"

#include <string.h>
#include <time.h>

#include "tests/support/check.h"

static void ticks_never_go_back(void **s) {
  (void)s;
  struct world *w = world_real();
  struct tick last = world_tick(w);
  for (int i = 0; i < 1000; i++) {
    struct tick now = world_tick(w);
    assert_true(now.ns >= last.ns);
    last = now;
  }
}

static void wall_time_is_the_system_clock(void **s) {
  (void)s;
  struct timespec t;
  int64_t ms = world_now_ms(world_real());
  assert_int_equal(clock_gettime(CLOCK_REALTIME, &t), 0);
  assert_in_range(t.tv_sec * 1000 + t.tv_nsec / 1000000 - ms, 0, 60000);
}

static void tick_difference_is_in_ms_and_signed(void **s) {
  (void)s;
  assert_int_equal(tick_diff_ms((struct tick){5000000}, (struct tick){2000000}), 3);
  assert_int_equal(tick_diff_ms((struct tick){2000000}, (struct tick){5000000}), -3);
}

static void random_fills_every_byte_beyond_one_call(void **s) {
  (void)s;
  unsigned char seen[1000] = {};
  for (int round = 0; round < 8; round++) { /* a byte stays 0 eight times with chance 2^-64 */
    unsigned char bytes[1000] = {};
    world_real()->random(world_real(), bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) seen[i] |= bytes[i];
  }
  assert_null(memchr(seen, 0, sizeof seen));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ticks_never_go_back),
      cmocka_unit_test(wall_time_is_the_system_clock),
      cmocka_unit_test(tick_difference_is_in_ms_and_signed),
      cmocka_unit_test(random_fills_every_byte_beyond_one_call),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
