/* A world's state as bytes, and writes applied to it in memory. */
#include "worlds/world_state.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/check.h"

static struct live_world sample(void) {
  static struct live_field core[] = {
      {{"b", 1}, {"2", 1}}, {{"a", 1}, {"\0x", 2}}, {{"sys.access", 10}, {"{}", 2}}};
  static struct live_field session[] = {{{"big", 3}, {"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 40}}};
  static struct live_entry events[] = {{.at_ms = 20, .bytes = {"2", 1}}, {.at_ms = -10, .bytes = {"1", 1}}};
  return (struct live_world){.id = STR("w"),
                             .core = core,
                             .core_count = 3,
                             .session = session,
                             .session_count = 1,
                             .events = events,
                             .event_count = 2,
                             .active_ms = INSTANT_NONE,
                             .dirty_ms = INSTANT_NONE};
}

static void what_is_written_is_read(void **state) {
  (void)state;
  static const struct {
    int line;
    int64_t zstd_above;
    const char *codec;
  } rows[] = {{__LINE__, INT64_MAX, "none"}, {__LINE__, 10, "zstd"}};
  for (size_t i = 0; i < 2; i++) {
    ARENA_AUTO struct arena arena = arena_new(10 << 20);
    struct live_world w = sample(), back = {};
    struct world_bytes b, again;
    CHECK_OK(world_state_encode(&w, rows[i].zstd_above, &arena, &b));
    CHECK_ROW(rows[i].line, strcmp(b.codec, rows[i].codec) == 0);
    CHECK_OK(world_state_decode(b.data, str_of(b.codec), b.raw_bytes, &arena, &back, NULL));
    assert_int_equal(back.core_count, 2); /* sys. stays behind */
    CHECK_STR(live_field_find(back.core, back.core_count, "a"), ((struct str){"\0x", 2}));
    assert_int_equal(back.events[0].at_ms, -10);
    CHECK_OK(world_state_encode(&back, INT64_MAX, &arena, &again));
    assert_string_equal(again.hash, b.hash);
  }
}

static void damage_is_noticed(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(10 << 20);
  struct live_world w = sample();
  struct world_bytes b;
  struct err_detail d;
  CHECK_OK(world_state_encode(&w, INT64_MAX, &arena, &b));
  for (size_t n = 0; n < b.data.len; n++) { /* every prefix is whole entries or refused */
    struct live_world back = {};
    enum err e = world_state_decode((struct str){b.data.ptr, n}, STR("none"), (int64_t)n, &arena, &back, &d);
    assert_true(e == ERR_OK || e == ERR_STORE_CORRUPT);
    if (n < 2) assert_int_equal(e, ERR_STORE_CORRUPT);
  }
  struct live_world back = {};
  assert_int_equal(world_state_decode(b.data, STR("lzma"), b.raw_bytes, &arena, &back, &d),
                   ERR_STORE_CORRUPT);
  assert_int_equal(world_state_decode(b.data, STR("zstd"), b.raw_bytes, &arena, &back, &d),
                   ERR_STORE_CORRUPT);
}

static void writes_in_memory_are_those_of_the_live_state(void **state) {
  (void)state;
  ARENA_AUTO struct arena arena = arena_new(10 << 20);
  struct live_world w = sample();
  struct live_entry said[] = {{.bytes = STR("x")}, {.bytes = STR("y")}};
  struct live_field set[] = {{STR("b"), STR("")}, {STR("c"), STR("3")}};
  struct live_append a = {.active_ms = 50,
                          .journal = said,
                          .journal_count = 2,
                          .core = set,
                          .core_count = 2,
                          .ticks = 4,
                          .messages = 2,
                          .tokens = 9};
  w.turn = 7;
  w.version = 3;
  CHECK_OK(world_state_apply(&w, &a, 60, &arena));
  assert_int_equal(a.first_turn, 8);
  assert_int_equal(w.turn, 9);
  assert_int_equal(w.journal[1].turn, 9);
  assert_int_equal(w.version, 4);
  assert_int_equal(w.ticks, 4);
  assert_int_equal(w.active_ms, 50);
  assert_null(live_field_find(w.core, w.core_count, "b").ptr);
  CHECK_STR(live_field_find(w.core, w.core_count, "c"), STR("3"));
  assert_int_equal(world_state_counter(&w, "stats.messages"), 2);
  a.active_ms = 40;
  CHECK_OK(world_state_apply(&w, &a, 61, &arena));
  assert_int_equal(w.active_ms, 50); /* never back */
  assert_int_equal(world_state_counter(&w, "stats.tokens"), 18);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read),
                                     cmocka_unit_test(damage_is_noticed),
                                     cmocka_unit_test(writes_in_memory_are_those_of_the_live_state)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
