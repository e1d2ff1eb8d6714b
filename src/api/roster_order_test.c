/* A window of the order is what sorting everything gives, however many there are. */
#include <stdlib.h>

#include "api/roster.h"
#include "base/map.h"
#include "tests/support/check.h"

#define MOST 700

static int64_t key_of(size_t i, size_t kinds) { return (int64_t)(hash_int(i * 31 + kinds) % kinds); }

static void fill(struct roster_pick *picks, size_t count, size_t kinds) {
  static const char *const texts[] = {"CLEANUP", "SYNC", NULL};
  for (size_t i = 0; i < count; i++)
    picks[i] = (struct roster_pick){
        .key = kinds > 3 ? key_of(i, kinds) : 0, .text = kinds > 3 ? NULL : texts[key_of(i, 3)], .index = i};
}

static bool is_before(const struct roster_pick *a, const struct roster_pick *b) {
  if (a->key != b->key) return a->key < b->key;
  if (!a->text != !b->text) return a->text;
  int order = a->text ? strcmp(a->text, b->text) : 0;
  return order ? order < 0 : a->index < b->index;
}

/* How many are before it. */
static size_t place_of(const struct roster_pick *all, size_t count, const struct roster_pick *one,
                       bool is_down) {
  size_t before = 0;
  for (size_t i = 0; i < count; i++)
    if (all[i].index != one->index) before += is_down ? is_before(one, &all[i]) : is_before(&all[i], one);
  return before;
}

static void a_window_of_the_order_is_what_sorting_all_gives(void **state) { /* U-13 */
  (void)state;
  static const struct {
    size_t count, kinds, first, end;
  } rows[] = {{0, 9, 0, 0},         {1, 9, 0, 1},
              {5, 9, 1, 4},         {33, 5, 0, 10},
              {200, 4, 90, 140},    {700, 3, 0, 60},
              {700, 3, 640, 700},   {700, 9, 300, 360},
              {700, 1000000, 0, 1}, {700, 1000000, 699, 700},
              {700, 50, 350, 350},  {700, 4, 0, 700}};
  static struct roster_pick all[MOST], picks[MOST];
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
    for (int is_down = 0; is_down < 2; is_down++) {
      fill(all, rows[r].count, rows[r].kinds);
      memcpy(picks, all, sizeof picks);
      roster_sort(picks, rows[r].count, rows[r].first, rows[r].end, is_down);
      for (size_t i = rows[r].first; i < rows[r].end; i++)
        assert_int_equal(place_of(all, rows[r].count, &picks[i], is_down), i);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_window_of_the_order_is_what_sorting_all_gives)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
