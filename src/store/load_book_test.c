/* Histograms, and what ends of runs leave in CronLoad (C-75, A-92). */
#include "store/load_book.h"

#include "tests/support/store_fixture.h"

static void slots_grow_with_what_they_hold(void **state) {
  (void)state;
  int before = -1;
  for (int64_t ms = 0; ms < 1LL << 32; ms += 1 + ms / 50) {
    int slot = histogram_slot(ms);
    assert_true(slot >= before && slot < LOAD_SLOTS);
    before = slot;
    int64_t middle = histogram_ms(slot), off = middle > ms ? middle - ms : ms - middle;
    if (slot < LOAD_SLOTS - 1) assert_true(off * 100 <= ms * 7);
  }
  assert_int_equal(histogram_slot(-5), 0);
}

static void a_histogram_comes_back_from_its_text(void **state) {
  (void)state;
  struct load_histogram h = {}, back = {};
  struct arena a = arena_new(100000);
  for (int i = 0; i < 1000; i++) histogram_add(&h, i * 37 % 900);
  histogram_add_text(&back, histogram_text(&h, &a));
  assert_memory_equal(&h, &back, sizeof h);
  histogram_add_text(&back, "9999:1,x,3,:,4:y");
  histogram_add_text(&back, NULL);
  assert_memory_equal(&h, &back, sizeof h);
  arena_free(&a);
}

static void percentiles_are_near(void **state) {
  (void)state;
  struct load_histogram h = {};
  assert_int_equal(histogram_percentile(&h, 50), FIELD_NULL);
  for (int i = 1; i <= 1000; i++) histogram_add(&h, i);
  int64_t p50 = histogram_percentile(&h, 50), p99 = histogram_percentile(&h, 99);
  assert_true(p50 > 470 && p50 < 530);
  assert_true(p99 > 930 && p99 < 1050);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slots_grow_with_what_they_hold),
      cmocka_unit_test(a_histogram_comes_back_from_its_text),
      cmocka_unit_test(percentiles_are_near),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
